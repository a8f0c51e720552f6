/** The note of a log store: whole or the former one, whatever happens while it is written. */
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../bench/seeded-random';
import { AudioCacheError } from '../../core/protocol/audio-cache-error';
import { FORMAT_VERSION } from '../../core/storage/record';
import { FAULTS } from '../fault-plan';
import { hashing, type LogStoreFixture, NAME_DURABLE_AFTER_MS, openFixture, soundEntry } from '../log-store-fixture';

const NAMES = ['a.note', 'b.note'];

/** Notes of several lengths, each different. */
function noteOf(number: number): Uint8Array<ArrayBuffer> {
  const random = seededRandom(number);
  return Uint8Array.from({ length: 50 + ((number * 137) % 400) }, () => random() * 256);
}

/** A store whose note has been written so often, and whose files have old names. */
async function openWithNotes(count: number): Promise<LogStoreFixture> {
  const fixture = await openFixture();
  for (let number = 0; number < count; number++) await fixture.store.writeNote(noteOf(number), 'durable');
  await fixture.clock.advance(2 * NAME_DURABLE_AFTER_MS);
  return fixture;
}

describe('The note', () => {
  it.each([0, 1, 2, 5])(
    'is the former one or the new one after a kill in any write of it, the %ith',
    async (before) => {
      for (const durability of ['relaxed', 'durable'] as const) {
        for (let step = 0; step <= 20; step++) {
          const fixture = (await openWithNotes(before)).copy();
          await fixture.open();
          fixture.directory.killInWrite(1, (writtenBytes) => Math.round((writtenBytes * step) / 20));
          await expect(fixture.store.writeNote(noteOf(before), durability)).rejects.toThrow();
          const found = await (await fixture.open()).readNote();
          const expected = step === 20 ? before : before - 1;
          expect(found, `${step} twentieths`).toEqual(expected < 0 ? undefined : noteOf(expected));
          // It can be written again, twice, so that both files are.
          for (const number of [50, 51]) {
            await fixture.store.writeNote(noteOf(number), 'relaxed');
            await fixture.killAndReopen();
            expect(await fixture.store.readNote()).toEqual(noteOf(number));
          }
        }
      }
    },
  );

  it.each(FAULTS.flatMap((fault) => [false, true].map((isPersistent) => ({ fault, isPersistent }))))(
    'is the former one or the new one, whichever operation fails: $fault, persistent: $isPersistent',
    async (planned) => {
      let isStruck = true;
      for (let atOperation = 1; isStruck; atOperation++) {
        const fixture = (await openWithNotes(3)).copy();
        await fixture.open();
        fixture.directory.faults.plan({ ...planned, atOperation });
        let latest = 2;
        const begun = [2];
        for (const number of [3, 4, 5]) {
          begun.push(number);
          try {
            await fixture.store.writeNote(noteOf(number), number % 2 === 0 ? 'relaxed' : 'durable');
            latest = number;
          } catch (error) {
            expect(error).toBeInstanceOf(AudioCacheError);
          }
        }
        isStruck = fixture.directory.faults.firstStruck !== undefined;
        fixture.directory.faults.plan(undefined);
        const allowed = begun.filter((number) => number >= latest).map(noteOf);
        const found = await (await fixture.killAndReopen()).readNote();
        expect(allowed, `${planned.fault} at operation ${atOperation}`).toContainEqual(found);
        await fixture.store.writeNote(noteOf(9), 'durable');
        await fixture.close();
        expect(await (await fixture.open()).readNote()).toEqual(noteOf(9));
        if (atOperation > 100) throw new Error('The work does not end');
      }
    },
  );

  it('survives power loss once it was written durably, or flushed, and is never half of two', async () => {
    for (let seed = 1; seed <= 60; seed++) {
      const fixture = (await openWithNotes(2)).copy();
      await fixture.open();
      const random = seededRandom(seed);
      let safe = 1;
      const count = 2 + Math.floor(random() * 5);
      for (let number = 2; number < count; number++) {
        const isDurable = random() < 0.3;
        await fixture.store.writeNote(noteOf(number), isDurable ? 'durable' : 'relaxed');
        if (isDurable) safe = number;
        if (random() < 0.3) {
          await fixture.store.flush();
          safe = number;
        }
      }
      fixture.directory.losePower(random);
      const allowed = Array.from({ length: count - safe }, (_, index) => noteOf(safe + index));
      expect(allowed, `seed ${seed}`).toContainEqual(await (await fixture.open()).readNote());
    }
  });

  it('is brought to safety within a second', async () => {
    const fixture = await openWithNotes(2);
    await fixture.store.writeNote(noteOf(2), 'relaxed');
    await fixture.clock.advance(1_000);
    fixture.directory.losePower(seededRandom(1), { unflushed: 'lost' });
    expect(await (await fixture.open()).readNote()).toEqual(noteOf(2));
  });

  it('is written elsewhere when it could not be flushed, and is safe then', async () => {
    const fixture = await openWithNotes(3);
    await fixture.store.writeNote(noteOf(3), 'relaxed');
    fixture.directory.faults.plan({ fault: 'EIO', atOperation: 1, operations: ['flush'] });
    await fixture.store.flush();
    fixture.directory.losePower(seededRandom(1), { unflushed: 'lost' });
    expect(await (await fixture.open()).readNote()).toEqual(noteOf(3));
  });

  it('is never anything else for one wrong bit anywhere', async () => {
    const fixture = await openWithNotes(4);
    await fixture.close();
    const seen = new Set<number>();
    for (const fileName of NAMES) {
      const { byteLength } = fixture.directory.bytesOf(fileName);
      for (let offset = 0; offset < byteLength; offset++) {
        const copy = fixture.copy();
        copy.directory.flipBit(fileName, offset, offset % 8);
        const found = await (await copy.open()).readNote();
        const number = [2, 3].findIndex((each) => Buffer.compare(noteOf(each), found ?? new Uint8Array(0)) === 0);
        expect(number, `byte ${offset} of ${fileName}`).not.toBe(-1);
        seen.add(number);
      }
    }
    expect(seen.size).toBe(2);
  });

  it('is none when both files are damaged, and can be written again', async () => {
    const fixture = await openWithNotes(4);
    await fixture.close();
    for (const name of NAMES) fixture.directory.flipBit(name, 40, 1);
    expect(await (await fixture.open()).readNote()).toBeUndefined();
    await fixture.store.writeNote(noteOf(7), 'relaxed');
    expect(await (await fixture.reopen()).readNote()).toEqual(noteOf(7));
  });

  it('of a newer version is refused and left as it is, while entries are served', async () => {
    const fixture = await openWithNotes(2);
    await fixture.store.write(soundEntry(1), 1_000, 'relaxed');
    await fixture.close();
    const { directory } = fixture;
    for (const name of NAMES) {
      const bytes = directory.bytesOf(name);
      new DataView(bytes.buffer).setUint32(12, FORMAT_VERSION + 1, true);
      bytes.set(hashing.xxh64(bytes.subarray(8)));
      directory.setBytes(name, bytes);
    }
    const before = NAMES.map((name) => directory.bytesOf(name));
    const store = await fixture.open();
    await expect(store.readNote()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await expect(store.writeNote(noteOf(9), 'durable')).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(await store.read(soundEntry(1).metadata.key)).toBeDefined();
    await fixture.close();
    expect(NAMES.map((name) => directory.bytesOf(name))).toEqual(before);
  });

  it('makes opening open no further file, and counts as bytes on the disk once it was used', async () => {
    const without = await openFixture();
    await without.reopen();
    const filesOf = async (fixture: LogStoreFixture) => {
      await fixture.close();
      const { open } = fixture.directory.operations;
      await fixture.open();
      return fixture.directory.operations.open - open;
    };
    const fixture = await openFixture();
    await fixture.store.writeNote(noteOf(1), 'durable');
    expect(await filesOf(fixture)).toBe(await filesOf(without));
    const { bytesOnDisk } = fixture.store.report();
    await fixture.store.readNote();
    expect(fixture.store.report().bytesOnDisk - bytesOnDisk).toBe(32 + noteOf(1).byteLength);
  });
});
