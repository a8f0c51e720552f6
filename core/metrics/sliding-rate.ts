/**
 * Hit rates over the last minutes: one slot a second in a ring of fifteen minutes. Recording is O(1), reading adds up
 * at most 900 slots. A clock that jumps back counts into the present second; one that jumps ahead clears what it passed.
 */
import type { HitRates } from '../protocol/values';

const SLOTS = 15 * 60;

/** Counts hits and misses, and tells their ratio over the last 1, 5 and 15 minutes and since the start. */
export class SlidingRate {
  readonly #hits = new Uint32Array(SLOTS);
  readonly #misses = new Uint32Array(SLOTS);
  /** The second that the newest slot stands for; all slots newer than 15 minutes before it are valid. */
  #second: number;
  #allHits = 0;
  #allMisses = 0;

  constructor(nowMs: number) {
    this.#second = Math.floor(nowMs / 1000);
  }

  /** Counts one lookup. */
  record(isHit: boolean, nowMs: number): void {
    this.#advance(nowMs);
    const slots = isHit ? this.#hits : this.#misses;
    const slot = this.#second % SLOTS;
    // The index is within the ring.
    slots[slot] = (slots[slot] as number) + 1;
    if (isHit) this.#allHits++;
    else this.#allMisses++;
  }

  /** The rates up to now. */
  rates(nowMs: number): HitRates {
    this.#advance(nowMs);
    return {
      last1Min: this.#rateOver(60),
      last5Min: this.#rateOver(5 * 60),
      last15Min: this.#rateOver(SLOTS),
      allTime: rate(this.#allHits, this.#allMisses),
    };
  }

  #advance(nowMs: number): void {
    const now = Math.floor(nowMs / 1000);
    const passed = Math.min(now - this.#second, SLOTS);
    if (passed <= 0) return;
    for (let back = 0; back < passed; back++) {
      const slot = (now - back) % SLOTS;
      this.#hits[slot] = 0;
      this.#misses[slot] = 0;
    }
    this.#second = now;
  }

  #rateOver(seconds: number): number | undefined {
    let hits = 0;
    let misses = 0;
    for (let back = 0; back < seconds; back++) {
      // Second numbers are far above 900, so the difference is never negative; the index is within the ring.
      const slot = (this.#second - back) % SLOTS;
      hits += this.#hits[slot] as number;
      misses += this.#misses[slot] as number;
    }
    return rate(hits, misses);
  }
}

function rate(hits: number, misses: number): number | undefined {
  return hits + misses === 0 ? undefined : hits / (hits + misses);
}
