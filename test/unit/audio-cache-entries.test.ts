import { describe, expect, it } from 'vitest';
import type { AudioCache } from '../../core/audio-cache';
import { audioOf, type CacheFixture, keyOfText, openCache, resultOf, say } from '../cache-fixture';
import { settle } from '../fake-clock';

const HELLO = { spec: { text: 'Hello' } };
const HOUR_MS = 3_600_000;

/** Says phrases a second apart. */
async function sayAll({ cache, clock }: CacheFixture, ...texts: readonly string[]): Promise<void> {
  for (const text of texts) {
    await say(cache, text);
    await clock.advance(1000);
  }
}

async function pageThrough(
  cache: AudioCache,
  limit: number,
  between: (page: number) => Promise<unknown> = async () => {},
) {
  const texts: (string | undefined)[] = [];
  let cursor: string | undefined;
  for (let page = 0; page === 0 || cursor !== undefined; page++) {
    if (page > 50) throw new Error('The list does not end');
    const { entries, cursor: next } = await cache.entries({ type: 'entries', limit, cursor });
    expect(entries.length).toBeLessThanOrEqual(limit);
    texts.push(...entries.map(({ spec }) => spec?.text));
    cursor = next;
    await between(page);
  }
  return texts;
}

describe.each([
  ['with a disk', undefined],
  ['without a disk', null],
] as const)('The entries of a cache %s', (_, store) => {
  const open = () => openCache(store === null ? { store } : {});

  it('are none at first', async () => {
    const { cache } = await open();
    expect((await cache.entries({ type: 'entries', limit: 10 })).entries).toEqual([]);
    expect((await cache.entries({ type: 'entries', limit: 10 })).cursor).toBeUndefined();
  });

  it('are listed by last use, latest first', async () => {
    const fixture = await open();
    await sayAll(fixture, 'a', 'b', 'c', 'a');
    const { entries } = await fixture.cache.entries({ type: 'entries', limit: 10 });
    // On disk the use of what memory serves is noted once a minute only.
    expect(entries.map(({ spec }) => spec?.text)).toEqual(store === null ? ['a', 'c', 'b'] : ['c', 'b', 'a']);
  });

  it.each([1, 2, 3, 7, 100])('come in pages of %i', async (limit) => {
    const fixture = await open();
    await sayAll(fixture, 'a', 'b', 'c', 'd', 'e', 'f', 'g');
    expect(await pageThrough(fixture.cache, limit)).toEqual(['g', 'f', 'e', 'd', 'c', 'b', 'a']);
  });

  it('are neither repeated nor skipped when entries go between pages, even the last one shown', async () => {
    const fixture = await open();
    await sayAll(fixture, 'a', 'b', 'c', 'd', 'e', 'f', 'g');
    const texts = await pageThrough(fixture.cache, 2, async (page) => {
      if (page === 0) await fixture.cache.delete({ spec: { text: 'f' } });
    });
    expect(texts).toEqual(['g', 'f', 'e', 'd', 'c', 'b', 'a']);
  });

  it('are neither repeated nor skipped when the last one shown is used between pages', async () => {
    const fixture = await open();
    await sayAll(fixture, 'a', 'b', 'c', 'd', 'e');
    await fixture.clock.advance(70_000);
    const texts = await pageThrough(fixture.cache, 2, async (page) => {
      if (page === 0) await fixture.cache.get({ spec: { text: 'd' } });
    });
    expect(texts).toEqual(['e', 'd', 'c', 'b', 'a']);
  });

  it('start at the front for a cursor from elsewhere', async () => {
    const fixture = await open();
    await sayAll(fixture, 'a', 'b');
    for (const cursor of ['', ' ', 'elsewhere', '{"segment":3}']) {
      expect((await fixture.cache.entries({ type: 'entries', limit: 1, cursor })).entries[0]?.spec?.text).toBe('b');
    }
  });

  it('come without their audio and can be cloned', async () => {
    const fixture = await open();
    await sayAll(fixture, 'a');
    const page = await fixture.cache.entries({ type: 'entries', limit: 10 });
    expect(structuredClone(page)).toEqual(page);
    expect(JSON.stringify(page)).not.toContain('bytes"');
  });
});

describe('What is known about an entry', () => {
  it('is where it is, when it was used and what it is of', async () => {
    const { cache, clock, hashing } = await openCache();
    const startMs = clock.nowMs();
    await say(cache, 'Hello', audioOf(1));
    await clock.advance(61_000);
    await cache.get(HELLO);
    expect(await cache.info(HELLO)).toEqual({
      key: await keyOfText(hashing, 'Hello'),
      contentType: 'audio/mpeg',
      byteLength: 1000,
      createdAtMs: startMs,
      expiresAtMs: startMs + 7 * 24 * HOUR_MS,
      accessedAtMs: startMs + 61_000,
      characters: 5,
      synthesisMs: 400,
      checksum: hashing.checksum(audioOf(1)),
      fingerprint: await hashing.fingerprint('Hello||1.00'),
      spec: { text: 'Hello' },
      custom: undefined,
      origin: 'synthesis',
      tiers: ['memory', 'disk'],
      hits: 1,
      pinned: false,
      collections: [],
      cost: undefined,
    });
  });

  it('names the tiers that hold it now', async () => {
    const { cache, clock } = await openCache();
    await say(cache, 'Hello');
    await clock.advance(HOUR_MS);
    expect(await cache.info(HELLO)).toMatchObject({ tiers: ['disk'] });
    const { cache: memoryOnly } = await openCache({ store: null });
    await say(memoryOnly, 'Hello');
    expect(await memoryOnly.info(HELLO)).toMatchObject({ tiers: ['memory'] });
    expect(await memoryOnly.info({ spec: { text: 'Nothing' } })).toBeUndefined();
  });

  it('is told of an entry that only memory took, because the disk failed', async () => {
    const { cache, store } = await openCache();
    store.fail('write', new Error('a sector is gone'));
    await say(cache, 'Hello');
    await settle();
    expect(await cache.info(HELLO)).toMatchObject({ tiers: ['memory'] });
  });

  it('is neither a request nor a use, and neither is asking whether it is there', async () => {
    const { cache, clock, store } = await openCache();
    await say(cache, 'Hello');
    await clock.advance(90_000);
    const { requests, hits, misses, tiers } = cache.stats().performance;
    await cache.info(HELLO);
    expect(await cache.has(HELLO)).toBe(true);
    expect(await cache.has({ spec: { text: 'Nothing' } })).toBe(false);
    await cache.entries({ type: 'entries', limit: 10 });
    expect(cache.stats().performance).toMatchObject({ requests, hits, misses, tiers });
    expect(store.touches).toEqual([]);
  });

  it('is nothing when the disk cannot be read', async () => {
    const { cache, store, clock } = await openCache();
    await say(cache, 'Hello');
    await clock.advance(HOUR_MS);
    store.fail('readMetadata', new Error('a sector is gone'), 2);
    expect(await cache.has(HELLO)).toBe(false);
    expect(await cache.info(HELLO)).toBeUndefined();
  });
});

describe('Having an entry', () => {
  it('ends with its time to live', async () => {
    const { cache, clock } = await openCache();
    await cache.put(HELLO, audioOf(1), resultOf(1000, { ttlMs: 500 }), 'relaxed');
    await clock.advance(499);
    expect(await cache.has(HELLO)).toBe(true);
    await clock.advance(1);
    expect(await cache.has(HELLO)).toBe(false);
  });
});
