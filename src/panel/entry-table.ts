/**
 * The entries the cache holds, latest use first, each with a button to hear it and one to delete it.
 *
 * Read again when entries came or went, at most once a tick; rows are kept by key, so that focus and hover stay where
 * they are. More is read as one longer page, not as a second one: the order may have changed in between.
 */
import type { EntryInfo } from '../../core/protocol/values';
import { card, columns, element, scrollArea, setAttribute, setText } from './dom';
import { entryTitle, formatAge, formatBytes } from './format';
import type { PanelClip, PanelSource } from './panel-source';

const FIRST_ENTRIES = 25;
/** The most one call may ask for, and as many rows as a table can be read by. */
const MAX_ENTRIES = 1000;

interface EntryRow {
  readonly root: HTMLElement;
  readonly show: (entry: EntryInfo, nowMs: number, isPlaying: boolean) => void;
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
  /** Stops what is playing. */
  readonly silence: () => void;
}

/** Creates the view of one cache's entries. */
export function createEntryTable(cache: PanelSource): EntryTable {
  const body = element('tbody');
  const note = element('p', { class: 'note', role: 'status' });
  const more = element('button', { class: 'more', hidden: '' }, 'Show more');
  const table = columns(['phrase', 'size', 'age', 'actions'], body);
  const rows = new Map<string, EntryRow>();
  let entries: readonly EntryInfo[] = [];
  let limit = FIRST_ENTRIES;
  let isStale = true;
  let isReading = false;
  let playback: Playback | undefined;

  more.onclick = () => {
    limit = Math.min(2 * limit, MAX_ENTRIES);
    void read();
  };

  async function read(): Promise<void> {
    isStale = true;
    if (isReading) return;
    isReading = true;
    isStale = false;
    try {
      const page = await cache.entries({ limit });
      entries = page.entries;
      more.hidden = page.cursor === undefined || limit === MAX_ENTRIES;
      setText(note, entries.length === 0 ? 'Nothing is held yet.' : '');
      show();
    } catch {
      setText(note, 'The cache did not answer.');
      isStale = true;
    }
    isReading = false;
  }

  function show(): void {
    const nowMs = Date.now();
    // The table stands in a shadow root, whose activeElement is the HTML element focused inside it.
    const focused = (body.getRootNode() as ShadowRoot).activeElement as HTMLElement | null;
    const keys = new Set(entries.map((entry) => entry.key));
    for (const [key, row] of rows) {
      if (keys.has(key)) continue;
      row.root.remove();
      rows.delete(key);
    }
    let next = body.firstElementChild;
    for (const entry of entries) {
      const row = rows.get(entry.key) ?? createRow(entry.key);
      rows.set(entry.key, row);
      row.show(entry, nowMs, playback?.key === entry.key);
      if (row.root === next) next = next.nextElementSibling;
      else body.insertBefore(row.root, next);
    }
    // A row that moved took the focus away from its buttons; a removed one is not focusable and changes nothing.
    focused?.focus({ preventScroll: true });
  }

  function createRow(key: string): EntryRow {
    const phrase = element('span', { dir: 'auto' });
    const detail = element('small');
    const size = element('td');
    const age = element('td');
    const play = element('button');
    const remove = element('button', {}, '✕');
    play.onclick = () => void playOrStop(key);
    remove.onclick = () => void removeEntry(key);
    return {
      root: element('tr', {}, element('td', {}, phrase, detail), size, age, element('td', {}, play, remove)),
      show: (entry, nowMs, isPlaying) => {
        const title = entryTitle(entry);
        const { voice, speed } = entry.spec ?? {};
        setText(phrase, title);
        setText(detail, [voice, speed && `${speed}×`, entry.tiers.join(' + ')].filter(Boolean).join(' · '));
        setText(size, formatBytes(entry.byteLength));
        setText(age, formatAge(nowMs - entry.createdAtMs));
        // U+FE0E keeps phones from showing an emoji.
        setText(play, isPlaying ? '■\uFE0E' : '▶\uFE0E');
        setAttribute(play, 'aria-label', `${isPlaying ? 'Stop' : 'Play'}: ${title}`);
        setAttribute(remove, 'aria-label', `Delete: ${title}`);
      },
    };
  }

  async function playOrStop(key: string): Promise<void> {
    const isPlaying = playback?.key === key;
    silence();
    if (isPlaying) return;
    const mine: Playback = { key };
    playback = mine;
    show();
    try {
      mine.clip = await cache.get({ key });
      if (mine.clip === undefined) setText(note, 'It is no longer held.');
      else if (playback === mine) await mine.clip.play();
    } catch (error) {
      setText(note, `It could not be played: ${error}`);
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
    neighbour?.querySelector<HTMLElement>('button:last-child')?.focus();
    if (playback?.key === key) silence();
    try {
      await cache.delete({ key });
    } catch {
      setText(note, 'The cache did not answer.');
      isStale = true;
    }
    void read();
  }

  return {
    root: card('entries', 'Entries', scrollArea('entries', table, more), note),
    invalidate: () => {
      isStale = true;
    },
    tick: () => {
      if (isStale) void read();
      else show();
    },
    silence,
  };
}
