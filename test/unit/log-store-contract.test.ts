/** The store contract over the disk engine: on files in memory, on those of this machine, and in tiny segments. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { seededRandom } from '../../bench/seeded-random';
import type { Clock } from '../../core/clock';
import { openLogStore } from '../../core/storage/log-store';
import type { FileDirectory } from '../../core/storage/random-access-file';
import { openNodeDirectory } from '../../node/node-file';
import { FaultDirectory } from '../fault-directory';
import { hashing, SMALL_MAX_BYTES } from '../log-store-fixture';
import { describeStoreContract } from '../store-contract';

const GIB = 1024 ** 3;

const folder = mkdtempSync(join(tmpdir(), 'reprise-log-store-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const directoryByPlace = new Map<string, FaultDirectory>();

/** What is in memory outlives a store. */
function directoryAt(place: string, clock: Clock): FileDirectory {
  const directory = directoryByPlace.get(place) ?? new FaultDirectory({ clock });
  directoryByPlace.set(place, directory);
  return directory;
}

function openOn(directory: FileDirectory, clock: Clock, maxBytes: number) {
  return openLogStore({ directory, clock, hashing, random: seededRandom(1), maxBytes });
}

describeStoreContract(
  'A log store in memory',
  (place, clock) => openOn(directoryAt(`large ${place}`, clock), clock, GIB),
  { severalWriters: false },
);

describeStoreContract(
  'A log store with small segments',
  (place, clock) => openOn(directoryAt(`small ${place}`, clock), clock, SMALL_MAX_BYTES),
  { severalWriters: false },
);

describeStoreContract(
  'A log store in a folder',
  async (place, clock) => openOn(await openNodeDirectory(join(folder, place)), clock, GIB),
  { severalWriters: false },
);
