import { describe, expect, it } from 'vitest';
import { Metrics } from '../../core/metrics/metrics';
import { renderPrometheus } from '../../core/metrics/prometheus';
import type {
  BudgetState,
  CacheConfig,
  CacheStats,
  DiskState,
  HealthAlert,
  TierState,
} from '../../core/protocol/values';
import { configOf } from '../cache-fixture';

const NOW_MS = Date.UTC(2025, 5, 18, 12);
const PRICE = { perThousandCharacters: 15, currency: 'EUR' };
const MEMORY: TierState = { entries: 3, bytes: 300, maxBytes: 1000, usageRatio: 0.3 };
const DISK: DiskState = {
  entries: 5,
  bytes: 500,
  maxBytes: 2000,
  usageRatio: 0.4,
  bytesOnDisk: 800,
  bytesSavedByCompression: 70,
  damagedRecords: 2,
  pinned: { entries: 1, bytes: 90 },
  estimate: undefined,
  persisted: undefined,
};

interface Given {
  readonly metrics?: Metrics;
  readonly config?: Partial<Pick<CacheConfig, 'price'>>;
  readonly memory?: Partial<TierState>;
  readonly disk?: Partial<DiskState>;
  readonly budget?: BudgetState;
  readonly alerts?: readonly HealthAlert[];
}

/** The lines of samples. */
function linesOf({ metrics = new Metrics(NOW_MS), config, memory, disk, budget, alerts = [] }: Given): string[] {
  const stats: CacheStats = {
    config: configOf(config),
    performance: { ...metrics.summary(NOW_MS), budget },
    tiers: { memory: { ...MEMORY, ...memory }, disk: { ...DISK, ...disk }, remote: undefined },
    health: { status: 'ok', alerts },
    runtime: {
      owner: true,
      role: 'owner',
      workerMode: 'module',
      store: 'opfs',
      version: 3,
      countedSinceMs: NOW_MS - 500,
      isCleanupScheduled: true,
    },
  };
  return renderPrometheus(stats)
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
}

describe('The metrics as Prometheus text', () => {
  it('tell what was counted, in base units', () => {
    const metrics = new Metrics(NOW_MS);
    metrics.hit({ characters: 12, synthesisMs: 2500 }, NOW_MS);
    metrics.joinedFill({ characters: 8 }, NOW_MS);
    metrics.miss('evicted', NOW_MS);
    metrics.synthesized({ characters: 30, synthesisMs: 400 }, NOW_MS);
    metrics.failedRequests(4, NOW_MS);
    metrics.lookedUp('disk', true, NOW_MS);
    metrics.lookedUp('memory', false, NOW_MS);
    metrics.evicted('memory', 'limit', 5);
    metrics.evicted('disk', 'quota', 6);
    metrics.expired('disk', 9);
    metrics.tiers.disk.puts = 10;
    metrics.tiers.disk.errors = 11;
    metrics.errors.corrupt = 2;
    metrics.promotions = 7;
    metrics.demotions = 8;
    expect(linesOf({ metrics })).toEqual(
      expect.arrayContaining([
        'reprise_requests_total{outcome="hit"} 1',
        'reprise_requests_total{outcome="miss"} 1',
        'reprise_requests_total{outcome="joined"} 1',
        'reprise_misses_total{reason="evicted"} 1',
        'reprise_misses_total{reason="new"} 0',
        'reprise_failed_requests_total 4',
        'reprise_tier_hits_total{tier="disk"} 1',
        'reprise_tier_misses_total{tier="memory"} 1',
        'reprise_tier_puts_total{tier="disk"} 10',
        'reprise_tier_evictions_total{tier="memory",reason="limit"} 5',
        'reprise_tier_evictions_total{tier="disk",reason="quota"} 6',
        'reprise_tier_expirations_total{tier="disk"} 9',
        'reprise_tier_errors_total{tier="disk"} 11',
        'reprise_promotions_total 7',
        'reprise_demotions_total 8',
        'reprise_saved_requests_total 2',
        'reprise_saved_characters_total 20',
        'reprise_saved_synthesis_seconds_total 2.5',
        'reprise_spent_requests_total 1',
        'reprise_spent_characters_total 30',
        'reprise_spent_synthesis_seconds_total 0.4',
        'reprise_errors_total{kind="corrupt"} 2',
      ]),
    );
  });

  it('tell what the cache is and holds', () => {
    const estimate = { usageBytes: 1e9, quotaBytes: 1e10 };
    const migration = { movedEntries: 1, remainingEntries: 4 };
    expect(linesOf({ disk: { estimate, persisted: true, migration } })).toEqual(
      expect.arrayContaining([
        'reprise_info{version="3",store="opfs",role="owner"} 1',
        `reprise_counted_since_timestamp_seconds ${NOW_MS / 1000 - 0.5}`,
        'reprise_cleanup_scheduled 1',
        'reprise_tier_entries{tier="memory"} 3',
        'reprise_tier_bytes{tier="memory"} 300',
        'reprise_tier_limit_bytes{tier="disk"} 2000',
        'reprise_disk_bytes 800',
        'reprise_disk_compression_saved_bytes 70',
        'reprise_disk_damaged_records_total 2',
        'reprise_disk_pinned_entries 1',
        'reprise_disk_pinned_bytes 90',
        'reprise_disk_migration_remaining_entries 4',
        'reprise_storage_usage_bytes 1000000000',
        'reprise_storage_quota_bytes 10000000000',
        'reprise_storage_persisted 1',
      ]),
    );
  });

  it('leave out what is not known: money without a price, the budget, the estimate, a migration', () => {
    const text = linesOf({}).join('\n');
    expect(text).not.toMatch(/_cost_|_budget_|_storage_|_migration_|_alert/);
    expect(text).not.toMatch(/undefined|NaN/);
  });

  it('tell money in its currency', () => {
    const metrics = new Metrics(NOW_MS, { price: PRICE });
    metrics.hit({ characters: 1000, synthesisMs: 1 }, NOW_MS);
    metrics.synthesized({ characters: 2000, synthesisMs: 1 }, NOW_MS);
    const budget = { limit: 20, spent: 30, periodStartedAtMs: 1500, periodEndsAtMs: 9500, isExceeded: true };
    expect(linesOf({ metrics, config: { price: PRICE }, budget })).toEqual(
      expect.arrayContaining([
        'reprise_saved_cost_total{currency="EUR"} 15',
        'reprise_spent_cost_total{currency="EUR"} 30',
        'reprise_budget_limit{currency="EUR"} 20',
        'reprise_budget_spent{currency="EUR"} 30',
        'reprise_budget_exceeded 1',
        'reprise_budget_period_start_timestamp_seconds 1.5',
        'reprise_budget_period_end_timestamp_seconds 9.5',
      ]),
    );
  });

  it('tell each alert once, though the worker and the page tell the same', () => {
    const alert: HealthAlert = { code: 'STORE_FALLBACK', severity: 'warning', message: 'A "disk"', sinceMs: 1 };
    const lines = linesOf({ alerts: [alert, { ...alert, sinceMs: 2 }, { ...alert, code: 'TAB_ALONE' }] });
    expect(lines.filter((line) => line.includes('alert'))).toEqual([
      'reprise_alert{code="STORE_FALLBACK",severity="warning"} 1',
      'reprise_alert{code="TAB_ALONE",severity="warning"} 1',
    ]);
  });

  it('have histograms in seconds whose last bucket is all there is', () => {
    const metrics = new Metrics(NOW_MS);
    for (const latencyMs of [0.25, 3, 3, 400, 60_000]) metrics.latencies.origin.record(latencyMs);
    expect(linesOf({ metrics })).toEqual(
      expect.arrayContaining([
        'reprise_clip_latency_seconds_bucket{source="origin",le="0.0001"} 0',
        'reprise_clip_latency_seconds_bucket{source="origin",le="0.00025"} 1',
        'reprise_clip_latency_seconds_bucket{source="origin",le="0.005"} 3',
        'reprise_clip_latency_seconds_bucket{source="origin",le="30"} 4',
        'reprise_clip_latency_seconds_bucket{source="origin",le="+Inf"} 5',
        'reprise_clip_latency_seconds_sum{source="origin"} 60.40625',
        'reprise_clip_latency_seconds_count{source="origin"} 5',
        'reprise_clip_latency_seconds_count{source="memory"} 0',
      ]),
    );
  });

  it('stay well formed when a tier has no limit', () => {
    const lines = linesOf({ memory: { maxBytes: Number.POSITIVE_INFINITY } });
    expect(lines).toContain('reprise_tier_limit_bytes{tier="memory"} +Inf');
  });
});
