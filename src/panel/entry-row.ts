/** One entry in the table: a line with its buttons, and below it, when asked for, all that is known about it. */
import type { EntryInfo } from '../../core/protocol/values';
import { actionButton } from './actions';
import { element, figures, setAttribute, setText } from './dom';
import { entryTitle, formatAge, formatBytes, formatCount, formatMoment, formatMoney, formatTime } from './format';
import type { PanelSource } from './panel-source';

const DETAILS = [
  'text',
  'spoken as',
  'kept in',
  'stored',
  'last used',
  'expires',
  'origin',
  'cost',
  'collections',
  'key',
];

/** What a row can ask of the table around it. */
export interface EntryRowOptions {
  readonly cache: PanelSource;
  readonly key: string;
  readonly status: HTMLElement;
  readonly playOrStop: () => void;
  readonly remove: () => void;
  /** Something about the entry was changed. */
  readonly changed: () => void;
}

/** A row, shown with what is known now. */
export interface EntryRow {
  readonly root: HTMLElement;
  readonly show: (entry: EntryInfo, nowMs: number, isPlaying: boolean, currency: string | undefined) => void;
}

/** Creates the row of an entry: a table body of its own, so that line and details move together. */
export function createEntryRow({ cache, key, status, playOrStop, remove, changed }: EntryRowOptions): EntryRow {
  const phrase = element('span', { dir: 'auto' });
  const detail = element('small');
  const size = element('td');
  const age = element('td');
  const play = element('button', { type: 'button' });
  const more = element('button', { type: 'button', 'aria-expanded': 'false' }, '⋯');
  const drop = element('button', { type: 'button' }, '✕');
  const line = element('tr', {}, element('td', {}, phrase, detail), size, age, element('td', {}, play, more, drop));
  const root = element('tbody', {}, line);
  let shown: EntryInfo | undefined;
  let details: ReturnType<typeof createDetails> | undefined;

  play.onclick = playOrStop;
  drop.onclick = remove;
  more.onclick = () => {
    const isOpen = details !== undefined;
    setAttribute(more, 'aria-expanded', `${!isOpen}`);
    details?.root.remove();
    details = isOpen ? undefined : createDetails(cache, status, () => shown, changed);
    if (!details) return;
    root.append(details.root);
    if (shown) details.show(shown, Date.now(), currencyShown);
  };
  let currencyShown: string | undefined;

  return {
    root,
    show: (entry, nowMs, isPlaying, currency) => {
      shown = entry;
      currencyShown = currency;
      const title = entryTitle(entry);
      const { voice, speed } = entry.spec ?? {};
      const facts = [entry.pinned && 'pinned', voice, speed && `${speed}×`, entry.tiers.join(' + ')];
      setText(phrase, title);
      setText(detail, facts.filter(Boolean).join(' · '));
      setText(size, formatBytes(entry.byteLength));
      setText(age, formatAge(nowMs - entry.createdAtMs));
      // U+FE0E keeps phones from showing an emoji.
      setText(play, isPlaying ? '■\uFE0E' : '▶\uFE0E');
      setAttribute(root, 'data-key', key);
      setAttribute(play, 'aria-label', `${isPlaying ? 'Stop' : 'Play'}: ${title}`);
      setAttribute(more, 'aria-label', `Details: ${title}`);
      setAttribute(drop, 'aria-label', `Delete: ${title}`);
      details?.show(entry, nowMs, currency);
    },
  };
}

function createDetails(
  cache: PanelSource,
  status: HTMLElement,
  entryNow: () => EntryInfo | undefined,
  changed: () => void,
) {
  const facts = figures(...DETAILS);
  const pin = actionButton('Pin', status, async () => {
    const entry = entryNow();
    if (!entry) return undefined;
    const said = entry.pinned ? await unpin(cache, entry) : await cache.pin?.({ key: entry.key });
    changed();
    return typeof said === 'string' ? said : '';
  });
  const regenerate = actionButton('Regenerate', status, async () => {
    const spec = entryNow()?.spec;
    if (!spec) return undefined;
    setText(status, 'Synthesizing it anew …');
    await cache.regenerate?.(spec);
    changed();
    return 'It was synthesized anew.';
  });
  pin.hidden = !cache.pin || !cache.unpin;
  const cell = element('td', { colspan: '4' }, facts.list, element('div', { class: 'buttons' }, regenerate, pin));
  return {
    root: element('tr', { class: 'details' }, cell),
    show: (entry: EntryInfo, nowMs: number, currency: string | undefined) => {
      regenerate.hidden = !cache.regenerate || !entry.spec;
      setText(pin, entry.pinned ? 'Unpin' : 'Pin');
      facts.show(...factsOf(entry, nowMs, currency));
    },
  };
}

async function unpin(cache: PanelSource, { key }: EntryInfo): Promise<string> {
  const left = await cache.unpin?.({ key });
  return left && left.entries > 0 ? 'It stays pinned by a collection it is in.' : '';
}

/** In the order of `DETAILS`. */
function factsOf(entry: EntryInfo, nowMs: number, currency: string | undefined): string[] {
  const { spec, tiers, byteLength, contentType, hits, cost, collections, origin, synthesisMs } = entry;
  const { text = 'not kept', ...spoken } = spec ?? {};
  const how = Object.entries(spoken).map(
    ([name, value]) => `${name} ${typeof value === 'object' ? JSON.stringify(value) : value}`,
  );
  const took = synthesisMs > 0 ? `, ${formatTime(synthesisMs)}` : '';
  return [
    text,
    how.join(', ') || '–',
    `${tiers.join(' and ') || 'nowhere now'}: ${formatBytes(byteLength)} of ${contentType}`,
    formatMoment(entry.createdAtMs),
    `${formatAge(nowMs - entry.accessedAtMs)} ago, ${formatCount(hits)} ${hits === 1 ? 'hit' : 'hits'}`,
    entry.pinned ? 'pinned: never' : formatMoment(entry.expiresAtMs),
    `${origin ?? 'not noted'}${took}`,
    cost === undefined || currency === undefined ? '–' : formatMoney(cost, currency),
    collections.join(', ') || 'none',
    entry.key,
  ];
}
