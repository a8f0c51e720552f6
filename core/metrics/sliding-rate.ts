/**
 * Rates over the last minutes: one slot a second in a ring of fifteen minutes. Recording is O(1), reading adds up 900
 * slots.
 *
 * Ages are counted in seconds that the clock was seen to pass. One that jumps ahead lets that much time pass; one that
 * is set back lets none pass, and goes on from there: what was counted before grows old as before. A time a second
 * behind is no jump, but one that was taken a moment ago; it counts into the present second.
 */
import type { HitRates } from '../protocol/values';

const SLOTS = 15 * 60;
const WINDOWS_SECONDS = [60, 5 * 60, SLOTS] as const;

/** How often it was so, and how often it was not. */
export interface RateCounts {
  readonly hits: number;
  readonly misses: number;
}

/** Counts hits and misses by the second, and tells their ratio over the last 1, 5 and 15 minutes. */
export class SlidingRate {
  readonly #hits = new Uint32Array(SLOTS);
  readonly #misses = new Uint32Array(SLOTS);
  /** The clock's second when it was looked at last. */
  #second: number;
  /** Where that second is counted; the older the further back, around the ring. */
  #slot = 0;

  constructor(nowMs: number) {
    this.#second = Math.floor(nowMs / 1000);
  }

  /** Counts one lookup, or several that ended alike. */
  record(isHit: boolean, nowMs: number, count = 1): void {
    const second = Math.floor(nowMs / 1000);
    if (second !== this.#second) this.#turnTo(second);
    const slots = isHit ? this.#hits : this.#misses;
    // The slot is within the ring.
    slots[this.#slot] = (slots[this.#slot] as number) + count;
  }

  /** The rates up to now; what there was in all is the caller's to know. */
  rates(nowMs: number, allTime: RateCounts): HitRates {
    const [last1Min, last5Min, last15Min] = this.#countsWithin(nowMs);
    return {
      last1Min: rate(last1Min),
      last5Min: rate(last5Min),
      last15Min: rate(last15Min),
      allTime: rate(allTime),
    };
  }

  /** What was counted in the last 15 minutes. */
  recent(nowMs: number): RateCounts {
    return this.#countsWithin(nowMs)[2];
  }

  /** A second that is none (NaN) turns nothing. */
  #turnTo(second: number): void {
    const passed = second - this.#second;
    if (passed > 0) {
      for (let step = Math.min(passed, SLOTS); step > 0; step--) {
        this.#slot = (this.#slot + 1) % SLOTS;
        this.#hits[this.#slot] = 0;
        this.#misses[this.#slot] = 0;
      }
      this.#second = second;
    } else if (passed < -1) this.#second = second;
  }

  #countsWithin(nowMs: number): readonly [last1Min: RateCounts, last5Min: RateCounts, last15Min: RateCounts] {
    this.#turnTo(Math.floor(nowMs / 1000));
    let hits = 0;
    let misses = 0;
    let back = 0;
    const [last1Min, last5Min, last15Min] = WINDOWS_SECONDS;
    const countsOver = (seconds: number): RateCounts => {
      for (; back < seconds; back++) {
        // Less than a whole turn back, so within the ring.
        const slot = (this.#slot - back + SLOTS) % SLOTS;
        hits += this.#hits[slot] as number;
        misses += this.#misses[slot] as number;
      }
      return { hits, misses };
    };
    return [countsOver(last1Min), countsOver(last5Min), countsOver(last15Min)];
  }
}

function rate({ hits, misses }: RateCounts): number | undefined {
  return hits + misses === 0 ? undefined : hits / (hits + misses);
}
