/** Processes killed and power lost in the middle of everything; `crash-model.ts` says what must hold. */
import * as fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { seededRandom } from '../../bench/seeded-random';
import { runCrashCampaign } from '../crash-campaign';
import { CrashModel, type CrashOperation } from '../crash-model';
import { CRASH_KEYS, changingOperations } from '../crash-operations';
import { isSame, NAME_DURABLE_AFTER_MS, openFixture, readSound, reclaimAll, soundEntry } from '../log-store-fixture';
import { keyOf } from '../stored-entries';

/** `REPRISE_CRASH_RUNS` asks for more, for a long campaign. */
const POWER_LOSS_RUNS = Number(process.env.REPRISE_CRASH_RUNS ?? 200);
const KILL_RUNS = Math.ceil(POWER_LOSS_RUNS / 7);

// A few seconds each at most, but the machine may be busy.
vi.setConfig({ testTimeout: 60_000 + POWER_LOSS_RUNS * 200 });

const plainOperation: fc.Arbitrary<CrashOperation> = fc.oneof(
  ...changingOperations,
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
  const model = new CrashModel(fixture, CRASH_KEYS);
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

  it('does not bring evicted entries back when it emptied more files than it keeps since the checkpoint', async () => {
    const fixture = await openFixture();
    const { clock } = fixture;
    const write = (id: number, byteLength: number) =>
      fixture.store.write(soundEntry(id, { byteLength }), clock.nowMs(), 'relaxed');
    await clock.advance(2 * NAME_DURABLE_AFTER_MS);
    // The first one goes, and the record that says so is compacted away: only the checkpoint knows.
    const [evicted, neighbour, companion] = [1, 2, 3];
    await write(evicted, 1_000);
    await write(neighbour, 200_000);
    await write(companion, 150_000);
    await fixture.store.evict(1, 1);
    await fixture.store.remove(keyOf(companion));
    await write(4, 250_000);
    await reclaimAll(fixture.store);
    for (let id = 5; id < 50; id++) await write(id, 250_000);
    await fixture.reopen();
    for (let id = 5; id < 50; id++) await fixture.store.remove(keyOf(id));
    do {
      const killed = fixture.copy();
      const store = await killed.open();
      expect(await store.read(keyOf(neighbour))).toBeDefined();
      expect(await store.read(keyOf(evicted))).toBeUndefined();
    } while ((await fixture.store.reclaim()).isWorthwhile);
  });
});

describe('A log store on a machine that loses power', () => {
  it('keeps what was safe, and of everything else serves only what was once asked for', async () => {
    const operation = fc.oneof(
      { weight: 6, arbitrary: plainOperation },
      { weight: 1, arbitrary: crashOf(fc.option(fc.nat(), { nil: undefined })) },
    );
    await fc.assert(fc.asyncProperty(fc.array(operation, { minLength: 5, maxLength: 60 }), expectModelToHold), {
      numRuns: 60,
      seed: 20260802,
    });
  });

  it(`loses no durable entry in ${POWER_LOSS_RUNS} runs (seeds 1 to ${POWER_LOSS_RUNS})`, async () => {
    const counts = await runCrashCampaign({ runs: POWER_LOSS_RUNS, firstSeed: 1, steps: 60, crash: 'power-loss' });
    // Nobody is to take a campaign that checked nothing for one that was passed.
    expect(counts.powerLosses).toBeGreaterThan(1.3 * POWER_LOSS_RUNS);
    expect(counts.safeEntries).toBeGreaterThan(5 * POWER_LOSS_RUNS);
    expect(counts.safeRemovals).toBeGreaterThan(2 * POWER_LOSS_RUNS);
    expect(counts.youngEntries).toBeGreaterThan(POWER_LOSS_RUNS / 10);
    expect(counts.lostEntries).toBeGreaterThan(POWER_LOSS_RUNS / 2);
  });

  it('does not bring back what a removed entry had replaced (seeds 1 to 300)', async () => {
    const fixture = await openFixture();
    const { store, clock } = fixture;
    await clock.advance(2 * NAME_DURABLE_AFTER_MS);
    const [first, second] = [soundEntry(1, { version: 1 }), soundEntry(1, { version: 2 })];
    await store.write(first, clock.nowMs(), 'durable');
    await store.write(soundEntry(2, { byteLength: 300_000 }), clock.nowMs(), 'durable');
    await store.write(second, clock.nowMs(), 'durable');
    await store.remove(keyOf(1));
    for (let seed = 1; seed <= 300; seed++) {
      const copy = fixture.copy();
      copy.directory.losePower(seededRandom(seed));
      const found = await readSound(await copy.open(), keyOf(1));
      if (found !== undefined) expect(isSame(found, second), `seed ${seed}`).toBe(true);
    }
  });

  it('goes back to what was safe when the file is gone that a younger entry and the checkpoint were about', async () => {
    const fixture = await openFixture();
    const { store, clock, directory } = fixture;
    await clock.advance(2 * NAME_DURABLE_AFTER_MS);
    const safe = soundEntry(1, { version: 1 });
    await store.write(safe, clock.nowMs(), 'durable');
    // Until all spares are used up.
    for (let id = 2; store.youngKeys().length === 0; id++) {
      await store.write(soundEntry(id, { byteLength: 60_000 }), clock.nowMs(), 'relaxed');
    }
    await store.write(soundEntry(1, { version: 2 }), clock.nowMs(), 'durable');
    expect(store.youngKeys()).toContain(keyOf(1));
    await fixture.close();
    directory.losePower(seededRandom(1), { areYoungNamesLost: true });
    await fixture.open();
    expect(isSame(await fixture.store.read(keyOf(1)), safe)).toBe(true);
  });

  it('never keeps a checkpoint longer than what it points to', async () => {
    const fixture = await openFixture();
    const { store, clock } = fixture;
    await clock.advance(2 * NAME_DURABLE_AFTER_MS);
    const safe = soundEntry(1, { version: 1 });
    await store.write(safe, clock.nowMs(), 'durable');
    for (let id = 2; id < 160; id++) {
      // The last ones make a checkpoint due, which is to happen before the next flush.
      if (id === 130) await store.flush();
      await store.write(soundEntry(id, { byteLength: 60_000 }), clock.nowMs(), 'relaxed');
    }
    const younger = soundEntry(1, { version: 2 });
    await store.write(younger, clock.nowMs(), 'relaxed');
    for (let step = 0; step < 40; step++) {
      await clock.advance(50);
      const copy = fixture.copy();
      copy.directory.losePower(seededRandom(step), { unflushed: 'lost', areYoungNamesLost: false });
      const found = await (await copy.open()).read(keyOf(1));
      expect(isSame(found, safe) || isSame(found, younger), `after ${(step + 1) * 50} ms`).toBe(true);
    }
  });
});
