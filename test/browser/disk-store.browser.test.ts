/** Which store a client gets: OPFS where its handles work and nobody else has them, else IndexedDB, else none. */
import { afterEach, expect, test } from 'vitest';
import { createHashing } from '../../core/hashing';
import { encodeFileHeader } from '../../core/storage/file-header';
import { FORMAT_VERSION } from '../../core/storage/record';
import { databasesOf, filesOf, untilDisk, writeFileOf } from './disk-content';
import { closeClients, createClient, freshNamespace, wavOf } from './speech';
import { NO_OPFS, workerAfter } from './worker-after';

afterEach(closeClients);

test('entries lie in OPFS, and there is no database', async () => {
  const namespace = freshNamespace();
  const cache = createClient({ namespace });
  await cache.put('On disk.', wavOf('On disk.'));
  const { runtime, health, tiers } = await cache.stats();
  expect(runtime.store).toBe('opfs');
  expect(health).toEqual({ status: 'ok', alerts: [] });
  expect(tiers.disk.entries).toBe(1);
  expect([...(await filesOf(namespace)).keys()]).toContain('000001.segment');
  expect(await databasesOf(namespace)).toEqual([]);
});

test('a namespace may have the name of a folder above', async () => {
  const cache = createClient({ namespace: '..' });
  await cache.put('On disk.', wavOf('On disk.'));
  expect((await cache.stats()).runtime.store).toBe('opfs');
  await cache.clear();
});

const handles = 'FileSystemSyncAccessHandle.prototype';

test.each([
  ['there is no OPFS', NO_OPFS],
  ['an insecure context has no storage', `Object.defineProperty(navigator, 'storage', { value: undefined });`],
  [
    'handles are there and cannot be had (WebKitGTK)',
    `FileSystemFileHandle.prototype.createSyncAccessHandle = () =>
       Promise.reject(new DOMException('no', 'NotSupportedError'));`,
  ],
  ['handles are not there', 'delete FileSystemFileHandle.prototype.createSyncAccessHandle;'],
  ['handles take nothing', `${handles}.write = () => 0;`],
  ['handles forget what they took', `${handles}.read = (target) => target.byteLength;`],
  [
    'handles answer with promises (Safari before 16.4)',
    `const { getSize } = ${handles}; ${handles}.getSize = async function () { return getSize.call(this); };`,
  ],
  ['there are no Web Locks', `Object.defineProperty(navigator, 'locks', { value: undefined });`],
  [
    'Web Locks are forbidden',
    `LockManager.prototype.request = () => Promise.reject(new DOMException('denied', 'SecurityError'));`,
  ],
])('where %s, entries lie in IndexedDB', async (_, prelude) => {
  const namespace = freshNamespace();
  const cache = createClient({ namespace, worker: workerAfter(prelude) });
  await cache.put('On disk.', wavOf('On disk.'));
  const { runtime, health } = await cache.stats();
  expect(runtime.store).toBe('indexeddb');
  expect(health).toEqual({ status: 'ok', alerts: [] });
  await cache.close();
  const again = createClient({ namespace, worker: workerAfter(prelude) });
  expect((await again.get('On disk.'))?.source).toBe('disk');
});

test('a client that insists on OPFS keeps audio in memory where there is none, and says so', async () => {
  const namespace = freshNamespace();
  const warnings: string[] = [];
  const onWarning = (message: string) => warnings.push(message);
  const cache = createClient({ namespace, disk: { store: 'opfs' }, worker: workerAfter(NO_OPFS), onWarning });
  await cache.put('In memory.', wavOf('In memory.'));
  const { runtime, health } = await cache.stats();
  expect(runtime.store).toBe('none');
  expect(health.alerts).toMatchObject([{ code: 'STORE_FALLBACK' }]);
  expect(warnings).toHaveLength(1);
  expect(await databasesOf(namespace)).toEqual([]);
});

test('what a newer format wrote is left as it is, and entries lie in IndexedDB', async () => {
  const namespace = freshNamespace();
  const { xxh64 } = await createHashing();
  const newer = encodeFileHeader(xxh64, { segmentId: 1, salt: 1, fileCreatedAtMs: 0 });
  const copyBytes = newer.byteLength / 2;
  for (const copy of [newer.subarray(0, copyBytes), newer.subarray(copyBytes)]) {
    new DataView(copy.buffer, copy.byteOffset).setUint32(12, FORMAT_VERSION + 1, true);
    copy.set(xxh64(copy.subarray(8)));
  }
  await writeFileOf(namespace, '000001.segment', new Uint8Array(newer));

  const cache = createClient({ namespace });
  await cache.put('On disk.', wavOf('On disk.'));
  await cache.clear();
  expect((await cache.stats()).runtime.store).toBe('indexeddb');
  await cache.close();
  const file = await (await filesOf(namespace)).get('000001.segment')?.getFile();
  expect(new Uint8Array((await file?.arrayBuffer()) ?? new ArrayBuffer(0))).toEqual(newer);
});

test('a second client of a cache uses the first one’s worker, and has its own once that is closed', async () => {
  const namespace = freshNamespace();
  const first = createClient({ namespace });
  await first.put('From the first.', wavOf('From the first.'));
  const second = createClient({ namespace });
  await second.put('From the second.', wavOf('From the second.'));
  expect((await second.get('From the first.'))?.source).toBe('memory');
  expect((await first.get('From the second.'))?.source).toBe('memory');
  expect((await second.stats()).runtime).toMatchObject({ role: 'follower', owner: false, store: 'opfs' });
  expect((await first.stats()).runtime).toMatchObject({ role: 'owner', owner: true, store: 'opfs' });
  await first.close();

  expect((await second.get('From the first.'))?.source).toBe('disk');
  expect((await second.stats()).runtime).toMatchObject({ role: 'owner', owner: true, store: 'opfs' });
});

test('a client whose files another worker holds keeps audio in memory and says why', async () => {
  const namespace = freshNamespace();
  let release = () => {};
  await new Promise<void>((onHeld) => {
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    void navigator.locks.request(`reprise:${namespace}:v1`, () => {
      onHeld();
      return held;
    });
  });
  const warnings: string[] = [];
  const cache = createClient({ namespace, onWarning: (message) => warnings.push(message) });
  await cache.put('In memory.', wavOf('In memory.'));
  const { runtime, health } = await cache.stats();
  expect(runtime.store).toBe('none');
  expect(health).toMatchObject({ status: 'degraded', alerts: [{ code: 'STORE_FALLBACK' }] });
  expect(health.alerts[0]?.message).toContain('Another tab');
  expect(warnings).toHaveLength(1);
  expect(await databasesOf(namespace)).toEqual([]);
  release();
});

test('a second client gets the disk when the first one lets go in time', async () => {
  const namespace = freshNamespace();
  const first = createClient({ namespace });
  await first.put('On disk.', wavOf('On disk.'));
  const second = createClient({ namespace });
  await untilDisk(
    async () => (await navigator.locks.query()).pending?.some((lock) => lock.name?.includes(namespace)) ?? false,
  );
  await first.close();
  expect((await second.get('On disk.'))?.source).toBe('disk');
});

test('entries of a run on IndexedDB are served and moved to OPFS, as stats() show', async () => {
  const namespace = freshNamespace();
  const texts = Array.from({ length: 40 }, (_, index) => `Phrase ${index}`);
  const earlier = createClient({ namespace, disk: { store: 'indexeddb' } });
  for (const text of texts) await earlier.put(text, wavOf(text));
  await earlier.close();

  const cache = createClient({ namespace });
  expect((await cache.get('Phrase 7'))?.source).toBe('disk');
  const before = await cache.stats();
  expect(before.runtime.store).toBe('opfs');
  expect(before.tiers.disk.entries).toBe(40);
  expect(before.tiers.disk.migration?.remainingEntries).toBeGreaterThan(0);
  expect((await cache.entries({ limit: 100 })).entries).toHaveLength(40);
  await cache.close();

  // A listing stops the moving for a while, so that is left to another client.
  const mover = createClient({ namespace });
  const remaining: number[] = [];
  await untilDisk(async () => {
    const { migration, entries } = (await mover.stats()).tiers.disk;
    expect(entries).toBe(40);
    remaining.push(migration?.remainingEntries ?? 0);
    return remaining.at(-1) === 0;
  });
  expect(new Set(remaining).size).toBeGreaterThan(5);
  expect(remaining).toEqual(remaining.toSorted((a, b) => b - a));
  await mover.close();

  const withoutDatabase = workerAfter(
    `IDBFactory.prototype.open = () => { throw new DOMException('no', 'SecurityError'); };`,
  );
  const later = createClient({ namespace, worker: withoutDatabase });
  for (const text of texts) expect((await later.get(text))?.source, text).toBe('disk');
});
