/**
 * All that is counted, at zero: the one list of names from which counters are made, and what a page shows before its
 * worker has said anything.
 */
import type {
  CachePerformance,
  ClipSource,
  ErrorCounters,
  HistogramCounts,
  HitRates,
  LatencySummary,
  MissReason,
  TierCounters,
  TierName,
} from '../protocol/values';
import { LATENCY_BOUNDS_MS } from './latency-bounds';

/** In the order in which they are asked. */
export const TIERS = ['memory', 'disk', 'remote'] as const satisfies readonly TierName[];

/** In the order in which they are asked. */
export const SOURCES = [...TIERS, 'origin'] as const satisfies readonly ClipSource[];

/** Makes a value for each name. */
export function recordOf<Name extends string, Value>(
  names: readonly Name[],
  valueFor: (name: Name) => Value,
): Record<Name, Value> {
  // `fromEntries` forgets which names it was given.
  return Object.fromEntries(names.map((name) => [name, valueFor(name)])) as Record<Name, Value>;
}

/** Returns a performance of which nothing has been counted, in objects of its own. */
export function emptyPerformance(): CachePerformance {
  return {
    requests: 0,
    hits: 0,
    misses: 0,
    missesByReason: zeroMisses(),
    joined: 0,
    failedRequests: 0,
    hitRate: noRates(),
    tierHitRate: recordOf(TIERS, noRates),
    availability: noRates(),
    latencyMs: recordOf(SOURCES, (): LatencySummary => ({ count: 0, p50: 0, p95: 0, p99: 0 })),
    latencyHistogram: recordOf(
      SOURCES,
      (): HistogramCounts => ({ cumulative: LATENCY_BOUNDS_MS.map(() => 0), count: 0, sumMs: 0 }),
    ),
    tiers: recordOf(TIERS, zeroTier),
    evictions: 0,
    expirations: 0,
    promotions: 0,
    demotions: 0,
    saved: { requests: 0, characters: 0, synthesisMs: 0, cost: undefined },
    spent: { requests: 0, characters: 0, synthesisMs: 0, cost: undefined },
    budget: undefined,
    errors: zeroErrors(),
  };
}

/** No misses. */
export function zeroMisses(): Record<MissReason, number> {
  return { new: 0, expired: 0, evicted: 0, deleted: 0, damaged: 0 };
}

/** No errors. */
export function zeroErrors(): { -readonly [Kind in keyof ErrorCounters]: number } {
  return {
    corrupt: 0,
    collisions: 0,
    diskReads: 0,
    diskWrites: 0,
    refused: 0,
    synthesis: 0,
    workerLost: 0,
    ignoredMessages: 0,
  };
}

function zeroTier(): TierCounters {
  return {
    hits: 0,
    misses: 0,
    puts: 0,
    evictions: 0,
    evictionsByReason: { limit: 0, quota: 0 },
    expirations: 0,
    errors: 0,
  };
}

function noRates(): HitRates {
  return { last1Min: undefined, last5Min: undefined, last15Min: undefined, allTime: undefined };
}
