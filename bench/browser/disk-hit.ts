/**
 * Question: what does a hit on disk cost the page, with 500 entries stored, beside what it would use instead?
 *
 * The phrases were written by a client that is gone. The one that reads asks for each of them once, so each hit reads
 * the disk, checks the audio against its checksum, and takes it up into memory. Measured in a row, as `memoryHit` is,
 * and one call at a time in turn with the peers: then our worker has gone to sleep each time it is asked.
 */
import { seededRandom } from '../seeded-random';
import type { TargetRow } from '../targets';
import { assertOnOpfs, openBenchClient } from './bench-client';
import { type CaseResult, rowsOf } from './case-result';
import { judgeBesideFastest } from './fastest-peer';
import { NEAREST_PEER, openPeers, type Peer } from './peers';
import { createPhrases, type Phrase, verifyBytes } from './phrases';
import { measureTurns, type TurnTimes } from './turns';

const KIB = 1024;
const SIZES = [
  { label: '16 KiB', byteLength: 16 * KIB, limits: { chromium: 2.5, firefox: 1.6 } },
  { label: '100 KiB', byteLength: 100 * KIB, limits: { chromium: 6, firefox: 3 } },
];
const PHRASES = 500;
/** Each phrase is read from disk once, which is too few to have the code of a new worker compiled. */
const WARM_UP_MISSES = 2_000;
/** Warm-up and rounds together ask for each phrase once. */
const WARM_UP_TURNS = 100;
const ROUNDS = 10;
const TURNS_PER_ROUND = 40;
const CALLS_IN_A_ROW = 20;
/** Has no factor in common with the number of phrases: the turns meet all of them, far from each other. */
const STRIDE = 187;
const SUBJECT = 'Reprise, disk hit';
const FLOOR = 'floor: slice() + transfer';

/** Measures all sizes, both ways. */
export async function measureDiskHit(): Promise<CaseResult> {
  const rows: CaseResult['rows'][number][] = [];
  const targets: TargetRow[] = [];
  for (const { label, byteLength, limits } of SIZES) {
    const namespace = `disk-hit-${byteLength}`;
    const phrases = createPhrases(PHRASES, byteLength, 3);
    const peers = await openPeers(namespace);
    await fill(namespace, phrases, peers);
    const inARow = await measureHits({ namespace, phrases, peers, callsPerTurn: CALLS_IN_A_ROW });
    const oneByOne = await measureHits({ namespace, phrases, peers, callsPerTurn: 1 });
    await empty(namespace, peers);
    rows.push(...rowsOf(`${label}, in a row`, inARow, NEAREST_PEER));
    rows.push(...rowsOf(`${label}, one at a time`, oneByOne, NEAREST_PEER));
    const peerNames = peers.map((peer) => peer.name);
    targets.push(judgeBesideFastest(`disk hit of ${label}`, inARow, SUBJECT, peerNames, limits));
  }
  return { rows, targets };
}

async function measureHits({
  namespace,
  phrases,
  peers,
  callsPerTurn,
}: {
  readonly namespace: string;
  readonly phrases: readonly Phrase[];
  readonly peers: readonly Peer[];
  readonly callsPerTurn: number;
}): Promise<TurnTimes> {
  const { cache, floor } = openBenchClient({ namespace });
  await assertOnOpfs(cache);
  for (const { bytes } of phrases) floor.hold(bytes);
  for (let miss = 0; miss < WARM_UP_MISSES; miss++) await cache.get(`Absent phrase ${miss}`);
  const phraseOf = (turn: number) => phrases[(turn * STRIDE) % phrases.length];
  const textOf = (turn: number) => phraseOf(turn)?.text ?? '';
  const subjects = [
    { name: FLOOR, run: (turn: number) => floor.slice((turn * STRIDE) % phrases.length) },
    { name: SUBJECT, run: async (turn: number) => (await cache.get(textOf(turn)))?.bytes({ transfer: true }) },
    ...peers.map((peer) => ({ name: peer.name, run: (turn: number) => peer.get(textOf(turn)) })),
  ];
  const times = await measureTurns<ArrayBuffer | undefined>(subjects, {
    rounds: ROUNDS,
    turnsPerRound: TURNS_PER_ROUND,
    warmUpTurns: WARM_UP_TURNS,
    callsPerTurn,
    random: seededRandom(9),
    verify: (bytes, turn) => verifyBytes(bytes, phraseOf(turn), turn % 10 === 0),
  });
  const { tiers } = (await cache.stats()).performance;
  if (tiers.disk.hits !== PHRASES || tiers.memory.hits > 0) throw new Error('Not every call was a disk hit');
  await cache.close();
  return times;
}

async function fill(namespace: string, phrases: readonly Phrase[], peers: readonly Peer[]): Promise<void> {
  const { cache } = openBenchClient({ namespace });
  for (const { text, bytes } of phrases) {
    await cache.put(text, bytes);
    for (const peer of peers) await peer.put(text, bytes);
  }
  await cache.close();
}

async function empty(namespace: string, peers: readonly Peer[]): Promise<void> {
  const { cache } = openBenchClient({ namespace });
  await cache.clear();
  await cache.close();
  for (const peer of peers) await peer.clear();
}
