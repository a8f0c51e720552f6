/** What an app would use instead, on the main thread as an app uses it, each with its defaults and an own database. */
import Dexie from 'dexie';
import { clear, createStore, get, set } from 'idb-keyval';
import localforage from 'localforage';

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

/** With `strict`, it waits for the disk as our puts of more than 63 KiB do. */
export function dexie(name: string, durability?: 'strict'): Peer {
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
      await caches.delete(name);
    },
  };
}
