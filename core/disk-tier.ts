/**
 * The disk tier (L2): a store, and the judgement a store does not have.
 *
 * It checks every entry it reads (expiry, checksum, fingerprint), holds the store under its limit, and turns every
 * failure of the store into a miss or a "not kept": nothing here ever rejects because a disk is broken, except a put
 * that was explicitly asked to be durable. A store that is lost for good leaves the cache with memory only, said once.
 */
import type { Clock } from './clock';
import type { Hashing } from './hashing';
import type { Metrics } from './metrics/metrics';
import { AudioCacheError } from './protocol/audio-cache-error';
import type { Amount, DiskConfig, Durability, Entry, RemovalReason, StoreKind } from './protocol/values';
import type { AudioStore, StoredMetadata, StoredPage } from './storage/store';

/** How many entries one step of a cleanup removes; a read waits for one step at most. */
const CLEANUP_STEP_ENTRIES = 50;
/** Share of the limit given back when the browser refuses a write for lack of room. */
const QUOTA_RELIEF = 0.05;
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
  /** Entries left on their own account. */
  readonly onRemoval: (reason: RemovalReason, amount: Amount) => void;
  /** The store is lost for good. */
  readonly onLost: (error: AudioCacheError) => void;
}

/** What `cleanup` removed, and whether it was finished. */
export interface DiskCleanup {
  readonly expired: Amount;
  readonly evicted: Amount;
  readonly complete: boolean;
}

/** Entries on disk by key. */
export class DiskTier {
  readonly #options: DiskTierOptions;
  #store: AudioStore | undefined;
  #cleanup: Promise<DiskCleanup> | undefined;
  #failedWritesInARow = 0;
  #firstFailedWriteAtMs = 0;

  constructor(options: DiskTierOptions) {
    this.#options = options;
    this.#store = options.store;
  }

  /** What holds the entries now. */
  get kind(): StoreKind {
    return this.#store?.kind ?? 'none';
  }

  /** Entries and audio bytes on disk. */
  get usage(): Amount {
    return this.#store?.usage() ?? NOTHING;
  }

  /** Since when writes have been failing, if the last few in a row have. */
  get writesFailingSinceMs(): number | undefined {
    return this.#failedWritesInARow >= FAILING_WRITES ? this.#firstFailedWriteAtMs : undefined;
  }

  /**
   * Returns an entry that is whole, unexpired, and the canonical spec's own; undefined otherwise. The caller owns the
   * bytes. An entry found damaged or foreign is removed and counted.
   */
  async get(key: string, canonical: string | undefined): Promise<Entry | undefined> {
    const { clock, metrics } = this.#options;
    if (this.#store === undefined) return undefined;
    const entry = await this.#attempt('diskReads', undefined, (store) => store.read(key));
    const nowMs = clock.nowMs();
    const usable = entry !== undefined && (await this.#isUsable(entry, canonical, nowMs));
    metrics.lookedUp('disk', usable, nowMs);
    if (!usable) return undefined;
    this.#store?.touch(key, nowMs);
    return entry;
  }

  /** Returns what is kept beside the audio of an unexpired entry, without checking the audio. */
  async getMetadata(key: string): Promise<StoredMetadata | undefined> {
    const stored = await this.#attempt('diskReads', undefined, (store) => store.readMetadata(key));
    return stored && stored.metadata.expiresAtMs > this.#options.clock.nowMs() ? stored : undefined;
  }

  /** Notes that an entry was used, though memory served it. */
  touch(key: string, nowMs: number): void {
    this.#store?.touch(key, nowMs);
  }

  /**
   * Stores an entry; resolves to whether it is on disk now. The bytes stay the caller's.
   * @throws AudioCacheError `STORE_UNAVAILABLE` or `QUOTA_EXCEEDED`, for durable puts only.
   */
  async put(entry: Entry, durability: Exclude<Durability, 'memory'>): Promise<boolean> {
    const { clock, config, metrics } = this.#options;
    if (this.#store === undefined) {
      if (durability === 'durable') throw storeUnavailable();
      return false;
    }
    const byteLength = entry.bytes.byteLength;
    if (byteLength > config.maxBytes) return false;
    if (this.usage.bytes + byteLength > config.maxBytes) await this.cleanup(undefined, byteLength);
    try {
      await this.#writeWithRelief(entry, durability);
      this.#failedWritesInARow = 0;
      metrics.tiers.disk.puts++;
      if (this.usage.bytes > config.maxBytes * config.highWater) void this.cleanup();
      return true;
    } catch (error) {
      if (this.#failedWritesInARow++ === 0) this.#firstFailedWriteAtMs = clock.nowMs();
      this.#failed('diskWrites', error);
      if (durability === 'durable') throw error;
      return false;
    }
  }

  /** Removes an entry; resolves to whether it was there. */
  async delete(key: string): Promise<boolean> {
    return (await this.#attempt('diskWrites', undefined, (store) => store.remove(key))) !== undefined;
  }

  /** Removes everything. */
  async clear(): Promise<void> {
    await this.#attempt('diskWrites', NOTHING, (store) => store.clear());
  }

  /** Lists entries by last access, expired ones included; undefined without a working store. */
  list(limit: number, cursor: string | undefined): Promise<StoredPage | undefined> {
    return this.#attempt('diskReads', undefined, (store) => store.list(limit, cursor));
  }

  /**
   * Removes what has expired and, above the high-water mark, the entries used longest ago down to the low one. Works
   * in small steps, so that reads go between, and stops once `budgetMs` are over. Calls overlapping in time share one
   * run. `incomingBytes` are counted as if they were stored already.
   */
  cleanup(budgetMs = Number.POSITIVE_INFINITY, incomingBytes = 0): Promise<DiskCleanup> {
    this.#cleanup ??= this.#runCleanup(budgetMs, incomingBytes).finally(() => {
      this.#cleanup = undefined;
    });
    return this.#cleanup;
  }

  /** Resolves once all that was accepted survives power loss, as far as the store works. */
  async flush(): Promise<void> {
    await this.#attempt('diskWrites', undefined, (store) => store.flush());
  }

  /** Flushes and lets go of the store. */
  async close(): Promise<void> {
    const store = this.#store;
    this.#store = undefined;
    await this.#cleanup;
    await store?.close().catch((error: unknown) => this.#failed('diskWrites', error));
  }

  async #isUsable(entry: Entry, canonical: string | undefined, nowMs: number): Promise<boolean> {
    const { hashing, metrics } = this.#options;
    const { key, checksum, expiresAtMs, fingerprint } = entry.metadata;
    if (expiresAtMs <= nowMs) {
      await this.#discard(key, 'expired', entry);
      return false;
    }
    const verdict = hashing.verify(entry.bytes, checksum);
    if (verdict === 'mismatch') {
      metrics.errors.corrupt++;
      await this.#discard(key, 'corrupt', entry);
    }
    if (verdict !== 'match') return false;
    if (canonical === undefined || fingerprint === undefined) return true;
    if ((await hashing.fingerprint(canonical)) === fingerprint) return true;
    metrics.errors.collisions++;
    await this.#discard(key, 'collision', entry);
    return false;
  }

  async #discard(key: string, reason: RemovalReason, entry: Entry): Promise<void> {
    if (reason === 'expired') this.#options.metrics.tiers.disk.expirations++;
    await this.delete(key);
    this.#options.onRemoval(reason, { entries: 1, bytes: entry.bytes.byteLength });
  }

  /** Writes; when the browser has no room, gives some back and tries once more. */
  async #writeWithRelief(entry: Entry, durability: Exclude<Durability, 'memory'>): Promise<void> {
    const store = this.#store;
    if (store === undefined) throw storeUnavailable();
    try {
      await store.write(entry, this.#options.clock.nowMs(), durability);
    } catch (error) {
      if (!(error instanceof AudioCacheError) || error.code !== 'QUOTA_EXCEEDED') throw error;
      const wantedBytes = Math.max(this.#options.config.maxBytes * QUOTA_RELIEF, entry.bytes.byteLength * 2);
      // Bounded, so that a disk filled by somebody else does not empty the cache.
      const evicted = await store.evict(Math.min(wantedBytes, store.usage().bytes / 4), CLEANUP_STEP_ENTRIES);
      this.#removed('evicted', evicted);
      await store.write(entry, this.#options.clock.nowMs(), durability);
    }
  }

  async #runCleanup(budgetMs: number, incomingBytes: number): Promise<DiskCleanup> {
    const { clock, config } = this.#options;
    const endsAtMs = clock.nowMs() + budgetMs;
    const isOver = () => clock.nowMs() >= endsAtMs;
    let expired = NOTHING;
    let evicted = NOTHING;
    for (;;) {
      const step = await this.#attempt('diskWrites', NOTHING, (store) =>
        store.removeExpired(clock.nowMs(), CLEANUP_STEP_ENTRIES),
      );
      this.#removed('expired', step);
      expired = sum(expired, step);
      if (step.entries < CLEANUP_STEP_ENTRIES) break;
      if (isOver()) return { expired, evicted, complete: false };
    }
    if (this.usage.bytes + incomingBytes <= config.maxBytes * config.highWater) {
      return { expired, evicted, complete: true };
    }
    const target = config.maxBytes * config.lowWater - incomingBytes;
    while (this.usage.bytes > target) {
      if (isOver()) return { expired, evicted, complete: false };
      const step = await this.#attempt('diskWrites', NOTHING, (store) =>
        store.evict(store.usage().bytes - target, CLEANUP_STEP_ENTRIES),
      );
      if (step.entries === 0) break;
      this.#removed('evicted', step);
      evicted = sum(evicted, step);
    }
    return { expired, evicted, complete: true };
  }

  #removed(reason: 'expired' | 'evicted', amount: Amount): void {
    if (amount.entries === 0) return;
    const counters = this.#options.metrics.tiers.disk;
    if (reason === 'expired') counters.expirations += amount.entries;
    else counters.evictions += amount.entries;
    this.#options.onRemoval(reason, amount);
  }

  /** Runs an operation of the store; a failure is counted and becomes `otherwise`. */
  async #attempt<Result>(
    kind: 'diskReads' | 'diskWrites',
    otherwise: Result,
    operation: (store: AudioStore) => Promise<Result>,
  ): Promise<Result> {
    if (this.#store === undefined) return otherwise;
    try {
      return await operation(this.#store);
    } catch (error) {
      this.#failed(kind, error);
      return otherwise;
    }
  }

  #failed(kind: 'diskReads' | 'diskWrites', error: unknown): void {
    const { metrics, onLost } = this.#options;
    metrics.errors[kind]++;
    metrics.tiers.disk.errors++;
    // A store says this only after its own attempts to reopen have failed.
    if (this.#store === undefined || !(error instanceof AudioCacheError) || error.code !== 'STORE_UNAVAILABLE') return;
    this.#store.close().catch(() => {});
    this.#store = undefined;
    onLost(error);
  }
}

const NOTHING: Amount = { entries: 0, bytes: 0 };

function sum(a: Amount, b: Amount): Amount {
  return { entries: a.entries + b.entries, bytes: a.bytes + b.bytes };
}

function storeUnavailable(): AudioCacheError {
  return new AudioCacheError(
    'STORE_UNAVAILABLE',
    'There is no working disk store here, so nothing can be stored durably; stats().runtime.store says what is used.',
  );
}
