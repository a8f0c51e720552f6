/**
 * The contract of a disk store (`core/storage/store.ts`) as tests, run over every store in its real runtime.
 *
 * The clock given to the store stands still: nothing is written because time passed, only because a method promised it.
 * Long on purpose: a contract is read as one list of sentences.
 */
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Clock } from '../core/clock';
import type { AudioStore, EntryOrder, Removed, StoredMetadata } from '../core/storage/store';
import { StoreModel, storeOperation } from './store-model';
import { entryOf, expectEntry, keyOf, versionOf, withoutBytesOnDisk } from './stored-entries';

/** Opens a store over the data kept at `place`: a place never named before is empty. */
export type OpenStore = (place: string, clock: Clock) => Promise<AudioStore>;

/** What not every store can do. */
export interface StoreCapabilities {
  /** Whether two stores may be open on the same data at once. */
  readonly severalWriters: boolean;
}

/** What a removal of these entries of 10 bytes each resolves to. */
function removalOf(...ids: readonly number[]): Removed {
  return { entries: ids.length, bytes: 10 * ids.length, keys: ids.map(keyOf) };
}

function range(fromId: number, toId: number): readonly number[] {
  return Array.from({ length: toId - fromId }, (_, index) => fromId + index);
}

const stoppedClock: Clock = { nowMs: () => 0, schedule: () => () => {} };

/** Declares the tests. Whoever calls this removes what was kept at the places, if that outlives the test run. */
export function describeStoreContract(name: string, openStore: OpenStore, { severalWriters }: StoreCapabilities): void {
  describe(`${name} as a store`, () => {
    let place = '';
    let placeCount = 0;
    let opened: AudioStore[] = [];
    let store: AudioStore;

    const open = async (): Promise<AudioStore> => {
      const another = await openStore(place, stoppedClock);
      opened.push(another);
      return another;
    };
    const reopen = async (): Promise<void> => {
      await store.close();
      store = await open();
    };
    const moveToNewPlace = async (): Promise<void> => {
      placeCount++;
      place = `contract-${placeCount}`;
      store = await open();
    };
    const closeAll = async (): Promise<void> => {
      await Promise.all(opened.map((each) => each.close()));
      opened = [];
    };

    beforeEach(moveToNewPlace);
    afterEach(closeAll);

    /** Writes entries 0 … count - 1 of 10 bytes each, used at 1000, 1001, … */
    const writeMany = async (count: number): Promise<void> => {
      for (let id = 0; id < count; id++) await store.write(entryOf(id, { byteLength: 10 }), 1000 + id, 'relaxed');
    };
    const listAll = async (pageSize = 100, order?: EntryOrder): Promise<readonly StoredMetadata[]> => {
      const all: StoredMetadata[] = [];
      let cursor: string | undefined;
      do {
        const page = await store.list({ limit: pageSize, cursor, order });
        expect(page.entries.length).toBeLessThanOrEqual(pageSize);
        all.push(...page.entries);
        cursor = page.cursor;
      } while (cursor !== undefined);
      return all;
    };
    const listedKeys = async (pageSize?: number, order?: EntryOrder): Promise<readonly string[]> =>
      (await listAll(pageSize, order)).map(({ metadata }) => metadata.key);

    describe('writing and reading', () => {
      it('returns an entry byte for byte, with its metadata', async () => {
        const entry = entryOf(1, { byteLength: 4321 });
        await store.write(entry, 1000, 'relaxed');
        expectEntry(await store.read(entry.metadata.key), entry);
        expect(await store.readMetadata(entry.metadata.key)).toEqual({
          metadata: entry.metadata,
          accessedAtMs: 1000,
          hits: 0,
        });
      });

      it('returns undefined for a key it does not hold', async () => {
        await writeMany(1);
        expect(await store.read(keyOf(7))).toBeUndefined();
        expect(await store.readMetadata(keyOf(7))).toBeUndefined();
      });

      it('keeps metadata of every shape', async () => {
        const shapes = [
          entryOf(1, { custom: {} }),
          entryOf(2, { custom: { words: [{ text: 'Zürich 東京 🚆\u0000', startMs: 0.5 }], nothing: null } }),
          entryOf(3, { spec: { text: 'مرحبا بالعالم', voice: 'alloy', speed: 1.25, extra: { deep: [1, [2]] } } }),
          entryOf(4, { expiresAtMs: Number.POSITIVE_INFINITY }),
          entryOf(5, { contentType: 'audio/mpeg; codecs="mp3"', synthesisMs: 12.5, fingerprint: 'ab01' }),
          entryOf(6, { custom: { words: 'x'.repeat(150_000) } }),
        ];
        for (const entry of shapes) await store.write(entry, 1000, 'relaxed');
        await reopen();
        for (const entry of shapes) expectEntry(await store.read(entry.metadata.key), entry);
      });

      it.each([1, 2 * 1024 * 1024])('keeps a body of %i bytes, relaxed or durable', async (byteLength) => {
        const relaxed = entryOf(1, { byteLength });
        const durable = entryOf(2, { byteLength });
        await store.write(relaxed, 1000, 'relaxed');
        await store.write(durable, 1000, 'durable');
        expectEntry(await store.read(relaxed.metadata.key), relaxed);
        expectEntry(await store.read(durable.metadata.key), durable);
        expect(store.usage()).toEqual({ entries: 2, bytes: 2 * byteLength });
      });

      it('leaves the buffer it was given as it was', async () => {
        const entry = entryOf(1, { byteLength: 70_000 });
        await store.write(entry, 1000, 'relaxed');
        expectEntry(entry, entryOf(1, { byteLength: 70_000 }));
      });

      it('is done with the buffer as soon as write was called', async () => {
        const entry = entryOf(1, { byteLength: 70_000 });
        const writing = store.write(entry, 1000, 'relaxed');
        new Uint8Array(entry.bytes).fill(0);
        await writing;
        expectEntry(await store.read(entry.metadata.key), entryOf(1, { byteLength: 70_000 }));
      });

      it('hands out bytes that are the caller’s own', async () => {
        const entry = entryOf(1, { byteLength: 70_000 });
        await store.write(entry, 1000, 'relaxed');
        const mine = await store.read(entry.metadata.key);
        new Uint8Array(mine?.bytes ?? new ArrayBuffer(0)).fill(0);
        expectEntry(await store.read(entry.metadata.key), entry);
      });

      it('replaces an entry, and usage stays exact', async () => {
        await store.write(entryOf(1, { byteLength: 100 }), 1000, 'relaxed');
        await store.write(entryOf(2, { byteLength: 5 }), 1001, 'relaxed');
        const larger = entryOf(1, { byteLength: 250, version: 2 });
        await store.write(larger, 1002, 'relaxed');
        expect(store.usage()).toEqual({ entries: 2, bytes: 255 });
        const smaller = entryOf(1, { byteLength: 3, version: 3 });
        await store.write(smaller, 900, 'durable');
        expect(store.usage()).toEqual({ entries: 2, bytes: 8 });
        expectEntry(await store.read(keyOf(1)), smaller);
        expect(await listedKeys()).toEqual([keyOf(2), keyOf(1)]);
      });
    });

    describe('removing', () => {
      it('resolves to the size of what it removed, and to undefined when there was nothing', async () => {
        await writeMany(2);
        expect(await store.remove(keyOf(0))).toBe(10);
        expect(await store.remove(keyOf(0))).toBeUndefined();
        expect(await store.read(keyOf(0))).toBeUndefined();
        expect(await store.readMetadata(keyOf(0))).toBeUndefined();
        expect(store.usage()).toEqual({ entries: 1, bytes: 10 });
      });

      it('clears everything and resolves to how much that was', async () => {
        await writeMany(3);
        expect(await store.clear()).toEqual({ entries: 3, bytes: 30 });
        expect(store.usage()).toEqual({ entries: 0, bytes: 0 });
        expect(await listedKeys()).toEqual([]);
        expect(await store.clear()).toEqual({ entries: 0, bytes: 0 });
        await reopen();
        expect(await store.read(keyOf(1))).toBeUndefined();
      });

      it('can write again what it removed', async () => {
        await writeMany(1);
        await store.remove(keyOf(0));
        await writeMany(1);
        expectEntry(await store.read(keyOf(0)), entryOf(0, { byteLength: 10 }));
        expect(store.usage()).toEqual({ entries: 1, bytes: 10 });
      });
    });

    describe('touching', () => {
      it('moves an entry to the front of the list and to the end of eviction', async () => {
        await writeMany(3);
        store.touch(keyOf(0), { accessedAtMs: 2000 });
        expect(await listedKeys()).toEqual([keyOf(0), keyOf(2), keyOf(1)]);
        expect((await store.readMetadata(keyOf(0)))?.accessedAtMs).toBe(2000);
        store.touch(keyOf(1), { accessedAtMs: 3000 });
        await store.evict(1, 10);
        expect(await listedKeys()).toEqual([keyOf(1), keyOf(0)]);
      });

      it('never moves an access back', async () => {
        await writeMany(2);
        store.touch(keyOf(1), { accessedAtMs: 500 });
        expect((await store.readMetadata(keyOf(1)))?.accessedAtMs).toBe(1001);
        store.touch(keyOf(0), { accessedAtMs: 3000 });
        store.touch(keyOf(0), { accessedAtMs: 2000 });
        await store.flush();
        store.touch(keyOf(0), { accessedAtMs: 2500 });
        await store.flush();
        expect((await store.readMetadata(keyOf(0)))?.accessedAtMs).toBe(3000);
      });

      it('counts every use, an earlier one included', async () => {
        await writeMany(1);
        store.touch(keyOf(0), { accessedAtMs: 2000 });
        store.touch(keyOf(0), { accessedAtMs: 500 });
        expect((await store.readMetadata(keyOf(0)))?.hits).toBe(2);
        await store.flush();
        store.touch(keyOf(0), { accessedAtMs: 2100, hits: 40 });
        store.touch(keyOf(0), { accessedAtMs: 2200, hits: 0 });
        expect(await store.readMetadata(keyOf(0))).toMatchObject({ accessedAtMs: 2200, hits: 42 });
        await reopen();
        expect(await store.readMetadata(keyOf(0))).toMatchObject({ accessedAtMs: 2200, hits: 42 });
        expect((await listAll())[0]?.hits).toBe(42);
      });

      it('begins to count anew with another entry under the key', async () => {
        await writeMany(1);
        store.touch(keyOf(0), { accessedAtMs: 2000 });
        await writeMany(1);
        await store.flush();
        expect((await store.readMetadata(keyOf(0)))?.hits).toBe(0);
      });

      it('moves the end of an entry when told so, later or earlier, as the last call said', async () => {
        await writeMany(3);
        store.touch(keyOf(0), { accessedAtMs: 2000, expiresAtMs: 7000 });
        store.touch(keyOf(0), { accessedAtMs: 1500, expiresAtMs: 5000 });
        store.touch(keyOf(1), { accessedAtMs: 2000, expiresAtMs: 6000 });
        store.touch(keyOf(1), { accessedAtMs: 2001 });
        store.touch(keyOf(2), { accessedAtMs: 2000, expiresAtMs: Number.POSITIVE_INFINITY });
        const expect3 = async () => {
          const ends = [5000, 6000, Number.POSITIVE_INFINITY];
          for (const [id, expiresAtMs] of ends.entries()) {
            expect((await store.readMetadata(keyOf(id)))?.metadata.expiresAtMs).toBe(expiresAtMs);
            expectEntry(await store.read(keyOf(id)), entryOf(id, { byteLength: 10, expiresAtMs }));
          }
          expect((await listAll()).map(({ metadata }) => metadata.expiresAtMs)).toEqual([6000, ends[2], 5000]);
          expect((await store.survey([keyOf(0)]))[0]?.expiresAtMs).toBe(5000);
        };
        await expect3();
        await reopen();
        await expect3();
        expect(await store.removeExpired(5500, 100)).toEqual(removalOf(0));
        store.touch(keyOf(1), { accessedAtMs: 2002, expiresAtMs: 5400 });
        expect(await store.removeExpired(5500, 100)).toEqual(removalOf(1));
        expect(await listedKeys()).toEqual([keyOf(2)]);
      });

      it('of an entry whose time slides only moves its end later, whatever was set before', async () => {
        await store.write(entryOf(0, { expiresAtMs: 5_000 }), 1000, 'relaxed');
        const endsAt = async () => (await store.survey([keyOf(0)]))[0]?.expiresAtMs;
        store.touch(keyOf(0), { accessedAtMs: 2000, expiresAtMs: 4_000, isExtension: true });
        expect(await endsAt()).toBe(5_000);
        store.touch(keyOf(0), { accessedAtMs: 2001, expiresAtMs: 6_000, isExtension: true });
        expect(await endsAt()).toBe(6_000);
        await store.flush();
        store.touch(keyOf(0), { accessedAtMs: 2002, expiresAtMs: 3_000 });
        store.touch(keyOf(0), { accessedAtMs: 2003, expiresAtMs: 3_500, isExtension: true });
        store.touch(keyOf(0), { accessedAtMs: 2004, expiresAtMs: 3_200, isExtension: true });
        expect(await endsAt()).toBe(3_500);
        await reopen();
        expect(await endsAt()).toBe(3_500);
      });

      it('survives a flush and a reopening', async () => {
        await writeMany(2);
        store.touch(keyOf(0), { accessedAtMs: 2000 });
        await store.flush();
        await reopen();
        expect(await store.readMetadata(keyOf(0))).toEqual({
          metadata: entryOf(0, { byteLength: 10 }).metadata,
          accessedAtMs: 2000,
          hits: 1,
        });
        store.touch(keyOf(1), { accessedAtMs: 3000 });
        await reopen();
        expect(await listedKeys()).toEqual([keyOf(1), keyOf(0)]);
      });

      it('does not bring back what is gone, and does not outlive it', async () => {
        await writeMany(2);
        store.touch(keyOf(0), { accessedAtMs: 2000 });
        store.touch(keyOf(7), { accessedAtMs: 2000 });
        await store.remove(keyOf(0));
        await store.flush();
        expect(await listedKeys()).toEqual([keyOf(1)]);
        store.touch(keyOf(0), { accessedAtMs: 2000 });
        await writeMany(1);
        await store.flush();
        expect((await store.readMetadata(keyOf(0)))?.accessedAtMs).toBe(1000);
      });

      it('takes more touches than fit into one batch', async () => {
        await writeMany(3);
        for (let id = 10; id < 1200; id++) store.touch(keyOf(id), { accessedAtMs: 2000 });
        store.touch(keyOf(0), { accessedAtMs: 2000 });
        expect(await listedKeys()).toEqual([keyOf(0), keyOf(2), keyOf(1)]);
        expect(store.usage()).toEqual({ entries: 3, bytes: 30 });
      });
    });

    describe('evicting', () => {
      it('removes the entries used longest ago until the bytes are freed', async () => {
        await writeMany(5);
        expect(await store.evict(21, 100)).toEqual(removalOf(0, 1, 2));
        expect(await listedKeys()).toEqual([keyOf(4), keyOf(3)]);
        expect(store.usage()).toEqual({ entries: 2, bytes: 20 });
      });

      it('goes by last access, not by when an entry was written', async () => {
        await store.write(entryOf(1, { byteLength: 10 }), 3000, 'relaxed');
        await store.write(entryOf(2, { byteLength: 10 }), 1000, 'relaxed');
        await store.write(entryOf(3, { byteLength: 10 }), 2000, 'relaxed');
        await store.evict(20, 100);
        expect(await listedKeys()).toEqual([keyOf(1)]);
      });

      it('removes at most as many entries as allowed', async () => {
        await writeMany(5);
        expect(await store.evict(1_000, 2)).toEqual(removalOf(0, 1));
        expect(await listedKeys()).toEqual([keyOf(4), keyOf(3), keyOf(2)]);
      });

      it('removes nothing when nothing is to be freed', async () => {
        await writeMany(2);
        expect(await store.evict(0, 100)).toEqual(removalOf());
        expect(await store.evict(100, 0)).toEqual(removalOf());
        expect(store.usage()).toEqual({ entries: 2, bytes: 20 });
      });

      it('stops when nothing is left', async () => {
        await writeMany(120);
        expect(await store.evict(1_000_000, 1_000)).toEqual(removalOf(...range(0, 120)));
        expect(store.usage()).toEqual({ entries: 0, bytes: 0 });
        expect(await store.evict(1_000_000, 1_000)).toEqual(removalOf());
      });
    });

    describe('removing what has expired', () => {
      const writeExpiring = async (...expiriesAtMs: readonly number[]): Promise<void> => {
        for (const [id, expiresAtMs] of expiriesAtMs.entries()) {
          await store.write(entryOf(id, { byteLength: 10, expiresAtMs }), 1000 + id, 'relaxed');
        }
      };

      it('takes what expires at or before the given time, and nothing else', async () => {
        await writeExpiring(3000, 2000, 2001, 1000);
        expect(await store.removeExpired(2000, 100)).toEqual(removalOf(3, 1));
        expect(await listedKeys()).toEqual([keyOf(2), keyOf(0)]);
        expect(store.usage()).toEqual({ entries: 2, bytes: 20 });
      });

      it('takes the earliest expiry first, and at most as many as allowed', async () => {
        await writeExpiring(4000, 1000, 3000, 2000);
        expect(await store.removeExpired(9000, 2)).toEqual(removalOf(1, 3));
        expect(await listedKeys()).toEqual([keyOf(2), keyOf(0)]);
        expect(await store.removeExpired(9000, 0)).toEqual(removalOf());
      });

      it('never takes an entry without expiry', async () => {
        await writeExpiring(Number.POSITIVE_INFINITY, 1000);
        expect(await store.removeExpired(Number.MAX_VALUE, 100)).toEqual(removalOf(1));
        expect(await store.removeExpired(Number.POSITIVE_INFINITY, 100)).toEqual(removalOf());
        expect(await listedKeys()).toEqual([keyOf(0)]);
      });

      it('goes by the expiry of the latest write', async () => {
        await writeExpiring(1000, 2000);
        await store.write(entryOf(0, { byteLength: 10, expiresAtMs: 5000 }), 1000, 'relaxed');
        expect(await store.removeExpired(3000, 100)).toEqual(removalOf(1));
        expect(await listedKeys()).toEqual([keyOf(0)]);
      });

      it('still returns an expired entry that was not removed yet', async () => {
        await writeExpiring(1);
        expectEntry(await store.read(keyOf(0)), entryOf(0, { byteLength: 10, expiresAtMs: 1 }));
      });

      it('takes more than fit into one step', async () => {
        await writeExpiring(...Array.from({ length: 120 }, (_, id) => 1000 + id));
        expect(await store.removeExpired(1109, 1_000)).toEqual(removalOf(...range(0, 110)));
        expect(store.usage()).toEqual({ entries: 10, bytes: 100 });
      });
    });

    describe('protecting', () => {
      it('keeps entries from eviction, and evicts others in their place', async () => {
        await writeMany(5);
        store.protect([keyOf(0), keyOf(2)], true);
        expect(await store.evict(15, 100)).toEqual(removalOf(1, 3));
        expect(await store.evict(1_000, 100)).toEqual(removalOf(4));
        expect(await store.evict(1_000, 100)).toEqual(removalOf());
        expect(await listedKeys()).toEqual([keyOf(2), keyOf(0)]);
        expect(store.usage()).toEqual({ entries: 2, bytes: 20 });
      });

      it('keeps entries from expiring, however many are removed in their place', async () => {
        for (const id of range(0, 100)) {
          await store.write(entryOf(id, { byteLength: 10, expiresAtMs: 1000 + id }), 1000 + id, 'relaxed');
        }
        const isProtected = (id: number) => id < 30 || id % 2 === 0;
        store.protect(range(0, 100).filter(isProtected).map(keyOf), true);
        const others = range(0, 100).filter((id) => !isProtected(id));
        expect(await store.removeExpired(5000, 10)).toEqual(removalOf(...others.slice(0, 10)));
        expect(await store.removeExpired(5000, 1_000)).toEqual(removalOf(...others.slice(10)));
        expect(store.usage().entries).toBe(100 - others.length);
      });

      it('holds until it is taken back', async () => {
        await store.write(entryOf(0, { byteLength: 10, expiresAtMs: 1000 }), 1000, 'relaxed');
        await store.write(entryOf(1, { byteLength: 10 }), 900, 'relaxed');
        store.protect([keyOf(0), keyOf(1)], true);
        store.touch(keyOf(0), { accessedAtMs: 950, expiresAtMs: 1100 });
        expect(await store.removeExpired(5000, 10)).toEqual(removalOf());
        store.protect([keyOf(0), keyOf(1)], false);
        expect(await store.removeExpired(5000, 10)).toEqual(removalOf(0));
        expect(await store.evict(1, 10)).toEqual(removalOf(1));
      });

      it('holds for entries that are written later, again and again', async () => {
        store.protect([keyOf(0), 'no key at all'], true);
        for (const round of [1, 2]) {
          await store.write(entryOf(0, { byteLength: 10, version: round, expiresAtMs: 1 }), 1, 'relaxed');
          await store.write(entryOf(0, { byteLength: 10, version: round, expiresAtMs: 2 }), 1, 'relaxed');
          expect(await store.evict(100, 10)).toEqual(removalOf());
          expect(await store.removeExpired(5000, 10)).toEqual(removalOf());
          expect(await store.remove(keyOf(0))).toBe(10);
        }
      });

      it('is no reason for clear to keep an entry, unless it is told to', async () => {
        await writeMany(6);
        store.protect([keyOf(1), keyOf(4), keyOf(9)], true);
        store.touch(keyOf(4), { accessedAtMs: 3000 });
        expect(await store.clear(true)).toEqual({ entries: 4, bytes: 40 });
        expect(await listedKeys()).toEqual([keyOf(4), keyOf(1)]);
        expect(store.usage()).toEqual({ entries: 2, bytes: 20 });
        await store.write(entryOf(2, { byteLength: 10 }), 4000, 'relaxed');
        await reopen();
        expect(await listedKeys()).toEqual([keyOf(2), keyOf(4), keyOf(1)]);
        for (const id of [1, 2, 4]) expectEntry(await store.read(keyOf(id)), entryOf(id, { byteLength: 10 }));
        expect(await store.read(keyOf(0))).toBeUndefined();
        store.protect([keyOf(1)], true);
        expect(await store.clear()).toEqual({ entries: 3, bytes: 30 });
      });

      it('does not outlive the store', async () => {
        await writeMany(2);
        store.protect([keyOf(0)], true);
        await reopen();
        expect(await store.evict(1, 1)).toEqual(removalOf(0));
        expect(await store.clear(true)).toEqual({ entries: 1, bytes: 10 });
      });
    });

    describe('surveying', () => {
      it('tells of each key in the order asked for, and of what is not there nothing', async () => {
        await writeMany(2);
        await store.write(entryOf(2, { byteLength: 70_000, createdAtMs: 950, expiresAtMs: 5000 }), 1500, 'relaxed');
        store.touch(keyOf(2), { accessedAtMs: 1600, hits: 3 });
        const expectSurvey = async () => {
          const times = { createdAtMs: 900, expiresAtMs: 1_000_000_000 };
          const summaries = await store.survey([keyOf(2), keyOf(7), keyOf(0), keyOf(2), 'no key']);
          for (const summary of summaries) {
            // With a head of a few hundred bytes, and nothing that compresses.
            if (summary === undefined) continue;
            expect(summary.bytesOnDisk).toBeGreaterThanOrEqual(summary.byteLength);
            expect(summary.bytesOnDisk).toBeLessThan(summary.byteLength + 1_000);
          }
          expect(summaries.map(withoutBytesOnDisk)).toEqual([
            { byteLength: 70_000, createdAtMs: 950, accessedAtMs: 1600, expiresAtMs: 5000, hits: 3 },
            undefined,
            { byteLength: 10, accessedAtMs: 1000, hits: 0, ...times },
            { byteLength: 70_000, createdAtMs: 950, accessedAtMs: 1600, expiresAtMs: 5000, hits: 3 },
            undefined,
          ]);
        };
        await expectSurvey();
        await reopen();
        await expectSurvey();
        expect(await store.survey([])).toEqual([]);
      });
    });

    describe('the note', () => {
      const noteOf = (text: string) => new TextEncoder().encode(text);

      it('is not there at first, then what was written last, also after a reopening', async () => {
        expect(await store.readNote()).toBeUndefined();
        await store.writeNote(noteOf('first'), 'durable');
        expect(await store.readNote()).toEqual(noteOf('first'));
        await reopen();
        expect(await store.readNote()).toEqual(noteOf('first'));
        for (const text of ['a longer one than before', 'short', '']) {
          await store.writeNote(noteOf(text), text === 'short' ? 'durable' : 'relaxed');
          expect(await store.readNote()).toEqual(noteOf(text));
        }
        await store.writeNote(new Uint8Array(70_000).fill(7), 'relaxed');
        await reopen();
        expect(await store.readNote()).toEqual(new Uint8Array(70_000).fill(7));
      });

      it('is the caller’s, going in as coming out', async () => {
        const mine = noteOf('mine');
        const writing = store.writeNote(mine, 'relaxed');
        mine.fill(0);
        await writing;
        (await store.readNote())?.fill(0);
        expect(await store.readNote()).toEqual(noteOf('mine'));
      });

      it('is the last of several that are written at once', async () => {
        const notes = range(0, 10).map((id) => noteOf(`note ${id}`));
        await Promise.all(notes.map((note, id) => store.writeNote(note, id % 2 === 0 ? 'relaxed' : 'durable')));
        expect(await store.readNote()).toEqual(noteOf('note 9'));
      });

      it('is no entry: it counts as none, and clear leaves it', async () => {
        await store.writeNote(noteOf('kept'), 'relaxed');
        expect(store.usage()).toEqual({ entries: 0, bytes: 0 });
        await writeMany(2);
        expect(await store.evict(1_000, 100)).toEqual(removalOf(0, 1));
        await writeMany(2);
        await store.clear();
        expect(await store.readNote()).toEqual(noteOf('kept'));
        await reopen();
        expect(await store.readNote()).toEqual(noteOf('kept'));
      });
    });

    describe('listing', () => {
      it('pages through all entries, latest access first', async () => {
        await writeMany(7);
        const first = await store.list({ limit: 3 });
        expect(first.entries.map(({ metadata }) => metadata.key)).toEqual([keyOf(6), keyOf(5), keyOf(4)]);
        expect(first.entries[0]).toEqual({
          metadata: entryOf(6, { byteLength: 10 }).metadata,
          accessedAtMs: 1006,
          hits: 0,
        });
        const second = await store.list({ limit: 3, cursor: first.cursor });
        expect(second.entries.map(({ metadata }) => metadata.key)).toEqual([keyOf(3), keyOf(2), keyOf(1)]);
        const third = await store.list({ limit: 3, cursor: second.cursor });
        expect(third.entries.map(({ metadata }) => metadata.key)).toEqual([keyOf(0)]);
        expect(third.cursor).toBeUndefined();
      });

      it('gives no cursor with the last page, even when it is full', async () => {
        await writeMany(6);
        const first = await store.list({ limit: 3 });
        expect((await store.list({ limit: 3, cursor: first.cursor })).cursor).toBeUndefined();
        expect((await store.list({ limit: 6 })).cursor).toBeUndefined();
      });

      it('gives an empty page when there is nothing', async () => {
        expect(await store.list({ limit: 10 })).toEqual({ entries: [], cursor: undefined });
      });

      it('tells entries apart that were used at the same time', async () => {
        for (let id = 0; id < 10; id++) await store.write(entryOf(id, { byteLength: 10 - id }), 1000, 'relaxed');
        const keys = (await listAll(3)).map(({ metadata }) => metadata.key);
        expect([...keys].sort()).toEqual(Array.from({ length: 10 }, (_, id) => keyOf(id)).sort());
      });

      it('neither repeats nor skips what stays while other entries come and go between pages', async () => {
        await writeMany(20);
        const keys: string[] = [];
        let cursor: string | undefined;
        for (let page = 0; page === 0 || cursor !== undefined; page++) {
          const { entries, cursor: next } = await store.list({ limit: 4, cursor });
          keys.push(...entries.map(({ metadata }) => metadata.key));
          cursor = next;
          // On the far side of the cursor, on the near side, the very entry it points at, and new ones at both ends.
          await store.remove(keyOf(page));
          if (page === 0) await store.remove(keyOf(19));
          if (page === 1) await store.remove(keys.at(-1) ?? '');
          store.touch(keyOf(18), { accessedAtMs: 5000 + page });
          await store.write(entryOf(100 + page, { byteLength: 10 }), 4000 + page, 'relaxed');
          await store.write(entryOf(200 + page, { byteLength: 10 }), 500 - page, 'relaxed');
          if (page > 20) throw new Error('The list does not end');
        }
        const counts = new Map<string, number>();
        for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1);
        for (let id = 8; id < 19; id++) expect(counts.get(keyOf(id)), `entry ${id}`).toBe(1);
        expect(Math.max(...counts.values())).toBe(1);
      });

      it.each([1, 3, 100])('goes by creation or by size when asked to, in pages of %i', async (pageSize) => {
        // By creation 3 5 4 2 1 0, by size 2 4 0 5 3 1; where two are equal the greater key is first.
        const facts = [
          [0, 10, 30],
          [1, 20, 10],
          [2, 30, 90],
          [3, 60, 20],
          [4, 40, 40],
          [5, 40, 30],
        ] as const;
        for (const [id, createdAtMs, byteLength] of facts) {
          await store.write(entryOf(id, { createdAtMs, byteLength }), 1000 + ((id * 7) % 5), 'relaxed');
        }
        for (const isReopened of [false, true]) {
          if (isReopened) await reopen();
          expect(await listedKeys(pageSize, 'created')).toEqual([3, 5, 4, 2, 1, 0].map(keyOf));
          expect(await listedKeys(pageSize, 'size')).toEqual([2, 4, 5, 0, 3, 1].map(keyOf));
        }
        const [largest] = await listAll(pageSize, 'size');
        expect(largest?.metadata).toEqual(entryOf(2, { createdAtMs: 30, byteLength: 90 }).metadata);
      });

      it.each(['created', 'size'] as const)('shows nothing twice by %s while entries come and go', async (order) => {
        const given = (id: number) => ({ createdAtMs: 1000 + id, byteLength: 10 + id });
        for (const id of range(0, 20)) await store.write(entryOf(id, given(id)), 1000, 'relaxed');
        const keys: string[] = [];
        let cursor: string | undefined;
        for (let page = 0; page === 0 || cursor !== undefined; page++) {
          const { entries, cursor: next } = await store.list({ limit: 3, cursor, order });
          keys.push(...entries.map(({ metadata }) => metadata.key));
          cursor = next;
          await store.remove(keyOf(page));
          if (page === 1) await store.remove(keys.at(-1) ?? '');
          for (const id of range(0, 20)) store.touch(keyOf(id), { accessedAtMs: 2000 + page * ((id * 7) % 5) });
          await store.write(entryOf(100 + page, given(100 + page)), 1000, 'relaxed');
          if (page > 20) throw new Error('The list does not end');
        }
        expect(new Set(keys).size).toBe(keys.length);
        for (const id of range(5, 20)) expect(keys, `entry ${id}`).toContain(keyOf(id));
      });

      it('starts at the front for a cursor of another order', async () => {
        await writeMany(3);
        const { cursor } = await store.list({ limit: 1 });
        const page = await store.list({ limit: 3, cursor, order: 'size' });
        expect(page.entries.map(({ metadata }) => metadata.key)).toEqual([keyOf(2), keyOf(1), keyOf(0)]);
      });

      it('starts at the front for a cursor from elsewhere', async () => {
        await writeMany(3);
        for (const cursor of ['', 'elsewhere', '{"segment":3}']) {
          expect((await store.list({ limit: 2, cursor })).entries.map(({ metadata }) => metadata.key)).toEqual([
            keyOf(2),
            keyOf(1),
          ]);
        }
      });
    });

    describe('closing', () => {
      it('keeps everything over a close and a reopening', async () => {
        await writeMany(5);
        await store.remove(keyOf(3));
        await reopen();
        expect(store.usage()).toEqual({ entries: 4, bytes: 40 });
        expect(await listedKeys()).toEqual([keyOf(4), keyOf(2), keyOf(1), keyOf(0)]);
        expectEntry(await store.read(keyOf(2)), entryOf(2, { byteLength: 10 }));
      });

      it('can be done twice', async () => {
        await store.close();
        await store.close();
      });

      it('leaves a write under way whole or not there at all', async () => {
        const entry = entryOf(1, { byteLength: 70_000 });
        const writing = store.write(entry, 1000, 'relaxed').then(
          () => true,
          () => false,
        );
        await store.close();
        const isAcknowledged = await writing;
        store = await open();
        const found = await store.read(keyOf(1));
        if (isAcknowledged || found !== undefined) expectEntry(found, entry);
        expect(store.usage()).toEqual(found ? { entries: 1, bytes: 70_000 } : { entries: 0, bytes: 0 });
      });

      it('rejects whatever is called afterwards with CLOSED', async () => {
        await store.close();
        const calls = [
          () => store.read(keyOf(1)),
          () => store.readMetadata(keyOf(1)),
          () => store.write(entryOf(1), 1000, 'relaxed'),
          () => store.remove(keyOf(1)),
          () => store.clear(),
          () => store.removeExpired(1000, 10),
          () => store.evict(10, 10),
          () => store.list({ limit: 10 }),
          () => store.list({ limit: 10, order: 'size' }),
          () => store.survey([keyOf(1)]),
          () => store.readNote(),
          () => store.writeNote(new Uint8Array(1), 'relaxed'),
          () => store.flush(),
        ];
        for (const call of calls) {
          await expect(call(), call.toString()).rejects.toMatchObject({ name: 'AudioCacheError', code: 'CLOSED' });
        }
        expect(() => store.touch(keyOf(1), { accessedAtMs: 1000 })).not.toThrow();
        expect(() => store.protect([keyOf(1)], true)).not.toThrow();
      });
    });

    it('ends in a consistent state however many operations on one key run at once', async () => {
      const writes = Array.from({ length: 12 }, (_, version) =>
        store.write(entryOf(1, { version, byteLength: 100 + version }), 1000 + version, 'relaxed'),
      );
      const reads = Array.from({ length: 12 }, () => store.read(keyOf(1)));
      store.touch(keyOf(1), { accessedAtMs: 1500 });
      const removals = [store.remove(keyOf(1)), store.evict(1, 1), store.removeExpired(0, 1), store.flush()];
      const moreReads = Array.from({ length: 12 }, () => store.read(keyOf(1)));
      await Promise.all([...writes, ...removals]);
      for (const entry of [...(await Promise.all([...reads, ...moreReads])), await store.read(keyOf(1))]) {
        if (entry === undefined) continue;
        const version = versionOf(entry.metadata);
        expectEntry(entry, entryOf(1, { version, byteLength: 100 + version }));
      }
      await store.write(entryOf(1, { version: 50, byteLength: 33 }), 2000, 'relaxed');
      expect(store.usage()).toEqual({ entries: 1, bytes: 33 });
      await reopen();
      expect(store.usage()).toEqual({ entries: 1, bytes: 33 });
      expectEntry(await store.read(keyOf(1)), entryOf(1, { version: 50, byteLength: 33 }));
    });

    it('behaves as a map ordered by access, whatever is done with it', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(storeOperation, { minLength: 1, maxLength: 30 }), async (operations) => {
          await moveToNewPlace();
          const model = new StoreModel();
          for (const [step, operation] of operations.entries()) {
            if (operation.type === 'reopen') {
              await reopen();
              model.forgetProtection();
            } else await model.check(store, operation, step);
            expect(store.usage()).toEqual(model.usage());
          }
          for (const order of ['accessed', 'created', 'size'] as const) {
            expect(await listAll(3, order)).toEqual(model.list(order));
          }
          for (const { key, entry } of model.all()) expectEntry(await store.read(key), entry);
          await closeAll();
        }),
        { numRuns: 25, seed: 20260718 },
      );
    });

    describe.runIf(severalWriters)('with another store on the same data', () => {
      it('sees what the other writes, replaces, touches and removes', async () => {
        const other = await open();
        await store.write(entryOf(1, { byteLength: 10 }), 1000, 'relaxed');
        expectEntry(await other.read(keyOf(1)), entryOf(1, { byteLength: 10 }));
        const replaced = entryOf(1, { byteLength: 20, version: 2 });
        await other.write(replaced, 1001, 'relaxed');
        expectEntry(await store.read(keyOf(1)), replaced);
        other.touch(keyOf(1), { accessedAtMs: 3000 });
        await other.flush();
        expect((await store.readMetadata(keyOf(1)))?.accessedAtMs).toBe(3000);
        expect(await other.remove(keyOf(1))).toBe(20);
        expect(await store.read(keyOf(1))).toBeUndefined();
      });

      it('reports a usage that is exact as of its own latest operation', async () => {
        const other = await open();
        await store.write(entryOf(1, { byteLength: 10 }), 1000, 'relaxed');
        await other.write(entryOf(2, { byteLength: 5 }), 1001, 'relaxed');
        expect(other.usage()).toEqual({ entries: 2, bytes: 15 });
        await store.read(keyOf(1));
        expect(store.usage()).toEqual({ entries: 2, bytes: 15 });
        await other.clear();
        await store.list({ limit: 10 });
        expect(store.usage()).toEqual({ entries: 0, bytes: 0 });
      });

      it('loses nothing and counts right when both write at once', async () => {
        const other = await open();
        await Promise.all(
          Array.from({ length: 30 }, (_, id) =>
            (id % 2 === 0 ? store : other).write(entryOf(id, { byteLength: 10 + id }), 1000 + id, 'relaxed'),
          ),
        );
        const all = await listAll();
        expect(all).toHaveLength(30);
        expect(store.usage()).toEqual({
          entries: 30,
          bytes: all.reduce((bytes, { metadata }) => bytes + metadata.byteLength, 0),
        });
      });
    });
  });
}
