/** Collections and pins, as a cache with a disk keeps them. */
import { describe, expect, it } from 'vitest';
import type { FillResult } from '../../core/protocol/messages';
import { audioOf, type CacheFixture, keyOfText, openCache, resultOf, say } from '../cache-fixture';
import { settle } from '../fake-clock';
import { MemoryStore } from '../memory-store';

const DAY_MS = 86_400_000;
const of = (text: string) => ({ spec: { text } });

/** Stores audio of 1,000 bytes under labels. */
function put(
  { cache }: CacheFixture,
  text: string,
  labels: { readonly collections?: readonly string[]; readonly pinned?: boolean } = {},
  given: Partial<FillResult> = {},
): Promise<string> {
  return cache.put(of(text), audioOf(1), resultOf(1000, given), 'relaxed', labels);
}

/** The next life of a cache over the same disk. */
async function reopen({ cache, clock, medium }: CacheFixture): Promise<CacheFixture> {
  await cache.close();
  const next = await openCache({ clock, store: new MemoryStore(medium) });
  await settle();
  return next;
}

describe('A collection', () => {
  it('counts its members, their bytes and their last use', async () => {
    const fixture = await openCache();
    const { cache, clock } = fixture;
    await put(fixture, 'a', { collections: ['book-42/ch-3', 'book-42'] });
    await clock.advance(1000);
    await put(fixture, 'b', { collections: ['book-42'] });
    expect((await cache.collections(10)).collections).toEqual([
      {
        name: 'book-42',
        pinned: false,
        entries: 2,
        bytes: 2000,
        missing: 0,
        complete: true,
        accessedAtMs: clock.nowMs(),
      },
      {
        name: 'book-42/ch-3',
        pinned: false,
        entries: 1,
        bytes: 1000,
        missing: 0,
        complete: true,
        accessedAtMs: clock.nowMs() - 1000,
      },
    ]);
  });

  it('names its members in the order in which they came, and those whose audio is gone', async () => {
    const fixture = await openCache({ config: { memory: { maxBytes: 1 } } });
    const { cache, clock, hashing } = fixture;
    await put(fixture, 'short', { collections: ['c'] }, { ttlMs: 1000 });
    await put(fixture, 'long', { collections: ['c'] });
    await clock.advance(2000);
    await cache.cleanup();
    const [short, long] = [await keyOfText(hashing, 'short'), await keyOfText(hashing, 'long')];
    expect(await cache.collection('c')).toMatchObject({
      entries: 1,
      missing: 1,
      complete: false,
      keys: [short, long],
      missingKeys: [short],
    });
    await put(fixture, 'short');
    expect(await cache.collection('c')).toMatchObject({ entries: 2, complete: true });
  });

  it('loses a member that is deleted on purpose, and ends with its last one', async () => {
    const fixture = await openCache();
    const { cache } = fixture;
    for (const text of ['a', 'b']) await put(fixture, text, { collections: ['c'] });
    await cache.delete(of('a'));
    expect(await cache.collection('c')).toMatchObject({ entries: 1, complete: true });
    await cache.delete(of('b'));
    expect(await cache.collection('c')).toBeUndefined();
  });

  it('takes in phrases that are there already, and those that are synthesized', async () => {
    const fixture = await openCache();
    const { cache } = fixture;
    await say(cache, 'Hello');
    await cache.label(of('Hello'), { collections: ['c'] });
    await cache.label(of('To come'), { collections: ['c'] });
    expect(await cache.collection('c')).toMatchObject({ entries: 1, missing: 1 });
    await say(cache, 'To come');
    await settle();
    expect(await cache.collection('c')).toMatchObject({ entries: 2, complete: true });
  });

  it('is deleted with its audio, except for what something else holds', async () => {
    const fixture = await openCache();
    const { cache } = fixture;
    await put(fixture, 'only here', { collections: ['c'] });
    await put(fixture, 'elsewhere too', { collections: ['c', 'd'] });
    await put(fixture, 'pinned', { collections: ['c'], pinned: true });
    expect(await cache.deleteCollection('c', false)).toEqual({ existed: true, deleted: { entries: 1, bytes: 1000 } });
    expect(await cache.has(of('only here'))).toBe(false);
    expect(await cache.has(of('elsewhere too'))).toBe(true);
    expect(await cache.has(of('pinned'))).toBe(true);
    expect(await cache.deleteCollection('c', false)).toEqual({ existed: false, deleted: { entries: 0, bytes: 0 } });
  });

  it('can be forgotten without deleting anything', async () => {
    const fixture = await openCache();
    const { cache } = fixture;
    await put(fixture, 'a', { collections: ['c'] });
    expect(await cache.deleteCollection('c', true)).toEqual({ existed: true, deleted: { entries: 0, bytes: 0 } });
    expect(await cache.has(of('a'))).toBe(true);
    expect((await cache.collections(10)).collections).toEqual([]);
  });

  it('lives longer, all of it, once it is touched', async () => {
    const fixture = await openCache({ config: { memory: { maxBytes: 1 } } });
    const { cache, clock } = fixture;
    await put(fixture, 'a', { collections: ['c'] });
    await put(fixture, 'own time', { collections: ['c'] }, { ttlMs: 10 * DAY_MS });
    await put(fixture, 'other');
    await clock.advance(6 * DAY_MS);
    expect(await cache.touchCollection('c', undefined)).toBe(2);
    await clock.advance(6 * DAY_MS);
    expect(await cache.has(of('a'))).toBe(true);
    expect(await cache.has(of('other'))).toBe(false);
    await clock.advance(2 * DAY_MS);
    expect(await cache.has(of('a'))).toBe(false);
    expect(await cache.has(of('own time'))).toBe(true);
    expect(await cache.touchCollection('c', 30 * DAY_MS)).toBe(1);
    await clock.advance(29 * DAY_MS);
    expect(await cache.has(of('own time'))).toBe(true);
  });

  it('may have any name up to 200 characters, and no other', async () => {
    const fixture = await openCache();
    const { cache } = fixture;
    const names = [
      '../../etc/passwd',
      'Ünïcödé 🎧',
      ' ',
      '\u0000',
      '__proto__',
      'constructor',
      'x'.repeat(200),
      '\ud800',
    ];
    await put(fixture, 'a', { collections: names });
    const page = await cache.collections(100);
    expect(page.collections.map(({ name }) => name).sort()).toEqual([...names].sort());
    for (const name of ['', 'x'.repeat(201)]) {
      await expect(put(fixture, 'b', { collections: [name] })).rejects.toMatchObject({
        code: 'INVALID_OPTIONS',
        field: 'collections',
      });
    }
    expect(await cache.has(of('b'))).toBe(false);
  });

  it('is found by a part of its name, a page at a time', async () => {
    const fixture = await openCache();
    const { cache } = fixture;
    for (const name of ['Book 1', 'Book 2', 'book 3', 'film']) await put(fixture, name, { collections: [name] });
    const first = await cache.collections(2, undefined, 'BOOK');
    expect(first.collections.map(({ name }) => name)).toEqual(['Book 1', 'Book 2']);
    const second = await cache.collections(2, first.cursor, 'BOOK');
    expect(second.collections.map(({ name }) => name)).toEqual(['book 3']);
    expect(second.cursor).toBeUndefined();
  });

  it('is still there after a restart, pins and all', async () => {
    const fixture = await openCache();
    await put(fixture, 'a', { collections: ['c'] });
    await put(fixture, 'b', { pinned: true });
    await fixture.cache.pin({ collection: 'c' }, true);
    const { cache } = await reopen(fixture);
    expect(await cache.collection('c')).toMatchObject({ entries: 1, pinned: true });
    expect(await cache.info(of('b'))).toMatchObject({ pinned: true });
    expect(cache.stats().tiers.disk.pinned).toEqual({ entries: 2, bytes: 2000 });
  });

  it('tells everybody when it changes', async () => {
    const fixture = await openCache();
    await put(fixture, 'a', { collections: ['c'] });
    await put(fixture, 'a', { collections: ['c'] });
    expect(fixture.events.filter(({ type }) => type === 'labels-changed')).toHaveLength(1);
  });
});

describe('A pinned entry', () => {
  it('is neither evicted nor does it expire, whatever else comes', async () => {
    const fixture = await openCache({ config: { memory: { maxBytes: 1 }, disk: { maxBytes: 10_000 } } });
    const { cache, clock } = fixture;
    await put(fixture, 'pinned', { pinned: true }, { ttlMs: 1000 });
    for (let number = 0; number < 40; number++) await put(fixture, `other ${number}`);
    await clock.advance(30 * DAY_MS);
    await cache.cleanup();
    expect(await cache.get(of('pinned'))).toMatchObject({ source: 'disk' });
    expect(cache.stats().tiers.disk.entries).toBe(1);
  });

  it('is served from memory too, long after it would have expired', async () => {
    const fixture = await openCache();
    const { cache, clock } = fixture;
    await put(fixture, 'pinned', { pinned: true }, { ttlMs: 1000 });
    await clock.advance(DAY_MS);
    expect(await cache.get(of('pinned'))).toMatchObject({ source: 'disk' });
    await clock.advance(100);
    expect(await cache.get(of('pinned'))).toMatchObject({ source: 'memory' });
  });

  it('expires as any other once it is pinned no more', async () => {
    const fixture = await openCache();
    const { cache, clock } = fixture;
    await put(fixture, 'a', { pinned: true }, { ttlMs: 1000 });
    await clock.advance(2000);
    expect(await cache.has(of('a'))).toBe(true);
    expect(await cache.pin({ address: of('a') }, false)).toEqual({ entries: 0, bytes: 0 });
    expect(await cache.get(of('a'))).toBeUndefined();
  });

  it('is not judged before it is known what is pinned', async () => {
    const fixture = await openCache();
    await put(fixture, 'a', { pinned: true }, { ttlMs: 1000 });
    await fixture.clock.advance(2000);
    await fixture.cache.close();
    const { cache } = await openCache({ clock: fixture.clock, store: new MemoryStore(fixture.medium) });
    expect(await Promise.all([cache.cleanup(), cache.get(of('a'))])).toMatchObject([{}, { source: 'disk' }]);
  });

  it('stays pinned as long as its own pin or that of a collection holds', async () => {
    const fixture = await openCache();
    const { cache } = fixture;
    await put(fixture, 'a', { collections: ['c'], pinned: true });
    expect(await cache.pin({ collection: 'c' }, true)).toEqual({ entries: 1, bytes: 1000 });
    expect(await cache.pin({ address: of('a') }, false)).toEqual({ entries: 1, bytes: 1000 });
    expect(await cache.info(of('a'))).toMatchObject({ pinned: true });
    expect(await cache.pin({ collection: 'c' }, false)).toEqual({ entries: 0, bytes: 0 });
    expect(await cache.info(of('a'))).toMatchObject({ pinned: false });
  });

  it('goes when it is deleted, and with a clear that says so', async () => {
    const fixture = await openCache();
    const { cache } = fixture;
    await put(fixture, 'a', { pinned: true });
    await put(fixture, 'b', { pinned: true });
    await put(fixture, 'c');
    await cache.delete(of('a'));
    await cache.clear();
    expect(await Promise.all(['a', 'b', 'c'].map((text) => cache.has(of(text))))).toEqual([false, true, false]);
    expect(cache.stats().tiers.disk.pinned).toEqual({ entries: 1, bytes: 1000 });
    await cache.clear(false);
    expect(await cache.has(of('b'))).toBe(false);
    expect(cache.stats().tiers.disk.pinned).toEqual({ entries: 0, bytes: 0 });
  });

  it('is what each new member of a pinned collection becomes', async () => {
    const fixture = await openCache();
    const { cache } = fixture;
    await put(fixture, 'a', { collections: ['book'] });
    await cache.pin({ collection: 'book' }, true);
    await put(fixture, 'b', { collections: ['book'] });
    expect(await cache.info(of('b'))).toMatchObject({ pinned: true });
    expect(cache.stats().tiers.disk.pinned).toEqual({ entries: 2, bytes: 2000 });
  });
});

describe('A pin that does not fit', () => {
  const small = { config: { disk: { maxBytes: 5_000 } } };

  it('is refused before anything is removed or stored', async () => {
    const fixture = await openCache(small);
    const { cache } = fixture;
    for (const text of ['a', 'b', 'c']) await put(fixture, text, { pinned: true });
    await put(fixture, 'unpinned');
    await expect(put(fixture, 'd', { pinned: true })).resolves.toBeDefined();
    await expect(put(fixture, 'e', { pinned: true, collections: ['x'] })).rejects.toMatchObject({
      code: 'QUOTA_EXCEEDED',
    });
    expect(await cache.has(of('e'))).toBe(false);
    expect(await cache.collection('x')).toBeUndefined();
    expect(cache.stats().tiers.disk.pinned).toEqual({ entries: 4, bytes: 4000 });
  });

  it('is refused for a whole collection or for none of it', async () => {
    const fixture = await openCache({ config: { disk: { maxBytes: 6_000 } } });
    const { cache } = fixture;
    for (const text of ['a', 'b']) await put(fixture, text, { pinned: true });
    for (const text of ['c', 'd']) await put(fixture, text, { collections: ['novel', 'story'] });
    await put(fixture, 'e', { collections: ['novel'] });
    await expect(cache.pin({ collection: 'novel' }, true)).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED' });
    expect(await cache.collection('novel')).toMatchObject({ entries: 3, pinned: false });
    expect(cache.stats().tiers.disk.pinned).toEqual({ entries: 2, bytes: 2000 });
    await expect(cache.pin({ collection: 'story' }, true)).resolves.toEqual({ entries: 2, bytes: 2000 });
    expect(cache.stats().tiers.disk.pinned).toEqual({ entries: 4, bytes: 4000 });
  });

  it('is not accepted together with another one when each alone would fit', async () => {
    const fixture = await openCache(small);
    const puts = ['a', 'b', 'c', 'd', 'e'].map((text) => put(fixture, text, { pinned: true }));
    const outcomes = await Promise.allSettled(puts);
    expect(outcomes.filter(({ status }) => status === 'rejected')).toHaveLength(1);
    expect(fixture.cache.stats().tiers.disk.pinned).toEqual({ entries: 4, bytes: 4000 });
  });

  it('says where there is no disk to pin anything on', async () => {
    const fixture = await openCache({ store: null });
    await say(fixture.cache, 'a');
    await expect(fixture.cache.pin({ address: of('a') }, true)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await expect(fixture.cache.pin({ collection: 'none' }, true)).rejects.toMatchObject({ code: 'INVALID_OPTIONS' });
  });

  it('leaves what is pinned alone when the rest of the disk is full', async () => {
    const fixture = await openCache({ config: { memory: { maxBytes: 1 }, disk: { maxBytes: 5_000 } } });
    const { cache } = fixture;
    for (const text of ['a', 'b', 'c', 'd']) await put(fixture, text, { pinned: true });
    await put(fixture, 'large', {}, {});
    await cache.put(of('larger'), audioOf(2, 2_000), resultOf(2_000), 'relaxed');
    expect(await cache.has(of('larger'))).toBe(false);
    for (const text of ['a', 'b', 'c', 'd']) expect(await cache.has(of(text))).toBe(true);
  });
});
