import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BudgetConfig } from '../../core/protocol/values';
import { Spending } from '../../core/spending';

const NOW_MS = Date.UTC(2025, 5, 18, 12);
const DAY_MS = 86_400_000;
const PERIOD_MS = 30 * DAY_MS;
const BUDGET: BudgetConfig = { limit: 10, periodMs: PERIOD_MS, whenExceeded: 'refuse' };

/** A worker that was started again. */
function restarted(spending: Spending, budget: BudgetConfig = BUDGET): Spending {
  const next = new Spending(budget);
  next.restore(JSON.parse(JSON.stringify(spending.toNote())));
  return next;
}

describe('A budget', () => {
  it('says nothing and refuses nothing when there is none', () => {
    const spending = new Spending();
    spending.spend(1000, NOW_MS);
    expect(spending.state(NOW_MS)).toBeUndefined();
    expect(spending.mayStart(NOW_MS)).toBe(true);
  });

  it('adds up what is spent in a period that begins with the first synthesis', () => {
    const spending = new Spending(BUDGET);
    expect(spending.state(NOW_MS)).toMatchObject({ spent: 0, periodStartedAtMs: NOW_MS });
    spending.spend(3, NOW_MS + DAY_MS);
    spending.spend(4, NOW_MS + 2 * DAY_MS);
    expect(spending.state(NOW_MS + 3 * DAY_MS)).toEqual({
      limit: 10,
      spent: 7,
      periodStartedAtMs: NOW_MS + DAY_MS,
      periodEndsAtMs: NOW_MS + 31 * DAY_MS,
      isExceeded: false,
    });
  });

  it('is used up exactly at its limit, whatever sums of prices are in binary', () => {
    const spending = new Spending({ ...BUDGET, limit: 1 });
    for (let count = 0; count < 9; count++) spending.spend(0.1, NOW_MS);
    expect(spending.mayStart(NOW_MS)).toBe(true);
    spending.spend(0.1, NOW_MS);
    expect(spending.state(NOW_MS)?.spent).toBeLessThan(1);
    expect(spending.state(NOW_MS)?.isExceeded).toBe(true);
    expect(spending.mayStart(NOW_MS)).toBe(false);
  });

  it('of nothing allows nothing', () => {
    expect(new Spending({ ...BUDGET, limit: 0 }).mayStart(NOW_MS)).toBe(false);
  });

  it('refuses only when it was told to', () => {
    const spending = new Spending({ ...BUDGET, whenExceeded: 'warn' });
    spending.spend(11, NOW_MS);
    expect(spending.state(NOW_MS)?.isExceeded).toBe(true);
    expect(spending.mayStart(NOW_MS)).toBe(true);
    spending.configure(BUDGET);
    expect(spending.mayStart(NOW_MS)).toBe(false);
    spending.configure({ ...BUDGET, limit: 12 });
    expect(spending.mayStart(NOW_MS)).toBe(true);
  });

  it('is there again when the period has ended, to the millisecond', () => {
    const spending = new Spending(BUDGET);
    spending.spend(10, NOW_MS);
    expect(spending.mayStart(NOW_MS + PERIOD_MS - 1)).toBe(false);
    expect(spending.mayStart(NOW_MS + PERIOD_MS)).toBe(true);
    spending.spend(1, NOW_MS + PERIOD_MS + 5);
    expect(spending.state(NOW_MS + PERIOD_MS + 5)).toMatchObject({
      spent: 1,
      periodStartedAtMs: NOW_MS + PERIOD_MS + 5,
    });
  });

  it('ignores costs that are none', () => {
    const spending = new Spending(BUDGET);
    for (const cost of [Number.NaN, -5, Number.POSITIVE_INFINITY]) spending.spend(cost, NOW_MS);
    expect(spending.state(NOW_MS)?.spent).toBe(0);
  });

  it('goes on after a restart', () => {
    const spending = new Spending(BUDGET);
    spending.spend(9, NOW_MS);
    const next = restarted(spending);
    next.spend(1, NOW_MS + DAY_MS);
    expect(next.state(NOW_MS + DAY_MS)).toMatchObject({ spent: 10, periodStartedAtMs: NOW_MS, isExceeded: true });
    expect(restarted(next).mayStart(NOW_MS + PERIOD_MS)).toBe(true);
    expect(restarted(new Spending(BUDGET)).state(NOW_MS)).toEqual(new Spending(BUDGET).state(NOW_MS));
  });

  it('keeps what was spent while the note of the run before was still being read', () => {
    const before = new Spending(BUDGET);
    before.spend(6, NOW_MS);
    const next = new Spending(BUDGET);
    next.spend(4, NOW_MS + DAY_MS);
    next.restore(before.toNote());
    expect(next.state(NOW_MS + DAY_MS)).toMatchObject({ spent: 10, periodStartedAtMs: NOW_MS });
    const late = new Spending(BUDGET);
    late.spend(4, NOW_MS + PERIOD_MS);
    late.restore(before.toNote());
    expect(late.state(NOW_MS + PERIOD_MS)).toMatchObject({ spent: 4, periodStartedAtMs: NOW_MS + PERIOD_MS });
  });

  it('takes up nothing from a note that is none', () => {
    const notes = [undefined, null, 3, 'note', [], {}, { spent: 5 }, { startedAtMs: NOW_MS }];
    const damaged = [
      { spent: Number.NaN, startedAtMs: NOW_MS },
      { spent: -1, startedAtMs: NOW_MS },
      { spent: '9', startedAtMs: NOW_MS },
      { spent: 9, startedAtMs: 'yesterday' },
    ];
    for (const note of [...notes, ...damaged]) {
      const spending = new Spending(BUDGET);
      spending.spend(2, NOW_MS);
      spending.restore(note);
      expect(spending.state(NOW_MS)).toMatchObject({ spent: 2, periodStartedAtMs: NOW_MS });
    }
  });
});

describe('A clock that is set back', () => {
  const YEAR_MS = 365 * DAY_MS;

  it('frees nothing, neither while it is behind nor when it is right again', () => {
    const spending = new Spending(BUDGET);
    spending.spend(10, NOW_MS);
    expect(spending.mayStart(NOW_MS - YEAR_MS)).toBe(false);
    expect(spending.mayStart(NOW_MS - YEAR_MS + DAY_MS)).toBe(false);
    expect(spending.mayStart(NOW_MS + DAY_MS)).toBe(false);
    expect(spending.state(NOW_MS + DAY_MS)).toMatchObject({ spent: 10, periodStartedAtMs: NOW_MS });
    expect(spending.mayStart(NOW_MS + PERIOD_MS)).toBe(true);
  });

  it('and stays behind extends the period by one at most, over restarts too', () => {
    const spending = new Spending(BUDGET);
    // The clock was a year ahead, and is set right.
    spending.spend(10, NOW_MS + YEAR_MS);
    expect(spending.state(NOW_MS)).toMatchObject({ spent: 10, periodEndsAtMs: NOW_MS + PERIOD_MS, isExceeded: true });
    const next = restarted(spending);
    expect(next.mayStart(NOW_MS + PERIOD_MS - 1)).toBe(false);
    expect(restarted(next).mayStart(NOW_MS + PERIOD_MS)).toBe(true);
    next.spend(1, NOW_MS + PERIOD_MS);
    expect(next.state(NOW_MS + PERIOD_MS)).toMatchObject({ spent: 1, periodStartedAtMs: NOW_MS + PERIOD_MS });
  });

  it('never makes a period last longer than two, however it jumps about within it', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -PERIOD_MS, max: PERIOD_MS - 1 }), { maxLength: 20 }), (offsets) => {
        const spending = new Spending(BUDGET);
        spending.spend(10, NOW_MS);
        for (const offsetMs of offsets) {
          const state = spending.state(NOW_MS + offsetMs);
          // Behind, a period can have run its length since it was first seen behind.
          const ended = state?.spent === 0;
          if (!ended) expect((state?.periodEndsAtMs ?? 0) - (NOW_MS + offsetMs)).toBeLessThanOrEqual(PERIOD_MS);
          if (offsetMs >= 0) expect(state).toMatchObject({ spent: 10, periodStartedAtMs: NOW_MS });
        }
      }),
      { seed: 17, numRuns: 200 },
    );
  });
});
