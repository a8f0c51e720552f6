/** The worker's half of the question what opening costs; the page's is `browser/disk-open.ts`. */

import { createHashing, type Hashing } from '../../core/hashing';
import type { EntryMetadata } from '../../core/protocol/values';
import type { LogStore } from '../../core/storage/log-store';
import { type CaseResult, rowsOf } from '../browser/case-result';
import { measureTurns } from '../browser/turns';
import type { OpenTimes } from '../disk-tasks';
import { PlainDatabase } from '../indexed-db';
import { seededRandom } from '../seeded-random';
import { verifyStored } from '../stored-entry';
import { judge } from '../targets';
import { createEntryMaker, openBenchStore } from './bench-store';

const BYTE_LENGTH = 1024;
const LIMIT_RATIO = 1 / 3;
const DATABASE_BATCH_ENTRIES = 1_000;

const SUBJECTS = { open: 'LogStore: open', getAll: 'IndexedDB: getAll', openGetAll: 'IndexedDB: open and getAll' };

/** Opens a store of so many entries again and again, in turn with a database of their metadata. */
export async function measureOpen(entries: number): Promise<CaseResult> {
  const hashing = await createHashing();
  const name = `open-${entries}`;
  await fill(name, entries, hashing);
  const createEntry = createEntryMaker(BYTE_LENGTH, hashing);
  const database = await PlainDatabase.open<EntryMetadata>(name);
  for (let first = 0; first < entries; first += DATABASE_BATCH_ENTRIES) {
    const items: (readonly [string, EntryMetadata])[] = [];
    for (let index = first; index < Math.min(first + DATABASE_BATCH_ENTRIES, entries); index++) {
      const { metadata } = await createEntry(index);
      items.push([metadata.key, metadata]);
    }
    await database.put(items, 'relaxed');
  }
  const subjects = [
    {
      name: SUBJECTS.open,
      run: async () => {
        const store = await openBenchStore(name, hashing);
        return { found: store.usage().entries, close: () => store.close() };
      },
    },
    { name: SUBJECTS.getAll, run: async () => ({ found: (await database.getAll()).length, close: () => {} }) },
    {
      name: SUBJECTS.openGetAll,
      run: async () => {
        const opened = await PlainDatabase.open<EntryMetadata>(name);
        return { found: (await opened.getAll()).length, close: () => opened.close() };
      },
    },
  ];
  const times = await measureTurns<{ readonly found: number; readonly close: () => unknown }>(subjects, {
    rounds: 7,
    turnsPerRound: 3,
    warmUpTurns: 2,
    random: seededRandom(entries),
    verify: async ({ found, close }) => {
      if (found !== entries) throw new Error(`${found} of ${entries} entries are there`);
      await close();
    },
  });
  await database.clear();
  database.close();
  const { ratio } = times.ratio(SUBJECTS.open, SUBJECTS.getAll);
  return {
    rows: rowsOf(`${entries} entries`, times, SUBJECTS.getAll),
    targets: [judge(`${entries} entries: ${SUBJECTS.open} / ${SUBJECTS.getAll}`, ratio, LIMIT_RATIO)],
  };
}

/** A store that stays open from one message to the next. */
export class OpenedStore {
  #store: LogStore | undefined;

  async fill(name: string, entries: number): Promise<void> {
    await fill(name, entries, await createHashing());
  }

  async openAndRead(name: string, entries: number): Promise<OpenTimes> {
    const startedAt = performance.now();
    const hashing = await createHashing();
    const store = await openBenchStore(name, hashing);
    const openedAt = performance.now();
    const expected = await createEntryMaker(BYTE_LENGTH, hashing)(entries - 1);
    const readAt = performance.now();
    const entry = await store.read(expected.metadata.key);
    const endedAt = performance.now();
    verifyStored(entry, expected);
    const found = store.usage().entries;
    if (found !== entries) throw new Error(`${found} of ${entries} entries are there`);
    this.#store = store;
    return { openMs: openedAt - startedAt, firstReadMs: endedAt - readAt };
  }

  async change(entries: number): Promise<void> {
    const store = this.#store;
    if (store === undefined) throw new TypeError('No store is open');
    const createEntry = createEntryMaker(BYTE_LENGTH, await createHashing());
    for (let index = 0; index < entries; index++) await store.write(await createEntry(index), Date.now(), 'relaxed');
  }

  async close(): Promise<void> {
    await this.#store?.close();
    this.#store = undefined;
  }
}

async function fill(name: string, entries: number, hashing: Hashing): Promise<void> {
  const store = await openBenchStore(name, hashing);
  const createEntry = createEntryMaker(BYTE_LENGTH, hashing);
  for (let index = 0; index < entries; index++) await store.write(await createEntry(index), Date.now(), 'relaxed');
  await store.close();
}
