/**
 * The two files that hold checkpoints in turn.
 */
import { readWhole } from './checked-io';
import { CHECKPOINT_HEADER_BYTES, type Checkpoint, checkpointBytes, decodeCheckpoint } from './checkpoint';
import { FilePair } from './file-pair';
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
  readonly #seal: Seal;
  readonly #files: FilePair<Checkpoint>;
  #bytesWritten = 0;

  constructor(directory: FileDirectory, seal: Seal) {
    this.#seal = seal;
    this.#files = new FilePair(directory, NAMES, (file) => this.#read(file));
  }

  /** Bytes of both. */
  get bytesOnDisk(): number {
    return this.#files.bytesOnDisk;
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
    const { latest, areBoth } = await this.#files.open();
    return { checkpoint: latest, isLatest: areBoth };
  }

  /**
   * Writes a checkpoint and brings it to safety. Killed or failed before the end: the other one counts.
   * @throws AudioCacheError as `writeWhole` and `flushFile`
   */
  write(bytes: Uint8Array): void {
    this.#write(bytes);
    // The first one is written twice: an empty file is then always one that was lost.
    if (this.#files.isNextEmpty) this.#write(bytes);
  }

  /** Lets go of the files. */
  close(): void {
    this.#files.close();
  }

  #write(bytes: Uint8Array): void {
    this.#files.write(bytes);
    this.#files.flush();
    this.#bytesWritten += bytes.byteLength;
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
