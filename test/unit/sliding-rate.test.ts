import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SlidingRate } from '../../core/metrics/sliding-rate';

const START_MS = Date.UTC(2025, 5, 18, 12);
const MINUTE_MS = 60_000;
const NOTHING = { last1Min: undefined, last5Min: undefined, last15Min: undefined, allTime: undefined };

describe('A rate over the last minutes', () => {
  it('is undefined where nothing was asked', () => {
    expect(new SlidingRate(START_MS).rates(START_MS)).toEqual(NOTHING);
    expect(new SlidingRate(START_MS).rates(START_MS + 86_400_000)).toEqual(NOTHING);
  });

  it('is the share of hits', () => {
    const rate = new SlidingRate(START_MS);
    for (const isHit of [true, true, false, true]) rate.record(isHit, START_MS);
    expect(rate.rates(START_MS)).toEqual({ last1Min: 0.75, last5Min: 0.75, last15Min: 0.75, allTime: 0.75 });
  });

  it.each([
    ['last1Min', 60],
    ['last5Min', 300],
    ['last15Min', 900],
  ] as const)('keeps a lookup for %s exactly %i seconds', (window, seconds) => {
    const rate = new SlidingRate(START_MS);
    rate.record(true, START_MS + 999);
    expect(rate.rates(START_MS + seconds * 1000 - 1)[window]).toBe(1);
    expect(rate.rates(START_MS + seconds * 1000)[window]).toBeUndefined();
    expect(rate.rates(START_MS + seconds * 1000).allTime).toBe(1);
  });

  it('does not mistake a second for the one that had its slot a quarter of an hour before', () => {
    const rate = new SlidingRate(START_MS);
    rate.record(true, START_MS);
    rate.record(false, START_MS + 15 * MINUTE_MS);
    expect(rate.rates(START_MS + 15 * MINUTE_MS)).toEqual({ last1Min: 0, last5Min: 0, last15Min: 0, allTime: 0.5 });
  });

  it('holds nothing of an old second against a new one, whatever the gap between', () => {
    for (let gapSeconds = 900; gapSeconds <= 1900; gapSeconds++) {
      const rate = new SlidingRate(START_MS);
      rate.record(true, START_MS);
      expect(rate.rates(START_MS + gapSeconds * 1000).last15Min).toBeUndefined();
    }
  });

  it('forgets everything but the total when the clock jumps far ahead', () => {
    const rate = new SlidingRate(START_MS);
    rate.record(true, START_MS);
    expect(rate.rates(START_MS + 365 * 86_400_000)).toEqual({ ...NOTHING, allTime: 1 });
  });

  it('counts into the present second when the clock is set back', () => {
    const rate = new SlidingRate(START_MS);
    rate.record(true, START_MS + 100_000);
    rate.record(false, START_MS);
    expect(rate.rates(START_MS)).toEqual({ last1Min: 0.5, last5Min: 0.5, last15Min: 0.5, allTime: 0.5 });
    expect(rate.rates(START_MS + 159_999).last1Min).toBe(0.5);
    expect(rate.rates(START_MS + 160_000).last1Min).toBeUndefined();
  });

  it('agrees with a list of all lookups, whatever the gaps and jumps', () => {
    const gap = fc.oneof(
      { arbitrary: fc.nat(900), weight: 5 },
      { arbitrary: fc.nat(90_000), weight: 3 },
      { arbitrary: fc.nat(20 * MINUTE_MS), weight: 1 },
      { arbitrary: fc.nat(100_000).map((ms) => -ms), weight: 1 },
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(gap, fc.boolean()), { maxLength: 120 }), (steps) => {
        let nowMs = START_MS + 123;
        // The model's own clock never goes back, as a second that was counted cannot be taken back.
        let second = Math.floor(nowMs / 1000);
        const rate = new SlidingRate(nowMs);
        const lookups: { readonly second: number; readonly isHit: boolean }[] = [];
        const within = (seconds: number) => {
          const counted = lookups.filter((lookup) => lookup.second > second - seconds);
          if (counted.length === 0) return undefined;
          return counted.filter(({ isHit }) => isHit).length / counted.length;
        };
        for (const [gapMs, isHit] of steps) {
          nowMs += gapMs;
          second = Math.max(second, Math.floor(nowMs / 1000));
          rate.record(isHit, nowMs);
          lookups.push({ second, isHit });
          expect(rate.rates(nowMs)).toEqual({
            last1Min: within(60),
            last5Min: within(300),
            last15Min: within(900),
            allTime: within(Number.POSITIVE_INFINITY),
          });
        }
      }),
      { seed: 10, numRuns: 100 },
    );
  });
});
