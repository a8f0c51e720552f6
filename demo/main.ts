/** Composes the demo. */
import { AudioCacheClient } from 'reprise-cache';
import 'reprise-cache/panel';
import { setUpClearing } from './clear';
import { Flite } from './flite';
import { createOrigin } from './origin';
import { setUpReplay } from './replay';
import { Settings } from './settings';
import { setUpSpeaking } from './speak';

declare global {
  interface Window {
    /** For the console and for tests. */
    repriseDemo: { readonly cache: AudioCacheClient };
  }
}

const flite = new Flite();
const settings = new Settings();
const cache = new AudioCacheClient({ namespace: 'demo', synthesize: createOrigin(flite, settings, true) });
window.repriseDemo = { cache };

const panel = document.querySelector('audio-cache-panel');
if (panel) panel.cache = cache;
setUpSpeaking(cache, settings);
setUpReplay(cache, settings, (isDelayed) => createOrigin(flite, settings, isDelayed));
setUpClearing(cache);
flite.prepare();
