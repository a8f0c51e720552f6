/**
 * The memory tier (L1): the most recently used entries, bounded by their audio bytes.
 *
 * A map finds an entry, a list through the entries knows which was used longest ago, a wheel knows which has expired;
 * every operation is O(1), amortised over the entries it removes. Eviction starts at the high-water mark and goes down
 * to the low one, expired entries first, and always before an insert: the limit is never exceeded, not even briefly.
 * It never copies: whoever hands bytes in or out decides who owns them.
 */
import { NOTHING } from './amount';
import { type LruLinks, LruList } from './eviction/lru';
import { ExpiryWheel, type WheelLinks } from './expiry-wheel';
import type { Amount, Entry, MemoryConfig } from './protocol/values';

/** Whom the tier tells what. */
export interface MemoryTierListeners {
  /** Entries left on their own account. */
  readonly onRemoval?: (reason: 'expired' | 'evicted', amount: Amount) => void;
  /**
   * An entry has been used so many times since this was said last, at most once in `useIntervalMs` for each: a disk tier
   * that heard of no memory hit would evict first what memory serves most. Also when a used entry leaves.
   */
  readonly onUse?: (entry: Entry, usedAtMs: number, uses: number) => void;
  /** The same, key by key, for whoever has no disk to hear of it from. */
  readonly onRemovedKey?: (key: string, reason: 'expired' | 'evicted') => void;
  /** Default one minute. */
  readonly useIntervalMs?: number;
}

const USE_INTERVAL_MS = 60_000;
/** One step of a cleanup removes so many entries: less than a millisecond, after which others have their turn. */
const STEP_ENTRIES = 2_000;

/** What a step of a cleanup removed. */
export interface Reclaimed {
  readonly expired: Amount;
  readonly evicted: Amount;
  /** There is nothing left to remove. */
  readonly isComplete: boolean;
}

/** An entry and when it was used. */
export interface HeldEntry {
  readonly entry: Entry;
  readonly accessedAtMs: number;
  /** Uses since it was put in, and those of them that `onUse` has not been told. */
  readonly uses: number;
  readonly unreportedUses: number;
}

/**
 * Times are milliseconds since the tier was made: for twelve days these are small integers to V8, which keeps larger
 * numbers in boxes of their own, and those would make an insert half as slow again.
 */
interface MemoryNode extends LruLinks<MemoryNode>, WheelLinks<MemoryNode> {
  readonly entry: Entry;
  readonly byteLength: number;
  usedMs: number;
  uses: number;
  /** When `onUse` was last told, or the entry put in; and how many uses it was told of. */
  reportedMs: number;
  reportedUses: number;
}

/** Entries in memory by key. */
export class MemoryTier {
  #config: MemoryConfig;
  readonly #useIntervalMs: number;
  /** Expired, taken out of the wheel, and to be removed. Some may have been removed since. */
  #expired: MemoryNode[] = [];
  readonly #listeners: MemoryTierListeners;
  readonly #nodeByKey = new Map<string, MemoryNode>();
  readonly #byUse = new LruList<MemoryNode>();
  readonly #byExpiry = new ExpiryWheel<MemoryNode>(0);
  /** Where the times of nodes begin. */
  readonly #startMs: number;
  /** The sum of `bytes.byteLength` over `#nodeByKey`, always. */
  #bytes = 0;

  constructor(config: MemoryConfig, nowMs: number, listeners: MemoryTierListeners = {}) {
    this.#config = config;
    this.#listeners = listeners;
    this.#useIntervalMs = listeners.useIntervalMs ?? USE_INTERVAL_MS;
    this.#startMs = nowMs;
  }

  /** Audio bytes and entries held. */
  get usage(): Amount {
    return { entries: this.#nodeByKey.size, bytes: this.#bytes };
  }

  /** Returns the entry and marks it as used; undefined when it is absent or has expired. The bytes stay the tier's. */
  get(key: string, nowMs: number): Entry | undefined {
    const node = this.#nodeByKey.get(key);
    if (node === undefined) return undefined;
    const sinceStartMs = nowMs - this.#startMs;
    if (node.expiresAtMs <= sinceStartMs) {
      this.#remove(node);
      this.#listeners.onRemovedKey?.(key, 'expired');
      this.#listeners.onRemoval?.('expired', amountOf(node));
      return undefined;
    }
    node.usedMs = sinceStartMs;
    node.uses++;
    this.#byUse.touch(node);
    if (sinceStartMs - node.reportedMs >= this.#useIntervalMs) this.#reportUses(node);
    return node.entry;
  }

  /** Returns the entry and its last access without marking it as used. */
  peek(key: string, nowMs: number): HeldEntry | undefined {
    const node = this.#nodeByKey.get(key);
    return node === undefined || node.expiresAtMs <= nowMs - this.#startMs ? undefined : this.#heldEntry(node);
  }

  /** All entries that have not expired, the one used last first. */
  *newestFirst(nowMs: number): Iterable<HeldEntry> {
    for (let node = this.#byUse.newest; node !== undefined; node = node.older) {
      if (node.expiresAtMs > nowMs - this.#startMs) yield this.#heldEntry(node);
    }
  }

  /**
   * Stores or replaces an entry and takes over its bytes; they must not be changed afterwards. `endsAtMs` is when the
   * entry ends altogether, which is never while it is pinned.
   * Returns false, and holds nothing under the key, when the entry alone exceeds the limit or has already expired.
   */
  put(entry: Entry, nowMs: number, endsAtMs: number = entry.metadata.expiresAtMs): boolean {
    this.delete(entry.metadata.key);
    const bytes = entry.bytes.byteLength;
    const { maxBytes, maxEntries, ttlMs, highWater } = this.#config;
    if (!this.canHold(bytes) || endsAtMs <= nowMs) return false;
    if (this.#bytes + bytes > maxBytes * highWater || this.#nodeByKey.size + 1 > maxEntries * highWater) {
      this.#reclaim(nowMs, bytes, 1);
    }
    const sinceStartMs = nowMs - this.#startMs;
    const node: MemoryNode = {
      entry,
      byteLength: bytes,
      usedMs: sinceStartMs,
      uses: 0,
      reportedMs: sinceStartMs,
      reportedUses: 0,
      expiresAtMs: Math.min(sinceStartMs + ttlMs, endsAtMs - this.#startMs),
      older: undefined,
      newer: undefined,
      bucket: undefined,
      previousInBucket: undefined,
      nextInBucket: undefined,
    };
    this.#nodeByKey.set(entry.metadata.key, node);
    this.#byUse.insert(node);
    this.#byExpiry.add(node);
    this.#bytes += bytes;
    return true;
  }

  /** Whether there is room for an entry of this size, once others have made way. */
  canHold(byteLength: number): boolean {
    return byteLength <= this.#config.maxBytes && this.#config.maxEntries >= 1;
  }

  /** Removes an entry; false when there was none. */
  delete(key: string): boolean {
    const node = this.#nodeByKey.get(key);
    if (node === undefined) return false;
    this.#remove(node);
    return true;
  }

  /** Tells `onUse` of all uses that it has not heard of, as before everything is written down. */
  reportUses(): void {
    if (this.#listeners.onUse === undefined) return;
    for (const node of this.#nodeByKey.values()) if (node.uses > node.reportedUses) this.#reportUses(node);
  }

  /** Changes the limits; what is above them now goes with the next cleanup or put, whichever comes first. */
  configure(config: MemoryConfig): void {
    this.#config = config;
  }

  /** Removes everything. */
  clear(): void {
    this.#expired = [];
    this.#nodeByKey.clear();
    this.#byUse.clear();
    this.#byExpiry.clear();
    this.#bytes = 0;
  }

  /**
   * Removes some of what has expired and then, when still above the high-water mark, the entries used longest ago. To be
   * called until it is complete.
   */
  cleanup(nowMs: number): Reclaimed {
    return this.#reclaim(nowMs, 0, 0);
  }

  /** Makes room for entries about to come: expired ones first, then down to the low-water mark where it is needed. */
  #reclaim(nowMs: number, incomingBytes: number, incomingEntries: number): Reclaimed {
    const { maxBytes, maxEntries, highWater, lowWater } = this.#config;
    const expired = this.#removeExpired(nowMs);
    const isComplete = this.#expired.length === 0;
    const isAbove = (water: number) =>
      this.#bytes + incomingBytes > maxBytes * water || this.#nodeByKey.size + incomingEntries > maxEntries * water;
    // Whoever waits for nobody (a cleanup that goes on) need not evict while there is more that has expired.
    const mustEvict = (isComplete || incomingEntries > 0) && isAbove(highWater);
    const evicted = mustEvict ? this.#evictWhile(() => isAbove(lowWater)) : NOTHING;
    if (expired.entries > 0) this.#listeners.onRemoval?.('expired', expired);
    if (evicted.entries > 0) this.#listeners.onRemoval?.('evicted', evicted);
    return { expired, evicted, isComplete };
  }

  #removeExpired(nowMs: number): Amount {
    this.#byExpiry.advance(nowMs - this.#startMs, (node) => this.#expired.push(node));
    let entries = 0;
    const bytesBefore = this.#bytes;
    while (this.#expired.length > 0 && entries < STEP_ENTRIES) {
      const node = this.#expired.pop();
      // It may have been deleted or replaced since.
      if (node === undefined || this.#nodeByKey.get(node.entry.metadata.key) !== node) continue;
      this.#remove(node);
      this.#listeners.onRemovedKey?.(node.entry.metadata.key, 'expired');
      entries++;
    }
    return { entries, bytes: bytesBefore - this.#bytes };
  }

  #evictWhile(isNeeded: () => boolean): Amount {
    const entriesBefore = this.#nodeByKey.size;
    const bytesBefore = this.#bytes;
    for (let node = this.#byUse.oldest; node !== undefined && isNeeded(); node = this.#byUse.oldest) {
      this.#remove(node);
      this.#listeners.onRemovedKey?.(node.entry.metadata.key, 'evicted');
    }
    return { entries: entriesBefore - this.#nodeByKey.size, bytes: bytesBefore - this.#bytes };
  }

  #remove(node: MemoryNode): void {
    this.#nodeByKey.delete(node.entry.metadata.key);
    this.#byUse.remove(node);
    this.#byExpiry.remove(node);
    this.#bytes -= node.byteLength;
    if (node.uses > node.reportedUses) this.#reportUses(node);
  }

  #reportUses(node: MemoryNode): void {
    const uses = node.uses - node.reportedUses;
    node.reportedUses = node.uses;
    node.reportedMs = node.usedMs;
    this.#listeners.onUse?.(node.entry, this.#startMs + node.usedMs, uses);
  }

  #heldEntry({ entry, usedMs, uses, reportedUses }: MemoryNode): HeldEntry {
    return { entry, accessedAtMs: this.#startMs + usedMs, uses, unreportedUses: uses - reportedUses };
  }
}

function amountOf(node: MemoryNode): Amount {
  return { entries: 1, bytes: node.byteLength };
}
