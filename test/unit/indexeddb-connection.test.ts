import 'fake-indexeddb/auto';
import { forceCloseDatabase } from 'fake-indexeddb';
import { deleteDB, openDB } from 'idb';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { AudioStore } from '../../core/storage/store';
import { IndexedDbConnection } from '../../worker/indexeddb-connection';
import { SCHEMA_VERSION } from '../../worker/indexeddb-schema';
import { openIndexedDbStore } from '../../worker/indexeddb-store';
import { FakeClock } from '../fake-clock';
import { blockOpening, failCommitsThatPut, failToBegin, failToOpen } from '../indexeddb-faults';
import { entryOf, keyOf } from '../stored-entries';

const connectionLost = new DOMException('Connection to Indexed Database server lost.', 'UnknownError');
const overQuota = new DOMException('', 'QuotaExceededError');

let name = '';
let clock: FakeClock;

beforeEach(() => {
  name = `${expect.getState().currentTestName}`;
  clock = new FakeClock();
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

const open = (): Promise<AudioStore> => openIndexedDbStore({ name, clock });

/** Opens a store with two entries of 10 bytes; `connections` are the handles it has opened so far. */
async function openWithEntries(): Promise<{ readonly store: AudioStore; readonly connections: IDBDatabase[] }> {
  const connections: IDBDatabase[] = [];
  const { open: openFactory } = IDBFactory.prototype;
  vi.spyOn(IDBFactory.prototype, 'open').mockImplementation(function (this: IDBFactory, ...args) {
    const request = openFactory.apply(this, args);
    request.addEventListener('success', () => connections.push(request.result));
    return request;
  });
  const store = await open();
  await store.write(entryOf(0, { byteLength: 10 }), 1000, 'relaxed');
  await store.write(entryOf(1, { byteLength: 10 }), 1001, 'relaxed');
  return { store, connections };
}

describe('A lost connection', () => {
  it('is reopened when the browser has closed it', async () => {
    const { store, connections } = await openWithEntries();
    for (const connection of connections) forceCloseDatabase(connection as never); // Typed as taking the class.
    expect((await store.read(keyOf(0)))?.bytes.byteLength).toBe(10);
    await store.write(entryOf(2, { byteLength: 5 }), 1002, 'relaxed');
    expect(store.usage()).toEqual({ entries: 3, bytes: 25 });
    expect(connections).toHaveLength(2);
  });

  it('is reopened when it was closed without a word', async () => {
    const { store, connections } = await openWithEntries();
    connections[0]?.close();
    await store.write(entryOf(2, { byteLength: 5 }), 1002, 'relaxed');
    expect(store.usage()).toEqual({ entries: 3, bytes: 25 });
  });

  it('is reopened once for all operations that lost it', async () => {
    const { store, connections } = await openWithEntries();
    connections[0]?.close();
    await Promise.all([store.read(keyOf(0)), store.read(keyOf(1)), store.remove(keyOf(1)), store.list({ limit: 10 })]);
    expect(connections).toHaveLength(2);
  });

  it('is reopened up to three times in a row', async () => {
    const { store } = await openWithEntries();
    const tries = failToBegin(connectionLost, 3);
    expect((await store.read(keyOf(0)))?.bytes.byteLength).toBe(10);
    expect(tries()).toBe(4);
  });

  it('is given up after three reopenings, and tried again by the next operation', async () => {
    const { store } = await openWithEntries();
    const tries = failToBegin(connectionLost, 4);
    await expect(store.read(keyOf(0))).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE', cause: connectionLost });
    expect(tries()).toBe(4);
    expect((await store.read(keyOf(0)))?.bytes.byteLength).toBe(10);
  });

  it('has as many reopenings again after a success', async () => {
    const { store } = await openWithEntries();
    failToBegin(connectionLost, 3);
    await store.read(keyOf(0));
    vi.restoreAllMocks();
    const tries = failToBegin(connectionLost, 3);
    await store.read(keyOf(0));
    expect(tries()).toBe(4);
  });

  it('rolls back a transaction under way, which is then repeated whole', async () => {
    const { store } = await openWithEntries();
    const { put } = IDBObjectStore.prototype;
    vi.spyOn(IDBObjectStore.prototype, 'put').mockImplementationOnce(function (this: IDBObjectStore, ...args) {
      const request = put.apply(this, args);
      this.transaction.abort();
      return request;
    });
    await store.write(entryOf(0, { byteLength: 40, version: 2 }), 1002, 'relaxed');
    expect(store.usage()).toEqual({ entries: 2, bytes: 50 });
    expect((await store.read(keyOf(0)))?.metadata).toEqual(entryOf(0, { byteLength: 40, version: 2 }).metadata);
  });

  it('does not change what a caller did with its buffer meanwhile', async () => {
    const { store } = await openWithEntries();
    failToBegin(connectionLost, 2);
    const entry = entryOf(5, { byteLength: 100 });
    const writing = store.write(entry, 1002, 'relaxed');
    structuredClone(entry.bytes, { transfer: [entry.bytes] });
    await writing;
    const stored = await store.read(keyOf(5));
    expect(stored && new Uint8Array(stored.bytes)).toEqual(new Uint8Array(entryOf(5, { byteLength: 100 }).bytes));
  });

  it('gives way to another tab that deletes or upgrades the database', async () => {
    const { store } = await openWithEntries();
    const blocked = vi.fn();
    await deleteDB(name, { blocked });
    expect(blocked).not.toHaveBeenCalled();
    expect(await store.read(keyOf(0))).toBeUndefined();
    await store.write(entryOf(2, { byteLength: 5 }), 1002, 'relaxed');
    expect(store.usage()).toEqual({ entries: 1, bytes: 5 });

    const newer = await openDB(name, SCHEMA_VERSION + 1, { blocked });
    expect(blocked).not.toHaveBeenCalled();
    await expect(store.read(keyOf(2))).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    newer.close();
  });

  it('is not reopened once the store is closed', async () => {
    const { store, connections } = await openWithEntries();
    const reading = Promise.resolve(store.read(keyOf(0)));
    await store.close();
    await reading.catch((error: unknown) => expect(error).toMatchObject({ code: 'CLOSED' }));
    await expect(store.read(keyOf(0))).rejects.toMatchObject({ code: 'CLOSED' });
    expect(connections).toHaveLength(1);
  });
});

describe('An operation without an end', () => {
  it('is repeated on new connections and then given up, so that those after it go on', async () => {
    const connection = new IndexedDbConnection(name, clock);
    let attempts = 0;
    const endless = connection.run(() => {
      attempts++;
      return new Promise<never>(() => {});
    });
    let outcome: unknown;
    endless.catch((error: unknown) => {
      outcome = error;
    });
    for (let turn = 1; turn <= 4; turn++) {
      await vi.waitUntil(() => attempts === turn);
      await clock.advance(29_999);
      expect(outcome).toBeUndefined();
      await clock.advance(1);
    }
    await vi.waitUntil(() => outcome !== undefined);
    expect(outcome).toMatchObject({ code: 'STORE_UNAVAILABLE', cause: { name: 'TimeoutError' } });
    expect(await connection.run(async () => 'answered')).toBe('answered');
    expect(clock.pendingTimers).toBe(0);
    connection.close();
  });
});

describe('Opening', () => {
  it('says so when there is no IndexedDB', async () => {
    vi.stubGlobal('indexedDB', undefined);
    await expect(open()).rejects.toMatchObject({
      name: 'AudioCacheError',
      code: 'STORE_UNAVAILABLE',
      message: expect.stringContaining('There is no IndexedDB here'),
    });
  });

  it.each([
    [new DOMException('denied', 'SecurityError'), 1, 'allow this site'],
    [new DOMException('full', 'QuotaExceededError'), 1, 'room'],
    [new DOMException('Internal error', 'UnknownError'), 4, 'reopening the browser'],
  ])('rejects with the cause and an advice (%s)', async (cause, expectedTries, advice) => {
    const tries = failToOpen(cause);
    await expect(open()).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      cause,
      message: expect.stringContaining(advice),
    });
    expect(tries()).toBe(expectedTries);
    expect(clock.pendingTimers).toBe(0);
  });

  it('says so when opening throws at once', async () => {
    const cause = new DOMException('denied', 'SecurityError');
    vi.spyOn(IDBFactory.prototype, 'open').mockImplementation(() => {
      throw cause;
    });
    await expect(open()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE', cause });
  });

  it('refuses a newer database and leaves it as it is', async () => {
    const newer = await openDB(name, 99, { upgrade: (database) => void database.createObjectStore('future') });
    await newer.put('future', 'precious', 'key');
    newer.close();
    await expect(open()).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      cause: { name: 'VersionError' },
      message: expect.stringContaining('newer version'),
    });
    const untouched = await openDB(name);
    expect([untouched.version, await untouched.get('future', 'key')]).toEqual([99, 'precious']);
    untouched.close();
  });

  it('gives up after three seconds, and closes the connection that comes too late', async () => {
    // A connection that ignores the deletion holds up everything behind it.
    const stubborn = await openDB(name, 1);
    const deleting = deleteDB(name);
    const opening = open();
    const outcome = expect(opening).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: expect.stringContaining('3000 ms'),
    });
    await clock.advance(2_999);
    expect(clock.pendingTimers).toBe(1);
    await clock.advance(1);
    await outcome;
    stubborn.close();
    await deleting;
    const blocked = vi.fn();
    await deleteDB(name, { blocked });
    expect(blocked).not.toHaveBeenCalled();
  });

  it('names the tab in the way when that is why it does not open', async () => {
    blockOpening();
    const outcome = expect(open()).rejects.toMatchObject({ message: expect.stringContaining('Another tab') });
    await clock.advance(3_000);
    await outcome;
  });
});

describe('Over quota', () => {
  const code22 = Object.defineProperty(new DOMException('', 'NS_ERROR_DOM_INDEXEDDB_QUOTA_ERR'), 'code', { value: 22 });

  it.each([overQuota, code22, new DOMException('Failed to write blobs (kIOError)', 'DataError')])(
    'a write is refused whole (%s)',
    async (cause) => {
      const { store } = await openWithEntries();
      failCommitsThatPut(cause);
      await expect(store.write(entryOf(2), 1002, 'relaxed')).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED', cause });
      await expect(store.write(entryOf(0), 1002, 'durable')).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED', cause });
      expect(store.usage()).toEqual({ entries: 2, bytes: 20 });
      vi.restoreAllMocks();
      expect(await store.read(keyOf(2))).toBeUndefined();
      expect((await store.read(keyOf(0)))?.metadata).toEqual(entryOf(0, { byteLength: 10 }).metadata);
      expect((await store.list({ limit: 10 })).entries).toHaveLength(2);
      expect(store.usage()).toEqual({ entries: 2, bytes: 20 });
    },
  );

  it('a write does not wait for requests that the browser never answers', async () => {
    const { store } = await openWithEntries();
    failCommitsThatPut(overQuota, { isMute: true });
    await expect(store.write(entryOf(2), 1002, 'relaxed')).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED' });
  });

  it('removing still works, although Chromium refuses to put the ledger', async () => {
    const { store } = await openWithEntries();
    for (let id = 2; id < 60; id++) await store.write(entryOf(id, { byteLength: 10 }), 1000 + id, 'relaxed');
    failCommitsThatPut(overQuota);
    store.touch(keyOf(0), { accessedAtMs: 5000 });
    expect(await store.evict(300, 100)).toMatchObject({ entries: 30, bytes: 300 });
    expect(store.usage()).toEqual({ entries: 30, bytes: 300 });
    expect(await store.remove(keyOf(59))).toBe(10);
    expect(await store.removeExpired(0, 10)).toMatchObject({ entries: 0, bytes: 0 });
    expect(store.usage()).toEqual({ entries: 29, bytes: 290 });
    expect((await store.list({ limit: 100 })).entries).toHaveLength(29);
  });

  it('the ledger is exact again with the next write, for every tab', async () => {
    const { store } = await openWithEntries();
    const other = await open();
    failCommitsThatPut(overQuota);
    await store.remove(keyOf(0));
    vi.restoreAllMocks();
    // Still knows of both, so it must not put what it believes is left.
    await other.remove(keyOf(1));
    await store.write(entryOf(2, { byteLength: 10 }), 1002, 'relaxed');
    const third = await open();
    expect(third.usage()).toEqual({ entries: 1, bytes: 10 });
    await third.write(entryOf(3, { byteLength: 7 }), 1003, 'relaxed');
    for (const each of [store, other]) {
      await each.read(keyOf(3));
      expect(each.usage()).toEqual({ entries: 2, bytes: 17 });
    }
  });

  it('everything can be cleared', async () => {
    const { store } = await openWithEntries();
    failCommitsThatPut(overQuota);
    expect(await store.clear()).toEqual({ entries: 2, bytes: 20 });
    expect(store.usage()).toEqual({ entries: 0, bytes: 0 });
  });
});
