/**
 * Accesses gathered in memory, so that a hit costs no write of its own (Marinara-Engine#2755 rewrote the clip on each).
 *
 * A batch is written at most once a second, or when 500 keys have gathered. A batch that cannot be written is dropped:
 * accesses only steer eviction, so they are rather lost than held for a store that fails.
 */
import type { Clock } from '../core/clock';

const INTERVAL_MS = 1_000;
const MAX_KEYS = 500;

/** A key and the time of its latest access, in milliseconds since the epoch. */
export type Touch = readonly [key: string, accessedAtMs: number];

/** Writes touches to disk. */
export type WriteTouches = (touches: readonly Touch[], durability: 'relaxed' | 'durable') => Promise<void>;

/** Gathers touches and has them written. */
export class TouchBatch {
  readonly #clock: Clock;
  readonly #write: WriteTouches;
  /** Keys stay here until their batch is on disk, so that `accessedAtMs` is right meanwhile. */
  readonly #accessedAtMsByKey = new Map<string, number>();
  #isWriting = false;
  #cancelTimer: (() => void) | undefined;

  constructor(clock: Clock, write: WriteTouches) {
    this.#clock = clock;
    this.#write = write;
  }

  /** True when nothing waits to be written. */
  get isEmpty(): boolean {
    return this.#accessedAtMsByKey.size === 0;
  }

  /** When the key was last touched, if that is not on disk yet. */
  accessedAtMs(key: string): number | undefined {
    return this.#accessedAtMsByKey.get(key);
  }

  /** Notes an access; earlier than one already noted, it changes nothing. */
  add(key: string, accessedAtMs: number): void {
    const noted = this.#accessedAtMsByKey.get(key) ?? accessedAtMs;
    this.#accessedAtMsByKey.set(key, Math.max(noted, accessedAtMs));
    if (this.#accessedAtMsByKey.size >= MAX_KEYS && !this.#isWriting) {
      void this.tryWrite();
      return;
    }
    this.#cancelTimer ??= this.#clock.schedule(() => {
      this.#cancelTimer = undefined;
      void this.tryWrite();
    }, INTERVAL_MS);
  }

  /** Forgets what was noted for a key, or for all. */
  forget(key?: string): void {
    if (key === undefined) this.#accessedAtMsByKey.clear();
    else this.#accessedAtMsByKey.delete(key);
  }

  /** Writes what has gathered, be it nothing; rejects as the write does. */
  async write(durability: 'relaxed' | 'durable'): Promise<void> {
    const touches = [...this.#accessedAtMsByKey];
    this.#isWriting = true;
    try {
      await this.#write(touches, durability);
    } finally {
      this.#isWriting = false;
      for (const [key, accessedAtMs] of touches) {
        if (this.#accessedAtMsByKey.get(key) === accessedAtMs) this.#accessedAtMsByKey.delete(key);
      }
    }
  }

  /** Writes what has gathered, if anything has; never rejects. */
  async tryWrite(): Promise<void> {
    if (this.isEmpty) return;
    // Over quota, or the store is lost: the next operation finds out and reports it.
    await this.write('relaxed').catch(() => {});
  }

  /** Lets no timer fire any more. */
  stop(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }
}
