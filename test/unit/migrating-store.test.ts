/**
 * What a log with a database beside it does beyond the contract of a store. Long on purpose: one list of sentences,
 * since all of them are about the same two places.
 */
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { AudioCacheError } from '../../core/protocol/audio-cache-error';
import { comparePlaces } from '../../core/storage/list-order';
import type { EntryOrder } from '../../core/storage/store';
import { settle } from '../fake-clock';
import { NAME_DURABLE_AFTER_MS, soundEntry } from '../log-store-fixture';
import { MigratingStoreFixture, type MigratingStoreFixtureOptions } from '../migrating-store-fixture';
import { entryOf, expectEntry, keyOf, versionOf } from '../stored-entries';

/** Long enough for names of new files to be durable, and for all steps that waited for it. */
const AGED_MS = 90_000;

let fixture: MigratingStoreFixture;

const open = async (options: MigratingStoreFixtureOptions = {}): Promise<void> => {
  fixture = new MigratingStoreFixture(options);
  await fixture.open();
};

/** An earlier run left entries 0 … count - 1 of 1,000 bytes, used at 1000, 1001, … */
const openAfterEarlierRun = async (count: number, options: MigratingStoreFixtureOptions = {}): Promise<void> => {
  fixture = new MigratingStoreFixture(options);
  await writeEarlier(count);
  await fixture.open();
};

const writeEarlier = async (count: number): Promise<void> => {
  const earlier = await fixture.database.open();
  for (let id = 0; id < count; id++) await earlier.write(entryOf(id), 1000 + id, 'relaxed');
  await earlier.close();
};

const listedKeys = async (pageSize = 100, order?: EntryOrder): Promise<readonly string[]> => {
  const keys: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await fixture.store.list({ limit: pageSize, cursor, order });
    expect(page.entries.length).toBeLessThanOrEqual(pageSize);
    keys.push(...page.entries.map(({ metadata }) => metadata.key));
    cursor = page.cursor;
  } while (cursor !== undefined);
  return keys;
};

const keysUpTo = (count: number): readonly string[] => Array.from({ length: count }, (_, id) => keyOf(id));
const keysInLog = (count: number): readonly string[] => keysUpTo(count).filter((key) => fixture.log.has(key));

describe('the note of an earlier run', () => {
  const note = new TextEncoder().encode('pins and collections');
  const openAfterNote = async (): Promise<void> => {
    fixture = new MigratingStoreFixture();
    const earlier = await fixture.database.open();
    await earlier.write(entryOf(0), 1000, 'relaxed');
    await earlier.writeNote(note, 'durable');
    await earlier.close();
    await fixture.open();
  };

  it('is read at once, and goes over before the database is deleted', async () => {
    await openAfterNote();
    expect(await fixture.store.readNote()).toEqual(note);
    expect(await fixture.log.readNote()).toBeUndefined();
    await fixture.clock.advance(AGED_MS);
    expect(fixture.database.keys).toBeUndefined();
    expect(await fixture.store.readNote()).toEqual(note);
    await fixture.killAndReopen();
    expect(await fixture.store.readNote()).toEqual(note);
  });

  it('never comes before one that was written since', async () => {
    await openAfterNote();
    const newer = new TextEncoder().encode('newer');
    await fixture.store.writeNote(newer, 'relaxed');
    expect(await fixture.store.readNote()).toEqual(newer);
    await fixture.clock.advance(AGED_MS);
    expect(fixture.database.keys).toBeUndefined();
    expect(await fixture.store.readNote()).toEqual(newer);
  });

  it('keeps the database as long as it cannot be read or taken over', async () => {
    await openAfterNote();
    fixture.database.store?.fail('readNote', new Error('The test failed it'));
    await fixture.clock.advance(2 * NAME_DURABLE_AFTER_MS);
    expect(await fixture.store.readNote()).toEqual(note);
    await fixture.clock.advance(AGED_MS);
    expect(fixture.database.keys).toBeUndefined();
    expect(await fixture.store.readNote()).toEqual(note);
  });

  it('goes over too when the database is deleted because it cannot be cleared', async () => {
    await openAfterNote();
    fixture.database.store?.fail('clear', new Error('The test failed it'));
    await fixture.store.clear();
    expect(fixture.database.keys).toBeUndefined();
    expect(await fixture.store.readNote()).toEqual(note);
  });
});

describe('entries of an earlier run', () => {
  it('are served at once, moved while nothing is asked for, and served ever after', async () => {
    await openAfterEarlierRun(10);
    for (let id = 0; id < 10; id++) expectEntry(await fixture.store.read(keyOf(id)), entryOf(id));
    await fixture.clock.advance(AGED_MS);
    expect(keysInLog(10)).toHaveLength(10);
    expect(fixture.database.keys).toBeUndefined();
    for (let id = 0; id < 10; id++) expectEntry(await fixture.store.read(keyOf(id)), entryOf(id));
    await fixture.reopen();
    for (let id = 0; id < 10; id++) expectEntry(await fixture.store.read(keyOf(id)), entryOf(id));
  });

  it('are moved in the order of their last access, latest first, and keep it', async () => {
    await openAfterEarlierRun(10);
    await fixture.clock.advance(70);
    expect(keysInLog(10)).toEqual([keyOf(7), keyOf(8), keyOf(9)]);
    expect((await fixture.log.readMetadata(keyOf(8)))?.accessedAtMs).toBe(1008);
  });

  it('are moved before others once they are used, and count as used then', async () => {
    await openAfterEarlierRun(10);
    await fixture.store.read(keyOf(3));
    fixture.store.touch(keyOf(3), { accessedAtMs: 5000 });
    await fixture.clock.advance(30);
    expect(keysInLog(10)).toEqual([keyOf(3)]);
    expect((await fixture.store.readMetadata(keyOf(3)))?.accessedAtMs).toBe(5000);
  });

  it('are counted and listed once, wherever they lie', async () => {
    await openAfterEarlierRun(10);
    await fixture.store.write(entryOf(20), 9000, 'relaxed');
    for (let step = 0; step < 12; step++) {
      expect(fixture.store.usage()).toEqual({ entries: 11, bytes: 11_000 });
      expect(await listedKeys(3)).toEqual([keyOf(20), ...keysUpTo(10).toReversed()]);
      // A listing stops the moving for ten seconds.
      await fixture.clock.advance(10_010);
      expect(keysInLog(10).length).toBeGreaterThanOrEqual(Math.min(10, step));
    }
  });

  it.each(['created', 'size'] as const)('are listed among those of the log by %s', async (order) => {
    const given = (id: number) => ({ createdAtMs: 100 + ((id * 7) % 10), byteLength: 50 + ((id * 3) % 10) });
    fixture = new MigratingStoreFixture();
    const earlier = await fixture.database.open();
    for (let id = 0; id < 10; id++) await earlier.write(entryOf(id, given(id)), 1000 + id, 'relaxed');
    await earlier.close();
    await fixture.open();
    for (let id = 10; id < 20; id++) await fixture.store.write(entryOf(id, given(id)), 1000 + id, 'relaxed');
    const expected = Array.from({ length: 20 }, (_, id) => ({
      key: keyOf(id),
      value: order === 'created' ? given(id).createdAtMs : given(id).byteLength,
    })).sort(comparePlaces);
    for (const pageSize of [1, 3, 7, 100]) {
      expect(await listedKeys(pageSize, order)).toEqual(expected.map(({ key }) => key));
      await fixture.clock.advance(10_100);
    }
    expect(keysInLog(10).length).toBeGreaterThan(0);
  });

  it('are listed though others before them are outdated, and the log has only what comes after them', async () => {
    fixture = new MigratingStoreFixture();
    const earlier = await fixture.database.open();
    for (const id of [0, 1, 2]) await earlier.write(entryOf(id, { byteLength: 100 - 10 * id }), 1000, 'relaxed');
    await earlier.close();
    await fixture.open();
    for (const id of [0, 1]) await fixture.store.write(entryOf(id, { byteLength: 10 - id }), 2000, 'relaxed');
    expect(await listedKeys(2, 'size')).toEqual([2, 0, 1].map(keyOf));
  });

  it('keep their uses when they are moved, those before, meanwhile and after', async () => {
    await openAfterEarlierRun(3);
    fixture.store.touch(keyOf(0), { accessedAtMs: 5000, hits: 3, expiresAtMs: 99_000 });
    const expectUses = async (hits: number, expiresAtMs: number) => {
      const [summary] = await fixture.store.survey([keyOf(0), keyOf(1)]);
      expect(summary).toMatchObject({ hits, expiresAtMs });
      const stored = await fixture.store.readMetadata(keyOf(0));
      expect(stored).toMatchObject({ hits, metadata: { expiresAtMs } });
    };
    await expectUses(3, 99_000);
    const { log } = fixture;
    const write = log.write.bind(log);
    log.write = async (...args) => {
      fixture.store.touch(keyOf(0), { accessedAtMs: 4000, expiresAtMs: 98_000 });
      await write(...args);
    };
    await fixture.clock.advance(30);
    expect(keysInLog(3)).toEqual([keyOf(0)]);
    await expectUses(4, 98_000);
    fixture.store.touch(keyOf(0), { accessedAtMs: 6000 });
    await fixture.reopen();
    await expectUses(5, 98_000);
  });

  it('expire when they do by now', async () => {
    await openAfterEarlierRun(3);
    fixture.store.touch(keyOf(1), { accessedAtMs: 5000, expiresAtMs: 500 });
    expect((await fixture.store.removeExpired(500, 10)).keys).toEqual([keyOf(1)]);
  });

  it('are protected where they are, while they are moved, and once they were', async () => {
    await openAfterEarlierRun(6);
    fixture.store.protect([keyOf(0), keyOf(4)], true);
    fixture.store.touch(keyOf(4), { accessedAtMs: 1004, expiresAtMs: 1 });
    expect((await fixture.store.removeExpired(5000, 10)).keys).toEqual([]);
    expect((await fixture.store.evict(1, 1)).keys).toEqual([keyOf(1)]);
    await fixture.clock.advance(AGED_MS);
    expect(fixture.log.has(keyOf(0))).toBe(true);
    expect((await fixture.store.evict(1_000_000, 10)).keys).toEqual([2, 3, 5].map(keyOf));
    expect((await fixture.store.removeExpired(5000, 10)).keys).toEqual([]);
    expect(await listedKeys()).toEqual([keyOf(4), keyOf(0)]);
  });

  it('are not moved between two pages of a listing', async () => {
    await openAfterEarlierRun(10);
    const first = await fixture.store.list({ limit: 4 });
    await fixture.clock.advance(9_000);
    const second = await fixture.store.list({ limit: 4, cursor: first.cursor });
    await fixture.clock.advance(9_000);
    const third = await fixture.store.list({ limit: 4, cursor: second.cursor });
    const keys = [first, second, third].flatMap(({ entries }) => entries.map(({ metadata }) => metadata.key));
    expect(keys).toEqual(keysUpTo(10).toReversed());
    expect(keysInLog(10)).toEqual([]);
  });

  it('move more slowly while something is asked for', async () => {
    await openAfterEarlierRun(100);
    for (let ms = 0; ms < 2_000; ms += 10) {
      await fixture.store.read(keyOf(500));
      await fixture.clock.advance(10);
    }
    expect(keysInLog(100).length).toBeLessThanOrEqual(5);
    expect(keysInLog(100).length).toBeGreaterThanOrEqual(3);
  });

  it('show in the report how far the moving is, until it is over', async () => {
    await openAfterEarlierRun(10);
    expect(fixture.store.report().migration).toEqual({ movedEntries: 0, remainingEntries: 10 });
    await fixture.clock.advance(90);
    expect(fixture.store.report().migration).toEqual({ movedEntries: 4, remainingEntries: 6 });
    await fixture.clock.advance(AGED_MS);
    expect(fixture.store.report().migration).toBeUndefined();
  });

  it('stay where they are until their copies are safe from power loss', async () => {
    await openAfterEarlierRun(10);
    await fixture.clock.advance(50_000);
    expect(keysInLog(10)).toHaveLength(10);
    expect(fixture.database.keys).toHaveLength(10);
    fixture.directory.losePower(() => 0, { unflushed: 'lost', areYoungNamesLost: true });
    await fixture.open();
    for (let id = 0; id < 10; id++) expectEntry(await fixture.store.read(keyOf(id)), entryOf(id));
  });

  it('lie in both places only so many at a time', async () => {
    await openAfterEarlierRun(100, { maxSuperfluousBytes: 7_000 });
    await fixture.clock.advance(50_000);
    expect(keysInLog(100)).toHaveLength(7);
    expect(fixture.store.report().bytesOnDisk).toBeLessThan(110_000);
    for (let round = 0; round < 40; round++) {
      await fixture.clock.advance(1_000);
      const moved = keysInLog(100).length;
      expect((fixture.database.keys?.length ?? 0) + moved).toBeLessThanOrEqual(107);
    }
    await fixture.clock.advance(AGED_MS);
    expect(keysInLog(100)).toHaveLength(100);
    expect(fixture.database.keys).toBeUndefined();
  });

  it('are found before it is known which there are, when there are many', async () => {
    await openAfterEarlierRun(300);
    expect(fixture.database.store?.countOf('list')).toBe(0);
    expectEntry(await fixture.store.read(keyOf(17)), entryOf(17));
    expect((await fixture.store.readMetadata(keyOf(18)))?.accessedAtMs).toBe(1018);
    expect(await fixture.store.read(keyOf(400))).toBeUndefined();
    expect(fixture.store.usage()).toEqual({ entries: 300, bytes: 300_000 });
    expect(await fixture.store.remove(keyOf(19))).toBe(1_000);
    expect(await listedKeys(70)).toEqual(
      keysUpTo(300)
        .filter((key) => key !== keyOf(19))
        .toReversed(),
    );
  });

  it('cost a miss no question to the database once it is known which there are', async () => {
    await openAfterEarlierRun(3);
    const reads = fixture.database.store?.countOf('read');
    await fixture.store.read(keyOf(7));
    await fixture.store.readMetadata(keyOf(7));
    await fixture.store.remove(keyOf(7));
    expect(fixture.database.store?.countOf('read')).toBe(reads);
    expect(fixture.database.store?.countOf('remove')).toBe(0);
  });

  it('are not missed by a read that their moving overtakes', async () => {
    await openAfterEarlierRun(1);
    const release = fixture.database.store?.hold('read');
    const reading = fixture.store.read(keyOf(0));
    await fixture.log.write(entryOf(0), 1000, 'relaxed');
    await fixture.database.store?.remove(keyOf(0));
    release?.();
    expectEntry(await reading, entryOf(0));
  });

  it('give way to what is written while they are being moved', async () => {
    await openAfterEarlierRun(1);
    const release = fixture.database.store?.hold('read', 'after');
    await fixture.clock.advance(25);
    const newer = entryOf(0, { version: 2, createdAtMs: 2000 });
    const writing = fixture.store.write(newer, 3000, 'relaxed');
    new Uint8Array(newer.bytes).fill(0);
    release?.();
    await writing;
    const expected = entryOf(0, { version: 2, createdAtMs: 2000 });
    expectEntry(await fixture.store.read(keyOf(0)), expected);
    await fixture.clock.advance(AGED_MS);
    expectEntry(await fixture.store.read(keyOf(0)), expected);
    await fixture.reopen();
    expectEntry(await fixture.store.read(keyOf(0)), expected);
  });

  it.each(['remove', 'clear'] as const)('do not come back after a %s while they are being moved', async (operation) => {
    await openAfterEarlierRun(1);
    const release = fixture.database.store?.hold('read', 'after');
    await fixture.clock.advance(25);
    const removing = operation === 'remove' ? fixture.store.remove(keyOf(0)) : fixture.store.clear();
    release?.();
    await removing;
    expect(await fixture.store.read(keyOf(0))).toBeUndefined();
    await fixture.killAndReopen();
    await fixture.clock.advance(AGED_MS);
    expect(await fixture.store.read(keyOf(0))).toBeUndefined();
    expect(fixture.store.usage()).toEqual({ entries: 0, bytes: 0 });
  });

  it('that the log does not take stay, are served, and hold up no others', async () => {
    await openAfterEarlierRun(3);
    const write = fixture.log.write.bind(fixture.log);
    fixture.log.write = async (entry, ...rest) => {
      if (entry.metadata.key === keyOf(1)) throw new AudioCacheError('QUOTA_EXCEEDED', 'too large');
      await write(entry, ...rest);
    };
    await fixture.clock.advance(AGED_MS);
    expect(keysInLog(3)).toEqual([keyOf(0), keyOf(2)]);
    expect(fixture.database.keys).toEqual([keyOf(1)]);
    expectEntry(await fixture.store.read(keyOf(1)), entryOf(1));
  });

  it('that another tab adds meanwhile are moved too', async () => {
    await openAfterEarlierRun(2);
    const other = await fixture.database.open();
    await other.write(entryOf(7), 2000, 'relaxed');
    await fixture.clock.advance(AGED_MS);
    expectEntry(await fixture.store.read(keyOf(7)), entryOf(7));
    expect(fixture.database.keys).toBeUndefined();
  });
});

describe('an entry that lies in both', () => {
  it('is dropped from the database when the log’s is as new, whoever put it there', async () => {
    await openAfterEarlierRun(2);
    await fixture.clock.advance(AGED_MS);
    await fixture.close();
    await writeEarlier(2);
    await fixture.open();
    expect(fixture.store.usage()).toEqual({ entries: 2, bytes: 2_000 });
    expect(fixture.store.report().migration).toBeUndefined();
    await fixture.clock.advance(1_000);
    expect(fixture.database.keys).toBeUndefined();
  });

  it('keeps the newer version in the database when a flush comes before it is known which there are', async () => {
    await open();
    await fixture.store.write(entryOf(0), 1000, 'relaxed');
    fixture.directory.kill();
    await writeEarlier(300);
    const newer = entryOf(0, { version: 2, createdAtMs: 2000 });
    await (await fixture.database.open()).write(newer, 2000, 'relaxed');
    await fixture.open();
    await fixture.store.flush();
    expectEntry(await fixture.store.read(keyOf(0)), newer);
  });

  it('is served from the database when that is newer, as after a run without OPFS', async () => {
    await open();
    await fixture.store.write(entryOf(0), 1000, 'relaxed');
    await fixture.clock.advance(AGED_MS);
    await fixture.close();
    const newer = entryOf(0, { version: 2, createdAtMs: 2000 });
    const other = await fixture.database.open();
    await other.write(newer, 2000, 'relaxed');
    await fixture.open();
    expectEntry(await fixture.store.read(keyOf(0)), newer);
    expect(fixture.store.usage()).toEqual({ entries: 1, bytes: 1_000 });
    await fixture.clock.advance(AGED_MS);
    expectEntry(await fixture.store.read(keyOf(0)), newer);
    expect(fixture.database.keys).toBeUndefined();
  });
});

describe('removing', () => {
  beforeEach(() => openAfterEarlierRun(6));

  it('removes an entry wherever it lies, and for good', async () => {
    await fixture.clock.advance(50);
    for (let id = 0; id < 6; id++) expect(await fixture.store.remove(keyOf(id))).toBe(1_000);
    expect(await fixture.store.remove(keyOf(0))).toBeUndefined();
    await fixture.killAndReopen();
    expect(fixture.store.usage()).toEqual({ entries: 0, bytes: 0 });
  });

  it('clears both, and tells how much that was', async () => {
    await fixture.clock.advance(50);
    expect(await fixture.store.clear()).toEqual({ entries: 6, bytes: 6_000 });
    await fixture.killAndReopen();
    expect(fixture.store.usage()).toEqual({ entries: 0, bytes: 0 });
  });

  it('does not serve what the database could not remove, and tries again', async () => {
    fixture.database.store?.fail('remove', new Error('The test failed it'));
    await fixture.store.remove(keyOf(0));
    expect(await fixture.store.read(keyOf(0))).toBeUndefined();
    expect(fixture.store.usage().entries).toBe(5);
    await fixture.clock.advance(1_000);
    expect(fixture.database.keys).not.toContain(keyOf(0));
  });

  it('clears all but what is protected in both, and keeps the database for it', async () => {
    await fixture.clock.advance(50);
    expect(keysInLog(6)).toEqual([keyOf(4), keyOf(5)]);
    fixture.store.protect([keyOf(1), keyOf(4)], true);
    expect(await fixture.store.clear(true)).toEqual({ entries: 4, bytes: 4_000 });
    expect(await listedKeys()).toEqual([keyOf(4), keyOf(1)]);
    await fixture.killAndReopen();
    expect(await listedKeys()).toEqual([keyOf(4), keyOf(1)]);
    expectEntry(await fixture.store.read(keyOf(1)), entryOf(1));
  });

  it('serves nothing that was cleared beside what is protected, though the database could not be cleared', async () => {
    fixture.store.protect([keyOf(1)], true);
    fixture.database.store?.fail('clear', new Error('The test failed it'));
    expect(await fixture.store.clear(true)).toEqual({ entries: 5, bytes: 5_000 });
    expect(await listedKeys()).toEqual([keyOf(1)]);
    await fixture.clock.advance(AGED_MS);
    expect(fixture.database.keys).toBeUndefined();
    expect(await listedKeys()).toEqual([keyOf(1)]);
  });

  it('deletes the database when that cannot be cleared', async () => {
    fixture.database.store?.fail('clear', new Error('The test failed it'));
    await fixture.store.clear();
    expect(fixture.database.keys).toBeUndefined();
  });

  it('evicts what the database still has first, used longest ago first of all', async () => {
    await fixture.clock.advance(50);
    expect(keysInLog(6)).toEqual([keyOf(4), keyOf(5)]);
    expect(await fixture.store.evict(3_000, 100)).toEqual({ entries: 3, bytes: 3_000, keys: [0, 1, 2].map(keyOf) });
    expect(await listedKeys()).toEqual([keyOf(5), keyOf(4), keyOf(3)]);
    expect(await fixture.store.evict(1_000_000, 2)).toEqual({ entries: 2, bytes: 2_000, keys: [3, 4].map(keyOf) });
    expect(await listedKeys()).toEqual([keyOf(5)]);
    await fixture.killAndReopen();
    expect(await listedKeys()).toEqual([keyOf(5)]);
  });

  it('removes from the database what reclaiming evicts from the log', async () => {
    await fixture.clock.advance(50);
    // An eviction stands for what compaction finds not worth moving.
    fixture.log.reclaim = async () => ({ isWorthwhile: true, evicted: await fixture.log.evict(1, 1) });
    expect(await fixture.store.reclaim()).toMatchObject({ evicted: { entries: 1 } });
    await fixture.killAndReopen();
    expect(await listedKeys()).toEqual([keyOf(5), keyOf(3), keyOf(2), keyOf(1), keyOf(0)]);
  });

  it('takes what has expired from both', async () => {
    await fixture.store.write(entryOf(12, { expiresAtMs: Number.POSITIVE_INFINITY }), 8000, 'relaxed');
    await fixture.store.write(entryOf(10, { expiresAtMs: 500 }), 9000, 'durable');
    await fixture.close();
    const other = await fixture.database.open();
    await other.write(entryOf(11, { expiresAtMs: 400 }), 9001, 'relaxed');
    await other.write(entryOf(13, { expiresAtMs: Number.POSITIVE_INFINITY }), 8001, 'relaxed');
    await fixture.open();
    expect(await fixture.store.removeExpired(500, 100)).toEqual({
      entries: 2,
      bytes: 2_000,
      keys: [11, 10].map(keyOf),
    });
    await fixture.killAndReopen();
    expect(await listedKeys()).toEqual([keyOf(13), keyOf(12), ...keysUpTo(6).toReversed()]);
    await fixture.store.removeExpired(Number.POSITIVE_INFINITY, 100);
    expect(await listedKeys()).toEqual([keyOf(13), keyOf(12)]);
  });
});

describe('on new files', () => {
  beforeEach(() => open());

  const losePower = async (): Promise<void> => {
    fixture.directory.losePower(() => 0, { unflushed: 'lost', areYoungNamesLost: true });
    await fixture.open();
  };

  /** Fills segments until new files have to be created. */
  const useUpOldFiles = async (): Promise<void> => {
    for (let id = 100; fixture.log.youngKeys().length === 0; id++) {
      await fixture.store.write(soundEntry(id, { byteLength: 20_000 }), 1000, 'relaxed');
    }
  };

  it('a durable entry survives power loss at once', async () => {
    await fixture.store.write(entryOf(1), 1000, 'relaxed');
    await fixture.store.write(entryOf(2), 1000, 'durable');
    await losePower();
    expect(await listedKeys()).toEqual([keyOf(2)]);
  });

  it('everything survives power loss after a flush', async () => {
    for (let id = 0; id < 5; id++) await fixture.store.write(entryOf(id), 1000 + id, 'relaxed');
    await fixture.store.flush();
    await losePower();
    expect(await listedKeys()).toEqual(keysUpTo(5).toReversed());
  });

  it('the latest version survives, also when the log has an older one in an older file', async () => {
    await fixture.store.write(soundEntry(1), 1000, 'durable');
    await fixture.clock.advance(AGED_MS);
    expect(fixture.database.keys).toBeUndefined();
    // Fills all files whose names are old.
    for (let id = 10; id < 200; id++)
      await fixture.store.write(soundEntry(id, { byteLength: 20_000 }), 1000, 'durable');
    await fixture.store.write(soundEntry(1, { version: 2, createdAtMs: 2000 }), 2000, 'durable');
    expect(fixture.database.keys).toContain(keyOf(1));
    await losePower();
    const found = await fixture.store.read(keyOf(1));
    expect(found && versionOf(found.metadata)).toBe(2);
  });

  it('the latest version survives, also when the copy of an older one was about to go', async () => {
    await fixture.store.write(soundEntry(1), 1000, 'durable');
    let goOn = () => {};
    const flush = fixture.log.flush.bind(fixture.log);
    fixture.log.flush = () => new Promise<void>((resolve) => (goOn = resolve)).then(flush);
    await fixture.clock.advance(AGED_MS);
    await useUpOldFiles();
    await fixture.store.write(soundEntry(1, { version: 2, createdAtMs: 2000 }), 2000, 'durable');
    goOn();
    await fixture.clock.advance(1_000);
    await losePower();
    const found = await fixture.store.read(keyOf(1));
    expect(found && versionOf(found.metadata)).toBe(2);
  });

  it('a durable entry survives that comes while the empty database is looked at', async () => {
    await fixture.store.write(soundEntry(1), 1000, 'durable');
    await fixture.store.remove(keyOf(1));
    const releaseList = fixture.database.store?.hold('list', 'after');
    await fixture.clock.advance(AGED_MS);
    const releaseWrite = fixture.database.store?.hold('write');
    await useUpOldFiles();
    const writing = fixture.store.write(soundEntry(2), 1000, 'durable');
    await settle();
    releaseList?.();
    await settle();
    releaseWrite?.();
    await writing;
    await losePower();
    expect(await listedKeys()).toContain(keyOf(2));
  });

  it('a durable entry survives that comes while the database is being deleted', async () => {
    await fixture.store.write(soundEntry(1), 1000, 'durable');
    await fixture.store.remove(keyOf(1));
    const release = fixture.database.holdDeletion();
    await fixture.clock.advance(AGED_MS);
    await useUpOldFiles();
    const writing = fixture.store.write(soundEntry(2), 1000, 'durable');
    await settle();
    release();
    await writing;
    await losePower();
    expect(await listedKeys()).toContain(keyOf(2));
  });

  it('a removal that the log could not carry out leaves the copy that keeps the entry safe', async () => {
    await fixture.store.write(soundEntry(1), 1000, 'durable');
    fixture.directory.killInWrite(1, () => 0);
    await expect(fixture.store.remove(keyOf(1))).rejects.toThrow();
    await fixture.open();
    // Takes everything before it along, in the database.
    await fixture.store.write(soundEntry(2), 2000, 'durable');
    await losePower();
    expect(await listedKeys()).toEqual([keyOf(2), keyOf(1)]);
  });

  it('second copies go, with the database, once the names of the files are old', async () => {
    await fixture.store.write(entryOf(1), 1000, 'durable');
    const flush = vi.spyOn(fixture.log, 'flush');
    await fixture.clock.advance(50_000);
    expect(flush).not.toHaveBeenCalled();
    expect(fixture.database.keys).toEqual([keyOf(1)]);
    expect(fixture.store.usage()).toEqual({ entries: 1, bytes: 1_000 });
    expect(fixture.store.report().migration).toBeUndefined();
    await fixture.clock.advance(AGED_MS);
    expect(fixture.database.keys).toBeUndefined();
    expect(fixture.database.deletions).toBe(1);
  });

  it('relaxed entries need no database', async () => {
    for (let id = 0; id < 5; id++) await fixture.store.write(entryOf(id), 1000, 'relaxed');
    await fixture.store.remove(keyOf(0));
    await fixture.store.evict(1, 1);
    await listedKeys();
    await fixture.clock.advance(AGED_MS);
    await fixture.store.write(entryOf(9), 1000, 'durable');
    await fixture.store.flush();
    expect(fixture.database.creations).toBe(0);
  });

  it('a copy is not written twice', async () => {
    await fixture.store.write(entryOf(1), 1000, 'durable');
    await fixture.store.flush();
    await fixture.store.flush();
    expect(fixture.database.store?.countOf('write')).toBe(1);
  });

  it('a durable entry is written without a database where there can be none', async () => {
    fixture.database.openError = new AudioCacheError('STORE_UNAVAILABLE', 'There is no IndexedDB here.');
    await fixture.store.write(entryOf(1), 1000, 'durable');
    await fixture.store.flush();
    await fixture.killAndReopen();
    expectEntry(await fixture.store.read(keyOf(1)), entryOf(1));
  });
});

describe('a former version in the database does not come back', () => {
  beforeEach(() => open());

  const newer = soundEntry(1, { version: 2, createdAtMs: 2000 });

  /** The log has the newer version, the database a copy of the older one, which is about to go. */
  const replaceCopied = async (): Promise<void> => {
    await fixture.store.write(soundEntry(1), 1000, 'durable');
    await fixture.clock.advance(60_005);
    expect(fixture.database.keys).toEqual([keyOf(1)]);
    await fixture.store.write(newer, 2000, 'relaxed');
    await fixture.store.flush();
  };
  /** The log has been flushed on its own account, the database has not. */
  const losePower = async (): Promise<void> => {
    await fixture.log.flush();
    fixture.directory.losePower(() => 0, { unflushed: 'lost', areYoungNamesLost: true });
    await fixture.open();
  };

  it('when the newer one is removed and power lost', async () => {
    await replaceCopied();
    expect(await fixture.store.remove(keyOf(1))).toBe(1_000);
    await losePower();
    expect(await fixture.store.read(keyOf(1))).toBeUndefined();
  });

  it('when it was taken away, the newer one removed and power lost', async () => {
    await replaceCopied();
    await fixture.clock.advance(20);
    expect(fixture.database.keys).toEqual([]);
    await fixture.store.remove(keyOf(1));
    await losePower();
    expect(await fixture.store.read(keyOf(1))).toBeUndefined();
  });

  it('when it was evicted, a newer one written and removed, and power lost', async () => {
    await fixture.store.write(soundEntry(1), 1000, 'durable');
    await fixture.clock.advance(60_005);
    await fixture.store.evict(1, 1);
    await fixture.store.write(newer, 2000, 'durable');
    await fixture.store.remove(keyOf(1));
    await losePower();
    expect(await fixture.store.read(keyOf(1))).toBeUndefined();
  });

  it.each([
    ['evict', () => fixture.store.evict(1, 1)],
    ['removeExpired', () => fixture.store.removeExpired(1, 1)],
    ['reclaim', () => fixture.store.reclaim()],
    ['clear', () => fixture.store.clear()],
  ])('when the process is killed in the middle of %s', async (_, remove) => {
    await replaceCopied();
    const evict = fixture.log.evict.bind(fixture.log);
    const killed = async () => {
      const evicted = await evict(1, 1);
      await fixture.log.flush();
      fixture.directory.kill();
      return evicted;
    };
    Object.assign(fixture.log, {
      evict: killed,
      removeExpired: killed,
      reclaim: async () => ({ isWorthwhile: true, evicted: await killed() }),
      clear: killed,
    });
    await expect(remove()).rejects.toThrow();
    await fixture.open();
    expect(await fixture.store.read(keyOf(1))).toBeUndefined();
  });
});

describe('a database that fails', () => {
  it('is left alone after three failures in a row, and the log goes on', async () => {
    await openAfterEarlierRun(5);
    fixture.database.store?.fail('read', new Error('The test failed it'), 3);
    for (let id = 0; id < 3; id++) expect(await fixture.store.read(keyOf(id))).toBeUndefined();
    const calls = fixture.database.store?.calls.length;
    expect(await fixture.store.read(keyOf(4))).toBeUndefined();
    await fixture.store.write(entryOf(4), 9000, 'durable');
    expectEntry(await fixture.store.read(keyOf(4)), entryOf(4));
    expect(fixture.store.usage()).toEqual({ entries: 1, bytes: 1_000 });
    await fixture.clock.advance(AGED_MS);
    // Closed, and nothing else.
    expect(fixture.database.store?.calls.slice(calls)).toEqual([]);
    await fixture.reopen();
    expect(fixture.store.usage().entries).toBe(5);
  });

  it('is tried again after each failure that is followed by a success', async () => {
    await openAfterEarlierRun(5);
    for (let failures = 0; failures < 5; failures++) {
      fixture.database.store?.fail('read', new Error('The test failed it'));
      expect(await fixture.store.read(keyOf(0))).toBeUndefined();
      expectEntry(await fixture.store.read(keyOf(0)), entryOf(0));
    }
  });

  it('may be full for as long as it likes, since what is there can be read', async () => {
    await openAfterEarlierRun(1);
    for (const operation of ['write', 'flush'] as const) fixture.database.store?.fail(operation, 'QUOTA_EXCEEDED', 10);
    for (let id = 10; id < 20; id++) await fixture.store.write(entryOf(id), 1000, 'durable');
    expectEntry(await fixture.store.read(keyOf(0)), entryOf(0));
  });

  it('does not keep a closing store from letting go of the files', async () => {
    await openAfterEarlierRun(1);
    fixture.database.store?.fail('flush', new Error('The test failed it'), 10);
    fixture.database.store?.fail('close', new Error('The test failed it'), 10);
    await fixture.close();
    await fixture.open();
    expect(fixture.store.usage().entries).toBe(1);
  });
});

describe('a log that fails', () => {
  it('is let go of when the store is closed, though it cannot be flushed', async () => {
    await openAfterEarlierRun(1);
    const error = new AudioCacheError('STORE_UNAVAILABLE', 'The test failed it');
    fixture.log.flush = () => Promise.reject(error);
    await expect(fixture.close()).rejects.toBe(error);
    await fixture.open();
    expectEntry(await fixture.store.read(keyOf(0)), entryOf(0));
  });
});
