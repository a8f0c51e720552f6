/** Long work in slices, so that whoever asks for something meanwhile need not wait for all of it. */
import type { Clock } from './clock';

/** After so much time of work others have their turn: a message that has come in waits no longer than that and a step. */
const SLICE_MS = 4;

/**
 * Returns what a loop of work waits for between its steps: nothing, or once a slice is used up one turn of the event loop.
 * The stores answer without one, and requests would otherwise wait for the whole loop.
 */
export function createGiveWay(clock: Clock): () => Promise<void> | undefined {
  let sliceEndsAtMs = clock.nowMs() + SLICE_MS;
  return () => {
    const nowMs = clock.nowMs();
    // A clock that was set back makes no slice longer.
    if (nowMs < sliceEndsAtMs && nowMs >= sliceEndsAtMs - SLICE_MS) return undefined;
    return new Promise((resolve) => {
      clock.schedule(() => {
        sliceEndsAtMs = clock.nowMs() + SLICE_MS;
        resolve();
      }, 0);
    });
  };
}
