/**
 * The disk engine: a log of records in a few large files, an index in memory, and nothing else. Faster than a database
 * because storing is one write to an open file and reading is one read.
 *
 * What survives what: a written record survives a killed process, a flushed one power loss, provided the name of its
 * file is old enough (`youngKeys` says for which entries it is not). Flushed at least every second. It does not judge
 * entries (`core/storage/store.ts`), and it must be the only one that has the directory open.
 *
 * Longer than other files on purpose: here are all operations of the contract, and when upkeep runs. How a change
 * reaches the disk and stays true beyond a crash: `indexed-log.ts`. How room is made: `reclaimer.ts`. What the bytes
 * are: `record.ts`.
 */
import { sum } from '../amount';
import type { Clock } from '../clock';
import type { Hashing } from '../hashing';
import type { NowOrLater } from '../now-or-later';
import { AudioCacheError } from '../protocol/audio-cache-error';
import type { Amount, Entry, StoreReport } from '../protocol/values';
import { isFullDisk, toStoreError } from './checked-io';
import { CheckpointFiles } from './checkpoint-files';
import { clearUnprotected } from './clear-unprotected';
import { REMOVALS_PER_RECORD } from './compaction';
import { endAfter } from './end-after-use';
import { EntryIndex, NONE } from './entry-index';
import { EntryPages } from './entry-pages';
import { IndexedLog } from './indexed-log';
import { keyOfWords, parseKey, WORDS_PER_KEY } from './key-words';
import { Log } from './log';
import { NoteFiles } from './note-files';
import { compressPcm, isCompressible } from './pcm-compression';
import type { FileDirectory } from './random-access-file';
import { Reclaimer } from './reclaimer';
import {
  encodeEntryHead,
  encodeRemovals,
  paddedBytes,
  type RemovalItem,
  removalsBytes,
  type StoredBody,
} from './record';
import { RecordReader } from './record-reader';
import { recover } from './recovery';
import { joinRemoved, NOTHING_REMOVED } from './removed';
import type { Segment } from './segment';
import type {
  AudioStore,
  EntrySummary,
  ListOptions,
  Reclaimed,
  Removed,
  StoredMetadata,
  StoredPage,
  Use,
} from './store';

const KIB = 1024;
const MIB = 1024 * KIB;
/** Segments are a 64th of the limit: small ones give space back sooner, large ones mean fewer files. */
const SEGMENTS_PER_LIMIT = 64;
const MIN_SEGMENT_BYTES = 256 * KIB;
const MAX_SEGMENT_BYTES = 8 * MIB;
/** What was written is safe from power loss after this time, or when so much has gathered. */
const FLUSH_INTERVAL_MS = 1_000;
const FLUSH_BYTES = 8 * MIB;
/** Accesses wait for the next flush, but no more of them than this. */
const MAX_TOUCHES = 500;
/** Pause between steps of upkeep, so that requests go first. */
const UPKEEP_INTERVAL_MS = 50;
/** How long to wait for a file to grow old enough. */
const BLOCKED_INTERVAL_MS = 10_000;
/** A checkpoint is due once the log behind the last one is this many times as long. */
const CHECKPOINT_FACTOR = 4;
const MIN_CHECKPOINT_INTERVAL_BYTES = 8 * MIB;

/** What a log store is opened with. */
export interface LogStoreOptions {
  /** Not opened by anybody else; the store has it to itself until it is closed. */
  readonly directory: FileDirectory;
  readonly clock: Clock;
  readonly hashing: Hashing;
  /** Uniform in [0, 1); marks segments, so that audio cannot pass for a record. */
  readonly random: () => number;
  /** Limit of the tier, which holds it; the store divides it into segments and knows by it when room is short. */
  readonly maxBytes: number;
}

/** The disk engine, and what whoever composes it needs to know beyond a store. */
export interface LogStore extends AudioStore {
  /** Keys of entries that a flush does not make safe from power loss yet, since the files they lie in are too young. */
  youngKeys(): readonly string[];
  /** Whether the key is one of them; looks at no other entry. */
  isYoung(key: string): boolean;
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
  const segmentBytes = segmentBytesFor(maxBytes);
  const log = new Log({ directory, seal: hashing.xxh64, nowMs, random, segmentBytes });
  const checkpoints = new CheckpointFiles(directory, hashing.xxh64);
  const index = new EntryIndex();
  try {
    const recovered = await recover({ directory, hashing, nowMs, checkpoints, log, index });
    const store = new IndexedLog({ log, index, checkpoints, hashing, ...recovered });
    return new SegmentLogStore(options, store);
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

class SegmentLogStore implements LogStore {
  readonly kind: 'opfs' | 'file';
  readonly #clock: Clock;
  readonly #hashing: Hashing;
  readonly #store: IndexedLog;
  readonly #log: Log;
  readonly #index: EntryIndex;
  readonly #reader: RecordReader;
  readonly #pages: EntryPages;
  readonly #reclaimer: Reclaimer;
  readonly #note: NoteFiles;
  readonly #words = new Uint32Array(WORDS_PER_KEY);
  #cancelFlush: (() => void) | undefined;
  #isFlushUrgent = false;
  #cancelUpkeep: (() => void) | undefined;
  #closing: Promise<void> | undefined;

  constructor({ directory, clock, hashing, maxBytes }: LogStoreOptions, store: IndexedLog) {
    this.kind = directory.kind;
    this.#clock = clock;
    this.#hashing = hashing;
    this.#store = store;
    this.#log = store.log;
    this.#index = store.index;
    this.#reader = new RecordReader(store, hashing);
    const isOpened = (segment: Segment | undefined) => this.#isOpened(segment);
    this.#pages = new EntryPages({ store, reader: this.#reader, isOpened });
    this.#reclaimer = new Reclaimer({ store, hashing, maxBytes });
    this.#note = new NoteFiles(directory, hashing.xxh64);
    this.#upkeepSoon();
  }

  // --------------------------------------------------------------------------------------------------------- reading

  read(key: string): NowOrLater<Entry | undefined> {
    if (this.#closing !== undefined) return Promise.reject(storeClosed());
    const slot = this.#find(key);
    if (slot === NONE) return undefined;
    const segment = this.#store.segmentOf(slot);
    if (segment?.file !== undefined) return this.#reader.readEntry(key, slot, segment);
    return this.#isOpened(segment).then((isOpened) => (isOpened ? this.read(key) : undefined));
  }

  async readMetadata(key: string): Promise<StoredMetadata | undefined> {
    for (;;) {
      const slot = this.#find(key);
      if (slot === NONE) return undefined;
      const segment = this.#store.segmentOf(slot);
      if (segment?.file !== undefined) return this.#reader.readStored(slot, segment);
      if (!(await this.#isOpened(segment))) return undefined;
    }
  }

  async list(options: ListOptions): Promise<StoredPage> {
    this.#assertOpen();
    return this.#pages.read(options);
  }

  async survey(keys: readonly string[]): Promise<readonly (EntrySummary | undefined)[]> {
    const index = this.#index;
    return keys.map((key) => {
      const slot = this.#find(key);
      if (slot === NONE) return undefined;
      const bytesOnDisk = paddedBytes(index.headBytes(slot) + index.bodyBytes(slot));
      return {
        byteLength: index.audioBytes(slot),
        bytesOnDisk,
        createdAtMs: index.createdAtMs(slot),
        ...index.useOf(slot),
      };
    });
  }

  async readNote(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    this.#assertOpen();
    return this.#note.read();
  }

  has(key: string): boolean {
    return this.#closing === undefined && this.#find(key) !== NONE;
  }

  usage(): Amount {
    return { entries: this.#index.size, bytes: this.#index.totalAudioBytes };
  }

  report(): StoreReport {
    const { bytesOnDisk, damagedRecords, index } = this.#store;
    return {
      bytesOnDisk: bytesOnDisk + this.#note.bytesOnDisk,
      bytesSavedByCompression: index.savedBytes,
      damagedRecords,
    };
  }

  youngKeys(): readonly string[] {
    const young = new Set(this.#log.segments.filter((segment) => !this.#log.isNameDurable(segment)));
    const keys: string[] = [];
    if (young.size === 0) return keys;
    for (let slot = this.#index.newest; slot !== NONE; slot = this.#index.olderThan(slot)) {
      const segment = this.#store.segmentOf(slot);
      if (segment !== undefined && young.has(segment)) keys.push(keyOfWords(this.#index.words(slot)));
    }
    return keys;
  }

  isYoung(key: string): boolean {
    const slot = this.#find(key);
    const segment = slot === NONE ? undefined : this.#store.segmentOf(slot);
    return segment !== undefined && !this.#log.isNameDurable(segment);
  }

  // --------------------------------------------------------------------------------------------------------- writing

  async write({ metadata, bytes }: Entry, accessedAtMs: number, durability: 'relaxed' | 'durable'): Promise<void> {
    this.#assertOpen();
    const words = new Uint32Array(WORDS_PER_KEY);
    if (!parseKey(metadata.key, words)) throw new TypeError(`${metadata.key} is no key`);
    let audio = new Uint8Array(bytes);
    let body: StoredBody = { bytes: audio, isCompressed: false, checksum: metadata.checksum };
    if (isCompressible(metadata.contentType, audio)) {
      audio = audio.slice();
      body = await this.#compressed(metadata.contentType, { ...body, bytes: audio });
    }
    const head = encodeEntryHead(words, metadata, accessedAtMs, body);
    const { createdAtMs, expiresAtMs } = metadata;
    await this.#append(
      head.byteLength + body.bytes.byteLength,
      () => {
        this.#assertOpen();
        this.#store.put(words, head, body.bytes, metadata.byteLength, {
          createdAtMs,
          accessedAtMs,
          expiresAtMs,
          hits: 0,
        });
      },
      // The caller has its buffer back as soon as something is waited for.
      () => {
        body = { ...body, bytes: body.bytes.slice() };
      },
    );
    if (durability === 'durable') await this.#flush();
  }

  async remove(key: string): Promise<number | undefined> {
    this.#assertOpen();
    if (this.#find(key) === NONE) return undefined;
    let removed: number | undefined;
    const forget = (slot: number) => {
      removed = this.#index.audioBytes(slot);
      const place = this.#store.placeOf(slot);
      if (place !== undefined) this.#store.strikeLater(key, place);
      this.#store.forget(slot);
    };
    try {
      await this.#append(removalsBytes(1), () => {
        const slot = this.#find(key);
        if (slot === NONE) return;
        this.#log.append(encodeRemovals([this.#store.removalOf(slot)], false));
        forget(slot);
      });
    } catch (error) {
      // A full disk has no room for the removal; striking records out takes none.
      if (!isFullDisk(error)) throw error;
      const slot = this.#find(key);
      const place = slot === NONE ? undefined : this.#store.placeOf(slot);
      if (place === undefined) return undefined;
      // The latest one last: killed in between, it is still there, and nothing earlier is found in its place.
      for (const each of [...this.#store.placesReplaced(key), place]) await this.#store.strike(each);
      const same = this.#find(key);
      if (same !== NONE) forget(same);
      this.#flushSoon(false);
      return removed;
    }
    return removed;
  }

  async clear(sparesProtected = false): Promise<Amount> {
    this.#assertOpen();
    this.#reclaimer.abandon();
    if (sparesProtected && this.#index.protectedSize > 0) {
      const removed = await clearUnprotected(this.#store, this.#reclaimer);
      this.#upkeepSoon();
      return removed;
    }
    const removed = this.usage();
    const { segments, active } = this.#log;
    // What is stored from now on goes into a segment of its own.
    if (active !== undefined) active.isSealed = true;
    this.#store.forgetAll();
    let failure: unknown;
    // Oldest first: a removal is younger than what it removes, so that killed in between nothing removed is back.
    for (const segment of segments) {
      await this.#log.recycle(segment).catch((error: unknown) => {
        failure ??= error;
      });
    }
    // A file that could not be emptied is known to the checkpoint as holding nothing.
    if (!this.#store.writeCheckpoint() && failure !== undefined) throw toStoreError(failure, 'clear');
    return removed;
  }

  touch(key: string, { accessedAtMs, hits = 1, expiresAtMs, isExtension = false }: Use): void {
    if (this.#closing !== undefined) return;
    const slot = this.#find(key);
    if (slot === NONE) return;
    const before = this.#index.useOf(slot);
    const use = {
      accessedAtMs: Math.max(accessedAtMs, before.accessedAtMs),
      expiresAtMs: endAfter(before.expiresAtMs, expiresAtMs, isExtension),
      hits: before.hits + hits,
    };
    const isSame = use.accessedAtMs === before.accessedAtMs && use.expiresAtMs === before.expiresAtMs;
    if (isSame && hits === 0) return;
    this.#store.touch(slot, use);
    this.#flushSoon(this.#store.touchedEntries >= MAX_TOUCHES);
  }

  limit(maxBytes: number): void {
    this.#log.segmentBytes = segmentBytesFor(maxBytes);
    this.#reclaimer.maxBytes = maxBytes;
  }

  protect(keys: Iterable<string>, isProtected: boolean): void {
    if (this.#closing !== undefined) return;
    for (const key of keys) this.#store.protect(key, isProtected);
  }

  async writeNote(bytes: Uint8Array<ArrayBuffer>, durability: 'relaxed' | 'durable'): Promise<void> {
    this.#assertOpen();
    await this.#note.write(bytes, durability);
    if (durability === 'relaxed') this.#flushSoon(false);
  }

  removeExpired(nowMs: number, maxEntries: number): Promise<Removed> {
    const untilMs = Math.min(nowMs, Number.MAX_VALUE);
    return this.#removeWhile(maxEntries, () => {
      const slot = this.#index.earliestExpiry;
      return slot !== NONE && this.#index.expiresAtMs(slot) <= untilMs ? slot : NONE;
    });
  }

  evict(bytes: number, maxEntries: number): Promise<Removed> {
    return this.#removeWhile(maxEntries, (removed) => (removed.bytes < bytes ? this.#index.oldestEvictable : NONE));
  }

  async reclaim(isUrgent = false): Promise<Reclaimed> {
    this.#assertOpen();
    return this.#reclaimer.makeRoom(isUrgent);
  }

  async flush(): Promise<void> {
    this.#assertOpen();
    await this.#flush();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  // --------------------------------------------------------------------------------------------------------- helpers

  /** The slot of a key, valid until something is waited for; `NONE` for what is no key, too. */
  #find(key: string): number {
    this.#assertOpen();
    return parseKey(key, this.#words) ? this.#index.find(this.#words) : NONE;
  }

  /** Opens a segment's file on first use; false when that cannot be done. */
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

  async #compressed(contentType: string, body: StoredBody): Promise<StoredBody> {
    const bytes = await compressPcm(contentType, body.bytes);
    if (bytes === undefined) return body;
    return { bytes, isCompressed: true, checksum: this.#hashing.checksum(bytes.buffer) };
  }

  async #append(recordBytes: number, append: () => void, beforeWaiting?: () => void): Promise<void> {
    await this.#store.append(recordBytes, append, beforeWaiting);
    this.#flushSoon(this.#log.unflushedBytes >= FLUSH_BYTES);
    this.#upkeepSoon();
  }

  /** Removes what `next` gives, given what is removed already, until that is `NONE` or enough are gone. */
  async #removeWhile(maxEntries: number, next: (removed: Amount) => number): Promise<Removed> {
    this.#assertOpen();
    const steps: Removed[] = [];
    let removed: Amount = NOTHING_REMOVED;
    while (removed.entries < maxEntries && next(removed) !== NONE) {
      const stepEntries = Math.min(maxEntries - removed.entries, REMOVALS_PER_RECORD, this.#index.size);
      let items: RemovalItem[] | undefined;
      // Forgotten before the removal is written: when that fails, the entries are back after a restart. They were
      // removed to make room, not because somebody wanted them gone.
      const take = (): RemovalItem[] => {
        this.#assertOpen();
        const taken: RemovalItem[] = [];
        const before = removed;
        for (let slot = next(removed); slot !== NONE && taken.length < stepEntries; slot = next(removed)) {
          taken.push(this.#store.removalOf(slot));
          removed = sum(removed, { entries: 1, bytes: this.#index.audioBytes(slot) });
          this.#store.forget(slot);
        }
        const keys = taken.map(({ words }) => keyOfWords(words));
        steps.push({ entries: taken.length, bytes: removed.bytes - before.bytes, keys });
        return taken;
      };
      try {
        await this.#append(removalsBytes(stepEntries), () => {
          items ??= take();
          if (items.length > 0) this.#log.append(encodeRemovals(items, true));
        });
      } catch (error) {
        // On a full disk the removal itself finds no room, and is what gives some back.
        if (!isFullDisk(error)) throw error;
        items ??= take();
      }
      if (items === undefined || items.length < stepEntries) break;
    }
    return joinRemoved(...steps);
  }

  // ---------------------------------------------------------------------------------------------- flush and upkeep

  async #flush(): Promise<void> {
    this.#cancelFlush?.();
    this.#cancelFlush = undefined;
    this.#isFlushUrgent = false;
    await this.#store.flush();
    this.#note.flush();
  }

  #flushSoon(isUrgent: boolean): void {
    if (this.#closing !== undefined || (this.#cancelFlush !== undefined && (!isUrgent || this.#isFlushUrgent))) return;
    this.#cancelFlush?.();
    this.#isFlushUrgent = isUrgent;
    this.#cancelFlush = this.#clock.schedule(
      () => {
        this.#cancelFlush = undefined;
        // Who asks for safety hears of a failure; this only bounds what a crash costs.
        this.#flush().catch(() => {});
      },
      isUrgent ? 0 : FLUSH_INTERVAL_MS,
    );
  }

  #upkeepSoon(delayMs = UPKEEP_INTERVAL_MS): void {
    if (this.#closing !== undefined || this.#cancelUpkeep !== undefined) return;
    this.#cancelUpkeep = this.#clock.schedule(() => {
      this.#cancelUpkeep = undefined;
      this.#upkeep().then(
        (hasWorked) => {
          if (hasWorked) this.#upkeepSoon();
          else if (this.#reclaimer.isBlocked) this.#upkeepSoon(BLOCKED_INTERVAL_MS);
        },
        // The disk is full or gone: the next request finds out and reports it.
        () => {},
      );
    }, delayMs);
  }

  /** One piece of work that can wait; resolves to whether there was any. */
  async #upkeep(): Promise<boolean> {
    if (this.#closing !== undefined) return false;
    if ((await this.#log.createSpare()) || (await this.#log.removeSpare()) || (await this.#log.openSpare()))
      return true;
    const intervalBytes = Math.max(MIN_CHECKPOINT_INTERVAL_BYTES, CHECKPOINT_FACTOR * this.#store.checkpointBytes);
    if (this.#store.bytesSinceCheckpoint >= intervalBytes) return this.#store.writeCheckpoint();
    return this.#reclaimer.step();
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw storeClosed();
  }

  async #close(): Promise<void> {
    this.#cancelFlush?.();
    this.#cancelUpkeep?.();
    try {
      await this.#reclaimer.settled();
      await this.#flush();
      if (this.#store.bytesSinceCheckpoint > 0) this.#store.writeCheckpoint();
    } finally {
      this.#store.close();
      this.#note.close();
    }
  }
}

function storeClosed(): AudioCacheError {
  return new AudioCacheError('CLOSED', 'The store was closed.');
}
