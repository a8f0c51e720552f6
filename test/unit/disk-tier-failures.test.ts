import { describe, expect, it } from 'vitest';
import { AudioCacheError } from '../../core/protocol/audio-cache-error';
import { openDiskTier, wholeEntry } from '../disk-tier-fixture';
import { settle } from '../fake-clock';
import { keyOf } from '../stored-entries';

describe('A disk that is lost for good', () => {
  it('is told of once, closed, and never asked again', async () => {
    const fixture = await openDiskTier();
    const { tier, store, lost } = fixture;
    await tier.put(wholeEntry(fixture, 1), 'relaxed');
    store.fail('read', 'STORE_UNAVAILABLE', 9);
    await Promise.all([tier.get(keyOf(1), undefined), tier.get(keyOf(2), undefined), tier.get(keyOf(3), undefined)]);
    expect(lost.map(({ code }) => code)).toEqual(['STORE_UNAVAILABLE']);
    expect(store.countOf('close')).toBe(1);
    const callsBefore = store.calls.length;
    expect(tier.kind).toBe('none');
    expect(tier.usage).toEqual({ entries: 0, bytes: 0 });
    expect(await tier.get(keyOf(1), undefined)).toBeUndefined();
    expect(await tier.getMetadata(keyOf(1))).toBeUndefined();
    expect(await tier.put(wholeEntry(fixture, 2), 'relaxed')).toBe(false);
    expect(await tier.delete(keyOf(1))).toBe(false);
    expect(await tier.list({ limit: 10 })).toBeUndefined();
    expect(await tier.cleanup()).toMatchObject({ complete: true });
    await tier.clear();
    await tier.flush();
    await tier.close();
    tier.use(wholeEntry(fixture, 1).metadata, 0, 1);
    expect(store.calls).toHaveLength(callsBefore);
  });

  it('refuses durable puts, which promise more than memory can keep', async () => {
    const fixture = await openDiskTier();
    fixture.store.fail('write', 'STORE_UNAVAILABLE');
    const put = () => fixture.tier.put(wholeEntry(fixture, 1), 'durable');
    await expect(put()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await expect(put()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    const { tier } = await openDiskTier({ store: null });
    await expect(tier.put(wholeEntry(fixture, 1), 'durable')).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  });

  it('does not end a cleanup under way with an error', async () => {
    const fixture = await openDiskTier();
    const { tier, store, clock, lost } = fixture;
    await store.write(wholeEntry(fixture, 1, { byteLength: 2000 }), clock.nowMs(), 'relaxed');
    store.fail('evict', 'STORE_UNAVAILABLE');
    expect(await tier.cleanup()).toMatchObject({ evicted: { entries: 0 } });
    expect(lost).toHaveLength(1);
  });
});

describe('Writes that fail', () => {
  it('keep a relaxed put from being stored, not from resolving', async () => {
    const fixture = await openDiskTier();
    const { tier, store, metrics, lost } = fixture;
    store.fail('write', new Error('a sector is gone'));
    expect(await tier.put(wholeEntry(fixture, 1), 'relaxed')).toBe(false);
    expect(metrics.errors.diskWrites).toBe(1);
    expect(metrics.tiers.disk).toMatchObject({ puts: 0, errors: 1 });
    expect(lost).toEqual([]);
  });

  it('make a durable put fail', async () => {
    const fixture = await openDiskTier();
    fixture.store.fail('write', new AudioCacheError('QUOTA_EXCEEDED', 'Full.'), 2);
    await expect(fixture.tier.put(wholeEntry(fixture, 1), 'durable')).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED' });
  });

  it('are reported from the third in a row on, since the first, until one succeeds', async () => {
    const fixture = await openDiskTier();
    const { tier, store, clock } = fixture;
    const startMs = clock.nowMs();
    store.fail('write', new Error('read-only'), 4);
    for (let id = 1; id <= 2; id++) {
      await tier.put(wholeEntry(fixture, id), 'relaxed');
      await clock.advance(1000);
    }
    expect(tier.writesFailingSinceMs).toBeUndefined();
    await tier.put(wholeEntry(fixture, 3), 'relaxed');
    await tier.put(wholeEntry(fixture, 4), 'relaxed');
    expect(tier.writesFailingSinceMs).toBe(startMs);
    await tier.put(wholeEntry(fixture, 5), 'relaxed');
    expect(tier.writesFailingSinceMs).toBeUndefined();
  });

  it('do not leave the former audio of a phrase behind to come back later', async () => {
    const fixture = await openDiskTier();
    const { tier, store } = fixture;
    await tier.put(wholeEntry(fixture, 1, { custom: { take: 1 } }), 'relaxed');
    store.fail('write', new Error('a sector is gone'));
    await tier.put(wholeEntry(fixture, 1, { custom: { take: 2 } }), 'relaxed');
    expect(await tier.get(keyOf(1), undefined)).toBeUndefined();
    await tier.put(wholeEntry(fixture, 2, { custom: { take: 1 } }), 'relaxed');
    await tier.put(wholeEntry(fixture, 2, { byteLength: 5000 }), 'relaxed');
    expect(await tier.get(keyOf(2), undefined)).toBeUndefined();
  });
});

describe('Closing the disk', () => {
  it('waits for a cleanup under way and is fine twice', async () => {
    const fixture = await openDiskTier();
    const { tier, store } = fixture;
    const release = store.hold('removeExpired');
    const cleaning = tier.cleanup();
    let isClosed = false;
    const closing = tier.close().then(() => {
      isClosed = true;
    });
    await settle();
    expect(isClosed).toBe(false);
    release();
    await Promise.all([cleaning, closing, tier.close()]);
    expect(store.countOf('close')).toBe(1);
  });

  it('does not fail because the store does', async () => {
    const { tier, store, metrics } = await openDiskTier();
    store.fail('close', new Error('gone'));
    await tier.close();
    expect(metrics.errors.diskWrites).toBe(1);
  });

  it('works without a disk', async () => {
    const { tier } = await openDiskTier({ store: null });
    expect(tier.kind).toBe('none');
    await tier.flush();
    await tier.close();
  });
});
