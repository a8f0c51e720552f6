/**
 * Where each entry of the disk engine lies and when it was used: a hash table, an order of last access and an order of
 * expiry over the same slots of typed arrays.
 *
 * Typed arrays instead of objects because 100,000 entries then cost some 16 MB and no work for the garbage collector,
 * and because a checkpoint is little more than the arrays themselves. A slot is a number that is valid until its entry
 * is removed.
 *
 * Invariants: `#slotByHash` is open addressing with linear probing and no gaps within a chain (removal shifts back);
 * the list from `oldest` to `newest` ascends by last access, then key; every slot before `#evictableFrom` in it is
 * protected; `#heap` holds the slots that expire at all and are not protected.
 */
import { ExpiryHeap } from './expiry-heap';
import { WORDS_PER_KEY } from './key-words';

/** No slot. */
export const NONE = -1;

const FIRST_CAPACITY = 1_024;
const MAX_HITS = 2 ** 32 - 1;
/** The table is twice to four times as large as the slots in use. */
const TABLE_FACTOR = 2;

/** Where a record lies, and what stands in its header. */
export interface Location {
  readonly segmentId: number;
  readonly offsetBytes: number;
  /** Header and metadata. */
  readonly headBytes: number;
  /** As stored. */
  readonly bodyBytes: number;
  readonly audioBytes: number;
}

/** When and how often an entry was used, and when it ends. */
export interface EntryUse {
  readonly accessedAtMs: number;
  readonly expiresAtMs: number;
  /** Kept up to 2³² - 1. */
  readonly hits: number;
}

/** What is known of an entry beside its record's place. */
export interface EntryFacts extends EntryUse {
  readonly createdAtMs: number;
}

/** Entries by key, by last access and by expiry. */
export class EntryIndex {
  #capacity = FIRST_CAPACITY;
  #words = new Uint32Array(FIRST_CAPACITY * WORDS_PER_KEY);
  #segmentId = new Uint32Array(FIRST_CAPACITY);
  #offsetBytes = new Uint32Array(FIRST_CAPACITY);
  #headBytes = new Uint32Array(FIRST_CAPACITY);
  #bodyBytes = new Uint32Array(FIRST_CAPACITY);
  #audioBytes = new Uint32Array(FIRST_CAPACITY);
  #createdAtMs = new Float64Array(FIRST_CAPACITY);
  #accessedAtMs = new Float64Array(FIRST_CAPACITY);
  #expiresAtMs = new Float64Array(FIRST_CAPACITY);
  #hits = new Uint32Array(FIRST_CAPACITY);
  #isProtected = new Uint8Array(FIRST_CAPACITY);
  #older = new Int32Array(FIRST_CAPACITY);
  /** The next younger one; of a free slot, the next free one. */
  #newer = new Int32Array(FIRST_CAPACITY);
  #slotByHash = new Int32Array(FIRST_CAPACITY * TABLE_FACTOR).fill(NONE);
  readonly #heap = new ExpiryHeap((slot) => this.#expiresAtMs[slot] ?? 0);
  #usedSlots = 0;
  #firstFree = NONE;
  #oldest = NONE;
  #newest = NONE;
  #evictableFrom = NONE;
  #size = 0;
  #protectedSize = 0;
  #totalAudioBytes = 0;
  #savedBytes = 0;

  /** How many entries there are. */
  get size(): number {
    return this.#size;
  }

  /** How many of them are protected. */
  get protectedSize(): number {
    return this.#protectedSize;
  }

  /** Audio bytes of all entries. */
  get totalAudioBytes(): number {
    return this.#totalAudioBytes;
  }

  /** How many bytes fewer the audio takes than it has. */
  get savedBytes(): number {
    return this.#savedBytes;
  }

  /** The slot used longest ago, or `NONE`. */
  get oldest(): number {
    return this.#oldest;
  }

  /**
   * The slot used longest ago that is not protected, or `NONE`. Protected ones that are older are passed by once, not
   * with every call.
   */
  get oldestEvictable(): number {
    while (this.#evictableFrom !== NONE && this.isProtected(this.#evictableFrom)) {
      this.#evictableFrom = this.newerThan(this.#evictableFrom);
    }
    return this.#evictableFrom;
  }

  /** The slot used last, or `NONE`. */
  get newest(): number {
    return this.#newest;
  }

  /** The slot that expires first of those not protected, or `NONE` when none ever does. */
  get earliestExpiry(): number {
    return this.#heap.first;
  }

  /** The next slot in the direction of earlier use, or `NONE`. */
  olderThan(slot: number): number {
    return this.#older[slot] ?? NONE;
  }

  /** The next slot in the direction of later use, or `NONE`. */
  newerThan(slot: number): number {
    return this.#newer[slot] ?? NONE;
  }

  /** The slot of a key, or `NONE`. */
  find(words: Uint32Array): number {
    return this.#slotByHash[this.#bucketOf(words)] ?? NONE;
  }

  segmentId(slot: number): number {
    return this.#segmentId[slot] ?? 0;
  }

  offsetBytes(slot: number): number {
    return this.#offsetBytes[slot] ?? 0;
  }

  headBytes(slot: number): number {
    return this.#headBytes[slot] ?? 0;
  }

  bodyBytes(slot: number): number {
    return this.#bodyBytes[slot] ?? 0;
  }

  audioBytes(slot: number): number {
    return this.#audioBytes[slot] ?? 0;
  }

  createdAtMs(slot: number): number {
    return this.#createdAtMs[slot] ?? 0;
  }

  accessedAtMs(slot: number): number {
    return this.#accessedAtMs[slot] ?? 0;
  }

  expiresAtMs(slot: number): number {
    return this.#expiresAtMs[slot] ?? 0;
  }

  hits(slot: number): number {
    return this.#hits[slot] ?? 0;
  }

  /** When and how often an entry was used, and when it ends. */
  useOf(slot: number): EntryUse {
    return { accessedAtMs: this.accessedAtMs(slot), expiresAtMs: this.expiresAtMs(slot), hits: this.hits(slot) };
  }

  isProtected(slot: number): boolean {
    return this.#isProtected[slot] === 1;
  }

  /** Negative when the key of the first comes before that of the second. */
  compareKeys(slot: number, other: number): number {
    for (let index = 0; index < WORDS_PER_KEY; index++) {
      const difference =
        (this.#words[slot * WORDS_PER_KEY + index] ?? 0) - (this.#words[other * WORDS_PER_KEY + index] ?? 0);
      if (difference !== 0) return difference;
    }
    return 0;
  }

  /** The key's words, valid until the index changes. */
  words(slot: number): Uint32Array {
    return this.#words.subarray(slot * WORDS_PER_KEY, (slot + 1) * WORDS_PER_KEY);
  }

  /** Adds an entry whose key is not there, and which is not protected. */
  add(words: Uint32Array, location: Location, facts: EntryFacts): number {
    const slot = this.#takeSlot();
    this.#words.set(words, slot * WORDS_PER_KEY);
    this.#slotByHash[this.#bucketOf(words)] = slot;
    this.#createdAtMs[slot] = facts.createdAtMs;
    this.#accessedAtMs[slot] = facts.accessedAtMs;
    this.#expiresAtMs[slot] = facts.expiresAtMs;
    this.#hits[slot] = Math.min(facts.hits, MAX_HITS);
    this.#isProtected[slot] = 0;
    this.#size++;
    this.#locate(slot, location, 1);
    this.#link(slot);
    this.#watchExpiry(slot);
    return slot;
  }

  /** Notes that an entry's record lies elsewhere now. */
  move(slot: number, location: Location): void {
    this.#count(slot, -1);
    this.#locate(slot, location, 1);
  }

  /** Changes when and how often an entry was used and when it ends. */
  setUse(slot: number, { accessedAtMs, expiresAtMs, hits }: EntryUse): void {
    this.#hits[slot] = Math.min(hits, MAX_HITS);
    if (accessedAtMs !== this.#accessedAtMs[slot]) {
      this.#unlink(slot);
      this.#accessedAtMs[slot] = accessedAtMs;
      this.#link(slot);
    }
    if (expiresAtMs === this.#expiresAtMs[slot]) return;
    this.#heap.delete(slot);
    this.#expiresAtMs[slot] = expiresAtMs;
    this.#watchExpiry(slot);
  }

  /** Protects an entry from eviction and expiry, or no longer. */
  setProtected(slot: number, isProtected: boolean): void {
    if (this.isProtected(slot) === isProtected) return;
    this.#isProtected[slot] = isProtected ? 1 : 0;
    this.#protectedSize += isProtected ? 1 : -1;
    if (isProtected) {
      this.#heap.delete(slot);
    } else {
      this.#watchExpiry(slot);
      this.#noteEvictable(slot);
    }
  }

  /** Removes an entry; its slot may be another's afterwards. */
  delete(slot: number): void {
    this.#count(slot, -1);
    if (this.isProtected(slot)) this.#protectedSize--;
    this.#unlink(slot);
    this.#heap.delete(slot);
    this.#closeGap(this.#bucketOf(this.words(slot)));
    this.#newer[slot] = this.#firstFree;
    this.#firstFree = slot;
    this.#size--;
  }

  /** Removes everything. */
  clear(): void {
    this.#slotByHash.fill(NONE);
    this.#heap.clear();
    this.#usedSlots = 0;
    this.#firstFree = NONE;
    this.#oldest = NONE;
    this.#newest = NONE;
    this.#evictableFrom = NONE;
    this.#size = 0;
    this.#protectedSize = 0;
    this.#totalAudioBytes = 0;
    this.#savedBytes = 0;
  }

  #locate(slot: number, { segmentId, offsetBytes, headBytes, bodyBytes, audioBytes }: Location, sign: 1 | -1): void {
    this.#segmentId[slot] = segmentId;
    this.#offsetBytes[slot] = offsetBytes;
    this.#headBytes[slot] = headBytes;
    this.#bodyBytes[slot] = bodyBytes;
    this.#audioBytes[slot] = audioBytes;
    this.#count(slot, sign);
  }

  #watchExpiry(slot: number): void {
    if (!this.isProtected(slot) && this.expiresAtMs(slot) !== Number.POSITIVE_INFINITY) this.#heap.add(slot);
  }

  #count(slot: number, sign: 1 | -1): void {
    this.#totalAudioBytes += sign * this.audioBytes(slot);
    this.#savedBytes += sign * (this.audioBytes(slot) - this.bodyBytes(slot));
  }

  // ------------------------------------------------------------------------------------------------- the hash table

  /** Where a key is, or where it would be put. */
  #bucketOf(words: Uint32Array): number {
    const mask = this.#slotByHash.length - 1;
    let bucket = hash(words) & mask;
    for (;;) {
      const slot = this.#slotByHash[bucket] ?? NONE;
      if (slot === NONE || this.#hasKey(slot, words)) return bucket;
      bucket = (bucket + 1) & mask;
    }
  }

  #hasKey(slot: number, words: Uint32Array): boolean {
    const start = slot * WORDS_PER_KEY;
    for (let index = 0; index < WORDS_PER_KEY; index++) {
      if (this.#words[start + index] !== words[index]) return false;
    }
    return true;
  }

  /** Empties a bucket and moves up what could not be put there before (Knuth 6.4, algorithm R). */
  #closeGap(emptied: number): void {
    const mask = this.#slotByHash.length - 1;
    let gap = emptied;
    for (let bucket = (gap + 1) & mask; ; bucket = (bucket + 1) & mask) {
      const slot = this.#slotByHash[bucket] ?? NONE;
      if (slot === NONE) break;
      const home = hash(this.words(slot)) & mask;
      const isPastGap = ((bucket - home) & mask) >= ((bucket - gap) & mask);
      if (!isPastGap) continue;
      this.#slotByHash[gap] = slot;
      gap = bucket;
    }
    this.#slotByHash[gap] = NONE;
  }

  #takeSlot(): number {
    const free = this.#firstFree;
    if (free !== NONE) {
      this.#firstFree = this.newerThan(free);
      return free;
    }
    if (this.#usedSlots === this.#capacity) this.#grow();
    return this.#usedSlots++;
  }

  #grow(): void {
    const capacity = this.#capacity * 2;
    const grown = <Cells extends Uint8Array | Uint32Array | Int32Array | Float64Array>(
      cells: Cells,
      larger: Cells,
    ): Cells => {
      larger.set(cells);
      return larger;
    };
    this.#capacity = capacity;
    this.#words = grown(this.#words, new Uint32Array(capacity * WORDS_PER_KEY));
    this.#segmentId = grown(this.#segmentId, new Uint32Array(capacity));
    this.#offsetBytes = grown(this.#offsetBytes, new Uint32Array(capacity));
    this.#headBytes = grown(this.#headBytes, new Uint32Array(capacity));
    this.#bodyBytes = grown(this.#bodyBytes, new Uint32Array(capacity));
    this.#audioBytes = grown(this.#audioBytes, new Uint32Array(capacity));
    this.#createdAtMs = grown(this.#createdAtMs, new Float64Array(capacity));
    this.#accessedAtMs = grown(this.#accessedAtMs, new Float64Array(capacity));
    this.#expiresAtMs = grown(this.#expiresAtMs, new Float64Array(capacity));
    this.#hits = grown(this.#hits, new Uint32Array(capacity));
    this.#isProtected = grown(this.#isProtected, new Uint8Array(capacity));
    this.#older = grown(this.#older, new Int32Array(capacity));
    this.#newer = grown(this.#newer, new Int32Array(capacity));
    this.#slotByHash = new Int32Array(capacity * TABLE_FACTOR).fill(NONE);
    // All slots are in use, or there would have been no need to grow.
    for (let slot = 0; slot < this.#usedSlots; slot++) this.#slotByHash[this.#bucketOf(this.words(slot))] = slot;
  }

  // ------------------------------------------------------------------------------------------ the order of last access

  /**
   * Puts a slot where it belongs by its last access. Accesses come in the order of time, so that is nearly always one
   * of the ends; after the clock was set back it is as many steps away as entries were used since.
   */
  #link(slot: number): void {
    const isOldest = this.#oldest !== NONE && this.#isUsedBefore(slot, this.#oldest);
    let older = isOldest ? NONE : this.#newest;
    while (older !== NONE && this.#isUsedBefore(slot, older)) older = this.olderThan(older);
    const newer = older === NONE ? this.#oldest : this.newerThan(older);
    this.#older[slot] = older;
    this.#newer[slot] = newer;
    if (older === NONE) this.#oldest = slot;
    else this.#newer[older] = slot;
    if (newer === NONE) this.#newest = slot;
    else this.#older[newer] = slot;
    if (!this.isProtected(slot)) this.#noteEvictable(slot);
  }

  /** Keeps the invariant of `#evictableFrom` for a slot in the list that is not protected. */
  #noteEvictable(slot: number): void {
    const from = this.#evictableFrom;
    if (from === NONE || this.#isUsedBefore(slot, from)) this.#evictableFrom = slot;
  }

  #unlink(slot: number): void {
    const older = this.olderThan(slot);
    const newer = this.newerThan(slot);
    if (this.#evictableFrom === slot) this.#evictableFrom = newer;
    if (older === NONE) this.#oldest = newer;
    else this.#newer[older] = newer;
    if (newer === NONE) this.#newest = older;
    else this.#older[newer] = older;
  }

  #isUsedBefore(slot: number, other: number): boolean {
    return isBefore(this.accessedAtMs(slot), this.words(slot), this.accessedAtMs(other), this.words(other));
  }
}

/** The order of last access, made a total one by the key, so that a place in it can be named after its entry is gone. */
export function isBefore(aAtMs: number, aWords: Uint32Array, bAtMs: number, bWords: Uint32Array): boolean {
  if (aAtMs !== bAtMs) return aAtMs < bAtMs;
  for (let index = 0; index < WORDS_PER_KEY; index++) {
    const difference = (aWords[index] ?? 0) - (bWords[index] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}

/** Keys are digests, so any of their bits are as good as a hash; two words are mixed in case somebody's are not. */
function hash(words: Uint32Array): number {
  const mixed = Math.imul((words[0] ?? 0) ^ (words[7] ?? 0), 0x9e3779b1);
  return (mixed ^ (mixed >>> 15)) >>> 0;
}
