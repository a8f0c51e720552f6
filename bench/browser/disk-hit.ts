/**
 * Question: what does a hit on disk cost, beside what a page would use instead?
 *
 * The phrases were written by a client that is gone, and the one that reads has no room in memory for any of them, so
 * each hit reads the disk and checks the audio against its checksum.
 */
import { seededRandom } from '../seeded-random';
import { openBenchClient } from './bench-client';
import { type CaseResult, rowsOf } from './case-result';
import { NEAREST_PEER, openPeers } from './peers';
import { createPhrases, verifyBytes } from './phrases';
import { measureTurns } from './turns';

const KIB = 1024;
const SIZES = [
  { label: '16 KiB', byteLength: 16 * KIB },
  { label: '100 KiB', byteLength: 100 * KIB },
];
const PHRASES = 100;

/** Measures all sizes. */
export async function measureDiskHit(): Promise<CaseResult> {
  const rows: CaseResult['rows'][number][] = [];
  for (const { label, byteLength } of SIZES) rows.push(...(await measureSize(label, byteLength)));
  return { rows, targets: [] };
}

async function measureSize(label: string, byteLength: number): Promise<CaseResult['rows']> {
  const phrases = createPhrases(PHRASES, byteLength, 3);
  const peers = await openPeers('disk-hit');
  const writer = openBenchClient({ namespace: 'disk-hit' }).cache;
  for (const { text, bytes } of phrases) {
    await writer.put(text, bytes);
    for (const peer of peers) await peer.put(text, bytes);
  }
  await writer.close();

  const { cache } = openBenchClient({ namespace: 'disk-hit', memory: { maxBytes: 1 } });
  const phraseOf = (turn: number) => phrases[(turn * 37) % phrases.length];
  const textOf = (turn: number) => phraseOf(turn)?.text ?? '';
  const subjects = [
    {
      name: 'Reprise, disk hit',
      run: async (turn: number) => (await cache.get(textOf(turn)))?.bytes({ transfer: true }),
    },
    ...peers.map((peer) => ({ name: peer.name, run: (turn: number) => peer.get(textOf(turn)) })),
  ];
  const times = await measureTurns<ArrayBuffer | undefined>(subjects, {
    rounds: 9,
    turnsPerRound: 60,
    warmUpTurns: 60,
    random: seededRandom(9),
    verify: (bytes, turn) => verifyBytes(bytes, phraseOf(turn), turn % 10 === 0),
  });
  const { performance, runtime } = await cache.stats();
  if (performance.tiers.memory.hits > 0) throw new Error('Memory answered');
  await cache.clear();
  await cache.close();
  for (const peer of peers) await peer.clear();
  return rowsOf(`${label}, ${runtime.store}`, times, NEAREST_PEER);
}
