import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SlidingRate } from '../../core/metrics/sliding-rate';
import type { HitRates } from '../../core/protocol/values';

const START_MS = Date.UTC(2025, 5, 18, 12);
const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const NONE = { hits: 0, misses: 0 };
const NOTHING = { last1Min: undefined, last5Min: undefined, last15Min: undefined, allTime: undefined };

function everywhere(rate: number): HitRates {
  return { last1Min: rate, last5Min: rate, last15Min: rate, allTime: undefined };
}

describe('A rate over the last minutes', () => {
  it('is undefined where nothing was asked', () => {
    expect(new SlidingRate(START_MS).rates(START_MS, NONE)).toEqual(NOTHING);
    expect(new SlidingRate(START_MS).rates(START_MS + DAY_MS, NONE)).toEqual(NOTHING);
  });

  it('is the share of hits, and of all time what the caller has counted', () => {
    const rate = new SlidingRate(START_MS);
    for (const isHit of [true, true, false, true]) rate.record(isHit, START_MS);
    expect(rate.rates(START_MS, { hits: 9, misses: 1 })).toEqual({ ...everywhere(0.75), allTime: 0.9 });
    expect(rate.recent(START_MS)).toEqual({ hits: 3, misses: 1 });
  });

  it('takes several that ended alike at once', () => {
    const rate = new SlidingRate(START_MS);
    rate.record(true, START_MS);
    rate.record(false, START_MS, 3);
    expect(rate.rates(START_MS, NONE)).toEqual(everywhere(0.25));
  });

  it.each([
    ['last1Min', 60],
    ['last5Min', 300],
    ['last15Min', 900],
  ] as const)('keeps a lookup for %s exactly %i seconds', (window, seconds) => {
    const rate = new SlidingRate(START_MS);
    rate.record(true, START_MS + 999);
    expect(rate.rates(START_MS + seconds * 1000 - 1, NONE)[window]).toBe(1);
    expect(rate.rates(START_MS + seconds * 1000, NONE)[window]).toBeUndefined();
  });

  it('does not mistake a second for the one that had its slot a quarter of an hour before', () => {
    const rate = new SlidingRate(START_MS);
    rate.record(true, START_MS);
    rate.record(false, START_MS + 15 * MINUTE_MS);
    expect(rate.rates(START_MS + 15 * MINUTE_MS, NONE)).toEqual(everywhere(0));
  });

  it('holds nothing of an old second against a new one, whatever the gap between', () => {
    for (let gapSeconds = 900; gapSeconds <= 1900; gapSeconds++) {
      const rate = new SlidingRate(START_MS);
      rate.record(true, START_MS);
      expect(rate.rates(START_MS + gapSeconds * 1000, NONE).last15Min).toBeUndefined();
    }
  });

  it('forgets everything when the clock jumps far ahead', () => {
    const rate = new SlidingRate(START_MS);
    rate.record(true, START_MS);
    expect(rate.rates(START_MS + 365 * DAY_MS, NONE)).toEqual(NOTHING);
  });

  it('lets what was counted grow old as before when the clock is set back', () => {
    const rate = new SlidingRate(START_MS);
    rate.record(true, START_MS + 100_000);
    rate.record(false, START_MS);
    expect(rate.rates(START_MS, NONE)).toEqual(everywhere(0.5));
    expect(rate.rates(START_MS + 59_999, NONE).last1Min).toBe(0.5);
    expect(rate.rates(START_MS + 60_000, NONE).last1Min).toBeUndefined();
  });

  it('works on after a clock that was a year ahead for a moment', () => {
    const rate = new SlidingRate(START_MS);
    rate.record(true, START_MS + 365 * DAY_MS);
    for (let minute = 0; minute < 30; minute++) rate.record(minute >= 25, START_MS + minute * MINUTE_MS);
    expect(rate.rates(START_MS + 29 * MINUTE_MS, NONE)).toEqual({
      last1Min: 1,
      last5Min: 1,
      last15Min: 5 / 15,
      allTime: undefined,
    });
  });

  it('counts a time that was taken a moment ago into the present second, and so one that is none', () => {
    const rate = new SlidingRate(START_MS);
    for (let turn = 0; turn < 200; turn++) {
      rate.record(true, START_MS + 1000);
      rate.record(true, START_MS + 999);
      rate.record(true, Number.NaN);
    }
    expect(rate.recent(START_MS + 60_999)).toEqual({ hits: 600, misses: 0 });
    expect(rate.rates(START_MS + 60_999, NONE).last1Min).toBe(1);
    expect(rate.rates(START_MS + 61_000, NONE).last1Min).toBeUndefined();
  });

  it('agrees with a list of all lookups, whatever the gaps and jumps', () => {
    const gap = fc.oneof(
      { arbitrary: fc.nat(900), weight: 5 },
      { arbitrary: fc.nat(90_000), weight: 3 },
      { arbitrary: fc.nat(20 * MINUTE_MS), weight: 1 },
      { arbitrary: fc.nat(100_000).map((ms) => -ms), weight: 1 },
      { arbitrary: fc.constantFrom(-DAY_MS, DAY_MS, -1000, -2000), weight: 1 },
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(gap, fc.boolean()), { maxLength: 120 }), (steps) => {
        let nowMs = START_MS + 123;
        let clockSecond = Math.floor(nowMs / 1000);
        /** Seconds that were seen to pass. */
        let age = 0;
        const rate = new SlidingRate(nowMs);
        const lookups: { readonly age: number; readonly isHit: boolean }[] = [];
        const within = (seconds: number) => {
          const counted = lookups.filter((lookup) => lookup.age > age - seconds);
          if (counted.length === 0) return undefined;
          return counted.filter(({ isHit }) => isHit).length / counted.length;
        };
        for (const [gapMs, isHit] of steps) {
          nowMs += gapMs;
          const second = Math.floor(nowMs / 1000);
          age += Math.max(second - clockSecond, 0);
          if (second !== clockSecond - 1) clockSecond = second;
          rate.record(isHit, nowMs);
          lookups.push({ age, isHit });
          expect(rate.rates(nowMs, NONE)).toEqual({
            last1Min: within(60),
            last5Min: within(300),
            last15Min: within(900),
            allTime: undefined,
          });
        }
      }),
      { seed: 10, numRuns: 200 },
    );
  });
});
