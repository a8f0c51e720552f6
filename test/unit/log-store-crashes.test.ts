/** Processes killed and power lost in the middle of everything; `crash-model.ts` says what must hold. */
import * as fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { runCrashCampaign } from '../crash-campaign';
import { CrashModel, type CrashOperation } from '../crash-model';
import { openFixture } from '../log-store-fixture';

/** `REPRISE_CRASH_RUNS` asks for more, for a long campaign. */
const POWER_LOSS_RUNS = Number(process.env.REPRISE_CRASH_RUNS ?? 200);
const KILL_RUNS = Math.ceil(POWER_LOSS_RUNS / 7);

// A few seconds each at most, but the machine may be busy.
vi.setConfig({ testTimeout: 60_000 + POWER_LOSS_RUNS * 200 });

const KEYS = 8;

const id = fc.nat(KEYS - 1);
const plainOperation: fc.Arbitrary<CrashOperation> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      type: fc.constant('write' as const),
      id,
      byteLength: fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 20_000, max: 90_000 })),
      durability: fc.constantFrom('relaxed' as const, 'durable' as const),
      ttlMs: fc.constantFrom(5_000, 1_000_000_000),
    }),
  },
  { weight: 4, arbitrary: fc.record({ type: fc.constantFrom('remove' as const, 'touch' as const), id }) },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constant('evict' as const), bytes: fc.nat(90_000), maxEntries: fc.nat(3) }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('reclaim' as const), isUrgent: fc.boolean() }) },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constantFrom('remove-expired' as const, 'clear' as const, 'flush' as const, 'reopen' as const),
    }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('advance' as const), ms: fc.constantFrom(1_000, 61_000) }) },
);

/** A crash at once or in one of the next few writes, torn at any byte. */
function crashOf(powerLossSeed: fc.Arbitrary<number | undefined>): fc.Arbitrary<CrashOperation> {
  return fc.record({
    type: fc.constant('crash' as const),
    inWrites: fc.nat(4),
    keptShare: fc.double({ min: 0, max: 1, noNaN: true }),
    powerLossSeed,
  });
}

async function expectModelToHold(operations: readonly CrashOperation[]): Promise<void> {
  const fixture = await openFixture();
  const model = new CrashModel(fixture, KEYS);
  for (const operation of operations) await model.perform(operation);
  await model.checkAll();
  await model.perform({ type: 'reopen' });
}

describe('A log store whose process is killed', () => {
  it('loses nothing acknowledged, and keeps what was under way whole or not at all', async () => {
    const operation = fc.oneof(
      { weight: 6, arbitrary: plainOperation },
      { weight: 1, arbitrary: crashOf(fc.constant(undefined)) },
    );
    await fc.assert(fc.asyncProperty(fc.array(operation, { minLength: 5, maxLength: 60 }), expectModelToHold), {
      numRuns: 60,
      seed: 20260801,
    });
  });

  it(`does so in long runs, too (seeds 1 to ${KILL_RUNS})`, async () => {
    const counts = await runCrashCampaign({ runs: KILL_RUNS, firstSeed: 1, steps: 150, crash: 'kill' });
    expect(counts.crashes).toBeGreaterThan(2 * KILL_RUNS);
  });
});

describe('A log store on a machine that loses power', () => {
  it('keeps what was safe, and of everything else serves only what was once asked for', async () => {
    const operation = fc.oneof({ weight: 6, arbitrary: plainOperation }, { weight: 1, arbitrary: crashOf(fc.nat()) });
    await fc.assert(fc.asyncProperty(fc.array(operation, { minLength: 5, maxLength: 60 }), expectModelToHold), {
      numRuns: 60,
      seed: 20260802,
    });
  });

  it(`loses no durable entry in ${POWER_LOSS_RUNS} runs (seeds 1 to ${POWER_LOSS_RUNS})`, async () => {
    const counts = await runCrashCampaign({ runs: POWER_LOSS_RUNS, firstSeed: 1, steps: 60, crash: 'power-loss' });
    // Nobody is to take a campaign that checked nothing for one that was passed.
    expect(counts.powerLosses).toBeGreaterThan(1.5 * POWER_LOSS_RUNS);
    expect(counts.safeEntries).toBeGreaterThan(5 * POWER_LOSS_RUNS);
    expect(counts.safeRemovals).toBeGreaterThan(2 * POWER_LOSS_RUNS);
    expect(counts.youngEntries).toBeGreaterThan(POWER_LOSS_RUNS / 10);
    expect(counts.lostEntries).toBeGreaterThan(POWER_LOSS_RUNS / 2);
  });
});
