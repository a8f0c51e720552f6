/**
 * Every metric against a log of what happened, counted anew in the most naive way: by going through all of it.
 */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LATENCY_BOUNDS_MS } from '../../core/metrics/latency-bounds';
import { Metrics } from '../../core/metrics/metrics';
import { emptyPerformance } from '../../core/metrics/zero-counters';
import type { CachePerformance, ErrorCounters, HitRates, PriceConfig } from '../../core/protocol/values';

const START_MS = Date.UTC(2025, 5, 18, 12);

const TIERS = ['memory', 'disk', 'remote'] as const;
const SOURCES = ['memory', 'disk', 'remote', 'origin'] as const;
const MISS_REASONS = ['new', 'expired', 'evicted', 'deleted', 'damaged'] as const;
const EVICTION_REASONS = ['limit', 'quota'] as const;
// The keys of an object of counters are their names.
const ERRORS = Object.keys(emptyPerformance().errors) as (keyof ErrorCounters)[];

const tier = fc.constantFrom(...TIERS);
const clip = fc.record({ characters: fc.nat(500), synthesisMs: fc.nat(5000) });
const entries = fc.nat(50);

const operation = fc.oneof(
  fc.record({ type: fc.constant('looked-up'), tier, isHit: fc.boolean() }),
  fc.record({ type: fc.constant('hit'), clip }),
  fc.record({ type: fc.constant('miss'), reason: fc.constantFrom(...MISS_REASONS) }),
  fc.record({ type: fc.constant('joined'), clip }),
  fc.record({ type: fc.constant('synthesized'), clip }),
  fc.record({ type: fc.constant('failed'), requests: fc.nat(4) }),
  fc.record({ type: fc.constant('evicted'), tier, reason: fc.constantFrom(...EVICTION_REASONS), entries }),
  fc.record({ type: fc.constant('expired'), tier, entries }),
  fc.record({ type: fc.constant('put'), tier }),
  fc.record({ type: fc.constant('tier-error'), tier }),
  fc.record({ type: fc.constant('promoted') }),
  fc.record({ type: fc.constant('demoted') }),
  fc.record({ type: fc.constant('error'), kind: fc.constantFrom(...ERRORS) }),
  fc.record({
    type: fc.constant('served'),
    source: fc.constantFrom(...SOURCES),
    latencyMs: fc.oneof(fc.double({ min: 0, max: 40_000, noNaN: true }), fc.constantFrom(...LATENCY_BOUNDS_MS)),
  }),
  fc.record({ type: fc.constant('priced'), perThousandCharacters: fc.option(fc.nat(40), { nil: undefined }) }),
);

const step = fc.oneof(
  { arbitrary: operation, weight: 12 },
  {
    arbitrary: fc.record({
      type: fc.constant('time-passed'),
      ms: fc.oneof(fc.nat(2000), fc.nat(400_000), fc.integer({ min: -3_600_000, max: -1 })),
    }),
    weight: 3,
  },
  { arbitrary: fc.record({ type: fc.constant('restarted') }), weight: 1 },
);

type Operation = typeof operation extends fc.Arbitrary<infer Value> ? Value : never;
type OperationOf<Type extends Operation['type']> = Extract<Operation, { readonly type: Type }>;

interface Logged {
  readonly operation: Operation;
  /** How many seconds the clock had been seen to pass. */
  readonly age: number;
  /** How many restarts there had been. */
  readonly run: number;
  readonly perThousandCharacters: number | undefined;
}

describe('Every metric', () => {
  it('reconciles with the log of what happened, over clock jumps, price changes and restarts', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 150 }), (steps) => {
        let nowMs = START_MS;
        let age = 0;
        let run = 0;
        let price: PriceConfig | undefined;
        let metrics = new Metrics(nowMs);
        const log: Logged[] = [];
        for (const taken of steps) {
          switch (taken.type) {
            case 'time-passed': {
              const seconds = Math.floor((nowMs + taken.ms) / 1000) - Math.floor(nowMs / 1000);
              // A single second back is no jump and would have to be made up for.
              if (seconds === -1) break;
              nowMs += taken.ms;
              age += Math.max(seconds, 0);
              // All rates are shown each time, as they are by the snapshots of a cache at work.
              metrics.summary(nowMs);
              break;
            }
            case 'restarted': {
              const totals: unknown = JSON.parse(JSON.stringify(metrics.totals()));
              metrics = new Metrics(nowMs, { price });
              metrics.restore(totals);
              run++;
              break;
            }
            default:
              if (taken.type === 'priced') price = priceOf(taken.perThousandCharacters);
              apply(metrics, taken, nowMs);
              log.push({ operation: taken, age, run, perThousandCharacters: price?.perThousandCharacters });
          }
        }
        const summary = metrics.summary(nowMs);
        expect(withoutPercentiles(summary)).toEqual(recount(log, age, run, price !== undefined));
        for (const source of SOURCES)
          expect(summary.latencyMs[source].count).toBe(summary.latencyHistogram[source].count);
      }),
      { seed: 15, numRuns: 500 },
    );
  });
});

function priceOf(perThousandCharacters: number | undefined): PriceConfig | undefined {
  return perThousandCharacters === undefined ? undefined : { perThousandCharacters, currency: 'EUR' };
}

function apply(metrics: Metrics, operation: Operation, nowMs: number): void {
  switch (operation.type) {
    case 'looked-up':
      metrics.lookedUp(operation.tier, operation.isHit, nowMs);
      return;
    case 'hit':
      metrics.hit(operation.clip, nowMs);
      return;
    case 'miss':
      metrics.miss(operation.reason, nowMs);
      return;
    case 'joined':
      metrics.joinedFill(operation.clip, nowMs);
      return;
    case 'synthesized':
      metrics.synthesized(operation.clip, nowMs);
      return;
    case 'failed':
      metrics.failedRequests(operation.requests, nowMs);
      return;
    case 'evicted':
      metrics.evicted(operation.tier, operation.reason, operation.entries);
      return;
    case 'expired':
      metrics.expired(operation.tier, operation.entries);
      return;
    case 'put':
      metrics.tiers[operation.tier].puts++;
      return;
    case 'tier-error':
      metrics.tiers[operation.tier].errors++;
      return;
    case 'promoted':
      metrics.promotions++;
      return;
    case 'demoted':
      metrics.demotions++;
      return;
    case 'error':
      metrics.errors[operation.kind]++;
      return;
    case 'served':
      metrics.latencies[operation.source].record(operation.latencyMs);
      return;
    case 'priced':
      metrics.setPrice(priceOf(operation.perThousandCharacters));
      return;
  }
}

/** What the metrics should say, from the log alone. */
function recount(log: readonly Logged[], age: number, run: number, isPriced: boolean) {
  const all = <Type extends Operation['type']>(type: Type, from = log): OperationOf<Type>[] =>
    // The filter leaves only those of the type.
    from.map(({ operation }) => operation).filter((operation) => operation.type === type) as OperationOf<Type>[];
  const countOf = (type: Operation['type'], from = log) => all(type, from).length;
  const total = (numbers: readonly number[]) => numbers.reduce((sum, number) => sum + number, 0);

  const rates = (countsIn: (from: readonly Logged[]) => readonly [yes: number, no: number]): HitRates => {
    const rateIn = (from: readonly Logged[]) => {
      const [yes, no] = countsIn(from);
      return yes + no === 0 ? undefined : yes / (yes + no);
    };
    const within = (seconds: number) => log.filter((logged) => logged.run === run && logged.age > age - seconds);
    return {
      last1Min: rateIn(within(60)),
      last5Min: rateIn(within(300)),
      last15Min: rateIn(within(900)),
      allTime: rateIn(log),
    };
  };
  const failedIn = (from: readonly Logged[]) => total(all('failed', from as Logged[]).map(({ requests }) => requests));
  const money = (types: readonly ('hit' | 'joined' | 'synthesized')[], timedTypes: typeof types) => {
    const clipsOf = (of: typeof types) =>
      log.flatMap(({ operation, perThousandCharacters = 0 }) =>
        'clip' in operation && of.includes(operation.type) ? [{ ...operation.clip, perThousandCharacters }] : [],
      );
    const clips = clipsOf(types);
    const costs = clips.map(({ characters, perThousandCharacters }) => (characters * perThousandCharacters) / 1000);
    return {
      requests: clips.length,
      characters: total(clips.map(({ characters }) => characters)),
      synthesisMs: total(clipsOf(timedTypes).map(({ synthesisMs }) => synthesisMs)),
      cost: isPriced ? expect.closeTo(total(costs), 6) : undefined,
    };
  };
  const recordOf = <Name extends string, Value>(names: readonly Name[], valueFor: (name: Name) => Value) =>
    // The names are all there.
    Object.fromEntries(names.map((name) => [name, valueFor(name)])) as Record<Name, Value>;

  const evictedBy = (tier: string, reason: string) =>
    total(
      all('evicted').flatMap((evicted) => (evicted.tier === tier && evicted.reason === reason ? evicted.entries : [])),
    );
  const expiredIn = (tier: string) =>
    total(all('expired').flatMap((expired) => (expired.tier === tier ? expired.entries : [])));
  const lookedUp = (tier: string, isHit: boolean, from = log) =>
    all('looked-up', from).filter((lookup) => lookup.tier === tier && lookup.isHit === isHit).length;

  return {
    requests: countOf('hit') + countOf('miss') + countOf('joined'),
    hits: countOf('hit'),
    misses: countOf('miss'),
    missesByReason: recordOf(MISS_REASONS, (reason) => all('miss').filter((miss) => miss.reason === reason).length),
    joined: countOf('joined'),
    failedRequests: failedIn(log),
    hitRate: rates((from) => [countOf('hit', from), countOf('miss', from)]),
    tierHitRate: recordOf(TIERS, (tier) => rates((from) => [lookedUp(tier, true, from), lookedUp(tier, false, from)])),
    availability: rates((from) => [
      countOf('hit', from) + countOf('joined', from) + countOf('synthesized', from),
      failedIn(from),
    ]),
    latencyHistogram: recordOf(SOURCES, (source) => {
      const latenciesMs = all('served').flatMap((served) => (served.source === source ? served.latencyMs : []));
      return {
        cumulative: LATENCY_BOUNDS_MS.map((boundMs) => latenciesMs.filter((ms) => ms <= boundMs).length),
        count: latenciesMs.length,
        sumMs: expect.closeTo(total(latenciesMs), 6),
      };
    }),
    tiers: recordOf(TIERS, (tier) => ({
      hits: lookedUp(tier, true),
      misses: lookedUp(tier, false),
      puts: all('put').filter((put) => put.tier === tier).length,
      evictions: evictedBy(tier, 'limit') + evictedBy(tier, 'quota'),
      evictionsByReason: recordOf(EVICTION_REASONS, (reason) => evictedBy(tier, reason)),
      expirations: expiredIn(tier),
      errors: all('tier-error').filter((error) => error.tier === tier).length,
    })),
    evictions: total(all('evicted').map(({ entries }) => entries)),
    expirations: total(all('expired').map(({ entries }) => entries)),
    promotions: countOf('promoted'),
    demotions: countOf('demoted'),
    saved: money(['hit', 'joined'], ['hit']),
    spent: money(['synthesized'], ['synthesized']),
    errors: recordOf(ERRORS, (kind) => all('error').filter((error) => error.kind === kind).length),
  };
}

/** Percentiles have a tolerance and a test of their own. */
function withoutPercentiles(summary: Omit<CachePerformance, 'budget'>): object {
  const { latencyMs: _, ...rest } = summary;
  return rest;
}
