/**
 * What is wrong with a cache, since when, and what to do about it.
 *
 * Judges what it is shown and remembers what it said: an alert keeps its time while it lasts, and each evaluation tells
 * which were raised and which are over since the one before. Nothing here measures, and nothing acts.
 *
 * Values that hover around a threshold do not make an alert come and go:
 * - A tier must be above its high-water mark for a whole cleanup interval; it is over at the mark, and needs another
 *   interval to come back.
 * - A low hit rate is over a tenth of the way from the threshold to 1 (0.5: at 0.55), or with fewer than 10 requests.
 * - A high error rate is over at four fifths of the threshold (0.1: at 0.08), or with fewer than 5 requests.
 * - A full heap is over at 95 % of the threshold, a low quota when a fifth more than the threshold is free.
 *
 * `WORKER_UNAVAILABLE` and `TAB_ALONE` are of one page, which adds them itself.
 */
import type { RecentRequests } from './metrics/metrics';
import type { Amount, BudgetState, CacheConfig, CacheStats, HealthAlert, StorageEstimate } from './protocol/values';

/** Where an alert that was raised is over: see above. */
const HIT_RATE_RELIEF = 0.1;
const ERROR_RATE_RELIEF = 0.8;
const HEAP_RELIEF = 0.95;
const QUOTA_RELIEF = 1.2;

/** Fewer requests say nothing about a rate; half as many keep an alert up. */
const MIN_REQUESTS = 20;
const MIN_ENDED_REQUESTS = 10;

/** So much of the quota is little, whichever is more. */
const LOW_QUOTA_SHARE = 0.05;
const LOW_QUOTA_BYTES = 100_000_000;

/** For so long it is said that the browser has emptied the storage: longer would say nothing of how the cache is now. */
const EMPTIED_MS = 24 * 60 * 60 * 1000;

/** Dates beyond these are none. */
const MAX_DATE_MS = 8.64e15;

/** What is to be judged; whatever is not known is left out. */
export interface Observation {
  /** Limits, marks and thresholds in force. */
  readonly config: Pick<CacheConfig, 'memory' | 'disk' | 'cleanupIntervalMs' | 'price' | 'budget' | 'health'>;
  /** What memory holds. */
  readonly memory: Amount;
  /** What the disk tier takes, and its limit in force; left out where there is none. */
  readonly disk?: { readonly bytesOnDisk: number; readonly maxBytes: number } | undefined;
  /** `Metrics.recent` as of now. */
  readonly recent: RecentRequests;
  readonly budget?: BudgetState | undefined;
  readonly estimate?: StorageEstimate | undefined;
  /** Share of its heap that a page uses, as one has said lately; workers are not told theirs. */
  readonly heapRatio?: number | undefined;
  /** Why there is no disk tier although there should be one, in a sentence. */
  readonly storeFailure?: { readonly reason: string; readonly sinceMs: number } | undefined;
  /** When it was found that the browser had emptied the storage. */
  readonly storageEmptiedAtMs?: number | undefined;
  readonly writesFailingSinceMs?: number | undefined;
}

/** A health as `stats()` tells it, and what is new about it. */
export interface HealthReport {
  readonly status: CacheStats['health']['status'];
  /** Critical ones first. */
  readonly alerts: readonly HealthAlert[];
  /** Raised since the evaluation before, or raised to another severity. */
  readonly raised: readonly HealthAlert[];
  /** Over since the evaluation before, as they were then. */
  readonly ended: readonly HealthAlert[];
}

type Finding = Omit<HealthAlert, 'sinceMs'> & { readonly sinceMs?: number };

/** `failing` with a critical alert, `degraded` with any, else `ok`. */
export function statusOf(alerts: readonly HealthAlert[]): CacheStats['health']['status'] {
  if (alerts.some(({ severity }) => severity === 'critical')) return 'failing';
  return alerts.length === 0 ? 'ok' : 'degraded';
}

/** The health of one cache. */
export class Health {
  #alertByCode: ReadonlyMap<HealthAlert['code'], HealthAlert> = new Map();
  /** Since when a tier has been above its high-water mark; undefined while it is not. */
  #memoryAboveSinceMs: number | undefined;
  #diskAboveSinceMs: number | undefined;

  /** Judges what is seen now. Whoever calls it passes on what was raised and what ended: it is told once. */
  evaluate(observation: Observation, nowMs: number): HealthReport {
    const before = this.#alertByCode;
    const alerts = this.#findings(observation, nowMs).map(
      (finding): HealthAlert => ({ sinceMs: before.get(finding.code)?.sinceMs ?? nowMs, ...finding }),
    );
    alerts.sort((a, b) => Number(b.severity === 'critical') - Number(a.severity === 'critical'));
    const now = new Map(alerts.map((alert) => [alert.code, alert]));
    this.#alertByCode = now;
    return {
      status: statusOf(alerts),
      alerts,
      raised: alerts.filter(({ code, severity }) => before.get(code)?.severity !== severity),
      ended: [...before.values()].filter(({ code }) => !now.has(code)),
    };
  }

  #findings(observation: Observation, nowMs: number): Finding[] {
    const { storeFailure, storageEmptiedAtMs, writesFailingSinceMs } = observation;
    const findings = [
      writesFailingSinceMs === undefined ? undefined : writesFailing(writesFailingSinceMs),
      budgetExceeded(observation),
      storeFailure && storeFallback(storeFailure),
      storageEmptiedAtMs === undefined ? undefined : storeEmptied(storageEmptiedAtMs, nowMs),
      this.#quotaLow(observation),
      this.#memoryAboveHighWater(observation, nowMs),
      this.#diskAboveHighWater(observation, nowMs),
      this.#heapHigh(observation),
      this.#errorRateHigh(observation),
      this.#hitRateLow(observation),
    ];
    return findings.filter((finding) => finding !== undefined);
  }

  #memoryAboveHighWater({ config, memory }: Observation, nowMs: number): Finding | undefined {
    const { maxBytes, maxEntries, highWater } = config.memory;
    const usageRatio = Math.max(memory.bytes / maxBytes, memory.entries / maxEntries);
    this.#memoryAboveSinceMs = aboveSince(this.#memoryAboveSinceMs, usageRatio > highWater, nowMs);
    const sinceMs = this.#memoryAboveSinceMs;
    if (sinceMs === undefined || nowMs - sinceMs <= config.cleanupIntervalMs) return undefined;
    const message = `The memory tier is ${percent(usageRatio)} full and no cleanup has changed that. Is cleanup running? Call cleanup(), or raise memory.maxBytes or memory.maxEntries.`;
    return { code: 'MEMORY_ABOVE_HIGH_WATER', severity: 'warning', message, sinceMs };
  }

  #diskAboveHighWater({ config, disk }: Observation, nowMs: number): Finding | undefined {
    const usageRatio = disk === undefined ? 0 : disk.bytesOnDisk / disk.maxBytes;
    this.#diskAboveSinceMs = aboveSince(this.#diskAboveSinceMs, usageRatio > config.disk.highWater, nowMs);
    const sinceMs = this.#diskAboveSinceMs;
    if (sinceMs === undefined || nowMs - sinceMs <= config.cleanupIntervalMs) return undefined;
    const message = `The disk tier is ${percent(usageRatio)} full and no cleanup has changed that. Is cleanup running, and is not nearly everything pinned? Call cleanup(), unpin what need not stay, or raise disk.maxBytes.`;
    return { code: 'DISK_ABOVE_HIGH_WATER', severity: 'warning', message, sinceMs };
  }

  #heapHigh({ config, heapRatio = 0 }: Observation): Finding | undefined {
    const { maxHeapRatio } = config.health;
    if (heapRatio <= maxHeapRatio * (this.#isRaised('HEAP_HIGH') ? HEAP_RELIEF : 1)) return undefined;
    const message = `${percent(heapRatio)} of the JavaScript heap is in use. Release clips that are not needed any more, or lower memory.maxBytes.`;
    return { code: 'HEAP_HIGH', severity: 'warning', message };
  }

  #hitRateLow({ config, recent: { hits, misses } }: Observation): Finding | undefined {
    const { minHitRate } = config.health;
    const isRaised = this.#isRaised('HIT_RATE_LOW');
    if (minHitRate === 0 || hits + misses < MIN_REQUESTS / (isRaised ? 2 : 1)) return undefined;
    const hitRate = hits / (hits + misses);
    if (hitRate >= minHitRate + (isRaised ? (1 - minHitRate) * HIT_RATE_RELIEF : 0)) return undefined;
    const message = `Of the last 15 minutes' requests ${percent(hitRate)} were hits, less than ${percent(minHitRate)}. performance.missesByReason says why: "new" phrases may hold what changes each time, such as a date, "evicted" ones want a higher disk.maxBytes, "expired" ones a longer disk.ttlMs.`;
    return { code: 'HIT_RATE_LOW', severity: 'warning', message };
  }

  #errorRateHigh({ config, recent: { answered, failed } }: Observation): Finding | undefined {
    const { maxErrorRate } = config.health;
    const isRaised = this.#isRaised('ERROR_RATE_HIGH');
    if (answered + failed < MIN_ENDED_REQUESTS / (isRaised ? 2 : 1)) return undefined;
    const errorRate = failed / (answered + failed);
    if (errorRate <= maxErrorRate * (isRaised ? ERROR_RATE_RELIEF : 1)) return undefined;
    const message = `Of the last 15 minutes' requests ${percent(errorRate)} failed, more than ${percent(maxErrorRate)}. The errors of the event "failed" say why; most often the speech service cannot be reached, or refuses.`;
    return { code: 'ERROR_RATE_HIGH', severity: 'warning', message };
  }

  #quotaLow({ estimate }: Observation): Finding | undefined {
    if (estimate === undefined || !(estimate.quotaBytes > 0)) return undefined;
    const { usageBytes, quotaBytes } = estimate;
    const freeBytes = Math.max(quotaBytes - usageBytes, 0);
    const lowBytes = Math.max(quotaBytes * LOW_QUOTA_SHARE, LOW_QUOTA_BYTES);
    if (freeBytes >= lowBytes * (this.#isRaised('QUOTA_LOW') ? QUOTA_RELIEF : 1)) return undefined;
    const message = `By the browser's estimate ${megabytes(freeBytes)} of ${megabytes(quotaBytes)} are left for this site. Free space on the device, delete what the site stores beside audio, or lower disk.maxBytes.`;
    return { code: 'QUOTA_LOW', severity: 'warning', message };
  }

  #isRaised(code: HealthAlert['code']): boolean {
    return this.#alertByCode.has(code);
  }
}

/** Since when it has been so. A clock set back since then begins anew, or it might never come round. */
function aboveSince(sinceMs: number | undefined, isAbove: boolean, nowMs: number): number | undefined {
  return isAbove ? Math.min(sinceMs ?? nowMs, nowMs) : undefined;
}

function writesFailing(sinceMs: number): Finding {
  const message =
    'Several writes to disk in a row have failed; new audio is kept in memory only. Is the disk full? Free space on the device, or lower disk.maxBytes.';
  return { code: 'WRITES_FAILING', severity: 'critical', message, sinceMs };
}

function budgetExceeded({ config, budget }: Observation): Finding | undefined {
  if (budget?.isExceeded !== true) return undefined;
  const { limit, spent, periodEndsAtMs } = budget;
  const isRefused = config.budget?.whenExceeded === 'refuse';
  const currency = config.price === undefined ? '' : ` ${config.price.currency}`;
  const end = periodEndsAtMs <= MAX_DATE_MS ? `; the period ends ${new Date(periodEndsAtMs).toISOString()}` : '';
  const advice = isRefused
    ? 'New phrases are not synthesized, what is cached plays. Raise budget.limit to go on.'
    : 'Syntheses go on. Raise budget.limit, or have budget.whenExceeded refuse them.';
  const message = `${spent.toFixed(2)} of a budget of ${limit}${currency} are spent${end}. ${advice}`;
  return { code: 'BUDGET_EXCEEDED', severity: isRefused ? 'critical' : 'warning', message };
}

function storeFallback({ reason, sinceMs }: { readonly reason: string; readonly sinceMs: number }): Finding {
  const message = `Audio is kept in memory only: ${reason} Reloading the page tries the disk again.`;
  return { code: 'STORE_FALLBACK', severity: 'warning', message, sinceMs };
}

function storeEmptied(sinceMs: number, nowMs: number): Finding | undefined {
  if (nowMs - sinceMs > EMPTIED_MS) return undefined;
  const message =
    'The browser has emptied the storage of this site; the cache began anew. persist() asks the browser to spare it, and an installed app is spared sooner.';
  return { code: 'STORE_EMPTIED', severity: 'warning', message, sinceMs };
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`;
}
