import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Metrics } from '../../core/metrics/metrics';
import { emptyPerformance } from '../../core/metrics/zero-counters';
import type { ClipMetadata } from '../../core/protocol/values';

const NOW_MS = Date.UTC(2025, 5, 18, 12);
const MINUTE_MS = 60_000;
const CLIP: ClipMetadata = {
  contentType: 'audio/mpeg',
  byteLength: 1000,
  createdAtMs: NOW_MS,
  expiresAtMs: NOW_MS + 1000,
  characters: 20,
  synthesisMs: 350,
};
const EUROS = { perThousandCharacters: 15, currency: 'EUR' };

/** Of each kind of thing at least one. */
function busyMetrics(): Metrics {
  const metrics = new Metrics(NOW_MS, { price: EUROS });
  metrics.lookedUp('memory', true, NOW_MS);
  metrics.lookedUp('disk', false, NOW_MS);
  metrics.hit(CLIP, NOW_MS);
  metrics.miss('new', NOW_MS);
  metrics.miss('evicted', NOW_MS);
  metrics.joinedFill(CLIP, NOW_MS);
  metrics.synthesized(CLIP, NOW_MS);
  metrics.failedRequests(2, NOW_MS);
  metrics.evicted('memory', 'limit', 4);
  metrics.evicted('disk', 'quota', 5);
  metrics.expired('disk', 6);
  metrics.promotions += 7;
  metrics.demotions += 8;
  metrics.errors.corrupt += 9;
  metrics.tiers.disk.puts += 10;
  metrics.tiers.disk.errors += 11;
  metrics.latencies.memory.record(0.3);
  metrics.latencies.origin.record(700);
  return metrics;
}

/** As they come back from a disk. */
function storedTotals(metrics: Metrics): unknown {
  return JSON.parse(JSON.stringify(metrics.totals()));
}

/** What there is without the windows, which do not survive. */
function lasting(metrics: Metrics, nowMs: number): unknown {
  const summary = metrics.summary(nowMs);
  const { hitRate, tierHitRate, availability, ...rest } = summary;
  const allTimes = [hitRate, availability, ...Object.values(tierHitRate)].map((rates) => rates.allTime);
  return { ...rest, allTimes, countedSinceMs: metrics.countedSinceMs };
}

describe('The counters of a cache', () => {
  it('start at zero, with no rate at all, just as a page shows them before it knows any', () => {
    const { budget: _, ...empty } = emptyPerformance();
    expect(new Metrics(NOW_MS).summary(NOW_MS)).toEqual(empty);
    expect(Object.values(empty.hitRate)).toEqual([undefined, undefined, undefined, undefined]);
  });

  it('count a request once, as hit, miss or joined', () => {
    const metrics = new Metrics(NOW_MS);
    metrics.hit(CLIP, NOW_MS);
    metrics.hit(CLIP, NOW_MS);
    metrics.hit(CLIP, NOW_MS);
    metrics.miss('new', NOW_MS);
    metrics.joinedFill(CLIP, NOW_MS);
    const { requests, hits, misses, joined, hitRate } = metrics.summary(NOW_MS);
    expect({ requests, hits, misses, joined }).toEqual({ requests: 5, hits: 3, misses: 1, joined: 1 });
    expect(hitRate).toEqual({ last1Min: 0.75, last5Min: 0.75, last15Min: 0.75, allTime: 0.75 });
  });

  it('tell why a phrase was not there', () => {
    const metrics = new Metrics(NOW_MS);
    for (const reason of ['new', 'new', 'expired', 'evicted', 'deleted', 'damaged'] as const)
      metrics.miss(reason, NOW_MS);
    const { misses, missesByReason } = metrics.summary(NOW_MS);
    expect(misses).toBe(6);
    expect(missesByReason).toEqual({ new: 2, expired: 1, evicted: 1, deleted: 1, damaged: 1 });
  });

  it('count what hits and joins saved, and what syntheses took', () => {
    const metrics = new Metrics(NOW_MS);
    metrics.hit(CLIP, NOW_MS);
    metrics.joinedFill(CLIP, NOW_MS);
    metrics.miss('new', NOW_MS);
    metrics.synthesized({ characters: 30, synthesisMs: 500 }, NOW_MS);
    const { saved, spent } = metrics.summary(NOW_MS);
    expect(saved).toEqual({ requests: 2, characters: 40, synthesisMs: 350, cost: undefined });
    expect(spent).toEqual({ requests: 1, characters: 30, synthesisMs: 500, cost: undefined });
  });

  it('keep the tiers apart', () => {
    const metrics = new Metrics(NOW_MS);
    metrics.lookedUp('memory', false, NOW_MS);
    metrics.lookedUp('disk', true, NOW_MS);
    metrics.evicted('memory', 'limit', 2);
    metrics.evicted('disk', 'limit', 3);
    metrics.evicted('disk', 'quota', 1);
    metrics.expired('disk', 4);
    const { tiers, tierHitRate, evictions, expirations } = metrics.summary(NOW_MS + 30_000);
    expect(tiers.memory).toMatchObject({ hits: 0, misses: 1, evictions: 2, evictionsByReason: { limit: 2, quota: 0 } });
    expect(tiers.disk).toMatchObject({ hits: 1, misses: 0, evictions: 4, evictionsByReason: { limit: 3, quota: 1 } });
    expect(tiers.disk.expirations).toBe(4);
    expect(tierHitRate.memory.last1Min).toBe(0);
    expect(tierHitRate.disk.last1Min).toBe(1);
    expect(tierHitRate.remote.last1Min).toBeUndefined();
    expect({ evictions, expirations }).toEqual({ evictions: 6, expirations: 4 });
  });

  it('are handed out as a copy', () => {
    const metrics = new Metrics(NOW_MS);
    const before = metrics.summary(NOW_MS);
    metrics.errors.corrupt++;
    metrics.tiers.disk.puts++;
    metrics.evicted('disk', 'limit', 1);
    metrics.hit(CLIP, NOW_MS);
    metrics.miss('new', NOW_MS);
    expect(before).toEqual(new Metrics(NOW_MS).summary(NOW_MS));
    expect(structuredClone(before)).toEqual(before);
  });
});

describe('Availability', () => {
  it('is the share of audio among the calls that have ended, whoever made it', () => {
    const metrics = new Metrics(NOW_MS);
    metrics.hit(CLIP, NOW_MS);
    metrics.joinedFill(CLIP, NOW_MS);
    metrics.synthesized(CLIP, NOW_MS);
    metrics.failedRequests(1, NOW_MS);
    expect(metrics.summary(NOW_MS).availability).toEqual({
      last1Min: 0.75,
      last5Min: 0.75,
      last15Min: 0.75,
      allTime: 0.75,
    });
    expect(metrics.summary(NOW_MS).failedRequests).toBe(1);
  });

  it('leaves out what was not there and what has not ended', () => {
    const metrics = new Metrics(NOW_MS);
    metrics.miss('new', NOW_MS);
    expect(metrics.summary(NOW_MS).availability.allTime).toBeUndefined();
  });

  it('counts a call in the minute in which it ended', () => {
    const metrics = new Metrics(NOW_MS);
    metrics.failedRequests(3, NOW_MS);
    metrics.synthesized(CLIP, NOW_MS + 2 * MINUTE_MS);
    expect(metrics.summary(NOW_MS + 2 * MINUTE_MS).availability).toEqual({
      last1Min: 1,
      last5Min: 0.25,
      last15Min: 0.25,
      allTime: 0.25,
    });
    expect(metrics.recent(NOW_MS + 2 * MINUTE_MS)).toEqual({ hits: 0, misses: 0, answered: 1, failed: 3 });
    expect(metrics.recent(NOW_MS + 16 * MINUTE_MS)).toEqual({ hits: 0, misses: 0, answered: 1, failed: 0 });
  });

  it('is not moved by a report of no failures, or of nonsense', () => {
    const metrics = new Metrics(NOW_MS);
    for (const count of [0, -1, Number.NaN]) metrics.failedRequests(count, NOW_MS);
    expect(metrics.summary(NOW_MS)).toEqual(new Metrics(NOW_MS).summary(NOW_MS));
  });
});

describe('Money', () => {
  it('is counted at the price of a thousand characters', () => {
    const metrics = new Metrics(NOW_MS, { price: EUROS });
    metrics.hit(CLIP, NOW_MS);
    metrics.joinedFill(CLIP, NOW_MS);
    metrics.synthesized({ characters: 2000, synthesisMs: 1 }, NOW_MS);
    const { saved, spent } = metrics.summary(NOW_MS);
    expect(saved.cost).toBeCloseTo(0.6, 12);
    expect(spent.cost).toBeCloseTo(30, 12);
  });

  it('keeps the cost at which it was counted when the price changes', () => {
    const metrics = new Metrics(NOW_MS, { price: EUROS });
    metrics.synthesized({ characters: 1000, synthesisMs: 1 }, NOW_MS);
    metrics.setPrice({ ...EUROS, perThousandCharacters: 1 });
    metrics.synthesized({ characters: 1000, synthesisMs: 1 }, NOW_MS);
    expect(metrics.summary(NOW_MS).spent.cost).toBeCloseTo(16, 12);
    metrics.setPrice(undefined);
    expect(metrics.summary(NOW_MS).spent.cost).toBeUndefined();
    metrics.synthesized({ characters: 1000, synthesisMs: 1 }, NOW_MS);
    metrics.setPrice(EUROS);
    expect(metrics.summary(NOW_MS).spent).toMatchObject({ requests: 3, cost: expect.closeTo(16, 12) });
  });

  it('begins at zero in another currency, as sums of two mean nothing', () => {
    const metrics = new Metrics(NOW_MS, { price: EUROS });
    metrics.synthesized({ characters: 1000, synthesisMs: 1 }, NOW_MS);
    metrics.setPrice({ perThousandCharacters: 20, currency: 'USD' });
    metrics.hit({ characters: 1000, synthesisMs: 1 }, NOW_MS);
    expect(metrics.summary(NOW_MS)).toMatchObject({ spent: { requests: 1, cost: 0 }, saved: { cost: 20 } });
  });
});

describe('Totals that are kept', () => {
  it('go on after a restart, all of them, and the windows begin anew', () => {
    const before = busyMetrics();
    const laterMs = NOW_MS + MINUTE_MS / 2;
    const after = new Metrics(laterMs, { price: EUROS });
    after.restore(storedTotals(before));
    expect(lasting(after, laterMs)).toEqual(lasting(before, laterMs));
    expect(after.countedSinceMs).toBe(NOW_MS);
    const { hitRate, availability, tierHitRate } = after.summary(laterMs);
    expect(hitRate).toMatchObject({ last1Min: undefined, allTime: 1 / 3 });
    expect(availability).toMatchObject({ last15Min: undefined, allTime: 3 / 5 });
    expect(tierHitRate.memory).toMatchObject({ last1Min: undefined, allTime: 1 });
  });

  it('are added to what was counted before they were there', () => {
    const after = busyMetrics();
    after.restore(storedTotals(busyMetrics()));
    const { hits, misses, evictions, latencyMs, spent } = after.summary(NOW_MS);
    expect({ hits, misses, evictions }).toEqual({ hits: 2, misses: 4, evictions: 18 });
    expect(latencyMs.origin.count).toBe(2);
    expect(spent).toEqual({ requests: 2, characters: 40, synthesisMs: 700, cost: expect.closeTo(0.6, 12) });
  });

  it('count since no later than now, whatever the clock said before', () => {
    const before = new Metrics(NOW_MS + MINUTE_MS);
    const after = new Metrics(NOW_MS);
    after.restore(storedTotals(before));
    expect(after.countedSinceMs).toBe(NOW_MS);
  });

  it('leave out money in another currency, and take it up where there is no price yet', () => {
    const dollars = new Metrics(NOW_MS, { price: { perThousandCharacters: 1, currency: 'USD' } });
    dollars.restore(storedTotals(busyMetrics()));
    expect(dollars.summary(NOW_MS).spent).toMatchObject({ requests: 1, cost: 0 });
    const unpriced = new Metrics(NOW_MS);
    unpriced.restore(storedTotals(busyMetrics()));
    expect(unpriced.summary(NOW_MS).spent.cost).toBeUndefined();
    unpriced.setPrice(EUROS);
    expect(unpriced.summary(NOW_MS).spent.cost).toBeCloseTo(0.3, 12);
  });

  it('are nothing when there are none, or they do not say since when they count', () => {
    const { countedSinceMs: _, ...undated } = busyMetrics().totals();
    for (const totals of [undefined, null, 7, 'totals', [], {}, undated, { ...undated, countedSinceMs: 'today' }]) {
      const metrics = new Metrics(NOW_MS);
      metrics.restore(totals);
      expect(lasting(metrics, NOW_MS)).toEqual(lasting(new Metrics(NOW_MS), NOW_MS));
    }
  });

  it('never make a number that is none, whatever is in them', () => {
    const nonsense = fc.oneof(
      fc.constantFrom(Number.NaN, -1, Number.POSITIVE_INFINITY, null, 'NaN', [], {}, 3),
      fc.jsonValue(),
    );
    const names = Object.keys(busyMetrics().totals()).filter((name) => name !== 'countedSinceMs');
    const changes = fc.dictionary(fc.constantFrom(...names), nonsense);
    fc.assert(
      fc.property(changes, (changed) => {
        const metrics = new Metrics(NOW_MS, { price: EUROS });
        metrics.restore({ ...busyMetrics().totals(), ...changed });
        metrics.hit(CLIP, NOW_MS);
        metrics.miss('new', NOW_MS);
        const numbers = numbersIn(metrics.summary(NOW_MS));
        expect(numbers.length).toBeGreaterThan(50);
        for (const number of numbers) {
          expect(number).toBeGreaterThanOrEqual(0);
          expect(number).toBeLessThan(Number.POSITIVE_INFINITY);
        }
      }),
      { seed: 14, numRuns: 300 },
    );
  });

  it('take what is damaged for zero and keep the rest', () => {
    const totals = { ...busyMetrics().totals(), hits: -5, errors: 'none', tiers: { disk: { puts: 3, hits: 'many' } } };
    const metrics = new Metrics(NOW_MS);
    metrics.restore(totals);
    const { hits, misses, errors, tiers } = metrics.summary(NOW_MS);
    expect({ hits, misses }).toEqual({ hits: 0, misses: 2 });
    expect(errors.corrupt).toBe(0);
    expect(tiers.disk).toMatchObject({ puts: 3, hits: 0, evictions: 0 });
  });
});

function numbersIn(value: unknown): number[] {
  if (typeof value === 'number') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(numbersIn) : [];
}
