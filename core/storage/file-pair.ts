/**
 * Two files that are written in turn: while one is written the other is whole, so a writer may die at any moment.
 */
import { flushFile, truncateFile, writeWhole } from './checked-io';
import type { FileDirectory, RandomAccessFile } from './random-access-file';

/** What one of the files holds. */
export interface Generation {
  /** The higher of two counts. */
  readonly generation: number;
}

/** What was found on disk. */
export interface FoundGenerations<Content extends Generation> {
  /** The latest intact one. */
  readonly latest: Content | undefined;
  /** Both are intact. Otherwise a later one may be lost. */
  readonly areBoth: boolean;
}

/** The two files, once they are open. */
export class FilePair<Content extends Generation> {
  readonly #directory: FileDirectory;
  readonly #names: readonly [string, string];
  readonly #read: (file: RandomAccessFile) => Content | undefined;
  readonly #fileByName = new Map<string, RandomAccessFile>();
  readonly #bytesByName = new Map<string, number>();
  /** Which one is written next. */
  #turn: 0 | 1 = 0;
  /** Whether the one written last survives power loss. */
  #isLastSafe = true;
  /** Whether the one that is written next was written and could not be brought to safety. */
  #hasFlushFailed = false;
  #isClosed = false;

  /** `read` returns what an open file holds, undefined when that is nothing or damaged, and throws when it is refused. */
  constructor(
    directory: FileDirectory,
    names: readonly [string, string],
    read: (file: RandomAccessFile) => Content | undefined,
  ) {
    this.#directory = directory;
    this.#names = names;
    this.#read = read;
  }

  /** Bytes of both; 0 before they were opened. */
  get bytesOnDisk(): number {
    let bytes = 0;
    for (const byteLength of this.#bytesByName.values()) bytes += byteLength;
    return bytes;
  }

  /** Whether the file that is written next was never written. */
  get isNextEmpty(): boolean {
    return this.#bytesByName.get(this.#names[this.#turn]) === 0;
  }

  /**
   * Opens both files, creating what is missing, and returns what they hold.
   * @throws whatever `read` and the platform throw; neither is open then
   */
  async open(): Promise<FoundGenerations<Content>> {
    const opened = await Promise.allSettled(this.#names.map((name) => this.#directory.open(name)));
    for (const [turn, name] of this.#names.entries()) {
      const each = opened[turn];
      if (each?.status === 'fulfilled') this.#fileByName.set(name, each.value);
    }
    try {
      const failed = opened.find((each) => each.status === 'rejected');
      if (failed !== undefined) throw failed.reason;
      return this.#readBoth();
    } catch (error) {
      this.#letGo();
      throw error;
    } finally {
      if (this.#isClosed) this.#letGo();
    }
  }

  /**
   * Writes the next one, safe from a killed process, and from power loss after `flush`. Killed, failed or without power
   * before that: the other one counts.
   * @throws AudioCacheError as `writeWhole` and `flushFile`; the same file is the next one again then
   */
  write(bytes: Uint8Array): void {
    const name = this.#names[this.#turn];
    const file = this.#fileByName.get(name);
    if (file === undefined) throw new TypeError(`${name} is not open`);
    // Power loss must not find both half-written.
    this.flush();
    // After a failed flush, what is written over other bytes may never reach the disk.
    if (this.#hasFlushFailed) truncateFile(file, 0);
    this.#hasFlushFailed = false;
    writeWhole(file, bytes, 0);
    truncateFile(file, bytes.byteLength);
    this.#bytesByName.set(name, bytes.byteLength);
    this.#isLastSafe = false;
    this.#takeTurns();
  }

  /**
   * Brings the one written last to safety.
   * @throws AudioCacheError as `flushFile`: nobody knows what that file holds on the disk, so it is the next one again
   */
  flush(): void {
    if (this.#isLastSafe) return;
    const file = this.#fileByName.get(this.#names[this.#turn === 0 ? 1 : 0]);
    if (file === undefined) return;
    this.#isLastSafe = true;
    try {
      flushFile(file);
    } catch (error) {
      this.#hasFlushFailed = true;
      this.#takeTurns();
      throw error;
    }
  }

  /** Lets go of the files, also of those that are still being opened. */
  close(): void {
    this.#isClosed = true;
    this.#letGo();
  }

  #readBoth(): FoundGenerations<Content> {
    let latest: { readonly content: Content; readonly turn: number } | undefined;
    let intact = 0;
    for (const [turn, name] of this.#names.entries()) {
      const file = this.#fileByName.get(name);
      if (file === undefined) continue;
      this.#bytesByName.set(name, file.size());
      const content = this.#read(file);
      if (content === undefined) continue;
      intact++;
      if (latest === undefined || content.generation > latest.content.generation) latest = { content, turn };
    }
    this.#turn = latest?.turn === 0 ? 1 : 0;
    // A killed process may have left it to the system to write.
    this.#isLastSafe = latest === undefined;
    return { latest: latest?.content, areBoth: intact === this.#names.length };
  }

  #letGo(): void {
    for (const file of this.#fileByName.values()) file.close();
    this.#fileByName.clear();
  }

  #takeTurns(): void {
    this.#turn = this.#turn === 0 ? 1 : 0;
  }
}
