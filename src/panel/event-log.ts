/**
 * The last hundred events, newest first.
 *
 * Events can come by the thousand a second: adding one only pushes it into a bounded list, and a frame creates rows
 * for what is new. Not a live region, since nobody wants that read out.
 */
import type { ClientEvent } from '../client-events';
import { card, element, scrollArea } from './dom';
import { formatBytes, formatCount, formatTime, shortKey } from './format';
import type { PanelView } from './panel-view';

/** An event in words. */
export type EventLine = readonly [kind: string, subject: string, figure?: string];

const MAX_LINES = 100;

/** Every type of event a client has; `describeEvent` makes the compiler notice a new one. */
export const EVENT_TYPES: readonly ClientEvent['type'][] = [
  'served',
  'failed',
  'entry-added',
  'entry-deleted',
  'cleared',
  'entries-removed',
  'owner-changed',
  'warning',
];

/** Puts an event into words. */
export function describeEvent(event: ClientEvent): EventLine {
  switch (event.type) {
    case 'served':
      return [
        event.source,
        (event.text ?? shortKey(event.key)) + (event.joined ? ' (joined)' : ''),
        formatTime(event.latencyMs),
      ];
    case 'failed':
      return [event.type, event.error.message];
    case 'entry-added':
      return ['added', shortKey(event.key), formatBytes(event.byteLength)];
    case 'entry-deleted':
      return ['deleted', shortKey(event.key)];
    case 'cleared':
      return [event.type, 'all entries'];
    case 'entries-removed':
      return [event.reason, `${formatCount(event.entries)} from ${event.tier}`, formatBytes(event.bytes)];
    case 'owner-changed':
      return ['tab', event.role];
    case 'warning':
      return [event.type, event.message];
  }
}

/** Creates the view. */
export function createEventLog(): PanelView & { readonly add: (event: ClientEvent, nowMs: number) => void } {
  const list = element('ol');
  let pending: { readonly event: ClientEvent; readonly atMs: number }[] = [];
  return {
    root: card('log', 'Events', scrollArea('log', list)),
    add: (event, atMs) => {
      if (pending.push({ event, atMs }) > MAX_LINES) pending.shift();
    },
    update: () => {
      if (pending.length === 0) return;
      list.prepend(...pending.reverse().map(({ event, atMs }) => eventRow(event, atMs)));
      pending = [];
      while (list.childElementCount > MAX_LINES) list.lastElementChild?.remove();
    },
  };
}

function eventRow(event: ClientEvent, atMs: number): HTMLElement {
  const [kind, subject, figure = ''] = describeEvent(event);
  return element(
    'li',
    { class: kind },
    element('small', {}, new Date(atMs).toTimeString().slice(0, 8)),
    element('b', {}, kind),
    element('span', { dir: 'auto', title: subject }, subject),
    element('small', {}, figure),
  );
}
