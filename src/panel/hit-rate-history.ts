/**
 * The hit rate over time, from the cache's running totals sampled about once a second.
 *
 * The line shows, for each moment, the share of hits among the requests of the minute before it. It is computed from
 * the totals here, not read from the snapshot's own windows: a snapshot is renewed only when something happens, so
 * its windows stand still while nobody asks, and a line must not.
 */

/** Totals at one moment. */
export interface HitSample {
  readonly atMs: number;
  readonly hits: number;
  readonly misses: number;
}

/** The hit rate at one moment; undefined when nothing was asked in the minute before. */
export interface HitRatePoint {
  readonly atMs: number;
  readonly rate: number | undefined;
}

/** How far back the line reaches at most. */
const HISTORY_MS = 180_000;

/** How much time it shows at least: the first seconds should not be stretched over the whole width. */
const MIN_SPAN_MS = 30_000;

/** How many requests each point looks back on, by time. */
const WINDOW_MS = 60_000;

/**
 * Returns the samples with the new one added and those no longer needed dropped. Totals that went down mean that
 * another worker now counts: the line starts again.
 */
export function addSample(samples: readonly HitSample[], added: HitSample): readonly HitSample[] {
  const last = samples.at(-1);
  if (last && (added.hits < last.hits || added.misses < last.misses)) return [added];
  return [...samples.filter((sample) => sample.atMs > added.atMs - HISTORY_MS - WINDOW_MS), added];
}

/** Turns totals into the rate of the minute before each sample. */
export function hitRatePoints(samples: readonly HitSample[]): readonly HitRatePoint[] {
  let first = 0;
  return samples.map((sample) => {
    while ((samples[first + 1]?.atMs ?? Infinity) <= sample.atMs - WINDOW_MS) first += 1;
    const before = samples[first] ?? sample;
    const hits = sample.hits - before.hits;
    const asked = hits + sample.misses - before.misses;
    return { atMs: sample.atMs, rate: asked > 0 ? hits / asked : undefined };
  });
}

/** How much time the line spans: as much as was sampled, within limits. */
export function historySpanMs(points: readonly HitRatePoint[], nowMs: number): number {
  return Math.min(HISTORY_MS, Math.max(MIN_SPAN_MS, nowMs - (points[0]?.atMs ?? nowMs)));
}

/**
 * The SVG path of the points in a box of 360 by 100: time runs from left to right and ends at `nowMs`, 100 % is the
 * upper edge. A time without requests is a gap. Empty when there is nothing to draw.
 */
export function hitRatePath(points: readonly HitRatePoint[], nowMs: number): string {
  const spanMs = historySpanMs(points, nowMs);
  let path = '';
  let command = 'M';
  for (const { atMs, rate } of points) {
    if (rate === undefined || atMs < nowMs - spanMs) {
      command = 'M';
      continue;
    }
    const x = 360 * (1 - (nowMs - atMs) / spanMs);
    path += `${command}${x.toFixed(1)} ${(100 - 100 * rate).toFixed(1)}`;
    command = 'L';
  }
  return path;
}
