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
    if (page !== undefined) return { ...page, entries: page.entries.map((stored) => describe(stored, true)) };
    return pageOfSorted(
      inMemory().map((stored) => describe(stored, false)),
      sort,
      limit,
      cursor,
    );
  }

  async #pageOfCollection(request: EntriesRequest, collection: string): Promise<EntriesPage> {
    const { clock, disk, describe, inMemory, membersOf } = this.#options;
    const { limit, cursor, sort = 'accessed', search } = request;
    const keys = (await membersOf(collection)) ?? [];
    const giveWay = createGiveWay(clock);
    const entries: EntryInfo[] = [];
    const inMemoryByKey = new Map(inMemory().map((stored) => [stored.metadata.key, stored]));
    for (const key of keys) {
      await giveWay();
      const stored = await disk.getMetadata(key);
      const held = inMemoryByKey.get(key);
      if (stored !== undefined) entries.push(describe(stored, disk.held(key) === undefined));
      else if (held !== undefined) entries.push(describe(held, false));
    }
    const wanted = search === undefined ? entries : entries.filter((entry) => isFound(entry, search));
    return pageOfSorted(wanted, sort, limit, cursor);
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

/** A page of entries that are all at hand. It ends at a place in the order, so that what comes and goes moves nothing. */
function pageOfSorted(
  entries: readonly EntryInfo[],
  sort: EntrySort,
  limit: number,
  cursor: string | undefined,
): EntriesPage {
  const orderOf = (entry: EntryInfo) =>
    ({ accessed: entry.accessedAtMs, created: entry.createdAtMs, size: entry.byteLength })[sort];
  const place = /^at (\S+) (\S+)$/.exec(cursor ?? '');
  const [lastValue, lastKey] = [Number(place?.[1]), place?.[2] ?? ''];
  const isBehind = (entry: EntryInfo) =>
    place === null || orderOf(entry) < lastValue || (orderOf(entry) === lastValue && entry.key < lastKey);
  const sorted = entries.filter(isBehind).sort((a, b) => orderOf(b) - orderOf(a) || (a.key < b.key ? 1 : -1));
  const page = sorted.slice(0, limit);
  const last = page.at(-1);
  if (sorted.length <= limit || last === undefined) return { entries: page };
  return { entries: page, cursor: `at ${orderOf(last)} ${last.key}` };
}

/** A search goes on in a page of the list it looks through, behind so many of its entries. */
function searchCursor(skip: number, cursor: string | undefined): string {
  return `search ${skip} ${cursor ?? ''}`;
}

function parseSearchCursor(cursor: string | undefined): { skip: number; cursor: string | undefined } {
  const [, skip, rest] = /^search (\d+) ([\s\S]*)$/.exec(cursor ?? '') ?? [];
  return { skip: Number(skip ?? 0), cursor: rest === '' ? undefined : rest };
}
