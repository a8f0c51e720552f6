/**
 * The disk tier (L2): a store, the judgement a store does not have, and an order of events a disk does not keep.
 *
 * Every entry read is checked (expiry, checksum, fingerprint), and the store is held under its limit. A disk is slow
 * and its operations overlap, yet to the outside each change is there at once: what is being written is found, what is
 * being deleted is gone, and a read that a change overtook brings nothing back. Nothing here rejects because a disk is
 * broken, except a put that was asked to be durable.
 *
 * Invariants: the changes of one key are carried out in the order in which they were asked for; `#planByKey` holds the
 * last one of each key until it is done; a read is in `#readByKey` only as long as no change of its key was asked for.
 */
import { NOTHING } from './amount';
import type { Clock } from './clock';
import { CLEANUP_STEP_ENTRIES, cleanDisk, type DiskCleanupResult } from './disk-cleanup';
import { createGiveWay } from './give-way';
import { GuardedStore } from './guarded-store';
import type { Hashing } from './hashing';
import type { Metrics } from './metrics/metrics';
import { type NowOrLater, proceed } from './now-or-later';
import { PinsOnDisk, sizeOf } from './pins-on-disk';
import { AudioCacheError } from './protocol/audio-cache-error';
import type {
  Amount,
  DiskConfig,
  Durability,
  Entry,
  EntryMetadata,
  EvictionReason,
  RemovalReason,
  StoreKind,
  StoreReport,
} from './protocol/values';
import type { AudioStore, EntrySummary, ListOptions, Removed, StoredMetadata, StoredPage } from './storage/store';

/** Share of the limit given back when the browser refuses a write for lack of room. */
const QUOTA_RELIEF = 0.05;
/** Giving room back on the disk takes so many steps at most before the write is tried again. */
const MAX_RELIEF_STEPS = 16;
/** The limit is not lowered below this: a disk that was full at the very start may have room by now. */
const MIN_ALLOWED_BYTES = 8 * 1024 * 1024;
/** A limit lowered because the disk was full is raised by so much at each cleanup, in case there is room again. */
const LIMIT_RECOVERY = 1.1;
/** After this many failed writes in a row the health report says so. */
const FAILING_WRITES = 3;

/** What the tier works with. */
export interface DiskTierOptions {
  /** Undefined: there is no disk, and every lookup is a miss. */
  readonly store: AudioStore | undefined;
  readonly config: DiskConfig;
  readonly hashing: Hashing;
  readonly clock: Clock;
  readonly metrics: Metrics;
  /** What is pinned; nothing is evicted or judged expired before `ready` has resolved. */
  readonly pins: { readonly ready: Promise<void>; isPinned(key: string): boolean };
  /** An entry was pinned before it was there, and does not fit: it is kept as any other. */
  readonly onUnpinnable: (key: string) => void;
  /** Entries left on their own account. */
  readonly onRemoval: (reason: RemovalReason, removed: Removed) => void;
  /** The store is lost for good. */
  readonly onLost: (error: AudioCacheError) => void;
}

/** What the disk will hold under a key: an entry, or nothing. */
interface Plan {
  readonly entry: Entry | undefined;
  readonly plannedAtMs: number;
  readonly done: Promise<unknown>;
}

/** Why an entry must not be served. */
type Fault = RemovalReason | 'unverifiable';

/** What was read, and what is wrong with it. */
interface Judged {
  readonly entry: Entry | undefined;
  readonly fault: Fault | undefined;
}

interface Reading {
  readonly entry: Promise<Entry | undefined>;
  /** How many wait for it and have not been given their bytes. */
  readers: number;
  /** Somebody outside asked for it, so that it counts. */
  isRequested: boolean;
}

/** Entries on disk by key. */
export class DiskTier {
  readonly #options: DiskTierOptions;
  readonly #store: GuardedStore;
  #config: DiskConfig;
  readonly #planByKey = new Map<string, Plan>();
  readonly #readByKey = new Map<string, Reading>();
  /** While everything is being removed: what was not planned since is gone. */
  #clearing: Promise<void> | undefined;
  #clearingSparesPins = false;
  /** Writes go one after the other, or several at once could exceed the limit together. */
  #lastWrite: Promise<unknown> = Promise.resolve();
  #cleanup: { readonly budgetMs: number; readonly result: Promise<DiskCleanupResult> } | undefined;
  /** Eviction need not give room back to the browser's quota: it is tried once until a write has succeeded again. */
  #isReliefSpent = false;
  #failedWritesInARow = 0;
  #firstFailedWriteAtMs = 0;
  /** What the disk really allows, as far as writing has shown; no estimate of the browser's counts. */
  #allowedBytes = Number.POSITIVE_INFINITY;

  readonly #pins: PinsOnDisk;

  constructor(options: DiskTierOptions) {
    this.#options = options;
    this.#config = options.config;
    this.#pins = new PinsOnDisk({
      isPinned: (key) => options.pins.isPinned(key),
      capacityBytes: () => this.maxBytes * this.#config.lowWater,
    });
    this.#store = new GuardedStore(options.store, options.metrics, options.onLost);
  }

  /** What holds the entries now. */
  get kind(): StoreKind {
    return this.#store.kind;
  }

  /** Entries and audio bytes on disk. */
  get usage(): Amount {
    return this.#store.usage;
  }

  /** What the store tells about its disk. */
  get report(): StoreReport {
    return this.#store.report;
  }

  /** The limit in force: the configured one, or less while the disk has less. */
  get maxBytes(): number {
    return Math.min(this.#config.maxBytes, this.#allowedBytes);
  }

  /** Pinned entries that are there, and their audio bytes. */
  get pinned(): Amount {
    return this.#pins.amount;
  }

  /** Changes the limits; what is above them now goes with the next cleanup or put. */
  configure(config: DiskConfig): void {
    if (config.maxBytes !== this.#config.maxBytes) this.#store.limit(config.maxBytes);
    this.#config = config;
  }

  /** Whether the tier keeps an entry whatever comes: it is pinned, and fits. */
  isKept(key: string): boolean {
    return this.#pins.isKept(key);
  }

  /** Whether an entry has ended. Pinned ones never do. */
  hasExpired({ key, expiresAtMs }: EntryMetadata): boolean {
    return expiresAtMs <= this.#options.clock.nowMs() && !this.isKept(key);
  }

  /**
   * Returns if what takes so much more of the disk can be pinned.
   * @throws AudioCacheError `QUOTA_EXCEEDED`; `STORE_UNAVAILABLE`: there is no disk to pin anything on
   */
  assertPinFits(bytesOnDisk: number): void {
    if (this.kind === 'none') throw noDiskForPins();
    this.#pins.assertFits(bytesOnDisk);
  }

  /**
   * What pinning the keys adds to what pins take on the disk: that of entries that are there and not pinned yet, and of those on
   * their way. `incomingBytes`: audio that is about to take the place of what is under the one key.
   */
  async bytesToPin(keys: readonly string[], incomingBytes?: number): Promise<number> {
    const summaries = await this.survey(keys);
    return keys.reduce((bytes, key, index) => {
      const pinnedBytes = this.#pins.bytesOf(key);
      const byteLength = incomingBytes ?? this.held(key)?.metadata.byteLength;
      const size = byteLength === undefined ? summaries[index] : sizeOf(byteLength);
      return bytes + (size?.bytesOnDisk ?? pinnedBytes) - pinnedBytes;
    }, 0);
  }

  /**
   * From now on the keys are pinned, or no more; entries stored later too. `incomingBytes`: what is about to be stored under
   * a key that is not there, and takes its room from now on.
   */
  async protect(keys: readonly string[], isProtected: boolean, incomingBytes?: number): Promise<void> {
    for (const key of keys) this.#pins.giveAnotherChance(key);
    this.#store.protect(keys, isProtected);
    if (!isProtected) {
      for (const key of keys) this.#pins.note(key, undefined);
      return;
    }
    const summaries = await this.survey(keys);
    for (const [index, key] of keys.entries()) {
      if (!this.isKept(key)) continue;
      const byteLength = incomingBytes ?? this.held(key)?.metadata.byteLength;
      this.#pins.note(key, byteLength === undefined ? summaries[index] : sizeOf(byteLength));
    }
  }

  /** What is known of each key without its record: undefined where there is no entry. */
  async survey(keys: readonly string[]): Promise<readonly (EntrySummary | undefined)[]> {
    const none = keys.map(() => undefined);
    return keys.length === 0 ? none : this.#store.attempt('diskReads', none, (store) => store.survey(keys));
  }

  /** Returns the state kept beside the entries, if any. @throws AudioCacheError `STORE_UNAVAILABLE` */
  async readNote(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    return this.kind === 'none' ? undefined : this.#store.run('diskReads', (store) => store.readNote());
  }

  /** Replaces the state kept beside the entries. @throws AudioCacheError `STORE_UNAVAILABLE`, `QUOTA_EXCEEDED` */
  async writeNote(bytes: Uint8Array<ArrayBuffer>, durability: 'relaxed' | 'durable'): Promise<void> {
    if (this.kind !== 'none') await this.#store.run('diskWrites', (store) => store.writeNote(bytes, durability));
  }

  /** Since when writes have been failing, if the last few in a row have. */
  get writesFailingSinceMs(): number | undefined {
    return this.#failedWritesInARow >= FAILING_WRITES ? this.#firstFailedWriteAtMs : undefined;
  }

  /** The entry that is on its way to disk under the key, unless it has expired. Its bytes stay the tier's. */
  held(key: string): Entry | undefined {
    const entry = this.#planByKey.get(key)?.entry;
    return entry !== undefined && !this.hasExpired(entry.metadata) ? entry : undefined;
  }

  /**
   * Returns an entry that is whole, unexpired, and the canonical spec's own; undefined otherwise. Those who have to wait for
   * one key share one read, and each owns the bytes it gets. An entry found damaged or foreign is removed and counted.
   */
  get(key: string, canonical: string | undefined): NowOrLater<Entry | undefined> {
    const { clock, metrics } = this.#options;
    if (this.kind === 'none') return undefined;
    if (this.#planByKey.has(key) || this.#isBeingCleared(key)) {
      const held = this.held(key);
      metrics.lookedUp('disk', held !== undefined, clock.nowMs());
      return held && copyOf(held);
    }
    return this.#read(key, canonical, true);
  }

  /** Returns an entry as `get` does, counted neither as a lookup nor as a use. The caller owns the bytes. */
  async peek(key: string): Promise<Entry | undefined> {
    if (this.#planByKey.has(key) || this.#isBeingCleared(key)) {
      const held = this.held(key);
      return held && copyOf(held);
    }
    return this.#read(key, undefined, false);
  }

  /** Returns an entry for the cache's own sake, unless it is wanted or changed just now; counted as nothing. */
  async reread(key: string): Promise<Entry | undefined> {
    // Somebody reads or changes it: it comes up on another occasion.
    if (this.#planByKey.has(key) || this.#isBeingCleared(key) || this.#readByKey.has(key)) return undefined;
    return this.#read(key, undefined, false);
  }

  /** Returns what is kept beside the audio of an unexpired entry, without checking the audio. */
  async getMetadata(key: string): Promise<StoredMetadata | undefined> {
    const plan = this.#planByKey.get(key);
    if (plan !== undefined || this.#isBeingCleared(key)) {
      const held = this.held(key);
      return held && { metadata: held.metadata, accessedAtMs: plan?.plannedAtMs ?? 0, hits: 0 };
    }
    const stored = await this.#store.attempt('diskReads', undefined, (store) => store.readMetadata(key));
    return stored && !(await this.#hasSurelyExpired(stored.metadata)) ? stored : undefined;
  }

  /** Notes that an entry was used so many times, though memory served it. With a time to live that slides it ends later. */
  use({ key, ttlMs }: EntryMetadata, usedAtMs: number, uses: number): void {
    const { slidingTtl } = this.#config;
    const expiresAtMs = slidingTtl ? usedAtMs + (ttlMs ?? this.#config.ttlMs) : undefined;
    this.#store.touch(key, { accessedAtMs: usedAtMs, hits: uses, expiresAtMs, isExtension: true });
  }

  /** Entries live for `ttlMs` from now on, or for their own time to live again; resolves to how many there were. */
  async extend(keys: readonly string[], ttlMs: number | undefined): Promise<number> {
    await this.#settled();
    const nowMs = this.#options.clock.nowMs();
    const summaries = await this.survey(keys);
    const giveWay = createGiveWay(this.#options.clock);
    let count = 0;
    for (const [index, key] of keys.entries()) {
      await giveWay();
      const summary = summaries[index];
      if (summary === undefined || (summary.expiresAtMs <= nowMs && !this.isKept(key))) continue;
      const ownTtlMs = ttlMs ?? (await this.getMetadata(key))?.metadata.ttlMs ?? this.#config.ttlMs;
      this.#store.touch(key, { accessedAtMs: summary.accessedAtMs, hits: 0, expiresAtMs: nowMs + ownTtlMs });
      count++;
    }
    return count;
  }

  /**
   * Stores or replaces an entry; resolves to whether it is on disk now. When it cannot be stored, what it was to
   * replace goes too: it must not come back later. The bytes must not be changed until then.
   * @throws AudioCacheError `STORE_UNAVAILABLE` or `QUOTA_EXCEEDED`, for puts that are required only, as durable ones are
   */
  put(
    entry: Entry,
    durability: Exclude<Durability, 'memory'>,
    isRequired = durability === 'durable',
  ): Promise<boolean> {
    return this.#change(entry.metadata.key, entry, () => {
      const written = this.#lastWrite.then(() => this.#write(entry, durability, isRequired));
      this.#lastWrite = written.catch(() => {});
      return written;
    });
  }

  /** Removes an entry; resolves to whether it was there or on its way. */
  async delete(key: string): Promise<boolean> {
    const wasHeld = this.held(key) !== undefined;
    const wasStored = await this.#change(key, undefined, () => this.#remove(key));
    return wasHeld || wasStored;
  }

  /** Removes everything, or all but what is pinned. */
  async clear(sparesPins = true): Promise<void> {
    const before = [
      this.#options.pins.ready,
      this.#clearing,
      ...[...this.#planByKey.values()].map((plan) => plan.done),
    ];
    for (const key of [...this.#planByKey.keys()]) if (!this.#isSpared(key, sparesPins)) this.#planByKey.delete(key);
    for (const key of [...this.#readByKey.keys()]) if (!this.#isSpared(key, sparesPins)) this.#readByKey.delete(key);
    this.#clearingSparesPins = sparesPins;
    const clearing = Promise.allSettled(before).then(async () => {
      await this.#store.attempt('diskWrites', NOTHING, (store) => store.clear(sparesPins));
      // What was pinned since is there, or about to be.
      this.#pins.forgetOthers();
      if (this.#clearing === clearing) this.#clearing = undefined;
    });
    this.#clearing = clearing;
    await clearing;
  }

  /** Lists entries, expired ones included; undefined without a working store. */
  async list(options: ListOptions): Promise<StoredPage | undefined> {
    await this.#settled();
    return this.#store.attempt('diskReads', undefined, (store) => store.list(options));
  }

  /**
   * Removes what has expired and, above the high-water mark, what was used longest ago; for `budgetMs` at most. A call
   * during a run that has at least its time shares that run.
   */
  async cleanup(budgetMs = Number.POSITIVE_INFINITY): Promise<DiskCleanupResult> {
    while (this.#cleanup !== undefined && this.#cleanup.budgetMs < budgetMs) await this.#cleanup.result;
    if (this.#cleanup === undefined) {
      const run = { budgetMs, result: this.#clean(budgetMs, 0) };
      this.#cleanup = run;
      const forget = () => {
        if (this.#cleanup === run) this.#cleanup = undefined;
      };
      run.result.then(forget, forget);
    }
    return this.#cleanup.result;
  }

  /**
   * Looks whether an entry is what was stored. A damaged one is removed and counted; `unverifiable` is one whose checksum
   * cannot be computed here, and `gone` one that is changed or removed just now.
   */
  async verify(key: string): Promise<'intact' | 'damaged' | 'unverifiable' | 'gone'> {
    const { hashing } = this.#options;
    const damagedBefore = this.report.damagedRecords;
    const entry = await this.#store.read(key);
    if (this.#planByKey.has(key) || this.#isBeingCleared(key)) return 'gone';
    // The store itself drops a record whose head is not what was written.
    if (entry === undefined) return this.report.damagedRecords > damagedBefore ? 'damaged' : 'gone';
    const verdict = hashing.verify(entry.bytes, entry.metadata.checksum);
    if (verdict === 'match') return 'intact';
    if (verdict !== 'mismatch') return 'unverifiable';
    await this.#discard(entry, 'corrupt');
    return 'damaged';
  }

  /** Resolves once all that was accepted survives power loss, as far as the store works. */
  async flush(): Promise<void> {
    await this.#settled();
    await this.#store.attempt('diskWrites', undefined, (store) => store.flush());
  }

  /** Finishes what was accepted, flushes, and lets go of the store. */
  async close(): Promise<void> {
    await this.#settled();
    await this.#cleanup?.result;
    await this.#store.close();
  }

  /** Plans what a key will hold and carries it out after everything that was planned for it before. */
  #change<Result>(key: string, entry: Entry | undefined, carryOut: () => Promise<Result>): Promise<Result> {
    const before = this.#planByKey.get(key)?.done ?? this.#clearing ?? Promise.resolve();
    this.#readByKey.delete(key);
    const done = before
      .catch(() => {})
      .then(carryOut)
      .finally(() => {
        if (this.#planByKey.get(key) === plan) this.#planByKey.delete(key);
      });
    const plan: Plan = { entry, plannedAtMs: this.#options.clock.nowMs(), done };
    this.#planByKey.set(key, plan);
    return done;
  }

  /**
   * Reads and judges: at once, if nothing has to be waited for and nothing is wrong with what is there. Else others can join
   * the read until it is over.
   */
  #read(key: string, canonical: string | undefined, isRequested: boolean): NowOrLater<Entry | undefined> {
    let reading = this.#readByKey.get(key);
    if (reading === undefined) {
      const judged = proceed(this.#store.read(key), (entry) => this.#judge(entry, canonical));
      if (!(judged instanceof Promise) && judged.fault === undefined) {
        if (isRequested) this.#noteRequest(judged.entry);
        return judged.entry;
      }
      reading = this.#beginReading(key, judged);
    }
    reading.isRequested ||= isRequested;
    return takeEntry(reading);
  }

  #beginReading(key: string, judged: NowOrLater<Judged>): Reading {
    const reading: Reading = {
      entry: this.#finishReading(key, judged, () => reading),
      readers: 0,
      isRequested: false,
    };
    this.#readByKey.set(key, reading);
    return reading;
  }

  /** Waits. `reading` is in `#readByKey` as long as no change of the key was asked for meanwhile. */
  async #finishReading(key: string, judged: NowOrLater<Judged>, reading: () => Reading): Promise<Entry | undefined> {
    const isCurrent = () => this.#readByKey.get(key) === reading();
    try {
      const { entry, fault } = await judged;
      const good = fault === undefined && isCurrent() ? entry : undefined;
      if (reading().isRequested) this.#noteRequest(good);
      // Of what is there now, after a change, nothing is known.
      if (entry !== undefined && fault !== undefined && isCurrent()) await this.#discard(entry, fault);
      return good;
    } finally {
      if (isCurrent()) this.#readByKey.delete(key);
    }
  }

  /** Counts what came of a request, and the use of what it found. */
  #noteRequest(entry: Entry | undefined): void {
    const nowMs = this.#options.clock.nowMs();
    this.#options.metrics.lookedUp('disk', entry !== undefined, nowMs);
    if (entry !== undefined) this.use(entry.metadata, nowMs, 1);
  }

  #judge(entry: Entry | undefined, canonical: string | undefined): NowOrLater<Judged> {
    if (entry === undefined) return { entry, fault: undefined };
    return proceed(this.#faultOf(entry, canonical), (fault) => ({ entry, fault }));
  }

  /** What is wrong with an entry that was read; told at once unless a hasher or the pins have to be waited for. */
  #faultOf({ bytes, metadata }: Entry, canonical: string | undefined): NowOrLater<Fault | undefined> {
    const { hashing } = this.#options;
    const judge = (hasExpired: boolean): NowOrLater<Fault | undefined> => {
      if (hasExpired) return 'expired';
      const verdict = hashing.verify(bytes, metadata.checksum);
      if (verdict !== 'match') return verdict === 'mismatch' ? 'corrupt' : 'unverifiable';
      if (canonical === undefined || metadata.fingerprint === undefined) return undefined;
      return proceed(hashing.fingerprint(canonical), (own) => (own === metadata.fingerprint ? undefined : 'collision'));
    };
    return proceed(this.#hasSurelyExpired(metadata), judge);
  }

  /** Whether an entry has ended, once it is known what is pinned; without waiting where that makes no difference. */
  #hasSurelyExpired(metadata: EntryMetadata): NowOrLater<boolean> {
    return this.hasExpired(metadata) && this.#options.pins.ready.then(() => this.hasExpired(metadata));
  }

  /** What is being cleared is gone to the outside already. */
  #isBeingCleared(key: string): boolean {
    return this.#clearing !== undefined && !this.#isSpared(key, this.#clearingSparesPins);
  }

  #isSpared(key: string, sparesPins: boolean): boolean {
    return sparesPins && this.isKept(key);
  }

  async #discard({ metadata, bytes }: Entry, fault: Fault): Promise<void> {
    const { metrics, onRemoval } = this.#options;
    // Another session, with another policy, may be able to verify it.
    if (fault === 'unverifiable') return;
    if (fault === 'expired') metrics.expired('disk', 1);
    if (fault === 'corrupt') metrics.errors.corrupt++;
    if (fault === 'collision') metrics.errors.collisions++;
    await this.delete(metadata.key);
    onRemoval(fault, { entries: 1, bytes: bytes.byteLength, keys: [metadata.key] });
  }

  async #remove(key: string): Promise<boolean> {
    this.#pins.note(key, undefined);
    return (await this.#store.attempt('diskWrites', undefined, (store) => store.remove(key))) !== undefined;
  }

  async #write(entry: Entry, durability: Exclude<Durability, 'memory'>, isRequired: boolean): Promise<boolean> {
    const { clock, metrics } = this.#options;
    const config = this.#config;
    const { key, byteLength } = entry.metadata;
    if (byteLength > config.maxBytes && this.kind !== 'none') {
      await this.#remove(key);
      if (isRequired) throw tooLarge(byteLength, config.maxBytes);
      return false;
    }
    try {
      if (!this.#pins.admit(key, byteLength)) {
        this.#store.protect([key], false);
        this.#options.onUnpinnable(key);
      }
      await this.#store.run('diskWrites', async (store) => {
        await this.#makeRoomFor(byteLength);
        await this.#writeWithRelief(store, entry, durability);
      });
      this.#failedWritesInARow = 0;
      this.#isReliefSpent = false;
      metrics.tiers.disk.puts++;
      if (this.isKept(key)) this.#pins.note(key, (await this.survey([key]))[0] ?? sizeOf(byteLength));
      // What was taken was allowed.
      this.#allowedBytes = Math.max(this.#allowedBytes, this.report.bytesOnDisk * LIMIT_RECOVERY);
      if (this.report.bytesOnDisk > this.maxBytes * config.highWater) void this.cleanup();
      return true;
    } catch (error) {
      if (this.kind !== 'none') {
        if (this.#failedWritesInARow++ === 0) this.#firstFailedWriteAtMs = clock.nowMs();
        await this.#remove(key);
      }
      if (isRequired) throw error;
      return false;
    }
  }

  /** Evicts until the entry fits under the limit. Nothing else is written meanwhile. */
  async #makeRoomFor(byteLength: number): Promise<void> {
    const hasRoom = () => this.report.bytesOnDisk + byteLength <= this.maxBytes;
    if (hasRoom()) return;
    // One that runs already does not know of this entry.
    await this.#cleanup?.result;
    await this.#clean(Number.POSITIVE_INFINITY, byteLength);
    // What is pinned leaves no room for it.
    if (!hasRoom() && this.#pins.bytesOnDisk > 0) throw tooLarge(byteLength, this.maxBytes - this.#pins.bytesOnDisk);
  }

  /** Writes; when the browser has no room, gives some back and tries once more. */
  async #writeWithRelief(store: AudioStore, entry: Entry, durability: Exclude<Durability, 'memory'>): Promise<void> {
    const { clock } = this.#options;
    const config = this.#config;
    try {
      await store.write(entry, clock.nowMs(), durability);
    } catch (error) {
      const isFull = error instanceof AudioCacheError && error.code === 'QUOTA_EXCEEDED';
      if (!isFull || this.#isReliefSpent) throw error;
      this.#isReliefSpent = true;
      const fullAtBytes = store.report().bytesOnDisk;
      this.#allowedBytes = Math.max(fullAtBytes, Math.min(config.maxBytes * QUOTA_RELIEF, MIN_ALLOWED_BYTES));
      const wantedBytes = Math.max(config.maxBytes * QUOTA_RELIEF, entry.bytes.byteLength * 2);
      // Bounded, so that a disk filled by somebody else does not empty the cache.
      const reliefBytes = Math.min(wantedBytes, store.usage().bytes / 4);
      await this.#options.pins.ready;
      this.#removed('evicted', await store.evict(reliefBytes, CLEANUP_STEP_ENTRIES), 'quota');
      for (let step = 0; step < MAX_RELIEF_STEPS; step++) {
        if (fullAtBytes - store.report().bytesOnDisk >= reliefBytes) break;
        const { isWorthwhile, evicted } = await store.reclaim(true);
        this.#removed('evicted', evicted, 'quota');
        if (!isWorthwhile) break;
      }
      await store.write(entry, clock.nowMs(), durability);
    }
  }

  async #clean(budgetMs: number, incomingBytes: number): Promise<DiskCleanupResult> {
    const { clock, pins } = this.#options;
    await pins.ready;
    const onRemoval = (reason: 'expired' | 'evicted', removed: Removed) => this.#removed(reason, removed, 'limit');
    const { maxBytes } = this;
    this.#allowedBytes *= LIMIT_RECOVERY;
    return cleanDisk({ store: this.#store, config: this.#config, maxBytes, clock, onRemoval }, budgetMs, incomingBytes);
  }

  #removed(reason: 'expired' | 'evicted', removed: Removed, why: EvictionReason): void {
    if (removed.entries === 0) return;
    const { metrics, onRemoval } = this.#options;
    if (reason === 'expired') metrics.expired('disk', removed.entries);
    else metrics.evicted('disk', why, removed.entries);
    onRemoval(reason, removed);
  }

  /** Resolves once every change asked for so far is carried out. */
  async #settled(): Promise<void> {
    await Promise.allSettled([this.#clearing, ...[...this.#planByKey.values()].map((plan) => plan.done)]);
  }
}

/** Waits for a read; the last one of its readers gets the bytes that were read, the others copies. */
async function takeEntry(reading: Reading): Promise<Entry | undefined> {
  reading.readers++;
  const entry = await reading.entry;
  reading.readers--;
  return entry === undefined || reading.readers === 0 ? entry : copyOf(entry);
}

function copyOf(entry: Entry): Entry {
  return { ...entry, bytes: entry.bytes.slice(0) };
}

function noDiskForPins(): AudioCacheError {
  return new AudioCacheError(
    'STORE_UNAVAILABLE',
    'Nothing can be pinned, since there is no working disk store; stats().health says why.',
  );
}

function tooLarge(byteLength: number, maxBytes: number): AudioCacheError {
  const message = `The audio has ${byteLength} bytes and the disk tier may hold ${Math.max(0, maxBytes)} beside what is pinned; raise disk.maxBytes.`;
  return new AudioCacheError('QUOTA_EXCEEDED', message);
}
