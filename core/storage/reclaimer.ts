/**
 * Gives bytes of the disk back, a few milliseconds of work at a time: chooses the segment to be emptied, and whether it
 * is worth it.
 *
 * Greedy: the segment with the largest dead share goes first (Rosenblum and Ousterhout 1992 weigh its age, too; here
 * age shows in what is evicted instead of copied). Under pressure the coldest tenth is not copied, since it would be
 * evicted soon: that is what keeps bytes written per byte stored low (`bench/node/amplification.bench.ts`).
 */
import type { Hashing } from '../hashing';
import { isFullDisk, toStoreError } from './checked-io';
import { Compaction, REMOVALS_PER_RECORD } from './compaction';
import { NONE } from './entry-index';
import type { IndexedLog } from './indexed-log';
import { keyOfWords } from './key-words';
import { encodeRemovals, paddedBytes, type RemovalItem, removalsBytes } from './record';
import type { Segment } from './segment';
import type { Reclaimed, Removed } from './store';

/** Compacting pays above this share of dead bytes: live bytes then take 1.2 times their size. */
const MAX_DEAD_SHARE = 0.17;
/** Below this it never does. */
const MIN_DEAD_BYTES = 64 * 1024;
/** Above this share of the limit, the coldest entries are not worth copying. */
const PRESSURE_SHARE = 0.8;
/** A segment with less than this share of dead bytes is never emptied. */
const MIN_GAIN_SHARE = 0.05;
/** The share of the entries that are cold then. */
const COLD_SHARE = 0.1;

/** What a reclaimer works with. */
export interface ReclaimerOptions {
  readonly store: IndexedLog;
  readonly hashing: Hashing;
  /** Limit of the tier. */
  readonly maxBytes: number;
}

/** Empties segments, one at a time. */
export class Reclaimer {
  readonly #options: ReclaimerOptions;
  /** Limit of the tier. */
  maxBytes: number;
  #compaction: Compaction | undefined;
  #running: Promise<boolean> | undefined;
  /** Somebody who counts evictions asked for room. */
  #mayEvict = false;
  /** Room must be made, even by evicting what should have been copied. */
  #isUrgent = false;
  #isBlocked = false;
  /** Segments whose files cannot be opened or read: they are left alone, and the rest of the store works on. */
  readonly #unreadable = new WeakSet<Segment>();
  /** Evicted while making room, and not told yet. */
  #evictedKeys: string[] = [];
  #evictedBytes = 0;
  /** The same, not written down yet. */
  readonly #removals: RemovalItem[] = [];

  constructor(options: ReclaimerOptions) {
    this.#options = options;
    this.maxBytes = options.maxBytes;
  }

  /** Whether the last step had to wait for a file whose name survives power loss. */
  get isBlocked(): boolean {
    return this.#isBlocked;
  }

  /**
   * Makes room for somebody who counts what is evicted. When it is urgent, what lives is evicted where it cannot be
   * copied, unless it is protected.
   * @throws AudioCacheError `STORE_UNAVAILABLE`, `QUOTA_EXCEEDED`: nothing is lost, and no room was made
   */
  async makeRoom(isUrgent: boolean): Promise<Reclaimed> {
    this.#mayEvict = true;
    this.#isUrgent ||= isUrgent;
    const isWorthwhile = await this.step();
    const keys = this.#evictedKeys;
    const evicted: Removed = { entries: keys.length, bytes: this.#evictedBytes, keys };
    this.#evictedKeys = [];
    this.#evictedBytes = 0;
    return { isWorthwhile, evicted };
  }

  /**
   * Does one step, which is shared by all who ask for one meanwhile; resolves to whether there was anything to do.
   * @throws AudioCacheError as `makeRoom`
   */
  step(): Promise<boolean> {
    this.#running ??= this.#step().finally(() => {
      this.#running = undefined;
      this.#mayEvict = false;
      this.#isUrgent = false;
    });
    return this.#running;
  }

  /** Gives up what was begun; everything is going to be removed. */
  abandon(): void {
    this.#compaction = undefined;
  }

  /** Resolves once nothing is under way. */
  async settled(): Promise<void> {
    await this.#running?.catch(() => {});
  }

  async #step(): Promise<boolean> {
    const compaction = this.#compaction ?? this.#begin();
    if (compaction === undefined) return false;
    this.#compaction = compaction;
    const { victim } = compaction;
    if (!(await this.#isReadable(victim))) return true;
    try {
      const state = await compaction.step();
      this.#isBlocked = state === 'blocked';
      if (state === 'more' || this.#compaction !== compaction) return true;
      this.#compaction = undefined;
      if (state === 'unreadable') {
        this.#unreadable.add(victim);
        return true;
      }
      if (state === 'blocked') return this.#isUrgent && (await this.#evictSegment(victim));
      await this.#giveUp(victim);
      return true;
    } catch (error) {
      this.#compaction = undefined;
      if (this.#isUrgent && isFullDisk(error) && (await this.#evictSegment(victim))) return true;
      throw toStoreError(error, 'compaction');
    }
  }

  /** One file that cannot be opened is no reason to give the others up. */
  async #isReadable(victim: Segment): Promise<boolean> {
    try {
      await victim.open();
      return true;
    } catch {
      this.#unreadable.add(victim);
      this.#compaction = undefined;
      return false;
    }
  }

  /** Chooses the segment with the largest dead share, if moving the rest is worth it. */
  #begin(): Compaction | undefined {
    this.#isBlocked = false;
    const { store } = this.#options;
    const { active, bytesOnDisk } = store.log;
    const segments = store.log.segments.filter((segment) => !store.isNeeded(segment) && !this.#unreadable.has(segment));
    const empty = segments.find((segment) => segment !== active && segment.liveBytes === 0);
    if (empty !== undefined) return this.#compactionOf(empty);
    const deadBytes = segments.reduce((bytes, segment) => bytes + segment.deadBytes, 0);
    const isPaying = deadBytes >= MIN_DEAD_BYTES && deadBytes >= bytesOnDisk * MAX_DEAD_SHARE;
    if (!isPaying && !(store.isDiskFull && this.#isUrgent)) return undefined;
    const canCopyAll = this.#isUrgent || store.log.isActiveDurable || store.log.provideDurableSpare();
    const candidates = canCopyAll ? segments : segments.filter((segment) => !store.log.isNameDurable(segment));
    this.#isBlocked = candidates.length === 0;
    if (candidates.length === 0) return undefined;
    const victim = candidates.reduce(emptier);
    // On a full disk, too, moving what lives must give something back, or it would never end.
    if (!isPaying && victim.deadBytes < victim.endBytes * MIN_GAIN_SHARE) return undefined;
    // What is written to cannot be emptied; the next record begins a new one.
    if (victim === active) victim.isSealed = true;
    return this.#compactionOf(victim);
  }

  #compactionOf(victim: Segment): Compaction {
    const { store, hashing } = this.#options;
    return new Compaction(victim, {
      log: store.log,
      index: store.index,
      seal: hashing.xxh64,
      evictUsedBeforeMs: this.#mayEvict ? this.#coldBeforeMs() : Number.NEGATIVE_INFINITY,
      isRescue: false,
      verify: (bytes, checksum) => hashing.verify(bytes, checksum),
      onGone: (slot, reason) => {
        if (reason === 'damaged') store.dropDamaged(slot);
        else this.#evict(slot);
      },
    });
  }

  /** Under pressure, what was used before this would be evicted soon, and is not worth another write. */
  #coldBeforeMs(): number {
    const { store } = this.#options;
    const { index } = store;
    if (store.bytesOnDisk < this.maxBytes * PRESSURE_SHARE) return Number.NEGATIVE_INFINITY;
    let count = Math.floor((index.size - index.protectedSize) * COLD_SHARE);
    let slot = index.oldestEvictable;
    for (; count > 0 && slot !== NONE; slot = index.newerThan(slot)) if (!index.isProtected(slot)) count--;
    return slot === NONE ? Number.NEGATIVE_INFINITY : index.accessedAtMs(slot);
  }

  /** Gives a segment back that holds nothing any more; what was copied from it is safe first. */
  async #giveUp(segment: Segment): Promise<void> {
    const { store } = this.#options;
    await this.#noteEvictions();
    await store.flush();
    // Accesses that stand in it and not yet in a checkpoint would go with it.
    if (store.isBehindCheckpoint(segment)) store.writeCheckpoint();
    // Looked at again: meanwhile entries in it may have been replaced.
    if (!store.isNeeded(segment)) await store.log.recycle(segment);
  }

  /**
   * Where nothing can be copied, what lives in a segment is evicted, which gives all of it back: in the one meant, or
   * where something is protected in that, in the one with the most dead bytes in which nothing is. When each holds
   * something protected, it is what lies behind that in one of them, which makes room for copies.
   */
  async #evictSegment(meant: Segment): Promise<boolean> {
    const { store } = this.#options;
    const protectedEnds = this.#protectedEnds();
    const segment = this.#evictable(meant, protectedEnds);
    if (segment === undefined) return false;
    const endBytes = protectedEnds.get(segment.segmentId);
    if (endBytes !== undefined && segment.file === undefined) {
      await segment.open();
      return this.#evictSegment(meant);
    }
    // Nothing may be written behind what is cut off.
    if (endBytes !== undefined) segment.isSealed = true;
    // Removals in it that no checkpoint knows of would be lost, and what they removed would come back.
    if (store.isBehindCheckpoint(segment) && !store.writeCheckpoint()) return false;
    if (store.isNeeded(segment)) return false;
    for (let slot = store.index.oldest; segment.liveBytes > 0 && slot !== NONE; ) {
      const newer = store.index.newerThan(slot);
      const isBehind = store.index.offsetBytes(slot) >= (endBytes ?? 0);
      if (isBehind && store.segmentOf(slot) === segment) this.#evict(slot);
      slot = newer;
    }
    if (endBytes === undefined) {
      await store.log.recycle(segment);
    } else {
      segment.endAt(endBytes, true);
      // The last one may point behind the new end.
      store.writeCheckpoint();
    }
    await this.#noteEvictions();
    return true;
  }

  /** Where the last protected entry ends, by number of the segment, in segments that hold any. */
  #protectedEnds(): ReadonlyMap<number, number> {
    const { index } = this.#options.store;
    const ends = new Map<number, number>();
    if (index.protectedSize === 0) return ends;
    for (let slot = index.oldest; slot !== NONE; slot = index.newerThan(slot)) {
      if (!index.isProtected(slot)) continue;
      const segmentId = index.segmentId(slot);
      const endBytes = index.offsetBytes(slot) + paddedBytes(index.headBytes(slot) + index.bodyBytes(slot));
      ends.set(segmentId, Math.max(endBytes, ends.get(segmentId) ?? 0));
    }
    return ends;
  }

  /** The segment of which most can be evicted at least cost; undefined when nothing can be. */
  #evictable(meant: Segment, protectedEnds: ReadonlyMap<number, number>): Segment | undefined {
    const { store } = this.#options;
    if (!protectedEnds.has(meant.segmentId)) return meant;
    const { active } = store.log;
    // What is written to is where copies go.
    const isFree = (each: Segment) => each !== active && !store.isNeeded(each) && !this.#unreadable.has(each);
    const segments = store.log.segments.filter(isFree);
    const unprotected = segments.filter(({ segmentId }) => !protectedEnds.has(segmentId));
    if (unprotected.length > 0) return unprotected.reduce(emptier);
    const tailBytes = ({ segmentId, endBytes }: Segment) => endBytes - (protectedEnds.get(segmentId) ?? 0);
    const withTail = segments.filter((segment) => tailBytes(segment) > 0);
    return withTail.length === 0 ? undefined : withTail.reduce((a, b) => (tailBytes(b) > tailBytes(a) ? b : a));
  }

  /** Writes down what was evicted instead of copied, or a killed process would find it in the index again. */
  async #noteEvictions(): Promise<void> {
    const { store } = this.#options;
    while (this.#removals.length > 0) {
      const items = this.#removals
        .splice(0, REMOVALS_PER_RECORD)
        .filter(({ words }) => store.index.find(words) === NONE);
      if (items.length === 0) continue;
      const append = () => {
        store.log.append(encodeRemovals(items, true));
      };
      // A full disk has no room for it; the entries are missed, counted as damaged, after a restart.
      await store.append(removalsBytes(items.length), append).catch((error: unknown) => {
        if (!isFullDisk(error)) throw error;
      });
    }
  }

  #evict(slot: number): void {
    const { store } = this.#options;
    const removal = store.removalOf(slot);
    this.#removals.push(removal);
    this.#evictedKeys.push(keyOfWords(removal.words));
    this.#evictedBytes += store.index.audioBytes(slot);
    store.forget(slot);
  }
}

function emptier(a: Segment, b: Segment): Segment {
  return b.deadBytes / b.endBytes > a.deadBytes / a.endBytes ? b : a;
}
