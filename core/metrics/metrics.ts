/**
 * What the cache counts: lookups per tier, the outcome of requests, removals, what was saved and spent, errors and
 * latencies.
 *
 * Plain counters, added to where things happen and read when somebody asks. Nothing here decides anything. What is a
 * sum of others is not counted but added up (evictions by reason, misses by reason), so that no two numbers disagree.
 * A memory hit adds to three rings and a few numbers; nothing is allocated on its way.
 */
import { isObject } from '../protocol/is-object';
import type {
  CachePerformance,
  ClipMetadata,
  ClipSource,
  EvictionReason,
  JsonObject,
  MissReason,
  PriceConfig,
  Savings,
  TierCounters,
  TierName,
} from '../protocol/values';
import { LatencyHistogram } from './latency-histogram';
import { SlidingRate } from './sliding-rate';
import { recordOf, SOURCES, TIERS, zeroErrors, zeroMisses } from './zero-counters';

/** What a synthesis is counted by. */
export type Spoken = Pick<ClipMetadata, 'characters' | 'synthesisMs'>;

/** What came of the requests of the last 15 minutes. */
export interface RecentRequests {
  readonly hits: number;
  readonly misses: number;
  /** Ended with audio, be it synthesized. */
  readonly answered: number;
  readonly failed: number;
}

interface TierCount {
  hits: number;
  misses: number;
  puts: number;
  expirations: number;
  errors: number;
  readonly evictionsByReason: Record<EvictionReason, number>;
}

interface Money {
  requests: number;
  characters: number;
  synthesisMs: number;
  /** Counted also while there is no price: at none. */
  cost: number;
}

/** Counters that are restored as they are. */
const PLAIN_COUNTERS = ['hits', 'joined', 'promotions', 'demotions'] as const;

/** The counters of one cache. */
export class Metrics {
  readonly tiers: Readonly<Record<TierName, TierCount>> = recordOf(TIERS, zeroTierCount);
  readonly latencies: Readonly<Record<ClipSource, LatencyHistogram>> = recordOf(SOURCES, () => new LatencyHistogram());
  readonly errors = zeroErrors();
  readonly missesByReason = zeroMisses();
  readonly saved: Money = { requests: 0, characters: 0, synthesisMs: 0, cost: 0 };
  readonly spent: Money = { requests: 0, characters: 0, synthesisMs: 0, cost: 0 };
  hits = 0;
  joined = 0;
  /** Entries copied up into memory. */
  promotions = 0;
  /** Entries evicted from memory that disk goes on holding. */
  demotions = 0;
  #countedSinceMs: number;
  #failedRequests = 0;
  /** Undefined: no money is told. */
  #price: PriceConfig | undefined;
  /** Of all costs counted so far; undefined as long as there has been no price. */
  #currency: string | undefined;
  /** 0 without a price, so that counting need not ask. */
  #costPerCharacter = 0;
  readonly #hitRate: SlidingRate;
  readonly #availability: SlidingRate;
  readonly #tierHitRates: Readonly<Record<TierName, SlidingRate>>;

  constructor(nowMs: number, { price }: { readonly price?: PriceConfig | undefined } = {}) {
    this.#countedSinceMs = nowMs;
    this.#hitRate = new SlidingRate(nowMs);
    this.#availability = new SlidingRate(nowMs);
    this.#tierHitRates = recordOf(TIERS, () => new SlidingRate(nowMs));
    this.setPrice(price);
  }

  /** When counting began; before this start when totals were restored. */
  get countedSinceMs(): number {
    return this.#countedSinceMs;
  }

  /** Requests that found nothing in any tier. */
  get misses(): number {
    return sumOf(this.missesByReason);
  }

  /**
   * Counts money at this price from now on. What was counted keeps its cost, unless the currency is another one: then
   * money begins at zero.
   */
  setPrice(price: PriceConfig | undefined): void {
    this.#price = price;
    this.#costPerCharacter = price === undefined ? 0 : price.perThousandCharacters / 1000;
    if (price === undefined || price.currency === this.#currency) return;
    this.#currency = price.currency;
    this.saved.cost = 0;
    this.spent.cost = 0;
  }

  /** One tier was asked for one entry. */
  lookedUp(tier: TierName, isHit: boolean, nowMs: number): void {
    const counters = this.tiers[tier];
    if (isHit) counters.hits++;
    else counters.misses++;
    this.#tierHitRates[tier].record(isHit, nowMs);
  }

  /** A request was answered from the cache. */
  hit(clip: Spoken, nowMs: number): void {
    this.hits++;
    this.#hitRate.record(true, nowMs);
    this.#availability.record(true, nowMs);
    this.saved.synthesisMs += clip.synthesisMs;
    this.#add(this.saved, clip.characters);
  }

  /** A request found nothing in any tier. How it ends, if by more than that, is counted when it does. */
  miss(reason: MissReason, nowMs: number): void {
    this.missesByReason[reason]++;
    this.#hitRate.record(false, nowMs);
  }

  /** A request got its clip from a synthesis that another one had started: it saved money, and waited all the same. */
  joinedFill({ characters }: Pick<ClipMetadata, 'characters'>, nowMs: number): void {
    this.joined++;
    this.#availability.record(true, nowMs);
    this.#add(this.saved, characters);
  }

  /** A synthesis has completed, and with it the request that was granted it. */
  synthesized({ characters, synthesisMs }: Spoken, nowMs: number): void {
    this.#availability.record(true, nowMs);
    this.spent.synthesisMs += synthesisMs;
    this.#add(this.spent, characters);
  }

  /** Requests ended with an error, as their page says. */
  failedRequests(count: number, nowMs: number): void {
    if (!(count > 0)) return;
    this.#failedRequests += count;
    this.#availability.record(false, nowMs, count);
  }

  /** Entries were removed to make room. */
  evicted(tier: TierName, reason: EvictionReason, entries: number): void {
    this.tiers[tier].evictionsByReason[reason] += entries;
  }

  /** Entries were removed at the end of their time. */
  expired(tier: TierName, entries: number): void {
    this.tiers[tier].expirations += entries;
  }

  /** What came of the requests of the last 15 minutes. */
  recent(nowMs: number): RecentRequests {
    const { hits, misses } = this.#hitRate.recent(nowMs);
    const ended = this.#availability.recent(nowMs);
    return { hits, misses, answered: ended.hits, failed: ended.misses };
  }

  /**
   * The `performance` part of `stats()`, but for the budget.
   *
   * `requests` are the calls that the cache gave an answer: audio (a hit), nothing (a miss), or somebody else's synthesis
   * (joined). `availability` counts a call when it has ended for its caller: hits, joined ones and completed syntheses
   * with audio, those that their pages call failed without. So of `requests` it leaves out the misses of `get`, which end
   * with neither, and what is still being synthesized or was given up; and a synthesis that completed although its caller
   * has left counts as ended with audio.
   */
  summary(nowMs: number): Omit<CachePerformance, 'budget'> {
    const { hits, misses, joined, promotions, demotions } = this;
    const answered = hits + joined + this.spent.requests;
    const tiers = recordOf(TIERS, (tier) => countersOf(this.tiers[tier]));
    const overTiers = (counter: 'evictions' | 'expirations') =>
      TIERS.reduce((total, tier) => total + tiers[tier][counter], 0);
    return {
      requests: hits + misses + joined,
      hits,
      misses,
      missesByReason: { ...this.missesByReason },
      joined,
      failedRequests: this.#failedRequests,
      hitRate: this.#hitRate.rates(nowMs, { hits, misses }),
      tierHitRate: recordOf(TIERS, (tier) => this.#tierHitRates[tier].rates(nowMs, tiers[tier])),
      availability: this.#availability.rates(nowMs, { hits: answered, misses: this.#failedRequests }),
      latencyMs: recordOf(SOURCES, (source) => this.latencies[source].summary()),
      latencyHistogram: recordOf(SOURCES, (source) => this.latencies[source].counts()),
      tiers,
      evictions: overTiers('evictions'),
      expirations: overTiers('expirations'),
      promotions,
      demotions,
      saved: this.#savings(this.saved),
      spent: this.#savings(this.spent),
      errors: { ...this.errors },
    };
  }

  /** All counters and latencies as JSON, to be restored after a restart; the windows of rates are not among them. */
  totals(): JsonObject {
    const { hits, joined, promotions, demotions } = this;
    return {
      countedSinceMs: this.#countedSinceMs,
      hits,
      joined,
      promotions,
      demotions,
      failedRequests: this.#failedRequests,
      missesByReason: { ...this.missesByReason },
      tiers: recordOf(TIERS, (tier) => ({
        ...this.tiers[tier],
        evictionsByReason: { ...this.tiers[tier].evictionsByReason },
      })),
      errors: { ...this.errors },
      saved: { ...this.saved },
      spent: { ...this.spent },
      currency: this.#currency,
      latencies: recordOf(SOURCES, (source) => this.latencies[source].totals()),
    };
  }

  /**
   * Adds what `totals` once told to what was counted since; to be called once. Totals come from a disk: what is no
   * count there is taken for zero, and without a time since when they count they are no totals. Costs in another
   * currency than the present price's are left out.
   */
  restore(totals: unknown): void {
    if (!isObject(totals) || !isCount(totals.countedSinceMs)) return;
    this.#countedSinceMs = Math.min(this.#countedSinceMs, totals.countedSinceMs);
    for (const name of PLAIN_COUNTERS) this[name] += countIn(totals, name);
    this.#failedRequests += countIn(totals, 'failedRequests');
    addCounts(this.missesByReason, totals.missesByReason);
    addCounts(this.errors, totals.errors);
    for (const tier of TIERS) this.#restoreTier(tier, fieldOf(totals.tiers, tier));
    for (const source of SOURCES) this.latencies[source].restore(fieldOf(totals.latencies, source));
    this.#restoreMoney(totals);
  }

  #restoreTier(tier: TierName, totals: unknown): void {
    const { evictionsByReason, ...counters } = this.tiers[tier];
    addCounts(evictionsByReason, fieldOf(totals, 'evictionsByReason'));
    addCounts(counters, totals);
    Object.assign(this.tiers[tier], counters);
  }

  #restoreMoney({ currency, saved, spent }: Readonly<Record<string, unknown>>): void {
    const isSameMoney = typeof currency === 'string' && (this.#currency ?? currency) === currency;
    if (isSameMoney) this.#currency = currency;
    for (const [money, totals] of [
      [this.saved, saved],
      [this.spent, spent],
    ] as const) {
      const { cost } = money;
      addCounts(money, totals);
      if (!isSameMoney) money.cost = cost;
    }
  }

  #add(money: Money, characters: number): void {
    money.requests++;
    money.characters += characters;
    money.cost += characters * this.#costPerCharacter;
  }

  #savings({ requests, characters, synthesisMs, cost }: Money): Savings {
    return { requests, characters, synthesisMs, cost: this.#price === undefined ? undefined : cost };
  }
}

function zeroTierCount(): TierCount {
  return { hits: 0, misses: 0, puts: 0, expirations: 0, errors: 0, evictionsByReason: { limit: 0, quota: 0 } };
}

function countersOf({ evictionsByReason, ...counters }: TierCount): TierCounters {
  return { ...counters, evictions: sumOf(evictionsByReason), evictionsByReason: { ...evictionsByReason } };
}

function sumOf(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= Number.MAX_SAFE_INTEGER;
}

function fieldOf(value: unknown, name: string): unknown {
  return isObject(value) ? value[name] : undefined;
}

function countIn(totals: unknown, name: string): number {
  const count = fieldOf(totals, name);
  return isCount(count) ? count : 0;
}

/** Adds to each counter what the totals have of its name. */
function addCounts<Name extends string>(counters: Record<Name, number>, totals: unknown): void {
  // The keys of a record are its names.
  for (const name of Object.keys(counters) as Name[]) counters[name] += countIn(totals, name);
}
