/** Files that a dying writer left behind: a tail that is torn, a checkpoint that is cut, wrong or not there. */
import { describe, expect, it, vi } from 'vitest';
import { seededRandom } from '../../bench/seeded-random';
import type { Entry } from '../../core/protocol/values';
import { cutCopy, type DamageScene, findIn, makeScene, sample } from '../damage-scene';
import {
  isSame,
  type LogStoreFixture,
  NAME_DURABLE_AFTER_MS,
  openFixture,
  readSound,
  soundEntry,
} from '../log-store-fixture';
import { isCheckpoint, recordsIn } from '../record-layout';
import { keyOf } from '../stored-entries';

// A few seconds each at most, but the machine may be busy.
vi.setConfig({ testTimeout: 60_000 });

/** Five small entries of which the last one is written in the way given; nothing is closed. */
async function makeTail(writeLast: (fixture: LogStoreFixture) => Promise<unknown>) {
  const fixture = await openFixture();
  const entries = [0, 1, 2, 3].map((id) => soundEntry(id, { byteLength: 150 + id }));
  for (const [step, entry] of entries.entries()) await fixture.store.write(entry, 1_000 + step, 'relaxed');
  const before = recordsIn(fixture.directory).at(-1);
  await writeLast(fixture);
  fixture.directory.kill();
  const last = recordsIn(fixture.directory).at(-1);
  if (last === undefined || last.offsetBytes === before?.offsetBytes) throw new Error('Nothing was written');
  return { fixture, entries, last };
}

async function expectEntries(fixture: LogStoreFixture, entries: readonly Entry[], where: string): Promise<void> {
  for (const entry of entries) {
    const found = await fixture.store.read(entry.metadata.key);
    if (!isSame(found, entry)) expect.fail(`${where}: ${entry.metadata.key} is ${found ? 'wrong' : 'missing'}`);
  }
}

describe('A tail torn by a dying writer', () => {
  it('costs nothing but the last entry, wherever it is cut, and is written over', async () => {
    const lastEntry = soundEntry(4, { byteLength: 300 });
    const { fixture, entries, last } = await makeTail(({ store }) => store.write(lastEntry, 2_000, 'relaxed'));
    const later = soundEntry(5, { byteLength: 80 });
    const endBytes = last.offsetBytes + last.recordBytes;
    for (let cutAt = last.offsetBytes; cutAt <= endBytes; cutAt++) {
      const copy = cutCopy(fixture, last.fileName, cutAt);
      const store = await copy.open();
      await expectEntries(copy, entries, `cut at ${cutAt}`);
      const found = await store.read(keyOf(4));
      expect(isSame(found, cutAt === endBytes ? lastEntry : undefined), `cut at ${cutAt}`).toBe(true);
      await store.write(later, 3_000, 'relaxed');
      await copy.killAndReopen();
      await expectEntries(copy, [...entries, later], `cut at ${cutAt}, reopened`);
      expect(copy.store.report().damagedRecords, `cut at ${cutAt}`).toBe(0);
    }
  });

  it('leaves a removal done or not done', async () => {
    const { fixture, entries, last } = await makeTail(({ store }) => store.remove(keyOf(2)));
    const kept = entries.filter(({ metadata }) => metadata.key !== keyOf(2));
    const later = soundEntry(5, { byteLength: 80 });
    const endBytes = last.offsetBytes + last.recordBytes;
    for (let cutAt = last.offsetBytes; cutAt <= endBytes; cutAt++) {
      const copy = cutCopy(fixture, last.fileName, cutAt);
      const store = await copy.open();
      await expectEntries(copy, kept, `cut at ${cutAt}`);
      const found = await store.read(keyOf(2));
      if (found !== undefined && cutAt < endBytes) expect(isSame(found, entries[2]), `cut at ${cutAt}`).toBe(true);
      else expect(found, `cut at ${cutAt}`).toBeUndefined();
      await store.write(later, 3_000, 'relaxed');
      await copy.killAndReopen();
      await expectEntries(copy, [...kept, later], `cut at ${cutAt}, reopened`);
    }
  });

  it('may be noise instead of missing', async () => {
    const { fixture, entries, last } = await makeTail(({ store }) =>
      store.write(soundEntry(4, { byteLength: 300 }), 2_000, 'relaxed'),
    );
    const random = seededRandom(3);
    for (let cutAt = last.offsetBytes; cutAt < last.offsetBytes + last.recordBytes; cutAt += 7) {
      const copy = fixture.copy();
      const bytes = copy.directory.bytesOf(last.fileName);
      for (let offset = cutAt; offset < bytes.byteLength; offset++) bytes[offset] = random() * 256;
      copy.directory.setBytes(last.fileName, bytes);
      await copy.open();
      await expectEntries(copy, entries, `noise from ${cutAt}`);
      expect(await readSound(copy.store, keyOf(4)), `noise from ${cutAt}`).toBeUndefined();
    }
  });
});

describe('A damaged checkpoint', () => {
  /** Files that changed their segment between the older checkpoint and the younger one. */
  async function makeRecycled(): Promise<DamageScene> {
    return makeScene({ seed: 5, entries: 50, end: 'closed' });
  }

  it('costs nothing, whichever of the two it is and wherever it is cut', async () => {
    const scene = await makeRecycled();
    const { fixture, truth } = scene;
    const checkpoints = fixture.directory.names.filter(isCheckpoint);
    expect(checkpoints).toHaveLength(2);
    for (const fileName of checkpoints) {
      const byteLength = fixture.directory.bytesOf(fileName).byteLength;
      for (let cutAt = 0; cutAt < byteLength; cutAt += cutAt < 200 ? 1 : 37) {
        const { right } = await findIn(cutCopy(fixture, fileName, cutAt), scene);
        expect(right.length, `${fileName} cut at ${cutAt}`).toBe(truth.size);
      }
    }
  });

  it('costs nothing wherever a bit of it is wrong', async () => {
    const scene = await makeRecycled();
    const { fixture, truth } = scene;
    for (const fileName of fixture.directory.names.filter(isCheckpoint)) {
      const byteLength = fixture.directory.bytesOf(fileName).byteLength;
      for (let offset = 0; offset < byteLength; offset += offset < 200 ? 1 : 37) {
        const copy = fixture.copy();
        copy.directory.flipBit(fileName, offset, offset % 8);
        const { right } = await findIn(copy, scene);
        expect(right.length, `${fileName}, a bit of byte ${offset}`).toBe(truth.size);
      }
    }
  });

  it('costs nothing though files have become other segments since the checkpoint that is left', async () => {
    const fixture = await openFixture();
    const { clock } = fixture;
    await clock.advance(2 * NAME_DURABLE_AFTER_MS);
    const truth = new Map<string, Entry | undefined>();
    const random = seededRandom(12);
    for (let round = 0; round < 40; round++) {
      const { store } = fixture;
      for (let id = round * 12; id < round * 12 + 12; id++) {
        const entry = soundEntry(id, { byteLength: 15_000 });
        await store.write(entry, clock.nowMs(), 'relaxed');
        truth.set(keyOf(id), entry);
        await clock.advance(1);
      }
      for (const key of sample([...truth.keys()], truth.size / 10, random)) {
        await store.remove(key);
        truth.delete(key);
      }
      await store.reclaim();
      await store.flush();
      const lossy = fixture.copy();
      lossy.directory.losePower(random, { unflushed: 'lost', areYoungNamesLost: false });
      expect((await findIn(lossy, { truth, replaced: [] })).right.length, `round ${round}, no power`).toBe(truth.size);
      // As if the process had been killed now, with files that stay behind.
      for (const fileName of fixture.directory.names.filter(isCheckpoint)) {
        for (const byteLength of [0, 20, 200]) {
          const { right } = await findIn(cutCopy(fixture, fileName, byteLength), { truth, replaced: [] });
          expect(right.length, `round ${round}, ${fileName} cut at ${byteLength}`).toBe(truth.size);
        }
      }
    }
    await fixture.close();
  });

  it.each(['closed', 'killed'] as const)('costs nothing when both are gone (%s)', async (end) => {
    const scene = await makeScene({ seed: 6, entries: 400, end });
    const { directory } = scene.fixture;
    for (const fileName of directory.names.filter(isCheckpoint)) directory.forget(fileName);
    expect((await findIn(scene.fixture, scene)).right).toHaveLength(scene.truth.size);
  });
});
