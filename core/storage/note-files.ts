/**
 * The note of a store, in two files that hold it in turn.
 *
 *      0   8  checksum    XXH64, big-endian, of all that follows
 *      8   4  magic       "RPRn"
 *     12   4  version     of the format, as in records
 *     16   4  generation  the higher of two intact notes counts
 *     20   4  byteLength  of the note
 *     24   8  zeros
 *     32      the note
 *
 * Numbers are little-endian. Checksum, magic, version and length stay where they are in all versions. Opened on first
 * use: opening a store waits for no file that it may not need.
 */
import { AudioCacheError } from '../protocol/audio-cache-error';
import { readWhole, toStoreError } from './checked-io';
import { assertKnownVersion } from './file-header';
import { FilePair, type Generation } from './file-pair';
import type { FileDirectory, RandomAccessFile } from './random-access-file';
import { CHECKSUM_BYTES, FORMAT_VERSION, isHeadIntact, type Seal } from './record';

const NAMES = ['a.note', 'b.note'] as const;

const MAGIC = 0x6e_52_50_52;
const MAGIC_AT = CHECKSUM_BYTES;
const NOTE_VERSION_AT = 12;
const GENERATION_AT = 16;
const BYTE_LENGTH_AT = 20;
const NOTE_HEADER_BYTES = 32;

interface Note extends Generation {
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** The two files. */
export class NoteFiles {
  readonly #seal: Seal;
  readonly #files: FilePair<Note>;
  #opening: Promise<void> | undefined;
  #latest: Note | undefined;
  /** Whether the latest one survives power loss. */
  #isSafe = true;
  #isClosed = false;

  constructor(directory: FileDirectory, seal: Seal) {
    this.#seal = seal;
    this.#files = new FilePair(directory, NAMES, (file) => this.#read(file));
  }

  /** Bytes of both; 0 before the first use. */
  get bytesOnDisk(): number {
    return this.#files.bytesOnDisk;
  }

  /**
   * Returns the latest intact note. The caller owns the bytes.
   * @throws AudioCacheError `STORE_UNAVAILABLE`: also when a newer version of the library wrote it
   */
  async read(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    await this.#open();
    return this.#latest?.bytes.slice();
  }

  /**
   * Replaces the note; of several calls the last one holds. Killed or failed before the end: the former one is there.
   * @throws AudioCacheError `QUOTA_EXCEEDED`, `STORE_UNAVAILABLE`
   */
  async write(bytes: Uint8Array, durability: 'relaxed' | 'durable'): Promise<void> {
    // The caller has its bytes back before the files are open.
    const kept = bytes.slice();
    await this.#open();
    this.#write(kept);
    if (durability === 'durable') this.flush();
  }

  /**
   * Brings the note to safety.
   * @throws AudioCacheError `STORE_UNAVAILABLE`, `QUOTA_EXCEEDED`
   */
  flush(): void {
    if (this.#isSafe || this.#latest === undefined) return;
    try {
      this.#files.flush();
    } catch {
      // Flushing again would prove nothing; what is written again can be flushed.
      this.#write(this.#latest.bytes);
      this.#files.flush();
    }
    this.#isSafe = true;
  }

  /** Lets go of the files. */
  close(): void {
    this.#isClosed = true;
    this.#files.close();
  }

  async #open(): Promise<void> {
    this.#opening ??= this.#files.open().then(
      ({ latest }) => {
        this.#latest = latest;
        // A killed process may not have come to it.
        this.#isSafe = latest === undefined;
      },
      (error: unknown) => {
        // The next call tries again.
        this.#opening = undefined;
        throw toStoreError(error, 'open');
      },
    );
    await this.#opening;
    if (this.#isClosed) throw new AudioCacheError('CLOSED', 'The store was closed.');
  }

  #write(bytes: Uint8Array<ArrayBuffer>): void {
    const generation = (this.#latest?.generation ?? 0) + 1;
    this.#isSafe = false;
    this.#files.write(encodeNote(this.#seal, generation, bytes));
    this.#latest = { generation, bytes };
  }

  #read(file: RandomAccessFile): Note | undefined {
    const bytes = new Uint8Array(file.size());
    return readWhole(file, bytes, 0) ? decodeNote(this.#seal, bytes) : undefined;
  }
}

function encodeNote(seal: Seal, generation: number, note: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(NOTE_HEADER_BYTES + note.byteLength);
  const view = new DataView(bytes.buffer);
  view.setUint32(MAGIC_AT, MAGIC, true);
  view.setUint32(NOTE_VERSION_AT, FORMAT_VERSION, true);
  view.setUint32(GENERATION_AT, generation, true);
  view.setUint32(BYTE_LENGTH_AT, note.byteLength, true);
  bytes.set(note, NOTE_HEADER_BYTES);
  bytes.set(seal(bytes.subarray(CHECKSUM_BYTES)));
  return bytes;
}

/** Undefined when it is damaged. @throws AudioCacheError as `assertKnownVersion` */
function decodeNote(seal: Seal, bytes: Uint8Array<ArrayBuffer>): Note | undefined {
  if (bytes.byteLength < NOTE_HEADER_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const endBytes = NOTE_HEADER_BYTES + view.getUint32(BYTE_LENGTH_AT, true);
  if (view.getUint32(MAGIC_AT, true) !== MAGIC || endBytes > bytes.byteLength) return undefined;
  // A killed writer may have left the end of a longer one behind it.
  if (!isHeadIntact(seal, bytes.subarray(0, endBytes))) return undefined;
  assertKnownVersion(view.getUint32(NOTE_VERSION_AT, true));
  return { generation: view.getUint32(GENERATION_AT, true), bytes: bytes.slice(NOTE_HEADER_BYTES, endBytes) };
}
