/**
 * The collections: what belongs together, how much of it is there, and whether it stays. Choosing one shows its entries.
 * Like the entries it lives by ticks, and rows are kept by name.
 */
import type { CollectionInfo } from '../../core/protocol/values';
import { actionButton, askFirst, download, fileName, messageOf } from './actions';
import { card, columns, element, scrollArea, setAttribute, setText, statusLine } from './dom';
import { formatAge, formatBytes, formatClips, formatCount } from './format';
import { arrange, createListing } from './listing';
import type { PanelSource } from './panel-source';
import { saveBundle } from './upkeep';

const FIRST_COLLECTIONS = 20;
const MAX_COLLECTIONS = 200;

interface Found {
  readonly collections: readonly CollectionInfo[];
  readonly hasMore: boolean;
}

/** The card of the collections. */
export interface CollectionTable {
  readonly root: HTMLElement;
  /** Collections or their members changed: the next tick reads them again. */
  readonly invalidate: () => void;
  readonly tick: () => void;
  /** Marks the collection whose entries are shown. */
  readonly choose: (name: string | undefined) => void;
}

/** Creates the view. `onChoose` is told which collection's entries are to be shown; undefined for all. */
export function createCollectionTable(
  cache: PanelSource,
  onChoose: (name: string | undefined) => void,
): CollectionTable {
  const status = statusLine();
  const count = element('p', { class: 'note' });
  const more = element('button', { type: 'button', class: 'more', hidden: '' }, 'Show more');
  const body = element('tbody');
  const table = columns(['collection', 'clips', 'size', 'used', 'actions'], body);
  const rows = new Map<string, ReturnType<typeof createRow>>();
  let found: Found = { collections: [], hasMore: false };
  let chosen: string | undefined;

  const listing = createListing<{ readonly limit: number }, Found>({
    first: { limit: FIRST_COLLECTIONS },
    load: async ({ limit }) => {
      const page = await cache.collections?.({ limit });
      return { collections: page?.collections ?? [], hasMore: page?.cursor !== undefined };
    },
    show: (answer, { limit }) => {
      found = answer;
      more.hidden = !answer.hasMore || limit >= MAX_COLLECTIONS;
      setText(
        count,
        answer.collections.length === 0 ? 'There are none. A collection is a book, a chapter, a lesson.' : '',
      );
      show();
    },
    fail: (error) => setText(count, `The cache did not answer: ${messageOf(error)}`),
  });
  more.onclick = () => listing.read({ limit: Math.min(2 * listing.query().limit, MAX_COLLECTIONS) });

  function show(): void {
    const nowMs = Date.now();
    const infoByName = new Map(found.collections.map((info) => [info.name, info]));
    arrange(body, rows, [...infoByName.keys()], createRow);
    for (const [name, info] of infoByName) rows.get(name)?.show(info, nowMs, name === chosen);
  }

  function createRow(name: string) {
    let isPinned = false;
    const choose = element('button', { type: 'button', class: 'name', dir: 'auto' }, name);
    const detail = element('small');
    const cells = [element('td'), element('td'), element('td')] as const;
    const pin = actionButton('Pin', status, async () => {
      setText(status, '');
      if (isPinned) await cache.unpin?.({ collection: name });
      else await cache.pin?.({ collection: name });
      listing.read();
      return undefined;
    });
    const save = actionButton('Export', status, () =>
      saveBundle(cache, name, ({ done, total }) => setText(status, `Exporting ${done} of ${total} …`)),
    );
    const join = actionButton('Audio', status, async () => {
      const audio = await cache.exportAudio?.(name);
      if (!audio) return undefined;
      const extension = audio.type.includes('wav') ? 'wav' : 'mp3';
      const file = fileName(extension, name);
      download(audio, file);
      return `Saved ${file}, ${formatBytes(audio.size)}.`;
    });
    const remove = actionButton('Delete', status, async () => {
      const row = rows.get(name)?.root;
      const neighbour = row?.nextElementSibling ?? row?.previousElementSibling;
      (neighbour?.querySelector<HTMLElement>('button:last-child') ?? scroller).focus();
      const deletion = await cache.deleteCollection?.(name);
      if (name === chosen) onChoose(undefined);
      listing.read();
      const { entries = 0, bytes = 0 } = deletion?.deleted ?? {};
      return `Deleted “${name}” with ${formatClips(entries)}, ${formatBytes(bytes)}.`;
    });
    const labels = [
      [pin, 'Pin'],
      [save, 'Export'],
      [join, 'Audio'],
      [remove, 'Delete'],
    ] as const;
    for (const [button, label] of labels) button.setAttribute('aria-label', `${label}: ${name}`);
    pin.hidden = !cache.pin || !cache.unpin;
    save.hidden = !cache.exportBundle;
    join.hidden = !cache.exportAudio;
    remove.hidden = !cache.deleteCollection;
    askFirst(remove, 'Sure?');
    choose.onclick = () => onChoose(name === chosen ? undefined : name);
    const actions = element('td', {}, pin, save, join, remove);
    return {
      root: element('tr', {}, element('td', {}, choose, detail), ...cells, actions),
      show: (info: CollectionInfo, nowMs: number, isChosen: boolean) => {
        isPinned = info.pinned;
        const state = info.complete ? 'complete' : `partial: ${formatCount(info.missing)} missing`;
        setText(detail, info.pinned ? `${state} · pinned` : state);
        setText(cells[0], formatCount(info.entries));
        setText(cells[1], formatBytes(info.bytes));
        setText(cells[2], info.accessedAtMs === undefined ? '–' : formatAge(nowMs - info.accessedAtMs));
        setText(pin, info.pinned ? 'Unpin' : 'Pin');
        setAttribute(pin, 'aria-label', `${info.pinned ? 'Unpin' : 'Pin'}: ${name}`);
        setAttribute(choose, 'aria-pressed', `${isChosen}`);
      },
    };
  }

  const scroller = scrollArea('collections', table, more);
  const root = card('collections', 'Collections', scroller, count, status);
  root.hidden = !cache.collections;
  return {
    root,
    invalidate: listing.invalidate,
    tick: () => {
      if (cache.collections && !listing.tick()) show();
    },
    choose: (name) => {
      chosen = name;
      show();
    },
  };
}
