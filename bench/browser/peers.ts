/** What an app would use instead, on the main thread as an app uses it, each with its defaults and an own database. */
import Dexie from 'dexie';
import { clear, createStore, get, set } from 'idb-keyval';
import localforage from 'localforage';
import { PlainDatabase } from '../indexed-db';

/** A store of audio by key. */
export interface Peer {
  readonly name: string;
  get(key: string): Promise<ArrayBuffer | undefined>;
  put(key: string, bytes: ArrayBuffer): Promise<void>;
  /** Removes all that was stored. */
  clear(): Promise<void>;
}

/** The name of the peer nearest to bare IndexedDB, which ratios refer to. */
export const NEAREST_PEER = 'idb-keyval';

/** Opens all peers under a name that no other case uses. */
export async function openPeers(name: string): Promise<readonly Peer[]> {
  return [idbKeyval(`${name}-idb-keyval`), localForage(name), dexie(name), await cacheApi(name)];
}

/** Opens those that can promise that what they acknowledged survives power loss. */
export async function openStrictPeers(name: string): Promise<readonly Peer[]> {
  return [dexie(`${name}-strict`, 'strict'), await strictIndexedDb(`${name}-strict`)];
}

function idbKeyval(name: string): Peer {
  const store = createStore(name, 'audio');
  return {
    name: NEAREST_PEER,
    get: (key) => get<ArrayBuffer>(key, store),
    put: (key, bytes) => set(key, bytes, store),
    clear: () => clear(store),
  };
}

function localForage(name: string): Peer {
  const store = localforage.createInstance({ name: `${name}-localforage`, driver: localforage.INDEXEDDB });
  return {
    name: 'localForage',
    get: async (key) => (await store.getItem<ArrayBuffer>(key)) ?? undefined,
    put: async (key, bytes) => {
      await store.setItem(key, bytes);
    },
    clear: () => store.clear(),
  };
}

async function strictIndexedDb(name: string): Promise<Peer> {
  const database = await PlainDatabase.open<ArrayBuffer>(`${name}-indexeddb`);
  return {
    name: 'IndexedDB, strict',
    get: (key) => database.get(key),
    put: (key, bytes) => database.put([[key, bytes]], 'strict'),
    clear: () => database.clear(),
  };
}

function dexie(name: string, durability?: 'strict'): Peer {
  const database = new Dexie(`${name}-dexie`, durability && { chromeTransactionDurability: durability });
  database.version(1).stores({ audio: '' });
  const table = database.table<ArrayBuffer, string>('audio');
  return {
    name: durability === undefined ? 'Dexie' : `Dexie, ${durability}`,
    get: (key) => table.get(key),
    put: async (key, bytes) => {
      await table.put(bytes, key);
    },
    clear: () => table.clear(),
  };
}

async function cacheApi(name: string): Promise<Peer> {
  const cache = await caches.open(name);
  const urlOf = (key: string) => `/audio/${encodeURIComponent(key)}`;
  return {
    name: 'Cache API',
    get: async (key) => (await cache.match(urlOf(key)))?.arrayBuffer(),
    put: (key, bytes) => cache.put(urlOf(key), new Response(bytes, { headers: { 'Content-Type': 'audio/mpeg' } })),
    clear: async () => {
      await Promise.all((await cache.keys()).map((request) => cache.delete(request)));
    },
  };
}
