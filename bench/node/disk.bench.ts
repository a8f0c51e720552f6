/**
 * Question: what do reading and storing cost on `node:fs`, beside a file for each entry?
 *
 * The files are written by the same calls that promise the same: what was acknowledged survives a killed process. Both
 * verify the audio they read. Bodies only: the files hold no metadata.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '../../core/clock';
import { createHashing } from '../../core/hashing';
import type { Entry } from '../../core/protocol/values';
import { openLogStore } from '../../core/storage/log-store';
import { openNodeDirectory } from '../../node/node-file';
import { type BatchSubject, measureBatches } from '../batches';
import { randomAudio, seededRandom } from '../seeded-random';
import { rounded } from '../statistics';
import { createStoredEntry, verifyStored } from '../stored-entry';
import { publish, type Rows } from './results-file';
import { createTemporaryFolder } from './temporary-folder';

const KIB = 1024;
const SIZES = [
  { label: '16 KiB', byteLength: 16 * KIB },
  { label: '100 KiB', byteLength: 100 * KIB },
];
const ENTRIES = 500;
const OPERATIONS_PER_BATCH = 50;
const MAX_BYTES = 1024 * 1024 * 1024;
const OURS = 'LogStore';
const SYNC = 'a file each, synchronous';
const ASYNC = 'a file each, promises';

const hashing = await createHashing();
const tables: Record<string, Rows> = {};
for (const { label, byteLength } of SIZES) {
  tables[`read of ${label}, checksum verified`] = await measureReads(byteLength);
  tables[`put of ${label}, relaxed`] = await measurePuts(byteLength);
}
publish('disk', tables, []);

async function measureReads(byteLength: number): Promise<Rows> {
  const { store, folder, entries } = await openFilled(byteLength);
  for (const entry of entries) writeFileSync(join(folder, entry.metadata.key), new Uint8Array(entry.bytes));
  for (const entry of entries) verifyStored(await store.read(entry.metadata.key), entry);
  const verify = ({ metadata }: Entry, bytes: ArrayBuffer | undefined) => {
    const isWhole = bytes !== undefined && hashing.verify(bytes, metadata.checksum) === 'match';
    if (!isWhole) throw new Error('Other bytes came back');
  };
  const rows = await measure(entries, {
    [OURS]: async (entry) => verify(entry, (await store.read(entry.metadata.key))?.bytes),
    [SYNC]: (entry) => verify(entry, readFileSync(join(folder, entry.metadata.key)).buffer as ArrayBuffer),
    [ASYNC]: async (entry) => verify(entry, (await readFile(join(folder, entry.metadata.key))).buffer as ArrayBuffer),
  });
  await store.close();
  return rows;
}

async function measurePuts(byteLength: number): Promise<Rows> {
  const { store, folder, entries } = await openFilled(byteLength);
  const rows = await measure(entries, {
    [OURS]: (entry) => store.write(entry, Date.now(), 'relaxed'),
    [SYNC]: (entry) => writeFileSync(join(folder, entry.metadata.key), new Uint8Array(entry.bytes)),
    [ASYNC]: (entry) => writeFile(join(folder, entry.metadata.key), new Uint8Array(entry.bytes)),
  });
  for (const entry of entries) verifyStored(await store.read(entry.metadata.key), entry);
  await store.close();
  return rows;
}

/** Takes random entries, in turn. */
async function measure(
  entries: readonly Entry[],
  operations: Readonly<Record<string, (entry: Entry) => Promise<void> | void>>,
): Promise<Rows> {
  const random = seededRandom(entries.length);
  const subjects = Object.entries(operations).map(
    ([name, operate]): BatchSubject => ({
      name,
      operations: OPERATIONS_PER_BATCH,
      run: async () => {
        for (let count = 0; count < OPERATIONS_PER_BATCH; count++) {
          const entry = entries[Math.floor(random() * entries.length)];
          if (entry !== undefined) await operate(entry);
        }
      },
    }),
  );
  const times = await measureBatches(subjects, { rounds: 41, warmUpRounds: 10, random: seededRandom(41) });
  return times.names.map((name) => ({
    subject: name,
    microseconds: rounded(times.microseconds(name)),
    timesOurs: rounded(times.ratio(name, OURS).ratio),
  }));
}

async function openFilled(byteLength: number) {
  const folder = createTemporaryFolder();
  mkdirSync(join(folder, 'log'));
  const directory = await openNodeDirectory(join(folder, 'log'));
  const store = await openLogStore({
    directory,
    clock: systemClock,
    hashing,
    random: seededRandom(2),
    maxBytes: MAX_BYTES,
  });
  const audio = randomAudio(byteLength, seededRandom(1));
  const entries: Entry[] = [];
  for (let index = 0; index < ENTRIES; index++) {
    const entry = await createStoredEntry(index, audio, hashing, Date.now());
    entries.push(entry);
    await store.write(entry, Date.now(), 'relaxed');
  }
  return { store, folder, entries };
}
