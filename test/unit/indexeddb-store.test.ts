import 'fake-indexeddb/auto';
import { type IDBPDatabase, openDB } from 'idb';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { AudioStore } from '../../core/storage/store';
import { openIndexedDbStore } from '../../worker/indexeddb-store';
import { FakeClock } from '../fake-clock';
import { failCommitsThatPut, failToRead, recordTransactions } from '../indexeddb-faults';
import { describeStoreContract } from '../store-contract';
import { entryOf, expectEntry, keyOf } from '../stored-entries';

describeStoreContract('IndexedDbStore', (place, clock) => openIndexedDbStore({ name: place, clock }), {
  severalWriters: true,
});

describe('IndexedDbStore', () => {
  let name = '';
  let clock: FakeClock;
  let store: AudioStore;

  beforeEach(async () => {
    name = `${expect.getState().currentTestName}`;
    clock = new FakeClock();
    store = await openIndexedDbStore({ name, clock });
  });
  afterEach(async () => {
    vi.restoreAllMocks();
    await store.close();
  });

  const reopen = async (): Promise<void> => {
    await store.close();
    store = await openIndexedDbStore({ name, clock });
  };
  /** Changes the database behind the store's back. */
  const tamper = async (change: (database: IDBPDatabase) => Promise<unknown>): Promise<void> => {
    const database = await openDB(name);
    await change(database);
    database.close();
  };
  /** Writes entries 0 … count - 1 of 10 bytes each, used at 1000, 1001, … */
  const writeMany = async (count: number): Promise<void> => {
    for (let id = 0; id < count; id++) await store.write(entryOf(id, { byteLength: 10 }), 1000 + id, 'relaxed');
  };

  describe('touching', () => {
    it('writes a second’s touches in one transaction, and neither audio nor metadata with them', async () => {
      await writeMany(3);
      const transactions = recordTransactions();
      for (const accessedAtMs of [2000, 2001, 2002]) {
        for (let id = 0; id < 3; id++) store.touch(keyOf(id), { accessedAtMs: accessedAtMs });
      }
      await clock.advance(999);
      expect(transactions).toHaveLength(0);
      await clock.advance(1);
      expect((await store.readMetadata(keyOf(0)))?.accessedAtMs).toBe(2002);
      expect(transactions.filter(({ mode }) => mode === 'readwrite')).toEqual([
        { mode: 'readwrite', durability: 'relaxed', puts: ['catalog', 'catalog', 'catalog', 'ledger'] },
      ]);
    });

    it('writes at once when 500 keys have gathered', async () => {
      await writeMany(1);
      const transactions = recordTransactions();
      for (let id = 0; id < 499; id++) store.touch(keyOf(id), { accessedAtMs: 2000 });
      await store.read(keyOf(0));
      expect(transactions.map(({ mode }) => mode)).toEqual(['readonly']);
      store.touch(keyOf(499), { accessedAtMs: 2000 });
      await store.read(keyOf(0));
      expect(transactions.map(({ mode }) => mode)).toEqual(['readonly', 'readwrite', 'readonly']);
    });

    it('knows of a touch before it is written', async () => {
      await writeMany(1);
      store.touch(keyOf(0), { accessedAtMs: 2000 });
      const transactions = recordTransactions();
      expect((await store.readMetadata(keyOf(0)))?.accessedAtMs).toBe(2000);
      expect(transactions.map(({ mode }) => mode)).toEqual(['readonly']);
    });

    it('knows of a touch that is being written while it reads', async () => {
      await writeMany(1);
      store.touch(keyOf(0), { accessedAtMs: 2000, hits: 2 });
      const reading = store.readMetadata(keyOf(0));
      await clock.advance(1_000);
      expect(await reading).toMatchObject({ accessedAtMs: 2000, hits: 2 });
      expect(await store.readMetadata(keyOf(0))).toMatchObject({ accessedAtMs: 2000, hits: 2 });
    });

    it('drops touches that cannot be written, rather than hold ever more of them', async () => {
      await writeMany(1);
      failCommitsThatPut(new DOMException('', 'QuotaExceededError'));
      store.touch(keyOf(0), { accessedAtMs: 2000 });
      await clock.advance(1_000);
      await store.read(keyOf(0)); // Comes after the transaction that failed.
      expect((await store.readMetadata(keyOf(0)))?.accessedAtMs).toBe(1000);
    });

    it('leaves no timer behind when it closes', async () => {
      store.touch(keyOf(0), { accessedAtMs: 2000 });
      expect(clock.pendingTimers).toBe(1);
      await store.close();
      store.touch(keyOf(0), { accessedAtMs: 3000 });
      expect(clock.pendingTimers).toBe(0);
    });
  });

  describe('durability', () => {
    it('is relaxed or strict as asked', async () => {
      const transactions = recordTransactions();
      await store.write(entryOf(1, { byteLength: 10 }), 1000, 'relaxed');
      await store.write(entryOf(1, { byteLength: 10 }), 1000, 'durable');
      expect(transactions.map(({ durability }) => durability)).toEqual(['relaxed', 'strict']);
    });

    it('is always strict for what Chromium keeps in files of its own', async () => {
      const transactions = recordTransactions();
      await store.write(entryOf(1, { byteLength: 64 * 1024 - 100 }), 1000, 'relaxed');
      await store.write(entryOf(2, { byteLength: 10, custom: { words: 'é'.repeat(33_000) } }), 1000, 'relaxed');
      expect(transactions.map(({ durability }) => durability)).toEqual(['strict', 'strict']);
    });

    it('reaches earlier relaxed writes with a flush, once', async () => {
      await writeMany(2);
      await store.remove(keyOf(0));
      const transactions = recordTransactions();
      await store.flush();
      await store.flush();
      // It must put something: a strict transaction that changes nothing syncs nothing.
      expect(transactions).toEqual([{ mode: 'readwrite', durability: 'strict', puts: ['ledger'] }]);
    });

    it('reaches touches that are just being written', async () => {
      await writeMany(1);
      await store.flush();
      const transactions = recordTransactions();
      for (let id = 0; id < 500; id++) store.touch(keyOf(id), { accessedAtMs: 2000 });
      await store.flush();
      expect(transactions.map(({ durability }) => durability)).toEqual(['relaxed', 'strict']);
    });

    it('is not taken for given because a strict write is under way', async () => {
      await writeMany(1);
      const transactions = recordTransactions();
      const writing = store.write(entryOf(2, { byteLength: 100_000 }), 1000, 'durable');
      await store.flush();
      expect(transactions.map(({ durability }) => durability)).toEqual(['strict', 'strict']);
      await writing;
    });
  });

  describe('protection', () => {
    it('is passed over once in an eviction of many steps', async () => {
      await writeMany(300);
      store.protect(
        Array.from({ length: 200 }, (_, id) => keyOf(id)),
        true,
      );
      const openCursor = vi.spyOn(IDBIndex.prototype, 'openKeyCursor');
      const { keys } = await store.evict(Number.POSITIVE_INFINITY, 90);
      expect(keys).toEqual(Array.from({ length: 90 }, (_, index) => keyOf(200 + index)));
      const ranges = openCursor.mock.calls.map(([range]) => range);
      expect(ranges.length).toBeGreaterThan(3);
      for (const range of ranges.slice(1)) expect((range as IDBKeyRange).lower[0]).toBeGreaterThanOrEqual(1200);
    });

    it('leaves neither damaged records nor entries without one behind when all others are cleared', async () => {
      await writeMany(5);
      await tamper((database) => database.put('catalog', { key: keyOf(1) }));
      await tamper((database) => database.delete('catalog', keyOf(3)));
      store.protect([keyOf(2), keyOf(4), keyOf(9)], true);
      expect((await store.clear(true)).entries).toBeGreaterThan(0);
      expect(store.usage()).toEqual({ entries: 2, bytes: 20 });
      await tamper(async (database) => {
        for (const part of ['catalog', 'metadata', 'audio']) {
          expect(await database.getAllKeys(part)).toEqual([keyOf(2), keyOf(4)]);
        }
      });
    });
  });

  it.each(['many', { bytes: 1 }, new Uint8Array(3)])('takes a note that is none (%j) for none', async (damaged) => {
    await tamper((database) => database.put('ledger', damaged, 'note'));
    expect(await store.readNote()).toBeUndefined();
    await store.writeNote(new Uint8Array([1, 2]), 'relaxed');
    expect(await store.readNote()).toEqual(new Uint8Array([1, 2]));
  });

  describe('a database of version 1', () => {
    /** As that version made it and filled it. */
    const makeFormer = async (): Promise<void> => {
      await store.close();
      name = `${name}, former`;
      const database = await openDB(name, 1, {
        upgrade: (former) => {
          const catalog = former.createObjectStore('catalog', { keyPath: 'key' });
          catalog.createIndex('byLastAccess', ['accessedAtMs', 'key', 'byteLength']);
          catalog.createIndex('byExpiry', ['expiresAtMs', 'key', 'byteLength']);
          for (const part of ['metadata', 'audio', 'ledger']) former.createObjectStore(part);
        },
      });
      for (let id = 0; id < 30; id++) {
        const { metadata, bytes } = entryOf(id, { byteLength: 10 + id });
        const { key, byteLength, expiresAtMs } = metadata;
        await database.put('catalog', { key, byteLength, accessedAtMs: 1000 + id, expiresAtMs });
        await database.put('metadata', metadata, key);
        await database.put('audio', bytes, key);
      }
      await database.put('catalog', { key: keyOf(30) });
      database.close();
      store = await openIndexedDbStore({ name, clock });
    };

    it('keeps its entries, in all orders', async () => {
      await makeFormer();
      for (const order of ['accessed', 'created', 'size'] as const) {
        const { entries } = await store.list({ limit: 100, order });
        expect(entries.map(({ metadata }) => metadata.key)).toEqual(
          Array.from({ length: 30 }, (_, index) => keyOf(29 - index)),
        );
      }
      expectEntry(await store.read(keyOf(7)), entryOf(7, { byteLength: 17 }));
      store.touch(keyOf(7), { accessedAtMs: 5000, hits: 2 });
      await reopen();
      expect(await store.readMetadata(keyOf(7))).toMatchObject({ accessedAtMs: 5000, hits: 2 });
      expect((await store.evict(10, 1)).keys).toEqual([keyOf(0)]);
    });
  });

  it('answers reads between the steps of a long eviction', async () => {
    await writeMany(200);
    let isOver = false;
    const evicting = store.evict(Number.POSITIVE_INFINITY, 150).then(() => {
      isOver = true;
    });
    let reads = 0;
    for (; !isOver; reads++) await store.read(keyOf(199));
    await evicting;
    expect(reads).toBeGreaterThan(5);
  });

  describe('damage', () => {
    it.each([
      ['null', null],
      ['a string', 'metadata'],
      ['an array', []],
      ['an empty object', {}],
      ['a length in words', { ...entryOf(1).metadata, byteLength: 'ten' }],
      ['an expiry that is no number', { ...entryOf(1).metadata, expiresAtMs: Number.NaN }],
      ['an unknown checksum', { ...entryOf(1).metadata, checksum: { kind: 'md5', hex: '' } }],
      ['a spec without text', { ...entryOf(1).metadata, spec: {} }],
      ['custom fields that are a list', { ...entryOf(1).metadata, custom: [] }],
    ])('of metadata is a miss, and removed: %s', async (_, damaged) => {
      await writeMany(3);
      await tamper((database) => database.put('metadata', damaged, keyOf(1)));
      expect(await store.read(keyOf(1))).toBeUndefined();
      expect(store.usage()).toEqual({ entries: 2, bytes: 20 });
      expect((await store.list({ limit: 10 })).entries).toHaveLength(2);
      expect(await store.readMetadata(keyOf(1))).toBeUndefined();
    });

    it('of metadata is removed by a list that comes across it', async () => {
      await writeMany(4);
      await tamper((database) => database.put('metadata', {}, keyOf(2)));
      const page = await store.list({ limit: 2 });
      expect(page.entries.map(({ metadata }) => metadata.key)).toEqual([keyOf(3)]);
      expect((await store.list({ limit: 2, cursor: page.cursor })).entries.map(({ metadata }) => metadata.key)).toEqual(
        [keyOf(1), keyOf(0)],
      );
      expect(store.usage()).toEqual({ entries: 3, bytes: 30 });
    });

    it.each(['metadata', 'audio', 'catalog'] as const)(
      'that leaves an entry without its %s is a miss',
      async (part) => {
        await writeMany(2);
        await tamper((database) => database.delete(part, keyOf(0)));
        expect(await store.readMetadata(keyOf(0)).then(() => store.read(keyOf(0)))).toBeUndefined();
        await store.write(entryOf(0, { byteLength: 30 }), 1000, 'relaxed');
        expect((await store.read(keyOf(0)))?.bytes.byteLength).toBe(30);
      },
    );

    it.each([
      { accessedAtMs: 1000 },
      { accessedAtMs: 'yesterday', byteLength: 10, expiresAtMs: 2000 },
      { accessedAtMs: 1000, byteLength: 'ten', expiresAtMs: 'tomorrow' },
      { accessedAtMs: 1000, byteLength: -10, expiresAtMs: 2000 },
    ])('of the catalog (%j) neither stops eviction nor stays when all is evicted', async (fields) => {
      await writeMany(3);
      await tamper((database) => database.put('catalog', { key: keyOf(1), ...fields }));
      store.touch(keyOf(1), { accessedAtMs: 5000 });
      expect((await store.list({ limit: 10 })).entries).toHaveLength(2);
      await store.removeExpired(3000, 100);
      await store.evict(Number.POSITIVE_INFINITY, 100);
      expect(store.usage()).toEqual({ entries: 0, bytes: 0 });
      await tamper(async (database) => {
        for (const part of ['catalog', 'metadata', 'audio']) expect(await database.count(part)).toBe(0);
      });
    });

    it('of the catalog is repaired by writing the entry anew, with an exact ledger', async () => {
      await writeMany(3);
      await tamper((database) => database.put('catalog', { key: keyOf(1) }));
      await store.write(entryOf(1, { byteLength: 50 }), 2000, 'relaxed');
      expect(store.usage()).toEqual({ entries: 3, bytes: 70 });
    });

    it.each([undefined, { entries: -1, bytes: 3 }, { entries: 1.5, bytes: 3 }, 'many'])(
      'of the ledger (%j) is made good by counting',
      async (damaged) => {
        await writeMany(3);
        await tamper((database) =>
          damaged === undefined ? database.clear('ledger') : database.put('ledger', damaged, 'usage'),
        );
        await reopen();
        expect(store.usage()).toEqual({ entries: 3, bytes: 30 });
        await store.write(entryOf(7, { byteLength: 5 }), 1000, 'relaxed');
        expect(store.usage()).toEqual({ entries: 4, bytes: 35 });
        await reopen();
        expect(store.usage()).toEqual({ entries: 4, bytes: 35 });
      },
    );
  });

  describe('a value the browser cannot read', () => {
    it.each(['metadata', 'audio'])('is a miss and removed when its file is lost (%s)', async (part) => {
      await writeMany(2);
      failToRead(part, new DOMException('Data lost due to missing file.', 'NotReadableError'));
      expect(await store.read(keyOf(0))).toBeUndefined();
      vi.restoreAllMocks();
      expect(await store.readMetadata(keyOf(0))).toBeUndefined();
      expect(store.usage()).toEqual({ entries: 1, bytes: 10 });
    });

    it.each(['metadata', 'audio'])('is a miss and kept when the reason may pass (%s)', async (part) => {
      await writeMany(2);
      failToRead(part, new DOMException('Failed to read large IndexedDB value', 'UnknownError'));
      expect(await store.read(keyOf(0))).toBeUndefined();
      expect((await store.list({ limit: 10 })).entries).toHaveLength(part === 'metadata' ? 0 : 2);
      vi.restoreAllMocks();
      expect((await store.read(keyOf(0)))?.bytes.byteLength).toBe(10);
    });
  });
});
