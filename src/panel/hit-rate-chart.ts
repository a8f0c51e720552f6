/**
 * The hit rate: the share in the last 1, 5 and 15 minutes and overall, lines over the last three minutes, the same by
 * tier, how many requests ended with audio at all, and why the others were not there.
 */
import type { CacheStats, HitRates, MissReason } from '../../core/protocol/values';
import { card, columns, element, figures, setAttribute, setText, setTexts } from './dom';
import { formatAge, formatCount, formatShare } from './format';
import { addSample, type HitSample, historySpanMs, hitRatePath, hitRatePoints } from './hit-rate-history';
import type { PanelView } from './panel-view';

const SVG = 'http://www.w3.org/2000/svg';
const WINDOWS = ['1 min', '5 min', '15 min', 'all time'];
const REASONS: readonly MissReason[] = ['new', 'expired', 'evicted', 'deleted', 'damaged'];

/** Creates the view. `sample` is to be called about once a second, drawn or not. */
export function createHitRateChart(): PanelView & { readonly sample: (stats: CacheStats, nowMs: number) => void } {
  const svg = document.createElementNS(SVG, 'svg');
  setAttribute(svg, 'viewBox', '0 0 360 100');
  setAttribute(svg, 'preserveAspectRatio', 'none');
  setAttribute(svg, 'role', 'img');
  // Drawn in this order: the line of all tiers together lies on top.
  const lines = (['disk', 'memory', 'all'] as const).map((name) => {
    const path = document.createElementNS(SVG, 'path');
    setAttribute(path, 'class', name);
    svg.append(path);
    return { name, path, samples: [] as readonly HitSample[] };
  });
  const legend = element('div', { class: 'legend' }, ...['all', 'memory', 'disk'].map(legendItem));
  const shares = figures(...WINDOWS);
  const start = element('small');
  const scale = element('div', { class: 'scale' }, start, element('small', {}, 'now'));
  const rows = ['memory', 'disk', 'remote', 'availability'].map((name) => {
    const cells = WINDOWS.map(() => element('td'));
    return { root: element('tr', { class: name }, element('th', { scope: 'row' }, name), ...cells), cells };
  });
  const table = columns(['rate', ...WINDOWS], element('tbody', {}, ...rows.map(({ root }) => root)));
  const reasons = element('p', { class: 'note' });
  let isNew = true;

  return {
    root: card(
      'hit-rate',
      'Hit rate',
      shares.list,
      element('div', { class: 'scale' }, element('small', {}, '100 %'), legend),
      svg,
      scale,
      table,
      reasons,
    ),
    sample: ({ performance: { hits, misses, tiers } }, atMs) => {
      const totals = { all: { hits, misses }, memory: tiers.memory, disk: tiers.disk };
      for (const line of lines) {
        const counted = totals[line.name];
        line.samples = addSample(line.samples, { atMs, hits: counted.hits, misses: counted.misses });
      }
      isNew = true;
    },
    update: ({ performance: { hitRate, tierHitRate, availability, missesByReason } }, nowMs) => {
      if (isNew) draw(nowMs);
      isNew = false;
      shares.show(...shown(hitRate));
      const rates = [tierHitRate.memory, tierHitRate.disk, tierHitRate.remote, availability];
      for (const [index, { root, cells }] of rows.entries()) {
        const rate = rates[index];
        if (!rate) continue;
        setTexts(cells, shown(rate));
        root.hidden = rate === tierHitRate.remote && rate.allTime === undefined;
      }
      const missed = REASONS.filter((reason) => missesByReason[reason] > 0);
      const why = missed.map((reason) => `${reason} ${formatCount(missesByReason[reason])}`).join(' · ');
      setText(reasons, why && `Missed because: ${why}`);
    },
  };

  function draw(nowMs: number): void {
    let spoken = '';
    let spanMs = 0;
    for (const { name, path, samples } of lines) {
      const points = hitRatePoints(samples);
      setAttribute(path, 'd', hitRatePath(points, nowMs));
      spanMs = historySpanMs(points, nowMs);
      spoken = `${name} ${formatShare(points.at(-1)?.rate)}${spoken && `, ${spoken}`}`;
    }
    setAttribute(svg, 'aria-label', `Hit rate, last ${formatAge(spanMs)}; now ${spoken}`);
    setText(start, `0 % · ${formatAge(spanMs)} ago`);
  }
}

function shown({ last1Min, last5Min, last15Min, allTime }: HitRates): string[] {
  return [last1Min, last5Min, last15Min, allTime].map(formatShare);
}

function legendItem(name: string): HTMLElement {
  return element('small', { class: name }, element('i'), name);
}
