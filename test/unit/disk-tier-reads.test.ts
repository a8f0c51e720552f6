import { describe, expect, it, vi } from 'vitest';
import { createHashing, type Hashing } from '../../core/hashing';
import { openDiskTier as open, wholeEntry } from '../disk-tier-fixture';
import { settle } from '../fake-clock';
import { keyOf } from '../stored-entries';

const CANONICAL = 'Hello||1.00';
const SECRET = 'a secret of sixteen bytes or more';

/** With a secret the hasher of keys makes the fingerprints, which takes a while without WebAssembly. */
const hashingWith = {
  'no secret': () => createHashing(),
  'a secret': () => createHashing({ keySecret: SECRET }),
  'a secret and a slow hasher': async (): Promise<Hashing> => {
    const hashing = await createHashing({ keySecret: SECRET });
    return { ...hashing, fingerprint: async (canonical) => hashing.fingerprint(canonical) };
  },
} as const;
const hashings = Object.keys(hashingWith) as (keyof typeof hashingWith)[];

describe.each([
  ['at once', true],
  ['after a while', false],
])('An entry that the store reads %s', (_, readsAtOnce) => {
  const openDiskTier = (given: Parameters<typeof open>[0] = {}) => open({ readsAtOnce, ...given });

  it('is returned as it was put, and counts as used', async () => {
    const fixture = await openDiskTier();
    const { tier, clock, store, metrics } = fixture;
    const entry = wholeEntry(fixture, 1);
    expect(await tier.put(entry, 'relaxed')).toBe(true);
    await clock.advance(5000);
    expect(await tier.get(keyOf(1), undefined)).toEqual(entry);
    expect(store.touches).toEqual([
      { key: keyOf(1), accessedAtMs: clock.nowMs(), hits: 1, expiresAtMs: undefined, isExtension: true },
    ]);
    expect(metrics.tiers.disk).toMatchObject({ hits: 1, misses: 0, puts: 1, errors: 0 });
  });

  it('that is not there is a miss', async () => {
    const { tier, metrics, removals } = await openDiskTier();
    expect(await tier.get(keyOf(1), CANONICAL)).toBeUndefined();
    expect(await tier.getMetadata(keyOf(1))).toBeUndefined();
    expect(metrics.tiers.disk).toMatchObject({ hits: 0, misses: 1, errors: 0 });
    expect(removals).toEqual([]);
  });

  it('that has expired is a miss, and is removed and counted', async () => {
    const fixture = await openDiskTier();
    const { tier, clock, disk, metrics, removals } = fixture;
    await tier.put(wholeEntry(fixture, 1, { expiresAtMs: clock.nowMs() + 1000 }), 'relaxed');
    await clock.advance(999);
    expect(await tier.get(keyOf(1), undefined)).toBeDefined();
    expect(await tier.getMetadata(keyOf(1))).toBeDefined();
    await clock.advance(1);
    expect(await tier.getMetadata(keyOf(1))).toBeUndefined();
    expect(await tier.get(keyOf(1), undefined)).toBeUndefined();
    expect(disk.keys).toEqual([]);
    expect(metrics.tiers.disk).toMatchObject({ hits: 1, misses: 1, expirations: 1, errors: 0 });
    expect(removals).toEqual([['expired', { entries: 1, bytes: 100 }]]);
  });

  it.each([0, 50, 99])('with byte %i damaged is a miss, and is removed and counted', async (byteIndex) => {
    const fixture = await openDiskTier();
    const { tier, disk, metrics, removals } = fixture;
    await tier.put(wholeEntry(fixture, 1), 'relaxed');
    disk.corrupt(keyOf(1), byteIndex);
    expect(await tier.get(keyOf(1), undefined)).toBeUndefined();
    expect(disk.keys).toEqual([]);
    expect(metrics.errors).toMatchObject({ corrupt: 1, diskReads: 0 });
    expect(metrics.tiers.disk).toMatchObject({ hits: 0, misses: 1 });
    expect(removals).toEqual([['corrupt', { entries: 1, bytes: 100 }]]);
  });

  it.each(hashings)('of another spec under the same key is a miss, removed and counted, with %s', async (kind) => {
    const fixture = await openDiskTier({ hashing: await hashingWith[kind]() });
    const { tier, disk, hashing, metrics, removals } = fixture;
    const fingerprint = await hashing.fingerprint('Another phrase||1.00');
    await tier.put(wholeEntry(fixture, 1, { fingerprint }), 'relaxed');
    expect(await tier.get(keyOf(1), CANONICAL)).toBeUndefined();
    expect(disk.keys).toEqual([]);
    expect(metrics.errors).toMatchObject({ collisions: 1, corrupt: 0 });
    expect(removals).toEqual([['collision', { entries: 1, bytes: 100 }]]);
  });

  it.each(hashings)(
    'of the spec itself is a hit, with its fingerprint known or the spec or neither, with %s',
    async (kind) => {
      const fixture = await openDiskTier({ hashing: await hashingWith[kind]() });
      const { tier, hashing, metrics } = fixture;
      await tier.put(wholeEntry(fixture, 1, { fingerprint: await hashing.fingerprint(CANONICAL) }), 'relaxed');
      await tier.put(wholeEntry(fixture, 2), 'relaxed');
      expect(await tier.get(keyOf(1), CANONICAL)).toBeDefined();
      expect(await tier.get(keyOf(1), undefined)).toBeDefined();
      expect(await tier.get(keyOf(2), CANONICAL)).toBeDefined();
      expect(metrics.errors.collisions).toBe(0);
    },
  );

  it.each(hashings)('is hashed once, with %s', async (kind) => {
    const hashing = await hashingWith[kind]();
    const verify = vi.fn(hashing.verify);
    const fingerprint = vi.fn(hashing.fingerprint);
    const fixture = await openDiskTier({ hashing: { ...hashing, verify, fingerprint } });
    const { tier } = fixture;
    await tier.put(wholeEntry(fixture, 1, { fingerprint: await hashing.fingerprint(CANONICAL) }), 'relaxed');
    expect(await tier.get(keyOf(1), CANONICAL)).toBeDefined();
    expect([verify.mock.calls.length, fingerprint.mock.calls.length]).toEqual([1, 1]);
  });

  it('that cannot be checked here is a miss, and is left for those who can', async () => {
    const withWasm = await openDiskTier();
    const withoutWasm = await openDiskTier({
      hashing: await createHashing({ wasm: false }),
      store: withWasm.store,
    });
    await withWasm.tier.put(wholeEntry(withWasm, 1), 'relaxed');
    expect(await withoutWasm.tier.get(keyOf(1), undefined)).toBeUndefined();
    expect(withoutWasm.metrics.errors.corrupt).toBe(0);
    expect(await withWasm.tier.get(keyOf(1), undefined)).toBeDefined();
  });

  it('without a readable checksum is a miss rather than an error', async () => {
    const fixture = await openDiskTier();
    const { tier, store } = fixture;
    const { metadata, bytes } = wholeEntry(fixture, 1);
    // As an older or a newer version may have written it.
    const foreign = { metadata: { ...metadata, checksum: { kind: 'sha512', hex: '' } as never }, bytes };
    await store.write(foreign, 0, 'relaxed');
    expect(await tier.get(keyOf(1), undefined)).toBeUndefined();
  });

  it('is a miss when the disk cannot read it, and stays', async () => {
    const fixture = await openDiskTier();
    const { tier, store, metrics } = fixture;
    await tier.put(wholeEntry(fixture, 1), 'relaxed');
    store.fail('read', new Error('a sector is gone'));
    store.fail('readMetadata', new Error('a sector is gone'));
    expect(await tier.get(keyOf(1), undefined)).toBeUndefined();
    expect(await tier.getMetadata(keyOf(1))).toBeUndefined();
    expect(metrics.errors.diskReads).toBe(2);
    expect(metrics.tiers.disk).toMatchObject({ misses: 1, errors: 2 });
    expect(await tier.get(keyOf(1), undefined)).toBeDefined();
  });

  it('put while the expired one before it is still being read, stays', async () => {
    const fixture = await openDiskTier();
    const { tier, clock, store, disk } = fixture;
    await tier.put(wholeEntry(fixture, 1, { expiresAtMs: clock.nowMs() + 1000 }), 'relaxed');
    await clock.advance(2000);
    const release = store.hold('read', 'after');
    const reading = tier.get(keyOf(1), undefined);
    await settle();
    await tier.put(wholeEntry(fixture, 1), 'durable');
    release();
    expect(await reading).toBeUndefined();
    expect(disk.keys).toEqual([keyOf(1)]);
  });
});

describe('A hit on disk', () => {
  it('waits for nothing when the store does not either', async () => {
    const fixture = await open({ readsAtOnce: true });
    await fixture.tier.put(wholeEntry(fixture, 1), 'relaxed');
    expect(fixture.tier.get(keyOf(1), CANONICAL)).toEqual(wholeEntry(fixture, 1));
    expect(fixture.tier.get(keyOf(2), CANONICAL)).toBeUndefined();
    expect(fixture.metrics.tiers.disk).toMatchObject({ hits: 1, misses: 1 });
  });

  it('costs one read, however many wait for it, and each gets bytes of its own', async () => {
    const fixture = await open();
    await fixture.tier.put(wholeEntry(fixture, 1), 'relaxed');
    const found = await Promise.all([1, 2, 3].map(() => fixture.tier.get(keyOf(1), CANONICAL)));
    expect(fixture.store.countOf('read')).toBe(1);
    expect(new Set(found.map((entry) => entry?.bytes)).size).toBe(3);
    for (const entry of found) expect(entry).toEqual(wholeEntry(fixture, 1));
  });
});
