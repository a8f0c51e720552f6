import { describe, expect, it } from 'vitest';
import { AudioCacheError } from '../../core/protocol/audio-cache-error';
import { audioOf, openCache, resultOf, say } from '../cache-fixture';
import { settle } from '../fake-clock';

const HELLO = { spec: { text: 'Hello' } };

describe('A cache whose disk is lost', () => {
  it.each(['read', 'write', 'remove', 'clear', 'list', 'flush', 'readMetadata', 'removeExpired'] as const)(
    'while it was asked to %s, goes on in memory and says so once',
    async (operation) => {
      const { cache, store, events } = await openCache();
      store.fail(operation, 'STORE_UNAVAILABLE', 99);
      for (let turn = 0; turn < 2; turn++) {
        await say(cache, `Hello ${turn}`);
        await settle();
        await cache.get({ spec: { text: 'Nothing' } });
        await cache.has({ spec: { text: 'Nothing' } });
        await cache.entries({ type: 'entries', limit: 10 });
        await cache.cleanup();
        await cache.flush();
        await cache.delete({ spec: { text: 'Nothing' } });
        if (operation === 'clear') await cache.clear();
      }
      await say(cache, 'Hello', audioOf(1));
      expect(await cache.get(HELLO)).toMatchObject({ source: 'memory', bytes: audioOf(1) });
      expect(events.filter(({ type }) => type === 'warning')).toHaveLength(1);
      const { health, runtime, tiers } = cache.stats();
      expect(runtime).toMatchObject({ store: 'none', owner: false });
      expect(tiers.disk).toMatchObject({ entries: 0, bytes: 0, maxBytes: 0, bytesOnDisk: 0 });
      expect(health).toMatchObject({ status: 'degraded', alerts: [{ code: 'STORE_FALLBACK' }] });
    },
  );

  it('before it was opened, says so from the start', async () => {
    const storeError = new AudioCacheError('STORE_UNAVAILABLE', 'No IndexedDB here.');
    const { cache, events, clock } = await openCache({ store: null, storeError });
    expect(events).toEqual([{ type: 'warning', message: expect.stringContaining('No IndexedDB here.') }]);
    expect(cache.stats().health.alerts).toEqual([
      {
        code: 'STORE_FALLBACK',
        severity: 'warning',
        message: expect.stringContaining('No IndexedDB here.'),
        sinceMs: clock.nowMs(),
      },
    ]);
    await say(cache, 'Hello');
    expect(await cache.get(HELLO)).toMatchObject({ source: 'memory' });
  });

  it('because none was asked for, has nothing to complain about', async () => {
    const { cache, events } = await openCache({ store: null });
    await say(cache, 'Hello');
    await cache.flush();
    expect(events.map(({ type }) => type)).toEqual(['entry-added']);
    expect(cache.stats().health).toEqual({ status: 'ok', alerts: [] });
    expect((await cache.entries({ type: 'entries', limit: 10 })).entries).toHaveLength(1);
  });
});

describe('A cache whose disk fails to write', () => {
  it('says so from the third failure in a row on, until a write succeeds', async () => {
    const { cache, store } = await openCache();
    store.fail('write', new Error('read-only'), 3);
    for (const text of ['a', 'b']) await say(cache, text);
    await settle();
    expect(cache.stats().health.status).toBe('ok');
    await say(cache, 'c');
    await settle();
    expect(cache.stats().health).toMatchObject({ status: 'failing', alerts: [{ code: 'WRITES_FAILING' }] });
    await say(cache, 'd');
    await settle();
    expect(cache.stats().health.status).toBe('ok');
  });

  it('serves from memory what it could not write', async () => {
    const { cache, store } = await openCache();
    store.fail('write', 'QUOTA_EXCEEDED', 2);
    await say(cache, 'Hello', audioOf(1));
    await settle();
    expect(await cache.get(HELLO)).toMatchObject({ source: 'memory', bytes: audioOf(1) });
    expect(cache.stats().performance.errors).toMatchObject({ diskWrites: 1, diskReads: 0 });
  });

  it('makes room for what the browser had no room for', async () => {
    const { cache, store, disk, events } = await openCache();
    for (const text of ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']) await say(cache, text, audioOf(1));
    await settle();
    store.fail('write', 'QUOTA_EXCEEDED');
    await say(cache, 'Hello');
    await settle();
    expect(disk.keys).toHaveLength(7);
    expect(await cache.info(HELLO)).toMatchObject({ tiers: ['memory', 'disk'] });
    expect(events).toContainEqual({
      type: 'entries-removed',
      tier: 'disk',
      reason: 'evicted',
      entries: 2,
      bytes: 2000,
    });
  });
});

describe('Cleaning up', () => {
  it('reports what left memory and what left the disk', async () => {
    const { cache, clock } = await openCache({ config: { memory: { ttlMs: 5000 }, disk: { ttlMs: 20_000 } } });
    await say(cache, 'a', audioOf(1, 700));
    await say(cache, 'b', audioOf(1, 300));
    await clock.advance(7000);
    const report = { expired: { entries: 0, bytes: 0 }, evicted: { entries: 0, bytes: 0 } };
    expect(await cache.cleanup()).toEqual({
      memory: { ...report, expired: { entries: 2, bytes: 1000 } },
      disk: report,
      complete: true,
    });
    await clock.advance(20_000);
    expect(await cache.cleanup()).toMatchObject({ disk: { expired: { entries: 2, bytes: 1000 } }, complete: true });
    expect(cache.stats().performance).toMatchObject({ expirations: 4, evictions: 0 });
  });
});

describe('Closing', () => {
  it('writes what is pending before it lets go of the disk', async () => {
    const { cache, store, disk } = await openCache();
    const release = store.hold('write');
    await say(cache, 'Hello');
    const closing = cache.close();
    await settle();
    expect(store.countOf('close')).toBe(0);
    release();
    await closing;
    expect(disk.keys).toHaveLength(1);
    expect(store.calls.slice(-2)).toEqual(['write', 'close']);
  });

  it('is fine twice, and with a disk that fails', async () => {
    const { cache, store } = await openCache();
    store.fail('close', new Error('gone'));
    await cache.close();
    await cache.close();
  });

  it('keeps what was put just before', async () => {
    const { cache, disk } = await openCache();
    void cache.put(HELLO, audioOf(1), resultOf(1000), 'memory');
    await settle();
    await cache.close();
    expect(disk.keys).toHaveLength(1);
  });
});
