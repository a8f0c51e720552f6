/**
 * Question: what does a put cost that survives power loss, beside IndexedDB with `strict` durability?
 *
 * A browser's flush does not save the name of a file that is younger than a minute, so until then each durable put also
 * goes to IndexedDB: that is the case of a first visit, shown beside the one that counts. For the latter a client stands
 * open for a minute, while other cases run. There are spare files enough for all the puts of a run.
 */
import type { AudioCacheClient } from '../../src/index';
import { databaseName } from '../../worker/store-names';
import { seededRandom } from '../seeded-random';
import { assertOnOpfs, openBenchClient } from './bench-client';
import { type CaseResult, rowsOf } from './case-result';
import { judgeBesideFastest } from './fastest-peer';
import { openStrictPeers } from './peers';
import { createPhrases, verifyBytes } from './phrases';
import { measureTurns } from './turns';

const BYTE_LENGTH = 100 * 1024;
const LIMITS = { chromium: 5, firefox: 3 };
const PHRASES = 32;
const WARM_UP_TURNS = 20;
const CALLS_IN_A_ROW = 10;
const AGED_NAMESPACE = 'put-durable';
/** `NAME_DURABLE_AFTER_MS` in worker/opfs-file.ts, and what creating the files takes. */
const AGING_MS = 65_000;

const AGED = 'Reprise, durable';
const YOUNG = 'Reprise, durable, first minute';

/** Opens the client whose files are to age; resolves when they have. */
export async function ageFiles(): Promise<AudioCacheClient> {
  const { cache } = openBenchClient({ namespace: AGED_NAMESPACE });
  await assertOnOpfs(cache);
  await new Promise((resolve) => setTimeout(resolve, AGING_MS));
  return cache;
}

/** Measures with the client of `ageFiles`, and a new one, in turn with the peers. */
export async function measurePutDurable(aged: AudioCacheClient): Promise<CaseResult> {
  const phrases = createPhrases(PHRASES, BYTE_LENGTH, 14);
  const peers = await openStrictPeers('put-durable');
  const young = openBenchClient({ namespace: 'put-durable-young' }).cache;
  const bytesOf = (turn: number) => phrases[turn % phrases.length]?.bytes ?? new ArrayBuffer(0);
  const textOf = (turn: number) => `${turn} ${phrases[turn % phrases.length]?.text}`;
  const put = (cache: AudioCacheClient) => async (turn: number) => {
    await cache.put(textOf(turn), bytesOf(turn), { durability: 'durable' });
  };
  const subjects = [
    { name: AGED, run: put(aged) },
    { name: YOUNG, run: put(young) },
    ...peers.map((peer) => ({ name: peer.name, run: (turn: number) => peer.put(textOf(turn), bytesOf(turn)) })),
  ];
  const times = await measureTurns<void>(subjects, {
    rounds: 10,
    turnsPerRound: 50,
    warmUpTurns: WARM_UP_TURNS,
    callsPerTurn: CALLS_IN_A_ROW,
    random: seededRandom(15),
    verify: () => {},
  });
  const puts = times.calls(AGED) + WARM_UP_TURNS;
  await aged.close();
  const databases = await indexedDB.databases();
  if (databases.some(({ name }) => name === databaseName(AGED_NAMESPACE, 1))) {
    throw new Error('A put into files with old names went to IndexedDB too');
  }
  await verifyAndClear(AGED_NAMESPACE);
  await young.clear();
  await young.close();
  for (const peer of peers) await peer.clear();
  const peerNames = peers.map((peer) => peer.name);
  return {
    rows: rowsOf('100 KiB, in a row', times, AGED),
    targets: [judgeBesideFastest('put of 100 KiB, durable', times, AGED, peerNames, LIMITS)],
  };

  async function verifyAndClear(namespace: string): Promise<void> {
    const reader = openBenchClient({ namespace, memory: { maxBytes: 1 } }).cache;
    for (let turn = 0; turn < puts; turn += 10) {
      const clip = await reader.get(textOf(turn));
      verifyBytes(await clip?.bytes({ transfer: true }), phrases[turn % phrases.length], true);
    }
    await reader.clear();
    await reader.close();
  }
}
