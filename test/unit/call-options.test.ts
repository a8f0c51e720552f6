import { describe, expect, it } from 'vitest';
import { checkCallOptions } from '../../src/options';

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
  ])('are taken as they should be, or undefined: %s', (name, values) => {
    for (const value of [...values, undefined]) expect(() => checkCallOptions({ [name]: value })).not.toThrow();
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
    ['sinal', [undefined, new AbortController().signal]],
  ])('are refused and named otherwise: %s', (name, values) => {
    for (const value of values) {
      const refused = expect.objectContaining({
        code: 'INVALID_OPTIONS',
        field: name,
        message: expect.stringContaining(`"${name}"`),
      });
      expect(() => checkCallOptions({ [name]: value })).toThrow(refused);
    }
  });
});
