/**
 * A clock whose time the test owns.
 *
 * Timers run in the order in which they are due, each with the time it was due at, and between two of them everything
 * that was promised gets to run: what a test sees after `advance` is what a patient observer would have seen.
 */
import type { Clock } from '../core/clock';

interface Timer {
  readonly dueAtMs: number;
  readonly order: number;
  readonly callback: () => void;
}

/** A day on which nothing special happens. */
const DEFAULT_START_MS = Date.UTC(2025, 5, 18, 12);

/** Stands still until it is advanced. */
export class FakeClock implements Clock {
  readonly #timers = new Set<Timer>();
  #nowMs: number;
  #lastOrder = 0;

  constructor(startMs = DEFAULT_START_MS) {
    this.#nowMs = startMs;
  }

  /** How many timers wait for their time. */
  get pendingTimers(): number {
    return this.#timers.size;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  schedule(callback: () => void, delayMs: number): () => void {
    const timer = { dueAtMs: this.#nowMs + Math.max(0, delayMs), order: ++this.#lastOrder, callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Lets time pass and runs what becomes due, including what is scheduled on the way. */
  async advance(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms;
    for (;;) {
      await settle();
      const timer = this.#nextDueBy(endMs);
      if (timer === undefined) break;
      this.#timers.delete(timer);
      this.#nowMs = Math.max(this.#nowMs, timer.dueAtMs);
      timer.callback();
    }
    this.#nowMs = endMs;
  }

  /** Sets the time, forwards or backwards, without running any timer: somebody has set the machine's clock. */
  setTo(nowMs: number): void {
    this.#nowMs = nowMs;
  }

  #nextDueBy(endMs: number): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.dueAtMs > endMs) continue;
      const isEarlier =
        next === undefined ||
        timer.dueAtMs < next.dueAtMs ||
        (timer.dueAtMs === next.dueAtMs && timer.order < next.order);
      if (isEarlier) next = timer;
    }
    return next;
  }
}

/** Resolves once every promise that could settle without time passing has settled. */
export function settle(): Promise<void> {
  return new Promise((resolve) => {
    if (typeof setImmediate === 'function') {
      setImmediate(resolve);
      return;
    }
    // A browser's nearest thing.
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
}
