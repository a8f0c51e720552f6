/**
 * The worker: composes the cache from this runtime's parts and answers the page.
 */
import { expose } from 'comlink';
import { systemClock } from '../core/clock';
import { createHashing } from '../core/hashing';
import { CacheService } from './cache-service';
import { openDiskStore } from './open-disk-store';
import { storageReader } from './storage-state';
import { tabRuntime } from './tab-runtime';

// Compiles what every cache needs before it is asked for: a worker may be started ahead of its use.
createHashing().catch(() => {});

expose(
  new CacheService({
    clock: systemClock,
    openStore: openDiskStore,
    tabs: tabRuntime(),
    readStorage: storageReader(),
  }),
);
