import { describe, expect, it } from 'vitest';
import { type DiskTierFixture, openDiskTier, wholeEntry } from '../disk-tier-fixture';
import { settle } from '../fake-clock';
import { keyOf } from '../stored-entries';

/** Puts entries of the given sizes under the ids 1, 2, …, a second apart. */
async function putAll(fixture: DiskTierFixture, ...byteLengths: readonly number[]): Promise<void> {
  for (const [index, byteLength] of byteLengths.entries()) {
    await fixture.tier.put(wholeEntry(fixture, index + 1, { byteLength }), 'relaxed');
    await fixture.clock.advance(1000);
  }
}

const sortedKeys = ({ disk }: DiskTierFixture) => [...disk.keys].sort();
const keysOf = (...ids: readonly number[]) => ids.map(keyOf);

describe('The limit of the disk', () => {
  it('is kept by going from above nine tenths down to eight, oldest use first', async () => {
    const fixture = await openDiskTier();
    await putAll(fixture, 300, 300, 300);
    expect(fixture.tier.usage).toEqual({ entries: 3, bytes: 900 });
    await fixture.tier.get(keyOf(1), undefined);
    await fixture.tier.put(wholeEntry(fixture, 4, { byteLength: 50 }), 'relaxed');
    await settle();
    expect(sortedKeys(fixture)).toEqual(keysOf(1, 3, 4));
    expect(fixture.metrics.tiers.disk.evictionsByReason.limit).toBe(1);
    expect(fixture.removals).toEqual([['evicted', { entries: 1, bytes: 300 }]]);
  });

  it('is made room for before a write that would exceed it', async () => {
    const fixture = await openDiskTier();
    await putAll(fixture, 300, 300, 300, 400);
    expect(fixture.store.highestBytes).toBeLessThanOrEqual(1000);
    expect(sortedKeys(fixture)).toEqual(keysOf(3, 4));
  });

  it('is not exceeded by a write that comes while a cleanup runs which does not know of it', async () => {
    const fixture = await openDiskTier();
    const { tier, store } = fixture;
    await putAll(fixture, 425, 425);
    const release = store.hold('removeExpired');
    const cleaning = tier.cleanup(50);
    const writing = tier.put(wholeEntry(fixture, 3, { byteLength: 200 }), 'relaxed');
    await settle();
    release();
    await Promise.all([cleaning, writing]);
    expect(store.highestBytes).toBeLessThanOrEqual(1000);
  });

  it('is made room for once, not by a write and by a cleanup under way', async () => {
    const fixture = await openDiskTier();
    const { tier, store } = fixture;
    const release = store.hold('evict');
    await putAll(fixture, ...Array.from({ length: 19 }, () => 50));
    expect(tier.usage.bytes).toBe(950);
    const writing = tier.put(wholeEntry(fixture, 20, { byteLength: 100 }), 'relaxed');
    await settle();
    release();
    expect(await writing).toBe(true);
    expect(tier.usage).toEqual({ entries: 17, bytes: 900 });
  });

  it('is not exceeded by many writes at once', async () => {
    const fixture = await openDiskTier();
    const { tier, store } = fixture;
    await putAll(fixture, 200, 200, 200, 200);
    const release = store.hold('write');
    const writes = [5, 6, 7, 8, 9].map((id) => tier.put(wholeEntry(fixture, id, { byteLength: 150 }), 'relaxed'));
    await settle();
    release();
    await Promise.all(writes);
    expect(store.highestBytes).toBeLessThanOrEqual(1000);
  });

  it('lets an entry as large as itself in, alone, and no larger one', async () => {
    const fixture = await openDiskTier();
    await putAll(fixture, 300);
    expect(await fixture.tier.put(wholeEntry(fixture, 2, { byteLength: 1000 }), 'relaxed')).toBe(true);
    expect(fixture.store.highestBytes).toBeLessThanOrEqual(1000);
    expect(await fixture.tier.put(wholeEntry(fixture, 3, { byteLength: 1001 }), 'relaxed')).toBe(false);
    expect(fixture.disk.keys).not.toContain(keyOf(3));
  });

  it('does not let a durable put of something larger pass for done', async () => {
    const fixture = await openDiskTier();
    const put = fixture.tier.put(wholeEntry(fixture, 1, { byteLength: 1001 }), 'durable');
    await expect(put).rejects.toMatchObject({ name: 'AudioCacheError' });
  });
});

describe('A cleanup of the disk', () => {
  it('removes what has expired and leaves the rest, below the high-water mark', async () => {
    const fixture = await openDiskTier();
    const { tier, clock } = fixture;
    for (let id = 1; id <= 8; id++) {
      await tier.put(wholeEntry(fixture, id, { expiresAtMs: clock.nowMs() + id * 1000 }), 'relaxed');
    }
    await clock.advance(3000);
    expect(await tier.cleanup()).toEqual({
      expired: { entries: 3, bytes: 300 },
      evicted: { entries: 0, bytes: 0 },
      complete: true,
    });
    expect(sortedKeys(fixture)).toEqual(keysOf(4, 5, 6, 7, 8));
  });

  it('drops what has expired before it evicts anything', async () => {
    const fixture = await openDiskTier();
    const { tier, clock } = fixture;
    await putAll(fixture, 400);
    await tier.put(wholeEntry(fixture, 2, { byteLength: 400, expiresAtMs: clock.nowMs() + 500 }), 'relaxed');
    await clock.advance(1000);
    await tier.put(wholeEntry(fixture, 3, { byteLength: 400 }), 'relaxed');
    expect(sortedKeys(fixture)).toEqual(keysOf(1, 3));
    expect(fixture.metrics.tiers.disk).toMatchObject({ expirations: 1, evictionsByReason: { limit: 0, quota: 0 } });
  });

  it('works in steps and stops when its time is over; the next one goes on', async () => {
    const fixture = await openDiskTier({ config: { maxBytes: 100_000 } });
    const { tier, clock, store } = fixture;
    for (let id = 1; id <= 120; id++) {
      await tier.put(wholeEntry(fixture, id, { byteLength: 1, expiresAtMs: clock.nowMs() + 10 }), 'relaxed');
    }
    await clock.advance(10);
    expect(await tier.cleanup(0)).toMatchObject({ expired: { entries: 50, bytes: 50 }, complete: false });
    expect(await tier.cleanup(0)).toMatchObject({ expired: { entries: 50, bytes: 50 }, complete: false });
    expect(await tier.cleanup(0)).toMatchObject({ expired: { entries: 20, bytes: 20 }, complete: true });
    expect(store.countOf('removeExpired')).toBe(3);
    expect(tier.usage.entries).toBe(0);
  });

  it('evicts in steps of fifty entries', async () => {
    const fixture = await openDiskTier({ config: { maxBytes: 1000, highWater: 0.2, lowWater: 0.1 } });
    const { tier, store, clock } = fixture;
    for (let id = 1; id <= 200; id++)
      await store.write(wholeEntry(fixture, id, { byteLength: 3 }), clock.nowMs(), 'relaxed');
    const report = await tier.cleanup();
    expect(report).toMatchObject({ evicted: { entries: 167, bytes: 501 }, complete: true });
    expect(store.evictions.every(({ maxEntries }) => maxEntries === 50)).toBe(true);
    expect(tier.usage.bytes).toBeLessThanOrEqual(100);
  });

  it('is shared by calls that overlap', async () => {
    const fixture = await openDiskTier();
    const release = fixture.store.hold('removeExpired');
    const both = Promise.all([fixture.tier.cleanup(), fixture.tier.cleanup()]);
    await settle();
    release();
    await both;
    expect(fixture.store.countOf('removeExpired')).toBe(1);
    await fixture.tier.cleanup();
    expect(fixture.store.countOf('removeExpired')).toBe(2);
  });

  it('with time enough does not content itself with one under way that has less', async () => {
    const fixture = await openDiskTier({ config: { maxBytes: 100_000 } });
    const { tier, clock } = fixture;
    for (let id = 1; id <= 120; id++) {
      await tier.put(wholeEntry(fixture, id, { byteLength: 1, expiresAtMs: clock.nowMs() + 10 }), 'relaxed');
    }
    await clock.advance(10);
    const [short, long] = await Promise.all([tier.cleanup(0), tier.cleanup()]);
    expect(short).toMatchObject({ expired: { entries: 50 }, complete: false });
    expect(long).toMatchObject({ expired: { entries: 70 }, complete: true });
  });

  it('ends when the disk refuses to remove anything', async () => {
    const fixture = await openDiskTier();
    const { tier, store, clock, metrics } = fixture;
    await store.write(wholeEntry(fixture, 1, { byteLength: 2000 }), clock.nowMs(), 'relaxed');
    store.fail('removeExpired', new Error('read-only'), 5);
    store.fail('evict', new Error('read-only'), 5);
    expect(await tier.cleanup()).toMatchObject({ expired: { entries: 0 }, evicted: { entries: 0 } });
    expect(metrics.errors.diskWrites).toBe(2);
  });
});

describe('A disk without room', () => {
  it('gives a little back and is tried once more', async () => {
    const fixture = await openDiskTier({ config: { maxBytes: 100_000 } });
    const { tier, store, metrics } = fixture;
    for (let id = 1; id <= 100; id++) await tier.put(wholeEntry(fixture, id), 'relaxed');
    store.fail('write', 'QUOTA_EXCEEDED');
    expect(await tier.put(wholeEntry(fixture, 101), 'relaxed')).toBe(true);
    expect(store.countOf('write')).toBe(102);
    // A twentieth of the limit would be half of what is held; a quarter is the most that is given.
    expect(store.evictions).toEqual([{ bytes: 2500, maxEntries: 50 }]);
    expect(metrics.tiers.disk).toMatchObject({ evictionsByReason: { limit: 0, quota: 25 }, puts: 101, errors: 0 });
    expect(fixture.removals).toEqual([['evicted', { entries: 25, bytes: 2500 }]]);
  });

  it('is not emptied by writes that fail all the same', async () => {
    const fixture = await openDiskTier();
    const { tier, store, metrics } = fixture;
    await putAll(fixture, 100, 100, 100, 100);
    store.fail('write', 'QUOTA_EXCEEDED', 2);
    expect(await tier.put(wholeEntry(fixture, 9), 'relaxed')).toBe(false);
    expect(store.countOf('evict')).toBe(1);
    expect(tier.usage.entries).toBe(3);
    expect(metrics.errors.diskWrites).toBe(1);
  });

  it('is asked for room once, not with every write, until a write succeeds again', async () => {
    const fixture = await openDiskTier({ config: { maxBytes: 100_000 } });
    const { tier, store } = fixture;
    for (let id = 1; id <= 40; id++) await tier.put(wholeEntry(fixture, id), 'relaxed');
    store.fail('write', 'QUOTA_EXCEEDED', 4);
    for (let id = 41; id <= 43; id++) expect(await tier.put(wholeEntry(fixture, id), 'relaxed')).toBe(false);
    expect(store.countOf('evict')).toBe(1);
    expect(await tier.put(wholeEntry(fixture, 44), 'relaxed')).toBe(true);
    store.fail('write', 'QUOTA_EXCEEDED');
    expect(await tier.put(wholeEntry(fixture, 45), 'relaxed')).toBe(true);
    expect(store.countOf('evict')).toBe(2);
  });

  it('makes a durable put fail with its reason', async () => {
    const fixture = await openDiskTier();
    fixture.store.fail('write', 'QUOTA_EXCEEDED', 2);
    const put = fixture.tier.put(wholeEntry(fixture, 1), 'durable');
    await expect(put).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED' });
  });
});
