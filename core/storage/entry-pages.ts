/** Pages of `list` over the log: which entries come next says the index, their metadata is read from their records. */
import { NONE } from './entry-index';
import type { IndexedLog } from './indexed-log';
import { parseKey, WORDS_PER_KEY } from './key-words';
import { cursorAt, type ListPlace, placeAt } from './list-order';
import { firstPlaces, orderValue, placeOf, type ScannedOrder, slotAfter, slotAt } from './list-places';
import type { RecordReader } from './record-reader';
import type { Segment } from './segment';
import type { ListOptions, StoredMetadata, StoredPage } from './store';

/** What pages are read with. */
export interface EntryPagesOptions {
  readonly store: IndexedLog;
  readonly reader: RecordReader;
  /** Opens a segment's file on first use; false when that cannot be done. */
  readonly isOpened: (segment: Segment | undefined) => Promise<boolean>;
}

/** Reads pages. */
export class EntryPages {
  readonly #options: EntryPagesOptions;

  constructor(options: EntryPagesOptions) {
    this.#options = options;
  }

  /** Reads a page; what is damaged is left out. */
  read({ limit, cursor, order = 'accessed' }: ListOptions): Promise<StoredPage> {
    const after = placeAt(order, cursor);
    return order === 'accessed' ? this.#readByAccess(limit, after) : this.#readScanned(order, limit, after);
  }

  async #readByAccess(limit: number, after: ListPlace | undefined): Promise<StoredPage> {
    const { store, reader, isOpened } = this.#options;
    const { index } = store;
    const entries: StoredMetadata[] = [];
    let slot = slotAfter(index, after);
    let last: ListPlace | undefined;
    while (slot !== NONE && entries.length < limit) {
      const segment = store.segmentOf(slot);
      if (segment?.file === undefined) {
        const next = placeOf(index, slot);
        // Meanwhile the entry may have been used or removed.
        const same = (await isOpened(segment)) ? slotAt(index, next) : NONE;
        slot = same === NONE ? slotAfter(index, next) : same;
        continue;
      }
      last = placeOf(index, slot);
      const older = index.olderThan(slot);
      const stored = reader.readStored(slot, segment);
      if (stored !== undefined) entries.push(stored);
      slot = older;
    }
    return { entries, cursor: slot === NONE || last === undefined ? undefined : cursorAt('accessed', last) };
  }

  async #readScanned(order: ScannedOrder, limit: number, after: ListPlace | undefined): Promise<StoredPage> {
    const { store, reader, isOpened } = this.#options;
    // One more tells whether this is the last page.
    const places = firstPlaces(store.index, order, limit + 1, after);
    const page = places.slice(0, limit);
    const entries: StoredMetadata[] = [];
    for (const place of page) {
      let slot = this.#slotOf(order, place);
      while (slot !== NONE && store.segmentOf(slot)?.file === undefined) {
        slot = (await isOpened(store.segmentOf(slot))) ? this.#slotOf(order, place) : NONE;
      }
      const segment = slot === NONE ? undefined : store.segmentOf(slot);
      const stored = segment && reader.readStored(slot, segment);
      if (stored !== undefined) entries.push(stored);
    }
    const last = page.at(-1);
    return { entries, cursor: places.length <= limit || last === undefined ? undefined : cursorAt(order, last) };
  }

  /** The slot at a place; `NONE` when its entry is gone or another by now. */
  #slotOf(order: ScannedOrder, { value, key }: ListPlace): number {
    const { index } = this.#options.store;
    const words = new Uint32Array(WORDS_PER_KEY);
    const slot = parseKey(key, words) ? index.find(words) : NONE;
    return slot !== NONE && orderValue(index, order, slot) === value ? slot : NONE;
  }
}
