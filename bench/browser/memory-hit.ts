/**
 * Question: what does a memory hit cost the page, above a bare `slice()` and transferred message of the same bytes?
 *
 * Cache and floor take turns in one worker, one method of the client at a time. A hit goes from the spec to bytes that
 * the caller owns. After a pause all of it is cold (threads, processor caches), which is how a page that says something
 * now and then meets it; in a row it is warm, which is what the target is measured by.
 */
import { seededRandom } from '../seeded-random';
import { judge, type TargetRow } from '../targets';
import { type BenchClient, openBenchClient } from './bench-client';
import { type CaseResult, rowsOf } from './case-result';
import { createPhrases, type Phrase, verifyBytes } from './phrases';
import { measureTurns, type TurnSubject, type TurnTimes } from './turns';

type Bytes = ArrayBuffer | undefined;

const KIB = 1024;
const TARGET_LABEL = '100 KiB';
const CASES = [
  { label: '16 KiB', byteLength: 16 * KIB, turnsPerRound: 400, pauseMs: 0 },
  { label: TARGET_LABEL, byteLength: 100 * KIB, turnsPerRound: 400, pauseMs: 0 },
  { label: '1 MiB', byteLength: 1024 * KIB, turnsPerRound: 100, pauseMs: 0 },
  { label: '100 KiB after a pause of 5 ms', byteLength: 100 * KIB, turnsPerRound: 40, pauseMs: 5 },
];
const PHRASES = 16;
const ROUNDS = 11;
const WARM_UP_TURNS = 1_000;
/** All bytes are compared on every turn of this many. */
const THOROUGH_EVERY_TURNS = 50;

const FLOOR = 'floor: slice() + transfer';
const LIMIT_RATIO = 1.25;
const LIMIT_P99_MS = 1;

/** The client's two ways to a clip. */
const METHODS: Readonly<Record<string, (client: BenchClient, text: string) => Promise<Bytes>>> = {
  get: async ({ cache }, text) => (await cache.get(text))?.bytes({ transfer: true }),
  getOrSynthesize: async ({ cache }, text) => (await cache.getOrSynthesize(text)).bytes({ transfer: true }),
};

/** Measures all sizes. */
export async function measureMemoryHit(): Promise<CaseResult> {
  const rows: CaseResult['rows'][number][] = [];
  const targets: TargetRow[] = [];
  for (const { label, byteLength, turnsPerRound, pauseMs } of CASES) {
    const phrases = createPhrases(PHRASES, byteLength, byteLength);
    const client = await openFilledClient(phrases);
    for (const [method, call] of Object.entries(METHODS)) {
      const read = (text: string) => call(client, text);
      const times = await measureMethod({ client, phrases, method, read, turnsPerRound, pauseMs });
      rows.push(...rowsOf(`${label}, ${method}`, times, FLOOR));
      if (label === TARGET_LABEL) targets.push(...judgeTimes(times, method));
    }
    const { performance } = await client.cache.stats();
    if (performance.tiers.memory.misses > 0) throw new Error('Not every call was a memory hit');
    await client.cache.close();
  }
  return { rows, targets };
}

async function openFilledClient(phrases: readonly Phrase[]): Promise<BenchClient> {
  const client = openBenchClient({ namespace: 'memory-hit', disk: { store: 'none' } });
  for (const { text, bytes } of phrases) {
    await client.cache.put(text, bytes);
    client.floor.hold(bytes);
  }
  return client;
}

function measureMethod({
  client,
  phrases,
  method,
  read,
  turnsPerRound,
  pauseMs,
}: {
  readonly client: BenchClient;
  readonly phrases: readonly Phrase[];
  readonly method: string;
  readonly read: (text: string) => Promise<Bytes>;
  readonly turnsPerRound: number;
  readonly pauseMs: number;
}): Promise<TurnTimes> {
  const indexOf = (turn: number) => (turn * 7) % phrases.length;
  const subjects: TurnSubject<Bytes>[] = [
    { name: FLOOR, run: (turn) => client.floor.slice(indexOf(turn)) },
    { name: method, run: (turn) => read(phrases[indexOf(turn)]?.text ?? '') },
  ];
  return measureTurns(subjects, {
    rounds: ROUNDS,
    turnsPerRound,
    warmUpTurns: pauseMs === 0 ? WARM_UP_TURNS : turnsPerRound,
    pauseMs,
    random: seededRandom(turnsPerRound),
    verify: (bytes, turn) => verifyBytes(bytes, phrases[indexOf(turn)], turn % THOROUGH_EVERY_TURNS === 0),
  });
}

function judgeTimes(times: TurnTimes, method: string): TargetRow[] {
  const p99Ms = times.percentileUs(method, 0.99) / 1000;
  return [
    judge(`memory hit of ${TARGET_LABEL}: ${method} / floor`, times.ratio(method, FLOOR).ratio, LIMIT_RATIO),
    judge(`memory hit of ${TARGET_LABEL}: p99 of ${method}, ms`, p99Ms, LIMIT_P99_MS),
  ];
}
