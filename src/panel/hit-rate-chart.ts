/** The hit rate: a line over the last three minutes, and the share in the last 1, 5 and 15 minutes and overall. */
import type { CacheStats } from '../../core/protocol/values';
import { card, element, figures, setAttribute, setText } from './dom';
import { formatAge, formatShare } from './format';
import { addSample, type HitSample, historySpanMs, hitRatePath, hitRatePoints } from './hit-rate-history';
import type { PanelView } from './panel-view';

const SVG = 'http://www.w3.org/2000/svg';

/** Creates the view. `sample` is to be called about once a second, drawn or not. */
export function createHitRateChart(): PanelView & { readonly sample: (stats: CacheStats, nowMs: number) => void } {
  const svg = document.createElementNS(SVG, 'svg');
  const line = document.createElementNS(SVG, 'path');
  svg.append(line);
  setAttribute(svg, 'viewBox', '0 0 360 100');
  setAttribute(svg, 'preserveAspectRatio', 'none');
  setAttribute(svg, 'role', 'img');
  const shares = figures('1 min', '5 min', '15 min', 'all time');
  const start = element('small');
  const scale = element('div', { class: 'scale' }, start, element('small', {}, 'now'));
  let samples: readonly HitSample[] = [];

  return {
    root: card('hit-rate', 'Hit rate', shares.list, element('small', {}, '100 %'), svg, scale),
    sample: ({ performance: { hits, misses } }, atMs) => {
      samples = addSample(samples, { atMs, hits, misses });
    },
    update: ({ performance: { hitRate } }, nowMs) => {
      const points = hitRatePoints(samples);
      const span = formatAge(historySpanMs(points, nowMs));
      setAttribute(line, 'd', hitRatePath(points, nowMs));
      setAttribute(svg, 'aria-label', `Hit rate, last ${span}: ${formatShare(points.at(-1)?.rate)} now`);
      setText(start, `0 % · ${span} ago`);
      shares.show(...[hitRate.last1Min, hitRate.last5Min, hitRate.last15Min, hitRate.allTime].map(formatShare));
    },
  };
}
