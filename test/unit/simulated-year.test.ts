/**
 * A year left alone, on every store that Node has. `REPRISE_YEAR_MAX_MIB=1024` runs it with the documented limit of 1 GiB
 * and clips as large as it takes to fill that (`npm run test:year`); here all sizes are smaller by the same factor.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import 'fake-indexeddb/auto';
import { afterAll, describe, expect, it } from 'vitest';
import { seededRandom } from '../../bench/seeded-random';
import { openLogStore } from '../../core/storage/log-store';
import type { AudioStore } from '../../core/storage/store';
import { openNodeDirectory } from '../../node/node-file';
import { openIndexedDbStore } from '../../worker/indexeddb-store';
import { configOf } from '../cache-fixture';
import { FakeClock } from '../fake-clock';
import { FaultDirectory } from '../fault-directory';
import { hashing } from '../log-store-fixture';
import { MemoryStore } from '../memory-store';
import { daysMs, liveAYear } from '../simulated-year';

const MIB = 1024 * 1024;
const MAX_BYTES = Number(process.env.REPRISE_YEAR_MAX_MIB ?? 4) * MIB;
const REQUESTS_PER_DAY = 12;
/** Half of the requests are new, at 0.55 of the largest size in the mean: a week has 1.5 times what is allowed. */
const MAX_CLIP_BYTES = Math.floor((1.5 * MAX_BYTES) / (7 * REQUESTS_PER_DAY * 0.5 * 0.55));

const folders: string[] = [];

afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

type Open = (clock: FakeClock) => Promise<AudioStore>;

const openLog = (directory: Parameters<typeof openLogStore>[0]['directory'], clock: FakeClock) =>
  openLogStore({ directory, clock, hashing, random: seededRandom(1), maxBytes: MAX_BYTES });

const stores: readonly (readonly [name: string, open: Open])[] = [
  ['a map', async () => new MemoryStore()],
  [
    'the disk engine on files in memory, whose names are young at first',
    (clock) => openLog(new FaultDirectory({ clock, nameDurableAfterMs: 60_000 }).mount(), clock),
  ],
  [
    'the disk engine on files',
    async (clock) => {
      const folder = mkdtempSync(join(tmpdir(), 'reprise-year-'));
      folders.push(folder);
      return openLog(await openNodeDirectory(folder), clock);
    },
  ],
  // On the real clock: its requests take time, in which no year may pass.
  ['IndexedDB, simulated', () => openIndexedDbStore({ name: 'year' })],
];

describe('A cache that is used daily for a year and never looked after', () => {
  it.each(stores)(
    'stays within its limits and serves nothing too old, on %s',
    { timeout: 600_000 },
    async (_, open) => {
      const clock = new FakeClock();
      const config = configOf({
        maxEntryBytes: MAX_BYTES,
        cleanupIntervalMs: 6 * 3_600_000,
        memory: { maxBytes: MAX_BYTES / 10 },
        disk: { maxBytes: MAX_BYTES, ttlMs: daysMs(7) },
      });
      const report = await liveAYear({
        store: await open(clock),
        clock,
        hashing,
        config,
        days: 365,
        requestsPerDay: REQUESTS_PER_DAY,
        maxClipBytes: MAX_CLIP_BYTES,
      });
      expect(report.tooOldHits).toBe(0);
      expect(report.mostBytesOnDisk).toBeLessThanOrEqual(MAX_BYTES);
      expect(report.mostBytesInMemory).toBeLessThanOrEqual(MAX_BYTES / 10);
      expect(report.oldestAtTheEndMs).toBeLessThanOrEqual(daysMs(7));
      // Nothing is unaccounted for.
      expect(report.puts - report.expirations - report.evictions).toBe(report.entriesAtTheEnd);
      // The limit did bind, and so did time.
      expect(report.evictions).toBeGreaterThan(100);
      expect(report.hits).toBeGreaterThan(report.requests / 10);
    },
  );
});
