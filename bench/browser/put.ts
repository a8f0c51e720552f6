/**
 * Question: what does storing audio cost, beside what a page would use instead?
 *
 * Every put is of a new key, 500 of them are timed. `relaxed` is what the peers promise by default too: what was
 * acknowledged survives a killed browser. `memory` waits for no disk. The case `putDurable` is about power loss.
 * Measured in a row and one call at a time, as in `diskHit`.
 */
import { seededRandom } from '../seeded-random';
import type { TargetRow } from '../targets';
import { assertOnOpfs, openBenchClient } from './bench-client';
import { type CaseResult, rowsOf } from './case-result';
import { judgeBesideFastest } from './fastest-peer';
import { NEAREST_PEER, openPeers, type Peer } from './peers';
import { createPhrases, verifyBytes } from './phrases';
import { measureTurns, type TurnTimes } from './turns';

const KIB = 1024;
const TARGET_LABEL = '100 KiB';
const SIZES = [
  { label: '16 KiB', byteLength: 16 * KIB },
  { label: TARGET_LABEL, byteLength: 100 * KIB },
];
const LIMITS = { chromium: 10, firefox: 4 };
const PHRASES = 32;
const WARM_UP_TURNS = 100;
const ROUNDS = 10;
const TURNS_PER_ROUND = 50;
const CALLS_IN_A_ROW = 10;
const DURABILITIES = ['memory', 'relaxed'] as const;
const SUBJECT = 'Reprise, relaxed';
const FLOOR = 'floor: slice(), transfer, write to an open file';

/** Measures all sizes, both ways. */
export async function measurePut(): Promise<CaseResult> {
  const rows: CaseResult['rows'][number][] = [];
  const targets: TargetRow[] = [];
  for (const { label, byteLength } of SIZES) {
    const peers = await openPeers(`put-${byteLength}`);
    const inARow = await measurePuts({ byteLength, peers, callsPerTurn: CALLS_IN_A_ROW });
    const oneByOne = await measurePuts({ byteLength, peers, callsPerTurn: 1 });
    rows.push(...rowsOf(`${label}, in a row`, inARow, NEAREST_PEER));
    rows.push(...rowsOf(`${label}, one at a time`, oneByOne, NEAREST_PEER));
    if (label !== TARGET_LABEL) continue;
    const peerNames = peers.map((peer) => peer.name);
    targets.push(judgeBesideFastest(`put of ${label}, relaxed`, inARow, SUBJECT, peerNames, LIMITS));
  }
  return { rows, targets };
}

async function measurePuts({
  byteLength,
  peers,
  callsPerTurn,
}: {
  readonly byteLength: number;
  readonly peers: readonly Peer[];
  readonly callsPerTurn: number;
}): Promise<TurnTimes> {
  const phrases = createPhrases(PHRASES, byteLength, 4);
  const namespace = `put-${byteLength}`;
  const { cache, floor } = openBenchClient({ namespace });
  await assertOnOpfs(cache);
  const phraseOf = (turn: number) => phrases[turn % phrases.length];
  const bytesOf = (turn: number) => phraseOf(turn)?.bytes ?? new ArrayBuffer(0);
  const textOf = (turn: number) => `${turn} ${phraseOf(turn)?.text}`;
  const subjects = [
    ...DURABILITIES.map((durability) => ({
      name: `Reprise, ${durability}`,
      run: async (turn: number): Promise<unknown> => {
        await cache.put(`${durability} ${textOf(turn)}`, bytesOf(turn), { durability });
        return durability;
      },
    })),
    { name: FLOOR, run: (turn: number) => floor.write(bytesOf(turn)) },
    ...peers.map((peer) => ({ name: peer.name, run: (turn: number) => peer.put(textOf(turn), bytesOf(turn)) })),
  ];
  const times = await measureTurns<unknown>(subjects, {
    rounds: ROUNDS,
    turnsPerRound: TURNS_PER_ROUND,
    warmUpTurns: WARM_UP_TURNS,
    callsPerTurn,
    random: seededRandom(5),
    // What still has to reach the disk must not fall into the next one's time.
    verify: (durability) => (durability === 'memory' ? cache.flush() : undefined),
  });

  const putsOfEach = times.calls(SUBJECT) + WARM_UP_TURNS;
  const { tiers, performance } = await cache.stats();
  if (tiers.disk.entries !== putsOfEach * DURABILITIES.length || performance.errors.diskWrites > 0) {
    throw new Error(`${tiers.disk.entries} entries are on disk and should be ${putsOfEach * DURABILITIES.length}`);
  }
  await floor.endWrites();
  await cache.close();
  const reader = openBenchClient({ namespace }).cache;
  for (let turn = 0; turn < putsOfEach; turn += 10) {
    const clip = await reader.get(`relaxed ${textOf(turn)}`);
    verifyBytes(await clip?.bytes({ transfer: true }), phraseOf(turn), true);
  }
  await reader.clear();
  await reader.close();
  for (const peer of peers) await peer.clear();
  return times;
}
