/** Random work on a log store with crashes in between, by seed: `crash-model.ts` says what must hold. */
import { pick, seededRandom } from '../bench/seeded-random';
import { type CrashCounts, CrashModel, type CrashOperation } from './crash-model';
import { openFixture } from './log-store-fixture';

/** What a campaign does. */
export interface CrashCampaign {
  readonly runs: number;
  readonly firstSeed: number;
  /** Operations of a run; each run ends with a crash of the kind meant. */
  readonly steps: number;
  /** With power losses, one crash in three is a kill all the same. */
  readonly crash: 'kill' | 'power-loss';
}

/** So many that segments of 256 KiB fill up and are compacted within a run. */
const KEYS = 24;

/**
 * Runs a campaign and returns what was checked in all runs together.
 * @throws Error with the seed of the first run that went wrong
 */
export async function runCrashCampaign({ runs, firstSeed, steps, crash }: CrashCampaign): Promise<CrashCounts> {
  const total: CrashCounts = {
    crashes: 0,
    powerLosses: 0,
    safeEntries: 0,
    safeRemovals: 0,
    youngEntries: 0,
    lostEntries: 0,
  };
  for (let seed = firstSeed; seed < firstSeed + runs; seed++) {
    const counts = await runOnce(seed, steps, crash).catch((error: unknown) => {
      throw new Error(`Seed ${seed}: ${error instanceof Error ? error.message : error}`, { cause: error });
    });
    // The keys of one are the keys of the other.
    for (const name of Object.keys(total) as (keyof CrashCounts)[]) total[name] += counts[name];
  }
  return total;
}

async function runOnce(seed: number, steps: number, crash: CrashCampaign['crash']): Promise<CrashCounts> {
  const random = seededRandom(seed);
  const fixture = await openFixture({ seed });
  const model = new CrashModel(fixture, KEYS);
  // One run in four begins on new files, the others on files whose names are old.
  if (seed % 4 !== 0) await fixture.clock.advance(120_000);
  for (let step = 0; step < steps; step++) await model.perform(randomOperation(random, crash));
  await model.perform(crashNow(random, crash));
  await fixture.close();
  return model.counts;
}

function randomOperation(random: () => number, crash: CrashCampaign['crash']): CrashOperation {
  const id = Math.floor(random() * KEYS);
  const chance = random();
  if (chance < 0.5) {
    const byteLength = 1 + Math.floor(random() ** 3 * 60_000);
    const ttlMs = random() < 0.2 ? 100_000 : 1_000_000_000;
    return { type: 'write', id, byteLength, durability: random() < 0.3 ? 'durable' : 'relaxed', ttlMs };
  }
  if (chance < 0.58) return { type: 'touch', id };
  if (chance < 0.6) return { type: 'protect', id, isProtected: random() < 0.5 };
  if (chance < 0.7) return { type: 'remove', id };
  if (chance < 0.76) return { type: 'flush' };
  if (chance < 0.86) return { type: 'reclaim', isUrgent: random() < 0.2 };
  if (chance < 0.92) return { type: 'advance', ms: pick([10, 500, 1_500, 20_000, 70_000], random) };
  if (chance < 0.94) return { type: 'evict', bytes: Math.floor(random() * 100_000), maxEntries: 5 };
  if (chance < 0.96) return { type: 'remove-expired' };
  if (chance < 0.965) return { type: random() < 0.5 ? 'clear' : 'clear-unprotected' };
  if (chance < 0.98) return { type: 'reopen' };
  return crashNow(random, random() < 0.3 ? 'kill' : crash, Math.floor(random() * 6));
}

function crashNow(random: () => number, crash: CrashCampaign['crash'], inWrites = 0): CrashOperation {
  const powerLossSeed = crash === 'kill' ? undefined : Math.floor(random() * 2 ** 31);
  return { type: 'crash', inWrites, keptShare: random(), powerLossSeed };
}
