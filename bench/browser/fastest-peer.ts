/** Measures ours against whichever of the peers was fastest in the same run. */
import { type EngineName, engineName } from '../engine';
import { judgeAtLeast, type TargetRow } from '../targets';
import type { TurnTimes } from './turns';

/** Judges how many times as long as our subject the fastest of the peers took: the one of the lowest median. */
export function judgeBesideFastest(
  what: string,
  times: TurnTimes,
  ours: string,
  peers: readonly string[],
  limits: Readonly<Record<EngineName, number>>,
): TargetRow {
  const medianOf = (name: string) => times.percentileUs(name, 0.5);
  const fastest = peers.reduce((best, peer) => (medianOf(peer) < medianOf(best) ? peer : best));
  return judgeAtLeast(`${what}: ${fastest} / ${ours}`, times.ratio(fastest, ours).ratio, limits[engineName]);
}
