/**
 * Places in the list of entries by last access, as cursors name them: by an access rather than counted, so that what
 * comes and goes elsewhere moves nothing.
 */
import { type EntryIndex, isBefore, NONE } from './entry-index';
import { keyOfWords, parseKey, WORDS_PER_KEY } from './key-words';

/** The cursor of an entry's place. */
export function cursorOf(index: EntryIndex, slot: number): string {
  return `log ${index.accessedAtMs(slot)} ${keyOfWords(index.words(slot))}`;
}

/** The slot at a place, or `NONE` when its entry was used or removed since. */
export function slotAt(index: EntryIndex, cursor: string): number {
  const place = parseCursor(cursor);
  const slot = place === undefined ? NONE : index.find(place.words);
  return slot !== NONE && index.accessedAtMs(slot) === place?.accessedAtMs ? slot : NONE;
}

/**
 * The first slot behind a place, or `NONE`; for no cursor, and for one from elsewhere, the slot used last. A place
 * whose entry is gone is looked for from the front, which takes as long as there are entries before it.
 */
export function slotAfter(index: EntryIndex, cursor: string | undefined): number {
  const place = parseCursor(cursor ?? '');
  if (cursor === undefined || place === undefined) return index.newest;
  const same = slotAt(index, cursor);
  if (same !== NONE) return index.olderThan(same);
  const { accessedAtMs, words } = place;
  let slot = index.newest;
  while (slot !== NONE && !isBefore(index.accessedAtMs(slot), index.words(slot), accessedAtMs, words)) {
    slot = index.olderThan(slot);
  }
  return slot;
}

function parseCursor(cursor: string): { readonly accessedAtMs: number; readonly words: Uint32Array } | undefined {
  const [, accessedAt, key] = /^log (\S+) (\S+)$/.exec(cursor) ?? [];
  const accessedAtMs = Number(accessedAt);
  const words = new Uint32Array(WORDS_PER_KEY);
  if (key === undefined || Number.isNaN(accessedAtMs) || !parseKey(key, words)) return undefined;
  return { accessedAtMs, words };
}
