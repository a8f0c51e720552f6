/** A log and the database beside it, killed and out of power in the middle of everything, moving included. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CrashModel, type CrashOperation } from '../crash-model';
import { CRASH_KEYS, changingOperations } from '../crash-operations';
import { MigratingStoreFixture, type MigratingStoreFixtureOptions } from '../migrating-store-fixture';

const plainOperation: fc.Arbitrary<CrashOperation> = fc.oneof(
  ...changingOperations,
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constantFrom(
        'remove-expired' as const,
        'clear' as const,
        'flush' as const,
        'reclaim' as const,
        'reopen' as const,
        'reopen' as const,
      ),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      type: fc.constant('advance' as const),
      ms: fc.constantFrom(20, 60, 600, 16_000, 61_000),
    }),
  },
);

function crashOf(powerLossSeed: fc.Arbitrary<number | undefined>): fc.Arbitrary<CrashOperation> {
  return fc.record({
    type: fc.constant('crash' as const),
    inWrites: fc.nat(4),
    keptShare: fc.double({ min: 0, max: 1, noNaN: true }),
    powerLossSeed,
  });
}

/** Runs one history on a store, and resolves to how often the process was killed. */
async function expectModelToHold(
  options: MigratingStoreFixtureOptions,
  operations: readonly CrashOperation[],
): Promise<number> {
  const fixture = new MigratingStoreFixture(options);
  await fixture.open();
  const model = new CrashModel(fixture, CRASH_KEYS);
  for (const operation of operations) await model.perform(operation);
  // A crash that was planned may not have come yet.
  await model.perform({ type: 'crash', inWrites: 0, keptShare: 0, powerLossSeed: undefined });
  await fixture.close();
  return model.counts.crashes;
}

describe.each([
  ['whose process is killed', fc.constant(undefined)],
  ['on a machine that loses power', fc.option(fc.nat(), { nil: undefined })],
])('A migrating store %s', (_, powerLossSeed) => {
  it('loses nothing that was promised, and brings nothing back that was removed', async () => {
    const operation = fc.oneof(
      { weight: 7, arbitrary: plainOperation },
      { weight: 1, arbitrary: crashOf(powerLossSeed) },
    );
    let crashes = 0;
    const options = fc.record({
      startsOnDatabase: fc.boolean(),
      // One entry at a time, or as many as there are.
      maxSuperfluousBytes: fc.constantFrom(1, 1_000_000),
      isDeletionSafe: fc.boolean(),
    });
    const operations = fc.array(operation, { minLength: 20, maxLength: 60 });
    const history = fc.asyncProperty(options, operations, async (...given) => {
      crashes += await expectModelToHold(...given);
    });
    await fc.assert(history, { numRuns: 200, seed: 20260801 });
    expect(crashes).toBeGreaterThan(300);
  }, 60_000);
});
