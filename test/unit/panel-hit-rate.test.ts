import { describe, expect, it } from 'vitest';
import { addSample, type HitSample, historySpanMs, hitRatePath, hitRatePoints } from '../../src/panel/hit-rate-history';

const SECOND_MS = 1000;

/** One sample a second, each adding the given hits and misses to the totals. */
function sampleEachSecond(added: readonly (readonly [hits: number, misses: number])[]): readonly HitSample[] {
  let samples: readonly HitSample[] = [];
  let hits = 0;
  let misses = 0;
  added.forEach(([newHits, newMisses], second) => {
    hits += newHits;
    misses += newMisses;
    samples = addSample(samples, { atMs: second * SECOND_MS, hits, misses });
  });
  return samples;
}

describe('hit rate history', () => {
  it('is the share of hits among the requests since sampling began', () => {
    const rates = hitRatePoints(
      sampleEachSecond([
        [0, 0],
        [0, 1],
        [1, 0],
        [2, 0],
      ]),
    ).map((point) => point.rate);
    expect(rates).toEqual([undefined, 0, 0.5, 0.75]);
  });

  it('leaves out what was asked before the first sample', () => {
    const points = hitRatePoints([
      { atMs: 0, hits: 900, misses: 100 },
      { atMs: 1000, hits: 901, misses: 103 },
    ]);
    expect(points[1]?.rate).toBe(0.25);
  });

  it('forgets requests that are a minute old', () => {
    const burst = sampleEachSecond([[0, 0], [0, 10], ...Array.from({ length: 70 }, () => [0, 0] as const)]);
    const points = hitRatePoints(burst);
    expect(points[60]?.rate).toBe(0);
    expect(points[61]?.rate).toBeUndefined();
  });

  it('keeps four minutes of samples', () => {
    const samples = sampleEachSecond(Array.from({ length: 1000 }, () => [1, 0] as const));
    expect(samples).toHaveLength(240);
    expect(samples.at(-1)?.atMs).toBe(999_000);
  });

  it('starts again when the totals go down, because another worker counts now', () => {
    const before = sampleEachSecond([
      [5, 5],
      [5, 5],
    ]);
    expect(addSample(before, { atMs: 2000, hits: 0, misses: 1 })).toEqual([{ atMs: 2000, hits: 0, misses: 1 }]);
  });
});

describe('hit rate line', () => {
  it('ends at the right edge now and runs along the top at 100 %', () => {
    const points = [
      { atMs: 0, rate: 1 },
      { atMs: 60_000, rate: 1 },
    ];
    expect(hitRatePath(points, 60_000)).toBe('M0.0 0.0L360.0 0.0');
  });

  it('leaves a gap where nothing was asked', () => {
    const points = [
      { atMs: 0, rate: 0 },
      { atMs: 20_000, rate: undefined },
      { atMs: 40_000, rate: 0.5 },
    ];
    expect(hitRatePath(points, 40_000)).toBe('M0.0 100.0M360.0 50.0');
  });

  it('is empty before the first request', () => {
    expect(hitRatePath([{ atMs: 0, rate: undefined }], 0)).toBe('');
  });

  it('grows with what was sampled, from half a minute to three minutes', () => {
    const first = [{ atMs: 0, rate: 1 }];
    expect([1000, 100_000, 400_000].map((nowMs) => historySpanMs(first, nowMs))).toEqual([30_000, 100_000, 180_000]);
  });

  it('draws nothing older than its span', () => {
    const points = [
      { atMs: 0, rate: 0 },
      { atMs: 200_000, rate: 1 },
    ];
    expect(hitRatePath(points, 200_000)).toBe('M360.0 0.0');
  });
});
