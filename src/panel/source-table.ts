/** Where clips came from: a stacked bar by count, and a table with the latency of each source. */
import type { ClipSource } from '../../core/protocol/values';
import { card, columns, element, setAttribute, setTexts } from './dom';
import { formatCount, formatShare, formatTime } from './format';
import type { PanelView } from './panel-view';

/** In the order in which they are asked. */
const SOURCES: readonly ClipSource[] = ['memory', 'disk', 'remote', 'origin'];

/** Creates the view. The remote tier shows once it has served something. */
export function createSourceTable(): PanelView {
  const bar = element('div', { class: 'bar', role: 'img' });
  const body = element('tbody');
  const parts = SOURCES.map((source) => {
    const segment = element('span', { class: source }, source);
    const cells = [0, 1, 2, 3, 4].map(() => element('td'));
    const row = element('tr', { class: source }, element('th', { scope: 'row' }, source), ...cells);
    bar.append(segment);
    body.append(row);
    return { source, segment, row, cells };
  });
  const table = columns(['source', 'clips', 'share', 'p50', 'p95', 'p99'], body);

  return {
    root: card('sources', 'Sources and latency', bar, table),
    update: ({ performance: { latencyMs } }) => {
      const total = SOURCES.reduce((sum, source) => sum + latencyMs[source].count, 0);
      const spoken: string[] = [];
      for (const { source, segment, row, cells } of parts) {
        const { count, p50, p95, p99 } = latencyMs[source];
        const share = total > 0 ? formatShare(count / total) : '–';
        const latencies = [p50, p95, p99].map((ms) => (count > 0 ? formatTime(ms) : '–'));
        setTexts(cells, [formatCount(count), share, ...latencies]);
        row.hidden = source === 'remote' && count === 0;
        segment.style.flexGrow = `${count}`;
        segment.hidden = count === 0;
        if (count > 0) spoken.push(`${source} ${share}`);
      }
      setAttribute(bar, 'aria-label', spoken.join(', ') || 'Nothing was asked for yet');
    },
  };
}
