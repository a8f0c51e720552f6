/**
 * A directory of files in memory that fails as real ones were seen to, on request: operations fail, the disk fills up,
 * the process is killed in the middle of a write, power is lost, bits flip.
 *
 * After power loss bytes not flushed are gone in one way or another (`flushable-bytes.ts`). So are, flushed or not, files
 * whose names are younger than `nameDurableAfterMs`, while files removed as recently may be back: browsers sync a file
 * but not the table of its name. A killed process loses nothing that was written.
 */
import type { Clock } from '../core/clock';
import type { FileDirectory, RandomAccessFile } from '../core/storage/random-access-file';
import { settle } from './fake-clock';
import { type Fault, FaultPlan, type IoOperation } from './fault-plan';
import { FlushableBytes, UNFLUSHED_FATES, type UnflushedFate } from './flushable-bytes';

/** What a directory is made with. */
export interface FaultDirectoryOptions {
  /** Tells the ages of names. */
  readonly clock: Clock;
  /** Decides what errors look like. Default `opfs`. */
  readonly kind?: FileDirectory['kind'];
  readonly nameDurableAfterMs?: number;
  /** All files together may have this length. */
  readonly maxBytes?: number;
  /** What a write beyond `maxBytes` does: throws (Chromium's quota), takes nothing (Firefox's), takes what fits. */
  readonly overflow?: 'throw' | 'zero' | 'short';
  /** How many turns of the event loop opening or removing a file takes. Default none. */
  readonly openTurns?: () => number;
}

/** What power loss does; whatever is not said is drawn anew for each file. */
export interface PowerLoss {
  readonly unflushed?: UnflushedFate;
  /** Whether files with young names are gone, and removals as young undone. */
  readonly areYoungNamesLost?: boolean;
}

interface StoredFile {
  readonly bytes: FlushableBytes;
  readonly createdAtMs: number;
}

interface RemovedFile extends StoredFile {
  readonly name: string;
  readonly removedAtMs: number;
}

/** Files by name. */
export class FaultDirectory implements FileDirectory {
  readonly kind: FileDirectory['kind'];
  readonly nameDurableAfterMs: number;
  readonly faults = new FaultPlan();
  /** How often each operation was begun. */
  readonly operations: Record<IoOperation, number> = {
    list: 0,
    open: 0,
    remove: 0,
    read: 0,
    write: 0,
    overwrite: 0,
    truncate: 0,
    flush: 0,
    size: 0,
  };
  maxBytes: number;
  /** All that writes took. */
  bytesWritten = 0;
  readonly #options: FaultDirectoryOptions;
  readonly #fileByName = new Map<string, StoredFile>();
  readonly #removed: RemovedFile[] = [];
  readonly #openNames = new Set<string>();
  /** Raised by each kill. */
  #process = 0;
  #kill: { inWrites: number; readonly keptBytes: (writtenBytes: number) => number } | undefined;

  constructor(options: FaultDirectoryOptions) {
    this.#options = options;
    this.kind = options.kind ?? 'opfs';
    this.nameDurableAfterMs = options.nameDurableAfterMs ?? 60_000;
    this.maxBytes = options.maxBytes ?? Number.POSITIVE_INFINITY;
  }

  list(): Promise<readonly string[]> {
    return this.mount().list();
  }

  open(name: string): Promise<RandomAccessFile> {
    return this.mount().open(name);
  }

  remove(name: string): Promise<void> {
    return this.mount().remove(name);
  }

  /** The directory as the process sees it that runs now: once that is killed, whatever is left of it can do nothing. */
  mount(): FileDirectory {
    const process = this.#process;
    return {
      kind: this.kind,
      nameDurableAfterMs: this.nameDurableAfterMs,
      list: async () => {
        this.#begin('list', '', process);
        return this.names;
      },
      open: async (name) => {
        await this.#wait();
        this.#begin('open', name, process);
        return this.#open(name, process);
      },
      remove: async (name) => {
        await this.#wait();
        this.#begin('remove', name, process);
        this.#remove(name);
      },
    };
  }

  /** Names of all files, in order; counts as no operation. */
  get names(): readonly string[] {
    return [...this.#fileByName.keys()].sort();
  }

  /** How many operations were begun, sizes asked for excepted. */
  get operationCount(): number {
    return Object.values(this.operations).reduce((count, each) => count + each, -this.operations.size);
  }

  /** Length of all files together. */
  get byteLength(): number {
    let byteLength = 0;
    for (const { bytes } of this.#fileByName.values()) byteLength += bytes.byteLength;
    return byteLength;
  }

  /** Names that power loss may still take. */
  get youngNames(): readonly string[] {
    return this.names.filter((name) => this.#isYoung(this.#createdAtMs(name)));
  }

  /** A file's bytes, which the caller owns; none if it is not there. */
  bytesOf(name: string): Uint8Array<ArrayBuffer> {
    return this.#fileByName.get(name)?.bytes.toBytes() ?? new Uint8Array(0);
  }

  /** Replaces a file, or creates one: somebody else did that while the store was closed. */
  setBytes(name: string, bytes: Uint8Array): void {
    const flushed = new FlushableBytes();
    flushed.write(bytes, 0);
    flushed.flush();
    this.#fileByName.set(name, { bytes: flushed, createdAtMs: this.#createdAtMs(name) });
  }

  /** Removes a file for good. */
  forget(name: string): void {
    this.#fileByName.delete(name);
  }

  /** Damages one bit of a file, as an aging disk does. */
  flipBit(name: string, offsetBytes: number, bit: number): void {
    const bytes = this.bytesOf(name);
    bytes[offsetBytes] = (bytes[offsetBytes] ?? 0) ^ (1 << bit);
    this.setBytes(name, bytes);
  }

  /** Another directory with the same files, as safe as these, but none of them open and no faults planned. */
  copy(clock = this.#options.clock): FaultDirectory {
    const copy = new FaultDirectory({ ...this.#options, clock });
    for (const [name, { bytes, createdAtMs }] of this.#fileByName) {
      copy.#fileByName.set(name, { bytes: bytes.copy(), createdAtMs });
    }
    copy.#removed.push(...this.#removed);
    return copy;
  }

  /** The process dies: its files are let go of as they are, and its handles are dead. */
  kill(): void {
    this.#process++;
    this.#openNames.clear();
    this.#kill = undefined;
  }

  /** Kills the process in its n-th write from now, of which the disk keeps a part of so many bytes. */
  killInWrite(n: number, keptBytes: (writtenBytes: number) => number): void {
    this.#kill = { inWrites: n, keptBytes };
  }

  /** How often a process was killed. */
  get kills(): number {
    return this.#process;
  }

  /** The machine loses power. */
  losePower(random: () => number, { unflushed, areYoungNamesLost }: PowerLoss = {}): void {
    this.kill();
    const isLost = () => areYoungNamesLost ?? random() < 0.7;
    for (const [name, { bytes, createdAtMs }] of [...this.#fileByName]) {
      const fate = unflushed ?? UNFLUSHED_FATES[Math.floor(random() * UNFLUSHED_FATES.length)] ?? 'lost';
      if (this.#isYoung(createdAtMs) && isLost()) this.#fileByName.delete(name);
      // A name that made it to the disk once stays.
      else this.#fileByName.set(name, { bytes: bytes.afterPowerLoss(fate, random), createdAtMs });
    }
    for (const { name, bytes, createdAtMs, removedAtMs } of this.#removed.splice(0)) {
      if (this.#fileByName.has(name) || !this.#isYoung(removedAtMs) || !isLost()) continue;
      this.#fileByName.set(name, { bytes: bytes.afterPowerLoss('lost', random), createdAtMs });
    }
  }

  async #wait(): Promise<void> {
    for (let turns = this.#options.openTurns?.() ?? 0; turns > 0; turns--) await settle();
  }

  #open(name: string, process: number): RandomAccessFile {
    if (this.#openNames.has(name)) throw this.#error('busy', `${name} is open already`);
    const file = this.#fileByName.get(name) ?? {
      bytes: new FlushableBytes(),
      createdAtMs: this.#options.clock.nowMs(),
    };
    this.#fileByName.set(name, file);
    this.#openNames.add(name);
    return this.#handle(name, file.bytes, process);
  }

  #remove(name: string): void {
    if (this.#openNames.has(name)) throw this.#error('busy', `${name} is open`);
    const file = this.#fileByName.get(name);
    this.#fileByName.delete(name);
    const nowMs = this.#options.clock.nowMs();
    while (this.#removed[0] !== undefined && !this.#isYoung(this.#removed[0].removedAtMs)) this.#removed.shift();
    if (file !== undefined && !this.#isYoung(file.createdAtMs)) {
      this.#removed.push({ ...file, name, removedAtMs: nowMs });
    }
  }

  #handle(name: string, bytes: FlushableBytes, process: number): RandomAccessFile {
    let isOpen = true;
    const begin = (operation: IoOperation): Fault | undefined => {
      if (!isOpen) throw this.#error('closed', `${name} was closed`);
      return this.#begin(operation, name, process);
    };
    return {
      read: (target, offsetBytes) => {
        begin('read');
        return bytes.read(target, offsetBytes);
      },
      write: (source, offsetBytes) => {
        const fault = begin(offsetBytes + source.byteLength > bytes.byteLength ? 'write' : 'overwrite');
        const taken = source.subarray(0, this.#takenBytes(bytes, source.byteLength, offsetBytes, fault));
        if (taken.byteLength > 0) bytes.write(taken, offsetBytes);
        this.bytesWritten += taken.byteLength;
        if (process !== this.#process) throw this.#error('closed', 'The process was killed');
        return taken.byteLength;
      },
      truncate: (byteLength) => {
        begin('truncate');
        const grownBytes = byteLength - bytes.byteLength;
        if (grownBytes > 0 && grownBytes > this.maxBytes - this.byteLength) throw this.#error('ENOSPC', 'No room');
        bytes.resize(byteLength);
      },
      flush: () => {
        try {
          begin('flush');
        } catch (error) {
          // One that came from a process killed before never reached the disk.
          if (process === this.#process) bytes.failFlush();
          throw error;
        }
        bytes.flush();
      },
      size: () => {
        begin('size');
        return bytes.byteLength;
      },
      close: () => {
        if (isOpen && process === this.#process) this.#openNames.delete(name);
        isOpen = false;
      },
    };
  }

  /** How many of the bytes a write takes; kills the process if that was planned. */
  #takenBytes(bytes: FlushableBytes, byteLength: number, offsetBytes: number, fault: Fault | undefined): number {
    if (this.#kill !== undefined && --this.#kill.inWrites === 0) {
      const keptBytes = this.#kill.keptBytes(byteLength);
      this.kill();
      return keptBytes;
    }
    if (fault === 'zero') return 0;
    if (fault === 'short') return byteLength >> 1;
    const room = bytes.byteLength + Math.max(0, this.maxBytes - this.byteLength) - offsetBytes;
    if (byteLength <= room) return byteLength;
    if (this.#options.overflow === 'zero') return 0;
    if (this.#options.overflow === 'short') return Math.max(0, room);
    throw this.#error('ENOSPC', 'No room');
  }

  /** Counts an operation, and throws if it is to fail; a fault that does not throw is returned. */
  #begin(operation: IoOperation, name: string, process: number): Fault | undefined {
    if (process !== this.#process) throw this.#error('closed', 'The process was killed');
    this.operations[operation]++;
    const fault = this.faults.strike(operation, name);
    if (fault === 'ENOSPC' || fault === 'EIO') throw this.#error(fault, `The test made ${operation} ${name} fail`);
    return fault;
  }

  #createdAtMs(name: string): number {
    return this.#fileByName.get(name)?.createdAtMs ?? this.#options.clock.nowMs();
  }

  #isYoung(sinceMs: number): boolean {
    return this.#options.clock.nowMs() - sinceMs < this.nameDurableAfterMs;
  }

  /** What the platform throws. */
  #error(problem: keyof typeof ERROR_NAMES, message: string): Error {
    const { opfs, file } = ERROR_NAMES[problem];
    return this.kind === 'opfs' ? new DOMException(message, opfs) : Object.assign(new Error(message), { code: file });
  }
}

/** The name of a browser's error and the code of Node's. */
const ERROR_NAMES = {
  ENOSPC: { opfs: 'QuotaExceededError', file: 'ENOSPC' },
  EIO: { opfs: 'InvalidStateError', file: 'EIO' },
  closed: { opfs: 'InvalidStateError', file: 'EBADF' },
  busy: { opfs: 'NoModificationAllowedError', file: 'EBUSY' },
} as const;
