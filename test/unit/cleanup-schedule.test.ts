import { describe, expect, it } from 'vitest';
import { type CleanupRun, scheduleCleanup } from '../../core/cleanup-schedule';
import { FakeClock, settle } from '../fake-clock';

const INTERVAL_MS = 300_000;

/** Runs the schedule and notes when each cleanup began, counted from the start. */
function scheduled(run: CleanupRun) {
  const clock = new FakeClock();
  const startMs = clock.nowMs();
  const runs: { readonly atMs: number; readonly budgetMs: number }[] = [];
  const stop = scheduleCleanup(
    (budgetMs) => {
      runs.push({ atMs: clock.nowMs() - startMs, budgetMs });
      return run(budgetMs);
    },
    INTERVAL_MS,
    clock,
  );
  return { clock, runs, stop, timesMs: () => runs.map(({ atMs }) => atMs) };
}

describe('The schedule of cleanups', () => {
  it('begins two seconds after the start and goes on at the interval, each time with a budget', async () => {
    const { clock, runs, timesMs } = scheduled(async () => true);
    await clock.advance(1999);
    expect(timesMs()).toEqual([]);
    await clock.advance(1 + 2 * INTERVAL_MS);
    expect(timesMs()).toEqual([2000, 302_000, 602_000]);
    for (const { budgetMs } of runs) expect(budgetMs).toBe(50);
  });

  it('continues soon after a cleanup that did not finish', async () => {
    let left = 3;
    const { clock, timesMs } = scheduled(async () => --left === 0);
    await clock.advance(2000 + INTERVAL_MS);
    expect(timesMs()).toEqual([2000, 2250, 2500]);
    left = 1;
    await clock.advance(500);
    expect(timesMs()).toEqual([2000, 2250, 2500, 302_500]);
  });

  it('survives a cleanup that fails', async () => {
    const { clock, timesMs } = scheduled(() => Promise.reject(new Error('disk gone')));
    await clock.advance(2000 + INTERVAL_MS);
    expect(timesMs()).toEqual([2000, 302_000]);
  });

  it('never has two cleanups run at once, however long one takes', async () => {
    let finish = (_isComplete: boolean) => {};
    const { clock, timesMs } = scheduled(
      () =>
        new Promise((resolve) => {
          finish = resolve;
        }),
    );
    await clock.advance(2000 + 5 * INTERVAL_MS);
    expect(timesMs()).toEqual([2000]);
    finish(true);
    await clock.advance(INTERVAL_MS);
    expect(timesMs()).toHaveLength(2);
  });

  it('ends when it is stopped, before the first cleanup, between two and during one', async () => {
    const unstarted = scheduled(async () => true);
    unstarted.stop();
    await unstarted.clock.advance(2 * INTERVAL_MS);
    expect(unstarted.runs).toEqual([]);

    const between = scheduled(async () => true);
    await between.clock.advance(2000);
    await settle();
    between.stop();
    between.stop();
    await between.clock.advance(2 * INTERVAL_MS);
    expect(between.runs).toHaveLength(1);
    expect(between.clock.pendingTimers).toBe(0);

    let finish = (_isComplete: boolean) => {};
    const during = scheduled(
      () =>
        new Promise((resolve) => {
          finish = resolve;
        }),
    );
    await during.clock.advance(2000);
    during.stop();
    finish(false);
    await during.clock.advance(2 * INTERVAL_MS);
    expect(during.runs).toHaveLength(1);
  });
});
