import * as fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { type EntryFacts, EntryIndex, NONE } from '../../core/storage/entry-index';
import { keyOfWords, parseKey, WORDS_PER_KEY } from '../../core/storage/key-words';
import { comparePlaces, type ListPlace } from '../../core/storage/list-order';
import { firstPlaces } from '../../core/storage/list-places';
import { keyOf } from '../stored-entries';

const wordsOf = (key: string): Uint32Array => {
  const words = new Uint32Array(WORDS_PER_KEY);
  if (!parseKey(key, words)) throw new TypeError(`${key} is no key`);
  return words;
};
/** Keys that fall into few buckets, so that chains form. */
const crowdedKey = (id: number) => `v1_${'0'.repeat(8)}${id.toString(16).padStart(48, '0')}${'0'.repeat(8)}`;
const locationOf = (id: number) => ({
  segmentId: 1,
  offsetBytes: id * 64,
  headBytes: 200,
  bodyBytes: id + 1,
  audioBytes: id + 2,
});

/** What goes first, by last access and by expiry, is the first of what is not protected. */
function expectFirsts(index: EntryIndex, model: ReadonlyMap<string, EntryFacts & { readonly isProtected: boolean }>) {
  const evictable = [...model].filter(([, { isProtected }]) => !isProtected);
  evictable.sort(([a, x], [b, y]) => x.accessedAtMs - y.accessedAtMs || (a < b ? -1 : 1));
  const oldest = index.oldestEvictable;
  expect(oldest === NONE ? undefined : keyOfWords(index.words(oldest))).toBe(evictable[0]?.[0]);
  const earliest = Math.min(...evictable.map(([, { expiresAtMs }]) => expiresAtMs));
  const first = index.earliestExpiry;
  if (Number.isFinite(earliest)) expect(index.expiresAtMs(first)).toBe(earliest);
  else expect(first).toBe(NONE);
}

describe('Keys as words', () => {
  it('come back as the same text', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (bytes) => {
        const key = `v1_${Buffer.from(bytes).toString('hex')}`;
        expect(keyOfWords(wordsOf(key))).toBe(key);
      }),
      { seed: 20260902 },
    );
  });

  it.each(['', 'v1_', keyOf(1).slice(1), `${keyOf(1)}0`, keyOf(1).replace('v1', 'v2'), keyOf(0xab).toUpperCase()])(
    'are not made of %j',
    (text) => {
      expect(parseKey(text, new Uint32Array(WORDS_PER_KEY))).toBe(false);
    },
  );
});

describe('The index', () => {
  it('behaves as a map in the order of last access, with what expires and what goes first at hand', () => {
    const id = fc.nat(30);
    const time = fc.nat(20);
    const hits = fc.nat(9);
    const expiry = fc.nat(25);
    const operation = fc.oneof(
      { weight: 3, arbitrary: fc.record({ type: fc.constant('add' as const), id, time, expiry, hits }) },
      { weight: 2, arbitrary: fc.record({ type: fc.constant('delete' as const), id }) },
      { weight: 2, arbitrary: fc.record({ type: fc.constant('touch' as const), id, time, expiry, hits }) },
      { weight: 2, arbitrary: fc.record({ type: fc.constant('protect' as const), id, isProtected: fc.boolean() }) },
    );
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 120 }), (operations) => {
        const index = new EntryIndex();
        const model = new Map<string, EntryFacts & { readonly id: number; readonly isProtected: boolean }>();
        for (const step of operations) {
          const key = crowdedKey(step.id);
          const slot = index.find(wordsOf(key));
          expect(slot !== NONE).toBe(model.has(key));
          if (step.type === 'delete') {
            if (slot !== NONE) index.delete(slot);
            model.delete(key);
            continue;
          }
          const held = model.get(key);
          if (step.type === 'protect') {
            if (held === undefined) continue;
            index.setProtected(slot, step.isProtected);
            model.set(key, { ...held, isProtected: step.isProtected });
            continue;
          }
          const use = {
            accessedAtMs: step.time,
            expiresAtMs: step.expiry === 0 ? Number.POSITIVE_INFINITY : step.expiry,
            hits: step.hits,
          };
          const createdAtMs = held?.createdAtMs ?? step.time;
          if (step.type === 'add' && slot === NONE)
            index.add(wordsOf(key), locationOf(step.id), { createdAtMs, ...use });
          else if (slot !== NONE) index.setUse(slot, use);
          else continue;
          model.set(key, { id: step.id, isProtected: held?.isProtected ?? false, createdAtMs, ...use });
          expectFirsts(index, model);
        }
        const expected = [...model].sort(([a, x], [b, y]) => x.accessedAtMs - y.accessedAtMs || (a < b ? -1 : 1));
        const keys: string[] = [];
        for (let slot = index.oldest; slot !== NONE; slot = index.newerThan(slot)) {
          keys.push(keyOfWords(index.words(slot)));
        }
        expect(keys).toEqual(expected.map(([key]) => key));
        const backwards: string[] = [];
        for (let slot = index.newest; slot !== NONE; slot = index.olderThan(slot)) {
          backwards.push(keyOfWords(index.words(slot)));
        }
        expect(backwards.reverse()).toEqual(keys);
        expect(index.size).toBe(model.size);
        expect(index.totalAudioBytes).toBe(expected.reduce((bytes, [, entry]) => bytes + entry.id + 2, 0));
        expect(index.savedBytes).toBe(model.size);
        for (const [key, { createdAtMs, accessedAtMs, expiresAtMs, hits, isProtected }] of model) {
          const slot = index.find(wordsOf(key));
          expect(index.useOf(slot)).toEqual({ accessedAtMs, expiresAtMs, hits });
          expect(index.createdAtMs(slot)).toBe(createdAtMs);
          expect(index.isProtected(slot)).toBe(isProtected);
        }
        expect(index.protectedSize).toBe(expected.filter(([, { isProtected }]) => isProtected).length);
        expectFirsts(index, model);
      }),
      { numRuns: 200, seed: 20260903 },
    );
  });

  it('counts no further than it can', () => {
    const index = new EntryIndex();
    const facts = { createdAtMs: 1, accessedAtMs: 1, expiresAtMs: 2, hits: 2 ** 32 + 5 };
    const slot = index.add(wordsOf(keyOf(1)), locationOf(1), facts);
    expect(index.hits(slot)).toBe(2 ** 32 - 1);
    index.setUse(slot, { ...facts, hits: 2 ** 32 });
    expect(index.hits(slot)).toBe(2 ** 32 - 1);
  });

  it('passes protected entries by once, however many are the oldest ones', () => {
    const index = new EntryIndex();
    for (let id = 0; id < 30_000; id++) {
      const facts = { createdAtMs: 1, accessedAtMs: id, expiresAtMs: Number.POSITIVE_INFINITY, hits: 0 };
      const slot = index.add(wordsOf(keyOf(id)), locationOf(id), facts);
      if (id < 10_000) index.setProtected(slot, true);
    }
    const newerThan = vi.spyOn(index, 'newerThan');
    for (let id = 10_000; id < 20_000; id++) {
      expect(index.accessedAtMs(index.oldestEvictable)).toBe(id);
      index.delete(index.oldestEvictable);
    }
    // One for each entry that is removed, and one for each that is passed by.
    expect(newerThan.mock.calls.length).toBeLessThan(25_000);
  });

  it.each(['created', 'size'] as const)('gives the first places by %s, wherever a page ends', (order) => {
    const value = fc.nat(12);
    const entry = fc.record({ id: fc.nat(200), createdAtMs: value, bytes: value, accessedAtMs: value });
    const entries = fc.uniqueArray(entry, { selector: ({ id }) => id, maxLength: 60 });
    fc.assert(
      fc.property(entries, fc.integer({ min: 1, max: 8 }), (given, limit) => {
        const index = new EntryIndex();
        for (const { id, createdAtMs, bytes, accessedAtMs } of given) {
          const facts = { createdAtMs, accessedAtMs, expiresAtMs: Number.POSITIVE_INFINITY, hits: 0 };
          index.add(wordsOf(crowdedKey(id)), { ...locationOf(id), audioBytes: bytes }, facts);
        }
        const places = given.map(({ id, createdAtMs, bytes }) => ({
          value: order === 'created' ? createdAtMs : bytes,
          key: crowdedKey(id),
        }));
        const found: ListPlace[] = [];
        for (let page = firstPlaces(index, order, limit, undefined); page.length > 0; ) {
          found.push(...page);
          page = firstPlaces(index, order, limit, page.at(-1));
        }
        expect(found).toEqual(places.sort(comparePlaces));
      }),
      { numRuns: 200, seed: 20261126 },
    );
  });

  it('grows to any size and finds everything, also after nine tenths are gone', () => {
    const index = new EntryIndex();
    const facts = { createdAtMs: 1, expiresAtMs: Number.POSITIVE_INFINITY, hits: 0 };
    for (let id = 0; id < 20_000; id++) index.add(wordsOf(keyOf(id)), locationOf(id), { ...facts, accessedAtMs: id });
    for (let id = 0; id < 20_000; id++) if (id % 10 !== 0) index.delete(index.find(wordsOf(keyOf(id))));
    expect(index.size).toBe(2_000);
    for (let id = 0; id < 20_000; id++) {
      const slot = index.find(wordsOf(keyOf(id)));
      if (id % 10 !== 0) expect(slot).toBe(NONE);
      else expect(index.offsetBytes(slot)).toBe(id * 64);
    }
    index.clear();
    expect(index.size).toBe(0);
    expect(index.find(wordsOf(keyOf(10)))).toBe(NONE);
    expect(index.oldest).toBe(NONE);
  });
});
