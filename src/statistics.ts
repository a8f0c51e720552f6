/**
 * The page's copy of the statistics, ready to be read at any time, and what the page itself contributes to them: how
 * long its callers waited, and whether it has a worker at all.
 */
import type { Clock } from '../core/clock';
import { statusOf } from '../core/health';
import { emptyPerformance } from '../core/metrics/zero-counters';
import { type PageReport, PROTOCOL_VERSION, type ServedSample } from '../core/protocol/messages';
import type { CacheConfig, CacheStats, ClipSource, DiskState, HealthAlert, TierState } from '../core/protocol/values';
import { callSafely } from './call-safely';

/** Samples are gathered for this long before they are sent. */
const REPORT_DELAY_MS = 200;

/** What the statistics of a page are made of. */
export interface StatisticsOptions {
  readonly config: CacheConfig;
  readonly workerMode: CacheStats['runtime']['workerMode'];
  readonly clock: Clock;
  /** Sends what has gathered. */
  readonly onReport: (report: PageReport) => void;
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
  #failedRequests = 0;
  #isReportDue = false;
  #workersLost = 0;
  #workerAlert: HealthAlert | undefined;
  #aloneAlert: HealthAlert | undefined;
  #role: CacheStats['runtime']['role'] = 'follower';
  /** By this page; the owner's worker counts its own. */
  #ignoredMessages = 0;

  constructor(options: StatisticsOptions) {
    this.#options = options;
    this.#told = emptyStats(options.config, options.workerMode, options.clock.nowMs());
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
      health: { status: statusOf(alerts), alerts },
      runtime:
        this.#workerAlert === undefined
          ? { ...runtime, owner, role, workerMode: this.#options.workerMode }
          : { ...runtime, owner: false, role, workerMode: 'none', store: 'none', isCleanupScheduled: false },
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

  /** A call for a clip ended with an error, and not because its caller gave up. */
  failedRequest(): void {
    this.#failedRequests++;
    this.#reportSoon();
  }

  /** Sends what has gathered now. */
  report(): void {
    const report = {
      served: this.#served,
      failedSyntheses: this.#failedSyntheses,
      failedRequests: this.#failedRequests,
    };
    if (report.served.length + report.failedSyntheses + report.failedRequests === 0) return;
    this.#served = [];
    this.#failedSyntheses = 0;
    this.#failedRequests = 0;
    this.#options.onReport({ ...report, heapRatio: heapRatio() });
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

const EMPTY_TIER: TierState = { entries: 0, bytes: 0, maxBytes: 0, usageRatio: 0 };
const EMPTY_DISK: DiskState = {
  ...EMPTY_TIER,
  bytesOnDisk: 0,
  bytesSavedByCompression: 0,
  damagedRecords: 0,
  pinned: { entries: 0, bytes: 0 },
  estimate: undefined,
  persisted: undefined,
};

/** Share of the page's heap in use; only Chromium tells. */
function heapRatio(): number | undefined {
  // In no standard, and so not in the types.
  const { memory } = performance as {
    readonly memory?: { readonly usedJSHeapSize: number; readonly jsHeapSizeLimit: number };
  };
  return memory && memory.jsHeapSizeLimit > 0 ? memory.usedJSHeapSize / memory.jsHeapSizeLimit : undefined;
}

/** What is shown before the worker has said anything; in form, all that it can say. */
export function emptyStats(
  config: CacheConfig,
  workerMode: CacheStats['runtime']['workerMode'] = 'module',
  countedSinceMs = 0,
): CacheStats {
  return {
    config,
    performance: emptyPerformance(),
    tiers: {
      memory: { ...EMPTY_TIER, maxBytes: config.memory.maxBytes },
      disk: { ...EMPTY_DISK, maxBytes: config.disk.maxBytes },
      remote: undefined,
    },
    health: { status: 'ok', alerts: [] },
    runtime: {
      owner: false,
      role: 'follower',
      workerMode,
      store: 'none',
      version: PROTOCOL_VERSION,
      countedSinceMs,
      isCleanupScheduled: false,
    },
  };
}
