/** Files that are not as the store left them: overwritten, one bit wrong, or with strange content. */
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { seededRandom } from '../../bench/seeded-random';
import type { Entry } from '../../core/protocol/values';
import { FILE_HEADER_BYTES } from '../../core/storage/file-header';
import { cutCopy, type DamageScene, type Findings, findIn, makeScene, sample } from '../damage-scene';
import {
  isSame,
  type LogStoreFixture,
  NAME_DURABLE_AFTER_MS,
  openFixture,
  reclaimAll,
  soundEntry,
} from '../log-store-fixture';
import { isCheckpoint, isSegment, type PlacedRecord, recordsIn } from '../record-layout';
import { keyOf } from '../stored-entries';

// A few seconds each at most, but the machine may be busy.
vi.setConfig({ testTimeout: 60_000 });

describe('One wrong bit anywhere', () => {
  let closed: DamageScene;
  let killed: DamageScene;
  beforeAll(async () => {
    closed = await makeScene({ seed: 7, entries: 160, end: 'closed' });
    killed = await makeScene({ seed: 8, entries: 160, end: 'killed' });
  });

  it('never makes anything wrong be served, in 1,000 places (seed 20260803)', async () => {
    const random = seededRandom(20260803);
    let missing = 0;
    for (let time = 0; time < 1_000; time++) {
      const scene = time % 2 === 0 ? closed : killed;
      const { fileName, offset } = placeAt(scene.fixture, random());
      const findings = await findWithFlip(scene, fileName, offset, time % 8);
      missing += findings.missing.length;
    }
    // Most bits are audio.
    expect(missing).toBeGreaterThan(500);
  });

  it('never makes anything wrong be served in the head of a record, be it of an entry or of changes', async () => {
    const random = seededRandom(20260804);
    for (const scene of [closed, killed]) {
      const records = recordsIn(scene.fixture.directory);
      const changes = records.filter(({ kind }) => kind !== 'entry');
      expect(changes.length).toBeGreaterThan(10);
      for (const { fileName, offsetBytes, headBytes } of [...changes, ...sample(records, 60, random)]) {
        await findWithFlip(scene, fileName, offsetBytes + Math.floor(random() * headBytes), Math.floor(random() * 8));
      }
    }
  });

  it('costs nothing in the head of a file', async () => {
    for (const scene of [closed, killed]) {
      for (const fileName of scene.fixture.directory.names.filter(isSegment)) {
        for (let offset = 0; offset < 128; offset += 9) {
          const { right } = await findWithFlip(scene, fileName, offset, offset % 8);
          expect(right.length, `byte ${offset} of ${fileName}`).toBe(scene.truth.size);
        }
      }
    }
  });

  /** What is found after one bit was flipped; at most one entry may be gone, and nothing wrong there. */
  async function findWithFlip(scene: DamageScene, fileName: string, offset: number, bit: number): Promise<Findings> {
    const copy = scene.fixture.copy();
    copy.directory.flipBit(fileName, offset, bit);
    const findings = await findIn(copy, scene);
    const where = `${scene === closed ? 'closed' : 'killed'}, bit ${bit} of byte ${offset} of ${fileName}`;
    expect(findings.wrong, where).toEqual([]);
    // Where only the damaged record knew that an entry had been replaced, its earlier audio is there still.
    expect(findings.outdated.length, where).toBeLessThanOrEqual(scene === closed ? 0 : 1);
    expect(findings.missing.length + findings.outdated.length, where).toBeLessThanOrEqual(1);
    return findings;
  }
});

describe('Damage in the middle of a segment', () => {
  it.each([
    ['with its checkpoints', false],
    ['without checkpoints', true],
  ])('costs only the entries it hits, in a store %s', async (_has, isForgotten) => {
    const scene = await makeScene({ seed: 9, entries: 400, end: 'closed' });
    const { fixture } = scene;
    const random = seededRandom(9);
    const records = recordsIn(fixture.directory);
    for (let time = 0; time < 60; time++) {
      const middle = records[10 + Math.floor(random() * (records.length - 20))];
      if (middle === undefined) throw new Error('There are no records');
      const fromBytes = middle.offsetBytes + Math.floor(random() * middle.recordBytes);
      const copy = fixture.copy();
      overwriteWithNoise(copy, middle.fileName, fromBytes, 1_024, random);
      if (isForgotten) for (const name of copy.directory.names.filter(isCheckpoint)) copy.directory.forget(name);
      const hit = keysHit(records, middle.fileName, fromBytes, fromBytes + 1_024);
      const { missing, outdated, wrong } = await findIn(copy, scene);
      const where = `1 KiB from ${fromBytes} of ${middle.fileName}`;
      const unexpected = [...missing, ...outdated, ...wrong].filter((key) => !hit.has(key));
      expect(unexpected, where).toEqual([]);
      // Without checkpoints only the log knows what was replaced and removed, and here it is damaged.
      if (!isForgotten) expect([...outdated, ...wrong], where).toEqual([]);
    }
  });

  it('costs only what lay behind it, when a segment was cut short while nobody looked', async () => {
    const scene = await makeScene({ seed: 10, entries: 300, end: 'closed' });
    const records = recordsIn(scene.fixture.directory).filter(({ kind }) => kind === 'entry');
    const random = seededRandom(10);
    for (const { fileName, segmentId, offsetBytes, recordBytes } of sample(records, 30, random)) {
      const cutAt = offsetBytes + Math.floor(random() * recordBytes);
      const copy = cutCopy(scene.fixture, fileName, cutAt);
      const store = await copy.open();
      const lost = records.filter(
        (record) => record.segmentId === segmentId && record.offsetBytes + record.recordBytes > cutAt,
      );
      const lostKeys = new Set(lost.flatMap(({ keys }) => keys));
      for (const [key, entry] of scene.truth) {
        // Not even without a check of the audio is anything served that was not read.
        const found = await store.read(key);
        const isRight = isSame(found, entry) || (found === undefined && lostKeys.has(key));
        expect(isRight, `${fileName} cut at ${cutAt}, ${key}`).toBe(true);
      }
      await copy.close();
    }
  });

  it('does not bring back what a file held before it was used again', async () => {
    const fixture = await openFixture();
    const { store, clock, directory } = fixture;
    await clock.advance(2 * NAME_DURABLE_AFTER_MS);
    for (let id = 0; id < 10; id++) await store.write(soundEntry(id), clock.nowMs(), 'durable');
    const [{ fileName } = { fileName: '' }] = recordsIn(directory);
    const formerly = directory.bytesOf(fileName);
    await store.clear();
    let id = 100;
    const isUsedAgain = () => recordsIn(directory).some((record) => record.fileName === fileName);
    for (; !isUsedAgain(); id++) await store.write(soundEntry(id, { byteLength: 30_000 }), clock.nowMs(), 'relaxed');
    directory.kill();
    // As if cutting the file off had never reached the disk.
    const now = directory.bytesOf(fileName);
    const both = new Uint8Array(Math.max(now.byteLength, 256 * 1024));
    both.set(formerly);
    both.set(now.subarray(0, FILE_HEADER_BYTES));
    for (const isForgotten of [false, true]) {
      const copy = fixture.copy();
      copy.directory.setBytes(fileName, both);
      if (isForgotten) for (const name of copy.directory.names.filter(isCheckpoint)) copy.directory.forget(name);
      await copy.open();
      for (let former = 0; former < 10; former++) expect(copy.store.has(keyOf(former))).toBe(false);
    }
  });

  it('does not bring back what was deleted, when the index is rebuilt from a log that was compacted', async () => {
    const fixture = await openFixture();
    const { clock } = fixture;
    await clock.advance(2 * NAME_DURABLE_AFTER_MS);
    const truth = new Map<string, Entry | undefined>();
    const random = seededRandom(11);
    for (let round = 0; round < 8; round++) {
      const { store } = fixture;
      for (let id = round * 60; id < round * 60 + 60; id++) {
        const entry = soundEntry(id, { byteLength: 4_000 });
        await store.write(entry, clock.nowMs(), 'relaxed');
        truth.set(keyOf(id), entry);
        await clock.advance(1);
      }
      for (const key of truth.keys()) {
        if (random() > 0.3) continue;
        await store.remove(key);
        truth.set(key, undefined);
      }
      for (let steps = 0; steps < 3; steps++) await store.reclaim();
      for (const key of truth.keys()) if (!store.has(key)) truth.set(key, undefined);
      fixture.directory.kill();
      const copy = fixture.copy();
      for (const name of copy.directory.names.filter(isCheckpoint)) copy.directory.forget(name);
      const { right } = await findIn(copy, { truth, replaced: [] });
      expect(right.length, `round ${round}`).toBe(truth.size);
      await fixture.open();
    }
    await reclaimAll(fixture.store);
    await fixture.close();
  });
});

describe('A removal', () => {
  it('is kept as long as a record exists that it makes invalid, even after a crash', async () => {
    const fixture = await openFixture();
    const { clock, directory } = fixture;
    await clock.advance(2 * NAME_DURABLE_AFTER_MS);
    const write = (id: number) => fixture.store.write(soundEntry(id, { byteLength: 10_000 }), clock.nowMs(), 'relaxed');
    const isInSecond = ({ segmentId }: PlacedRecord) => segmentId === 2;
    // What is to be removed lies in a segment of entries that stay, the removal in one of entries that go.
    let id = 1;
    while (!recordsIn(directory).some(isInSecond)) await write(id++);
    const firstGoing = id - 1;
    await fixture.store.remove(keyOf(1));
    // The record itself is struck out only with the next flush.
    await fixture.killAndReopen();
    while (!recordsIn(directory).some(({ segmentId }) => segmentId === 3)) await write(id++);
    for (let going = firstGoing; going < id; going++) await fixture.store.remove(keyOf(going));
    await reclaimAll(fixture.store);
    expect(recordsIn(directory).filter(isInSecond)).toEqual([]);
    expect(recordsIn(directory).some(({ kind, keys }) => kind === 'entry' && keys[0] === keyOf(1))).toBe(true);
    directory.kill();
    for (const name of directory.names.filter(isCheckpoint)) directory.forget(name);
    await fixture.open();
    expect(fixture.store.has(keyOf(2))).toBe(true);
    expect(fixture.store.has(keyOf(1))).toBe(false);
  });
});

describe('Audio that contains a record of the store', () => {
  it.each([
    ['the same segment', false],
    ['another segment', true],
  ])('is never taken for one, if it is in %s', async (_where, isRolled) => {
    const fixture = await openFixture();
    const victim = soundEntry(1, { byteLength: 200 });
    await fixture.store.write(victim, 1_000, 'relaxed');
    const [record] = recordsIn(fixture.directory);
    if (record === undefined) throw new Error('Nothing was written');
    const { fileName, offsetBytes, recordBytes } = record;
    const stolen = fixture.directory.bytesOf(fileName).subarray(offsetBytes, offsetBytes + recordBytes);
    await fixture.store.remove(keyOf(1));
    if (isRolled) await fixture.store.write(soundEntry(2, { byteLength: 300_000 }), 1_500, 'relaxed');
    const sound = soundEntry(3);
    // One for every place a copy may have from one possible beginning of a record to the next.
    for (let shift = 0; shift < 64; shift++) {
      const bytes = new Uint8Array(shift + stolen.byteLength + 64);
      bytes.set(stolen, shift);
      const { metadata } = soundEntry(100 + shift, { byteLength: bytes.byteLength });
      await fixture.store.write({ metadata, bytes: bytes.buffer }, 2_000 + shift, 'relaxed');
    }
    await fixture.store.write(sound, 3_000, 'relaxed');
    fixture.directory.kill();
    // Damage to all of their heads makes the scan look for records within their audio.
    for (const { keys, kind, ...head } of recordsIn(fixture.directory)) {
      if (kind !== 'entry' || [1, 2, 3].some((id) => keys[0] === keyOf(id))) continue;
      fixture.directory.flipBit(head.fileName, head.offsetBytes + 30, 3);
    }
    for (const name of fixture.directory.names.filter(isCheckpoint)) fixture.directory.forget(name);
    const store = await fixture.open();
    expect(store.report().damagedRecords).toBeGreaterThan(0);
    expect(store.has(keyOf(1))).toBe(false);
    expect(isSame(await store.read(keyOf(3)), sound)).toBe(true);
  });
});

/** The place that is a share of all bytes of all files away from the beginning of the first. */
function placeAt({ directory }: LogStoreFixture, share: number): { fileName: string; offset: number } {
  let offset = Math.floor(share * directory.byteLength);
  for (const fileName of directory.names) {
    const { byteLength } = directory.bytesOf(fileName);
    if (offset < byteLength) return { fileName, offset };
    offset -= byteLength;
  }
  throw new Error('The share must be below 1');
}

function overwriteWithNoise(
  { directory }: LogStoreFixture,
  fileName: string,
  fromBytes: number,
  byteLength: number,
  random: () => number,
): void {
  const bytes = directory.bytesOf(fileName);
  const end = Math.min(fromBytes + byteLength, bytes.byteLength);
  for (let offset = fromBytes; offset < end; offset++) bytes[offset] = random() * 256;
  directory.setBytes(fileName, bytes);
}

function keysHit(
  records: readonly PlacedRecord[],
  fileName: string,
  fromBytes: number,
  toBytes: number,
): ReadonlySet<string> {
  const hit = records.filter(
    (record) =>
      record.fileName === fileName &&
      record.offsetBytes < toBytes &&
      record.offsetBytes + record.recordBytes > fromBytes,
  );
  return new Set(hit.flatMap(({ keys }) => keys));
}
