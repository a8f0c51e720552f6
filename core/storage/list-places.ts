/**
 * The slots of the index in the orders of `list`.
 *
 * By last access the index is in order already. The other orders are found by looking at every entry: two numbers of
 * typed arrays each, some milliseconds for 100,000, which a list is asked for too rarely to keep an order for it.
 */
import { type EntryIndex, isBefore, NONE } from './entry-index';
import { keyOfWords, parseKey, WORDS_PER_KEY } from './key-words';
import type { ListPlace } from './list-order';
import type { EntryOrder } from './store';

/** A few sorts of more entries take less time than many of fewer. */
const HELD_FACTOR = 8;

/** An order that the index does not keep. */
export type ScannedOrder = Exclude<EntryOrder, 'accessed'>;

/** The place of a slot by last access. */
export function placeOf(index: EntryIndex, slot: number): ListPlace {
  return { value: index.accessedAtMs(slot), key: keyOfWords(index.words(slot)) };
}

/** The slot at a place by last access, or `NONE` when its entry was used or removed since. */
export function slotAt(index: EntryIndex, { value, key }: ListPlace): number {
  const words = wordsOf(key);
  const slot = words === undefined ? NONE : index.find(words);
  return slot !== NONE && index.accessedAtMs(slot) === value ? slot : NONE;
}

/**
 * The first slot behind a place by last access, or `NONE`; without a place, the slot used last. A place whose entry is
 * gone is looked for from the front, which takes as long as there are entries before it.
 */
export function slotAfter(index: EntryIndex, place: ListPlace | undefined): number {
  const words = place && wordsOf(place.key);
  if (place === undefined || words === undefined) return index.newest;
  const same = slotAt(index, place);
  if (same !== NONE) return index.olderThan(same);
  let slot = index.newest;
  while (slot !== NONE && !isBefore(index.accessedAtMs(slot), index.words(slot), place.value, words)) {
    slot = index.olderThan(slot);
  }
  return slot;
}

/** The value by which a slot stands in an order. */
export function orderValue(index: EntryIndex, order: ScannedOrder, slot: number): number {
  return order === 'created' ? index.createdAtMs(slot) : index.audioBytes(slot);
}

/**
 * The first `limit` places behind a place, or from the front. Looks at every entry once and holds only some times as
 * many as are wanted: when it holds that many, it keeps the first ones, and takes only what comes before the last of
 * them from then on.
 */
export function firstPlaces(
  index: EntryIndex,
  order: ScannedOrder,
  limit: number,
  after: ListPlace | undefined,
): readonly ListPlace[] {
  if (limit <= 0) return [];
  const value = (slot: number) => orderValue(index, order, slot);
  const compare = (a: number, b: number) => value(b) - value(a) || index.compareKeys(b, a);
  const isBehind = (slot: number, place: ListPlace, words: Uint32Array) => {
    const own = value(slot);
    return own === place.value ? isBefore(own, index.words(slot), own, words) : own < place.value;
  };
  const afterWords = after && wordsOf(after.key);
  const kept: number[] = [];
  const keepFirst = () => {
    kept.sort(compare);
    kept.length = Math.min(kept.length, limit);
  };
  let last = NONE;
  let lastValue = Number.NEGATIVE_INFINITY;
  for (let slot = index.newest; slot !== NONE; slot = index.olderThan(slot)) {
    const own = value(slot);
    if (own < lastValue || (own === lastValue && index.compareKeys(slot, last) < 0)) continue;
    if (after !== undefined && afterWords !== undefined && !isBehind(slot, after, afterWords)) continue;
    kept.push(slot);
    if (kept.length < HELD_FACTOR * limit) continue;
    keepFirst();
    last = kept.at(-1) ?? NONE;
    lastValue = value(last);
  }
  keepFirst();
  return kept.map((slot) => ({ value: value(slot), key: keyOfWords(index.words(slot)) }));
}

function wordsOf(key: string): Uint32Array | undefined {
  const words = new Uint32Array(WORDS_PER_KEY);
  return parseKey(key, words) ? words : undefined;
}
