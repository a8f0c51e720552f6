/**
 * The cache's worker, composed as `worker/main.ts` composes it, which also answers the floor. That file itself cannot
 * be imported for its effect: bundlers read in package.json that nothing here but the panel has one.
 */
import { expose } from 'comlink';
import { systemClock } from '../../core/clock';
import { CacheService } from '../../worker/cache-service';
import { openDiskStore } from '../../worker/open-disk-store';
import { tabRuntime } from '../../worker/tab-runtime';
import { answerFloor } from './floor-answers';

// First, so that Comlink never sees the floor's messages.
answerFloor();
expose(new CacheService({ clock: systemClock, openStore: openDiskStore, tabs: tabRuntime() }));
