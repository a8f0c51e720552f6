/** Question: how much sooner does a page have its audio from our memory than from what it would use instead? */
import { seededRandom } from '../seeded-random';
import { openBenchClient } from './bench-client';
import { type CaseResult, rowsOf } from './case-result';
import { NEAREST_PEER, openPeers } from './peers';
import { createPhrases, type Phrase, verifyBytes } from './phrases';
import { measureTurns, type TurnTimes } from './turns';

const KIB = 1024;
const SIZES = [
  { label: '16 KiB', byteLength: 16 * KIB },
  { label: '100 KiB', byteLength: 100 * KIB },
  { label: '1 MiB', byteLength: 1024 * KIB },
];
const PHRASES = 32;

/** Measures all sizes. */
export async function measureMemoryHitBesidePeers(): Promise<CaseResult> {
  const rows: CaseResult['rows'][number][] = [];
  for (const { label, byteLength } of SIZES) {
    const times = await measureSize(createPhrases(PHRASES, byteLength, byteLength));
    rows.push(...rowsOf(label, times, NEAREST_PEER));
  }
  return { rows, targets: [] };
}

async function measureSize(phrases: readonly Phrase[]): Promise<TurnTimes> {
  const { cache, floor } = openBenchClient({ namespace: 'memory-hit-peers', disk: { store: 'none' } });
  const peers = await openPeers('memory-hit-peers');
  for (const { text, bytes } of phrases) {
    await cache.put(text, bytes);
    floor.hold(bytes);
    for (const peer of peers) await peer.put(text, bytes);
  }
  const phraseOf = (turn: number) => phrases[(turn * 7) % phrases.length];
  const textOf = (turn: number) => phraseOf(turn)?.text ?? '';
  const subjects = [
    { name: 'floor: slice() + transfer', run: (turn: number) => floor.slice((turn * 7) % phrases.length) },
    {
      name: 'Reprise, memory hit',
      run: async (turn: number) => (await cache.get(textOf(turn)))?.bytes({ transfer: true }),
    },
    ...peers.map((peer) => ({ name: peer.name, run: (turn: number) => peer.get(textOf(turn)) })),
  ];
  const times = await measureTurns<ArrayBuffer | undefined>(subjects, {
    rounds: 7,
    turnsPerRound: 40,
    warmUpTurns: 40,
    random: seededRandom(7),
    verify: (bytes, turn) => verifyBytes(bytes, phraseOf(turn), turn % 10 === 0),
  });
  for (const peer of peers) await peer.clear();
  await cache.close();
  return times;
}
