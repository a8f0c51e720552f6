/** What older versions of a namespace left is deleted once nobody uses it, and nothing else is. */
import { afterEach, expect, test } from 'vitest';
import { databasesOf, findDirectory, untilDisk } from './disk-content';
import { closeClients, createClient, freshNamespace, wavOf } from './speech';
import { DELETING_SOON, workerAfter } from './worker-after';

afterEach(closeClients);

type Store = 'opfs' | 'indexeddb';

/** Stores an entry under a version and leaves the client open. */
async function openVersion(namespace: string, version: number, store: Store) {
  const client = createClient({ namespace, version, disk: { store } });
  await client.put('Hello.', wavOf('Hello.'));
  return client;
}

async function leaveVersion(namespace: string, version: number, store: Store): Promise<void> {
  await (await openVersion(namespace, version, store)).close();
}

async function versionsLeft(namespace: string): Promise<readonly string[]> {
  const directory = await findDirectory('reprise', `n-${namespace}`);
  const names: string[] = [];
  for await (const name of directory?.keys() ?? []) names.push(`opfs ${name}`);
  return [...names, ...(await databasesOf(namespace))].sort();
}

test('unused older versions go, in OPFS and IndexedDB; those in use stay until they are not', async () => {
  const namespace = freshNamespace();
  await leaveVersion(namespace, 1, 'opfs');
  const inOpfs = await openVersion(namespace, 2, 'opfs');
  await leaveVersion(namespace, 3, 'indexeddb');
  const inIndexedDb = await openVersion(namespace, 4, 'indexeddb');
  await leaveVersion(namespace, 5, 'indexeddb');
  await leaveVersion(namespace, 6, 'opfs');

  const current = createClient({ namespace, version: 7, worker: workerAfter(DELETING_SOON) });
  await current.put('Hello.', wavOf('Hello.'));
  const expected = ['opfs v2', 'opfs v7', `reprise:${namespace}:v4`];
  await untilDisk(async () => (await versionsLeft(namespace)).length === expected.length);
  expect(await versionsLeft(namespace)).toEqual(expected);
  expect(await inOpfs.has('Hello.')).toBe(true);
  expect(await inIndexedDb.has('Hello.')).toBe(true);
  await Promise.all([inOpfs.close(), inIndexedDb.close(), current.close()]);

  const later = createClient({ namespace, version: 7, worker: workerAfter(DELETING_SOON) });
  expect((await later.get('Hello.'))?.source).toBe('disk');
  await untilDisk(async () => (await versionsLeft(namespace)).every((name) => name.endsWith('v7')));
});

test('newer versions, other namespaces and foreign data stay', async () => {
  const namespace = freshNamespace();
  const others = [`${namespace}.`, `${namespace}-v1`, namespace.slice(0, -1)];
  await leaveVersion(namespace, 3, 'opfs');
  await leaveVersion(namespace, 10, 'indexeddb');
  for (const other of others) {
    await leaveVersion(other, 1, 'opfs');
    await leaveVersion(other, 1, 'indexeddb');
  }
  const root = await findDirectory('reprise', `n-${namespace}`);
  await root?.getDirectoryHandle('v01', { create: true });
  await root?.getDirectoryHandle('v-1', { create: true });
  const foreign = await navigator.storage.getDirectory();
  await foreign.getDirectoryHandle('v1', { create: true });

  // Each of two deletions ends with what is deleted last.
  for (const store of ['opfs', 'indexeddb'] as const) {
    await leaveVersion(namespace, 1, store);
    const current = createClient({ namespace, version: 2, worker: workerAfter(DELETING_SOON) });
    await untilDisk(async () => !(await versionsLeft(namespace)).some((name) => name.endsWith('v1')));
    await current.close();
  }
  expect(await versionsLeft(namespace)).toEqual([
    'opfs v-1',
    'opfs v01',
    'opfs v2',
    'opfs v3',
    `reprise:${namespace}:v10`,
    // Second copies of what lies in files as new as these.
    `reprise:${namespace}:v3`,
  ]);
  for (const other of others) expect(await versionsLeft(other)).toHaveLength(2);
  expect(await findDirectory('v1')).toBeDefined();
});
