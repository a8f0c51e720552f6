/**
 * One file of the log: records behind a header, written at its end only. A segment is opened on first use; what is
 * known of it until then (its salt, its length, how much of it lives) comes from the checkpoint.
 */
import { AudioCacheError } from '../protocol/audio-cache-error';
import { flushFile, toStoreError, truncateFile, writeWhole } from './checked-io';
import { encodeFileHeader, FILE_HEADER_BYTES, type FileHeader } from './file-header';
import type { FileDirectory, RandomAccessFile } from './random-access-file';
import { paddedBytes, type Seal } from './record';

/** What is known about a segment before its file is opened. */
export interface SegmentState extends FileHeader {
  readonly fileName: string;
  /** Where the next record would begin. */
  readonly endBytes: number;
}

/** A segment's file and its books. */
export class Segment {
  readonly fileName: string;
  readonly segmentId: number;
  readonly salt: number;
  readonly fileCreatedAtMs: number;
  readonly #directory: FileDirectory;
  #file: RandomAccessFile | undefined;
  #opening: Promise<RandomAccessFile> | undefined;
  #isClosed = false;
  #endBytes: number;
  #liveBytes = 0;
  /** Nothing is appended any more: it is full, or it failed. */
  isSealed = false;

  constructor(
    directory: FileDirectory,
    { fileName, segmentId, salt, fileCreatedAtMs, endBytes }: SegmentState,
    file?: RandomAccessFile,
  ) {
    this.#directory = directory;
    this.fileName = fileName;
    this.segmentId = segmentId;
    this.salt = salt;
    this.fileCreatedAtMs = fileCreatedAtMs;
    this.#endBytes = endBytes;
    this.#file = file;
  }

  /** Where the next record would begin, and what the segment takes on disk. */
  get endBytes(): number {
    return this.#endBytes;
  }

  /** Bytes of records that the index points to. */
  get liveBytes(): number {
    return this.#liveBytes;
  }

  /** Bytes that compacting would give back. */
  get deadBytes(): number {
    return this.#endBytes - FILE_HEADER_BYTES - this.#liveBytes;
  }

  /** The open file; undefined before `open`. */
  get file(): RandomAccessFile | undefined {
    return this.#file;
  }

  /**
   * Opens the file, if it is not open yet.
   * @throws AudioCacheError `STORE_UNAVAILABLE`, `QUOTA_EXCEEDED`, `CLOSED`
   */
  async open(): Promise<RandomAccessFile> {
    if (this.#file !== undefined) return this.#file;
    // Its file may be another segment's by now.
    if (this.#isClosed) throw new AudioCacheError('CLOSED', 'The segment was given back.');
    this.#opening ??= this.#open();
    return this.#opening;
  }

  /** The index points to a record of this size now, or no more when negative. */
  addLive(recordBytes: number): void {
    this.#liveBytes += Math.sign(recordBytes) * paddedBytes(Math.abs(recordBytes));
  }

  /**
   * Writes a record at the end and returns where it begins. Killed before or during the write: the record is no part
   * of the log, since its end is missing. Killed after it: it is there. Power lost: it is there after `flush`.
   * @throws AudioCacheError as `writeWhole`; the segment is then as before, or sealed if that cannot be made sure of
   */
  append(parts: readonly Uint8Array[]): number {
    const file = this.#file;
    if (file === undefined) throw new TypeError(`${this.fileName} is not open`);
    const begin = this.#endBytes;
    let end = begin;
    try {
      for (const part of parts) {
        writeWhole(file, part, end);
        end += part.byteLength;
      }
    } catch (error) {
      this.#cutAt(file, begin);
      throw error;
    }
    this.#endBytes = begin + paddedBytes(end - begin);
    return begin;
  }

  /**
   * Brings all records to safety.
   * @throws AudioCacheError: the segment is sealed, and only reading tells what it holds
   */
  flush(): void {
    if (this.#file === undefined) return;
    try {
      flushFile(this.#file);
    } catch (error) {
      // Linux forgets after one failed fsync which pages were not written: a second one that succeeds proves nothing.
      this.isSealed = true;
      throw error;
    }
  }

  /** Notes where the records found on disk end; `isCut`: what comes after them, as a writer that died leaves it, goes. */
  endAt(endBytes: number, isCut: boolean): void {
    this.#endBytes = paddedBytes(endBytes);
    if (isCut && this.#file !== undefined && this.#file.size() > endBytes) this.#cutAt(this.#file, endBytes);
  }

  /** Lets go of the file, also of one that is still being opened. */
  close(): void {
    this.#isClosed = true;
    this.#file?.close();
    this.#file = undefined;
  }

  async #open(): Promise<RandomAccessFile> {
    try {
      const file = await this.#directory.open(this.fileName);
      if (this.#isClosed) {
        file.close();
        throw new AudioCacheError('CLOSED', 'The store was closed.');
      }
      this.#file = file;
      return file;
    } catch (error) {
      throw toStoreError(error, 'open');
    } finally {
      this.#opening = undefined;
    }
  }

  #cutAt(file: RandomAccessFile, endBytes: number): void {
    try {
      truncateFile(file, endBytes);
    } catch {
      // What is left of the record is skipped when the segment is read; nothing may come behind it.
      this.isSealed = true;
    }
  }
}

/**
 * Empties a file and gives it a header, so that nothing of its former life is read again. Synced, because a power loss
 * could otherwise bring its former records back.
 * @throws AudioCacheError as `writeWhole` and `flushFile`
 */
export function resetFile(file: RandomAccessFile, seal: Seal, header: FileHeader): void {
  // Chromium counts a removed file's bytes as used after a restart unless it was cut before.
  truncateFile(file, 0);
  writeWhole(file, encodeFileHeader(seal, header), 0);
  flushFile(file);
}

/**
 * Gives an empty file of the log the header of a segment. Not synced: that comes with its first records, of which
 * nothing is promised before. Killed before this, or power lost: a spare. After it: a segment without records.
 * @throws AudioCacheError as `writeWhole` and `truncateFile`
 */
export function beginFile(file: RandomAccessFile, seal: Seal, header: FileHeader): void {
  // What power loss left behind the header of a spare.
  if (file.size() > FILE_HEADER_BYTES) truncateFile(file, FILE_HEADER_BYTES);
  writeWhole(file, encodeFileHeader(seal, header), 0);
}
