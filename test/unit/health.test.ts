import { describe, expect, it } from 'vitest';
import { Health, type HealthReport, type Observation, statusOf } from '../../core/health';
import type { BudgetState, HealthAlert } from '../../core/protocol/values';
import { configOf } from '../cache-fixture';

const NOW_MS = Date.UTC(2025, 5, 18, 12);
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** Thresholds: hit rate 0.5, error rate 0.1, heap 0.8; a cleanup every 5 minutes; tiers of 100 and 1,000 KB to 90 %. */
const CONFIG = configOf({ health: { minHitRate: 0.5 } });

/** A cache of which there is nothing to say, but for what is given. */
function seen(given: Partial<Observation> = {}): Observation {
  return {
    config: CONFIG,
    memory: { entries: 0, bytes: 0 },
    recent: { hits: 0, misses: 0, answered: 0, failed: 0 },
    ...given,
  };
}

function codesOf(alerts: readonly HealthAlert[]): string[] {
  return alerts.map(({ code }) => code);
}

/** The codes of what was raised and what ended. */
function changesOf({ raised, ended }: HealthReport): { raised: string[]; ended: string[] } {
  return { raised: codesOf(raised), ended: codesOf(ended) };
}

const NO_CHANGE = { raised: [], ended: [] };

function budgetOf(isExceeded: boolean): BudgetState {
  return { limit: 10, spent: 12.3, periodStartedAtMs: NOW_MS, periodEndsAtMs: NOW_MS + 30 * DAY_MS, isExceeded };
}

describe('The health of a cache', () => {
  it('is well when there is nothing to say', () => {
    expect(new Health().evaluate(seen(), NOW_MS)).toEqual({ status: 'ok', alerts: [], raised: [], ended: [] });
  });

  it('is degraded by a warning and failing by what is critical', () => {
    const health = new Health();
    const storeFailure = { reason: 'OPFS is missing.', sinceMs: 5 };
    expect(health.evaluate(seen({ storeFailure }), NOW_MS).status).toBe('degraded');
    const report = health.evaluate(seen({ storeFailure, writesFailingSinceMs: 7 }), NOW_MS);
    expect(report.status).toBe('failing');
    expect(codesOf(report.alerts)).toEqual(['WRITES_FAILING', 'STORE_FALLBACK']);
    expect(statusOf([])).toBe('ok');
  });

  it('tells once that an alert was raised, and once that it is over', () => {
    const health = new Health();
    const failing = seen({ writesFailingSinceMs: NOW_MS - 5 });
    expect(changesOf(health.evaluate(failing, NOW_MS))).toEqual({ raised: ['WRITES_FAILING'], ended: [] });
    expect(changesOf(health.evaluate(failing, NOW_MS + 1))).toEqual(NO_CHANGE);
    expect(changesOf(health.evaluate(seen(), NOW_MS + 2))).toEqual({ raised: [], ended: ['WRITES_FAILING'] });
    expect(changesOf(health.evaluate(seen(), NOW_MS + 3))).toEqual(NO_CHANGE);
    expect(changesOf(health.evaluate(failing, NOW_MS + 4))).toEqual({ raised: ['WRITES_FAILING'], ended: [] });
  });

  it('keeps the time of an alert while it lasts', () => {
    const health = new Health();
    const high = seen({ heapRatio: 0.9 });
    expect(health.evaluate(high, NOW_MS).alerts[0]?.sinceMs).toBe(NOW_MS);
    expect(health.evaluate(high, NOW_MS + HOUR_MS).alerts[0]?.sinceMs).toBe(NOW_MS);
    health.evaluate(seen(), NOW_MS + 2 * HOUR_MS);
    expect(health.evaluate(high, NOW_MS + 3 * HOUR_MS).alerts[0]?.sinceMs).toBe(NOW_MS + 3 * HOUR_MS);
  });

  it('says of every alert what is wrong and what to do, in whole sentences', () => {
    const all = seen({
      memory: { entries: 1, bytes: 99_000 },
      disk: { bytesOnDisk: 990_000, maxBytes: 1_000_000 },
      recent: { hits: 1, misses: 99, answered: 50, failed: 50 },
      budget: budgetOf(true),
      estimate: { usageBytes: 9.9e9, quotaBytes: 1e10 },
      heapRatio: 0.95,
      storeFailure: { reason: 'OPFS is missing.', sinceMs: 1 },
      storageEmptiedAtMs: NOW_MS,
      writesFailingSinceMs: 1,
    });
    const health = new Health();
    health.evaluate(all, NOW_MS);
    const { alerts } = health.evaluate(all, NOW_MS + 6 * MINUTE_MS);
    expect(codesOf(alerts).toSorted()).toEqual([
      'BUDGET_EXCEEDED',
      'DISK_ABOVE_HIGH_WATER',
      'ERROR_RATE_HIGH',
      'HEAP_HIGH',
      'HIT_RATE_LOW',
      'MEMORY_ABOVE_HIGH_WATER',
      'QUOTA_LOW',
      'STORE_EMPTIED',
      'STORE_FALLBACK',
      'WRITES_FAILING',
    ]);
    for (const { message } of alerts) {
      expect(message).toMatch(/^[A-Z\d].{40,}[.]$/);
      expect(message).not.toMatch(/undefined|NaN|Infinity/);
    }
  });
});

describe.each([
  ['MEMORY_ABOVE_HIGH_WATER', (share: number) => seen({ memory: { entries: 1, bytes: share * 100_000 } })],
  ['DISK_ABOVE_HIGH_WATER', (share: number) => seen({ disk: { bytesOnDisk: share * 1000, maxBytes: 1000 } })],
] as const)('%s', (code, full) => {
  it('is raised when a tier is above its mark for longer than a cleanup interval, and over at the mark', () => {
    const health = new Health();
    expect(health.evaluate(full(0.91), NOW_MS).alerts).toEqual([]);
    expect(health.evaluate(full(0.99), NOW_MS + 5 * MINUTE_MS).alerts).toEqual([]);
    const { alerts } = health.evaluate(full(0.91), NOW_MS + 5 * MINUTE_MS + 1);
    expect(alerts).toMatchObject([{ code, severity: 'warning', sinceMs: NOW_MS }]);
    expect(changesOf(health.evaluate(full(0.9), NOW_MS + 6 * MINUTE_MS))).toEqual({ raised: [], ended: [code] });
    expect(health.evaluate(full(0.91), NOW_MS + 7 * MINUTE_MS).alerts).toEqual([]);
  });

  it('is not raised by two short times above the mark', () => {
    const health = new Health();
    health.evaluate(full(0.95), NOW_MS);
    health.evaluate(full(0.8), NOW_MS + 4 * MINUTE_MS);
    expect(health.evaluate(full(0.95), NOW_MS + 6 * MINUTE_MS).alerts).toEqual([]);
  });

  it('is raised also when the clock was set back meanwhile', () => {
    const health = new Health();
    health.evaluate(full(0.95), NOW_MS);
    health.evaluate(full(0.95), NOW_MS - DAY_MS);
    expect(codesOf(health.evaluate(full(0.95), NOW_MS - DAY_MS + 6 * MINUTE_MS).alerts)).toEqual([code]);
  });
});

describe('The memory tier', () => {
  it('can be above its mark by the number of its entries', () => {
    const config = configOf({ memory: { maxEntries: 10 } });
    const full = seen({ config, memory: { entries: 10, bytes: 5 } });
    const health = new Health();
    health.evaluate(full, NOW_MS);
    expect(codesOf(health.evaluate(full, NOW_MS + HOUR_MS).alerts)).toEqual(['MEMORY_ABOVE_HIGH_WATER']);
  });
});

describe('HEAP_HIGH', () => {
  it('is raised above the threshold and over well below it', () => {
    const health = new Health();
    const codesAt = (heapRatio: number) => codesOf(health.evaluate(seen({ heapRatio }), NOW_MS).alerts);
    expect(codesAt(0.8)).toEqual([]);
    expect(codesAt(0.81)).toEqual(['HEAP_HIGH']);
    expect(codesAt(0.77)).toEqual(['HEAP_HIGH']);
    expect(codesAt(0.76)).toEqual([]);
    expect(codesAt(0.77)).toEqual([]);
  });
});

describe('HIT_RATE_LOW', () => {
  const withHits = (hits: number, misses: number, minHitRate = 0.5) =>
    seen({
      config: configOf({ health: { minHitRate } }),
      recent: { hits, misses, answered: hits, failed: 0 },
    });

  it('is raised below the threshold with at least 20 requests, and over above it with some distance', () => {
    const health = new Health();
    const codesWith = (hits: number, misses: number) => codesOf(health.evaluate(withHits(hits, misses), NOW_MS).alerts);
    expect(codesWith(0, 19)).toEqual([]);
    expect(codesWith(10, 10)).toEqual([]);
    expect(codesWith(9, 11)).toEqual(['HIT_RATE_LOW']);
    expect(codesWith(54, 46)).toEqual(['HIT_RATE_LOW']);
    expect(codesWith(55, 45)).toEqual([]);
    expect(codesWith(54, 46)).toEqual([]);
  });

  it('does not come and go around the fewest requests that say something', () => {
    const health = new Health();
    expect(codesOf(health.evaluate(withHits(0, 20), NOW_MS).alerts)).toEqual(['HIT_RATE_LOW']);
    expect(codesOf(health.evaluate(withHits(0, 10), NOW_MS).alerts)).toEqual(['HIT_RATE_LOW']);
    expect(codesOf(health.evaluate(withHits(0, 9), NOW_MS).alerts)).toEqual([]);
    expect(codesOf(health.evaluate(withHits(0, 19), NOW_MS).alerts)).toEqual([]);
  });

  it('can end whatever the threshold is, and never begins at none', () => {
    const health = new Health();
    expect(codesOf(health.evaluate(withHits(95, 5, 0.98), NOW_MS).alerts)).toEqual(['HIT_RATE_LOW']);
    expect(codesOf(health.evaluate(withHits(0, 100, 0), NOW_MS).alerts)).toEqual([]);
    expect(codesOf(health.evaluate(withHits(95, 5, 0.98), NOW_MS).alerts)).toEqual(['HIT_RATE_LOW']);
    expect(codesOf(health.evaluate(withHits(99, 1, 0.98), NOW_MS).alerts)).toEqual([]);
  });
});

describe('ERROR_RATE_HIGH', () => {
  it('is raised above the threshold of at least 10 calls that ended, and over with some distance', () => {
    const health = new Health();
    const codesWith = (answered: number, failed: number) =>
      codesOf(health.evaluate(seen({ recent: { hits: 0, misses: 0, answered, failed } }), NOW_MS).alerts);
    expect(codesWith(0, 9)).toEqual([]);
    expect(codesWith(90, 10)).toEqual([]);
    expect(codesWith(89, 11)).toEqual(['ERROR_RATE_HIGH']);
    expect(codesWith(91, 9)).toEqual(['ERROR_RATE_HIGH']);
    expect(codesWith(92, 8)).toEqual([]);
    expect(codesWith(0, 10)).toEqual(['ERROR_RATE_HIGH']);
    expect(codesWith(0, 5)).toEqual(['ERROR_RATE_HIGH']);
    expect(codesWith(0, 4)).toEqual([]);
  });
});

describe('QUOTA_LOW', () => {
  const freeOf = (freeBytes: number, quotaBytes: number) =>
    seen({ estimate: { usageBytes: quotaBytes - freeBytes, quotaBytes } });

  it('is raised below 5 % of a large quota and below 100 MB of a small one, and over with some distance', () => {
    const health = new Health();
    const codesWith = (freeBytes: number, quotaBytes: number) =>
      codesOf(health.evaluate(freeOf(freeBytes, quotaBytes), NOW_MS).alerts);
    expect(codesWith(5e8, 1e10)).toEqual([]);
    expect(codesWith(4.9e8, 1e10)).toEqual(['QUOTA_LOW']);
    expect(codesWith(5.9e8, 1e10)).toEqual(['QUOTA_LOW']);
    expect(codesWith(6e8, 1e10)).toEqual([]);
    expect(codesWith(1e8, 1e9)).toEqual([]);
    expect(codesWith(9.9e7, 1e9)).toEqual(['QUOTA_LOW']);
    expect(codesWith(1.2e8, 1e9)).toEqual([]);
  });

  it('is not raised by an estimate that is none, and is by a usage beyond the quota', () => {
    expect(new Health().evaluate(freeOf(0, 0), NOW_MS).alerts).toEqual([]);
    expect(new Health().evaluate(freeOf(-5e9, 1e10), NOW_MS).alerts).toMatchObject([
      { code: 'QUOTA_LOW', message: expect.stringContaining('0 MB of 10000 MB') },
    ]);
  });
});

describe('BUDGET_EXCEEDED', () => {
  const PRICE = { perThousandCharacters: 1, currency: 'EUR' };
  const withBudget = (isExceeded: boolean, whenExceeded: 'warn' | 'refuse') =>
    seen({
      config: configOf({ price: PRICE, budget: { limit: 10, periodMs: 30 * DAY_MS, whenExceeded } }),
      budget: budgetOf(isExceeded),
    });

  it('is a warning where it warns, and critical where it refuses', () => {
    const health = new Health();
    expect(health.evaluate(withBudget(false, 'refuse'), NOW_MS).status).toBe('ok');
    const warning = health.evaluate(withBudget(true, 'warn'), NOW_MS);
    expect(warning).toMatchObject({ status: 'degraded', alerts: [{ severity: 'warning' }] });
    expect(warning.alerts[0]?.message).toContain(
      '12.30 of a budget of 10 EUR are spent; the period ends 2025-07-18T12:00',
    );
    const refusal = health.evaluate(withBudget(true, 'refuse'), NOW_MS + 1);
    expect(refusal).toMatchObject({ status: 'failing', alerts: [{ severity: 'critical', sinceMs: NOW_MS }] });
    expect(refusal.alerts[0]?.message).toContain('not synthesized');
    expect(changesOf(refusal)).toEqual({ raised: ['BUDGET_EXCEEDED'], ended: [] });
  });

  it('can be told of a period without an end', () => {
    const budget = { ...budgetOf(true), periodEndsAtMs: Number.POSITIVE_INFINITY };
    expect(new Health().evaluate(seen({ budget }), NOW_MS).alerts[0]?.message).not.toContain('ends');
  });
});

describe('What happened to the store', () => {
  it('is told with its reason and time', () => {
    const storeFailure = { reason: 'Another tab has the files.', sinceMs: NOW_MS - 3 };
    expect(new Health().evaluate(seen({ storeFailure }), NOW_MS).alerts).toMatchObject([
      {
        code: 'STORE_FALLBACK',
        severity: 'warning',
        sinceMs: NOW_MS - 3,
        message: expect.stringContaining('memory only: Another tab has the files. '),
      },
    ]);
  });

  it('is told for a day when the browser had emptied it', () => {
    const health = new Health();
    const emptied = seen({ storageEmptiedAtMs: NOW_MS });
    expect(codesOf(health.evaluate(emptied, NOW_MS + DAY_MS).alerts)).toEqual(['STORE_EMPTIED']);
    expect(changesOf(health.evaluate(emptied, NOW_MS + DAY_MS + 1))).toEqual({ raised: [], ended: ['STORE_EMPTIED'] });
  });

  it('is critical when writes fail', () => {
    expect(new Health().evaluate(seen({ writesFailingSinceMs: 3 }), NOW_MS)).toMatchObject({
      status: 'failing',
      alerts: [{ code: 'WRITES_FAILING', severity: 'critical', sinceMs: 3 }],
    });
  });
});
