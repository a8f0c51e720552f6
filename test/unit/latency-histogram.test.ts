import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LATENCY_BOUNDS_MS } from '../../core/metrics/latency-bounds';
import { LatencyHistogram } from '../../core/metrics/latency-histogram';

function histogramOf(latenciesMs: readonly number[]): LatencyHistogram {
  const histogram = new LatencyHistogram();
  for (const latencyMs of latenciesMs) histogram.record(latencyMs);
  return histogram;
}

/** The nearest-rank percentile of the raw data. */
function exact(latenciesMs: readonly number[], share: number): number {
  const sorted = [...latenciesMs].sort((a, b) => a - b);
  return sorted[Math.ceil(sorted.length * share) - 1] ?? 0;
}

describe('A latency histogram', () => {
  it('is all zero before the first latency', () => {
    expect(new LatencyHistogram().summary()).toEqual({ count: 0, p50: 0, p95: 0, p99: 0 });
    expect(new LatencyHistogram().counts()).toEqual({ cumulative: LATENCY_BOUNDS_MS.map(() => 0), count: 0, sumMs: 0 });
  });

  it('tells percentiles within five per cent, from a microsecond to a quarter of an hour', () => {
    const latency = fc.double({ min: Math.log(0.001), max: Math.log(900_000), noNaN: true }).map(Math.exp);
    fc.assert(
      fc.property(fc.array(latency, { minLength: 1, maxLength: 300 }), (latenciesMs) => {
        const summary = histogramOf(latenciesMs).summary();
        expect(summary.count).toBe(latenciesMs.length);
        for (const [percentile, share] of [
          ['p50', 0.5],
          ['p95', 0.95],
          ['p99', 0.99],
        ] as const) {
          expect(summary[percentile] / exact(latenciesMs, share)).toBeGreaterThanOrEqual(0.95);
          expect(summary[percentile] / exact(latenciesMs, share)).toBeLessThanOrEqual(1.05);
        }
      }),
      { seed: 11, numRuns: 500 },
    );
  });

  it('counts what is below its finest or above its coarsest bucket into these', () => {
    const summary = histogramOf([0, 0, 0, 1e9]).summary();
    expect(summary.count).toBe(4);
    expect(summary.p50).toBeLessThanOrEqual(0.001);
    expect(summary.p99).toBeGreaterThan(900_000);
  });

  it('ignores what is no latency', () => {
    const histogram = histogramOf([Number.NaN, -1, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]);
    expect(histogram.summary().count).toBe(0);
    expect(histogram.counts()).toEqual(new LatencyHistogram().counts());
  });

  it('keeps cumulative counts and the sum exact', () => {
    const latency = fc.oneof(fc.double({ min: 0, max: 40_000, noNaN: true }), fc.constantFrom(...LATENCY_BOUNDS_MS));
    fc.assert(
      fc.property(fc.array(latency, { maxLength: 200 }), (latenciesMs) => {
        const cumulative = LATENCY_BOUNDS_MS.map(
          (boundMs) => latenciesMs.filter((latencyMs) => latencyMs <= boundMs).length,
        );
        const sumMs = latenciesMs.reduce((sum, latencyMs) => sum + latencyMs, 0);
        expect(histogramOf(latenciesMs).counts()).toEqual({ cumulative, count: latenciesMs.length, sumMs });
      }),
      { seed: 12, numRuns: 200 },
    );
  });

  it('goes on after a restart as though there had been none', () => {
    const latency = fc.double({ min: 0, max: 40_000, noNaN: true });
    const latencies = fc.array(latency, { maxLength: 100 });
    fc.assert(
      fc.property(latencies, latencies, (before, after) => {
        const histogram = histogramOf(after);
        histogram.restore(JSON.parse(JSON.stringify(histogramOf(before).totals())));
        const whole = histogramOf([...before, ...after]);
        expect(histogram.summary()).toEqual(whole.summary());
        expect(histogram.counts()).toEqual({ ...whole.counts(), sumMs: expect.closeTo(whole.counts().sumMs, 6) });
      }),
      { seed: 13, numRuns: 100 },
    );
  });

  it('takes nothing of totals that do not fit together', () => {
    const good = histogramOf([1, 20, 300, 60_000]).totals();
    const bad: unknown[] = [
      undefined,
      null,
      'totals',
      [],
      {},
      { ...good, sumMs: Number.NaN },
      { ...good, sumMs: -1 },
      { ...good, buckets: [3] },
      { ...good, buckets: [220, 1] },
      { ...good, buckets: [-1, 1] },
      { ...good, buckets: [1, 1.5] },
      { ...good, buckets: ['1', 1] },
      { ...good, exported: [] },
      { ...good, exported: LATENCY_BOUNDS_MS.map(() => 1) },
      { ...good, exported: LATENCY_BOUNDS_MS.map(() => null) },
    ];
    for (const totals of bad) {
      const histogram = histogramOf([5]);
      histogram.restore(totals);
      expect(histogram.totals()).toEqual(histogramOf([5]).totals());
    }
  });
});
