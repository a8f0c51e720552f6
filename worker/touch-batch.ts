/**
 * Uses gathered in memory, so that a hit costs no write of its own (Marinara-Engine#2755 rewrote the clip on each).
 *
 * A batch is written at most once a second, or when 500 keys have gathered. A batch that cannot be written is dropped:
 * uses only steer eviction and expiry, so they are rather lost than held for a store that fails.
 */
import type { Clock } from '../core/clock';
import { endAfter } from '../core/storage/end-after-use';
import type { Use } from '../core/storage/store';

const INTERVAL_MS = 1_000;
const MAX_KEYS = 500;

/** Uses of one entry, taken together. */
export interface NotedUse {
  readonly accessedAtMs: number;
  readonly hits: number;
  /** Undefined: it ends when it did before. */
  readonly expiresAtMs: number | undefined;
  /** The end is at least that; of the entry's own the later one counts. */
  readonly isExtension: boolean;
}

/** A key, and how its entry was used since it was last written. */
export type Touch = readonly [key: string, use: NotedUse];

/** What changes about an entry by uses. */
export interface UsedEntry {
  readonly accessedAtMs: number;
  readonly expiresAtMs: number;
  readonly hits: number;
}

/** Writes touches to disk. */
export type WriteTouches = (touches: readonly Touch[], durability: 'relaxed' | 'durable') => Promise<void>;

/** An entry as it is after it was used. */
export function afterUse<Entry extends UsedEntry>(entry: Entry, use: NotedUse | undefined): Entry {
  if (use === undefined) return entry;
  return {
    ...entry,
    accessedAtMs: Math.max(entry.accessedAtMs, use.accessedAtMs),
    expiresAtMs: endAfter(entry.expiresAtMs, use.expiresAtMs, use.isExtension),
    hits: entry.hits + use.hits,
  };
}

/** Gathers touches and has them written. */
export class TouchBatch {
  readonly #clock: Clock;
  readonly #write: WriteTouches;
  readonly #gatheredByKey = new Map<string, NotedUse>();
  /** Batches on their way to the disk, oldest first, so that `noted` is right meanwhile. */
  #underWay: readonly ReadonlyMap<string, NotedUse>[] = [];
  #cancelTimer: (() => void) | undefined;

  constructor(clock: Clock, write: WriteTouches) {
    this.#clock = clock;
    this.#write = write;
  }

  /** True when nothing waits to be written or is being written. */
  get isEmpty(): boolean {
    return this.#gatheredByKey.size === 0 && this.#underWay.length === 0;
  }

  /** How the key's entry was used, as far as that is not on disk yet. */
  noted(key: string): NotedUse | undefined {
    let noted: NotedUse | undefined;
    for (const batch of [...this.#underWay, this.#gatheredByKey]) {
      const use = batch.get(key);
      if (use !== undefined) noted = together(noted, use);
    }
    return noted;
  }

  /** Notes a use. */
  add(key: string, { accessedAtMs, hits = 1, expiresAtMs, isExtension = false }: Use): void {
    this.#gatheredByKey.set(
      key,
      together(this.#gatheredByKey.get(key), { accessedAtMs, hits, expiresAtMs, isExtension }),
    );
    if (this.#gatheredByKey.size >= MAX_KEYS && this.#underWay.length === 0) {
      void this.tryWrite();
      return;
    }
    this.#cancelTimer ??= this.#clock.schedule(() => {
      this.#cancelTimer = undefined;
      void this.tryWrite();
    }, INTERVAL_MS);
  }

  /** Forgets what was noted for a key. */
  forget(key: string): void {
    this.#gatheredByKey.delete(key);
  }

  /** Forgets what was noted for all keys but these. */
  forgetAllBut(keys: ReadonlySet<string>): void {
    for (const key of this.#gatheredByKey.keys()) if (!keys.has(key)) this.#gatheredByKey.delete(key);
  }

  /** Writes what has gathered, be it nothing; rejects as the write does. */
  async write(durability: 'relaxed' | 'durable'): Promise<void> {
    const batch = new Map(this.#gatheredByKey);
    this.#gatheredByKey.clear();
    this.#underWay = [...this.#underWay, batch];
    try {
      await this.#write([...batch], durability);
    } finally {
      this.#underWay = this.#underWay.filter((each) => each !== batch);
    }
  }

  /** Writes what has gathered, if anything has; never rejects. */
  async tryWrite(): Promise<void> {
    if (this.#gatheredByKey.size === 0) return;
    // Over quota, or the store is lost: the next operation finds out and reports it.
    await this.write('relaxed').catch(() => {});
  }

  /** Lets no timer fire any more. */
  stop(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }
}

function together(former: NotedUse | undefined, latter: NotedUse): NotedUse {
  if (former === undefined) return latter;
  // An extension of what was set counts from that, and of an extension the later one.
  const isSet = latter.expiresAtMs !== undefined && !latter.isExtension;
  const endMs = former.expiresAtMs ?? Number.NEGATIVE_INFINITY;
  return {
    accessedAtMs: Math.max(former.accessedAtMs, latter.accessedAtMs),
    hits: former.hits + latter.hits,
    expiresAtMs: isSet
      ? latter.expiresAtMs
      : latter.expiresAtMs === undefined
        ? former.expiresAtMs
        : endAfter(endMs, latter.expiresAtMs, true),
    isExtension: !isSet && (former.expiresAtMs === undefined || former.isExtension),
  };
}
