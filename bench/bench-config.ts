/** What a cache is configured with where a benchmark makes one itself: memory for all, and the documented rest. */
import type { CacheConfig } from '../core/protocol/values';

/** With a price, so that money is counted too. */
export const BENCH_CONFIG: CacheConfig = {
  namespace: 'bench',
  version: 1,
  speedMode: 'synthesis',
  maxEntryBytes: 1024 * 1024,
  storeText: true,
  cleanupIntervalMs: 300_000,
  memory: { maxBytes: 100 * 1024 * 1024, maxEntries: 10_000, ttlMs: 3_600_000, highWater: 0.9, lowWater: 0.8 },
  disk: {
    store: 'auto',
    maxBytes: 1024 * 1024 * 1024,
    ttlMs: 7 * 86_400_000,
    slidingTtl: false,
    highWater: 0.9,
    lowWater: 0.8,
  },
  price: { perThousandCharacters: 0.015, currency: 'USD' },
  budget: undefined,
  health: { minHitRate: 0.2, maxErrorRate: 0.1, maxHeapRatio: 0.8 },
  keepTotals: false,
};
