/**
 * Many operations at once, on files that take their time to open: what each was answered is what is found afterwards.
 * The operations of one key never overlap, so that there is one right answer.
 */
import { describe, expect, it, vi } from 'vitest';
import { pick, seededRandom } from '../../bench/seeded-random';
import type { Entry } from '../../core/protocol/values';
import { isSame, type LogStoreFixture, openFixture, soundEntry } from '../log-store-fixture';
import { keyOf } from '../stored-entries';

// A few seconds at most, but the machine may be busy.
vi.setConfig({ testTimeout: 60_000 });

const KEYS = 40;
const ROUNDS = 60;

/** What the keys hold as far as anybody was told. */
class Told {
  readonly entryByKey = new Map<string, Entry | undefined>();
  /** Keys that something took without naming them, in this round. */
  readonly uncertain = new Set<string>();
}

async function runRounds(seed: number): Promise<void> {
  const random = seededRandom(seed);
  const fixture = await openFixture({ openTurns: () => Math.floor(random() * 4) });
  await fixture.clock.advance(120_000);
  const told = new Told();
  let version = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const { clock } = fixture;
    if (round % 7 === 6) await fixture.reopen();
    const onKey = (id: number): Promise<unknown> => {
      const key = keyOf(id);
      const chance = random();
      if (chance < 0.55) {
        const entry = soundEntry(id, { version: ++version, byteLength: 1 + Math.floor(random() * 50_000) });
        const writing = fixture.store.write(entry, clock.nowMs() + id, random() < 0.3 ? 'durable' : 'relaxed');
        return writing.then(() => told.entryByKey.set(key, entry));
      }
      if (chance < 0.7) return fixture.store.remove(key).then(() => told.entryByKey.set(key, undefined));
      const before = told.entryByKey.get(key);
      return Promise.resolve(fixture.store.read(key)).then((found) => {
        if (!isSame(found, before) && !(found === undefined && told.uncertain.has(key))) {
          expect.fail(`seed ${seed}, round ${round}: ${key} was read wrong`);
        }
      });
    };
    const removesUnnamed = (operation: Promise<unknown>) => {
      for (let id = 0; id < KEYS; id++) told.uncertain.add(keyOf(id));
      return operation;
    };
    const atOnce = Array.from({ length: KEYS }, (_, id) => id).filter(() => random() < 0.5);
    const operations = atOnce.map((id) => () => onKey(id));
    operations.push(() => fixture.store.flush());
    for (let count = 0; count < 3; count++) operations.push(() => fixture.store.reclaim());
    if (random() < 0.1) operations.push(() => removesUnnamed(fixture.store.reclaim(true)));
    if (random() < 0.2) operations.push(() => removesUnnamed(fixture.store.evict(50_000, 5)));
    if (random() < 0.05) operations.push(() => removesUnnamed(fixture.store.clear()));
    if (random() < 0.2) operations.push(() => fixture.store.list({ limit: 10 }));
    const running: Promise<unknown>[] = [];
    while (operations.length > 0) {
      const operation = pick(operations, random);
      operations.splice(operations.indexOf(operation), 1);
      running.push(operation());
    }
    await Promise.all(running);
    await clock.advance(pick([0, 60, 1_200], random));
    await expectTold(fixture, told, `seed ${seed}, round ${round}`);
  }
  await fixture.close();
  await fixture.open();
  await expectTold(fixture, told, `seed ${seed}, reopened`);
  await fixture.close();
}

async function expectTold({ store }: LogStoreFixture, told: Told, when: string): Promise<void> {
  let held = { entries: 0, bytes: 0 };
  for (const [key, entry] of told.entryByKey) {
    const found = await store.read(key);
    const isTaken = found === undefined && told.uncertain.has(key);
    if (!isSame(found, entry) && !isTaken) expect.fail(`${when}: ${key} is ${found ? 'wrong' : 'missing'}`);
    told.entryByKey.set(key, found === undefined ? undefined : entry);
    if (found) held = { entries: held.entries + 1, bytes: held.bytes + found.bytes.byteLength };
  }
  told.uncertain.clear();
  expect(store.usage(), when).toEqual(held);
}

describe('A log store that is asked for many things at once', () => {
  it('does each of them as it answers (seeds 1 to 12)', async () => {
    for (let seed = 1; seed <= 12; seed++) await runRounds(seed);
  });
});
