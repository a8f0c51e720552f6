/**
 * Compares operations too short to be timed one by one: each is repeated within a batch, and the batches of all
 * subjects take turns, shuffled anew in every round, so that a slow moment of the machine meets all alike.
 */
import { shuffled } from './seeded-random';
import { median, type Ratio, ratioByRound } from './statistics';

/** Something to be timed. */
export interface BatchSubject {
  readonly name: string;
  /** How often one run repeats the operation. */
  readonly operations: number;
  readonly run: () => void | Promise<void>;
}

/** How long to measure. */
export interface BatchOptions {
  readonly rounds: number;
  /** Rounds before the first that counts: for the compiler, and for what has to fill up. */
  readonly warmUpRounds: number;
  readonly random: () => number;
}

/** Microseconds per operation of each subject: one number a round. */
export class BatchTimes {
  readonly #microsecondsByName: ReadonlyMap<string, readonly number[]>;

  constructor(microsecondsByName: ReadonlyMap<string, readonly number[]>) {
    this.#microsecondsByName = microsecondsByName;
  }

  get names(): readonly string[] {
    return [...this.#microsecondsByName.keys()];
  }

  /** The middle round of a subject, in microseconds per operation. */
  microseconds(name: string): number {
    return median(this.#roundsOf(name));
  }

  /** How many times as long one subject takes as another. */
  ratio(name: string, baseline: string): Ratio {
    return ratioByRound(this.#roundsOf(name), this.#roundsOf(baseline));
  }

  #roundsOf(name: string): readonly number[] {
    const rounds = this.#microsecondsByName.get(name);
    if (rounds === undefined) throw new TypeError(`Nothing named "${name}" was measured`);
    return rounds;
  }
}

/** Times all subjects in turn. */
export async function measureBatches(
  subjects: readonly BatchSubject[],
  { rounds, warmUpRounds, random }: BatchOptions,
): Promise<BatchTimes> {
  const microsecondsByName = new Map<string, number[]>(subjects.map(({ name }) => [name, []]));
  for (let round = -warmUpRounds; round < rounds; round++) {
    for (const { name, operations, run } of shuffled(subjects, random)) {
      const startedAt = performance.now();
      // Awaiting what is no promise would cost a turn of the queue.
      const running = run();
      if (running !== undefined) await running;
      const elapsedMs = performance.now() - startedAt;
      if (round >= 0) microsecondsByName.get(name)?.push((elapsedMs * 1000) / operations);
    }
  }
  return new BatchTimes(microsecondsByName);
}
