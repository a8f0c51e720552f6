/**
 * Events on their way to the page, several in one message: each message wakes the page up, and costs the request that
 * comes next more than the request that caused it.
 */
import type { Clock } from '../core/clock';
import type { CacheEvent } from '../core/protocol/messages';

/** An event waits so long at most; for a person that is at once. */
const BATCH_INTERVAL_MS = 20;

/** Gathers events. */
export class EventBatch {
  readonly #send: (events: readonly CacheEvent[]) => void;
  readonly #clock: Clock;
  #waiting: CacheEvent[] = [];
  #cancel: (() => void) | undefined;

  constructor(send: (events: readonly CacheEvent[]) => void, clock: Clock) {
    this.#send = send;
    this.#clock = clock;
  }

  /** Sends an event, in the order in which they were added: soon, or at once when somebody acts on it. */
  add(event: CacheEvent): void {
    this.#waiting.push(event);
    if (event.type === 'fill-abandoned' || event.type === 'warning') this.flush();
    else this.#cancel ??= this.#clock.schedule(() => this.flush(), BATCH_INTERVAL_MS);
  }

  /** Sends what waits. */
  flush(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    const events = this.#waiting;
    this.#waiting = [];
    if (events.length > 0) this.#send(events);
  }
}
