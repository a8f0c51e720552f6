/**
 * The log and the index of what lives in it, changed together in one synchronous stretch, always: whoever needs a file
 * opened or created waits for that, then looks again, then acts. So nothing is locked, and no order of calls can tear
 * the two apart.
 *
 * Three things keep a change true beyond a crash. A removal is a record, and once that is safe, what it removes is
 * struck out, so that one damaged byte does not bring it back. What a younger record took the place of is struck out
 * only once that is safe from power loss, and its segment is kept until then. And a flush that failed is never tried
 * again, but what the file holds is read back and written elsewhere.
 */
import type { Hashing } from '../hashing';
import { AudioCacheError } from '../protocol/audio-cache-error';
import { isFullDisk, writeWhole } from './checked-io';
import { encodeCheckpoint } from './checkpoint';
import type { CheckpointFiles } from './checkpoint-files';
import { Compaction } from './compaction';
import { type EntryFacts, type EntryIndex, type EntryUse, NONE } from './entry-index';
import { keyOfWords, parseKey, WORDS_PER_KEY } from './key-words';
import type { Log } from './log';
import { encodeTouches, type RemovalItem, STRIKE, touchesBytes } from './record';
import type { Recovered, Replaced } from './recovery';
import type { Segment } from './segment';

/** Items of one record of touches. */
const TOUCHES_PER_RECORD = 500;

/** In the place of an entry's record that was removed there is nothing. Segments are numbered from 1. */
const NO_SEGMENT = 0;

/** What an indexed log is made of. */
export interface IndexedLogOptions extends Recovered {
  readonly log: Log;
  readonly index: EntryIndex;
  readonly checkpoints: CheckpointFiles;
  readonly hashing: Hashing;
}

/** Where a record lies. */
export interface Place {
  readonly segment: Segment;
  readonly offsetBytes: number;
}

/** Sizes of a record. */
export interface RecordSizes {
  readonly headBytes: number;
  readonly bodyBytes: number;
  readonly audioBytes: number;
}

/** Entries on disk, and how each change of them reaches it. */
export class IndexedLog {
  readonly log: Log;
  readonly index: EntryIndex;
  readonly #checkpoints: CheckpointFiles;
  readonly #hashing: Hashing;
  /** Slots whose latest uses are not in the log yet. */
  readonly #touched = new Set<number>();
  /** Also of entries that are not there: one written under such a key is protected from the beginning. */
  readonly #protectedKeys = new Set<string>();
  /** Records that others took the place of. They are struck out once those are safe. */
  #replaced: Replaced[];
  #damagedRecords: number;
  /** What was written can no longer be made safe, whatever is flushed from now on. */
  #unsafe: AudioCacheError | undefined;
  readonly #rescueBySegment = new Map<Segment, Promise<void>>();
  /** Size of the smallest record that found no room, until one as large has found some. */
  #refusedBytes = Number.POSITIVE_INFINITY;
  #generation: number;
  #checkpointSegmentId: number;
  #checkpointAtBytes = 0;

  constructor({ log, index, checkpoints, hashing, ...recovered }: IndexedLogOptions) {
    this.log = log;
    this.index = index;
    this.#checkpoints = checkpoints;
    this.#hashing = hashing;
    this.#replaced = [...recovered.replaced];
    this.#damagedRecords = recovered.damagedRecords;
    this.#generation = recovered.generation;
    this.#checkpointSegmentId = recovered.logSegmentId;
    log.writeCheckpoint = () => this.writeCheckpoint();
  }

  /** Bytes of all files. */
  get bytesOnDisk(): number {
    return this.log.bytesOnDisk + this.#checkpoints.bytesOnDisk;
  }

  /** Records found damaged since the store was opened. */
  get damagedRecords(): number {
    return this.#damagedRecords;
  }

  /** Whether a record found no room, and none as large has found some since. */
  get isDiskFull(): boolean {
    return this.#refusedBytes !== Number.POSITIVE_INFINITY;
  }

  /** Of how many entries the latest uses are not in the log yet. */
  get touchedEntries(): number {
    return this.#touched.size;
  }

  /** Bytes of records written since the last checkpoint. */
  get bytesSinceCheckpoint(): number {
    return this.log.bytesWritten - this.#checkpointAtBytes;
  }

  /** Bytes of a checkpoint, as the last two were. */
  get checkpointBytes(): number {
    return this.#checkpoints.bytesOnDisk / 2;
  }

  /** Whether the last checkpoint leaves out what the segment holds, or its end. */
  isBehindCheckpoint({ segmentId }: Segment): boolean {
    return segmentId >= this.#checkpointSegmentId;
  }

  /** The segment an entry lies in. */
  segmentOf(slot: number): Segment | undefined {
    return this.log.segment(this.index.segmentId(slot));
  }

  /**
   * Runs what appends one record, at once if there is room: then everything has happened before this returns. Tried a
   * second time, in a new segment, when the disk fails. `beforeWaiting` runs before anything is waited for.
   * @throws AudioCacheError `QUOTA_EXCEEDED`, `STORE_UNAVAILABLE`, and what `append` throws
   */
  async append(recordBytes: number, append: () => void, beforeWaiting: () => void = () => {}): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        // Asked again after each wait: meanwhile others have written, or sealed the segment.
        while (!this.log.hasRoomFor(recordBytes)) {
          beforeWaiting();
          await this.log.makeRoomFor(recordBytes);
        }
        append();
        if (recordBytes >= this.#refusedBytes) this.#refusedBytes = Number.POSITIVE_INFINITY;
        return;
      } catch (error) {
        if (isFullDisk(error)) this.#refusedBytes = Math.min(this.#refusedBytes, recordBytes);
        if (attempt === 2 || !(error instanceof AudioCacheError) || error.code !== 'STORE_UNAVAILABLE') throw error;
      }
    }
  }

  /**
   * Writes an entry's record, for which there must be room, in the place of the one the key has.
   * @throws AudioCacheError as `Log.append`; nothing has changed then
   */
  put(words: Uint32Array, head: Uint8Array, body: Uint8Array, audioBytes: number, facts: EntryFacts): void {
    const position = this.log.append(head, body);
    const old = this.index.find(words);
    if (old !== NONE) {
      const place = this.placeOf(old);
      if (place) this.#replaced.push({ key: keyOfWords(words), ...place, bySegmentId: position.segmentId });
      this.forget(old);
    }
    const sizes: RecordSizes = { headBytes: head.byteLength, bodyBytes: body.byteLength, audioBytes };
    const slot = this.index.add(words, { ...position, ...sizes }, facts);
    if (this.#protectedKeys.size > 0 && this.#protectedKeys.has(keyOfWords(words))) this.index.setProtected(slot, true);
    this.log.segment(position.segmentId)?.addLive(sizes.headBytes + sizes.bodyBytes);
  }

  /** Removes an entry from the books; what is to become of its record is up to the caller. */
  forget(slot: number): void {
    this.segmentOf(slot)?.addLive(-(this.index.headBytes(slot) + this.index.bodyBytes(slot)));
    this.#touched.delete(slot);
    this.index.delete(slot);
  }

  /** Removes everything from the books. */
  forgetAll(): void {
    for (const segment of this.log.segments) segment.addLive(-segment.liveBytes);
    this.index.clear();
    this.#touched.clear();
    this.#replaced = [];
  }

  /** Forgets an entry whose record is not what was written: it is never served, and not looked at again. */
  dropDamaged(slot: number): void {
    this.#damagedRecords++;
    this.forget(slot);
  }

  /** Notes how an entry was used, to be written with the next flush. */
  touch(slot: number, use: EntryUse): void {
    this.index.setUse(slot, use);
    this.#touched.add(slot);
  }

  /** Protects the entries of a key, the present one and later ones, from eviction and expiry, or no longer. */
  protect(key: string, isProtected: boolean): void {
    const words = new Uint32Array(WORDS_PER_KEY);
    if (!parseKey(key, words)) return;
    if (isProtected) this.#protectedKeys.add(key);
    else this.#protectedKeys.delete(key);
    const slot = this.index.find(words);
    if (slot !== NONE) this.index.setProtected(slot, isProtected);
  }

  /** What a removal of the entry says. */
  removalOf(slot: number): RemovalItem {
    return { words: this.index.words(slot).slice(), segmentId: this.log.latestSegmentId };
  }

  /** Where an entry's record lies. */
  placeOf(slot: number): Place | undefined {
    const segment = this.segmentOf(slot);
    return segment && { segment, offsetBytes: this.index.offsetBytes(slot) };
  }

  /** Where records of the key lie that a younger one took the place of and that could still be found. */
  placesReplaced(key: string): readonly Place[] {
    return this.#replaced.filter((replaced) => replaced.key === key);
  }

  /** Where records lie that could still be found, of keys whose entries are gone; of one key the oldest first. */
  placesOfGone(): readonly Place[] {
    const words = new Uint32Array(WORDS_PER_KEY);
    return this.#replaced.filter(({ key }) => parseKey(key, words) && this.index.find(words) === NONE);
  }

  /** Whether power loss could bring back an entry of the segment, since what took its place may go. */
  isNeeded(segment: Segment): boolean {
    return this.#replaced.some((each) => each.segment === segment && each.bySegmentId !== NO_SEGMENT);
  }

  /** Strikes a removed entry's record out once its removal is safe; before, an earlier one could be found in its place. */
  strikeLater(key: string, place: Place): void {
    this.#replaced.push({ key, ...place, bySegmentId: NO_SEGMENT });
  }

  /**
   * Makes a record unreadable where it lies, which takes no room; safe from power loss after a flush.
   * @throws AudioCacheError `STORE_UNAVAILABLE`, `QUOTA_EXCEEDED`
   */
  async strike({ segment, offsetBytes }: Place): Promise<void> {
    const isGone = () => this.log.segment(segment.segmentId) !== segment;
    if (isGone()) return;
    const file = segment.file ?? (await segment.open());
    // By now the file may hold another segment.
    if (isGone()) return;
    writeWhole(file, STRIKE, offsetBytes);
    this.log.noteUnflushed(segment);
  }

  /**
   * Brings everything to safety, uses included.
   * @throws AudioCacheError `STORE_UNAVAILABLE`: some of it cannot be, now or ever
   */
  async flush(): Promise<void> {
    if (this.#unsafe !== undefined) throw this.#unsafe;
    await this.#writeTouches();
    const isOlderOne = (other: Replaced, { key }: Replaced) => other.key === key && other.bySegmentId !== NO_SEGMENT;
    const isSafe = (each: Replaced) => {
      const { bySegmentId } = each;
      if (bySegmentId === NO_SEGMENT) return !this.#replaced.some((other) => isOlderOne(other, each));
      const segment = this.log.segment(bySegmentId);
      return segment === undefined || this.log.isNameDurable(segment);
    };
    const replaced = this.#replaced.filter(isSafe);
    this.#replaced = this.#replaced.filter((each) => !isSafe(each));
    for (const { segment, error } of this.log.flush()) await this.#rescueOnce(segment, error);
    // One damaged byte in a new record must not bring back the old one.
    for (const each of replaced) await this.strike(each).catch(() => this.#replaced.push(each));
  }

  /**
   * Writes a checkpoint; false when it could not be, which only makes the next opening slower. What it points to is
   * flushed first: a checkpoint that survives power loss must not outlive its records.
   */
  writeCheckpoint(): boolean {
    if (this.log.flush().length > 0) return false;
    const { active, latestSegmentId, segments } = this.log;
    // Used up even if this fails: of two checkpoints of one generation nobody could tell which is the later.
    this.#generation++;
    const state = {
      generation: this.#generation,
      logSegmentId: active?.segmentId ?? latestSegmentId + 1,
      logOffset: active?.endBytes ?? 0,
      segments,
    };
    try {
      this.#checkpoints.write(encodeCheckpoint(this.#hashing.xxh64, state, this.index));
    } catch {
      return false;
    }
    this.#checkpointSegmentId = state.logSegmentId;
    this.#checkpointAtBytes = this.log.bytesWritten;
    this.#touched.clear();
    this.log.noteCheckpoint();
    return true;
  }

  /** Lets go of all files. */
  close(): void {
    this.log.close();
    this.#checkpoints.close();
  }

  async #writeTouches(): Promise<void> {
    while (this.#touched.size > 0) {
      const slots = [...this.#touched].slice(0, TOUCHES_PER_RECORD);
      const append = () => {
        const items = slots
          .filter((slot) => this.#touched.has(slot))
          .map((slot) => ({ words: this.index.words(slot).slice(), ...this.index.useOf(slot) }));
        if (items.length > 0) this.log.append(encodeTouches(items));
      };
      try {
        await this.append(touchesBytes(slots.length), append);
      } catch (error) {
        // They steer eviction and expiry only, and are rather lost than held for a disk that is full.
        if (!isFullDisk(error)) throw error;
      }
      for (const slot of slots) this.#touched.delete(slot);
    }
  }

  /** Two flushes at once rescue a segment together. */
  #rescueOnce(segment: Segment, error: unknown): Promise<void> {
    const underWay = this.#rescueBySegment.get(segment);
    if (underWay !== undefined) return underWay;
    const rescue = this.#rescue(segment, error).finally(() => this.#rescueBySegment.delete(segment));
    this.#rescueBySegment.set(segment, rescue);
    return rescue;
  }

  /**
   * After a failed flush nobody knows which of a segment's pages are on disk, and a second flush that succeeds says
   * nothing about them. So what can be read back and is right is written again elsewhere, and flushed there.
   */
  async #rescue(segment: Segment, error: unknown): Promise<void> {
    const damagedBefore = this.#damagedRecords;
    const known = new Set(this.log.failures);
    const compaction = new Compaction(segment, {
      log: this.log,
      index: this.index,
      seal: this.#hashing.xxh64,
      evictUsedBeforeMs: Number.NEGATIVE_INFINITY,
      isRescue: true,
      verify: (bytes, checksum) => this.#hashing.verify(bytes, checksum),
      onGone: (slot) => this.dropDamaged(slot),
    });
    try {
      let state = await compaction.step();
      while (state === 'more') state = await compaction.step();
      if (state === 'unreadable') throw error;
      this.log.noteRescued(segment);
      const again = this.log.flush().find((failure) => !known.has(failure));
      if (again !== undefined) throw again.error;
      if (this.#damagedRecords > damagedBefore) throw error;
      // A copy whose file has too young a name is no reason to give the original up.
      if (this.log.isActiveDurable) await this.log.recycle(segment);
    } catch (cause) {
      const message = 'What was written could not be brought to safety.';
      this.#unsafe = new AudioCacheError('STORE_UNAVAILABLE', message, { cause });
      throw this.#unsafe;
    }
  }
}
