import { describe, expect, it } from 'vitest';
import { MemoryTier, type MemoryTierListeners } from '../../core/memory-tier';
import type { EntryMetadata, MemoryConfig } from '../../core/protocol/values';
import { entryOf, keyOf } from '../stored-entries';

const NOW_MS = 1_000_000;
const CONFIG: MemoryConfig = {
  maxBytes: 1000,
  maxEntries: Number.POSITIVE_INFINITY,
  ttlMs: 3_600_000,
  highWater: 0.9,
  lowWater: 0.8,
};

function tierWith(config: Partial<MemoryConfig> = {}, listeners: MemoryTierListeners = {}): MemoryTier {
  return new MemoryTier({ ...CONFIG, ...config }, NOW_MS, listeners);
}

const sized = (id: number, byteLength: number, given: Partial<EntryMetadata> = {}) =>
  entryOf(id, { byteLength, expiresAtMs: Number.POSITIVE_INFINITY, ...given });

function idsNewestFirst(tier: MemoryTier, nowMs = NOW_MS): readonly number[] {
  return [...tier.newestFirst(nowMs)].map(({ entry }) => Number.parseInt(entry.metadata.key.slice(3), 16));
}

describe('The memory tier', () => {
  it('returns the very entry that was put, and counts its bytes', () => {
    const tier = tierWith();
    const entry = sized(1, 100);
    expect(tier.put(entry, NOW_MS)).toBe(true);
    expect(tier.get(keyOf(1), NOW_MS)).toBe(entry);
    expect(tier.get(keyOf(2), NOW_MS)).toBeUndefined();
    expect(tier.usage).toEqual({ entries: 1, bytes: 100 });
  });

  it('replaces an entry whole', () => {
    const tier = tierWith();
    const [former, latter] = [sized(1, 100), sized(1, 300)];
    tier.put(former, NOW_MS);
    tier.put(latter, NOW_MS);
    expect(tier.get(keyOf(1), NOW_MS)).toBe(latter);
    expect(tier.usage).toEqual({ entries: 1, bytes: 300 });
  });

  it('does not evict others to replace an entry by one that fits in its place', () => {
    const evicted: string[] = [];
    const tier = tierWith({}, { onRemoval: (reason) => evicted.push(reason) });
    tier.put(sized(1, 400), NOW_MS);
    tier.put(sized(2, 450), NOW_MS);
    tier.put(sized(2, 440), NOW_MS);
    expect(evicted).toEqual([]);
    expect(idsNewestFirst(tier)).toEqual([2, 1]);
  });

  it('goes above nine tenths only to come down to eight, oldest use first', () => {
    const tier = tierWith();
    for (let id = 1; id <= 9; id++) tier.put(sized(id, 100), NOW_MS + id);
    expect(tier.usage.bytes).toBe(900);
    tier.get(keyOf(1), NOW_MS + 20);
    tier.put(sized(10, 100), NOW_MS + 30);
    expect(tier.usage.bytes).toBe(800);
    expect(idsNewestFirst(tier, NOW_MS + 30)).toEqual([10, 1, 9, 8, 7, 6, 5, 4]);
  });

  it('keeps to the number of entries in the same way', () => {
    const tier = tierWith({ maxEntries: 10 });
    for (let id = 1; id <= 9; id++) tier.put(sized(id, 1), NOW_MS);
    expect(tier.usage.entries).toBe(9);
    tier.put(sized(10, 1), NOW_MS);
    expect(idsNewestFirst(tier)).toEqual([10, 9, 8, 7, 6, 5, 4, 3]);
  });

  it('tells how much it evicted', () => {
    const removals: unknown[] = [];
    const tier = tierWith({}, { onRemoval: (reason, amount) => removals.push([reason, amount]) });
    for (let id = 1; id <= 10; id++) tier.put(sized(id, 100), NOW_MS);
    expect(removals).toEqual([['evicted', { entries: 2, bytes: 200 }]]);
  });

  it('drops what has expired before it evicts what has not', () => {
    const tier = tierWith();
    tier.put(sized(1, 300), NOW_MS);
    tier.put(sized(2, 500, { expiresAtMs: NOW_MS + 5000 }), NOW_MS + 1);
    const laterMs = NOW_MS + 7000;
    tier.put(sized(3, 300), laterMs);
    expect(idsNewestFirst(tier, laterMs)).toEqual([3, 1]);
  });

  it('takes an entry as large as the limit, alone, and refuses a larger one', () => {
    const tier = tierWith();
    tier.put(sized(1, 100), NOW_MS);
    expect(tier.put(sized(2, 1000), NOW_MS)).toBe(true);
    expect(idsNewestFirst(tier)).toEqual([2]);
    expect(tier.put(sized(3, 1001), NOW_MS)).toBe(false);
    expect(tier.usage).toEqual({ entries: 1, bytes: 1000 });
  });

  it('holds nothing under the key of an entry it refused, not even the one before', () => {
    const tier = tierWith();
    tier.put(sized(1, 10), NOW_MS);
    expect(tier.put(sized(1, 2000), NOW_MS)).toBe(false);
    expect(tier.get(keyOf(1), NOW_MS)).toBeUndefined();
    tier.put(sized(2, 10), NOW_MS);
    expect(tier.put(sized(2, 10, { expiresAtMs: NOW_MS }), NOW_MS)).toBe(false);
    expect(tier.usage).toEqual({ entries: 0, bytes: 0 });
  });

  it.each([1, 2, 3])('holds at least one entry where the limit is %i', (maxEntries) => {
    const tier = tierWith({ maxEntries });
    for (let id = 1; id <= 20; id++) {
      expect(tier.put(sized(id, 10), NOW_MS)).toBe(true);
      expect(tier.get(keyOf(id), NOW_MS)).toBeDefined();
      expect(tier.usage.entries).toBeLessThanOrEqual(maxEntries);
    }
  });
});

describe('Time in the memory tier', () => {
  it('ends an entry after the tier’s own time or the entry’s, whichever comes first', () => {
    const tier = tierWith({ ttlMs: 1000 });
    tier.put(sized(1, 10), NOW_MS);
    tier.put(sized(2, 10, { expiresAtMs: NOW_MS + 300 }), NOW_MS);
    expect(tier.get(keyOf(2), NOW_MS + 299)).toBeDefined();
    expect(tier.get(keyOf(2), NOW_MS + 300)).toBeUndefined();
    expect(tier.get(keyOf(1), NOW_MS + 999)).toBeDefined();
    expect(tier.get(keyOf(1), NOW_MS + 1000)).toBeUndefined();
  });

  it('counts and tells an entry that was found expired, once', () => {
    const removals: unknown[] = [];
    const tier = tierWith({}, { onRemoval: (...removal) => removals.push(removal) });
    tier.put(sized(1, 10, { expiresAtMs: NOW_MS + 100 }), NOW_MS);
    tier.get(keyOf(1), NOW_MS + 100);
    tier.get(keyOf(1), NOW_MS + 100);
    tier.cleanup(NOW_MS + 10_000);
    expect(removals).toEqual([['expired', { entries: 1, bytes: 10 }]]);
    expect(tier.usage).toEqual({ entries: 0, bytes: 0 });
  });

  it('neither shows expired entries nor counts a look as a use', () => {
    const tier = tierWith();
    tier.put(sized(1, 10, { expiresAtMs: NOW_MS + 100 }), NOW_MS);
    tier.put(sized(2, 10), NOW_MS);
    tier.put(sized(3, 10), NOW_MS);
    expect(tier.peek(keyOf(2), NOW_MS + 200)).toMatchObject({ accessedAtMs: NOW_MS });
    expect(tier.peek(keyOf(1), NOW_MS + 200)).toBeUndefined();
    expect(idsNewestFirst(tier, NOW_MS + 200)).toEqual([3, 2]);
  });

  it('cleans up what has expired and reports it', () => {
    const tier = tierWith();
    for (let id = 1; id <= 8; id++) tier.put(sized(id, 100, { expiresAtMs: NOW_MS + id * 10_000 }), NOW_MS);
    const report = tier.cleanup(NOW_MS + 52_000);
    expect(report).toEqual({
      expired: { entries: 5, bytes: 500 },
      evicted: { entries: 0, bytes: 0 },
      isComplete: true,
    });
    expect(tier.cleanup(NOW_MS + 52_000).expired).toEqual({ entries: 0, bytes: 0 });
  });

  it('removes what has expired in steps, so that much of it makes nobody wait', () => {
    const tier = tierWith({ maxBytes: 100_000_000 });
    for (let id = 1; id <= 5_000; id++) tier.put(sized(id, 1, { expiresAtMs: NOW_MS + 10 }), NOW_MS);
    tier.put(sized(6_000, 1), NOW_MS);
    const steps = [1, 2, 3].map(() => tier.cleanup(NOW_MS + 2_000));
    expect(steps.map(({ expired }) => expired.entries)).toEqual([2_000, 2_000, 1_000]);
    expect(steps.map(({ isComplete }) => isComplete)).toEqual([false, false, true]);
    expect(tier.usage).toEqual({ entries: 1, bytes: 1 });
  });

  it('does not take what was put in again for what has expired', () => {
    const tier = tierWith({ maxBytes: 100_000_000 });
    for (let id = 1; id <= 4_000; id++) tier.put(sized(id, 1, { expiresAtMs: NOW_MS + 10 }), NOW_MS);
    tier.cleanup(NOW_MS + 2_000);
    for (let id = 1; id <= 4_000; id++) tier.put(sized(id, 1), NOW_MS + 2_000);
    while (!tier.cleanup(NOW_MS + 2_000).isComplete);
    expect(tier.usage.entries).toBe(4_000);
  });

  it('keeps an entry beyond its own end when told to, for its time in memory', () => {
    const tier = tierWith();
    tier.put(sized(1, 10, { expiresAtMs: NOW_MS + 10 }), NOW_MS, Number.POSITIVE_INFINITY);
    expect(tier.get(keyOf(1), NOW_MS + 20)).toBeDefined();
    expect(tier.get(keyOf(1), NOW_MS + 3_600_000)).toBeUndefined();
  });

  it('takes other limits while it works', () => {
    const tier = tierWith();
    for (let id = 1; id <= 8; id++) tier.put(sized(id, 100), NOW_MS);
    tier.configure({
      maxBytes: 500,
      maxEntries: Number.POSITIVE_INFINITY,
      ttlMs: 60_000,
      highWater: 0.9,
      lowWater: 0.8,
    });
    expect(tier.cleanup(NOW_MS).evicted).toEqual({ entries: 4, bytes: 400 });
  });

  it('tells of all uses it has not told of when an entry leaves, and when asked', () => {
    const uses: unknown[] = [];
    const tier = tierWith({}, { onUse: ({ metadata: { key } }, _, count) => uses.push([key, count]) });
    for (const id of [1, 2]) tier.put(sized(id, 10), NOW_MS);
    for (const id of [1, 1, 2, 2, 2]) tier.get(keyOf(id), NOW_MS + 5);
    tier.delete(keyOf(1));
    tier.reportUses();
    tier.reportUses();
    expect(uses).toEqual([
      [keyOf(1), 2],
      [keyOf(2), 3],
    ]);
  });

  it('tells of uses at most once a minute for each entry', () => {
    const uses: unknown[] = [];
    const tier = tierWith(
      {},
      { onUse: ({ metadata: { key } }, nowMs, count) => uses.push([key, nowMs - NOW_MS, count]) },
    );
    tier.put(sized(1, 10), NOW_MS);
    tier.put(sized(2, 10), NOW_MS + 30_000);
    for (let ms = 0; ms <= 130_000; ms += 10_000) {
      tier.get(keyOf(1), NOW_MS + ms);
      if (ms >= 30_000) tier.get(keyOf(2), NOW_MS + ms);
    }
    expect(uses).toEqual([
      [keyOf(1), 60_000, 7],
      [keyOf(2), 90_000, 7],
      [keyOf(1), 120_000, 6],
    ]);
  });

  it('is not confused by a clock that is set back', () => {
    const tier = tierWith();
    tier.put(sized(1, 10), NOW_MS);
    expect(tier.get(keyOf(1), NOW_MS - 86_400_000)).toBeDefined();
    tier.put(sized(2, 10), NOW_MS - 86_400_000);
    expect(tier.get(keyOf(2), NOW_MS - 86_400_000 + 3_600_000)).toBeUndefined();
    expect(tier.usage).toEqual({ entries: 1, bytes: 10 });
  });
});
