/** The panel, and the choice of the cache that it shows. */
import type { AudioCacheClient } from 'reprise-cache';
import { element } from './settings';
import type { SmallCache } from './small-cache';

/** Shows the cache; the returned function shows the small one instead, which can be chosen from then on. */
export function setUpPanel(cache: AudioCacheClient, smallCache: SmallCache): () => void {
  const panel = document.querySelector('audio-cache-panel');
  const choice = element('shown', HTMLFieldSetElement);
  const own = element('shown-own', HTMLInputElement);
  const small = element('shown-small', HTMLInputElement);
  const show = () => {
    if (panel) panel.cache = small.checked ? smallCache.client : cache;
  };
  own.addEventListener('change', show);
  small.addEventListener('change', show);
  show();
  return () => {
    choice.hidden = false;
    if (small.checked) return;
    small.checked = true;
    show();
  };
}
