/** What holding the limit costs: bytes written for a byte put, and bytes on the disk for a byte that lives. */
import { describe, expect, it, vi } from 'vitest';
import {
  isSame,
  NAME_DURABLE_AFTER_MS,
  openFixture,
  reclaimAll,
  SMALL_MAX_BYTES,
  soundEntry,
} from '../log-store-fixture';
import { churn } from '../space-churn';
import { keyOf } from '../stored-entries';

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

describe('A segment that the disk fails to read', () => {
  it('is left alone, and room is made elsewhere', async () => {
    const fixture = await openFixture();
    const { store, clock, directory } = fixture;
    await clock.advance(2 * NAME_DURABLE_AFTER_MS);
    for (let id = 0; id < 200; id++) await store.write(soundEntry(id, { byteLength: 10_000 }), 1_000 + id, 'relaxed');
    for (let id = 0; id < 200; id++) if (id % 4 !== 0) await store.remove(keyOf(id));
    const [bad] = directory.names.filter((name) => directory.bytesOf(name).byteLength > 200_000);
    const isMeant = (fileName: string) => fileName === bad;
    directory.faults.plan({ fault: 'EIO', atOperation: 1, isPersistent: true, operations: ['read'], isMeant });
    const { bytesOnDisk } = store.report();
    await reclaimAll(store);
    expect(store.report().bytesOnDisk).toBeLessThan(bytesOnDisk / 2);
    directory.faults.plan(undefined);
    for (let id = 0; id < 200; id += 4) {
      expect(isSame(await store.read(keyOf(id)), soundEntry(id, { byteLength: 10_000 })), `entry ${id}`).toBe(true);
    }
    await fixture.close();
  });
});
