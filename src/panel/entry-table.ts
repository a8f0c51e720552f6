/**
 * The entries the cache holds, each with buttons to hear it, to see more and to delete it; by search, order and collection.
 *
 * Read again when entries came or went, at most once a tick; rows are kept by key, so that focus, hover and open details
 * stay where they are. More is read as one longer page, not as a second one: the order may have changed in between.
 */
import type { EntryInfo, EntrySort } from '../../core/protocol/values';
import { messageOf } from './actions';
import { card, columns, element, field, scrollArea, setText, statusLine } from './dom';
import { createEntryRow, type EntryRow } from './entry-row';
import { formatCount } from './format';
import { arrange, createListing } from './listing';
import type { PanelClip, PanelSource } from './panel-source';

const FIRST_ENTRIES = 25;
/** As many rows as a table can be read by, and as can be laid out between two frames. */
const MAX_ENTRIES = 200;
/** A search begins once nothing was typed for so long. */
const TYPING_MS = 200;

interface Query {
  readonly limit: number;
  readonly sort: EntrySort;
  readonly search: string;
  readonly collection: string | undefined;
}

interface Found {
  readonly entries: readonly EntryInfo[];
  readonly hasMore: boolean;
}

/** The entry being heard; `clip` once it is there. */
interface Playback {
  readonly key: string;
  clip?: PanelClip | undefined;
}

/** The card of the entries. It lives by ticks, not by frames: what it shows changes slowly and can be long. */
export interface EntryTable {
  readonly root: HTMLElement;
  /** Entries came or went: the next tick reads them again. */
  readonly invalidate: () => void;
  /** Brings what is shown up to date; to be called about once a second. */
  readonly tick: () => void;
  /** Shows only the members of a collection from now on, or all. */
  readonly showCollection: (name: string | undefined) => void;
  /** Stops what is playing. */
  readonly silence: () => void;
}

/** Creates the view of one cache's entries. `onCollection` is told which collection is shown. */
export function createEntryTable(cache: PanelSource, onCollection: (name: string | undefined) => void): EntryTable {
  const status = statusLine();
  const count = element('p', { class: 'note' });
  const search = element('input', { type: 'search', placeholder: 'text, or the beginning of a key' });
  const sort = element(
    'select',
    {},
    element('option', { value: 'accessed' }, 'last used'),
    element('option', { value: 'created' }, 'newest'),
    element('option', { value: 'size' }, 'largest'),
  );
  const all = element('button', { type: 'button', class: 'chip', hidden: '' });
  const more = element('button', { type: 'button', class: 'more', hidden: '' }, 'Show more');
  const table = columns(['phrase', 'size', 'age', 'actions']);
  const rows = new Map<string, EntryRow>();
  let found: Found = { entries: [], hasMore: false };
  let playback: Playback | undefined;
  let typing: ReturnType<typeof setTimeout> | undefined;

  const listing = createListing<Query, Found>({
    first: { limit: FIRST_ENTRIES, sort: 'accessed', search: '', collection: undefined },
    load,
    show: (answer, query) => {
      found = answer;
      const isMost = query.limit >= MAX_ENTRIES;
      more.hidden = !answer.hasMore || isMost;
      const what = query.search || query.collection !== undefined ? 'Nothing held fits.' : 'Nothing is held yet.';
      const narrowed = answer.hasMore && isMost ? `The first ${formatCount(MAX_ENTRIES)}; search to find others.` : '';
      setText(count, answer.entries.length === 0 ? what : narrowed);
      show();
    },
    fail: (error) => setText(count, `The cache did not answer: ${messageOf(error)}`),
  });

  const ask = (change: Partial<Query>) => listing.read({ ...listing.query(), limit: FIRST_ENTRIES, ...change });
  more.onclick = () => ask({ limit: Math.min(2 * listing.query().limit, MAX_ENTRIES) });
  sort.onchange = () => ask({ sort: sort.value as EntrySort }); // Its options are all there is to choose.
  search.oninput = () => {
    clearTimeout(typing);
    typing = setTimeout(() => ask({ search: search.value.trim() }), TYPING_MS);
  };
  all.onclick = () => {
    search.focus();
    showCollection(undefined);
  };

  /** A search looks through so much at a time, so its pages may be short or empty. */
  async function load({ limit, sort, search, collection }: Query, isWanted: () => boolean): Promise<Found> {
    const entries: EntryInfo[] = [];
    let cursor: string | undefined;
    do {
      const filters = { ...(search && { search }), ...(collection !== undefined && { collection }) };
      const page = await cache.entries({ limit: limit - entries.length, cursor, sort, ...filters });
      entries.push(...page.entries);
      cursor = page.cursor;
      if (search && cursor !== undefined && isWanted() && rows.size === 0) setText(count, 'Searching …');
    } while (cursor !== undefined && entries.length < limit && isWanted());
    return { entries, hasMore: cursor !== undefined };
  }

  function show(): void {
    const nowMs = Date.now();
    const currency = cache.getSnapshot().config.price?.currency;
    const entryByKey = new Map(found.entries.map((entry) => [entry.key, entry]));
    arrange(table, rows, [...entryByKey.keys()], createRow, table.querySelector('tbody'));
    for (const [key, entry] of entryByKey) rows.get(key)?.show(entry, nowMs, playback?.key === key, currency);
  }

  function createRow(key: string): EntryRow {
    const [playIt, removeIt] = [() => void playOrStop(key), () => void removeEntry(key)];
    return createEntryRow({ cache, key, status, playOrStop: playIt, remove: removeIt, changed: () => listing.read() });
  }

  async function playOrStop(key: string): Promise<void> {
    const isPlaying = playback?.key === key;
    silence();
    if (isPlaying) return;
    const mine: Playback = { key };
    playback = mine;
    setText(status, '');
    show();
    try {
      mine.clip = await cache.get({ key });
      if (mine.clip === undefined) setText(status, 'It is no longer held.');
      else if (playback === mine) await mine.clip.play();
    } catch (error) {
      setText(status, `It could not be played: ${messageOf(error)}`);
    }
    if (playback === mine) silence();
  }

  function silence(): void {
    playback?.clip?.stop();
    playback = undefined;
    show();
  }

  /** The focus goes to the next entry, so that a keyboard is not thrown back to the top of the page. */
  async function removeEntry(key: string): Promise<void> {
    const root = rows.get(key)?.root;
    const neighbour = root?.nextElementSibling ?? root?.previousElementSibling;
    const next = neighbour?.querySelector<HTMLElement>('tr:first-child button:last-child') ?? search;
    next.focus();
    if (playback?.key === key) silence();
    setText(status, '');
    try {
      await cache.delete({ key });
    } catch (error) {
      setText(status, `It could not be deleted: ${messageOf(error)}`);
    }
    listing.read();
  }

  function showCollection(name: string | undefined): void {
    all.hidden = name === undefined;
    setText(all, `In “${name ?? ''}” · show all`);
    onCollection(name);
    ask({ collection: name });
  }

  const filters = element('div', { class: 'fields' }, field('search', search), field('order', sort), all);
  return {
    root: card('entries', 'Entries', filters, scrollArea('entries', table, more), count, status),
    invalidate: listing.invalidate,
    tick: () => {
      if (!listing.tick()) show();
    },
    showCollection,
    silence,
  };
}
