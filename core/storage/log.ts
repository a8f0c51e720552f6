/**
 * The files of the log: the segment that is written to, those that are full, and spares created ahead.
 *
 * Spares exist because a browser's flush saves a file's bytes but not the table that says where a file of this name is:
 * after power loss whole files were gone that had been created seconds before, though flushed, and none of those
 * created 40 seconds before (Chromium 156, simulated). A file that is emptied becomes a spare again, so that in the
 * long run no new names are needed. It rests until the next checkpoint: then the files that may hold segments younger
 * than the checkpoint are those it does not know as full, and opening need not look into all the others.
 */
import { isFullDisk, readWhole, toStoreError } from './checked-io';
import { decodeFileHeader, FILE_HEADER_BYTES, type FileHeader } from './file-header';
import type { FileDirectory, RandomAccessFile } from './random-access-file';
import { address, paddedBytes, type Seal } from './record';
import { beginFile, resetFile, Segment, type SegmentState } from './segment';

/** So many files are created ahead: a burst of durable writes then finds files whose names are old. */
const SPARES = 8;
/** So many empty files are kept, rather than removed and created anew with young names. */
const MAX_SPARES = 32;
/** Records up to this size are put together first and written at once: a second call costs more than the copy. */
const SCRATCH_BYTES = 1024 * 1024;

/** What a log is made of. */
export interface LogOptions {
  readonly directory: FileDirectory;
  readonly seal: Seal;
  readonly nowMs: () => number;
  readonly random: () => number;
  /** A segment that has reached this is full. A record larger than it has a segment for itself. */
  readonly segmentBytes: number;
}

/** Where a record was put. */
export interface Position {
  readonly segmentId: number;
  readonly offsetBytes: number;
}

/** A segment whose records could not be brought to safety. */
export interface FlushFailure {
  readonly segment: Segment;
  readonly error: unknown;
}

/** An empty file. */
export interface Spare {
  readonly fileName: string;
  readonly fileCreatedAtMs: number;
}

/** Segments and spares. */
export class Log {
  readonly #options: LogOptions;
  /** A segment that has reached this is full. */
  segmentBytes: number;
  /** In the order of their numbers, which is the order in which they were begun. */
  readonly #segmentById = new Map<number, Segment>();
  /** Oldest first. */
  #spares: Spare[] = [];
  /** Emptied since the last checkpoint. */
  #resting: Spare[] = [];
  /** Files of spares that are open already: opening one takes longer than writing a hundred clips. */
  readonly #fileBySpareName = new Map<string, RandomAccessFile>();
  readonly #unflushed = new Set<Segment>();
  #failures: readonly FlushFailure[] = [];
  readonly #scratch = new Uint8Array(SCRATCH_BYTES);
  #active: Segment | undefined;
  #rolling: Promise<void> | undefined;
  #nextSegmentId = 1;
  #nextFileNumber = 1;
  #unflushedBytes = 0;
  #bytesWritten = 0;
  #isClosed = false;
  #writeCheckpoint: () => void = () => {};

  constructor(options: LogOptions) {
    this.#options = options;
    this.segmentBytes = options.segmentBytes;
  }

  /** Sets what is called when only a checkpoint lets files be used again; it then calls `noteCheckpoint`. */
  set writeCheckpoint(write: () => void) {
    this.#writeCheckpoint = write;
  }

  /** All segments, oldest first. */
  get segments(): readonly Segment[] {
    return [...this.#segmentById.values()];
  }

  /** All empty files. */
  get spares(): readonly Spare[] {
    return [...this.#spares, ...this.#resting];
  }

  /** The segment that is written to, if there is one. */
  get active(): Segment | undefined {
    return this.#active;
  }

  /** Number of the latest segment; 0 before the first. */
  get latestSegmentId(): number {
    return this.#nextSegmentId - 1;
  }

  /** Bytes of all segments. */
  get bytesOnDisk(): number {
    let bytes = 0;
    for (const segment of this.#segmentById.values()) bytes += segment.endBytes;
    return bytes;
  }

  /** Bytes written that power loss may take. */
  get unflushedBytes(): number {
    return this.#unflushedBytes;
  }

  /** Bytes of records written since the log was opened. */
  get bytesWritten(): number {
    return this.#bytesWritten;
  }

  /** A segment by its number. */
  segment(segmentId: number): Segment | undefined {
    return this.#segmentById.get(segmentId);
  }

  /** Makes a segment known that was found on disk. */
  adopt(state: SegmentState, file?: RandomAccessFile): Segment {
    const segment = new Segment(this.#options.directory, state, file);
    this.#segmentById.set(segment.segmentId, segment);
    this.#nextSegmentId = Math.max(this.#nextSegmentId, segment.segmentId + 1);
    this.#noteFileName(state.fileName);
    return segment;
  }

  /** Makes an empty file known that was found on disk. */
  adoptSpare(spare: Spare): void {
    this.#spares.push(spare);
    this.#spares.sort((a, b) => a.fileCreatedAtMs - b.fileCreatedAtMs);
    this.#noteFileName(spare.fileName);
  }

  /** Numbers further segments from here on: what is before the end of a checkpoint is not read again. */
  beginAfter(segmentId: number): void {
    this.#nextSegmentId = Math.max(this.#nextSegmentId, segmentId + 1);
  }

  /** Goes on writing to a segment found on disk, as long as it has room. */
  resume(segment: Segment): void {
    this.#active = segment;
  }

  /** The next flush is to bring this segment to safety too. */
  noteUnflushed(segment: Segment): void {
    this.#unflushed.add(segment);
  }

  /** Whether the name of the segment's file survives power loss. */
  isNameDurable({ fileCreatedAtMs }: Spare): boolean {
    const { directory, nowMs } = this.#options;
    // Not by the clock where it takes no time: the clock may be set back.
    return directory.nameDurableAfterMs === 0 || nowMs() - fileCreatedAtMs >= directory.nameDurableAfterMs;
  }

  /** Whether what is written now will survive power loss once it is flushed. */
  get isActiveDurable(): boolean {
    return this.#active !== undefined && this.isNameDurable(this.#active);
  }

  /** Whether a record fits without a new segment. */
  hasRoomFor(recordBytes: number): boolean {
    const active = this.#active;
    if (active === undefined || active.isSealed) return false;
    return active.endBytes + recordBytes <= this.segmentBytes || active.endBytes === FILE_HEADER_BYTES;
  }

  /**
   * Begins new segments until a record fits.
   * @throws AudioCacheError `QUOTA_EXCEEDED`, `STORE_UNAVAILABLE`
   */
  async makeRoomFor(recordBytes: number): Promise<void> {
    while (!this.hasRoomFor(recordBytes)) await this.roll();
  }

  /**
   * The same, for records whose originals will be given up: never into a file whose name power loss may take. Resolves
   * to false when there is none older.
   * @throws AudioCacheError `QUOTA_EXCEEDED`, `STORE_UNAVAILABLE`
   */
  async makeDurableRoomFor(recordBytes: number): Promise<boolean> {
    while (!this.hasRoomFor(recordBytes) || !this.isActiveDurable) {
      if (!this.provideDurableSpare()) return false;
      await this.roll(true);
    }
    return true;
  }

  /** Whether the next segment can begin in a file whose name survives power loss; a checkpoint may make one usable. */
  provideDurableSpare(): boolean {
    const isDurable = (spare: Spare) => this.isNameDurable(spare);
    if (this.#options.directory.nameDurableAfterMs === 0) return true;
    if (!this.#spares.some(isDurable) && this.#resting.some(isDurable)) this.#writeCheckpoint();
    return this.#spares.some(isDurable);
  }

  /** Begins a new segment; calls at once begin one together. `isForCopies`: in a file whose name survives power loss. */
  roll(isForCopies = false): Promise<void> {
    this.#rolling ??= this.#roll(isForCopies).finally(() => {
      this.#rolling = undefined;
    });
    return this.#rolling;
  }

  /**
   * Writes a record whose head is complete but for its address; there must be room for it.
   * @throws AudioCacheError `QUOTA_EXCEEDED`: nothing changed; `STORE_UNAVAILABLE`: the segment is sealed, another may work
   */
  append(head: Uint8Array, body?: Uint8Array): Position {
    const segment = this.#active;
    if (segment === undefined || segment.isSealed) throw new TypeError('There is no segment to write to');
    address(this.#options.seal, head, segment.salt, segment.endBytes);
    const recordBytes = head.byteLength + (body?.byteLength ?? 0);
    let offsetBytes: number;
    try {
      offsetBytes = segment.append(this.#joined(head, body, recordBytes));
    } catch (error) {
      if (!isFullDisk(error)) segment.isSealed = true;
      throw error;
    }
    this.#unflushed.add(segment);
    this.#unflushedBytes += recordBytes;
    this.#bytesWritten += paddedBytes(recordBytes);
    return { segmentId: segment.segmentId, offsetBytes };
  }

  /**
   * Brings all records to safety. Returns the segments that failed, which are sealed and may hold less than was
   * written: again and again, until they are said to be rescued, since another attempt would prove nothing.
   */
  flush(): readonly FlushFailure[] {
    for (const segment of this.#unflushed) {
      try {
        if (!this.#failures.some((failure) => failure.segment === segment)) segment.flush();
      } catch (error) {
        this.#failures = [...this.#failures, { segment, error }];
      }
    }
    this.#unflushed.clear();
    this.#unflushedBytes = 0;
    return this.#failures;
  }

  /** Segments that could not be flushed and are not rescued yet. */
  get failures(): readonly FlushFailure[] {
    return this.#failures;
  }

  /** What a segment held that could not be flushed is elsewhere now. */
  noteRescued(segment: Segment): void {
    this.#failures = this.#failures.filter((failure) => failure.segment !== segment);
  }

  /**
   * Gives a segment's bytes back; nothing may point to it any more. Its file becomes a spare, even if there are enough:
   * a checkpoint that names a file which is gone is not believed, and what was evicted since would be back.
   * @throws whatever the platform says; the segment is then still there
   */
  async recycle(segment: Segment): Promise<void> {
    const { seal } = this.#options;
    const { fileName, fileCreatedAtMs } = segment;
    const isGone = () => this.#segmentById.get(segment.segmentId) !== segment;
    if (isGone()) return;
    const file = await segment.open();
    // Somebody else may have given it back meanwhile, and the file be another segment's.
    if (isGone()) return;
    if (segment === this.#active) this.#active = undefined;
    // Killed before the reset: the segment is found as it was. After it: the file is found empty.
    resetFile(file, seal, { segmentId: 0, salt: 0, fileCreatedAtMs });
    this.#segmentById.delete(segment.segmentId);
    this.#unflushed.delete(segment);
    this.noteRescued(segment);
    segment.close();
    this.#resting.push({ fileName, fileCreatedAtMs });
  }

  /** Files emptied before a checkpoint may be used again once it is safe. */
  noteCheckpoint(): void {
    this.#spares.push(...this.#resting);
    this.#spares.sort((a, b) => a.fileCreatedAtMs - b.fileCreatedAtMs);
    this.#resting = [];
  }

  /**
   * Creates one empty file, if there are too few; resolves to whether it did.
   * @throws whatever the platform says when no file can be opened
   */
  async createSpare(): Promise<boolean> {
    if (this.spares.length >= SPARES || this.#isClosed) return false;
    const { directory, seal, nowMs } = this.#options;
    const spare = { fileName: this.#newFileName(), fileCreatedAtMs: nowMs() };
    const file = await directory.open(spare.fileName);
    try {
      resetFile(file, seal, { segmentId: 0, salt: 0, fileCreatedAtMs: spare.fileCreatedAtMs });
    } catch {
      // There is not even room for a head. Left where it is, an empty file would be added by each attempt.
      file.close();
      await directory.remove(spare.fileName).catch(() => {});
      return false;
    }
    if (this.#isClosed) file.close();
    else this.#fileBySpareName.set(spare.fileName, file);
    this.adoptSpare(spare);
    return true;
  }

  /** Opens the file of one spare ahead of its use; resolves to whether there was one to open. */
  async openSpare(): Promise<boolean> {
    const isOpen = ({ fileName }: Spare) => this.#fileBySpareName.has(fileName);
    const spare = this.#spares.find((each) => !isOpen(each));
    if (spare === undefined || this.#isClosed) return false;
    const file = await this.#options.directory.open(spare.fileName).catch(() => undefined);
    if (file === undefined) return false;
    // Meanwhile it may have been taken.
    if (this.#isClosed || isOpen(spare) || !this.#spares.includes(spare)) file.close();
    else this.#fileBySpareName.set(spare.fileName, file);
    return true;
  }

  /**
   * Removes one empty file, the one with the youngest name, if there are too many; resolves to whether it did. No
   * checkpoint points into a file that has become usable again.
   */
  async removeSpare(): Promise<boolean> {
    if (this.#spares.length <= MAX_SPARES || this.#isClosed) return false;
    const spare = this.#spares.pop();
    if (spare === undefined) return false;
    this.#fileBySpareName.get(spare.fileName)?.close();
    this.#fileBySpareName.delete(spare.fileName);
    // What cannot be removed is found as a spare at the next start.
    await this.#options.directory.remove(spare.fileName).catch(() => {});
    return true;
  }

  /** Lets go of all files. */
  close(): void {
    this.#isClosed = true;
    for (const segment of this.#segmentById.values()) segment.close();
    for (const file of this.#fileBySpareName.values()) file.close();
    this.#fileBySpareName.clear();
  }

  async #roll(isForCopies: boolean): Promise<void> {
    const { directory, seal, nowMs, random } = this.#options;
    const known = this.#takeSpare(isForCopies);
    const spare = known ?? { fileName: this.#newFileName(), fileCreatedAtMs: nowMs() };
    const header: FileHeader = {
      // Used up even if this fails: the header may be on disk.
      segmentId: this.#nextSegmentId++,
      salt: Math.floor(random() * 2 ** 32),
      fileCreatedAtMs: spare.fileCreatedAtMs,
    };
    let file: RandomAccessFile | undefined;
    try {
      file = this.#fileBySpareName.get(spare.fileName);
      this.#fileBySpareName.delete(spare.fileName);
      file ??= await directory.open(spare.fileName);
      if (this.#isClosed) throw new TypeError('The log was closed');
      beginFile(file, seal, header);
    } catch (error) {
      file?.close();
      // A file that could not be created has no age.
      if (known !== undefined || file !== undefined) this.adoptSpare(spare);
      throw toStoreError(error, 'new segment');
    }
    const segment = this.adopt({ ...header, fileName: spare.fileName, endBytes: FILE_HEADER_BYTES }, file);
    // A checkpoint that knows of it must not outlive its header.
    this.#unflushed.add(segment);
    this.#active = segment;
  }

  /**
   * The oldest spare. The last one with a durable name is reserved for copies: without it no old segment could be
   * emptied after a burst of writes. Rather than creating a file, those emptied since the last checkpoint are made
   * usable.
   */
  #takeSpare(isForCopies: boolean): Spare | undefined {
    const { nameDurableAfterMs } = this.#options.directory;
    const pick = (): Spare | undefined => {
      const durable = this.#spares.filter((spare) => this.isNameDurable(spare));
      const isReserved = nameDurableAfterMs > 0 && !isForCopies && durable.length === 1;
      return isReserved ? this.#spares.find((spare) => spare !== durable[0]) : this.#spares[0];
    };
    if (pick() === undefined && this.#resting.length > 0) this.#writeCheckpoint();
    const spare = pick();
    this.#spares = this.#spares.filter((each) => each !== spare);
    return spare;
  }

  /** The parts of a record as they are to be written. */
  #joined(head: Uint8Array, body: Uint8Array | undefined, recordBytes: number): readonly Uint8Array[] {
    if (body === undefined) return [head];
    if (recordBytes > SCRATCH_BYTES) return [head, body];
    this.#scratch.set(head);
    this.#scratch.set(body, head.byteLength);
    return [this.#scratch.subarray(0, recordBytes)];
  }

  #newFileName(): string {
    return segmentFileName(this.#nextFileNumber++);
  }

  #noteFileName(fileName: string): void {
    this.#nextFileNumber = Math.max(this.#nextFileNumber, Number.parseInt(fileName, 10) + 1);
  }
}

/** The name of the log's file of that number. */
export function segmentFileName(fileNumber: number): string {
  return `${String(fileNumber).padStart(6, '0')}.segment`;
}

/** Whether a file is one of the log's. */
export function isSegmentFile(fileName: string): boolean {
  return /^\d{6,}\.segment$/.test(fileName);
}

/** The header of an open file; undefined when it has none. @throws AudioCacheError as `decodeFileHeader` */
export function readFileHeader(file: RandomAccessFile, seal: Seal): FileHeader | undefined {
  const bytes = new Uint8Array(FILE_HEADER_BYTES);
  readWhole(file, bytes, 0);
  return decodeFileHeader(seal, bytes);
}
