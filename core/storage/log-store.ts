/**
 * The disk engine: a log of records in a few large files, an index in memory, and nothing else. Faster than a database
 * because storing is one write to an open file and reading is one read.
 *
 * The index and the log change together in one synchronous stretch, always: operations wait for files to be opened or
 * created, then look again, then act. So nothing is locked, and no order of calls can tear the two apart. What survives
 * what: a written record survives a killed process, a flushed one power loss, provided the name of its file is old
 * enough (`youngKeys` says for which entries it is not). Flushed at least every second.
 *
 * It does not judge entries (`core/storage/store.ts`), and it must be the only one that has the directory open.
 */
import { NOTHING, sum } from '../amount';
import type { Clock } from '../clock';
import type { Hashing } from '../hashing';
import { AudioCacheError } from '../protocol/audio-cache-error';
import type { Amount, Entry, StoreReport } from '../protocol/values';
import { isFullDisk, readWhole, toStoreError, writeWhole } from './checked-io';
import { encodeCheckpoint } from './checkpoint';
import { CheckpointFiles } from './checkpoint-files';
import { Compaction, REMOVALS_PER_RECORD } from './compaction';
import { EntryIndex, isBefore, NONE } from './entry-index';
import { keyOfWords, parseKey, WORDS_PER_KEY } from './key-words';
import { Log } from './log';
import type { FileDirectory, RandomAccessFile } from './random-access-file';
import {
  decodeHeader,
  decodeMetadata,
  encodeEntryHead,
  encodeRemovals,
  encodeTouches,
  isHeadIntact,
  keyWordsOf,
  type RecordHeader,
  type RemovalItem,
  removalsBytes,
  STRIKE,
  type StoredBody,
  touchesBytes,
} from './record';
import { type Recovered, type Replaced, recover } from './recovery';
import type { Segment } from './segment';
import type { AudioStore, Reclaimed, StoredMetadata, StoredPage } from './store';

const KIB = 1024;
const MIB = 1024 * KIB;
/** Segments are a 64th of the limit: small ones give space back sooner, large ones mean fewer files. */
const SEGMENTS_PER_LIMIT = 64;
const MIN_SEGMENT_BYTES = 256 * KIB;
const MAX_SEGMENT_BYTES = 8 * MIB;
/** What was written is safe from power loss after this time, or when so much has gathered. */
const FLUSH_INTERVAL_MS = 1_000;
const FLUSH_BYTES = 8 * MIB;
/** Pause between steps of upkeep, so that requests go first. */
const UPKEEP_INTERVAL_MS = 50;
/** A checkpoint is due once the log behind the last one is this many times as long. */
const CHECKPOINT_FACTOR = 4;
const MIN_CHECKPOINT_INTERVAL_BYTES = 8 * MIB;
/** Touches wait for the next flush, but no more of them than this. */
const MAX_TOUCHES = 500;
/** Compacting pays above this share of dead bytes: at a quarter, live bytes take 1.25 times their size. */
const MAX_DEAD_SHARE = 0.17;
/** Below this it never does. */
const MIN_DEAD_BYTES = 64 * KIB;
/** Above this share of the limit, the coldest entries are not worth copying. */
const PRESSURE_SHARE = 0.8;
/** The share of the entries that are cold then. */
const COLD_SHARE = 0.1;
/** Records up to this size are read in one piece into a buffer that is used again. */
const SCRATCH_BYTES = MIB;

/** What a log store is opened with. */
export interface LogStoreOptions {
  /** Not opened by anybody else; the store has it to itself until it is closed. */
  readonly directory: FileDirectory;
  readonly clock: Clock;
  readonly hashing: Hashing;
  /** Uniform in [0, 1); marks segments, so that audio cannot pass for a record. */
  readonly random: () => number;
  /** Limit of the tier, which the store does not enforce but divides into segments. */
  readonly maxBytes: number;
}

/** The disk engine, and what whoever composes it needs to know beyond a store. */
export interface LogStore extends AudioStore {
  /** Keys of entries that a flush does not make safe from power loss yet, since the files they lie in are too young. */
  youngKeys(): readonly string[];
  /** Whether the key is there; looks at no file. */
  has(key: string): boolean;
}

/**
 * Opens the store over a directory; an empty one becomes an empty store.
 * @throws AudioCacheError `STORE_UNAVAILABLE`: the files cannot be opened or read, or were written by a newer version
 * of the library, which are then left as they are; `QUOTA_EXCEEDED`: there is not even room for an empty file
 */
export async function openLogStore(options: LogStoreOptions): Promise<LogStore> {
  const { directory, clock, hashing, random, maxBytes } = options;
  const nowMs = () => clock.nowMs();
  const seal = hashing.xxh64;
  const log = new Log({ directory, seal, nowMs, random, segmentBytes: segmentBytesFor(maxBytes) });
  const checkpoints = new CheckpointFiles(directory, seal);
  const index = new EntryIndex();
  try {
    const recovered = await recover({ directory, hashing, nowMs, checkpoints, log, index });
    return new SegmentLogStore(options, { log, checkpoints, index, ...recovered });
  } catch (error) {
    log.close();
    checkpoints.close();
    throw error;
  }
}

/** A power of two between the bounds. */
function segmentBytesFor(maxBytes: number): number {
  const wanted = 2 ** Math.floor(Math.log2(maxBytes / SEGMENTS_PER_LIMIT));
  return Math.min(Math.max(wanted, MIN_SEGMENT_BYTES), MAX_SEGMENT_BYTES);
}

/** Where a record lies. */
interface Place {
  readonly segment: Segment | undefined;
  readonly offsetBytes: number;
}

interface Opened extends Recovered {
  readonly log: Log;
  readonly checkpoints: CheckpointFiles;
  readonly index: EntryIndex;
}

class SegmentLogStore implements LogStore {
  readonly kind: 'opfs' | 'file';
  readonly #options: LogStoreOptions;
  readonly #log: Log;
  readonly #checkpoints: CheckpointFiles;
  readonly #index: EntryIndex;
  readonly #scratch = new Uint8Array(SCRATCH_BYTES);
  readonly #words = new Uint32Array(WORDS_PER_KEY);
  /** Slots whose last access is not in the log yet. */
  readonly #touched = new Set<number>();
  /** Records that others took the place of. They are struck out once those are safe. */
  #replaced: Replaced[];
  #damagedRecords: number;
  /** What was written can no longer be made safe, whatever is flushed from now on. */
  #unsafe: AudioCacheError | undefined;
  #generation: number;
  /** The segment the last checkpoint ended in, and how much had been written by then. */
  #checkpointSegmentId: number;
  #checkpointAtBytes = 0;
  #compaction: Compaction | undefined;
  /** The next segment to be emptied is the oldest: while it exists, removals must be kept, and there are many of them. */
  #isOldestNext = false;
  #reclaiming: Promise<boolean> | undefined;
  /** Somebody who counts evictions asked for room. */
  #mayEvict = false;
  /** The last record found no room: whatever gives bytes back is worth it now. */
  #isDiskFull = false;
  /** Evicted while making room, and not told yet. */
  #evicted = NOTHING;
  #cancelFlush: (() => void) | undefined;
  #isFlushUrgent = false;
  #cancelUpkeep: (() => void) | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: LogStoreOptions, { log, checkpoints, index, ...recovered }: Opened) {
    this.kind = options.directory.kind;
    this.#options = options;
    this.#log = log;
    this.#checkpoints = checkpoints;
    this.#index = index;
    this.#replaced = [...recovered.replaced];
    this.#damagedRecords = recovered.damagedRecords;
    this.#generation = recovered.generation;
    this.#checkpointSegmentId = recovered.logSegmentId;
    this.#upkeepSoon();
  }

  // --------------------------------------------------------------------------------------------------------- reading

  async read(key: string): Promise<Entry | undefined> {
    for (;;) {
      const slot = this.#find(key);
      if (slot === NONE) return undefined;
      const segment = this.#segmentOf(slot);
      if (segment?.file !== undefined) return this.#readEntry(slot, segment.file, segment.salt);
      if (!(await this.#isOpened(segment))) return undefined;
    }
  }

  async readMetadata(key: string): Promise<StoredMetadata | undefined> {
    for (;;) {
      const slot = this.#find(key);
      if (slot === NONE) return undefined;
      const segment = this.#segmentOf(slot);
      if (segment?.file !== undefined) return this.#readStored(slot, segment.file, segment.salt);
      if (!(await this.#isOpened(segment))) return undefined;
    }
  }

  async list(limit: number, cursor?: string): Promise<StoredPage> {
    this.#assertOpen();
    const entries: StoredMetadata[] = [];
    let slot = this.#firstAfter(cursor);
    let place: string | undefined;
    while (slot !== NONE && entries.length < limit) {
      const segment = this.#segmentOf(slot);
      if (segment?.file === undefined) {
        const next = this.#cursorOf(slot);
        const isOpened = await this.#isOpened(segment);
        // Meanwhile the entry may have been used or removed.
        const same = isOpened ? this.#at(next) : NONE;
        slot = same === NONE ? this.#firstAfter(next) : same;
        continue;
      }
      place = this.#cursorOf(slot);
      const older = this.#index.olderThan(slot);
      const stored = this.#readStored(slot, segment.file, segment.salt);
      if (stored !== undefined) entries.push(stored);
      slot = older;
    }
    return { entries, cursor: slot === NONE ? undefined : place };
  }

  has(key: string): boolean {
    return this.#closing === undefined && this.#find(key) !== NONE;
  }

  usage(): Amount {
    return { entries: this.#index.size, bytes: this.#index.totalAudioBytes };
  }

  report(): StoreReport {
    return {
      bytesOnDisk: this.#bytesOnDisk,
      bytesSavedByCompression: this.#index.savedBytes,
      damagedRecords: this.#damagedRecords,
    };
  }

  youngKeys(): readonly string[] {
    const isYoung = new Set(
      this.#log.segments.filter((each) => !this.#log.isNameDurable(each)).map(({ segmentId }) => segmentId),
    );
    const keys: string[] = [];
    if (isYoung.size === 0) return keys;
    for (let slot = this.#index.newest; slot !== NONE; slot = this.#index.olderThan(slot)) {
      if (isYoung.has(this.#index.segmentId(slot))) keys.push(keyOfWords(this.#index.words(slot)));
    }
    return keys;
  }

  // --------------------------------------------------------------------------------------------------------- writing

  async write(entry: Entry, accessedAtMs: number, durability: 'relaxed' | 'durable'): Promise<void> {
    this.#assertOpen();
    const words = new Uint32Array(WORDS_PER_KEY);
    if (!parseKey(entry.metadata.key, words)) throw new TypeError(`${entry.metadata.key} is no key`);
    const { metadata } = entry;
    let body: StoredBody = {
      bytes: new Uint8Array(entry.bytes),
      isCompressed: false,
      checksum: metadata.checksum,
    };
    const head = encodeEntryHead(words, metadata, accessedAtMs, body);
    const recordBytes = head.byteLength + body.bytes.byteLength;
    const append = () => {
      this.#assertOpen();
      const position = this.#log.append(head, body.bytes);
      const slot = this.#index.find(words);
      if (slot !== NONE) {
        const segment = this.#segmentOf(slot);
        const place = { offsetBytes: this.#index.offsetBytes(slot), bySegmentId: position.segmentId };
        if (segment !== undefined) this.#replaced.push({ key: metadata.key, segment, ...place });
        this.#forget(slot);
      }
      const location = {
        ...position,
        headBytes: head.byteLength,
        bodyBytes: body.bytes.byteLength,
        audioBytes: metadata.byteLength,
      };
      this.#index.add(words, location, { accessedAtMs, expiresAtMs: metadata.expiresAtMs });
      this.#log.segment(position.segmentId)?.addLive(recordBytes);
    };
    // The caller has its buffer back as soon as this is waited for.
    const keepBody = () => {
      body = { ...body, bytes: body.bytes.slice() };
    };
    await this.#append(recordBytes, append, keepBody);
    if (durability === 'durable') await this.#flush();
  }

  async remove(key: string): Promise<number | undefined> {
    this.#assertOpen();
    if (this.#find(key) === NONE) return undefined;
    let removed: number | undefined;
    // Earlier records of the key, too, or one of them would be found where a later one is struck out.
    const dead: Place[] = this.#replaced.filter((each) => each.key === key);
    const forget = (slot: number) => {
      removed = this.#index.audioBytes(slot);
      dead.push(this.#placeOf(slot));
      this.#forget(slot);
    };
    try {
      await this.#append(removalsBytes(1), () => {
        const slot = this.#find(key);
        if (slot === NONE) return;
        this.#log.append(encodeRemovals([this.#removalOf(slot)]));
        forget(slot);
      });
    } catch (error) {
      // A full disk has no room for the removal; striking records out takes none.
      if (!isFullDisk(error)) throw error;
      const slot = this.#find(key);
      if (slot === NONE) return undefined;
      for (const place of [this.#placeOf(slot), ...dead]) await this.#strike(place);
      const same = this.#find(key);
      if (same !== NONE) forget(same);
      return removed;
    }
    // One damaged byte in the removal must not bring back what somebody wanted gone.
    for (const place of dead) await this.#strike(place).catch(() => {});
    return removed;
  }

  async clear(): Promise<Amount> {
    this.#assertOpen();
    const removed = this.usage();
    const { segments, active } = this.#log;
    // What is stored from now on goes into a segment of its own.
    if (active !== undefined) active.isSealed = true;
    this.#index.clear();
    this.#touched.clear();
    this.#compaction = undefined;
    let failure: unknown;
    // Oldest first: a removal is younger than what it removes, so that killed in between nothing removed is back.
    for (const segment of segments) {
      segment.addLive(-segment.liveBytes);
      await this.#log.recycle(segment).catch((error: unknown) => {
        failure ??= error;
      });
    }
    // A file that could not be emptied is known to the checkpoint as holding nothing.
    if (!this.#writeCheckpoint() && failure !== undefined) throw toStoreError(failure, 'clear');
    return removed;
  }

  touch(key: string, accessedAtMs: number): void {
    if (this.#closing !== undefined) return;
    const slot = this.#find(key);
    if (slot === NONE || this.#index.accessedAtMs(slot) >= accessedAtMs) return;
    this.#index.setTimes(slot, { accessedAtMs, expiresAtMs: this.#index.expiresAtMs(slot) });
    this.#touched.add(slot);
    this.#flushSoon(this.#touched.size >= MAX_TOUCHES);
  }

  removeExpired(nowMs: number, maxEntries: number): Promise<Amount> {
    const untilMs = Math.min(nowMs, Number.MAX_VALUE);
    return this.#removeWhile(maxEntries, () => {
      const slot = this.#index.earliestExpiry;
      return slot !== NONE && this.#index.expiresAtMs(slot) <= untilMs ? slot : NONE;
    });
  }

  evict(bytes: number, maxEntries: number): Promise<Amount> {
    return this.#removeWhile(maxEntries, (removed) => (removed.bytes < bytes ? this.#index.oldest : NONE));
  }

  async flush(): Promise<void> {
    this.#assertOpen();
    await this.#flush();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  // ------------------------------------------------------------------------------------------------- giving back room

  async reclaim(): Promise<Reclaimed> {
    this.#assertOpen();
    this.#mayEvict = true;
    const isWorthwhile = await this.#reclaim();
    const evicted = this.#evicted;
    this.#evicted = NOTHING;
    return { isWorthwhile, evicted };
  }

  /** One step of compaction at a time, shared by all who want one. */
  #reclaim(): Promise<boolean> {
    this.#reclaiming ??= this.#compact().finally(() => {
      this.#reclaiming = undefined;
      this.#mayEvict = false;
    });
    return this.#reclaiming;
  }

  async #compact(): Promise<boolean> {
    const compaction = this.#compaction ?? this.#beginCompaction();
    if (compaction === undefined) return false;
    this.#compaction = compaction;
    try {
      const state = await compaction.step();
      // `clear` may have ended it.
      if (state === 'more' || this.#compaction !== compaction) return true;
      this.#compaction = undefined;
      if (state === 'blocked') return this.#mayEvict && (await this.#evictSegment(compaction.victim));
      await this.#giveUp(compaction.victim);
      this.#isOldestNext = removalsBytes(compaction.keptRemovals) > segmentBytesFor(this.#options.maxBytes) / 8;
      return true;
    } catch (error) {
      this.#compaction = undefined;
      if (this.#mayEvict && isFullDisk(error) && (await this.#evictSegment(compaction.victim))) return true;
      throw toStoreError(error, 'compaction');
    }
  }

  /** Where nothing can be copied, what lives in the segment is evicted, which gives all of it back. */
  async #evictSegment(segment: Segment): Promise<boolean> {
    // Removals in it that no checkpoint knows of would be lost, and what they removed would come back.
    if (segment.segmentId >= this.#checkpointSegmentId && !this.#writeCheckpoint()) return false;
    if (this.#isNeeded(segment)) return false;
    this.#forgetSegment(segment, (slot) => this.#countEvicted(slot));
    await this.#log.recycle(segment);
    return true;
  }

  #forgetSegment(segment: Segment, onEach: (slot: number) => void): void {
    for (let slot = this.#index.oldest; segment.liveBytes > 0 && slot !== NONE; ) {
      const newer = this.#index.newerThan(slot);
      if (this.#index.segmentId(slot) === segment.segmentId) {
        onEach(slot);
        this.#forget(slot);
      }
      slot = newer;
    }
  }

  #countEvicted(slot: number): void {
    this.#evicted = sum(this.#evicted, { entries: 1, bytes: this.#index.audioBytes(slot) });
  }

  /** Chooses the segment with the largest dead share, if moving the rest is worth it. */
  #beginCompaction(): Compaction | undefined {
    const { active, bytesOnDisk } = this.#log;
    const segments = this.#log.segments.filter((segment) => !this.#isNeeded(segment));
    const deadBytes = segments.reduce((bytes, segment) => bytes + segment.deadBytes, 0);
    const empty = segments.find((segment) => segment !== active && segment.liveBytes === 0);
    if (empty !== undefined) return this.#compactionOf(empty);
    const isPaying = deadBytes >= MIN_DEAD_BYTES && deadBytes >= bytesOnDisk * MAX_DEAD_SHARE;
    if (!isPaying && !(this.#isDiskFull && this.#mayEvict)) return undefined;
    const deadShare = (segment: Segment) => segment.deadBytes / segment.endBytes;
    const [oldest] = segments;
    if (oldest === undefined) return undefined;
    const emptier = (a: Segment, b: Segment) => (deadShare(b) > deadShare(a) ? b : a);
    const victim = this.#isOldestNext ? oldest : segments.reduce(emptier);
    // What is written to cannot be emptied; the next record begins a new one.
    if (victim === active) victim.isSealed = true;
    return this.#compactionOf(victim);
  }

  #compactionOf(victim: Segment, isRescue = false): Compaction {
    const { hashing } = this.#options;
    return new Compaction(victim, {
      log: this.#log,
      index: this.#index,
      seal: hashing.xxh64,
      evictUsedBeforeMs: this.#mayEvict && !isRescue ? this.#coldBeforeMs() : Number.NEGATIVE_INFINITY,
      isRescue,
      verify: (bytes, checksum) => hashing.verify(bytes, checksum),
      onGone: (slot, reason) => {
        if (reason === 'damaged') this.#damagedRecords++;
        else this.#countEvicted(slot);
        this.#forget(slot);
      },
    });
  }

  /** Under pressure, what was used before this would be evicted soon, and is not worth another write. */
  #coldBeforeMs(): number {
    if (this.#bytesOnDisk < this.#options.maxBytes * PRESSURE_SHARE) return Number.NEGATIVE_INFINITY;
    let slot = this.#index.oldest;
    for (let count = Math.floor(this.#index.size * COLD_SHARE); count > 0; count--) slot = this.#index.newerThan(slot);
    return slot === NONE ? Number.NEGATIVE_INFINITY : this.#index.accessedAtMs(slot);
  }

  /** Whether power loss could bring back an entry of the segment, since what took its place may go. */
  #isNeeded(segment: Segment): boolean {
    return this.#replaced.some((replaced) => replaced.segment === segment);
  }

  /** Gives a segment back that holds nothing any more; what was copied from it is safe first. */
  async #giveUp(segment: Segment): Promise<void> {
    await this.#flush();
    // Changes of times that stand in it and not yet in a checkpoint would go with it.
    if (segment.segmentId >= this.#checkpointSegmentId) this.#writeCheckpoint();
    // Looked at again: meanwhile entries in it may have been replaced.
    if (!this.#isNeeded(segment)) await this.#log.recycle(segment);
  }

  // ------------------------------------------------------------------------------------------------ the index and log

  /** Once this resolves or rejects it must be asked again; the slot is valid only until something is waited for. */
  #find(key: string): number {
    this.#assertOpen();
    return parseKey(key, this.#words) ? this.#index.find(this.#words) : NONE;
  }

  #segmentOf(slot: number): Segment | undefined {
    return this.#log.segment(this.#index.segmentId(slot));
  }

  async #isOpened(segment: Segment | undefined): Promise<boolean> {
    try {
      await segment?.open();
    } catch {
      // Taken away underneath us, or busy: a miss now, and perhaps there next time.
      return false;
    }
    this.#assertOpen();
    return segment !== undefined;
  }

  /** Removes an entry from the books. */
  #forget(slot: number): void {
    this.#segmentOf(slot)?.addLive(-(this.#index.headBytes(slot) + this.#index.bodyBytes(slot)));
    this.#touched.delete(slot);
    this.#index.delete(slot);
    this.#upkeepSoon();
  }

  /**
   * Runs what appends one record, at once if there is room: then everything has happened before this returns. Tried a
   * second time, in a new segment, when the disk fails.
   */
  async #append(recordBytes: number, append: () => void, beforeWaiting: () => void = () => {}): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        if (!this.#log.hasRoomFor(recordBytes)) {
          beforeWaiting();
          await this.#log.makeRoomFor(recordBytes);
        }
        append();
        this.#isDiskFull = false;
        break;
      } catch (error) {
        this.#isDiskFull ||= isFullDisk(error);
        if (attempt === 2 || !(error instanceof AudioCacheError) || error.code !== 'STORE_UNAVAILABLE') throw error;
      }
    }
    this.#flushSoon(this.#log.unflushedBytes >= FLUSH_BYTES);
    this.#upkeepSoon();
  }

  /** Removes what `next` gives, given what is removed already, until that is `NONE` or enough are gone. */
  async #removeWhile(maxEntries: number, next: (removed: Amount) => number): Promise<Amount> {
    this.#assertOpen();
    let removed = NOTHING;
    while (removed.entries < maxEntries && next(removed) !== NONE) {
      const stepEntries = Math.min(maxEntries - removed.entries, REMOVALS_PER_RECORD, this.#index.size);
      let items: RemovalItem[] | undefined;
      // Forgotten before the removal is written: when that fails, the entries are back after a restart. They were
      // removed to make room, not because somebody wanted them gone.
      const take = (): RemovalItem[] => {
        this.#assertOpen();
        const taken: RemovalItem[] = [];
        for (let slot = next(removed); slot !== NONE && taken.length < stepEntries; slot = next(removed)) {
          taken.push(this.#removalOf(slot));
          removed = sum(removed, { entries: 1, bytes: this.#index.audioBytes(slot) });
          this.#forget(slot);
        }
        return taken;
      };
      try {
        await this.#append(removalsBytes(stepEntries), () => {
          items ??= take();
          if (items.length > 0) this.#log.append(encodeRemovals(items));
        });
      } catch (error) {
        // On a full disk the removal itself finds no room, and is what gives some back.
        if (!isFullDisk(error)) throw error;
        items ??= take();
      }
      if (items === undefined || items.length < stepEntries) break;
    }
    return removed;
  }

  #removalOf(slot: number): RemovalItem {
    return { words: this.#index.words(slot).slice(), segmentId: this.#log.latestSegmentId };
  }

  #placeOf(slot: number): Place {
    return { segment: this.#segmentOf(slot), offsetBytes: this.#index.offsetBytes(slot) };
  }

  /** Makes a record unreadable where it lies. */
  async #strike({ segment, offsetBytes }: Place): Promise<void> {
    const file = segment?.file ?? (await segment?.open());
    // By now the file may hold another segment, or none.
    if (segment === undefined || file === undefined || this.#log.segment(segment.segmentId) !== segment) return;
    writeWhole(file, STRIKE, offsetBytes);
    this.#log.noteUnflushed(segment);
  }

  // ------------------------------------------------------------------------------------------------- reading records

  #readEntry(slot: number, file: RandomAccessFile, salt: number): Entry | undefined {
    const headBytes = this.#index.headBytes(slot);
    const bodyBytes = this.#index.bodyBytes(slot);
    const isSmall = headBytes + bodyBytes <= SCRATCH_BYTES;
    const readBytes = isSmall ? headBytes + bodyBytes : headBytes;
    const record = this.#readRecord(slot, file, salt, readBytes);
    if (record === undefined) return undefined;
    const { header, bytes } = record;
    const metadata = decodeMetadata(header, bytes.subarray(0, headBytes));
    if (isSmall) return { metadata, bytes: bytes.slice(headBytes).buffer };
    const body = new Uint8Array(bodyBytes);
    const isRead = this.#tryRead(file, body, this.#index.offsetBytes(slot) + headBytes);
    if (isRead === true) return { metadata, bytes: body.buffer };
    if (isRead === false) this.#dropDamaged(slot);
    return undefined;
  }

  #readStored(slot: number, file: RandomAccessFile, salt: number): StoredMetadata | undefined {
    const accessedAtMs = this.#index.accessedAtMs(slot);
    const record = this.#readRecord(slot, file, salt, this.#index.headBytes(slot));
    return record && { metadata: decodeMetadata(record.header, record.bytes), accessedAtMs };
  }

  /** Returns the first bytes of a record whose head is intact and the entry's own. They are valid until the next read. */
  #readRecord(
    slot: number,
    file: RandomAccessFile,
    salt: number,
    readBytes: number,
  ): { readonly header: RecordHeader; readonly bytes: Uint8Array<ArrayBuffer> } | undefined {
    const headBytes = this.#index.headBytes(slot);
    const bytes = readBytes <= SCRATCH_BYTES ? this.#scratch.subarray(0, readBytes) : new Uint8Array(readBytes);
    const isRead = this.#tryRead(file, bytes, this.#index.offsetBytes(slot));
    if (isRead === undefined) return undefined;
    const head = bytes.subarray(0, headBytes);
    const header = isRead ? decodeHeader(head, salt, this.#index.offsetBytes(slot)) : undefined;
    if (header !== undefined && isHeadIntact(this.#options.hashing.xxh64, head) && this.#isOf(slot, header, head)) {
      return { header, bytes };
    }
    this.#dropDamaged(slot);
    return undefined;
  }

  #isOf(slot: number, header: RecordHeader, head: Uint8Array): boolean {
    return (
      header.kind === 'entry' &&
      header.bodyBytes === this.#index.bodyBytes(slot) &&
      keyWordsOf(head).every((word, index) => word === this.#index.words(slot)[index])
    );
  }

  /** False when the file ends before; undefined when the disk failed, which it may not do the next time. */
  #tryRead(file: RandomAccessFile, target: Uint8Array, offsetBytes: number): boolean | undefined {
    try {
      return readWhole(file, target, offsetBytes);
    } catch {
      return undefined;
    }
  }

  /** An entry whose record is not what was written is never served, and not looked at again. */
  #dropDamaged(slot: number): void {
    this.#damagedRecords++;
    this.#forget(slot);
  }

  // ------------------------------------------------------------------------------------------------- places in the list

  #cursorOf(slot: number): string {
    return `log ${this.#index.accessedAtMs(slot)} ${keyOfWords(this.#index.words(slot))}`;
  }

  /** The slot at a place in the list, or `NONE` when its entry was used or removed since. */
  #at(cursor: string): number {
    const place = this.#parseCursor(cursor);
    const slot = place === undefined ? NONE : this.#index.find(place.words);
    return slot !== NONE && this.#index.accessedAtMs(slot) === place?.accessedAtMs ? slot : NONE;
  }

  /** The first slot behind a place in the list, which is named by an access rather than counted. */
  #firstAfter(cursor: string | undefined): number {
    const place = this.#parseCursor(cursor ?? '');
    if (cursor === undefined || place === undefined) return this.#index.newest;
    const same = this.#at(cursor);
    if (same !== NONE) return this.#index.olderThan(same);
    const { accessedAtMs, words } = place;
    const isAfter = (slot: number) =>
      isBefore(this.#index.accessedAtMs(slot), this.#index.words(slot), accessedAtMs, words);
    let slot = this.#index.newest;
    while (slot !== NONE && !isAfter(slot)) slot = this.#index.olderThan(slot);
    return slot;
  }

  /** Undefined for a cursor from elsewhere. The words are valid until the next key is parsed. */
  #parseCursor(cursor: string): { readonly accessedAtMs: number; readonly words: Uint32Array } | undefined {
    const [, accessedAt, key] = /^log (\S+) (\S+)$/.exec(cursor) ?? [];
    const accessedAtMs = Number(accessedAt);
    if (key === undefined || Number.isNaN(accessedAtMs) || !parseKey(key, this.#words)) return undefined;
    return { accessedAtMs, words: this.#words };
  }

  // ------------------------------------------------------------------------------------------------ flush and upkeep

  async #flush(): Promise<void> {
    this.#cancelFlush?.();
    this.#cancelFlush = undefined;
    this.#isFlushUrgent = false;
    if (this.#unsafe !== undefined) throw this.#unsafe;
    await this.#writeTouches();
    const isSafe = ({ bySegmentId }: Replaced) => {
      const segment = this.#log.segment(bySegmentId);
      return segment === undefined || this.#log.isNameDurable(segment);
    };
    const replaced = this.#replaced.filter(isSafe);
    this.#replaced = this.#replaced.filter((each) => !isSafe(each));
    const failures = this.#log.flush();
    for (const { segment, error } of failures) await this.#rescue(segment, error);
    // One damaged byte in a new record must not bring back the old one.
    for (const each of replaced) await this.#strike(each).catch(() => this.#replaced.push(each));
  }

  /**
   * After a failed flush nobody knows which of a segment's pages are on disk, and a second flush that succeeds says
   * nothing about them. So what can be read back and is right is written again elsewhere, and flushed there.
   */
  async #rescue(segment: Segment, error: unknown): Promise<void> {
    const compaction = this.#compactionOf(segment, true);
    if (this.#compaction?.victim === segment) this.#compaction = undefined;
    const damagedBefore = this.#damagedRecords;
    try {
      while ((await compaction.step()) === 'more');
      const [again] = this.#log.flush();
      if (again !== undefined) throw again.error;
      if (this.#damagedRecords > damagedBefore) throw error;
      // A copy whose file has too young a name is no reason to give the original up.
      if (this.#log.isActiveDurable) await this.#log.recycle(segment);
    } catch (cause) {
      this.#unsafe = new AudioCacheError('STORE_UNAVAILABLE', 'What was written could not be brought to safety.', {
        cause,
      });
      throw this.#unsafe;
    }
  }

  async #writeTouches(): Promise<void> {
    while (this.#touched.size > 0) {
      const slots = [...this.#touched].slice(0, MAX_TOUCHES);
      const append = () => {
        const items = slots
          .filter((slot) => this.#touched.has(slot))
          .map((slot) => ({
            words: this.#index.words(slot).slice(),
            accessedAtMs: this.#index.accessedAtMs(slot),
            expiresAtMs: this.#index.expiresAtMs(slot),
          }));
        if (items.length > 0) this.#log.append(encodeTouches(items));
      };
      try {
        await this.#append(touchesBytes(slots.length), append);
      } catch (error) {
        // They steer eviction only, and are rather lost than held for a disk that is full.
        if (!isFullDisk(error)) throw error;
      }
      for (const slot of slots) this.#touched.delete(slot);
    }
  }

  #flushSoon(isUrgent: boolean): void {
    if (this.#closing !== undefined || (this.#cancelFlush !== undefined && (!isUrgent || this.#isFlushUrgent))) return;
    this.#cancelFlush?.();
    this.#isFlushUrgent = isUrgent;
    this.#cancelFlush = this.#options.clock.schedule(
      () => {
        this.#cancelFlush = undefined;
        // Who asks for safety hears of a failure; this only bounds what a crash costs.
        this.#flush().catch(() => {});
      },
      isUrgent ? 0 : FLUSH_INTERVAL_MS,
    );
  }

  #upkeepSoon(): void {
    if (this.#closing !== undefined || this.#cancelUpkeep !== undefined) return;
    this.#cancelUpkeep = this.#options.clock.schedule(() => {
      this.#cancelUpkeep = undefined;
      this.#upkeep().then(
        (hasWorked) => {
          if (hasWorked) this.#upkeepSoon();
        },
        // The disk is full or gone: the next request finds out and reports it.
        () => {},
      );
    }, UPKEEP_INTERVAL_MS);
  }

  /** One piece of work that can wait; resolves to whether there was any. */
  async #upkeep(): Promise<boolean> {
    if (this.#closing !== undefined) return false;
    if (await this.#log.createSpare()) return true;
    if (this.#isCheckpointDue()) return this.#writeCheckpoint();
    return this.#reclaim();
  }

  #isCheckpointDue(): boolean {
    const intervalBytes = Math.max(
      MIN_CHECKPOINT_INTERVAL_BYTES,
      (CHECKPOINT_FACTOR * this.#checkpoints.bytesOnDisk) / 2,
    );
    return this.#log.bytesWritten - this.#checkpointAtBytes >= intervalBytes;
  }

  /**
   * Writes a checkpoint; false when it could not be, which only makes the next opening slower. What it points to is
   * flushed first: a checkpoint that survives power loss must not outlive its records.
   */
  #writeCheckpoint(): boolean {
    if (this.#log.flush().some(() => true)) return false;
    const { active, latestSegmentId, segments, spares } = this.#log;
    const state = {
      generation: this.#generation + 1,
      logSegmentId: active?.segmentId ?? latestSegmentId + 1,
      logOffset: active?.endBytes ?? 0,
      segments,
      spares: spares.map((spare) => ({ ...spare, segmentId: 0, salt: 0, endBytes: 0 })),
    };
    try {
      this.#checkpoints.write(encodeCheckpoint(this.#options.hashing.xxh64, state, this.#index));
    } catch {
      return false;
    }
    this.#generation = state.generation;
    this.#checkpointSegmentId = state.logSegmentId;
    this.#checkpointAtBytes = this.#log.bytesWritten;
    this.#log.noteCheckpoint();
    return true;
  }

  get #bytesOnDisk(): number {
    return this.#log.bytesOnDisk + this.#checkpoints.bytesOnDisk;
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw new AudioCacheError('CLOSED', 'The store was closed.');
  }

  async #close(): Promise<void> {
    this.#cancelFlush?.();
    this.#cancelUpkeep?.();
    try {
      await this.#reclaiming?.catch(() => {});
      await this.#flush();
      if (this.#log.bytesWritten > this.#checkpointAtBytes) this.#writeCheckpoint();
    } finally {
      this.#log.close();
      this.#checkpoints.close();
    }
  }
}
