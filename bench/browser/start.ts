/**
 * Question: how long from `new AudioCacheClient()` to the first answer?
 *
 * The scripts come from the browser's HTTP cache or a local server, as on a second visit. The first answers of a bare
 * worker, and of the cache's worker without a cache in it, show what of it the browser takes for itself.
 */
import { createStore, get, set } from 'idb-keyval';
import { AudioCacheClient } from '../../src/index';
import { seededRandom } from '../seeded-random';
import { openBenchClient } from './bench-client';
import { type CaseResult, rowsOf } from './case-result';
import { Floor } from './floor';
import { createPhrases, verifyBytes } from './phrases';
import { measureTurns } from './turns';

/** The disks a cache may start with, each with the phrase in a namespace of its own. */
const STORES = [
  { store: 'opfs', name: 'OPFS' },
  { store: 'indexeddb', name: 'IndexedDB' },
] as const;
const PEER_DATABASE = 'start-idb-keyval';
const BYTE_LENGTH = 100 * 1024;
const BASELINE = 'bare worker: first answer';

/** Measures starts; each client and worker is ended before the next begins. */
export async function measureStart(): Promise<CaseResult> {
  const [phrase] = createPhrases(1, BYTE_LENGTH, 11);
  if (phrase === undefined) throw new TypeError('There is no phrase');
  for (const { store } of STORES) {
    const writer = openBenchClient({ namespace: `start-${store}`, disk: { store } }).cache;
    await writer.put(phrase.text, phrase.bytes);
    await writer.close();
  }
  await set(phrase.text, phrase.bytes, createStore(PEER_DATABASE, 'audio'));

  // What one call starts is ended before the next is timed.
  let end = async () => {};
  const startClient = (store: 'none' | 'opfs' | 'indexeddb') => {
    const cache = new AudioCacheClient({ namespace: `start-${store}`, disk: { store } });
    end = () => cache.close();
    return cache;
  };
  const startWorker = async (worker: Worker) => {
    end = async () => worker.terminate();
    await new Floor(worker).slice(0);
    return phrase.bytes;
  };
  const subjects = [
    {
      name: BASELINE,
      run: () => startWorker(new Worker(new URL('../worker/floor-worker.ts', import.meta.url), { type: 'module' })),
    },
    {
      name: "the cache's worker: first answer without a cache",
      run: () => startWorker(new Worker(new URL('../worker/cache-worker.ts', import.meta.url), { type: 'module' })),
    },
    {
      name: 'Reprise without a disk: first has()',
      run: async () => {
        await startClient('none').has(phrase.text);
        return phrase.bytes;
      },
    },
    ...STORES.map(({ store, name }) => ({
      name: `Reprise: first clip, from ${name}`,
      run: async () => (await startClient(store).get(phrase.text))?.bytes({ transfer: true }),
    })),
    {
      name: 'idb-keyval: open and first get',
      run: () => get<ArrayBuffer>(phrase.text, createStore(PEER_DATABASE, 'audio')),
    },
  ];
  const times = await measureTurns<ArrayBuffer | undefined>(subjects, {
    rounds: 7,
    turnsPerRound: 8,
    warmUpTurns: 4,
    random: seededRandom(12),
    verify: async (bytes) => {
      verifyBytes(bytes, phrase, true);
      await end();
      end = async () => {};
    },
  });
  return { rows: rowsOf('100 KiB stored', times, BASELINE), targets: [] };
}
