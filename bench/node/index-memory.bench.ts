/**
 * Question: how much memory does the disk engine take for each entry on disk?
 *
 * Measured is what the process holds after a full collection with the store filled, less what it held before it was
 * opened. 100,000 entries fill their tables to three quarters; the other number is the worst one, just after they grew.
 */
import { systemClock } from '../../core/clock';
import { createHashing } from '../../core/hashing';
import { openLogStore } from '../../core/storage/log-store';
import { openNodeDirectory } from '../../node/node-file';
import { randomAudio, seededRandom } from '../seeded-random';
import { createStoredEntry, verifyStored } from '../stored-entry';
import { judge } from '../targets';
import { publish } from './results-file';
import { createTemporaryFolder } from './temporary-folder';

const ENTRY_COUNTS = [66_000, 100_000];
const TARGET_ENTRIES = 100_000;
const ENTRY_BYTES = 512;
const MAX_BYTES = 1024 * 1024 * 1024;
const LIMIT_BYTES = 300;

const hashing = await createHashing();
const audio = randomAudio(ENTRY_BYTES, seededRandom(1));
const folder = createTemporaryFolder();
const rows: { entries: number; bytesPerEntryWhenFilled: number; bytesPerEntryWhenOpened: number }[] = [];
for (const entries of ENTRY_COUNTS) rows.push(await measure(entries));
const filled = rows.find((row) => row.entries === TARGET_ENTRIES);
publish('index-memory', { 'memory of the index': rows }, [
  judge('bytes an entry in memory, at 100,000 entries', filled?.bytesPerEntryWhenFilled ?? Number.NaN, LIMIT_BYTES),
]);

async function measure(entries: number) {
  return {
    entries,
    bytesPerEntryWhenFilled: Math.round((await measureFilled(entries)) / entries),
    bytesPerEntryWhenOpened: Math.round((await measureOpened(entries)) / entries),
  };
}

/** Two functions, so that the first store is gone when the second is measured. */
async function measureFilled(entries: number): Promise<number> {
  const before = heldBytes();
  const store = await open(entries);
  for (let index = 0; index < entries; index++) {
    await store.write(await createStoredEntry(index, audio, hashing, Date.now()), Date.now(), 'relaxed');
  }
  const held = heldBytes() - before;
  await store.close();
  return held;
}

async function measureOpened(entries: number): Promise<number> {
  const before = heldBytes();
  const store = await open(entries);
  const held = heldBytes() - before;
  const last = await createStoredEntry(entries - 1, audio, hashing, Date.now());
  verifyStored(await store.read(last.metadata.key), last);
  if (store.usage().entries !== entries) throw new Error('Some entries are not there');
  await store.close();
  return held;
}

async function open(entries: number) {
  const directory = await openNodeDirectory(`${folder}/${entries}`);
  return openLogStore({ directory, clock: systemClock, hashing, random: seededRandom(2), maxBytes: MAX_BYTES });
}

/** Heap and array buffers after a full collection; the runner passes --expose-gc. */
function heldBytes(): number {
  for (let run = 0; run < 3; run++) globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
