/** The page that the tests of the panel drive: a panel and the cache it shows, both within reach. */

import { AudioCachePanel } from '../../src/panel/audio-cache-panel';
import { entryOf, FakePanelSource, keyOf, servedEvent, withCounts } from '../panel-source-fixture';

const nowMs = Date.now();
const cache = new FakePanelSource();
cache.entriesHeld = Array.from({ length: 60 }, (_, index) => {
  const entry = entryOf(index, `Phrase number ${index}, please.`, nowMs);
  return index < 3 ? { ...entry, collections: ['book-42/ch-3'] } : entry;
});
cache.collectionsHeld = [
  {
    name: 'book-42/ch-3',
    pinned: false,
    entries: 3,
    bytes: 120_000,
    missing: 2,
    complete: false,
    accessedAtMs: nowMs - 60_000,
  },
  {
    name: '<img src=x onerror="alert(1)"> ../../etc',
    pinned: true,
    entries: 1,
    bytes: 40_000,
    missing: 0,
    complete: true,
    accessedAtMs: undefined,
  },
];

// The package says that only its built files have effects, so a build of the sources leaves the one of index.ts out.
customElements.define('audio-cache-panel', AudioCachePanel);
const panel = new AudioCachePanel();
panel.cache = cache;
document.body.append(panel);

const page = { cache, panel, entryOf, keyOf, servedEvent, withCounts };

declare global {
  /** What the page lends to its tests. */
  var panelPage: typeof page;
}
globalThis.panelPage = page;
