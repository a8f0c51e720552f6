/**
 * The worker: composes the cache from this runtime's parts and answers the page.
 */
import { expose } from 'comlink';
import { systemClock } from '../core/clock';
import { CacheService } from './cache-service';
import { openIndexedDbStore } from './indexeddb-store';

expose(
  new CacheService({
    clock: systemClock,
    openStore: async ({ disk, namespace, version }, clock) =>
      disk.store === 'none' ? undefined : openIndexedDbStore({ name: `reprise:${namespace}:v${version}`, clock }),
  }),
);
