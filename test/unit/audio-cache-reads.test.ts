import { describe, expect, it } from 'vitest';
import { audioOf, fillWith, keyOfText, openCache, resultOf, say } from '../cache-fixture';
import { settle } from '../fake-clock';

const HELLO = { spec: { text: 'Hello' } };
const HOUR_MS = 3_600_000;

/** Keeps an entry on disk only: memory's time is over. */
async function onDiskOnly(given: Parameters<typeof openCache>[0] = {}) {
  const fixture = await openCache(given);
  await say(fixture.cache, 'Hello', audioOf(1));
  await settle();
  await fixture.clock.advance(HOUR_MS);
  return fixture;
}

describe('A phrase that is asked for', () => {
  it('is synthesized once, then comes from memory', async () => {
    const { cache } = await openCache();
    expect(await say(cache, 'Hello', audioOf(1))).toMatchObject({ type: 'fill-granted' });
    const hit = await cache.get(HELLO);
    expect(hit).toMatchObject({ type: 'hit', source: 'memory' });
    expect(hit?.bytes).toEqual(audioOf(1));
    expect(hit).toMatchObject({
      contentType: 'audio/mpeg',
      characters: 5,
      synthesisMs: 400,
    });
  });

  it('comes from disk when memory has let go of it, and a moment later from memory again', async () => {
    const { cache, clock } = await onDiskOnly();
    expect(await say(cache, 'Hello')).toMatchObject({ type: 'hit', source: 'disk' });
    await clock.advance(25);
    const again = await say(cache, 'Hello');
    expect(again).toMatchObject({ type: 'hit', source: 'memory' });
    expect('bytes' in again && again.bytes).toEqual(audioOf(1));
    expect(cache.stats().performance).toMatchObject({ promotions: 1, hits: 2, misses: 1 });
    expect(cache.stats().performance.tiers.disk).toMatchObject({ hits: 1, misses: 1 });
  });

  it('goes up to memory at the second request when that comes at once', async () => {
    const { cache, store } = await onDiskOnly();
    const readsBefore = store.countOf('read');
    const sources = [await say(cache, 'Hello'), await say(cache, 'Hello'), await say(cache, 'Hello')];
    expect(sources).toMatchObject([{ source: 'disk' }, { source: 'disk' }, { source: 'memory' }]);
    expect(cache.stats().performance.promotions).toBe(1);
    expect(store.countOf('read')).toBe(readsBefore + 2);
  });

  it('does not go up to memory while there is no pause between requests', async () => {
    const { cache, clock } = await onDiskOnly();
    await say(cache, 'Hello');
    for (let request = 0; request < 20; request++) {
      await clock.advance(20);
      await cache.get({ spec: { text: `Other ${request}` } });
    }
    expect(cache.stats().performance.promotions).toBe(0);
    await clock.advance(25);
    expect(cache.stats().performance.promotions).toBe(1);
  });

  it.each(['deleted', 'replaced'] as const)('does not come back into memory when it was %s meanwhile', async (how) => {
    const { cache, clock, store } = await onDiskOnly();
    await say(cache, 'Hello');
    const release = store.hold('read', 'after');
    await clock.advance(25);
    if (how === 'deleted') await cache.delete(HELLO);
    else await cache.put(HELLO, audioOf(2), resultOf(1000), 'relaxed');
    release();
    await settle();
    expect((await cache.get(HELLO))?.bytes).toEqual(how === 'deleted' ? undefined : audioOf(2));
  });

  it('gives a reader and memory bytes of their own when both wait for one read', async () => {
    const { cache, clock, store } = await onDiskOnly();
    await say(cache, 'Hello');
    const release = store.hold('read', 'after');
    await clock.advance(25);
    const reading = cache.get(HELLO);
    await settle();
    release();
    const hit = await reading;
    expect(hit).toMatchObject({ source: 'disk', bytes: audioOf(1) });
    new Uint8Array(hit?.bytes ?? new ArrayBuffer(0)).fill(0);
    expect(await cache.get(HELLO)).toMatchObject({ source: 'memory', bytes: audioOf(1) });
  });

  it('is a miss when nobody has it, and when it has expired everywhere', async () => {
    const { cache, clock } = await openCache();
    expect(await cache.get(HELLO)).toBeUndefined();
    await say(cache, 'Hello');
    await clock.advance(7 * 24 * HOUR_MS);
    expect(await cache.get(HELLO)).toBeUndefined();
    expect(await cache.has(HELLO)).toBe(false);
    expect(await cache.info(HELLO)).toBeUndefined();
  });

  it('is not synthesized again for one who looked for it on disk while it was', async () => {
    const { cache, store } = await openCache();
    const first = await cache.read('first', { text: 'Hello' });
    const release = store.hold('read', 'after');
    const second = cache.read('second', { text: 'Hello' });
    await settle();
    await fillWith(cache, 'fillId' in first ? first.fillId : '', audioOf(1));
    release();
    expect(await second).toMatchObject({ type: 'hit', bytes: audioOf(1) });
  });

  it('is refused when it is no spec, and so is a key that is none', async () => {
    const { cache } = await openCache();
    await expect(cache.get({ spec: { text: ' ' } })).rejects.toMatchObject({ code: 'INVALID_SPEC' });
    await expect(cache.read('call', { text: 'x', speed: 99 })).rejects.toMatchObject({ code: 'INVALID_SPEC' });
    await expect(cache.get({ key: 'v1_x' })).rejects.toMatchObject({ code: 'INVALID_KEY' });
    expect(cache.stats().performance.requests).toBe(0);
  });

  it('is found by its key as well as by its spec', async () => {
    const { cache, hashing } = await openCache();
    await say(cache, 'Hello');
    const key = await keyOfText(hashing, 'Hello');
    expect(await cache.get({ key })).toMatchObject({ type: 'hit', key });
    expect(await cache.get({ spec: { text: ' Hello ', voice: '' } })).toMatchObject({ type: 'hit', key });
  });

  it('shares one entry at every speed when the player applies that', async () => {
    const { cache } = await openCache({ config: { speedMode: 'playback' } });
    await say(cache, 'Hello');
    expect(await cache.get({ spec: { text: 'Hello', speed: 2 } })).toMatchObject({ type: 'hit' });
  });
});

describe('The bytes of a clip', () => {
  it('are the caller’s own, whichever tier they come from', async () => {
    const { cache } = await onDiskOnly();
    for (const source of ['disk', 'disk', 'memory', 'memory']) {
      const hit = await cache.get(HELLO);
      expect(hit).toMatchObject({ source });
      expect(hit?.bytes).toEqual(audioOf(1));
      new Uint8Array(hit?.bytes ?? new ArrayBuffer(0)).fill(0);
      // What a decoder or a transfer does to the buffer it is given.
      structuredClone(hit?.bytes, { transfer: hit === undefined ? [] : [hit.bytes] });
    }
    expect((await cache.get(HELLO))?.bytes).toEqual(audioOf(1));
  });

  it('are not shared between those who wait for one synthesis', async () => {
    const { cache } = await openCache();
    const filler = await cache.read('filler', { text: 'Hello' });
    await Promise.all([cache.read('a', { text: 'Hello' }), cache.read('b', { text: 'Hello' })]);
    const waiting = Promise.all([cache.awaitFill('a'), cache.awaitFill('b')]);
    await fillWith(cache, 'fillId' in filler ? filler.fillId : '', audioOf(1));
    const [a, b] = await waiting;
    if (a?.type !== 'hit' || b?.type !== 'hit') throw new Error('Both should have their clip');
    expect(a.bytes).not.toBe(b.bytes);
    new Uint8Array(a.bytes).fill(0);
    expect(b.bytes).toEqual(audioOf(1));
    expect((await cache.get(HELLO))?.bytes).toEqual(audioOf(1));
  });
});

describe('Fifty callers at once', () => {
  const callIds = Array.from({ length: 50 }, (_, index) => `caller-${index}`);

  it('cost one synthesis', async () => {
    const { cache } = await openCache();
    const answers = await Promise.all(callIds.map((callId) => cache.read(callId, { text: 'Hello' })));
    const granted = answers.filter((answer) => answer.type === 'fill-granted');
    expect(granted).toHaveLength(1);
    const pending = callIds.filter((_, index) => answers[index]?.type === 'fill-pending');
    const waiting = Promise.all(pending.map((callId) => cache.awaitFill(callId)));
    await fillWith(cache, granted[0]?.fillId ?? '', audioOf(1));
    const hits = await waiting;
    expect(hits).toHaveLength(49);
    for (const hit of hits) expect(hit).toMatchObject({ type: 'hit', source: 'origin', joined: true });
    expect(cache.stats().performance).toMatchObject({ requests: 50, hits: 0, misses: 1, joined: 49 });
    expect(cache.stats().performance.saved).toEqual({ requests: 49, characters: 245, synthesisMs: 0 });
  });

  it('cost one read from disk', async () => {
    const { cache, store } = await onDiskOnly();
    const readsBefore = store.countOf('read');
    const answers = await Promise.all(callIds.map((callId) => cache.read(callId, { text: 'Hello' })));
    for (const answer of answers) expect(answer).toMatchObject({ type: 'hit', source: 'disk' });
    expect(store.countOf('read')).toBe(readsBefore + 1);
    expect(cache.stats().performance).toMatchObject({ hits: 50, promotions: 1 });
  });
});

describe('A disk that is not to be trusted', () => {
  it('does not get damaged audio heard: it is dropped, counted and synthesized again', async () => {
    const { cache, disk, hashing, events } = await onDiskOnly();
    disk.corrupt(await keyOfText(hashing, 'Hello'), 500);
    expect(await say(cache, 'Hello', audioOf(2))).toMatchObject({ type: 'fill-granted' });
    expect((await cache.get(HELLO))?.bytes).toEqual(audioOf(2));
    expect(cache.stats().performance.errors).toMatchObject({ corrupt: 1 });
    expect(events).toContainEqual({
      type: 'entries-removed',
      tier: 'disk',
      reason: 'corrupt',
      entries: 1,
      bytes: 1000,
    });
  });

  it('does not get another phrase heard that has the same key', async () => {
    const { cache, disk, hashing } = await openCache();
    const key = await keyOfText(hashing, 'Hello');
    const bytes = audioOf(9);
    const result = resultOf(bytes.byteLength);
    await cache.put({ spec: { text: 'Goodbye' } }, bytes, result, 'relaxed');
    const stored = await disk.read(await keyOfText(hashing, 'Goodbye'));
    if (stored === undefined) throw new Error('It should be on disk');
    await disk.write({ ...stored, metadata: { ...stored.metadata, key } }, 0);
    expect(await say(cache, 'Hello', audioOf(1))).toMatchObject({ type: 'fill-granted' });
    expect(cache.stats().performance.errors.collisions).toBe(1);
    expect((await cache.get(HELLO))?.bytes).toEqual(audioOf(1));
  });

  it('makes a miss of a read that fails', async () => {
    const { cache, store } = await onDiskOnly();
    store.fail('read', new Error('a sector is gone'));
    expect(await say(cache, 'Hello', audioOf(2))).toMatchObject({ type: 'fill-granted' });
    expect(cache.stats().performance.errors.diskReads).toBe(1);
    expect(cache.stats().health.status).toBe('ok');
  });
});

describe('An entry on its way to disk', () => {
  it('is found although neither memory nor disk holds it', async () => {
    const { cache, store } = await openCache({ config: { memory: { maxBytes: 500 } } });
    const release = store.hold('write');
    await say(cache, 'Hello', audioOf(1));
    expect(store.usage().entries).toBe(0);
    expect(cache.stats().tiers.memory.entries).toBe(0);
    expect(await cache.has(HELLO)).toBe(true);
    expect((await cache.get(HELLO))?.bytes).toEqual(audioOf(1));
    expect(await cache.info(HELLO)).toMatchObject({ byteLength: 1000 });
    release();
    await settle();
    expect(await cache.get(HELLO)).toMatchObject({ source: 'disk' });
  });
});

describe('A phrase much used from memory', () => {
  it('counts as used on disk too, once a minute', async () => {
    const { cache, clock, store } = await openCache();
    await say(cache, 'Hello');
    await settle();
    for (let second = 0; second < 130; second += 10) {
      await clock.advance(10_000);
      await cache.get(HELLO);
    }
    expect(store.touches).toHaveLength(2);
  });
});
