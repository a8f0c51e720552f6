/** What the disk engine promises beyond the contract of stores: safety in time, files in order, bytes given back. */
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../bench/seeded-random';
import { decodeFileHeader } from '../../core/storage/file-header';
import { FORMAT_VERSION } from '../../core/storage/record';
import type { FaultDirectory } from '../fault-directory';
import {
  hashing,
  isSame,
  type LogStoreFixture,
  NAME_DURABLE_AFTER_MS,
  openFixture,
  reclaimAll,
  SMALL_MAX_BYTES,
  soundEntry,
} from '../log-store-fixture';
import { isCheckpoint, isSegment, recordsIn } from '../record-layout';
import { keyOf } from '../stored-entries';

const SEGMENT_BYTES = 256 * 1024;

/** A store whose spares have been created, and whose files all have old names. */
async function openAged(): Promise<LogStoreFixture> {
  const fixture = await openFixture();
  await fixture.clock.advance(2 * NAME_DURABLE_AFTER_MS);
  return fixture;
}

/** Writes entries of 10,000 bytes from one id up to another, each used a millisecond after the last. */
async function writeMany({ store, clock }: LogStoreFixture, fromId: number, toId: number): Promise<void> {
  for (let id = fromId; id < toId; id++) {
    await store.write(soundEntry(id, { byteLength: 10_000 }), clock.nowMs(), 'relaxed');
    await clock.advance(1);
  }
}

describe('Reading', () => {
  it('waits for nothing once the file is open', async () => {
    const fixture = await openAged();
    const entry = soundEntry(1);
    await fixture.store.write(entry, fixture.clock.nowMs(), 'relaxed');
    expect(fixture.store.read(keyOf(1))).toEqual(entry);
    expect(fixture.store.read(keyOf(2))).toBeUndefined();
  });
});

describe('Flushing', () => {
  it('happens by itself within a second of a relaxed write', async () => {
    const fixture = await openAged();
    const { store, clock, directory } = fixture;
    await store.write(soundEntry(1), clock.nowMs(), 'relaxed');
    const copyAt = async (afterMs: number) => {
      await clock.advance(afterMs);
      return isFoundAfterPowerLoss(fixture, 1);
    };
    expect(await copyAt(0)).toBe(false);
    expect(await copyAt(1_000)).toBe(true);
    const { flush } = directory.operations;
    await clock.advance(10_000);
    expect(directory.operations.flush).toBe(flush);
  });

  it('happens by itself within a second of a removal and of a touch', async () => {
    const fixture = await openAged();
    const { store, clock } = fixture;
    for (const id of [1, 2]) await store.write(soundEntry(id), clock.nowMs(), 'durable');
    await store.remove(keyOf(1));
    store.touch(keyOf(2), { accessedAtMs: clock.nowMs() + 500 });
    await clock.advance(1_000);
    expect(await isFoundAfterPowerLoss(fixture, 1)).toBe(false);
    fixture.directory.losePower(seededRandom(1), { unflushed: 'lost' });
    await fixture.open();
    expect((await fixture.store.readMetadata(keyOf(2)))?.accessedAtMs).toBe(clock.nowMs() - 500);
  });

  it('brings a durable write to safety at once, and what was written before it as well', async () => {
    const fixture = await openAged();
    await fixture.store.write(soundEntry(1), 1_000, 'relaxed');
    await fixture.store.write(soundEntry(2), 1_001, 'durable');
    expect(fixture.store.youngKeys()).toEqual([]);
    expect(await isFoundAfterPowerLoss(fixture, 1)).toBe(true);
    expect(await isFoundAfterPowerLoss(fixture, 2)).toBe(true);
  });

  it('covers what a killed process had written and not flushed', async () => {
    const fixture = await openAged();
    await fixture.store.write(soundEntry(1), 1_000, 'relaxed');
    await fixture.killAndReopen();
    expect(await isFoundAfterPowerLoss(fixture, 1)).toBe(false);
    await fixture.store.flush();
    expect(await isFoundAfterPowerLoss(fixture, 1)).toBe(true);
  });

  it('leaves nothing to do for a close', async () => {
    const fixture = await openAged();
    await writeMany(fixture, 0, 40);
    await fixture.close();
    for (const id of [0, 20, 39]) expect(await isFoundAfterPowerLoss(fixture, id)).toBe(true);
  });
});

describe('Names of files', () => {
  it('are young on a first run, and youngKeys tells which entries lie in such files, until they have aged', async () => {
    const fixture = await openFixture();
    const { store, clock } = fixture;
    await store.write(soundEntry(1), clock.nowMs(), 'durable');
    expect(store.youngKeys()).toEqual([keyOf(1)]);
    expect(await isFoundAfterPowerLoss(fixture, 1)).toBe(false);
    await clock.advance(NAME_DURABLE_AFTER_MS - 1);
    expect(store.youngKeys()).toEqual([keyOf(1)]);
    await clock.advance(1);
    expect(store.youngKeys()).toEqual([]);
    expect(await isFoundAfterPowerLoss(fixture, 1)).toBe(true);
  });

  it('stay as old as they are over a restart', async () => {
    const fixture = await openFixture();
    const { clock } = fixture;
    await fixture.store.write(soundEntry(1), clock.nowMs(), 'durable');
    await clock.advance(NAME_DURABLE_AFTER_MS / 2);
    await fixture.killAndReopen();
    expect(fixture.store.youngKeys()).toEqual([keyOf(1)]);
    await clock.advance(NAME_DURABLE_AFTER_MS / 2);
    await fixture.reopen();
    expect(fixture.store.youngKeys()).toEqual([]);
  });

  it('never matter where the platform syncs them', async () => {
    const fixture = await openFixture({ nameDurableAfterMs: 0 });
    await writeMany(fixture, 0, 60);
    await fixture.store.flush();
    expect(fixture.store.youngKeys()).toEqual([]);
    expect(await isFoundAfterPowerLoss(fixture, 59)).toBe(true);
  });

  it('are not given up for young ones: compacting leaves safe entries safe', async () => {
    const fixture = await openAged();
    const { store, clock, directory } = fixture;
    const random = seededRandom(5);
    // What was safe at any time, and was not removed since.
    const safe = new Set<string>();
    // Faster than names age, so that new files are needed.
    for (let id = 0; id < 600; id++) {
      await store.write(soundEntry(id, { byteLength: 10_000 }), clock.nowMs(), 'relaxed');
      if (id > 40 && random() < 0.8) {
        const key = keyOf(Math.floor(random() * id));
        await store.remove(key);
        safe.delete(key);
      }
      if (id % 10 === 0) await store.reclaim();
      await clock.advance(5);
      if (id % 50 !== 0) continue;
      await store.flush();
      const young = new Set(store.youngKeys());
      for (let each = 0; each <= id; each++) {
        if (store.has(keyOf(each)) && !young.has(keyOf(each))) safe.add(keyOf(each));
      }
      const copy = fixture.copy();
      copy.directory.losePower(random, { unflushed: 'lost', areYoungNamesLost: true });
      await copy.open();
      for (const key of safe) expect(copy.store.has(key), `${key} at ${id}`).toBe(true);
    }
    expect(safe.size).toBeGreaterThan(50);
    expect(directory.youngNames.length).toBeGreaterThan(0);
  });
});

describe('Spare files', () => {
  it('are created ahead, so that a new segment begins in a file with an old name', async () => {
    const fixture = await openAged();
    const { directory, store } = fixture;
    const before = directory.names;
    await writeMany(fixture, 0, 100);
    const used = new Set(recordsIn(directory).map(({ fileName }) => fileName));
    expect(used.size).toBeGreaterThan(3);
    for (const fileName of used) expect(before).toContain(fileName);
    await store.flush();
    expect(store.youngKeys()).toEqual([]);
  });

  it('are used again under their names, so that in the long run no new names are needed', async () => {
    const fixture = await openAged();
    const { directory, store, clock } = fixture;
    const round = async (firstId: number) => {
      await writeMany(fixture, firstId, firstId + 50);
      for (let id = firstId - 50; id < firstId; id++) await store.remove(keyOf(id));
      await reclaimAll(store);
      await clock.advance(500);
    };
    for (let firstId = 50; firstId < 1_000; firstId += 50) await round(firstId);
    const before = directory.names.filter(isSegment);
    const salts = before.map((name) => saltOf(directory, name));
    for (let firstId = 1_000; firstId < 2_000; firstId += 50) await round(firstId);
    const after = directory.names.filter(isSegment);
    // Some 40 segments were begun meanwhile.
    expect(after.filter((name) => !before.includes(name)).length).toBeLessThan(4);
    expect(after.filter((name) => salts.includes(saltOf(directory, name) || -1))).toEqual([]);
  });

  it('are few', async () => {
    const { directory } = await openAged();
    expect(directory.names.filter(isSegment).length).toBeLessThanOrEqual(10);
    expect(directory.byteLength).toBeLessThan(10_000);
  });
});

describe('Bytes on the disk', () => {
  it('are given back by clear', async () => {
    const fixture = await openAged();
    await writeMany(fixture, 0, 200);
    expect(fixture.directory.byteLength).toBeGreaterThan(2_000_000);
    await fixture.store.clear();
    await reclaimAll(fixture.store);
    expect(fixture.directory.byteLength).toBeLessThan(20_000);
    expect(fixture.store.report().bytesOnDisk).toBeLessThan(20_000);
  });

  it.each(['remove', 'evict'] as const)('follow what lives, after nine tenths of it went: %s', async (how) => {
    const fixture = await openAged();
    const { store, directory, clock } = fixture;
    await writeMany(fixture, 0, 500);
    if (how === 'evict') await store.evict(4_500_000, 10_000);
    else for (let id = 0; id < 500; id++) if (id % 10 !== 0) await store.remove(keyOf(id));
    // Nothing is moved from files with old names to files with young ones.
    await clock.advance(NAME_DURABLE_AFTER_MS);
    await reclaimAll(store);
    const { bytes, entries } = store.usage();
    expect(entries).toBe(50);
    expect(store.report().bytesOnDisk).toBeLessThan(1.25 * bytes + SEGMENT_BYTES);
    expect(directory.byteLength).toBeLessThan(1.25 * bytes + SEGMENT_BYTES + 20_000);
  });

  it('are given back by upkeep alone, in time', async () => {
    const fixture = await openAged();
    const { store, clock } = fixture;
    await writeMany(fixture, 0, 500);
    for (let id = 0; id < 500; id++) if (id % 10 !== 0) await store.remove(keyOf(id));
    await clock.advance(2 * NAME_DURABLE_AFTER_MS);
    expect(store.report().bytesOnDisk).toBeLessThan(1.25 * store.usage().bytes + SEGMENT_BYTES);
  });

  it('are reported as they are', async () => {
    const fixture = await openAged();
    const { store, directory } = fixture;
    for (let round = 0; round < 5; round++) {
      await writeMany(fixture, round * 60, round * 60 + 60);
      await store.evict(200_000, 1_000);
      await store.reclaim();
      const headersBytes = 128 * directory.names.length;
      const { bytesOnDisk } = store.report();
      expect(bytesOnDisk).toBeGreaterThanOrEqual(directory.byteLength - headersBytes);
      // A record is padded on disk only when another one follows.
      expect(bytesOnDisk).toBeLessThanOrEqual(directory.byteLength + 64 * directory.names.length);
    }
    const { bytesOnDisk } = store.report();
    await fixture.reopen();
    // Closing writes a checkpoint.
    expect(Math.abs(fixture.store.report().bytesOnDisk - bytesOnDisk)).toBeLessThan(30_000);
  });
});

describe('A directory that a newer version wrote', () => {
  const bumped = [
    ['segment', isSegment],
    ['checkpoint', isCheckpoint],
  ] as const;

  it.each(bumped)('is refused by its %s and left as it is', async (_kind, isMeant) => {
    const fixture = await openAged();
    await writeMany(fixture, 0, 40);
    await fixture.reopen();
    await fixture.close();
    const { directory } = fixture;
    for (const name of directory.names.filter(isMeant)) {
      if (directory.bytesOf(name).byteLength > 0) raiseVersion(directory, name);
    }
    const before = directory.names.map((name) => [name, directory.bytesOf(name)] as const);
    await expect(fixture.open()).rejects.toMatchObject({ name: 'AudioCacheError', code: 'STORE_UNAVAILABLE' });
    expect(directory.names.map((name) => [name, directory.bytesOf(name)])).toEqual(before);
    // It was let go of, too: somebody else may open it.
    for (const name of directory.names) (await directory.open(name)).close();
  });

  it('is refused even if only the segment that is written to is newer', async () => {
    const fixture = await openAged();
    await writeMany(fixture, 0, 40);
    fixture.directory.kill();
    const { directory } = fixture;
    const last = recordsIn(directory).at(-1);
    raiseVersion(directory, last?.fileName ?? '');
    const before = directory.names.map((name) => [name, directory.bytesOf(name)] as const);
    await expect(fixture.open()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(directory.names.map((name) => [name, directory.bytesOf(name)])).toEqual(before);
  });
});

describe('Opening', () => {
  it('is refused while somebody else has the files', async () => {
    const fixture = await openFixture();
    await fixture.store.write(soundEntry(1), 1_000, 'relaxed');
    const { store } = fixture;
    await expect(fixture.open()).rejects.toMatchObject({ name: 'AudioCacheError', code: 'STORE_UNAVAILABLE' });
    expect(isSame(await store.read(keyOf(1)), soundEntry(1))).toBe(true);
    await store.close();
    await fixture.open();
    expect(isSame(await fixture.store.read(keyOf(1)), soundEntry(1))).toBe(true);
  });

  it('opens few files, however many there are', async () => {
    const fixture = await openAged();
    await writeMany(fixture, 0, 1_000);
    await fixture.close();
    const { open } = fixture.directory.operations;
    await fixture.open();
    expect(fixture.directory.names.filter(isSegment).length).toBeGreaterThan(40);
    expect(fixture.directory.operations.open - open).toBeLessThan(15);
    expect(fixture.store.usage().entries).toBe(1_000);
  });

  it('ignores files that are not its own', async () => {
    const fixture = await openFixture();
    fixture.directory.setBytes('notes.txt', new Uint8Array([1, 2, 3]));
    await writeMany(fixture, 0, 5);
    await fixture.reopen();
    expect(fixture.store.usage().entries).toBe(5);
    expect(fixture.directory.bytesOf('notes.txt')).toEqual(new Uint8Array([1, 2, 3]));
  });

  it('takes a limit other than the one the files were written under', async () => {
    const fixture = await openFixture({ storeMaxBytes: 1024 ** 3 });
    await writeMany(fixture, 0, 200);
    await fixture.close();
    const smaller = fixture.copy({ storeMaxBytes: SMALL_MAX_BYTES });
    await smaller.open();
    await writeMany(smaller, 200, 260);
    await smaller.reopen();
    expect(smaller.store.usage().entries).toBe(260);
    expect(isSame(await smaller.store.read(keyOf(0)), soundEntry(0, { byteLength: 10_000 }))).toBe(true);
  });
});

/** Whether an entry is there, whole, on a copy of the files that loses power in the worst way. */
async function isFoundAfterPowerLoss(fixture: LogStoreFixture, id: number): Promise<boolean> {
  const copy = fixture.copy();
  copy.directory.losePower(seededRandom(1), { unflushed: 'lost', areYoungNamesLost: true });
  const store = await copy.open();
  const found = await store.read(keyOf(id));
  await copy.close();
  return found !== undefined;
}

function saltOf(directory: FaultDirectory, fileName: string): number {
  return decodeFileHeader(hashing.xxh64, directory.bytesOf(fileName))?.salt ?? 0;
}

/** Makes a file say that a later version of the format is in it, and seals it as that version would. */
function raiseVersion(directory: FaultDirectory, fileName: string): void {
  const bytes = directory.bytesOf(fileName);
  const sealedParts = isCheckpoint(fileName) ? [bytes] : [bytes.subarray(0, 64), bytes.subarray(64, 128)];
  for (const part of sealedParts) {
    new DataView(part.buffer, part.byteOffset).setUint32(12, FORMAT_VERSION + 1, true);
    part.set(hashing.xxh64(part.subarray(8)));
  }
  directory.setBytes(fileName, bytes);
}
