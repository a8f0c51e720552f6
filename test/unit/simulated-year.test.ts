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
import { FakeClock } from '../fake-clock';
import { FaultDirectory } from '../fault-directory';
import { hashing } from '../log-store-fixture';
import { MemoryStore } from '../memory-store';
import { expectTidyYear } from '../simulated-year';

const MIB = 1024 * 1024;
const SMALL_MIB = 4;
const MAX_MIB = Number(process.env.REPRISE_YEAR_MAX_MIB ?? SMALL_MIB);
const MAX_BYTES = MAX_MIB * MIB;
/** With 1 GiB the year writes tens of GiB, to a disk that may be slow. */
const TIMEOUT_MS = MAX_MIB > SMALL_MIB ? 3_600_000 : 600_000;

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
    { timeout: TIMEOUT_MS },
    async (_, open) => {
      const clock = new FakeClock();
      const report = await expectTidyYear({
        store: await open(clock),
        clock,
        hashing,
        maxBytes: MAX_BYTES,
        cleanupIntervalMs: 6 * 3_600_000,
        requestsPerDay: 12,
      });
      // The limit did bind.
      expect(report.evictions).toBeGreaterThan(100);
    },
  );
});
