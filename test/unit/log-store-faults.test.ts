/** Every I/O operation fails once, or from then on, in every way that platforms fail; what was acknowledged holds. */
import { describe, expect, it, vi } from 'vitest';
import { seededRandom } from '../../bench/seeded-random';
import { AudioCacheError } from '../../core/protocol/audio-cache-error';
import type { Entry } from '../../core/protocol/values';
import type { LogStore } from '../../core/storage/log-store';
import { FAULTS, type PlannedFault } from '../fault-plan';
import {
  isSame,
  LogStoreFixture,
  type LogStoreFixtureOptions,
  openFixture,
  readSound,
  reclaimAll,
  soundEntry,
} from '../log-store-fixture';
import { recordsIn } from '../record-layout';
import { keyOf } from '../stored-entries';

// A few seconds each at most, but the machine may be busy.
vi.setConfig({ testTimeout: 60_000 });

const WRITES = 60;

/** What each key may hold: the states that nobody was told are over. */
type Allowed = Map<string, readonly (Entry | undefined)[]>;

/** Always the same work; `attempt` is given everything that may fail. */
async function work(
  fixture: LogStoreFixture,
  allowed: Allowed,
  attempt: (operation: () => Promise<unknown>) => Promise<boolean>,
): Promise<void> {
  const random = seededRandom(4);
  const { clock } = fixture;
  const open = () => attempt(() => fixture.open());
  const change = async (key: string, state: Entry | undefined, operation: (store: LogStore) => Promise<unknown>) => {
    const before = allowed.get(key) ?? [undefined];
    const isDone = await attempt(() => operation(fixture.store));
    allowed.set(key, isDone ? [state] : [...before, state]);
  };
  /** What it removes is the store's choice, and may come back. */
  const letGo = async (operation: (store: LogStore) => Promise<unknown>) => {
    const held = [...allowed.keys()].filter((key) => fixture.store.has(key));
    await attempt(() => operation(fixture.store));
    for (const key of held) if (!fixture.store.has(key)) allowed.set(key, [...(allowed.get(key) ?? []), undefined]);
  };

  if (!(await open())) return;
  for (let count = 0; count < WRITES; count++) {
    const id = Math.floor(random() * 40);
    const byteLength = pickSize(random);
    const expiresAtMs = clock.nowMs() + (random() < 0.1 ? 100 : 1_000_000);
    const entry = soundEntry(id, { version: count, byteLength, expiresAtMs });
    const durability = random() < 0.2 ? 'durable' : 'relaxed';
    await change(keyOf(id), entry, (store) => store.write(entry, clock.nowMs(), durability));
    fixture.store.touch(keyOf(Math.floor(random() * 40)), { accessedAtMs: clock.nowMs() });
    if (count % 5 === 0) {
      const key = keyOf(Math.floor(random() * 40));
      await change(key, undefined, (store) => store.remove(key));
    }
    if (count % 4 === 0) await attempt(async () => fixture.store.read(keyOf(Math.floor(random() * 40))));
    if (count === 30) {
      await attempt(() => fixture.close());
      if (!(await open())) return;
    }
    await clock.advance(count % 10 === 0 ? 1_500 : 20);
  }
  await letGo((store) => store.evict(20_000, 10));
  await letGo((store) => store.removeExpired(clock.nowMs(), 100));
  await attempt(() => fixture.store.flush());
  await letGo((store) => reclaimAll(store));
  await attempt(() => fixture.store.list({ limit: 100 }));
  await attempt(() => fixture.close());
  await attempt(() => fixture.open());
  await attempt(() => fixture.close());
}

function pickSize(random: () => number): number {
  return random() < 0.8 ? 1 + Math.floor(random() * 4_000) : 10_000 + Math.floor(random() * 50_000);
}

/** Does the work while the fault strikes, then looks what is there without it; returns whether the fault struck. */
async function workWith(planned: PlannedFault, options: LogStoreFixtureOptions = {}): Promise<boolean> {
  const fixture = new LogStoreFixture(options);
  const allowed: Allowed = new Map();
  const { faults } = fixture.directory;
  faults.plan(planned);
  const where = (): string =>
    `${planned.fault} ${planned.isPersistent ? 'from' : 'at'} operation ${planned.atOperation} (${faults.firstStruck})`;
  await work(fixture, allowed, async (operation) => {
    try {
      await operation();
      return true;
    } catch (error) {
      const isExpected =
        error instanceof AudioCacheError && ['STORE_UNAVAILABLE', 'QUOTA_EXCEEDED', 'CLOSED'].includes(error.code);
      if (!isExpected) throw new Error(`${where()} came out as ${error}`, { cause: error });
      return false;
    }
  });
  const isStruck = faults.firstStruck !== undefined;
  const struck = where();
  faults.plan(undefined);
  const store = await fixture.open().catch((error: unknown) => {
    throw new Error(`After ${struck} the store does not open: ${error}`, { cause: error });
  });
  for (const [key, states] of allowed) {
    const found = await readSound(store, key);
    if (!states.some((state) => isSame(found, state))) {
      expect.fail(`After ${struck}, ${key} is ${found ? 'wrong' : 'missing'}; ${states.length} states are allowed`);
    }
  }
  await fixture.close();
  return isStruck;
}

describe('A log store on a disk that fails', () => {
  it.each(FAULTS.flatMap((fault) => [false, true].map((isPersistent) => ({ fault, isPersistent }))))(
    'keeps what it acknowledged, whichever operation fails: $fault, persistent: $isPersistent',
    async ({ fault, isPersistent }) => {
      let atOperation = 1;
      while (await workWith({ fault, atOperation, isPersistent })) atOperation++;
      expect(atOperation).toBeGreaterThan(80);
    },
  );
});

describe('A log store whose flush fails', () => {
  /** Durable writes and others, the n-th flush failing; then power is lost. Returns whether any flush failed. */
  async function flushBadly(nthFlush: number, isPersistent: boolean, ageMs: number): Promise<boolean> {
    const fixture = await openFixture();
    const { store, clock, directory } = fixture;
    // Spares have been created; are their names old?
    await clock.advance(ageMs);
    directory.faults.plan({ fault: 'EIO', atOperation: nthFlush, isPersistent, operations: ['flush'] });
    const random = seededRandom(nthFlush);
    const durable = new Map<string, Entry>();
    for (let id = 0; id < 40; id++) {
      const entry = soundEntry(id, { byteLength: 1 + Math.floor(random() * 30_000) });
      const isDurable = id % 3 === 0;
      const isStored = await isDone(store.write(entry, clock.nowMs(), isDurable ? 'durable' : 'relaxed'));
      if (isStored && isDurable) durable.set(keyOf(id), entry);
      await clock.advance(id % 7 === 0 ? 1_100 : 30);
    }
    if (await isDone(store.flush())) {
      for (let id = 0; id < 40; id++) if (store.has(keyOf(id))) durable.set(keyOf(id), await soundOf(store, id));
    }
    const isStruck = directory.faults.firstStruck !== undefined;
    directory.faults.plan(undefined);
    // By now all names are old, and the promise holds for all.
    await clock.advance(120_000);
    const young = new Set(store.youngKeys());
    directory.losePower(random, { unflushed: 'lost', areYoungNamesLost: true });
    await fixture.open();
    for (const [key, entry] of durable) {
      if (young.has(key)) continue;
      const found = await readSound(fixture.store, key);
      expect(isSame(found, entry), `flush ${nthFlush} failed, ${key} is ${found ? 'wrong' : 'missing'}`).toBe(true);
    }
    await fixture.close();
    return isStruck;
  }

  it.each([
    ['once, in files with old names', false, 120_000],
    ['once, in files with young names', false, 1_000],
    ['from then on, in files with old names', true, 120_000],
    ['from then on, in files with young names', true, 1_000],
  ])('loses nothing it calls durable: %s', async (_when, isPersistent, ageMs) => {
    let nthFlush = 1;
    while (await flushBadly(nthFlush, isPersistent, ageMs)) nthFlush++;
    expect(nthFlush).toBeGreaterThan(15);
  });

  it('rejects the durable write that could not be flushed anywhere', async () => {
    const { store, directory } = await openFixture();
    await store.write(soundEntry(1), 1_000, 'relaxed');
    directory.faults.plan({ fault: 'EIO', atOperation: 1, isPersistent: true, operations: ['flush'] });
    await expect(store.write(soundEntry(2), 1_001, 'durable')).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await expect(store.flush()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    directory.faults.plan(undefined);
    expect(isSame(await store.read(keyOf(1)), soundEntry(1))).toBe(true);
  });

  it('moves what the segment holds elsewhere, and writes nothing to it any more', async () => {
    const { store, directory, clock } = await openFixture();
    await clock.advance(120_000);
    await store.write(soundEntry(1), 1_000, 'relaxed');
    const [before] = recordsIn(directory);
    directory.faults.plan({ fault: 'EIO', atOperation: 1, operations: ['flush'] });
    await store.write(soundEntry(2), 1_001, 'durable');
    const after = recordsIn(directory);
    expect(after.map(({ keys }) => keys[0])).toEqual([keyOf(1), keyOf(2)]);
    expect(after.filter(({ fileName }) => fileName === before?.fileName)).toEqual([]);
    expect(isSame(await store.read(keyOf(1)), soundEntry(1))).toBe(true);
  });
});

describe('A log store on a disk that is full', () => {
  it.each(['throw', 'zero', 'short'] as const)(
    'says so, keeps what it has, and gives room back (%s)',
    async (overflow) => {
      const fixture = await openFixture({ overflow });
      const { directory, clock } = fixture;
      await clock.advance(120_000);
      const { store } = fixture;
      directory.maxBytes = directory.byteLength + 600_000;
      const kept: Entry[] = [];
      let failure: unknown;
      for (let id = 0; id < 100 && failure === undefined; id++) {
        const entry = soundEntry(id, { byteLength: 20_000 });
        await store.write(entry, clock.nowMs() + id, 'relaxed').then(
          () => kept.push(entry),
          (error: unknown) => {
            failure = error;
          },
        );
      }
      expect(failure).toMatchObject({ name: 'AudioCacheError', code: 'QUOTA_EXCEEDED' });
      expect(kept.length).toBeGreaterThan(20);
      for (const entry of kept) expect(isSame(await store.read(entry.metadata.key), entry)).toBe(true);
      // Nobody may be left with audio that should be gone, however full the disk is.
      expect(await store.remove(keyOf(0))).toBe(20_000);
      expect((await store.evict(200_000, 100)).entries).toBe(10);
      await reclaimAll(store, true);
      await store.write(soundEntry(200, { byteLength: 20_000 }), clock.nowMs() + 200, 'durable');
      await fixture.killAndReopen();
      expect(fixture.store.has(keyOf(0))).toBe(false);
      for (const entry of kept.slice(11)) {
        const found = await fixture.store.read(entry.metadata.key);
        if (found !== undefined) expect(isSame(found, entry)).toBe(true);
      }
      expect(isSame(await fixture.store.read(keyOf(200)), soundEntry(200, { byteLength: 20_000 }))).toBe(true);
    },
  );

  it('still opens, and serves what is there', async () => {
    const fixture = await openFixture();
    for (let id = 0; id < 10; id++) await fixture.store.write(soundEntry(id), 1_000 + id, 'relaxed');
    await fixture.close();
    fixture.directory.maxBytes = 0;
    await fixture.open();
    for (let id = 0; id < 10; id++) expect(isSame(await fixture.store.read(keyOf(id)), soundEntry(id))).toBe(true);
    await fixture.close();
  });
});

function isDone(promise: Promise<unknown>): Promise<boolean> {
  return promise.then(
    () => true,
    () => false,
  );
}

async function soundOf(store: LogStore, id: number): Promise<Entry> {
  const entry = await readSound(store, keyOf(id));
  if (entry === undefined) throw new Error(`Entry ${id} cannot be read`);
  return entry;
}
