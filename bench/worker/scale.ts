/**
 * Question: do reads and writes take longer with 100,000 entries than with 1,000?
 *
 * The entries have 1 KiB, so that finding a place weighs as much as it can. Both stores are open in one worker and take
 * turns, with bare reads from a file as large as each of them. Writes replace entries, so that their number stays what it is.
 */

import { createHashing, type Hashing } from '../../core/hashing';
import type { LogStore } from '../../core/storage/log-store';
import { type BatchSubject, measureBatches } from '../batches';
import type { CaseResult } from '../browser/case-result';
import { pick, seededRandom } from '../seeded-random';
import { rounded } from '../statistics';
import { judge } from '../targets';
import { createEntryMaker, emptyAndClose, openBenchStore } from './bench-store';

const FEW = 1_000;
const MANY = 100_000;
const BYTE_LENGTH = 1024;
const OPERATIONS_PER_BATCH = 200;
const OPERATIONS = ['read', 'touch', 'write', 'bare read'] as const;
const LIMIT_RATIO = 1.2;
/** A touch alone is no read or write, and shown for its own sake. */
const JUDGED = ['read', 'write'];

/** Measures both stores. */
export async function measureScale(): Promise<CaseResult> {
  const hashing = await createHashing();
  const stores = [await openFilled(FEW, hashing), await openFilled(MANY, hashing)];
  const subjects = (await Promise.all(stores.map((filled) => subjectsOf(filled, hashing)))).flat();
  const times = await measureBatches(subjects, { rounds: 61, warmUpRounds: 15, random: seededRandom(100) });
  const ratioOf = (operation: string) => times.ratio(nameOf(operation, MANY), nameOf(operation, FEW));
  for (const { store, keys, bare } of stores) {
    if (store.usage().entries !== keys.length) throw new Error('The number of entries changed');
    await emptyAndClose(store);
    bare.truncate(0);
    bare.close();
  }
  const rows = OPERATIONS.map((operation) => ({
    case: `${operation} of 1 KiB`,
    microsecondsAt1000: rounded(times.microseconds(nameOf(operation, FEW))),
    microsecondsAt100000: rounded(times.microseconds(nameOf(operation, MANY))),
    ratio: rounded(ratioOf(operation).ratio),
    lowestRatio: rounded(ratioOf(operation).lowest),
    highestRatio: rounded(ratioOf(operation).highest),
  }));
  const targets = JUDGED.map((operation) =>
    judge(`${operation}: 100,000 entries / 1,000 entries`, ratioOf(operation).ratio, LIMIT_RATIO),
  );
  return { rows, targets };
}

interface FilledStore {
  readonly store: LogStore;
  readonly keys: readonly string[];
  /** One file as large as all records. */
  readonly bare: FileSystemSyncAccessHandle;
  /** What the record of one entry takes. */
  readonly recordBytes: number;
}

async function openFilled(count: number, hashing: Hashing): Promise<FilledStore> {
  const store = await openBenchStore(`scale-${count}`, hashing);
  const createEntry = createEntryMaker(BYTE_LENGTH, hashing);
  const keys: string[] = [];
  for (let index = 0; index < count; index++) {
    const entry = await createEntry(index);
    keys.push(entry.metadata.key);
    await store.write(entry, Date.now(), 'relaxed');
  }
  await store.flush();
  const [first] = await store.survey(keys.slice(0, 1));
  if (first === undefined) throw new Error('An entry is gone');
  const recordBytes = first.bytesOnDisk;
  return { store, keys, bare: await writeBareFile(count, recordBytes), recordBytes };
}

async function writeBareFile(count: number, recordBytes: number): Promise<FileSystemSyncAccessHandle> {
  const root = await navigator.storage.getDirectory();
  const file = await root.getFileHandle(`bare-scale-${count}`, { create: true });
  const handle = await file.createSyncAccessHandle();
  const chunk = new Uint8Array(recordBytes * FEW).fill(1);
  for (let written = 0; written < count; written += FEW) handle.write(chunk, { at: written * recordBytes });
  handle.flush();
  return handle;
}

async function subjectsOf(
  { store, keys, bare, recordBytes }: FilledStore,
  hashing: Hashing,
): Promise<readonly BatchSubject[]> {
  const random = seededRandom(keys.length);
  const template = await createEntryMaker(BYTE_LENGTH, hashing)(0);
  // Later than any so far, or a touch would be none.
  let nowMs = Date.now();
  const runs: Record<(typeof OPERATIONS)[number], (key: string) => Promise<void> | void> = {
    read: async (key) => {
      if ((await store.read(key)) === undefined) throw new Error('An entry is gone');
    },
    touch: (key) => store.touch(key, { accessedAtMs: ++nowMs }),
    'bare read': () => {
      const target = new Uint8Array(recordBytes);
      const at = Math.floor(random() * keys.length) * recordBytes;
      if (bare.read(target, { at }) !== recordBytes) throw new Error('The file is too short');
    },
    write: (key) => store.write({ ...template, metadata: { ...template.metadata, key } }, ++nowMs, 'relaxed'),
  };
  return OPERATIONS.map((operation) => ({
    name: nameOf(operation, keys.length),
    operations: OPERATIONS_PER_BATCH,
    run: async () => {
      for (let count = 0; count < OPERATIONS_PER_BATCH; count++) await runs[operation](pick(keys, random));
    },
  }));
}

function nameOf(operation: string, entries: number): string {
  return `${operation} at ${entries}`;
}
