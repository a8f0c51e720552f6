/** The memory tier and the caches it is compared with, behind one get and one put. */
import { LRUCache } from 'lru-cache';
import { LRUMap } from 'mnemonist';
import QuickLRU from 'quick-lru';
import { lru } from 'tiny-lru';
import { MemoryTier } from '../../core/memory-tier';
import type { Entry } from '../../core/protocol/values';

const TTL_MS = 3_600_000;

/** One cache. The time is one that was read once for many calls. */
export interface LruSubject {
  get(key: string, nowMs: number): Entry | undefined;
  /** Beyond its bounds the subject evicts. */
  put(entry: Entry, nowMs: number): void;
}

/** Room for so many entries of so many bytes of audio each. */
export interface LruBounds {
  readonly maxEntries: number;
  readonly entryBytes: number;
}

/** The tier under test, handed a time that was read once for many calls, as `lru-cache` by default reads its own. */
export const TIER = 'Reprise MemoryTier';
/** The tier with the clock read for each call, as `core/audio-cache.ts` does. */
export const CLOCKED_TIER = 'Reprise MemoryTier, clock read each time';
/** What the target names, doing the same job: bounded by bytes, with a time to live. */
export const PEER = 'lru-cache: bytes, TTL';
/** The same with the clock read for each call; by default one reading serves a whole millisecond. */
export const CLOCKED_PEER = 'lru-cache: bytes, TTL, clock read each time';
/** The same package with nothing but a count to watch. */
export const BARE_PEER = 'lru-cache: count only';

/** How each subject is made, by its name. */
export const LRU_SUBJECTS: Readonly<Record<string, (bounds: LruBounds) => LruSubject>> = {
  [TIER]: createTier,
  [CLOCKED_TIER]: (bounds) => {
    const tier = createTier(bounds);
    return { get: (key) => tier.get(key, Date.now()), put: (entry) => tier.put(entry, Date.now()) };
  },
  [PEER]: (bounds) => byKey(new LRUCache<string, Entry>(lruCacheOptions(bounds))),
  [CLOCKED_PEER]: (bounds) => byKey(new LRUCache<string, Entry>({ ...lruCacheOptions(bounds), ttlResolution: 0 })),
  [BARE_PEER]: ({ maxEntries }) => byKey(new LRUCache<string, Entry>({ max: maxEntries })),
  // Keeps up to twice as many entries as it is told, in two generations.
  'quick-lru: count, TTL': ({ maxEntries }) =>
    byKey(new QuickLRU<string, Entry>({ maxSize: maxEntries, maxAge: TTL_MS })),
  'tiny-lru: count, TTL': ({ maxEntries }) => byKey(lru<Entry>(maxEntries, TTL_MS)),
  'mnemonist LRUMap: count only': ({ maxEntries }) => byKey(new LRUMap<string, Entry>(maxEntries)),
  'Map order: count only': ({ maxEntries }) => byKey(new MapOrderLru(maxEntries)),
};

/** With the default water marks: at `maxEntries` it evicts a ninth of its entries at once. */
function createTier({ maxEntries, entryBytes }: LruBounds): MemoryTier {
  const highWater = 0.9;
  const maxBytes = Math.ceil((maxEntries * entryBytes) / highWater);
  const config = { maxBytes, maxEntries: Number.POSITIVE_INFINITY, ttlMs: TTL_MS, highWater, lowWater: 0.8 };
  return new MemoryTier(config, Date.now());
}

/** No `max` beside `maxSize`: with it, inserting took a fifth longer. */
function lruCacheOptions({ maxEntries, entryBytes }: LruBounds) {
  return {
    maxSize: maxEntries * entryBytes,
    sizeCalculation: ({ bytes }: Entry) => bytes.byteLength,
    ttl: TTL_MS,
  };
}

function byKey(cache: { get(key: string): Entry | undefined; set(key: string, entry: Entry): unknown }): LruSubject {
  return {
    get: (key) => cache.get(key),
    put: (entry) => {
      cache.set(entry.metadata.key, entry);
    },
  };
}

/** The LRU everybody writes: a `Map` is its own order, and an access is a delete and a set. */
class MapOrderLru {
  readonly #maxEntries: number;
  readonly #entryByKey = new Map<string, Entry>();

  constructor(maxEntries: number) {
    this.#maxEntries = maxEntries;
  }

  get(key: string): Entry | undefined {
    const entry = this.#entryByKey.get(key);
    if (entry === undefined) return undefined;
    this.#entryByKey.delete(key);
    this.#entryByKey.set(key, entry);
    return entry;
  }

  set(key: string, entry: Entry): void {
    this.#entryByKey.delete(key);
    this.#entryByKey.set(key, entry);
    if (this.#entryByKey.size <= this.#maxEntries) return;
    const [oldest] = this.#entryByKey.keys();
    if (oldest !== undefined) this.#entryByKey.delete(oldest);
  }
}
