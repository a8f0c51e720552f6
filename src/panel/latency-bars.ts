/** A latency histogram as the path of small bars. Pure. */
import type { HistogramCounts } from '../../core/protocol/values';

/** Width of the box that the bars stand in, whatever their number; it is 100 high. */
export const BARS_WIDTH = 360;

/** Share of a bar's place that is left empty. */
const GAP = 0.2;

/**
 * The SVG path of a histogram in a box of 360 by 100: one bar a bucket from the left, the last one for what was longer
 * than every bound; the fullest is as high as the box, and what is there at all can be seen. Empty without samples.
 */
export function latencyBarsPath({ cumulative, count }: HistogramCounts): string {
  const totals = [...cumulative, count];
  const counts = totals.map((total, index) => Math.max(0, total - (totals[index - 1] ?? 0)));
  const highest = Math.max(...counts);
  if (highest === 0) return '';
  const placeWidth = BARS_WIDTH / counts.length;
  const barWidth = (placeWidth * (1 - GAP)).toFixed(1);
  let path = '';
  for (const [index, inBucket] of counts.entries()) {
    if (inBucket === 0) continue;
    const height = Math.max(4, (100 * inBucket) / highest).toFixed(1);
    path += `M${(index * placeWidth).toFixed(1)} 100v-${height}h${barWidth}v${height}z`;
  }
  return path;
}
