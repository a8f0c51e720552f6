/**
 * The last events, newest first, with pause, filter and copy.
 *
 * Events can come by the thousand a second: adding one only pushes it into a bounded list, and a frame puts what is new
 * into words and rows, at most sixty, which are used again instead of created. Paused, nothing is drawn at all. Not a
 * live region, since nobody wants that read out.
 */
import type { ClientEvent } from '../client-events';
import { actionButton } from './actions';
import { card, element, field, scrollArea, setAttribute, setText, setTexts, statusLine } from './dom';
import { describeEvent, isTold } from './event-line';
import { formatCount } from './format';
import type { PanelView } from './panel-view';

/** More than that nobody reads; filtering and copying reach further back. */
const MAX_ROWS = 60;
/** So many are kept to be filtered and copied. */
const MAX_EVENTS = 1000;

interface LoggedEvent {
  readonly event: ClientEvent;
  readonly atMs: number;
  /** Its words, once somebody needed them. */
  line?: readonly [time: string, kind: string, subject: string, figure: string];
}

/** Creates the view. */
export function createEventLog(): PanelView & { readonly add: (event: ClientEvent, nowMs: number) => void } {
  const list = element('ol');
  const status = statusLine();
  const filter = element('input', { type: 'search', placeholder: 'text or kind' });
  const pause = element('button', { type: 'button', 'aria-pressed': 'false' }, 'Pause');
  const missed = element('small');
  let events: LoggedEvent[] = [];
  /** How many of the last ones no row shows yet. */
  let undrawn = 0;
  let isPaused = false;
  let wanted = '';

  const isWanted = (logged: LoggedEvent) => wanted === '' || lineOf(logged).join(' ').toLowerCase().includes(wanted);
  pause.onclick = () => {
    isPaused = !isPaused;
    setAttribute(pause, 'aria-pressed', `${isPaused}`);
    update();
  };
  filter.oninput = () => {
    wanted = filter.value.trim().toLowerCase();
    list.replaceChildren();
    // Paused, the filter still chooses among what had been shown by then.
    const shown = isPaused ? events.slice(0, events.length - undrawn) : events;
    list.append(...newest(shown, MAX_ROWS).map((logged) => fillRow(createRow(), logged)));
    if (!isPaused) undrawn = 0;
  };
  const copy = actionButton('Copy', status, async () => {
    const lines = newest(events, MAX_EVENTS).map((logged) => lineOf(logged).join('\t'));
    // Typed as always there; it is not in insecure contexts.
    const { clipboard } = navigator as { readonly clipboard?: Clipboard };
    if (!clipboard) return 'Copying needs a page over HTTPS.';
    await clipboard.writeText(lines.join('\n'));
    return `Copied ${formatCount(lines.length)} lines.`;
  });

  /** The last of the events that pass the filter, newest first. */
  function newest(from: readonly LoggedEvent[], limit: number): LoggedEvent[] {
    const found: LoggedEvent[] = [];
    for (let index = from.length - 1; index >= 0 && found.length < limit; index--) {
      const logged = from[index];
      if (logged && isWanted(logged)) found.push(logged);
    }
    return found;
  }

  function update(): void {
    setText(missed, isPaused && undrawn > 0 ? `${formatCount(undrawn)} new` : '');
    if (isPaused || undrawn === 0) return;
    const fresh = newest(events.slice(-undrawn), MAX_ROWS);
    undrawn = 0;
    // The oldest rows are taken for the newest events; where all are, each stays in its place.
    const kept = [...list.children].slice(0, MAX_ROWS - fresh.length);
    const free = [...list.children].slice(kept.length);
    const rows = fresh.map((logged, index) => fillRow(free[index] ?? createRow(), logged));
    if (kept.length > 0 || rows.length > free.length) list.prepend(...rows);
  }

  const controls = element('div', { class: 'fields' }, field('filter', filter), pause, copy, missed);
  return {
    root: card('log', 'Events', controls, scrollArea('log', list), status),
    add: (event, atMs) => {
      if (!isTold(event)) return;
      events.push({ event, atMs });
      undrawn = Math.min(undrawn + 1, MAX_EVENTS);
      // Cut seldom, so that an event costs no shift of all others.
      if (events.length >= 2 * MAX_EVENTS) events = events.slice(-MAX_EVENTS);
    },
    update,
  };
}

function lineOf(logged: LoggedEvent): readonly [string, string, string, string] {
  if (!logged.line) {
    const [kind, subject, figure = ''] = describeEvent(logged.event);
    logged.line = [new Date(logged.atMs).toTimeString().slice(0, 8), kind, subject, figure];
  }
  return logged.line;
}

function createRow(): HTMLElement {
  return element('li', {}, element('small'), element('b'), element('span', { dir: 'auto' }), element('small'));
}

function fillRow(row: Element, logged: LoggedEvent): Element {
  const line = lineOf(logged);
  setAttribute(row, 'class', line[1]);
  setTexts([...row.children], line);
  const [, , subject] = row.children;
  if (subject) setAttribute(subject, 'title', line[2]);
  return row;
}
