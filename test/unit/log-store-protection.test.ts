/** Protected entries stay, however short room is, and cost others nothing but their place. */
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../bench/seeded-random';
import {
  isSame,
  type LogStoreFixture,
  NAME_DURABLE_AFTER_MS,
  openFixture,
  reclaimAll,
  SMALL_MAX_BYTES,
  soundEntry,
} from '../log-store-fixture';
import { isCheckpoint, recordsIn } from '../record-layout';
import { keyOf } from '../stored-entries';

const BYTE_LENGTH = 20_000;

async function openAged(options: Parameters<typeof openFixture>[0] = {}): Promise<LogStoreFixture> {
  const fixture = await openFixture(options);
  await fixture.clock.advance(2 * NAME_DURABLE_AFTER_MS);
  return fixture;
}

function entryOfSize(id: number) {
  return soundEntry(id, { byteLength: BYTE_LENGTH, expiresAtMs: 1_000_000 });
}

async function write({ store, clock }: LogStoreFixture, id: number): Promise<void> {
  await store.write(entryOfSize(id), clock.nowMs(), 'relaxed');
  await clock.advance(1);
}

async function expectAll({ store }: LogStoreFixture, ids: readonly number[]): Promise<void> {
  for (const id of ids) expect(isSame(await store.read(keyOf(id)), entryOfSize(id)), `entry ${id}`).toBe(true);
}

describe('Protected entries', () => {
  it('survive steady eviction, compaction under pressure, expiry and restarts', async () => {
    const fixture = await openAged({ storeMaxBytes: SMALL_MAX_BYTES });
    const random = seededRandom(3);
    const isProtected = (id: number) => id % 10 === 3;
    const ids: number[] = [];
    let evictedInPassing = 0;
    for (let id = 0; id < 2_500; id++) {
      await write(fixture, id);
      if (isProtected(id) && id < 1_500) {
        ids.push(id);
        fixture.store.protect([keyOf(id)], true);
      }
      if (random() < 0.1)
        await fixture.store.remove(keyOf(id - 1 - Math.floor(random() * 3) * 10 - (id % 10 === 4 ? 1 : 0)));
      if (id % 20 === 0) {
        while (fixture.store.report().bytesOnDisk > SMALL_MAX_BYTES * 0.9) {
          const { isWorthwhile, evicted } = await fixture.store.reclaim(true);
          evictedInPassing += evicted.entries;
          for (const key of evicted.keys) expect(ids.map(keyOf)).not.toContain(key);
          if (!isWorthwhile && (await fixture.store.evict(20 * BYTE_LENGTH, 20)).entries === 0) break;
        }
      }
      if (id === 1_000) {
        await fixture.reopen();
        fixture.store.protect(ids.map(keyOf), true);
      }
    }
    await fixture.store.removeExpired(Number.MAX_VALUE, 10_000);
    const kept = ids.filter((id) => fixture.store.has(keyOf(id)));
    expect(kept.length).toBeGreaterThan(100);
    expect(fixture.store.usage().entries).toBe(kept.length);
    expect(evictedInPassing).toBeGreaterThan(0);
    await expectAll(fixture, kept);
    await fixture.killAndReopen();
    await expectAll(fixture, kept);
  });

  it.each([
    ['together in few files', (id: number) => id < 20],
    ['one in every other file', (id: number) => id % 26 === 5],
    ['one in every file', (id: number) => id % 9 === 5],
  ])('survive a full disk, which still takes new entries afterwards: %s', async (_where, isProtected) => {
    const fixture = await openAged();
    const { directory, clock } = fixture;
    for (let id = 0; id < 200; id++) await write(fixture, id);
    const ids = Array.from({ length: 200 }, (_, id) => id).filter(isProtected);
    // Checkpoints as large as they will be are there, as in a store that has been in use for a while.
    const store = await fixture.reopen();
    store.protect(ids.map(keyOf), true);
    directory.maxBytes = directory.byteLength + 50_000;
    let id = 200;
    const isWritten = () =>
      store.write(entryOfSize(id), clock.nowMs(), 'relaxed').then(
        () => true,
        () => false,
      );
    while (await isWritten()) id++;
    expect(ids.length).toBeGreaterThan(5);
    for (let round = 0; round < 5; round++) {
      await store.evict(400_000, 100);
      for (let step = 0; step < 200 && (await store.reclaim(true)).isWorthwhile; step++);
      id++;
      expect(await isWritten(), `round ${round}`).toBe(true);
      await expectAll(fixture, ids);
    }
    await fixture.killAndReopen();
    await expectAll(fixture, ids);
  });

  it('are copied where others as cold are evicted instead', async () => {
    const fixture = await openAged();
    const { store } = fixture;
    // Above four fifths of the limit the coldest tenth is not worth copying.
    for (let id = 0; id < 750; id++) await write(fixture, id);
    const cold = Array.from({ length: 60 }, (_, index) => index);
    store.protect(cold.filter((each) => each % 2 === 0).map(keyOf), true);
    for (let each = 60; each < 750; each += 3) await store.remove(keyOf(each));
    await store.remove(keyOf(59));
    const evicted = new Set<string>();
    for (let isWorthwhile = true; isWorthwhile; ) {
      const reclaimed = await store.reclaim();
      isWorthwhile = reclaimed.isWorthwhile;
      for (const key of reclaimed.evicted.keys) evicted.add(key);
    }
    await expectAll(
      fixture,
      cold.filter((each) => each % 2 === 0),
    );
    for (const key of evicted)
      expect(Number.parseInt(key.slice(3), 16) % 2 === 0 && cold.includes(Number.parseInt(key.slice(3), 16))).toBe(
        false,
      );
  });
});

describe('Clearing all but protected entries', () => {
  it('gives the bytes back at once, as far as no protected entry lies beside them', async () => {
    const fixture = await openAged();
    const { store, directory } = fixture;
    for (let id = 0; id < 300; id++) await write(fixture, id);
    store.protect([keyOf(5), keyOf(6)], true);
    expect(await store.clear(true)).toEqual({ entries: 298, bytes: 298 * BYTE_LENGTH });
    expect(store.report().bytesOnDisk).toBeLessThan(350_000);
    expect(directory.byteLength).toBeLessThan(400_000);
    await reclaimAll(store);
    expect(store.report().bytesOnDisk).toBeLessThan(2 * BYTE_LENGTH + 20_000);
    await expectAll(fixture, [5, 6]);
  });

  it.each([
    ['as the process left it', false],
    ['without checkpoints', true],
  ])('brings nothing back after a kill, in a store that was compacted before: %s', async (_how, isForgotten) => {
    const fixture = await openAged();
    const { store, directory } = fixture;
    for (let id = 0; id < 120; id++) await write(fixture, id);
    // Replaced, removed, and half-way moved: records of these keys lie in several places.
    for (let id = 0; id < 120; id += 4) await write(fixture, id);
    for (let id = 1; id < 120; id += 4) await store.remove(keyOf(id));
    for (let step = 0; step < 2; step++) await store.reclaim();
    const kept = [7, 8, 50, 90, 91].filter((id) => store.has(keyOf(id)));
    store.protect(kept.map(keyOf), true);
    await store.clear(true);
    await write(fixture, 200);
    directory.kill();
    if (isForgotten) for (const name of directory.names.filter(isCheckpoint)) directory.forget(name);
    await fixture.open();
    expect(fixture.store.usage().entries).toBe(kept.length + 1);
    await expectAll(fixture, [...kept, 200]);
  });

  it('strikes out what it leaves lying beside them, so that one damaged byte brings nothing back', async () => {
    const fixture = await openAged();
    const { store, directory } = fixture;
    for (let id = 0; id < 60; id++) await write(fixture, id);
    store.protect([keyOf(3), keyOf(30)], true);
    await store.clear(true);
    directory.kill();
    for (const name of directory.names.filter(isCheckpoint)) directory.forget(name);
    for (const { kind, fileName, offsetBytes } of recordsIn(directory)) {
      if (kind === 'removals') directory.flipBit(fileName, offsetBytes + 140, 3);
    }
    await fixture.open();
    expect(fixture.store.usage().entries).toBe(2);
    await expectAll(fixture, [3, 30]);
  });
});
