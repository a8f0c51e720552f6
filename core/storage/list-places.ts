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
export function valueOf(index: EntryIndex, order: ScannedOrder, slot: number): number {
  return order === 'created' ? index.createdAtMs(slot) : index.audioBytes(slot);
}

/**
 * The first `limit` places behind a place, or from the front. Looks at every entry once and holds at most twice as many
 * as are wanted: when it holds that many, it lets the lower half go, and nothing below the rest is held any more.
 */
export function firstPlaces(
  index: EntryIndex,
  order: ScannedOrder,
  limit: number,
  after: ListPlace | undefined,
): readonly ListPlace[] {
  if (limit <= 0) return [];
  const afterWords = after && wordsOf(after.key);
  const isLower = (slot: number, value: number, words: () => Uint32Array): boolean => {
    const own = valueOf(index, order, slot);
    return own === value ? isBefore(own, index.words(slot), value, words()) : own < value;
  };
  const isLowerThan = (slot: number, other: number) =>
    isLower(slot, valueOf(index, order, other), () => index.words(other));
  const kept: number[] = [];
  let lowest = NONE;
  const keepBest = () => {
    kept.sort((a, b) => (isLowerThan(a, b) ? 1 : -1));
    kept.length = Math.min(kept.length, limit);
  };
  for (let slot = index.newest; slot !== NONE; slot = index.olderThan(slot)) {
    if (lowest !== NONE && isLowerThan(slot, lowest)) continue;
    if (after !== undefined && afterWords !== undefined && !isLower(slot, after.value, () => afterWords)) continue;
    kept.push(slot);
    if (kept.length < 2 * limit) continue;
    keepBest();
    lowest = kept.at(-1) ?? NONE;
  }
  keepBest();
  return kept.map((slot) => ({ value: valueOf(index, order, slot), key: keyOfWords(index.words(slot)) }));
}

function wordsOf(key: string): Uint32Array | undefined {
  const words = new Uint32Array(WORDS_PER_KEY);
  return parseKey(key, words) ? words : undefined;
}
