/**
 * Question: what does storing 1,000 clips of 100 KiB cost, beside IndexedDB in batches of 50?
 *
 * Once inside a worker (`../worker/bulk.ts`), the engine against the database; once from the page, which has to send
 * every clip to the worker first, the client against the database on the main thread.
 */
import { engineName } from '../engine';
import { PlainDatabase } from '../indexed-db';
import { seededRandom } from '../seeded-random';
import { judgeAtLeast } from '../targets';
import { assertOnOpfs, openBenchClient } from './bench-client';
import { type CaseResult, rowsOf } from './case-result';
import { inDiskWorker } from './disk-worker';
import { createPhrases } from './phrases';
import { measureTurns } from './turns';

const ENTRIES = 1_000;
const BYTE_LENGTH = 100 * 1024;
const BATCH_ENTRIES = 50;
const LIMITS = { chromium: 10, firefox: 2.5 };
const TOGETHER = 'Reprise, all puts at once';
const PEER = `IndexedDB, relaxed, batches of ${BATCH_ENTRIES}`;

/** Measures both ways. */
export async function measureBulk(): Promise<CaseResult> {
  const inWorker = await inDiskWorker((tasks) => tasks.measureBulk());
  const fromPage = await measureFromPage();
  return { rows: [...inWorker.rows, ...fromPage.rows], targets: [...inWorker.targets, ...fromPage.targets] };
}

async function measureFromPage(): Promise<CaseResult> {
  const phrases = createPhrases(ENTRIES, BYTE_LENGTH, 13);
  const { cache } = openBenchClient({ namespace: 'bulk' });
  await assertOnOpfs(cache);
  const database = await PlainDatabase.open<ArrayBuffer>('bulk-page');
  const emptyCache = async () => {
    const { disk } = (await cache.stats()).tiers;
    if (disk.entries !== ENTRIES) throw new Error(`${disk.entries} of ${ENTRIES} entries are on disk`);
    await cache.clear();
  };
  const subjects = [
    {
      name: TOGETHER,
      run: async () => {
        await Promise.all(phrases.map(({ text, bytes }) => cache.put(text, bytes)));
        return emptyCache;
      },
    },
    {
      name: 'Reprise, one put after the other',
      run: async () => {
        for (const { text, bytes } of phrases) await cache.put(text, bytes);
        return emptyCache;
      },
    },
    {
      name: PEER,
      run: async () => {
        for (let first = 0; first < ENTRIES; first += BATCH_ENTRIES) {
          const batch = phrases.slice(first, first + BATCH_ENTRIES);
          await database.put(
            batch.map(({ text, bytes }) => [text, bytes]),
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
    random: seededRandom(51),
    verify: (empty) => empty(),
  });
  await cache.close();
  database.close();
  const { ratio } = times.ratio(PEER, TOGETHER);
  return {
    rows: rowsOf('1,000 x 100 KiB from the page', times, TOGETHER),
    targets: [judgeAtLeast(`1,000 x 100 KiB from the page: ${PEER} / ${TOGETHER}`, ratio, LIMITS[engineName])],
  };
}
