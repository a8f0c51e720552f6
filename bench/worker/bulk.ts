/** Question: what does storing 1,000 clips of 100 KiB cost inside the worker, beside IndexedDB in batches of 50? */

import { createHashing } from '../../core/hashing';
import type { Entry } from '../../core/protocol/values';
import { type CaseResult, rowsOf } from '../browser/case-result';
import { measureTurns } from '../browser/turns';
import { engineName } from '../engine';
import { PlainDatabase } from '../indexed-db';
import { seededRandom } from '../seeded-random';
import { judgeAtLeast } from '../targets';
import { createEntries, emptyAndClose, openBenchStore } from './bench-store';

const ENTRIES = 1_000;
const BYTE_LENGTH = 100 * 1024;
const BATCH_ENTRIES = 50;
const LIMITS = { chromium: 10, firefox: 2.5 };
const SUBJECT = 'LogStore, relaxed';
const PEER = `IndexedDB, relaxed, batches of ${BATCH_ENTRIES}`;

/** Measures; each round fills an empty store and empties it again. */
export async function measureBulk(): Promise<CaseResult> {
  const hashing = await createHashing();
  const entries = await createEntries(ENTRIES, BYTE_LENGTH, hashing);
  const store = await openBenchStore('bulk', hashing);
  const database = await PlainDatabase.open<Entry>('bulk');
  const subjects = [
    {
      name: SUBJECT,
      run: async () => {
        for (const entry of entries) await store.write(entry, Date.now(), 'relaxed');
        return async () => {
          if (store.usage().entries !== ENTRIES) throw new Error('Some entries were not stored');
          await store.clear();
        };
      },
    },
    {
      name: PEER,
      run: async () => {
        for (let first = 0; first < ENTRIES; first += BATCH_ENTRIES) {
          const batch = entries.slice(first, first + BATCH_ENTRIES);
          await database.put(
            batch.map((entry) => [entry.metadata.key, entry]),
            'relaxed',
          );
        }
        return () => database.clear();
      },
    },
  ];
  const times = await measureTurns<() => Promise<void>>(subjects, {
    rounds: 7,
    turnsPerRound: 1,
    warmUpTurns: 1,
    random: seededRandom(50),
    verify: (empty) => empty(),
  });
  await emptyAndClose(store);
  database.close();
  const target = judgeAtLeast(
    `1,000 x 100 KiB inside the worker: ${PEER} / ${SUBJECT}`,
    times.ratio(PEER, SUBJECT).ratio,
    LIMITS[engineName],
  );
  return { rows: rowsOf('1,000 x 100 KiB in the worker', times, SUBJECT), targets: [target] };
}
