/** What holding the limit costs: bytes written for a byte put, and bytes on the disk for a byte that lives. */
import { describe, expect, it, vi } from 'vitest';
import { SMALL_MAX_BYTES } from '../log-store-fixture';
import { churn } from '../space-churn';

// A few seconds each at most, but the machine may be busy.
vi.setConfig({ testTimeout: 60_000 });

describe('Steady, scattered eviction', () => {
  it.each([
    ['an interactive pace', 100, 2],
    ['a burst without end', 2, 2],
  ])(
    'costs at most three bytes written a byte, and a quarter more on the disk than lives, at %s',
    async (_pace, putIntervalMs, readsPerPut) => {
      const report = await churn(putIntervalMs, readsPerPut, 1);
      const summary = JSON.stringify(report);
      expect(report.writeAmplification, summary).toBeLessThanOrEqual(3);
      expect(report.spaceAmplification, summary).toBeLessThanOrEqual(1.25);
      expect(report.highestBytesOnDisk, summary).toBeLessThanOrEqual(SMALL_MAX_BYTES);
      // Nobody gets a small amplification by keeping nothing.
      expect(report.meanLiveBytes, summary).toBeGreaterThan(SMALL_MAX_BYTES * 0.55);
      // Nor by evicting what is asked for: what is spared the copy is what hardly anybody wants.
      expect(report.hitRate, summary).toBeGreaterThan(0.9 * report.lruHitRate);
    },
  );
});
