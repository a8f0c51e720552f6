/** Log stores over the origin private file system, as the cache's worker opens them. */
import { systemClock } from '../../core/clock';
import type { Hashing } from '../../core/hashing';
import type { Entry } from '../../core/protocol/values';
import { type LogStore, openLogStore } from '../../core/storage/log-store';
import { openOpfsDirectory } from '../../worker/opfs-file';
import { randomAudio, seededRandom } from '../seeded-random';
import { createStoredEntry } from '../stored-entry';

/** The cache's default. */
const MAX_BYTES = 1024 * 1024 * 1024;

/** Opens the store of this name. */
export async function openBenchStore(name: string, hashing: Hashing): Promise<LogStore> {
  return openLogStore({
    directory: await openOpfsDirectory(['bench', name]),
    clock: systemClock,
    hashing,
    random: seededRandom(3),
    maxBytes: MAX_BYTES,
  });
}

/** Removes all entries and closes the store. */
export async function emptyAndClose(store: LogStore): Promise<void> {
  await store.clear();
  await store.close();
}

/** Returns what makes the entry with a number. */
export function createEntryMaker(byteLength: number, hashing: Hashing): (index: number) => Promise<Entry> {
  const audio = randomAudio(byteLength, seededRandom(byteLength));
  const nowMs = Date.now();
  return (index) => createStoredEntry(index, audio, hashing, nowMs);
}

/** Makes the first so many entries. */
export function createEntries(count: number, byteLength: number, hashing: Hashing): Promise<readonly Entry[]> {
  const createEntry = createEntryMaker(byteLength, hashing);
  return Promise.all(Array.from({ length: count }, (_, index) => createEntry(index)));
}
