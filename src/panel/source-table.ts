/**
 * Where clips came from: a stacked bar by count, a table with the latency of each source, and how latencies are spread.
 *
 * Whoever waited for a synthesis under way is told apart here, as `joined`; in the latencies of the origin it is included.
 */
import { LATENCY_BOUNDS_MS } from '../../core/metrics/latency-bounds';
import type { CachePerformance, ClipSource } from '../../core/protocol/values';
import { card, columns, element, setAttribute, setTexts } from './dom';
import { formatCount, formatShare, formatTime } from './format';
import { BARS_WIDTH, latencyBarsPath } from './latency-bars';
import type { PanelView } from './panel-view';

const SVG = 'http://www.w3.org/2000/svg';

/** In the order in which they are asked. */
const SOURCES: readonly ClipSource[] = ['memory', 'disk', 'remote', 'origin'];
const SPAN = [LATENCY_BOUNDS_MS[0], LATENCY_BOUNDS_MS.at(-1) ?? 0].map(formatTime);

/** Creates the view. The remote tier shows once it has served something, and so does `joined`. */
export function createSourceTable(): PanelView {
  const bar = element('div', { class: 'bar', role: 'img' });
  const body = element('tbody');
  const parts = [...SOURCES, 'joined' as const].map((source) => {
    const segment = element('span', { class: source }, source);
    const cells = [0, 1, 2, 3, 4].map(() => element('td'));
    const row = element('tr', { class: source }, element('th', { scope: 'row' }, source), ...cells);
    bar.append(segment);
    body.append(row);
    return { source, segment, row, cells };
  });
  const charts = SOURCES.map(createHistogram);
  const table = columns(['source', 'clips', 'share', 'p50', 'p95', 'p99'], body);
  const spread = element('div', { class: 'spread' }, ...charts.map(({ root }) => root));
  // With six columns it is wider than the narrowest cards.
  const scroller = element('div', { class: 'wide', role: 'group', tabindex: '0', 'aria-label': 'Latencies' }, table);

  return {
    root: card('sources', 'Sources and latency', bar, scroller, spread),
    update: ({ performance }) => {
      const { latencyMs } = performance;
      const counts = countsOf(performance);
      const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
      const spoken: string[] = [];
      for (const { source, segment, row, cells } of parts) {
        const count = counts[source];
        const share = total > 0 ? formatShare(count / total) : '–';
        const { p50, p95, p99 } = latencyMs[source === 'joined' ? 'origin' : source];
        const isTimed = count > 0 && source !== 'joined';
        const latencies = [p50, p95, p99].map((ms) => (isTimed ? formatTime(ms) : '–'));
        setTexts(cells, [formatCount(count), share, ...latencies]);
        row.hidden = count === 0 && (source === 'remote' || source === 'joined');
        const grow = `${count}`;
        if (segment.style.flexGrow !== grow) segment.style.flexGrow = grow;
        segment.hidden = count === 0;
        if (count > 0) spoken.push(`${source} ${share}`);
      }
      for (const chart of charts) chart.show(performance);
      setAttribute(bar, 'aria-label', spoken.join(', ') || 'Nothing was asked for yet');
    },
  };
}

/** Clips by where they came from. Pages report their latencies a little later than the worker counts. */
function countsOf({ latencyMs, joined }: CachePerformance): Readonly<Record<ClipSource | 'joined', number>> {
  const { memory, disk, remote, origin } = latencyMs;
  return {
    memory: memory.count,
    disk: disk.count,
    remote: remote.count,
    origin: Math.max(0, origin.count - joined),
    joined,
  };
}

/** The bars of one source, on one scale for all. */
function createHistogram(source: ClipSource) {
  const svg = document.createElementNS(SVG, 'svg');
  const bars = document.createElementNS(SVG, 'path');
  svg.append(bars);
  setAttribute(svg, 'viewBox', `0 0 ${BARS_WIDTH} 100`);
  setAttribute(svg, 'preserveAspectRatio', 'none');
  setAttribute(svg, 'role', 'img');
  const ends = element('div', { class: 'scale' }, ...SPAN.map((text) => element('small', {}, text)));
  const root = element('div', { class: source }, element('small', {}, element('b', {}, source)), svg, ends);
  return {
    root,
    show: ({ latencyHistogram, latencyMs }: CachePerformance) => {
      const { p50, p99, count } = latencyMs[source];
      root.hidden = count === 0;
      if (count === 0) return;
      setAttribute(bars, 'd', latencyBarsPath(latencyHistogram[source]));
      const spoken = `Latencies of ${source}: half of them up to ${formatTime(p50)}, nearly all up to ${formatTime(p99)}`;
      setAttribute(svg, 'aria-label', spoken);
    },
  };
}
