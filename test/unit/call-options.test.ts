import { describe, expect, it } from 'vitest';
import { type CallOption, checkCallOptions, checkCollectionName, signalIn } from '../../src/call-options';

/** Checks the options of a call that takes one of this name. */
function check(name: string, value: unknown): void {
  checkCallOptions<Record<string, unknown>>({ [name]: value }, name === 'signal' ? [] : [name as CallOption]);
}

describe('The options of a call', () => {
  it.each<readonly [name: string, values: readonly unknown[]]>([
    ['signal', [new AbortController().signal, AbortSignal.abort()]],
    ['synthesize', [async () => new Response()]],
    ['ttlMs', [1, 86_400_000, Number.POSITIVE_INFINITY]],
    ['streaming', [true, false]],
    ['contentType', ['audio/mpeg', '']],
    ['custom', [{}, { words: [] }]],
    ['durability', ['memory', 'relaxed', 'durable']],
    ['transfer', [true, false]],
    ['budgetMs', [0, 50, Number.POSITIVE_INFINITY]],
    ['limit', [1, 50, 1000]],
    ['cursor', ['', 'from the page before']],
    ['collection', ['a', '../é', 'x'.repeat(200)]],
    ['collections', [[], ['a', 'b']]],
  ])('are taken as they should be, or undefined: %s', (name, values) => {
    for (const value of [...values, undefined]) expect(() => check(name, value)).not.toThrow();
  });

  it.each<readonly [name: string, values: readonly unknown[]]>([
    ['signal', [{}, new AbortController(), null, 'stop']],
    ['synthesize', ['fetch', {}, null]],
    ['ttlMs', [0, -1, Number.NaN, '1h', null]],
    ['streaming', ['yes', 1, null]],
    ['contentType', [7, null, {}]],
    ['custom', ['note', 7, null, []]],
    ['durability', ['strict', '', true, null]],
    ['transfer', ['yes', 1, null]],
    ['budgetMs', [-1, Number.NaN, '50', null]],
    ['limit', [0, 1001, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '50', null]],
    ['cursor', [7, null, {}]],
    ['collection', ['', 'x'.repeat(201), 7, null]],
    ['collections', ['a', [''], ['a', 7], null]],
  ])('are refused and named otherwise: %s', (name, values) => {
    for (const value of values) {
      const refused = expect.objectContaining({
        code: 'INVALID_OPTIONS',
        field: name,
        message: expect.stringContaining(`"${name}"`),
      });
      expect(() => check(name, value)).toThrow(refused);
    }
  });

  it('are those of that call, and the message lists them', () => {
    const clear: { pinned?: boolean; collection?: string } = { collection: 'book' };
    const refused = expect.objectContaining({
      code: 'INVALID_OPTIONS',
      field: 'collection',
      message: 'Unknown option "collection"; known: signal, pinned.',
    });
    expect(() => checkCallOptions(clear, ['pinned'])).toThrow(refused);
  });

  it('are unknown also when they are undefined, because they are misspelt all the same', () => {
    expect(() => checkCallOptions({ sinal: undefined })).toThrow(expect.objectContaining({ field: 'sinal' }));
  });

  it('are a signal and nothing else for calls that take no more', () => {
    const { signal } = new AbortController();
    expect(signalIn({ signal })).toBe(signal);
    expect([signalIn(undefined), signalIn({})]).toEqual([undefined, undefined]);
    for (const wrong of [{ signal, pinned: true }, { signal: {} }, null, 'stop']) {
      expect(() => signalIn(wrong as never)).toThrow(expect.objectContaining({ code: 'INVALID_OPTIONS' }));
    }
  });

  it('are checked as the name of a collection is that is given by itself', () => {
    for (const name of ['a', 'book-42/ch-3', 'x'.repeat(200)]) expect(() => checkCollectionName(name)).not.toThrow();
    for (const name of ['', 'x'.repeat(201), 7, undefined, null, ['a']]) {
      expect(() => checkCollectionName(name)).toThrow(
        expect.objectContaining({ code: 'INVALID_OPTIONS', field: 'collection' }),
      );
    }
  });
});
