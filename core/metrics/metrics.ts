/**
 * What the cache counts: lookups per tier, the outcome of requests, removals, savings, errors and latencies.
 *
 * Plain counters, added to where things happen and read when somebody asks. Nothing here decides anything.
 */
import type { HistogramCounts } from '../protocol/messages';
import type { CacheStats, ClipMetadata, ClipSource, ErrorCounters, TierName } from '../protocol/values';
import { LatencyHistogram } from './latency-histogram';
import { SlidingRate } from './sliding-rate';

const TIERS = ['memory', 'disk', 'remote'] as const satisfies readonly TierName[];
const SOURCES = ['memory', 'disk', 'remote', 'origin'] as const satisfies readonly ClipSource[];

type Mutable<Counters> = { -readonly [Name in keyof Counters]: Counters[Name] };
type TierCount = { hits: number; misses: number; puts: number; evictions: number; expirations: number; errors: number };

/** The counters of one cache. */
export class Metrics {
  readonly tiers: Readonly<Record<TierName, TierCount>> = recordOf(TIERS, () => ({
    hits: 0,
    misses: 0,
    puts: 0,
    evictions: 0,
    expirations: 0,
    errors: 0,
  }));
  readonly latencies: Readonly<Record<ClipSource, LatencyHistogram>> = recordOf(SOURCES, () => new LatencyHistogram());
  readonly errors: Mutable<ErrorCounters> = {
    corrupt: 0,
    collisions: 0,
    diskReads: 0,
    diskWrites: 0,
    refused: 0,
    synthesis: 0,
    workerLost: 0,
    ignoredMessages: 0,
  };
  readonly saved = { requests: 0, characters: 0, synthesisMs: 0 };
  hits = 0;
  misses = 0;
  joined = 0;
  promotions = 0;
  readonly #rate: SlidingRate;
  readonly #tierRates: Readonly<Record<TierName, SlidingRate>>;

  constructor(nowMs: number) {
    this.#rate = new SlidingRate(nowMs);
    this.#tierRates = recordOf(TIERS, () => new SlidingRate(nowMs));
  }

  /** One tier was asked for one entry. */
  lookedUp(tier: TierName, isHit: boolean, nowMs: number): void {
    if (isHit) this.tiers[tier].hits++;
    else this.tiers[tier].misses++;
    this.#tierRates[tier].record(isHit, nowMs);
  }

  /** A request was answered from the cache. */
  hit(clip: ClipMetadata, nowMs: number): void {
    this.hits++;
    this.#rate.record(true, nowMs);
    this.#save(clip);
  }

  /** A request found nothing in any tier. */
  miss(nowMs: number): void {
    this.misses++;
    this.#rate.record(false, nowMs);
  }

  /** A request got its clip from a synthesis that another one had started: it saved money, and waited all the same. */
  joinedFill({ characters }: ClipMetadata): void {
    this.joined++;
    this.saved.requests++;
    this.saved.characters += characters;
  }

  /** The `performance` part of `stats()`. */
  summary(nowMs: number): CacheStats['performance'] {
    const { tiers } = this;
    return {
      requests: this.hits + this.misses + this.joined,
      hits: this.hits,
      misses: this.misses,
      joined: this.joined,
      hitRate: this.#rate.rates(nowMs),
      tierHitRate: recordOf(TIERS, (tier) => this.#tierRates[tier].rates(nowMs)),
      latencyMs: recordOf(SOURCES, (source) => this.latencies[source].summary()),
      tiers: recordOf(TIERS, (tier) => ({ ...tiers[tier] })),
      evictions: tiers.memory.evictions + tiers.disk.evictions,
      expirations: tiers.memory.expirations + tiers.disk.expirations,
      promotions: this.promotions,
      saved: { ...this.saved },
      errors: { ...this.errors },
    };
  }

  /** The latencies by source as they are exported. */
  histograms(): Record<ClipSource, HistogramCounts> {
    return recordOf(SOURCES, (source) => this.latencies[source].counts());
  }

  #save(clip: ClipMetadata): void {
    this.saved.requests++;
    this.saved.characters += clip.characters;
    this.saved.synthesisMs += clip.synthesisMs;
  }
}

function recordOf<Name extends string, Value>(
  names: readonly Name[],
  valueFor: (name: Name) => Value,
): Record<Name, Value> {
  // `fromEntries` forgets which names it was given.
  return Object.fromEntries(names.map((name) => [name, valueFor(name)])) as Record<Name, Value>;
}
