/** Collections and pins, as a cache with a disk keeps them. */
import { describe, expect, it } from 'vitest';
import type { AudioCache } from '../../core/audio-cache';
import type { FillResult } from '../../core/protocol/messages';
import { audioOf, type CacheFixture, keyOfText, openCache, resultOf, say } from '../cache-fixture';
import { settle } from '../fake-clock';
import { FaultyStore } from '../faulty-store';
import { MemoryStore } from '../memory-store';

const DAY_MS = 86_400_000;
const of = (text: string) => ({ spec: { text } });

/** Stores audio of 1,000 bytes under labels. */
function put(
  { cache }: CacheFixture,
  text: string,
  labels?: { readonly collections?: readonly string[]; readonly pinned?: boolean },
  given: Partial<FillResult> = {},
): Promise<string> {
  return cache.put(of(text), audioOf(1), resultOf(1000, given), 'relaxed', { labels });
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
  /** Pins may take 44,000 bytes: four clips of 10,000 with what their records add. */
  const small = { config: { memory: { maxBytes: 1 }, disk: { maxBytes: 55_000 } } };
  const putLarge = ({ cache }: CacheFixture, text: string, labels?: Parameters<typeof put>[2], byteLength = 10_000) =>
    cache.put(of(text), audioOf(1, byteLength), resultOf(byteLength), 'relaxed', { labels });

  it('is refused before anything is removed or stored', async () => {
    const fixture = await openCache(small);
    const { cache } = fixture;
    for (const text of ['a', 'b', 'c', 'd']) await putLarge(fixture, text, { pinned: true });
    const putting = putLarge(fixture, 'e', { pinned: true, collections: ['x'] });
    await expect(putting).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED' });
    expect(await cache.has(of('e'))).toBe(false);
    expect(await cache.collection('x')).toBeUndefined();
    expect(cache.stats().tiers.disk.pinned).toEqual({ entries: 4, bytes: 40_000 });
  });

  it('is refused for a whole collection or for none of it', async () => {
    const fixture = await openCache(small);
    const { cache } = fixture;
    for (const text of ['a', 'b']) await putLarge(fixture, text, { pinned: true });
    for (const text of ['c', 'd']) await putLarge(fixture, text, { collections: ['novel', 'story'] }, 8_000);
    await putLarge(fixture, 'e', { collections: ['novel'] }, 9_000);
    await expect(cache.pin({ collection: 'novel' }, true)).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED' });
    expect(await cache.collection('novel')).toMatchObject({ pinned: false });
    expect(cache.stats().tiers.disk.pinned).toEqual({ entries: 2, bytes: 20_000 });
    await expect(cache.pin({ collection: 'story' }, true)).resolves.toEqual({ entries: 2, bytes: 16_000 });
    expect(cache.stats().tiers.disk.pinned).toEqual({ entries: 4, bytes: 36_000 });
  });

  it('is not accepted together with another one when each alone would fit', async () => {
    const fixture = await openCache(small);
    const puts = ['a', 'b', 'c', 'd', 'e'].map((text) => putLarge(fixture, text, { pinned: true }));
    const outcomes = await Promise.allSettled(puts);
    expect(outcomes.filter(({ status }) => status === 'rejected')).toHaveLength(1);
    expect(fixture.cache.stats().tiers.disk.pinned).toEqual({ entries: 4, bytes: 40_000 });
  });

  it('says where there is no disk to pin anything on', async () => {
    const fixture = await openCache({ store: null });
    await say(fixture.cache, 'a');
    await expect(fixture.cache.pin({ address: of('a') }, true)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await expect(fixture.cache.pin({ collection: 'none' }, true)).rejects.toMatchObject({ code: 'INVALID_OPTIONS' });
  });

  it('leaves what is pinned alone when the rest of the disk is full', async () => {
    const fixture = await openCache(small);
    const { cache } = fixture;
    for (const text of ['a', 'b', 'c', 'd']) await putLarge(fixture, text, { pinned: true });
    await putLarge(fixture, 'larger', {}, 20_000);
    expect(await cache.has(of('larger'))).toBe(false);
    for (const text of ['a', 'b', 'c', 'd']) expect(await cache.has(of(text))).toBe(true);
    // Not stored for lack of room, as on a full disk, and so counted in the same place.
    const { errors, tiers } = cache.stats().performance;
    expect([errors.diskWrites, tiers.disk.errors]).toEqual([1, 1]);
  });

  it('because what is pinned would become larger leaves it as it was', async () => {
    const fixture = await openCache(small);
    const { cache } = fixture;
    for (const text of ['a', 'b', 'c', 'd']) await putLarge(fixture, text, { pinned: true });
    for (const labels of [{ pinned: true }, undefined]) {
      await expect(putLarge(fixture, 'a', labels, 20_000)).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED' });
    }
    expect((await cache.get(of('a')))?.bytes.byteLength).toBe(10_000);
    await putLarge(fixture, 'a', undefined, 9_000);
    expect((await cache.get(of('a')))?.bytes.byteLength).toBe(9_000);
    expect(cache.stats().tiers.disk.pinned).toEqual({ entries: 4, bytes: 39_000 });
  });

  it('because it was made before its audio was there leaves that unpinned, and says so', async () => {
    const fixture = await openCache(small);
    const { cache, events } = fixture;
    for (const text of ['a', 'b', 'c', 'd', 'e']) await cache.pin({ address: of(text) }, true);
    for (const text of ['a', 'b', 'c', 'd', 'e']) await putLarge(fixture, text).catch(() => {});
    expect(cache.stats().tiers.disk.pinned).toEqual({ entries: 4, bytes: 40_000 });
    await say(cache, 'e', audioOf(3, 10_000));
    await settle();
    expect(cache.stats().tiers.disk.pinned.entries).toBe(4);
    expect(events.filter(({ type }) => type === 'warning')).toHaveLength(1);
  });

  it('for more than nothing is none that adds nothing, whatever is pinned already', async () => {
    const fixture = await openCache(small);
    const { cache } = fixture;
    for (const text of ['a', 'b', 'c', 'd']) await putLarge(fixture, text, { pinned: true });
    cache.configure({ disk: { maxBytes: 50_000 } });
    await expect(cache.pin({ address: of('a') }, true)).resolves.toEqual({ entries: 1, bytes: 10_000 });
  });

  it('is taken back when the audio cannot be stored, and only what came with it', async () => {
    const fixture = await openCache();
    const { cache, store } = fixture;
    await put(fixture, 'held', { collections: ['before'], pinned: true });
    for (const durability of ['relaxed', 'durable'] as const) {
      store.fail('write', 'QUOTA_EXCEEDED', 2);
      const putting = cache.put(of('new'), audioOf(1), resultOf(1000), durability, {
        labels: { collections: ['c'], pinned: true },
      });
      await expect(putting).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED' });
      expect(await cache.collection('c')).toBeUndefined();
      expect(cache.stats().tiers.disk.pinned.entries).toBe(1);
    }
    expect(await cache.info(of('held'))).toMatchObject({ pinned: true, collections: ['before'] });
  });
});

describe('What is kept of labels', () => {
  it('is on the disk before a pin is acknowledged; one that cannot be kept is refused and undone', async () => {
    const fixture = await openCache();
    const { cache, store } = fixture;
    await put(fixture, 'a', { collections: ['c'] });
    await cache.flush();
    for (const target of [{ address: of('a') }, { collection: 'c' }]) {
      store.fail('writeNote', 'QUOTA_EXCEEDED', 1);
      await expect(cache.pin(target, true)).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED' });
      expect(await cache.info(of('a'))).toMatchObject({ pinned: false });
    }
    await cache.pin({ collection: 'c' }, true);
    store.fail('writeNote', 'QUOTA_EXCEEDED', 1);
    await expect(cache.pin({ collection: 'c' }, false)).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED' });
    expect(await cache.info(of('a'))).toMatchObject({ pinned: true });
  });

  it('is written a second after a membership, and tried again if that fails', async () => {
    const fixture = await openCache();
    const { clock, store, medium } = fixture;
    store.fail('writeNote', 'QUOTA_EXCEEDED', 1);
    await put(fixture, 'a', { collections: ['c'] });
    await clock.advance(1_000);
    await clock.advance(30_000);
    const next = await openCache({ clock, store: new MemoryStore(medium) });
    expect(await next.cache.collection('c')).toMatchObject({ entries: 1 });
  });

  it('is waited for when the disk fails to read it at first: nothing pinned goes, nothing is overwritten', async () => {
    const fixture = await openCache();
    const { clock, medium } = fixture;
    await put(fixture, 'a', { pinned: true, collections: ['c'] }, { ttlMs: 1_000 });
    await fixture.cache.close();
    await clock.advance(2_000);
    const store = new FaultyStore(new MemoryStore(medium));
    store.fail('readNote', new Error('busy'), 2);
    const next = await openCache({ clock, store });
    const cleaning = next.cache.cleanup();
    const labelling = next.cache.label(of('b'), { collections: ['d'] });
    await clock.advance(5_000);
    await Promise.all([cleaning, labelling]);
    expect(await next.cache.get(of('a'))).toBeDefined();
    expect((await next.cache.collections(10)).collections.map(({ name }) => name)).toEqual(['c', 'd']);
  });

  it('is not overwritten by what happens before it was read', async () => {
    const budget = { limit: 100, periodMs: DAY_MS, whenExceeded: 'warn' } as const;
    const config = { price: { perThousandCharacters: 1, currency: 'USD' }, budget };
    const fixture = await openCache({ config });
    const { clock, medium } = fixture;
    await put(fixture, 'a', { pinned: true });
    await fixture.cache.close();
    const store = new FaultyStore(new MemoryStore(medium));
    const release = store.hold('readNote', 'before');
    const next = await openCache({ config, clock, store });
    await say(next.cache, 'paid for');
    await clock.advance(5_000);
    release();
    await clock.advance(5_000);
    const last = await openCache({ config, clock, store: new MemoryStore(medium) });
    await settle();
    expect(await last.cache.info(of('a'))).toMatchObject({ pinned: true });
    expect(last.cache.stats().performance.budget?.spent).toBeGreaterThan(0);
  });
});

describe('Labels that are given while something is being removed', () => {
  it.each([
    ['a clear', { collections: ['c'] }, (cache: AudioCache) => cache.clear()],
    ['a clear of everything', { pinned: true, collections: ['c'] }, (cache: AudioCache) => cache.clear(false)],
    ['a delete of the same phrase', { pinned: true, collections: ['c'] }, (cache: AudioCache) => cache.delete(of('a'))],
  ])('by %s stay', async (_, labels, remove) => {
    const fixture = await openCache();
    const { cache, store } = fixture;
    await put(fixture, 'a');
    await put(fixture, 'old', { pinned: true });
    const releases = [store.hold('clear', 'before'), store.hold('remove', 'before')];
    const removing = remove(cache);
    await settle();
    const putting = put(fixture, 'a', labels);
    await settle();
    for (const release of releases) release();
    await Promise.all([removing, putting]);
    expect(await cache.info(of('a'))).toMatchObject({ collections: ['c'], pinned: 'pinned' in labels });
    expect(await cache.collection('c')).toMatchObject({ entries: 1, complete: true });
  });

  it('as a collection is deleted save what is pinned in time', async () => {
    const fixture = await openCache();
    const { cache, store } = fixture;
    for (const text of ['a', 'b', 'c']) await put(fixture, text, { collections: ['book'] });
    const release = store.hold('remove', 'before');
    const deleting = cache.deleteCollection('book', false);
    await settle();
    await cache.pin({ address: of('c') }, true);
    release();
    expect((await deleting).deleted.entries).toBe(2);
    expect(await cache.has(of('c'))).toBe(true);
  });

  it('and a deletion that was cut off can be made again', async () => {
    const fixture = await openCache();
    const { cache, store } = fixture;
    for (const text of ['a', 'b']) await put(fixture, text, { collections: ['book'] });
    await cache.flush();
    store.hold('remove', 'before');
    void cache.deleteCollection('book', false).catch(() => {});
    await settle();
    const next = await openCache({ clock: fixture.clock, store: new MemoryStore(fixture.medium) });
    expect(await next.cache.deleteCollection('book', false)).toMatchObject({ existed: true, deleted: { entries: 2 } });
  });
});
