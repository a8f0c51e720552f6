/** Deleting and clearing, and the races in which a removed entry must not come back. */
import { describe, expect, it } from 'vitest';
import { createHashing } from '../../core/hashing';
import { audioOf, beGranted, fillWith, keyOfText, openCache, resultOf, say } from '../cache-fixture';
import { settle } from '../fake-clock';

const HELLO = { spec: { text: 'Hello' } };
const OTHER = { spec: { text: 'Other' } };
const HOUR_MS = 3_600_000;

/** A cache whose entries are on disk and no longer in memory. */
async function withOnDisk(...texts: readonly string[]) {
  const fixture = await openCache();
  for (const text of texts) await fixture.cache.put({ spec: { text } }, audioOf(1), resultOf(1000), 'relaxed');
  await fixture.clock.advance(HOUR_MS);
  return fixture;
}

describe('Deleting', () => {
  it('removes from memory and disk and says whether there was anything', async () => {
    const { cache, disk, events, hashing } = await openCache();
    await say(cache, 'Hello');
    await settle();
    expect(await cache.delete(HELLO)).toBe(true);
    expect(await cache.delete(HELLO)).toBe(false);
    expect(disk.keys).toEqual([]);
    expect(await cache.get(HELLO)).toBeUndefined();
    expect(events.filter(({ type }) => type === 'entry-deleted')).toEqual([
      { type: 'entry-deleted', key: await keyOfText(hashing, 'Hello') },
    ]);
  });

  it('finds what is on disk only, and what is in memory only', async () => {
    const { cache } = await withOnDisk('Hello');
    expect(await cache.delete(HELLO)).toBe(true);
    const memoryOnly = await openCache({ store: null });
    await say(memoryOnly.cache, 'Hello');
    expect(await memoryOnly.cache.delete(HELLO)).toBe(true);
    expect(await memoryOnly.cache.has(HELLO)).toBe(false);
  });

  it('removes what is still on its way to disk', async () => {
    const { cache, store, disk } = await openCache();
    const release = store.hold('write');
    await say(cache, 'Hello');
    const deleting = cache.delete(HELLO);
    await settle();
    release();
    expect(await deleting).toBe(true);
    expect(disk.keys).toEqual([]);
    expect(await cache.get(HELLO)).toBeUndefined();
  });

  it('does not bring an entry back that is being read from disk', async () => {
    const { cache, store } = await withOnDisk('Hello');
    const release = store.hold('read', 'after');
    const reading = cache.get(HELLO);
    await settle();
    await cache.delete(HELLO);
    release();
    await reading;
    expect(await cache.get(HELLO)).toBeUndefined();
    expect(cache.stats().tiers.memory.entries).toBe(0);
  });

  it('does not bring an entry back for those who come later and find it still being read', async () => {
    const { cache, store } = await withOnDisk('Hello');
    const release = store.hold('read', 'after');
    const early = cache.get(HELLO);
    await settle();
    await cache.delete(HELLO);
    const late = cache.get(HELLO);
    await settle();
    release();
    await early;
    expect(await late).toBeUndefined();
  });

  it('does not bring an entry back that is asked for in the same breath', async () => {
    const { cache } = await withOnDisk('Hello');
    await Promise.all([cache.delete(HELLO), cache.get(HELLO)]);
    expect(await cache.get(HELLO)).toBeUndefined();
    const again = await withOnDisk('Hello');
    await Promise.all([again.cache.get(HELLO), again.cache.delete(HELLO)]);
    expect(await again.cache.get(HELLO)).toBeUndefined();
  });

  it('is not overtaken by a request made right after it', async () => {
    const { cache } = await openCache();
    await say(cache, 'Hello');
    expect(await cache.get(HELLO)).toBeDefined();
    const deleting = cache.delete(HELLO);
    expect(await cache.get(HELLO)).toBeUndefined();
    expect(await deleting).toBe(true);
  });

  it('does not bring an entry back that is read while the disk is still removing it', async () => {
    const { cache, store } = await withOnDisk('Hello');
    const release = store.hold('remove');
    const deleting = cache.delete(HELLO);
    await settle();
    await cache.get(HELLO);
    release();
    expect(await deleting).toBe(true);
    expect(await cache.get(HELLO)).toBeUndefined();
  });

  it('of one phrase does not make anybody pay for another that is being read from disk', async () => {
    const { cache, store } = await withOnDisk('Hello', 'Other');
    const release = store.hold('read', 'after');
    const reading = cache.read('caller', { text: 'Hello' });
    await settle();
    await cache.delete(OTHER);
    release();
    expect(await reading).toMatchObject({ type: 'hit' });
  });

  it('of one phrase does not keep another from being stored', async () => {
    const hashing = await createHashing();
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    // As with a key secret and no WebAssembly, where a fingerprint takes the platform a while.
    const slow = {
      ...hashing,
      fingerprint: (canonical: string) => released.then(() => hashing.fingerprint(canonical)),
    };
    const { cache } = await openCache({ hashing: slow });
    const { fillId } = await beGranted(cache, 'Hello');
    const filling = fillWith(cache, fillId, audioOf(1));
    await cache.delete(OTHER);
    release();
    await filling;
    expect(await cache.get(HELLO)).toBeDefined();
  });

  it('does not take with it what is put after it', async () => {
    const { cache, store, disk, hashing } = await openCache();
    const release = store.hold('write');
    await cache.put(HELLO, audioOf(1), resultOf(1000), 'memory');
    const deleting = cache.delete(HELLO);
    await settle();
    const putting = cache.put(HELLO, audioOf(2), resultOf(1000), 'relaxed');
    await settle();
    release();
    await Promise.all([deleting, putting]);
    expect((await cache.get(HELLO))?.bytes).toEqual(audioOf(2));
    expect((await disk.read(await keyOfText(hashing, 'Hello')))?.bytes).toEqual(audioOf(2));
  });

  it('works on when the disk refuses', async () => {
    const { cache, store } = await openCache();
    await say(cache, 'Hello');
    await settle();
    store.fail('remove', new Error('read-only'));
    expect(await cache.delete(HELLO)).toBe(true);
    expect(cache.stats().performance.errors.diskWrites).toBe(1);
  });
});

describe('Clearing', () => {
  it('removes everything from memory and disk and says so', async () => {
    const { cache, disk, events } = await openCache();
    for (const text of ['a', 'b', 'c']) await say(cache, text);
    await settle();
    await cache.clear();
    expect(disk.keys).toEqual([]);
    expect(cache.stats().tiers).toMatchObject({ memory: { entries: 0, bytes: 0 }, disk: { entries: 0, bytes: 0 } });
    expect(events.filter(({ type }) => type === 'cleared')).toHaveLength(1);
  });

  it('removes what is still on its way to disk', async () => {
    const { cache, store, disk } = await openCache();
    const release = store.hold('write');
    await say(cache, 'Hello');
    const clearing = cache.clear();
    await settle();
    release();
    await clearing;
    expect(disk.keys).toEqual([]);
    expect(await cache.get(HELLO)).toBeUndefined();
  });

  it('does not bring entries back that are being read from disk', async () => {
    const { cache, store } = await withOnDisk('Hello');
    const release = store.hold('read', 'after');
    const reading = cache.get(HELLO);
    await settle();
    await cache.clear();
    release();
    await reading;
    expect(await cache.get(HELLO)).toBeUndefined();
  });

  it('does not bring entries back that are read while the disk is still clearing them', async () => {
    const { cache, store } = await withOnDisk('Hello');
    const release = store.hold('clear');
    const clearing = cache.clear();
    await settle();
    await cache.get(HELLO);
    release();
    await clearing;
    expect(await cache.get(HELLO)).toBeUndefined();
    expect(cache.stats().tiers.memory.entries).toBe(0);
  });

  it('leaves a synthesis under way to those who wait for it', async () => {
    const { cache } = await openCache();
    const { fillId } = await beGranted(cache, 'Hello');
    await cache.read('waiter', { text: 'Hello' });
    const waiting = cache.awaitFill('waiter');
    await cache.clear();
    await fillWith(cache, fillId, audioOf(1));
    expect(await waiting).toMatchObject({ type: 'hit', bytes: audioOf(1) });
  });
});
