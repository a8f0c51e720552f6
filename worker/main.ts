/**
 * The worker: composes the cache from this runtime's parts and answers the page.
 */
import { expose } from 'comlink';
import { systemClock } from '../core/clock';
import { CacheService } from './cache-service';
import { openDiskStore } from './open-disk-store';

const hasTabs = typeof BroadcastChannel === 'function' && 'locks' in navigator;
const tabs = hasTabs
  ? { locks: navigator.locks, openChannel: (name: string) => new BroadcastChannel(name) }
  : undefined;

expose(new CacheService({ clock: systemClock, openStore: openDiskStore, tabs }));
