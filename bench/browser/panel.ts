/**
 * Question: does the panel keep sixty frames a second, without a long task, while a thousand events a second come?
 *
 * A panel over a cache that only tells of events, in view for ten seconds of frames; before it the same page without events,
 * since a shared machine misses frames by itself.
 */

import { AudioCachePanel } from '../../src/panel/audio-cache-panel';
import { FakePanelSource } from '../../test/panel-source-fixture';
import { percentile, rounded } from '../statistics';
import { judge, judgeAtLeast } from '../targets';
import type { CaseResult } from './case-result';

const FRAMES = 600;
const EVENTS_PER_SECOND = 1000;
const MIN_FRAMES_PER_SECOND = 59;
/** A frame that came later than this missed the one before. */
const LATE_MS = 25;

/** Shows a panel at 0, 1,000 and 5,000 events a second. */
export async function measurePanel(): Promise<CaseResult> {
  if (!customElements.get('audio-cache-panel')) customElements.define('audio-cache-panel', AudioCachePanel);
  const cache = new FakePanelSource();
  const panel = new AudioCachePanel();
  panel.cache = cache;
  document.body.prepend(panel);
  // The first drawing of everything is none of the question.
  await framesMs(60);
  const rows = [];
  for (const eventsPerSecond of [0, EVENTS_PER_SECOND, 5 * EVENTS_PER_SECOND]) {
    const longTasksMs: number[] = [];
    const observer = new PerformanceObserver((list) => {
      longTasksMs.push(...list.getEntries().map(({ duration }) => duration));
    });
    // Firefox does not tell of them.
    const isTold = PerformanceObserver.supportedEntryTypes.includes('longtask');
    if (isTold) observer.observe({ type: 'longtask' });
    const toldBefore = cache.told;
    if (eventsPerSecond > 0) cache.startBurst(eventsPerSecond);
    const intervalsMs = await framesMs(FRAMES);
    cache.endBurst();
    observer.disconnect();
    const elapsedMs = intervalsMs.reduce((sum, ms) => sum + ms, 0);
    const told = cache.told - toldBefore;
    if (told < (0.9 * eventsPerSecond * elapsedMs) / 1000) throw new Error(`Only ${told} events were told`);
    rows.push({
      eventsPerSecond,
      framesPerSecond: rounded((1000 * FRAMES) / elapsedMs, 4),
      lateFrames: intervalsMs.filter((ms) => ms > LATE_MS).length,
      p99FrameMs: rounded(percentile(intervalsMs, 0.99)),
      longestFrameMs: rounded(Math.max(...intervalsMs)),
      longTasks: isTold ? longTasksMs.length : 'not told by this browser',
    });
  }
  panel.remove();
  const busy = rows[1];
  const targets = [
    judgeAtLeast('frames/s of the panel at 1,000 events/s', busy?.framesPerSecond ?? 0, MIN_FRAMES_PER_SECOND),
  ];
  if (typeof busy?.longTasks === 'number') {
    targets.push(judge('long tasks of the panel at 1,000 events/s', busy.longTasks, 0));
  }
  return { rows, targets };
}

/** The times between so many frames. */
async function framesMs(count: number): Promise<number[]> {
  const intervalsMs: number[] = [];
  let beforeMs = await new Promise<number>(requestAnimationFrame);
  while (intervalsMs.length < count) {
    const nowMs = await new Promise<number>(requestAnimationFrame);
    intervalsMs.push(nowMs - beforeMs);
    beforeMs = nowMs;
  }
  return intervalsMs;
}
