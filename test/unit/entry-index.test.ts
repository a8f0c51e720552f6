import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EntryIndex, NONE } from '../../core/storage/entry-index';
import { keyOfWords, parseKey, WORDS_PER_KEY } from '../../core/storage/key-words';
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
  it('behaves as a map in the order of last access, with the earliest expiry at hand', () => {
    const id = fc.nat(30);
    const time = fc.nat(20);
    const operation = fc.oneof(
      { weight: 3, arbitrary: fc.record({ type: fc.constant('add' as const), id, time, expiry: fc.nat(25) }) },
      { weight: 2, arbitrary: fc.record({ type: fc.constant('delete' as const), id }) },
      { weight: 2, arbitrary: fc.record({ type: fc.constant('touch' as const), id, time, expiry: fc.nat(25) }) },
    );
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 120 }), (operations) => {
        const index = new EntryIndex();
        const model = new Map<string, { readonly id: number; accessedAtMs: number; expiresAtMs: number }>();
        for (const step of operations) {
          const key = crowdedKey(step.id);
          const slot = index.find(wordsOf(key));
          expect(slot !== NONE).toBe(model.has(key));
          if (step.type === 'delete') {
            if (slot !== NONE) index.delete(slot);
            model.delete(key);
            continue;
          }
          const times = {
            accessedAtMs: step.time,
            expiresAtMs: step.expiry === 0 ? Number.POSITIVE_INFINITY : step.expiry,
          };
          if (step.type === 'add' && slot === NONE) index.add(wordsOf(key), locationOf(step.id), times);
          else if (slot !== NONE) index.setTimes(slot, times);
          else continue;
          model.set(key, { id: step.id, ...times });
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
        const first = index.earliestExpiry;
        const earliest = Math.min(...expected.map(([, { expiresAtMs }]) => expiresAtMs));
        if (Number.isFinite(earliest)) expect(index.expiresAtMs(first)).toBe(earliest);
        else expect(first).toBe(NONE);
      }),
      { numRuns: 200, seed: 20260903 },
    );
  });

  it('grows to any size and finds everything, also after nine tenths are gone', () => {
    const index = new EntryIndex();
    const times = { accessedAtMs: 1, expiresAtMs: Number.POSITIVE_INFINITY };
    for (let id = 0; id < 20_000; id++) index.add(wordsOf(keyOf(id)), locationOf(id), { ...times, accessedAtMs: id });
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
