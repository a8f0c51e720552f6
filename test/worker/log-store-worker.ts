/** A worker that holds log stores over the origin private file system, for the tests of a page. */
import { expose } from 'comlink';
import { seededRandom } from '../../bench/seeded-random';
import type { Clock } from '../../core/clock';
import { createHashing } from '../../core/hashing';
import { openLogStore } from '../../core/storage/log-store';
import { openOpfsDirectory } from '../../worker/opfs-file';
import { serveStores } from './serve-stores';

/** Whatever a store does it does because it was asked, not because time passed. */
const stoppedClock: Clock = { nowMs: () => 0, schedule: () => () => {} };

// Not awaited here: messages that come to a worker in a top-level await are lost.
const hashing = createHashing();
const random = seededRandom(20_260_718);

expose(
  serveStores(async (place) =>
    openLogStore({
      directory: await openOpfsDirectory(['store-contract', place]),
      clock: stoppedClock,
      hashing: await hashing,
      random,
      maxBytes: 64 * 1024 * 1024,
    }),
  ),
);
