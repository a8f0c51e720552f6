/** A year left alone, as in test/unit/simulated-year.test.ts, on the real stores of each engine. */
import { afterAll, expect, test } from 'vitest';
import { server } from 'vitest/browser';
import { createHashing } from '../../core/hashing';
import type { AudioStore } from '../../core/storage/store';
import { openIndexedDbStore } from '../../worker/indexeddb-store';
import { configOf } from '../cache-fixture';
import { FakeClock } from '../fake-clock';
import { remoteStoresOf } from '../remote-store';
import { daysMs, liveAYear } from '../simulated-year';

const MAX_BYTES = 4 * 1024 * 1024;
const REQUESTS_PER_DAY = 4;
/** A week has 1.5 times what is allowed. */
const MAX_CLIP_BYTES = Math.floor((1.5 * MAX_BYTES) / (7 * REQUESTS_PER_DAY * 0.5 * 0.55));

const worker = new Worker(new URL('../worker/log-store-worker.ts', import.meta.url), { type: 'module' });
afterAll(() => worker.terminate());

const stores: [name: string, open: (place: string) => Promise<AudioStore>][] = [
  ['IndexedDB', (name) => openIndexedDbStore({ name })],
];
// WebKitGTK has no handles that work.
if (server.browser !== 'webkit') stores.push(['the disk engine on OPFS', remoteStoresOf(worker, 'opfs')]);

test.each(stores)(
  'a cache stays within its limits for a year and serves nothing too old, on %s',
  {
    timeout: 300_000,
  },
  async (_, open) => {
    const clock = new FakeClock();
    const report = await liveAYear({
      store: await open(`year-${crypto.randomUUID()}`),
      clock,
      hashing: await createHashing(),
      config: configOf({
        maxEntryBytes: MAX_BYTES,
        cleanupIntervalMs: 12 * 3_600_000,
        memory: { maxBytes: MAX_BYTES / 10 },
        disk: { maxBytes: MAX_BYTES, ttlMs: daysMs(7) },
      }),
      days: 365,
      requestsPerDay: REQUESTS_PER_DAY,
      maxClipBytes: MAX_CLIP_BYTES,
      isStoreSlow: true,
    });
    expect(report.tooOldHits).toBe(0);
    expect(report.mostBytesOnDisk).toBeLessThanOrEqual(MAX_BYTES);
    expect(report.mostBytesInMemory).toBeLessThanOrEqual(MAX_BYTES / 10);
    expect(report.oldestAtTheEndMs).toBeLessThanOrEqual(daysMs(7));
    expect(report.puts - report.expirations - report.evictions).toBe(report.entriesAtTheEnd);
    expect(report.evictions).toBeGreaterThan(50);
    expect(report.hits).toBeGreaterThan(report.requests / 10);
  },
);
