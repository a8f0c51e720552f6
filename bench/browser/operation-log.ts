/**
 * Question: what does the log cost a memory hit, off and at `debug`?
 *
 * Clients alike but for their log take turns. Two are silent: what sets one beside the other is the measurement's noise.
 * Off, all that is left of the log is a look whether anybody listens, and its code is never fetched, which is looked
 * at here. At `debug` the lines go to a writer that keeps none, so that no console is measured.
 */
import type { AudioCacheClient, AudioCacheClientOptions } from '../../src/index';
import { seededRandom } from '../seeded-random';
import { judge } from '../targets';
import { openBenchClient } from './bench-client';
import { type CaseResult, rowsOf } from './case-result';
import { createPhrases, verifyBytes } from './phrases';
import { measureTurns } from './turns';

const BYTE_LENGTH = 100 * 1024;
const PHRASES = 16;
const ROUNDS = 11;
const TURNS_PER_ROUND = 400;
const OFF = 'off';
const LOG_CODE = 'operation-log';

/** Measures `getOrSynthesize` of phrases in memory. */
export async function measureOperationLog(): Promise<CaseResult> {
  // The browser notes 250 fetches and then none, and the cases before this one may have used them up.
  performance.clearResourceTimings();
  const phrases = createPhrases(PHRASES, BYTE_LENGTH, 1);
  const openClient = async (namespace: string, options: AudioCacheClientOptions): Promise<AudioCacheClient> => {
    // Of one namespace only one would own its worker.
    const { cache } = openBenchClient({ namespace, disk: { store: 'none' }, ...options });
    for (const { text, bytes } of phrases) await cache.put(text, bytes);
    await cache.getOrSynthesize(phrases[0]?.text ?? '');
    return cache;
  };
  const off = await openClient('log-off', { logLevel: 'silent' });
  const alsoOff = await openClient('log-also-off', { logLevel: 'silent' });
  const fetchedWhileOff = fetchesOf(LOG_CODE);
  let lines = 0;
  const log = () => {
    lines++;
  };
  const debug = await openClient('log-debug', { logLevel: 'debug', log });
  if (fetchesOf(LOG_CODE) === 0)
    throw new Error(`No code named ${LOG_CODE} was fetched: this looks for the wrong name`);
  const clients = { [OFF]: off, 'off, another one': alsoOff, 'debug, to nowhere': debug };
  const indexOf = (turn: number) => (turn * 7) % phrases.length;
  const subjects = Object.entries(clients).map(([name, cache]) => ({
    name,
    run: async (turn: number) =>
      (await cache.getOrSynthesize(phrases[indexOf(turn)]?.text ?? '')).bytes({ transfer: true }),
  }));
  const times = await measureTurns(subjects, {
    rounds: ROUNDS,
    turnsPerRound: TURNS_PER_ROUND,
    warmUpTurns: TURNS_PER_ROUND,
    random: seededRandom(11),
    verify: (bytes, turn) => verifyBytes(bytes, phrases[indexOf(turn)], turn % 50 === 0),
  });
  if (lines < ROUNDS * TURNS_PER_ROUND) throw new Error(`Only ${lines} lines were logged`);
  for (const cache of Object.values(clients)) await cache.close();
  return {
    rows: rowsOf('memory hit of 100 KiB', times, OFF),
    targets: [judge('fetches of the code of a log that is off', fetchedWhileOff, 0)],
  };
}

/** How often the page has fetched a script with this in its name. */
function fetchesOf(name: string): number {
  return performance.getEntriesByType('resource').filter(({ name: url }) => url.includes(name)).length;
}
