import { describe, expect, it } from 'vitest';
import { createHashing } from '../../core/hashing';
import { AudioCacheError } from '../../core/protocol/audio-cache-error';
import { encodeError } from '../../core/protocol/encode-error';
import { FILL_LEASE_MS, RESUME_WINDOW_MS } from '../../core/protocol/messages';
import { audioOf, beGranted, fillWith, keyOfText, openCache, resultOf } from '../cache-fixture';
import { settle } from '../fake-clock';

const HELLO = { spec: { text: 'Hello' } };

/** A cache with a synthesis under way and callers who wait for it. */
async function withWaiters(...callIds: readonly string[]) {
  const fixture = await openCache();
  const { cache } = fixture;
  const { fillId } = await beGranted(cache, 'Hello');
  for (const callId of callIds) {
    expect(await cache.read(callId, { text: 'Hello' })).toMatchObject({ type: 'fill-pending' });
  }
  const outcomes = callIds.map((callId) => cache.awaitFill(callId).catch((error: unknown) => error));
  return { ...fixture, fillId, outcomes };
}

describe('A synthesis', () => {
  it('arrives in pieces and is stored whole, in memory and on disk', async () => {
    const { cache, disk, events, hashing } = await openCache();
    const { fillId, key } = await beGranted(cache, 'Hello');
    const audio = audioOf(1);
    for (const offset of [0, 400, 800]) cache.appendChunk(fillId, offset, audio.slice(offset, offset + 400));
    expect(await cache.completeFill(fillId, resultOf(1000))).toBe(true);
    await settle();
    expect(key).toBe(await keyOfText(hashing, 'Hello'));
    expect((await cache.get(HELLO))?.bytes).toEqual(audio);
    expect((await disk.read(key))?.bytes).toEqual(audio);
    expect(events).toContainEqual({ type: 'entry-added', key, byteLength: 1000 });
  });

  it('that was begun anew is stored without what came before', async () => {
    const { cache } = await openCache();
    const { fillId } = await beGranted(cache, 'Hello');
    cache.appendChunk(fillId, 0, audioOf(7, 300));
    await fillWith(cache, fillId, audioOf(1));
    expect((await cache.get(HELLO))?.bytes).toEqual(audioOf(1));
  });

  it('that fails does so for everybody, with the error as it was', async () => {
    const { cache, fillId, outcomes } = await withWaiters('a', 'b');
    const error = new AudioCacheError('SYNTHESIS_FAILED', 'No voice.', { status: 401, reason: 'status', attempts: 1 });
    cache.failFill(fillId, encodeError(error));
    for (const outcome of await Promise.all(outcomes)) {
      expect(outcome).toBeInstanceOf(AudioCacheError);
      expect(outcome).toMatchObject({ code: 'SYNTHESIS_FAILED', status: 401, reason: 'status', attempts: 1 });
    }
    expect(await cache.read('next', { text: 'Hello' })).toMatchObject({ type: 'fill-granted' });
  });

  it('that is given up is granted to the next who waits, and its late audio is not taken', async () => {
    const { cache, fillId, outcomes } = await withWaiters('a', 'b');
    cache.appendChunk(fillId, 0, audioOf(7, 500));
    cache.failFill(fillId, undefined);
    const grant = await outcomes[0];
    expect(grant).toMatchObject({ type: 'fill-granted' });
    const nextId = (grant as { fillId: string }).fillId;
    cache.appendChunk(fillId, 500, audioOf(7, 500));
    expect(await cache.completeFill(fillId, resultOf(1000))).toBe(false);
    await fillWith(cache, nextId, audioOf(1));
    expect(await outcomes[1]).toMatchObject({ type: 'hit', joined: true, bytes: audioOf(1) });
    expect(cache.stats().performance).toMatchObject({ misses: 2, joined: 1 });
  });

  it('whose filler is silent for too long is granted to the next', async () => {
    const { cache, clock, fillId, outcomes } = await withWaiters('a');
    await clock.advance(FILL_LEASE_MS - 1);
    cache.renewFill(fillId);
    await clock.advance(FILL_LEASE_MS - 1);
    cache.appendChunk(fillId, 0, audioOf(1));
    await clock.advance(FILL_LEASE_MS);
    expect(await outcomes[0]).toMatchObject({ type: 'fill-granted' });
  });

  it('that nobody wants any more is told abandoned, once, and may still be completed', async () => {
    const { cache, events } = await openCache();
    const grant = await cache.read('filler', { text: 'Hello' });
    const fillId = 'fillId' in grant ? grant.fillId : '';
    await cache.read('joiner', { text: 'Hello' });
    const abandoned = () => events.filter(({ type }) => type === 'fill-abandoned');
    cache.leaveFill('filler', true);
    expect(abandoned()).toEqual([]);
    cache.leaveFill('joiner', false);
    cache.leaveFill('joiner', false);
    expect(abandoned()).toEqual([{ type: 'fill-abandoned', fillId }]);
    await fillWith(cache, fillId, audioOf(1));
    expect((await cache.get(HELLO))?.bytes).toEqual(audioOf(1));
  });
});

describe('A cache that takes over from another', () => {
  it('grants nothing in the first moments, so that a synthesis under way is resumed and not paid for twice', async () => {
    const { cache, clock } = await openCache({ takesOver: true });
    const waiting = cache.read('waiter', { text: 'Hello' });
    await clock.advance(RESUME_WINDOW_MS - 1);
    const resumed = await cache.resumeFill('filler', { text: 'Hello' });
    await clock.advance(1);
    expect(await waiting).toMatchObject({ type: 'fill-pending' });
    if (resumed === undefined) throw new Error('Nobody else was granted it');
    await fillWith(cache, resumed.fillId, audioOf(1));
    expect(await cache.awaitFill('waiter')).toMatchObject({ joined: true });
  });

  it('serves what was completed in those moments', async () => {
    const { cache, clock } = await openCache({ takesOver: true });
    const waiting = cache.read('waiter', { text: 'Hello' });
    await cache.put(HELLO, audioOf(1), resultOf(1000), 'relaxed');
    await clock.advance(RESUME_WINDOW_MS);
    expect(await waiting).toMatchObject({ type: 'hit', source: 'memory' });
  });

  it('finds on disk, too, what was completed in those moments and is too large for memory', async () => {
    const { cache, clock } = await openCache({ takesOver: true, config: { memory: { maxBytes: 1 } } });
    const waiting = cache.read('waiter', { text: 'Hello' });
    await settle();
    const resumed = await cache.resumeFill('filler', { text: 'Hello' });
    await fillWith(cache, resumed?.fillId ?? '', audioOf(1));
    await cache.flush();
    await clock.advance(RESUME_WINDOW_MS);
    expect(await waiting).toMatchObject({ type: 'hit', source: 'disk' });
  });

  it('grants afterwards what nobody has resumed', async () => {
    const { cache, clock } = await openCache({ takesOver: true });
    const waiting = cache.read('waiter', { text: 'Hello' });
    await clock.advance(RESUME_WINDOW_MS);
    expect(await waiting).toMatchObject({ type: 'fill-granted' });
    expect(await cache.read('later', { text: 'Something else' })).toMatchObject({ type: 'fill-granted' });
  });
});

describe('A caller who leaves', () => {
  it('gets an answer to the request it had waiting', async () => {
    const { cache, outcomes } = await withWaiters('a');
    let isAnswered = false;
    void outcomes[0]?.then(() => {
      isAnswered = true;
    });
    cache.leaveFill('a', false);
    await settle();
    expect(isAnswered).toBe(true);
  });

  it('while its phrase is looked up on disk is not made to synthesize it for those after it', async () => {
    const { cache, store, outcomes, fillId } = await withWaiters();
    expect(outcomes).toEqual([]);
    const release = store.hold('read');
    const reading = cache.read('gone', { text: 'Hello' });
    await settle();
    cache.leaveFill('gone', false);
    release();
    // How its own request ends is nobody's business any more.
    await reading.catch(() => {});
    await cache.read('patient', { text: 'Hello' });
    const outcome = cache.awaitFill('patient');
    cache.failFill(fillId, undefined);
    let answer: unknown;
    void outcome.then((value) => {
      answer = value;
    });
    await settle();
    expect(answer).toMatchObject({ type: 'fill-granted' });
  });

  it('while its key is still being computed is not granted what it will never answer for', async () => {
    const hashing = await createHashing();
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    // As where a strict policy forbids WebAssembly and the platform hashes in its own time.
    const slow = { ...hashing, digestHex: (text: string) => released.then(() => hashing.digestHex(text)) };
    const { cache } = await openCache({ hashing: slow });
    const reading = cache.read('gone', { text: 'Hello' }).catch(() => {});
    cache.leaveFill('gone', false);
    release();
    await reading;
    expect(await cache.read('patient', { text: 'Hello' })).toMatchObject({ type: 'fill-granted' });
  });

  it('before it has begun what it was granted frees the phrase for the next', async () => {
    const { cache } = await openCache();
    expect(await cache.read('gone', { text: 'Hello' })).toMatchObject({ type: 'fill-granted' });
    cache.leaveFill('gone', false);
    expect(await cache.read('next', { text: 'Hello' })).toMatchObject({ type: 'fill-granted' });
  });
});

describe('Audio that may not enter', () => {
  it.each([
    ['is empty', new ArrayBuffer(0), 'audio/mpeg', 0],
    ['is an error page', new TextEncoder().encode('<!doctype html>').buffer, 'audio/mpeg', 15],
    ['is declared as text', audioOf(1), 'text/plain', 1000],
    ['is shorter than announced', audioOf(1), 'audio/mpeg', 1001],
  ])('because it %s fails for those who wait', async (_, bytes, contentType, byteLength) => {
    const { cache, fillId, outcomes } = await withWaiters('a');
    await fillWith(cache, fillId, bytes, { contentType, byteLength });
    expect(await outcomes[0]).toMatchObject({ code: 'INVALID_AUDIO' });
    expect(await cache.get(HELLO)).toBeUndefined();
    expect(cache.stats().performance.errors.refused).toBe(1);
    expect(await cache.read('next', { text: 'Hello' })).toMatchObject({ type: 'fill-granted' });
  });

  it.each([
    ['is too large', audioOf(1, 50_001), 'audio/mpeg'],
    ['is of no known type', new Uint8Array(100).buffer, ''],
  ])('because it %s is heard by those who wait and not kept', async (_, bytes, contentType) => {
    const { cache, store, fillId, outcomes, events } = await withWaiters('a');
    await fillWith(cache, fillId, bytes, { contentType });
    expect(await outcomes[0]).toMatchObject({ type: 'hit', bytes });
    await settle();
    expect(await cache.get(HELLO)).toBeUndefined();
    expect(store.countOf('write')).toBe(0);
    expect(events.some(({ type }) => type === 'entry-added')).toBe(false);
    expect(cache.stats().performance.errors.refused).toBe(1);
  });
});

describe('What is kept beside the audio', () => {
  it('is the spec, unless texts are not to be stored', async () => {
    for (const storeText of [true, false]) {
      const { cache, disk } = await openCache({ config: { storeText } });
      const { fillId, key } = await beGranted(cache, 'Tell nobody');
      await fillWith(cache, fillId, audioOf(1), { custom: { take: 3 } });
      await cache.put({ spec: { text: 'Nor this' } }, audioOf(2), resultOf(1000), 'durable');
      const stored = await disk.list({ limit: 10 });
      const seen = JSON.stringify([
        stored,
        await cache.entries({ type: 'entries', limit: 10 }),
        await cache.info({ key }),
      ]);
      expect(seen.includes('Tell nobody')).toBe(storeText);
      expect(seen.includes('Nor this')).toBe(storeText);
      expect(await cache.info({ key })).toMatchObject({ custom: { take: 3 }, characters: 11 });
    }
  });

  it('lives as long as its filler says', async () => {
    const { cache, clock } = await openCache();
    const { fillId } = await beGranted(cache, 'Hello');
    await fillWith(cache, fillId, audioOf(1), { ttlMs: 5000 });
    await clock.advance(4999);
    expect(await cache.get(HELLO)).toBeDefined();
    await clock.advance(1);
    expect(await cache.get(HELLO)).toBeUndefined();
    const eternal = await beGranted(cache, 'Hello');
    await fillWith(cache, eternal.fillId, audioOf(1), { ttlMs: Number.POSITIVE_INFINITY });
    await settle();
    await clock.advance(1000 * 86_400_000);
    expect(await cache.get(HELLO)).toMatchObject({ source: 'disk' });
  });
});

describe('A cache whose hashing breaks', () => {
  it('fails those who wait rather than letting them wait for ever', async () => {
    const hashing = await createHashing();
    const broken = { ...hashing, fingerprint: () => Promise.reject(new Error('out of memory')) };
    const { cache } = await openCache({ hashing: broken, store: null });
    const { fillId } = await beGranted(cache, 'Hello');
    await cache.read('a', { text: 'Hello' });
    let outcome: unknown;
    void cache.awaitFill('a').then(
      (value) => {
        outcome = value;
      },
      (error: unknown) => {
        outcome = error;
      },
    );
    await fillWith(cache, fillId, audioOf(1)).catch(() => {});
    await settle();
    expect(outcome).toBeDefined();
  });
});
