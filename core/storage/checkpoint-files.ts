/**
 * Two files that hold checkpoints in turn: while one is written the other is whole, so a writer may die at any moment.
 */
import { flushFile, readWhole, truncateFile, writeWhole } from './checked-io';
import { CHECKPOINT_HEADER_BYTES, type Checkpoint, checkpointBytes, decodeCheckpoint } from './checkpoint';
import { segmentFileName } from './log';
import type { FileDirectory, RandomAccessFile } from './random-access-file';
import type { Seal } from './record';

const NAMES = ['a.checkpoint', 'b.checkpoint'] as const;

/** What was found on disk. */
export interface FoundCheckpoint {
  /** The latest intact one. */
  readonly checkpoint: Checkpoint | undefined;
  /** Both are intact. Otherwise a later one may be lost, and files may hold other segments than the checkpoint says. */
  readonly isLatest: boolean;
}

/** The two files, open. */
export class CheckpointFiles {
  readonly #directory: FileDirectory;
  readonly #seal: Seal;
  readonly #fileByName = new Map<string, RandomAccessFile>();
  readonly #bytesByName = new Map<string, number>();
  /** Which one is written next. */
  #turn = 0;
  #bytesWritten = 0;

  constructor(directory: FileDirectory, seal: Seal) {
    this.#directory = directory;
    this.#seal = seal;
  }

  /** Bytes of both. */
  get bytesOnDisk(): number {
    let bytes = 0;
    for (const byteLength of this.#bytesByName.values()) bytes += byteLength;
    return bytes;
  }

  /** Bytes written since the files were opened. */
  get bytesWritten(): number {
    return this.#bytesWritten;
  }

  /**
   * Opens both files, creating what is missing, and returns the latest intact checkpoint.
   * @throws AudioCacheError `STORE_UNAVAILABLE`: a newer version of the library wrote one; whatever the platform says
   */
  async open(): Promise<FoundCheckpoint> {
    const found: { readonly checkpoint: Checkpoint; readonly turn: number }[] = [];
    const opened = await Promise.allSettled(NAMES.map((name) => this.#directory.open(name)));
    for (const [turn, name] of NAMES.entries()) {
      const each = opened[turn];
      if (each?.status === 'fulfilled') this.#fileByName.set(name, each.value);
    }
    const failed = opened.find((each) => each.status === 'rejected');
    // What could be opened is let go of by `close`.
    if (failed !== undefined) throw failed.reason;
    for (const [turn, name] of NAMES.entries()) {
      const file = this.#fileByName.get(name);
      if (file === undefined) continue;
      this.#bytesByName.set(name, file.size());
      const checkpoint = this.#read(file);
      if (checkpoint !== undefined) found.push({ checkpoint, turn });
    }
    found.sort((a, b) => b.checkpoint.generation - a.checkpoint.generation);
    const [latest] = found;
    this.#turn = latest === undefined ? 0 : 1 - latest.turn;
    return { checkpoint: latest?.checkpoint, isLatest: found.length === NAMES.length };
  }

  /**
   * Writes a checkpoint and brings it to safety. Killed or failed before the end: the other one counts.
   * @throws AudioCacheError as `writeWhole` and `flushFile`
   */
  write(bytes: Uint8Array): void {
    this.#write(bytes);
    // The first one is written twice: an empty file is then always one that was lost.
    if (this.#bytesByName.get(NAMES[this.#turn] ?? NAMES[0]) === 0) this.#write(bytes);
  }

  /** Lets go of the files. */
  close(): void {
    for (const file of this.#fileByName.values()) file.close();
    this.#fileByName.clear();
  }

  #write(bytes: Uint8Array): void {
    const name = NAMES[this.#turn] ?? NAMES[0];
    const file = this.#fileByName.get(name);
    if (file === undefined) throw new TypeError('The checkpoints are not open');
    writeWhole(file, bytes, 0);
    truncateFile(file, bytes.byteLength);
    flushFile(file);
    this.#bytesByName.set(name, bytes.byteLength);
    this.#bytesWritten += bytes.byteLength;
    this.#turn = 1 - this.#turn;
  }

  #read(file: RandomAccessFile): Checkpoint | undefined {
    const header = new Uint8Array(CHECKPOINT_HEADER_BYTES);
    if (!readWhole(file, header, 0)) return undefined;
    const byteLength = checkpointBytes(header);
    if (byteLength === 0 || byteLength > file.size()) return undefined;
    const bytes = new Uint8Array(byteLength);
    return readWhole(file, bytes, 0) ? decodeCheckpoint(this.#seal, bytes, segmentFileName) : undefined;
  }
}
