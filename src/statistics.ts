/**
 * The page's copy of the statistics, ready to be read at any time, and what the page itself contributes to them: how
 * long its callers waited, and whether it has a worker at all.
 */
import type { Clock } from '../core/clock';
import { PROTOCOL_VERSION, type ServedSample } from '../core/protocol/messages';
import type {
  CacheConfig,
  CacheStats,
  ClipSource,
  HealthAlert,
  HitRates,
  LatencySummary,
  TierCounters,
  TierName,
} from '../core/protocol/values';
import { callSafely } from './call-safely';

/** Samples are gathered for this long before they are sent. */
const REPORT_DELAY_MS = 200;

/** What the page has to say to the worker's counters. */
export interface Report {
  readonly served: readonly ServedSample[];
  readonly failedSyntheses: number;
}

/** What the statistics of a page are made of. */
export interface StatisticsOptions {
  readonly config: CacheConfig;
  readonly workerMode: CacheStats['runtime']['workerMode'];
  readonly clock: Clock;
  /** Sends what has gathered. */
  readonly onReport: (report: Report) => void;
}

/** Snapshot, listeners and samples of one page. */
export class Statistics {
  readonly #options: StatisticsOptions;
  readonly #listeners = new Set<() => void>();
  /** What the worker said last. */
  #told: CacheStats;
  #snapshot: CacheStats;
  #served: ServedSample[] = [];
  #failedSyntheses = 0;
  #isReportDue = false;
  #workersLost = 0;
  #workerAlert: HealthAlert | undefined;
  #aloneAlert: HealthAlert | undefined;
  #role: CacheStats['runtime']['role'] = 'follower';
  /** By this page; the owner's worker counts its own. */
  #ignoredMessages = 0;

  constructor(options: StatisticsOptions) {
    this.#options = options;
    this.#told = emptyStats(options.config, options.workerMode);
    this.#snapshot = this.#told;
  }

  /** The latest snapshot: the same object until something changed. */
  get snapshot(): CacheStats {
    return this.#snapshot;
  }

  /** Calls the listener after every change; the returned function ends that. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Takes in what the worker says, adds what only the page knows, and returns the whole. */
  update(stats: CacheStats): CacheStats {
    this.#told = stats;
    return this.#refresh();
  }

  /** What this tab is among the tabs. */
  setRole(role: CacheStats['runtime']['role']): void {
    this.#role = role;
    this.#refresh();
  }

  /** This tab shares with no other; the alert says why. */
  worksAlone(alert: HealthAlert): void {
    this.#aloneAlert = alert;
    this.#refresh();
  }

  /** This page was sent something that is no message of ours. */
  ignoredMessage(): void {
    this.#ignoredMessages++;
  }

  #refresh(): CacheStats {
    const { performance, health, runtime } = this.#told;
    const role = this.#role;
    // A worker that is alone may have found its files in the hands of another.
    const owner = role !== 'follower' && runtime.owner;
    const alerts = [...health.alerts, this.#workerAlert, this.#aloneAlert].filter((alert) => alert !== undefined);
    const ignoredMessages = performance.errors.ignoredMessages + this.#ignoredMessages;
    this.#snapshot = {
      ...this.#told,
      performance: {
        ...performance,
        errors: { ...performance.errors, workerLost: this.#workersLost, ignoredMessages },
      },
      health: { status: alerts.length === 0 ? 'ok' : 'degraded', alerts },
      runtime:
        this.#workerAlert === undefined
          ? { ...runtime, owner, role, workerMode: this.#options.workerMode }
          : { ...runtime, owner: false, role, workerMode: 'none', store: 'none' },
    };
    for (const listener of this.#listeners) callSafely(listener);
    return this.#snapshot;
  }

  /** A worker was lost; `alert` says that no other will come. */
  lostWorker(alert: HealthAlert | undefined): void {
    this.#workersLost++;
    this.#workerAlert = alert;
    // What was counted stays true; what was held is out of reach.
    const tiers = alert === undefined ? this.#told.tiers : { memory: EMPTY_TIER, disk: EMPTY_DISK, remote: undefined };
    this.update({ ...this.#told, tiers });
  }

  /** A clip was handed to its caller. */
  served(source: ClipSource, latencyMs: number): void {
    this.#served.push({ source, latencyMs });
    this.#reportSoon();
  }

  /** A synthesis failed for good. */
  failedSynthesis(): void {
    this.#failedSyntheses++;
    this.#reportSoon();
  }

  /** Sends what has gathered now. */
  report(): void {
    if (this.#served.length === 0 && this.#failedSyntheses === 0) return;
    const report = { served: this.#served, failedSyntheses: this.#failedSyntheses };
    this.#served = [];
    this.#failedSyntheses = 0;
    this.#options.onReport(report);
  }

  #reportSoon(): void {
    if (this.#isReportDue) return;
    this.#isReportDue = true;
    this.#options.clock.schedule(() => {
      this.#isReportDue = false;
      this.report();
    }, REPORT_DELAY_MS);
  }
}

const EMPTY_TIER = { entries: 0, bytes: 0, maxBytes: 0 };
const EMPTY_DISK = { ...EMPTY_TIER, bytesOnDisk: 0, bytesSavedByCompression: 0, damagedRecords: 0 };

/** What is shown before the worker has said anything. */
function emptyStats(config: CacheConfig, workerMode: CacheStats['runtime']['workerMode']): CacheStats {
  const rates: HitRates = { last1Min: undefined, last5Min: undefined, last15Min: undefined, allTime: undefined };
  const latency: LatencySummary = { count: 0, p50: 0, p95: 0, p99: 0 };
  const counters: TierCounters = { hits: 0, misses: 0, puts: 0, evictions: 0, expirations: 0, errors: 0 };
  const perTier = <Value>(value: Value): Record<TierName, Value> => ({ memory: value, disk: value, remote: value });
  return {
    config,
    performance: {
      requests: 0,
      hits: 0,
      misses: 0,
      joined: 0,
      hitRate: rates,
      tierHitRate: perTier(rates),
      latencyMs: { ...perTier(latency), origin: latency },
      tiers: perTier(counters),
      evictions: 0,
      expirations: 0,
      promotions: 0,
      saved: { requests: 0, characters: 0, synthesisMs: 0 },
      errors: {
        corrupt: 0,
        collisions: 0,
        diskReads: 0,
        diskWrites: 0,
        refused: 0,
        synthesis: 0,
        workerLost: 0,
        ignoredMessages: 0,
      },
    },
    tiers: {
      memory: { ...EMPTY_TIER, maxBytes: config.memory.maxBytes },
      disk: { ...EMPTY_DISK, maxBytes: config.disk.maxBytes },
      remote: undefined,
    },
    health: { status: 'ok', alerts: [] },
    runtime: { owner: false, role: 'follower', workerMode, store: 'none', version: PROTOCOL_VERSION },
  };
}
