/**
 * The cache's worker, composed as `worker/main.ts` composes it, which can be told to hang. That file itself cannot be
 * imported for its effect: bundlers read in package.json that nothing here but the panel has one.
 */
import { expose } from 'comlink';
import { systemClock } from '../../core/clock';
import { CacheService } from '../../worker/cache-service';
import { openDiskStore } from '../../worker/open-disk-store';
import { tabRuntime } from '../../worker/tab-runtime';

addEventListener('message', (event) => {
  if (event.data === 'hang') for (;;);
});
expose(new CacheService({ clock: systemClock, openStore: openDiskStore, tabs: tabRuntime() }));
