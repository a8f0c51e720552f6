/**
 * The worker: composes the cache from this runtime's parts and answers the page.
 */
import { expose } from 'comlink';
import { systemClock } from '../core/clock';
import { CacheService } from './cache-service';
import { openDiskStore } from './open-disk-store';

expose(new CacheService({ clock: systemClock, openStore: openDiskStore }));
