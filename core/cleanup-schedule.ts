/**
 * When the cache cleans itself: soon after it was opened, which completes what the last session was cut off from, and
 * then at an interval. Each run is bounded; one that could not finish is continued shortly after.
 */
import type { Clock } from './clock';

/** Long enough after the start to leave the first clips alone. */
const FIRST_DELAY_MS = 2000;
const CONTINUE_DELAY_MS = 250;
/** How long one run may hold the disk's attention. */
const RUN_BUDGET_MS = 50;

/** What is run: resolves to whether it finished within the budget. */
export type CleanupRun = (budgetMs: number) => Promise<boolean>;

/** Starts the schedule; the returned function ends it. A run under way is not interrupted. */
export function scheduleCleanup(run: CleanupRun, intervalMs: number, clock: Clock): () => void {
  let isStopped = false;
  let cancel = clock.schedule(runOnce, FIRST_DELAY_MS);

  function runOnce(): void {
    run(RUN_BUDGET_MS)
      // A cleanup that failed is counted where it failed; the next one tries again.
      .catch(() => true)
      .then((isComplete) => {
        if (!isStopped) cancel = clock.schedule(runOnce, isComplete ? intervalMs : CONTINUE_DELAY_MS);
      });
  }

  return () => {
    isStopped = true;
    cancel();
  };
}
