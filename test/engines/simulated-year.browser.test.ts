/** A year left alone, as in test/unit/simulated-year.test.ts, on the real stores of each engine. */
import { afterAll, expect, test } from 'vitest';
import { server } from 'vitest/browser';
import { createHashing } from '../../core/hashing';
import type { AudioStore } from '../../core/storage/store';
import { openIndexedDbStore } from '../../worker/indexeddb-store';
import { FakeClock } from '../fake-clock';
import { remoteStoresOf } from '../remote-store';
import { expectTidyYear } from '../simulated-year';

const MAX_BYTES = 4 * 1024 * 1024;

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
    const store = await open(`year-${crypto.randomUUID()}`);
    // The worker opens stores of 64 MiB: with their segments, what is copied while room is made would not fit beside the rest.
    store.limit(MAX_BYTES);
    const report = await expectTidyYear({
      store,
      clock,
      hashing: await createHashing(),
      maxBytes: MAX_BYTES,
      cleanupIntervalMs: 12 * 3_600_000,
      requestsPerDay: 4,
      isStoreSlow: true,
    });
    expect(report.evictions).toBeGreaterThan(50);
  },
);
