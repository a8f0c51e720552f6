/**
 * Compares operations long enough to be timed one by one: all subjects take a turn each, in an order shuffled anew, so
 * that neither a slow moment of the machine nor what the one before left behind favours any. A turn is one call, or
 * several in a row: a subject then meets its own threads awake and its own data in the processor's caches.
 */
import { shuffled } from '../seeded-random';
import { midmean, percentile, type Ratio, ratioByRound } from '../statistics';

/** Something to be timed. */
export interface TurnSubject<Result> {
  readonly name: string;
  /** The numbers of turns go from 0 up, warm-up included; all subjects get the same one. */
  readonly run: (turn: number) => Promise<Result>;
}

/** How long to measure, and what must come out. */
export interface TurnOptions<Result> {
  readonly rounds: number;
  readonly turnsPerRound: number;
  readonly warmUpTurns: number;
  /** Calls of a subject in a row, each with a number of its own. `turnsPerRound` is a multiple of it. Default: 1. */
  readonly callsPerTurn?: number | undefined;
  /** Idle time before each call. Default: none. */
  readonly pauseMs?: number | undefined;
  readonly random: () => number;
  /** Throws when the result is wrong, and clears away what the call left; runs outside the timing. */
  readonly verify: (result: Result, turn: number) => void | Promise<void>;
}

/** Microseconds of every call, by subject and round. */
export class TurnTimes {
  readonly #roundsByName: ReadonlyMap<string, readonly (readonly number[])[]>;

  constructor(roundsByName: ReadonlyMap<string, readonly (readonly number[])[]>) {
    this.#roundsByName = roundsByName;
  }

  get names(): readonly string[] {
    return [...this.#roundsByName.keys()];
  }

  /** How many calls of the subject were timed. */
  calls(name: string): number {
    return this.#roundsOf(name).flat().length;
  }

  /** A percentile over all calls of the subject, in microseconds. */
  percentileUs(name: string, share: number): number {
    return percentile(this.#roundsOf(name).flat(), share);
  }

  /** How many times as long the subject's middle calls took as the baseline's, by round. */
  ratio(name: string, baseline: string): Ratio {
    return ratioByRound(this.#roundsOf(name).map(midmean), this.#roundsOf(baseline).map(midmean));
  }

  #roundsOf(name: string): readonly (readonly number[])[] {
    const rounds = this.#roundsByName.get(name);
    if (rounds === undefined) throw new TypeError(`Nothing named "${name}" was measured`);
    return rounds;
  }
}

/** Times all subjects in turn. */
export async function measureTurns<Result>(
  subjects: readonly TurnSubject<Result>[],
  { rounds, turnsPerRound, warmUpTurns, callsPerTurn = 1, pauseMs = 0, random, verify }: TurnOptions<Result>,
): Promise<TurnTimes> {
  const roundsByName = new Map<string, number[][]>(subjects.map(({ name }) => [name, []]));
  let turn = 0;
  for (; turn < warmUpTurns; turn += callsPerTurn) await takeTurn(() => {});
  for (let round = 0; round < rounds; round++) {
    for (const roundsOfSubject of roundsByName.values()) roundsOfSubject.push([]);
    for (let turnOfRound = 0; turnOfRound < turnsPerRound; turnOfRound += callsPerTurn) {
      await takeTurn((name, microseconds) => roundsByName.get(name)?.[round]?.push(microseconds));
      turn += callsPerTurn;
    }
  }
  return new TurnTimes(roundsByName);

  async function takeTurn(record: (name: string, microseconds: number) => void): Promise<void> {
    for (const { name, run } of shuffled(subjects, random)) {
      for (let call = turn; call < turn + callsPerTurn; call++) {
        if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
        const startedAt = performance.now();
        const result = await run(call);
        record(name, (performance.now() - startedAt) * 1000);
        await verify(result, call);
      }
    }
  }
}
