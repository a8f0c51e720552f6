import { describe, expect, it } from 'vitest';
import type { Durability } from '../../core/protocol/values';
import { audioOf, beGranted, fillWith, keyOfText, openCache, resultOf } from '../cache-fixture';
import { settle } from '../fake-clock';

const HELLO = { spec: { text: 'Hello' } };

describe('Audio put in from elsewhere', () => {
  it('is found in memory and on disk, under the key it resolves to', async () => {
    const { cache, disk, hashing } = await openCache();
    const key = await cache.put(HELLO, audioOf(1), resultOf(1000), 'relaxed');
    expect(key).toBe(await keyOfText(hashing, 'Hello'));
    expect((await disk.read(key))?.bytes).toEqual(audioOf(1));
    expect(await cache.get(HELLO)).toMatchObject({ source: 'memory', bytes: audioOf(1) });
    expect(cache.stats().performance.tiers).toMatchObject({ memory: { puts: 1 }, disk: { puts: 1 } });
  });

  it('may be put under a key alone; then its text is not known', async () => {
    const { cache } = await openCache();
    const key = `v1_${'ab'.repeat(32)}`;
    expect(await cache.put({ key }, audioOf(1), resultOf(1000), 'relaxed')).toBe(key);
    expect(await cache.info({ key })).toMatchObject({ key, characters: 0, fingerprint: undefined, spec: undefined });
    expect(await cache.get({ key })).toMatchObject({ bytes: audioOf(1) });
  });

  it('replaces what was there, also what was on its way to disk', async () => {
    const { cache, store, disk } = await openCache();
    const release = store.hold('write');
    const first = cache.put(HELLO, audioOf(1), resultOf(1000), 'relaxed');
    await settle();
    const second = cache.put(HELLO, audioOf(2, 500), resultOf(500), 'relaxed');
    await settle();
    release();
    const key = await first;
    await second;
    expect((await disk.read(key))?.bytes).toEqual(audioOf(2, 500));
    expect((await cache.get(HELLO))?.bytes).toEqual(audioOf(2, 500));
    expect(cache.stats().tiers.memory).toMatchObject({ entries: 1, bytes: 500 });
  });

  it('is what is told about at once, not the entry that it replaces', async () => {
    const { cache, store } = await openCache();
    await cache.put(HELLO, audioOf(1), resultOf(1000), 'relaxed');
    const release = store.hold('write');
    await cache.put(HELLO, audioOf(2, 500), resultOf(500), 'memory');
    expect(await cache.info(HELLO)).toMatchObject({ byteLength: 500 });
    release();
  });

  it('does not disturb a synthesis of the same phrase under way', async () => {
    const { cache } = await openCache();
    const { fillId } = await beGranted(cache, 'Hello');
    await cache.read('waiter', { text: 'Hello' });
    const waiting = cache.awaitFill('waiter');
    await cache.put(HELLO, audioOf(2), resultOf(1000), 'relaxed');
    expect(await cache.get(HELLO)).toMatchObject({ bytes: audioOf(2) });
    await fillWith(cache, fillId, audioOf(1));
    expect(await waiting).toMatchObject({ type: 'hit', bytes: audioOf(1) });
  });

  it('keeps its own time to live', async () => {
    const { cache, clock } = await openCache();
    await cache.put(HELLO, audioOf(1), resultOf(1000, { ttlMs: 1000 }), 'relaxed');
    await clock.advance(999);
    expect(await cache.has(HELLO)).toBe(true);
    await clock.advance(1);
    expect(await cache.has(HELLO)).toBe(false);
  });

  it('keeps the type it was declared with, or the one its bytes or its format tell', async () => {
    const { cache } = await openCache();
    const typeOf = async (contentType: string, format?: string, bytes = audioOf(1)) => {
      const address = { spec: { text: 'Typed', format } };
      await cache.put(address, bytes, resultOf(bytes.byteLength, { contentType }), 'relaxed');
      return (await cache.get(address))?.contentType;
    };
    expect(await typeOf('audio/ogg; codecs=opus')).toBe('audio/ogg; codecs=opus');
    expect(await typeOf('')).toBe('audio/mpeg');
    expect(await typeOf('', 'pcm', new Uint8Array(64).buffer)).toBe('audio/pcm');
  });
});

describe('How safe audio is when it was put', () => {
  it.each<readonly [Durability, 'write' | 'memory']>([
    ['memory', 'memory'],
    ['relaxed', 'write'],
    ['durable', 'write'],
  ])('%s waits for the %s', async (durability, awaited) => {
    const { cache, store } = await openCache();
    const release = store.hold('write');
    let isDone = false;
    const putting = cache.put(HELLO, audioOf(1), resultOf(1000), durability).then(() => {
      isDone = true;
    });
    await settle();
    expect(isDone).toBe(awaited === 'memory');
    expect(await cache.get(HELLO)).toMatchObject({ bytes: audioOf(1) });
    release();
    await putting;
  });

  it('is what was asked for, or else a durable put fails; it is in memory all the same', async () => {
    for (const code of ['QUOTA_EXCEEDED', 'STORE_UNAVAILABLE'] as const) {
      const { cache, store } = await openCache();
      store.fail('write', code, 2);
      await expect(cache.put(HELLO, audioOf(1), resultOf(1000), 'durable')).rejects.toMatchObject({ code });
      expect(await cache.get(HELLO)).toMatchObject({ source: 'memory' });
    }
  });

  it('is no reason to fail when only a relaxed or memory put could not be written', async () => {
    for (const durability of ['memory', 'relaxed'] as const) {
      const { cache, store } = await openCache();
      store.fail('write', new Error('a sector is gone'));
      await cache.put(HELLO, audioOf(1), resultOf(1000), durability);
      await settle();
      expect(await cache.get(HELLO)).toMatchObject({ source: 'memory' });
      expect(cache.stats().performance.errors.diskWrites).toBe(1);
    }
  });

  it('can be made up for by a flush', async () => {
    const { cache, store } = await openCache();
    const release = store.hold('write');
    await cache.put(HELLO, audioOf(1), resultOf(1000), 'memory');
    let isFlushed = false;
    const flushing = cache.flush().then(() => {
      isFlushed = true;
    });
    await settle();
    expect(isFlushed).toBe(false);
    release();
    await flushing;
    expect(store.calls.slice(-2)).toEqual(['write', 'flush']);
  });
});

describe('What may not be put', () => {
  it.each([
    ['nothing', 'INVALID_AUDIO', new ArrayBuffer(0), { byteLength: 0 }],
    ['less than was announced', 'INVALID_AUDIO', audioOf(1), { byteLength: 1001 }],
    ['text under an audio type', 'INVALID_AUDIO', new TextEncoder().encode('{"error":1}').buffer, { byteLength: 11 }],
    ['a picture', 'INVALID_AUDIO', audioOf(1), { contentType: 'image/png' }],
    ['bytes of no known type', 'INVALID_AUDIO', new ArrayBuffer(50), { byteLength: 50, contentType: '' }],
    ['a byte too much', 'ENTRY_TOO_LARGE', audioOf(1, 50_001), { byteLength: 50_001 }],
  ])('is %s: %s', async (_, code, bytes, given) => {
    const { cache, store } = await openCache();
    const put = cache.put(HELLO, bytes, resultOf(1000, given), 'relaxed');
    await expect(put).rejects.toMatchObject({ name: 'AudioCacheError', code });
    expect(await cache.has(HELLO)).toBe(false);
    expect(store.countOf('write')).toBe(0);
  });

  it('is anything under what is neither spec nor key', async () => {
    const { cache } = await openCache();
    const put = (address: Parameters<typeof cache.put>[0]) => cache.put(address, audioOf(1), resultOf(1000), 'relaxed');
    await expect(put({ key: 'v1_short' })).rejects.toMatchObject({ code: 'INVALID_KEY' });
    await expect(put({ spec: { text: '' } })).rejects.toMatchObject({ code: 'INVALID_SPEC' });
  });
});
