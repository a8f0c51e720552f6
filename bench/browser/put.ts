/**
 * Question: what does storing audio cost, beside what a page would use instead?
 *
 * Every put is of a new key. The promises differ: `relaxed` survives a killed browser, and in IndexedDB audio of more
 * than 63 KiB is written `strict`, since otherwise a power loss makes it unreadable; the peers write as they do by
 * default, and Dexie a second time strictly.
 */
import { seededRandom } from '../seeded-random';
import { openBenchClient } from './bench-client';
import { type CaseResult, rowsOf } from './case-result';
import { dexie, NEAREST_PEER, openPeers } from './peers';
import { createPhrases } from './phrases';
import { measureTurns } from './turns';

const KIB = 1024;
const SIZES = [
  { label: '16 KiB', byteLength: 16 * KIB },
  { label: '100 KiB', byteLength: 100 * KIB },
];
const PHRASES = 32;
const WARM_UP_TURNS = 20;
const DURABILITIES = ['memory', 'relaxed'] as const;

/** Measures all sizes. */
export async function measurePut(): Promise<CaseResult> {
  const rows: CaseResult['rows'][number][] = [];
  for (const { label, byteLength } of SIZES) rows.push(...(await measureSize(label, byteLength)));
  return { rows, targets: [] };
}

async function measureSize(label: string, byteLength: number): Promise<CaseResult['rows']> {
  const phrases = createPhrases(PHRASES, byteLength, 4);
  const peers = [...(await openPeers('put')), dexie('put-strict', 'strict')];
  const { cache } = openBenchClient({ namespace: 'put' });
  const bytesOf = (turn: number) => phrases[turn % phrases.length]?.bytes ?? new ArrayBuffer(0);
  const textOf = (turn: number) => `${turn} ${phrases[turn % phrases.length]?.text}`;
  const subjects = [
    ...DURABILITIES.map((durability) => ({
      name: `Reprise, ${durability}`,
      run: async (turn: number): Promise<unknown> => {
        await cache.put(`${durability} ${textOf(turn)}`, bytesOf(turn), { durability });
        return durability;
      },
    })),
    ...peers.map((peer) => ({ name: peer.name, run: (turn: number) => peer.put(textOf(turn), bytesOf(turn)) })),
  ];
  const times = await measureTurns<unknown>(subjects, {
    rounds: 7,
    turnsPerRound: 30,
    warmUpTurns: WARM_UP_TURNS,
    random: seededRandom(5),
    // What still has to reach the disk must not fall into the next one's time.
    verify: (durability) => (durability === 'memory' ? cache.flush() : undefined),
  });

  const putEntries = (times.calls('Reprise, relaxed') + WARM_UP_TURNS) * DURABILITIES.length;
  const { tiers, performance, runtime } = await cache.stats();
  if (tiers.disk.entries !== putEntries || performance.errors.diskWrites > 0) {
    throw new Error(`${tiers.disk.entries} entries are on disk and should be ${putEntries}`);
  }
  await cache.clear();
  await cache.close();
  for (const peer of peers) await peer.clear();
  return rowsOf(`${label}, ${runtime.store}`, times, NEAREST_PEER);
}
