/** Question: how long does a page wait to hear that a phrase is not there, with 100 others stored? */
import { seededRandom } from '../seeded-random';
import { openBenchClient } from './bench-client';
import { type CaseResult, rowsOf } from './case-result';
import { NEAREST_PEER, openPeers } from './peers';
import { createPhrases } from './phrases';
import { measureTurns } from './turns';

/** Measures lookups of phrases that nobody stored. */
export async function measureMiss(): Promise<CaseResult> {
  const peers = await openPeers('miss');
  const { cache } = openBenchClient({ namespace: 'miss' });
  for (const { text, bytes } of createPhrases(100, 1024, 6)) {
    await cache.put(text, bytes);
    for (const peer of peers) await peer.put(text, bytes);
  }
  const textOf = (turn: number) => `Absent phrase ${turn}`;
  const subjects = [
    { name: 'Reprise, get', run: (turn: number): Promise<unknown> => cache.get(textOf(turn)) },
    { name: 'Reprise, has', run: async (turn: number) => (await cache.has(textOf(turn))) || undefined },
    ...peers.map((peer) => ({ name: peer.name, run: (turn: number) => peer.get(textOf(turn)) })),
  ];
  const times = await measureTurns<unknown>(subjects, {
    rounds: 7,
    turnsPerRound: 60,
    warmUpTurns: 60,
    random: seededRandom(8),
    verify: (found, turn) => {
      if (found !== undefined) throw new Error(`"${textOf(turn)}" was found`);
    },
  });
  const { runtime } = await cache.stats();
  await cache.clear();
  await cache.close();
  for (const peer of peers) await peer.clear();
  return { rows: rowsOf(`absent key, ${runtime.store}`, times, NEAREST_PEER), targets: [] };
}
