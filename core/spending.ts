/**
 * What was spent on syntheses in the present period, held against a budget.
 *
 * A period begins with the first synthesis after the one before has ended, so that a cache nobody uses starts none. The
 * clock may be wrong: while it is behind the beginning of the period, the period is taken to have begun when that was
 * first seen. So a clock set back for a while frees nothing, and one that stays behind ends the period after its length,
 * instead of after whatever it was set back by.
 */
import { isObject } from './protocol/is-object';
import type { BudgetConfig, BudgetState, JsonObject } from './protocol/values';

/** Sums of prices are not exact: a budget is used up also when a billionth of it is left. */
const EXCEEDED_SHARE = 1 - 1e-9;

/** The spending of one cache. */
export class Spending {
  #budget: BudgetConfig | undefined;
  /** Undefined: nothing was ever spent. */
  #startedAtMs: number | undefined;
  /** Since when the clock has been seen behind `#startedAtMs`; undefined while it is not. */
  #behindSinceMs: number | undefined;
  #spent = 0;

  constructor(budget?: BudgetConfig) {
    this.#budget = budget;
  }

  /** Another budget, or none. What was spent in the present period counts against it; no currency is converted. */
  configure(budget: BudgetConfig | undefined): void {
    this.#budget = budget;
  }

  /** A synthesis was paid for; the first one after a period begins the next. Without a budget nothing is counted. */
  spend(cost: number, nowMs: number): void {
    if (this.#budget === undefined || !(cost >= 0 && cost < Number.POSITIVE_INFINITY)) return;
    if (this.#runningSince(nowMs, this.#budget) === undefined) {
      this.#startedAtMs = nowMs;
      this.#behindSinceMs = undefined;
      this.#spent = 0;
    }
    this.#spent += cost;
  }

  /** How far the budget is used up; between two periods, of one that would begin now. Undefined without a budget. */
  state(nowMs: number): BudgetState | undefined {
    const budget = this.#budget;
    if (budget === undefined) return undefined;
    const { limit, periodMs } = budget;
    const runningSinceMs = this.#runningSince(nowMs, budget);
    const spent = runningSinceMs === undefined ? 0 : this.#spent;
    const periodStartedAtMs = runningSinceMs ?? nowMs;
    return {
      limit,
      spent,
      periodStartedAtMs,
      periodEndsAtMs: periodStartedAtMs + periodMs,
      isExceeded: spent >= limit * EXCEEDED_SHARE,
    };
  }

  /**
   * False when the budget is used up and says that nothing more may be synthesized. What is under way is not known here:
   * several syntheses that begin at once can together exceed it.
   */
  mayStart(nowMs: number): boolean {
    return this.#budget?.whenExceeded !== 'refuse' || this.state(nowMs)?.isExceeded !== true;
  }

  /** What must outlive a restart, as JSON. */
  toNote(): JsonObject {
    return { spent: this.#spent, startedAtMs: this.#startedAtMs, behindSinceMs: this.#behindSinceMs };
  }

  /**
   * Takes up the period that `toNote` once told; what was spent before it was called is spent again on top. Notes come
   * from a disk: one that is none changes nothing.
   */
  restore(note: unknown): void {
    if (!isObject(note) || !isAmount(note.spent) || !isAmount(note.startedAtMs)) return;
    const spent = this.#spent;
    const startedAtMs = this.#startedAtMs;
    this.#spent = note.spent;
    this.#startedAtMs = note.startedAtMs;
    this.#behindSinceMs = isAmount(note.behindSinceMs) ? note.behindSinceMs : undefined;
    if (startedAtMs !== undefined) this.spend(spent, startedAtMs);
  }

  /** When the present period began; undefined when the last one has ended. */
  #runningSince(nowMs: number, { periodMs }: BudgetConfig): number | undefined {
    if (this.#startedAtMs === undefined) return undefined;
    if (nowMs >= this.#startedAtMs) this.#behindSinceMs = undefined;
    else this.#behindSinceMs = Math.min(this.#behindSinceMs ?? nowMs, nowMs);
    const sinceMs = this.#behindSinceMs ?? this.#startedAtMs;
    return nowMs < sinceMs + periodMs ? sinceMs : undefined;
  }
}

function isAmount(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value < Number.POSITIVE_INFINITY;
}
