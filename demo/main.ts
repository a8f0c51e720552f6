/** Composes the demo. */
import { AudioCacheClient } from 'reprise-cache';
import 'reprise-cache/panel';
import { setUpBook } from './book';
import { setUpClearing } from './clear';
import { Flite } from './flite';
import { setUpOffline } from './offline';
import { createOrigin } from './origin';
import { setUpPanel } from './panel';
import { setUpReplay } from './replay';
import { Settings } from './settings';
import { SmallCache } from './small-cache';
import { setUpSpeaking } from './speak';
import { setUpTrouble } from './trouble';

declare global {
  interface Window {
    /** For the console and for tests. */
    repriseDemo: { readonly cache: AudioCacheClient };
  }
}

const flite = new Flite();
const settings = new Settings();
const isOffline = setUpOffline();
const originOf = (isDelayed: boolean) => createOrigin(flite, settings, isOffline, isDelayed);
const cache = new AudioCacheClient({
  namespace: 'demo',
  synthesize: originOf(true),
  // The first pass through the phrase book is all misses, and that is nothing to be warned of.
  health: { minHitRate: 0 },
});
const smallCache = new SmallCache(originOf(false));
window.repriseDemo = { cache };

const shown = setUpPanel(cache, smallCache);
setUpSpeaking(cache, settings);
setUpReplay(cache, settings, originOf);
setUpBook(cache, originOf(false));
setUpTrouble(smallCache, () => shown.showSmall());
setUpClearing(shown);
flite.prepare();
