/** Entry of `reprise-cache/panel`: importing it defines `<audio-cache-panel>`, once. */
import { AudioCachePanel } from './audio-cache-panel';

export type { PanelClip, PanelEntriesQuery, PanelProgress, PanelSource, PanelTarget } from './panel-source';
export { AudioCachePanel };

declare global {
  interface HTMLElementTagNameMap {
    'audio-cache-panel': AudioCachePanel;
  }
}

const registry = globalThis.customElements;
if (registry && !registry.get('audio-cache-panel')) registry.define('audio-cache-panel', AudioCachePanel);
