/** The panel, and the choice of the cache that it shows. */
import type { AudioCacheClient } from 'reprise-cache';
import { element } from './settings';
import type { SmallCache } from './small-cache';

/** What the panel shows. */
export interface ShownCache {
  /** The cache it shows now. */
  readonly client: AudioCacheClient;
  readonly isSmall: boolean;
  /** Shows the small cache, which can be chosen from then on. */
  showSmall(): void;
}

/** Shows the cache. */
export function setUpPanel(cache: AudioCacheClient, smallCache: SmallCache): ShownCache {
  const panel = document.querySelector('audio-cache-panel');
  const choice = element('shown', HTMLFieldSetElement);
  const own = element('shown-own', HTMLInputElement);
  const small = element('shown-small', HTMLInputElement);
  const shown = () => (small.checked ? smallCache.client : cache);
  const show = () => {
    if (panel) panel.cache = shown();
  };
  own.addEventListener('change', show);
  small.addEventListener('change', show);
  show();
  return {
    get client() {
      return shown();
    },
    get isSmall() {
      return small.checked;
    },
    showSmall() {
      choice.hidden = false;
      if (small.checked) return;
      small.checked = true;
      show();
    },
  };
}
