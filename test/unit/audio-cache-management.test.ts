/** What an app does with a cache beside speaking: limits, money, lists, checks, and carrying entries elsewhere. */
import { describe, expect, it } from 'vitest';
import { audioOf, beGranted, type CacheFixture, fillWith, keyOfText, openCache, resultOf, say } from '../cache-fixture';
import { settle } from '../fake-clock';
import { MemoryStore } from '../memory-store';

const DAY_MS = 86_400_000;
const of = (text: string) => ({ spec: { text } });

/** Stores audio of so many bytes. */
const put = ({ cache }: CacheFixture, text: string, byteLength = 1000) =>
  cache.put(of(text), audioOf(1, byteLength), resultOf(byteLength), 'relaxed');

const textsOf = (entries: readonly { readonly spec?: { readonly text: string } | undefined }[]) =>
  entries.map(({ spec }) => spec?.text);

describe('A cache whose limits are changed while it works', () => {
  it('evicts down to the lower ones soon, and says to all what they are', async () => {
    const fixture = await openCache({ config: { memory: { maxBytes: 20_000 }, disk: { maxBytes: 20_000 } } });
    const { cache, events } = fixture;
    for (let number = 0; number < 10; number++) await put(fixture, `phrase ${number}`);
    const config = cache.configure({
      memory: { maxBytes: 5_000 },
      disk: { maxBytes: 5_000, ttlMs: 5 },
      maxEntryBytes: 700,
    });
    await settle();
    expect(config).toMatchObject({
      memory: { maxBytes: 5_000, highWater: 0.9 },
      disk: { ttlMs: 5 },
      maxEntryBytes: 700,
    });
    expect(events).toContainEqual({ type: 'configured', config });
    const { memory, disk } = cache.stats().tiers;
    expect([memory.entries, disk.entries]).toEqual([4, 4]);
    await expect(put(fixture, 'too large now')).rejects.toMatchObject({ code: 'ENTRY_TOO_LARGE' });
  });

  it('cleans up at another interval, not at all, and again', async () => {
    const fixture = await openCache({ config: { memory: { maxBytes: 1 } } });
    const { cache, clock, disk } = fixture;
    const putBriefly = (text: string) => cache.put(of(text), audioOf(1), resultOf(1000, { ttlMs: 1_000 }), 'relaxed');
    cache.startCleanup();
    cache.configure({ cleanupIntervalMs: 10_000 });
    await clock.advance(5_000);
    await putBriefly('a');
    await clock.advance(10_000);
    expect(disk.keys).toHaveLength(0);
    cache.stopCleanup();
    expect(cache.stats().runtime.isCleanupScheduled).toBe(false);
    await putBriefly('b');
    await clock.advance(DAY_MS);
    expect(disk.keys).toHaveLength(1);
    cache.startCleanup();
    await clock.advance(10_000);
    expect(disk.keys).toHaveLength(0);
  });
});

describe('A time to live', () => {
  it('that slides goes on from each use, in memory or on disk', async () => {
    const fixture = await openCache({ config: { disk: { slidingTtl: true, ttlMs: 10 * 60_000 } } });
    const { cache, clock } = fixture;
    for (const text of ['used', 'unused']) await put(fixture, text);
    for (let minutes = 0; minutes < 60; minutes += 5) {
      await clock.advance(5 * 60_000);
      expect(await cache.get(of('used')), `after ${minutes} minutes`).toBeDefined();
    }
    expect(await cache.has(of('unused'))).toBe(false);
    await clock.advance(10 * 60_000);
    expect(await cache.get(of('used'))).toBeUndefined();
  });

  it('that is an entry’s own slides by itself, and the others’ by the tier’s', async () => {
    const fixture = await openCache({ config: { memory: { maxBytes: 1 }, disk: { slidingTtl: true, ttlMs: 1_000 } } });
    const { cache, clock } = fixture;
    await cache.put(of('own'), audioOf(1), resultOf(1000, { ttlMs: 60_000 }), 'relaxed');
    await clock.advance(50_000);
    expect(await cache.get(of('own'))).toBeDefined();
    await clock.advance(59_000);
    expect(await cache.get(of('own'))).toBeDefined();
    await clock.advance(60_000);
    expect(await cache.get(of('own'))).toBeUndefined();
  });

  it('that slides never ends sooner for a use', async () => {
    const fixture = await openCache({
      config: { memory: { maxBytes: 1 }, disk: { slidingTtl: true, ttlMs: 7 * DAY_MS } },
    });
    const { cache, clock } = fixture;
    await cache.put(of('a'), audioOf(1), resultOf(1000), 'relaxed', { labels: { collections: ['c'] } });
    await cache.touchCollection('c', 30 * DAY_MS);
    await cache.get(of('a'));
    cache.configure({ disk: { ttlMs: 3_600_000 } });
    await cache.get(of('a'));
    await clock.advance(29 * DAY_MS);
    expect(await cache.get(of('a'))).toBeDefined();
    await clock.advance(2 * DAY_MS);
    expect(await cache.get(of('a'))).toBeUndefined();
  });

  it('longer than any date is for ever, and can be carried elsewhere', async () => {
    const { cache, hashing } = await openCache();
    await cache.put(of('a'), audioOf(1), resultOf(1000, { ttlMs: Number.MAX_SAFE_INTEGER }), 'relaxed');
    const exported = await cache.exportEntry(await keyOfText(hashing, 'a'));
    expect(exported?.metadata.expiresAtMs).toBe(Number.POSITIVE_INFINITY);
  });

  it('ends a fixed time after storing unless it slides, and never with Infinity', async () => {
    const fixture = await openCache({ config: { memory: { maxBytes: 1 }, disk: { ttlMs: 1_000 } } });
    const { cache, clock } = fixture;
    await put(fixture, 'a');
    await cache.put(of('kept'), audioOf(1), resultOf(1000, { ttlMs: Number.POSITIVE_INFINITY }), 'relaxed');
    await clock.advance(900);
    expect(await cache.get(of('a'))).toBeDefined();
    await clock.advance(100);
    expect(await cache.get(of('a'))).toBeUndefined();
    await clock.advance(1_000 * DAY_MS);
    expect(await cache.get(of('kept'))).toBeDefined();
  });
});

describe('Why a phrase was synthesized again', () => {
  it('is told to whoever synthesizes it', async () => {
    const fixture = await openCache({ config: { memory: { maxBytes: 1 }, disk: { maxBytes: 10_000 } } });
    const { cache, clock, disk, hashing } = fixture;
    const reasonFor = async (text: string) => (await beGranted(cache, text)).reason;
    expect(await reasonFor('new')).toBe('new');
    await put(fixture, 'damaged');
    disk.corrupt(await keyOfText(hashing, 'damaged'), 0);
    expect(await reasonFor('damaged')).toBe('damaged');
    await put(fixture, 'deleted');
    await cache.delete(of('deleted'));
    expect(await reasonFor('deleted')).toBe('deleted');
    for (let number = 0; number < 12; number++) {
      await put(fixture, `evicted ${number}`);
      await clock.advance(1);
    }
    expect(await reasonFor('evicted 0')).toBe('evicted');
    await put(fixture, 'expired');
    await clock.advance(8 * DAY_MS);
    await cache.cleanup();
    expect(await reasonFor('expired')).toBe('expired');
    expect(cache.stats().performance.missesByReason).toEqual({
      new: 1,
      damaged: 1,
      deleted: 1,
      evicted: 1,
      expired: 1,
    });
  });
});

describe('Money', () => {
  const priced = { config: { price: { perThousandCharacters: 10, currency: 'EUR' } } };

  it('is saved by hits and by joining, and spent on syntheses', async () => {
    const { cache } = await openCache(priced);
    const { fillId } = await beGranted(cache, 'x'.repeat(100));
    await cache.read('waiter', { text: 'x'.repeat(100) });
    const waiting = cache.awaitFill('waiter');
    await fillWith(cache, fillId, audioOf(1));
    await waiting;
    await cache.get(of('x'.repeat(100)));
    const { saved, spent } = cache.stats().performance;
    expect(spent).toEqual({ requests: 1, characters: 100, synthesisMs: 400, cost: 1 });
    expect(saved).toEqual({ requests: 2, characters: 200, synthesisMs: 400, cost: 2 });
    expect(await cache.info(of('x'.repeat(100)))).toMatchObject({ cost: 1 });
  });

  it('that is all spent ends syntheses until the period is over, while what is cached plays on', async () => {
    const budget = { limit: 1, periodMs: DAY_MS, whenExceeded: 'refuse' } as const;
    const { cache, clock } = await openCache({ config: { ...priced.config, budget } });
    await say(cache, 'x'.repeat(100));
    await expect(cache.read('a', { text: 'another' })).rejects.toMatchObject({
      code: 'SYNTHESIS_FAILED',
      reason: 'budget',
    });
    expect(await cache.get(of('x'.repeat(100)))).toBeDefined();
    expect(cache.stats().health).toMatchObject({ status: 'failing', alerts: [{ code: 'BUDGET_EXCEEDED' }] });
    await clock.advance(DAY_MS + 1);
    expect(await cache.read('b', { text: 'another' })).toMatchObject({ type: 'fill-granted' });
  });

  it('that is refused to one is refused to all who wait for the same phrase, and blocks no key', async () => {
    const budget = { limit: 1, periodMs: DAY_MS, whenExceeded: 'refuse' } as const;
    const { cache } = await openCache({ config: { ...priced.config, budget } });
    await say(cache, 'x'.repeat(100));
    for (const callId of ['a', 'b', 'c']) {
      await expect(cache.read(callId, { text: 'another' })).rejects.toMatchObject({ reason: 'budget' });
    }
    cache.configure({ budget: { ...budget, limit: 100 } });
    expect(await cache.read('d', { text: 'another' })).toMatchObject({ type: 'fill-granted' });
  });

  it('is counted for audio that was synthesized and put, as by a new take of a phrase', async () => {
    const budget = { limit: 1, periodMs: DAY_MS, whenExceeded: 'refuse' } as const;
    const { cache } = await openCache({ config: { ...priced.config, budget } });
    cache.assertMaySynthesize();
    await cache.put(of('x'.repeat(100)), audioOf(1), resultOf(1000), 'relaxed', { isPaid: true });
    expect(cache.stats().performance.spent).toMatchObject({ requests: 1, characters: 100, cost: 1 });
    expect(await cache.info(of('x'.repeat(100)))).toMatchObject({ origin: 'synthesis' });
    expect(() => cache.assertMaySynthesize()).toThrow(expect.objectContaining({ reason: 'budget' }));
  });

  it('is counted on after a restart', async () => {
    const budget = { limit: 1, periodMs: DAY_MS, whenExceeded: 'warn' } as const;
    const config = { ...priced.config, budget };
    const { cache, clock, medium } = await openCache({ config });
    await say(cache, 'x'.repeat(60));
    await cache.close();
    const next = await openCache({ config, clock, store: new MemoryStore(medium) });
    await settle();
    await say(next.cache, 'y'.repeat(60));
    expect(next.cache.stats().performance.budget).toMatchObject({ limit: 1, isExceeded: true });
    expect(next.cache.stats().performance.budget?.spent).toBeCloseTo(1.2);
    expect(next.cache.stats().health.status).toBe('degraded');
  });
});

describe('Totals', () => {
  it.each([true, false])('go on after a restart if that was asked for: %s', async (keepTotals) => {
    const { cache, clock, medium } = await openCache({ config: { keepTotals } });
    await say(cache, 'Hello');
    await cache.get(of('Hello'));
    await cache.close();
    const next = await openCache({ config: { keepTotals }, clock, store: new MemoryStore(medium) });
    await settle();
    await next.cache.get(of('Hello'));
    expect(next.cache.stats().performance).toMatchObject({ hits: keepTotals ? 2 : 1, misses: keepTotals ? 1 : 0 });
  });
});

describe('A list of entries', () => {
  async function filled(options: Parameters<typeof openCache>[0] = {}) {
    const fixture = await openCache(options);
    const { cache, clock } = fixture;
    for (const [text, byteLength] of [
      ['large', 3000],
      ['small', 1000],
      ['middle', 2000],
    ] as const) {
      await put(fixture, text, byteLength);
      await clock.advance(70_000);
    }
    await cache.get(of('large'));
    await clock.advance(70_000);
    await cache.get(of('large'));
    return fixture;
  }

  it.each([
    ['on disk', {}],
    ['in memory alone', { store: null }],
  ])('%s is by last use, creation or size, and told in pages', async (_, options) => {
    const { cache } = await filled(options);
    const all = async (sort: 'accessed' | 'created' | 'size') => {
      const texts: (string | undefined)[] = [];
      let cursor: string | undefined;
      do {
        const page = await cache.entries({ type: 'entries', limit: 1, sort, cursor });
        texts.push(...textsOf(page.entries));
        cursor = page.cursor;
      } while (cursor !== undefined);
      return texts;
    };
    expect(await all('accessed')).toEqual(['large', 'middle', 'small']);
    expect(await all('created')).toEqual(['middle', 'small', 'large']);
    expect(await all('size')).toEqual(['large', 'middle', 'small']);
  });

  it('says how often each was used', async () => {
    const { cache } = await filled();
    const { entries } = await cache.entries({ type: 'entries', limit: 10 });
    expect(entries.map(({ hits }) => hits)).toEqual([2, 0, 0]);
  });

  it('of a search has what contains the text in any case, in pages, and nothing twice', async () => {
    const fixture = await openCache({ config: { memory: { maxBytes: 1 }, disk: { maxBytes: 10_000_000 } } });
    for (let number = 0; number < 450; number++)
      await put(fixture, `${number % 3 === 0 ? 'Fizz' : 'other'} ${number}`, 10);
    const texts: (string | undefined)[] = [];
    let cursor: string | undefined;
    do {
      const page = await fixture.cache.entries({ type: 'entries', limit: 40, search: 'FIZZ', cursor });
      texts.push(...textsOf(page.entries));
      cursor = page.cursor;
    } while (cursor !== undefined);
    expect(texts).toHaveLength(150);
    expect(new Set(texts).size).toBe(150);
    const key = await keyOfText(fixture.hashing, 'Fizz 3');
    const byKey = await fixture.cache.entries({ type: 'entries', limit: 10, search: key.slice(0, 12) });
    expect(textsOf(byKey.entries)).toEqual(['Fizz 3']);
  });

  it('of a collection has its members that are there, sorted and searched as all are', async () => {
    const { cache } = await filled();
    for (const text of ['large', 'small', 'absent']) await cache.label(of(text), { collections: ['c'] });
    const list = async (given: object) =>
      textsOf((await cache.entries({ type: 'entries', limit: 10, collection: 'c', ...given })).entries);
    expect(await list({})).toEqual(['large', 'small']);
    expect(await list({ sort: 'created' })).toEqual(['small', 'large']);
    expect(await list({ search: 'SMA' })).toEqual(['small']);
    expect(await list({ collection: 'none' })).toEqual([]);
  });
});

describe('A check of all records', () => {
  it('finds what is damaged, removes it and names it, and goes on where it stopped', async () => {
    const fixture = await openCache({ config: { memory: { maxBytes: 1 }, disk: { maxBytes: 10_000_000 } } });
    const { cache, disk, hashing } = fixture;
    for (let number = 0; number < 250; number++) await put(fixture, `phrase ${number}`, 100);
    const damaged = await Promise.all([3, 120, 249].map((number) => keyOfText(hashing, `phrase ${number}`)));
    for (const key of damaged) disk.corrupt(key, 50);
    const first = await cache.verify(0, undefined);
    expect(first.checked).toBe(100);
    let { cursor } = first;
    let checked = first.checked;
    const found = [...first.damaged];
    while (cursor !== undefined) {
      const step = await cache.verify(0, cursor);
      checked += step.checked;
      found.push(...step.damaged);
      cursor = step.cursor;
    }
    expect(checked).toBe(250);
    expect([...found].sort()).toEqual([...damaged].sort());
    expect(await cache.has(of('phrase 3'))).toBe(false);
    expect(cache.stats().performance.errors.corrupt).toBe(3);
  });
});

describe('A check of all records', () => {
  it('misses none that is used while it goes on', async () => {
    const fixture = await openCache({ config: { memory: { maxBytes: 1 }, disk: { maxBytes: 10_000_000 } } });
    const { cache, clock } = fixture;
    for (let number = 0; number < 250; number++) {
      await put(fixture, `phrase ${number}`, 100);
      await clock.advance(1);
    }
    let { checked, cursor } = await cache.verify(0, undefined);
    for (let number = 0; number < 50; number++) await cache.get(of(`phrase ${number}`));
    while (cursor !== undefined) {
      const step = await cache.verify(0, cursor);
      checked += step.checked;
      cursor = step.cursor;
    }
    expect(checked).toBe(250);
  });
});

describe('An entry that is carried to another cache', () => {
  it('arrives as it was, with its collections and its pin', async () => {
    const fixture = await openCache();
    const { cache, hashing } = fixture;
    await cache.put(of('Hello'), audioOf(1), resultOf(1000, { custom: { words: 1 } }), 'relaxed', {
      labels: { collections: ['c'], pinned: true },
    });
    const exported = await cache.exportEntry(await keyOfText(hashing, 'Hello'));
    expect(exported).toMatchObject({ collections: ['c'], pinned: true });
    const other = await openCache();
    if (exported === undefined) throw new Error('It is there');
    const { metadata, bytes, ...labels } = exported;
    expect(await other.cache.importEntry(metadata, bytes, labels, false)).toBe('stored');
    expect(await other.cache.info(of('Hello'))).toMatchObject({
      origin: 'bundle',
      createdAtMs: metadata.createdAtMs,
      custom: { words: 1 },
      pinned: true,
      collections: ['c'],
    });
    expect((await other.cache.get(of('Hello')))?.bytes).toEqual(audioOf(1));
  });

  it('takes the place of another only when told to', async () => {
    const fixture = await openCache();
    await put(fixture, 'Hello');
    const exported = await fixture.cache.exportEntry(await keyOfText(fixture.hashing, 'Hello'));
    const other = await openCache();
    await other.cache.put(of('Hello'), audioOf(9), resultOf(1000), 'relaxed');
    if (exported === undefined) throw new Error('It is there');
    const bring = (replaces: boolean) =>
      other.cache.importEntry(exported.metadata, exported.bytes.slice(0), { collections: ['c'] }, replaces);
    expect(await bring(false)).toBe('kept');
    expect((await other.cache.get(of('Hello')))?.bytes).toEqual(audioOf(9));
    expect(await other.cache.collection('c')).toMatchObject({ entries: 1 });
    expect(await bring(true)).toBe('stored');
    expect((await other.cache.get(of('Hello')))?.bytes).toEqual(audioOf(1));
  });

  it('is carried also while it is being read', async () => {
    const fixture = await openCache({ config: { memory: { maxBytes: 1 } } });
    const { cache, store, hashing } = fixture;
    await put(fixture, 'Hello');
    const release = store.hold('read', 'before');
    const getting = cache.get(of('Hello'));
    await settle();
    const exporting = cache.exportEntry(await keyOfText(hashing, 'Hello'));
    release();
    expect((await exporting)?.bytes).toEqual(audioOf(1));
    expect((await getting)?.bytes).toEqual(audioOf(1));
    expect(cache.stats().performance.tiers.disk.hits).toBe(1);
  });

  it('is not said to be there when it could not be stored, nor when it is too old', async () => {
    const fixture = await openCache();
    await put(fixture, 'Hello');
    const exported = await fixture.cache.exportEntry(await keyOfText(fixture.hashing, 'Hello'));
    if (exported === undefined) throw new Error('It is there');
    const other = await openCache({ clock: fixture.clock });
    const bring = (pinned = false) =>
      other.cache.importEntry(exported.metadata, exported.bytes.slice(0), { collections: ['c'], pinned }, false);
    other.store.fail('write', 'QUOTA_EXCEEDED', 2);
    await expect(bring()).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED' });
    expect(await other.cache.collection('c')).toBeUndefined();
    await fixture.clock.advance(8 * DAY_MS);
    expect(await bring()).toBe('expired');
    expect(await bring(true)).toBe('stored');
    expect((await other.cache.get(of('Hello')))?.bytes).toEqual(audioOf(1));
  });

  it('is refused when its audio is not what its checksum says', async () => {
    const fixture = await openCache();
    await put(fixture, 'Hello');
    const exported = await fixture.cache.exportEntry(await keyOfText(fixture.hashing, 'Hello'));
    if (exported === undefined) throw new Error('It is there');
    const importing = fixture.cache.importEntry(exported.metadata, audioOf(2), {}, true);
    await expect(importing).rejects.toMatchObject({ code: 'INVALID_AUDIO' });
  });

  it('leaves its text behind where no texts are stored', async () => {
    const fixture = await openCache();
    await put(fixture, 'Hello');
    const exported = await fixture.cache.exportEntry(await keyOfText(fixture.hashing, 'Hello'));
    const other = await openCache({ config: { storeText: false } });
    if (exported === undefined) throw new Error('It is there');
    await other.cache.importEntry(exported.metadata, exported.bytes, {}, false);
    expect((await other.cache.info(of('Hello')))?.spec).toBeUndefined();
  });
});

describe('What is told of entries', () => {
  it('leaves out those that have expired, as asking for them does', async () => {
    const fixture = await openCache({ config: { memory: { maxBytes: 1 } } });
    const { cache, clock } = fixture;
    await cache.put(of('short'), audioOf(1), resultOf(1000, { ttlMs: 1_000 }), 'relaxed');
    await put(fixture, 'long');
    await clock.advance(1_000);
    expect(textsOf((await cache.entries({ type: 'entries', limit: 10 })).entries)).toEqual(['long']);
  });

  it('is complete for a collection whose members are on their way to disk', async () => {
    const { cache, store } = await openCache({ config: { memory: { maxBytes: 1 } } });
    store.hold('write', 'before');
    await cache.put(of('a'), audioOf(1), resultOf(1000), 'memory', { labels: { collections: ['c'] } });
    expect(await cache.collection('c')).toMatchObject({ entries: 1, bytes: 1000, complete: true });
    expect(await cache.pin({ collection: 'c' }, true)).toEqual({ entries: 1, bytes: 1000 });
  });

  it('is why they are gone also where there is only memory', async () => {
    const fixture = await openCache({ store: null, config: { memory: { maxBytes: 3_000 } } });
    for (const text of ['a', 'b', 'c', 'd']) await put(fixture, text);
    expect((await beGranted(fixture.cache, 'a')).reason).toBe('evicted');
  });

  it('adds up: what tiers answered is what requests were answered with', async () => {
    const { cache, store } = await openCache();
    const release = store.hold('read', 'before');
    const reading = cache.get(of('a'));
    await settle();
    await cache.put(of('a'), audioOf(1), resultOf(1000), 'memory');
    release();
    expect(await reading).toBeDefined();
    const { hits, tiers } = cache.stats().performance;
    expect(tiers.memory.hits + tiers.disk.hits).toBe(hits);
  });
});

describe('A disk that somebody emptied', () => {
  it('is told of once, and the cache works', async () => {
    const { cache, events } = await openCache({ heldBefore: true });
    expect(events.filter(({ type }) => type === 'warning')).toHaveLength(1);
    expect(cache.stats().health.alerts).toMatchObject([{ code: 'STORE_EMPTIED' }]);
    await say(cache, 'Hello');
    expect(await cache.get(of('Hello'))).toBeDefined();
  });

  it('is nothing to tell of where it holds something, or where there is none', async () => {
    const fixture = await openCache();
    await put(fixture, 'Hello');
    await fixture.cache.close();
    for (const store of [new MemoryStore(fixture.medium), null]) {
      const { events } = await openCache({ heldBefore: true, store });
      expect(events.filter(({ type }) => type === 'warning')).toEqual([]);
    }
  });
});

describe('What the browser says of its storage', () => {
  it('is in the statistics, as estimates, and an alert when little is left', async () => {
    const estimate = { usageBytes: 990, quotaBytes: 1000 };
    const { cache } = await openCache({ readStorage: async () => ({ estimate, persisted: false }) });
    await settle();
    expect(cache.stats().tiers.disk).toMatchObject({ estimate, persisted: false });
    expect(cache.stats().health.alerts).toMatchObject([{ code: 'QUOTA_LOW' }]);
  });
});
