/**
 * Lists entries: all of them in one of three orders, those of a collection, or those whose text contains something.
 *
 * The disk knows its orders; a collection is small enough to be sorted here; a search reads what is kept beside the audio,
 * one entry after the other, in slices, and gives back a page, be it empty, once it has looked for a while.
 */
import type { Clock } from './clock';
import type { DiskTier } from './disk-tier';
import { createGiveWay } from './give-way';
import type { EntriesRequest } from './protocol/messages';
import type { EntriesPage, EntryInfo, EntrySort } from './protocol/values';
import type { StoredMetadata } from './storage/store';

/** So many entries are looked through before others have their turn. */
const SEARCH_PAGE_ENTRIES = 100;
/** A page of a search ends after this time; the next one goes on. */
const SEARCH_MS = 100;

/** What a listing is made from. */
export interface EntryListingOptions {
  readonly clock: Clock;
  readonly disk: DiskTier;
  readonly describe: (stored: StoredMetadata, isOnDisk: boolean) => EntryInfo;
  /** All unexpired entries in memory. */
  readonly inMemory: () => readonly StoredMetadata[];
  readonly membersOf: (collection: string) => Promise<readonly string[] | undefined>;
}

/** Entries by page. */
export class EntryListing {
  readonly #options: EntryListingOptions;

  constructor(options: EntryListingOptions) {
    this.#options = options;
  }

  /** A page of the entries that are asked for; none of a collection that does not exist. */
  page(request: EntriesRequest): Promise<EntriesPage> {
    if (request.collection !== undefined) return this.#pageOfCollection(request, request.collection);
    return request.search === undefined ? this.#pageOfAll(request) : this.#pageOfSearch(request, request.search);
  }

  async #pageOfAll({ limit, cursor, sort = 'accessed' }: EntriesRequest): Promise<EntriesPage> {
    const { disk, describe, inMemory } = this.#options;
    const page = await disk.list({ limit, cursor, order: sort });
    if (page !== undefined) {
      const entries = page.entries.filter(({ metadata }) => !disk.hasExpired(metadata));
      return { ...page, entries: entries.map((stored) => describe(stored, true)) };
    }
    return pageOfSorted(
      inMemory().map((stored) => describe(stored, false)),
      sort,
      limit,
      cursor,
    );
  }

  /** Sorted by what is known without reading a record, and only the entries of the page are read, unless they are searched. */
  async #pageOfCollection(request: EntriesRequest, collection: string): Promise<EntriesPage> {
    const { clock, disk, describe, inMemory, membersOf } = this.#options;
    const { limit, cursor, sort = 'accessed', search } = request;
    const keys = (await membersOf(collection)) ?? [];
    const memoryByKey = new Map(inMemory().map((stored) => [stored.metadata.key, stored]));
    const summaries = await disk.survey(keys);
    const places = keys.flatMap((key, index): readonly Place[] => {
      const held = memoryByKey.get(key);
      const { accessedAtMs, createdAtMs, byteLength } = summaries[index] ?? { ...held, ...held?.metadata };
      if (accessedAtMs === undefined || createdAtMs === undefined || byteLength === undefined) return [];
      const usedAtMs = Math.max(accessedAtMs, held?.accessedAtMs ?? 0);
      return [{ key, value: { accessed: usedAtMs, created: createdAtMs, size: byteLength }[sort] }];
    });
    const giveWay = createGiveWay(clock);
    const entries: EntryInfo[] = [];
    let last: Place | undefined;
    for (const place of placesAfter(places, cursor)) {
      if (entries.length === limit && last !== undefined) return { entries, cursor: cursorOf(last) };
      await giveWay();
      const stored = await disk.getMetadata(place.key);
      const held = memoryByKey.get(place.key);
      const entry =
        stored === undefined ? held && describe(held, false) : describe(stored, disk.held(place.key) === undefined);
      last = place;
      if (entry !== undefined && (search === undefined || isFound(entry, search))) entries.push(entry);
    }
    return { entries };
  }

  async #pageOfSearch(request: EntriesRequest, search: string): Promise<EntriesPage> {
    const { clock } = this.#options;
    const { limit, sort } = request;
    const endsAtMs = clock.nowMs() + SEARCH_MS;
    const giveWay = createGiveWay(clock);
    const found: EntryInfo[] = [];
    let { skip, cursor } = parseSearchCursor(request.cursor);
    for (;;) {
      const page = await this.#pageOfAll({ type: 'entries', limit: SEARCH_PAGE_ENTRIES, cursor, sort });
      for (const [index, entry] of page.entries.entries()) {
        if (index < skip || !isFound(entry, search)) continue;
        if (found.length === limit) return { entries: found, cursor: searchCursor(index, cursor) };
        found.push(entry);
      }
      if (page.cursor === undefined) return { entries: found };
      skip = 0;
      cursor = page.cursor;
      if (clock.nowMs() >= endsAtMs) return { entries: found, cursor: searchCursor(0, cursor) };
      await giveWay();
    }
  }
}

/** Whether the text of an entry contains something in any case, or its key begins with it. */
function isFound({ key, spec }: EntryInfo, search: string): boolean {
  const wanted = search.toLowerCase();
  return (spec?.text.toLowerCase().includes(wanted) ?? false) || key.startsWith(wanted);
}

/** Where an entry stands in an order: at its value, and among equals by its key. */
interface Place {
  readonly key: string;
  readonly value: number;
}

/** The places behind a cursor, greatest first. A page ends at a place, so that what comes and goes moves nothing. */
function placesAfter(places: readonly Place[], cursor: string | undefined): readonly Place[] {
  const [, lastValue, lastKey = ''] = /^at (\S+) (\S+)$/.exec(cursor ?? '') ?? [];
  const after = lastValue === undefined ? undefined : { value: Number(lastValue), key: lastKey };
  const isBehind = ({ value, key }: Place) =>
    after === undefined || value < after.value || (value === after.value && key < after.key);
  return places.filter(isBehind).sort((a, b) => b.value - a.value || (a.key < b.key ? 1 : -1));
}

function cursorOf({ value, key }: Place): string {
  return `at ${value} ${key}`;
}

/** A page of entries that are all at hand. */
function pageOfSorted(
  entries: readonly EntryInfo[],
  sort: EntrySort,
  limit: number,
  cursor: string | undefined,
): EntriesPage {
  const entryByKey = new Map(entries.map((entry) => [entry.key, entry]));
  const places = entries.map(({ key, accessedAtMs, createdAtMs, byteLength }) => ({
    key,
    value: { accessed: accessedAtMs, created: createdAtMs, size: byteLength }[sort],
  }));
  const behind = placesAfter(places, cursor);
  const page = behind.slice(0, limit);
  const last = page.at(-1);
  const shown = page.flatMap(({ key }) => entryByKey.get(key) ?? []);
  return behind.length <= limit || last === undefined ? { entries: shown } : { entries: shown, cursor: cursorOf(last) };
}

/** A search goes on in a page of the list it looks through, behind so many of its entries. */
function searchCursor(skip: number, cursor: string | undefined): string {
  return `search ${skip} ${cursor ?? ''}`;
}

function parseSearchCursor(cursor: string | undefined): { skip: number; cursor: string | undefined } {
  const [, skip, rest] = /^search (\d+) ([\s\S]*)$/.exec(cursor ?? '') ?? [];
  return { skip: Number(skip ?? 0), cursor: rest === '' ? undefined : rest };
}
