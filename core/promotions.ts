/**
 * When what was read from disk goes up to memory.
 *
 * Memory needs a buffer of its own beside the caller's, and fresh pages are most of what a disk hit costs. So the caller
 * gets the bytes that were read, and they are read again once nobody has asked for anything for a moment, or at the next
 * request for them, if that comes first. A book read aloud page by page thus does not wait for memory to keep up.
 */
import type { Clock } from './clock';

/** Nothing was asked for so long: there is time. */
const IDLE_MS = 25;
/** So many wait at most; the one read longest ago is left out first. */
const MAX_WAITING = 1_000;

/** What promotions are made with. */
export interface PromotionsOptions {
  readonly clock: Clock;
  /** Reads an entry once more and puts it into memory; never rejects. */
  readonly promote: (key: string) => Promise<void>;
}

/** Keys that are to go up to memory. */
export class Promotions {
  readonly #options: PromotionsOptions;
  readonly #waiting = new Set<string>();
  #lastRequestAtMs = 0;
  #isScheduled = false;

  constructor(options: PromotionsOptions) {
    this.#options = options;
  }

  /** Puts promotions off, since something was asked for. */
  giveWay(): void {
    if (this.#waiting.size > 0) this.#lastRequestAtMs = this.#options.clock.nowMs();
  }

  /**
   * Notes that an entry was read from disk; returns whether it is to go up now, as it was waiting already: it was asked
   * for twice within moments.
   */
  noteRead(key: string): boolean {
    if (this.#waiting.delete(key)) return true;
    if (this.#waiting.size >= MAX_WAITING) {
      for (const oldest of this.#waiting) {
        this.#waiting.delete(oldest);
        break;
      }
    }
    this.#waiting.add(key);
    this.#lastRequestAtMs = this.#options.clock.nowMs();
    this.#schedule(IDLE_MS);
    return false;
  }

  #schedule(delayMs: number): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#options.clock.schedule(() => {
      this.#isScheduled = false;
      void this.#promoteNext();
    }, delayMs);
  }

  async #promoteNext(): Promise<void> {
    const remainingMs = this.#lastRequestAtMs + IDLE_MS - this.#options.clock.nowMs();
    // A clock that was set back makes it wait no longer than that.
    if (remainingMs > 0 && remainingMs <= IDLE_MS) return this.#schedule(remainingMs);
    const [key] = this.#waiting;
    if (key === undefined) return;
    this.#waiting.delete(key);
    await this.#options.promote(key);
    // One at a time, with whatever was asked meanwhile in between.
    if (this.#waiting.size > 0) this.#schedule(0);
  }
}
