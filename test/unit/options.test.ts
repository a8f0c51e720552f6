import { describe, expect, it } from 'vitest';
import { assertConsistent } from '../../core/option-rules';
import { AudioCacheError } from '../../core/protocol/audio-cache-error';
import { type ConfigureOptions, resolveChange } from '../../src/config-change';
import { type AudioCacheClientOptions, resolveOptions } from '../../src/options';

const MIB = 1024 * 1024;
const NAN = Number.NaN;
const INFINITE = Number.POSITIVE_INFINITY;

/** Resolves what a page without types may pass. */
function resolve(options: unknown) {
  return resolveOptions(options as AudioCacheClientOptions);
}

function refusalOf(options: unknown): AudioCacheError {
  try {
    resolve(options);
  } catch (error) {
    if (error instanceof AudioCacheError) return error;
    throw error;
  }
  throw new Error('The options were taken');
}

/** The options with one value somewhere inside, as in `memory.maxBytes`. */
function optionsWith(field: string, value: unknown): unknown {
  const names = field.split('.');
  return names.reduceRight((inner, name) => ({ [name]: inner }), value);
}

describe('Options that are left out', () => {
  it('have the documented defaults', () => {
    expect(resolve({})).toEqual({
      config: {
        namespace: 'default',
        version: 1,
        speedMode: 'synthesis',
        maxEntryBytes: 32 * MIB,
        storeText: true,
        cleanupIntervalMs: 300_000,
        memory: { maxBytes: 100 * MIB, maxEntries: INFINITE, ttlMs: 3_600_000, highWater: 0.9, lowWater: 0.8 },
        disk: {
          store: 'auto',
          maxBytes: 1024 * MIB,
          ttlMs: 7 * 86_400_000,
          slidingTtl: false,
          highWater: 0.9,
          lowWater: 0.8,
        },
        price: undefined,
        budget: undefined,
        health: { minHitRate: 0.2, maxErrorRate: 0.1, maxHeapRatio: 0.8 },
        keepTotals: false,
      },
      defaults: {},
      synthesize: undefined,
      keySecret: undefined,
      retry: {},
      synthesisTimeoutMs: 60_000,
      maxConcurrentSyntheses: 6,
      fill: 'complete',
      worker: undefined,
      callTimeoutMs: 5000,
      onWarning: undefined,
      logLevel: 'silent',
      log: undefined,
    });
  });

  it('may be undefined, at any depth', () => {
    const nothing = { maxBytes: undefined, ttlMs: undefined, lowWater: undefined };
    const options = { namespace: undefined, memory: nothing, disk: nothing, retry: undefined, fill: undefined };
    expect(resolve(options)).toEqual(resolve({}));
  });

  it('do not change those that are given', () => {
    const { config } = resolve({ memory: { maxBytes: 5 }, disk: { ttlMs: INFINITE, store: 'none' } });
    expect(config.memory).toEqual({ ...resolve({}).config.memory, maxBytes: 5 });
    expect(config.disk).toEqual({ ...resolve({}).config.disk, ttlMs: INFINITE, store: 'none' });
  });
});

describe('An option is taken', () => {
  it.each<readonly [field: string, value: unknown]>([
    ['namespace', 'a.b_c-D9'],
    ['namespace', 'x'.repeat(100)],
    ['version', 0],
    ['memory.maxBytes', INFINITE],
    ['memory.maxEntries', 1],
    ['memory.highWater', 1],
    ['memory.lowWater', 0],
    ['disk.store', 'indexeddb'],
    ['disk.ttlMs', INFINITE],
    ['cleanupIntervalMs', 1000],
    ['retry.rateLimited.maxRetries', 0],
    ['retry.unavailable.firstDelayMs', 0],
    ['retry.maxRetryAfterMs', INFINITE],
    ['maxConcurrentSyntheses', INFINITE],
    ['worker', '/worker.js'],
    ['worker', new URL('https://example.org/worker.js')],
    ['worker', () => {}],
    ['speedMode', 'playback'],
    ['fill', 'abort'],
    ['disk.slidingTtl', true],
    ['price', { perThousandCharacters: 0.015 }],
    ['price', { perThousandCharacters: 0, currency: 'EUR' }],
    ['health.minHitRate', 0],
    ['keepTotals', true],
    ['logLevel', 'debug'],
    ['log', () => {}],
  ])('as %s: %s', (field, value) => {
    expect(() => resolve(optionsWith(field, value))).not.toThrow();
  });
});

describe('An option is refused, named and explained', () => {
  it.each<readonly [field: string, values: readonly unknown[], expected: string]>([
    ['namespace', ['', 'a b', 'ä', 'a/b', 'a\n', 'x'.repeat(101), 7, null, {}], 'letters'],
    ['version', [-1, 1.5, NAN, INFINITE, '1', null], 'whole number'],
    ['defaults', ['alloy', 7, null], 'object'],
    ['synthesize', ['fetch', {}, null], 'function'],
    ['keySecret', ['', 7, null], 'string'],
    ['speedMode', ['fast', true, null], '"playback"'],
    ['storeText', ['false', 0, null], 'boolean'],
    ['maxEntryBytes', [0, -1, NAN, '1', null], 'at least 1'],
    ['memory', ['none', 7, null, true], 'object'],
    ['memory.maxBytes', [0, -1, NAN, '100 MB', null], 'at least 1'],
    ['memory.maxEntries', [0, 0.5, NAN, '7', null], 'at least 1'],
    ['memory.ttlMs', [0, -1, NAN, '1h', null], 'at least 1'],
    ['memory.highWater', [0, 1.01, 90, NAN, '0.9', null], 'from 0.01 to 1'],
    ['memory.lowWater', [-0.1, 80, NAN, '0.8', null], 'from 0 to 1'],
    ['disk', ['none', 7, null], 'object'],
    ['disk.store', ['cache', '', null, 7], '"indexeddb"'],
    ['disk.maxBytes', [0, NAN, null], 'at least 1'],
    ['disk.ttlMs', [0, NAN, null], 'at least 1'],
    ['disk.highWater', [0, 2, NAN], 'from 0.01 to 1'],
    ['cleanupIntervalMs', [999, 2 ** 31, INFINITE, NAN, '5m'], 'from 1000 to'],
    ['retry', [3, false, null], 'object'],
    ['retry.rateLimited', [3, null], 'object'],
    ['retry.rateLimited.maxRetries', [-1, 1.5, 101, INFINITE, NAN], 'whole number from 0 to 100'],
    ['retry.unavailable.firstDelayMs', [-1, NAN, '1s'], 'at least 0'],
    ['retry.unavailable.maxDelayMs', [-1, NAN], 'at least 0'],
    ['retry.maxRetryAfterMs', [-1, NAN, '60'], 'at least 0'],
    ['synthesisTimeoutMs', [0, 2 ** 31, INFINITE, NAN], 'from 1 to'],
    ['maxConcurrentSyntheses', [0, -1, NAN, '6'], 'at least 1'],
    ['fill', ['cancel', true, null], '"complete"'],
    ['worker', [7, {}, null], 'URL'],
    ['callTimeoutMs', [0, NAN, INFINITE], 'from 1 to'],
    ['onWarning', ['console', {}, null], 'function'],
    ['disk.slidingTtl', ['yes', 1, null], 'boolean'],
    ['price', [7, 'free', null], 'object'],
    ['price.perThousandCharacters', [-1, NAN, '0.015', null], 'from 0 to'],
    ['price.currency', ['euro', 'eur', '', 7], 'ISO 4217'],
    ['budget', [7, null], 'object'],
    ['budget.limit', [-1, NAN, '5'], 'from 0 to'],
    ['budget.periodMs', [0, 1000, NAN, INFINITE], 'from 60000 to'],
    ['budget.whenExceeded', ['stop', true], '"refuse"'],
    ['health.minHitRate', [-0.1, 1.1, NAN], 'from 0 to 1'],
    ['health.maxErrorRate', [2, '10%'], 'from 0 to 1'],
    ['health.maxHeapRatio', [80, NAN], 'from 0 to 1'],
    ['keepTotals', ['yes', 1], 'boolean'],
    ['logLevel', ['verbose', true, 3], '"debug"'],
    ['log', ['console', {}], 'function'],
  ])('as %s: %j', (field, values, expected) => {
    for (const value of values) {
      const refusal = refusalOf(optionsWith(field, value));
      expect(refusal).toMatchObject({ code: 'INVALID_OPTIONS', field });
      expect(refusal.message).toContain(`"${field}"`);
      expect(refusal.message).toContain(expected);
    }
  });

  it('says null when it is null', () => {
    for (const field of ['memory', 'defaults', 'retry.rateLimited', 'onWarning', 'disk.maxBytes']) {
      expect(refusalOf(optionsWith(field, null)).message).toMatch(/not null\.$/);
    }
  });

  it('because a list is no group of options', () => {
    for (const field of ['memory', 'retry', 'defaults']) {
      expect(refusalOf(optionsWith(field, [])).field).toBe(field);
    }
    expect(refusalOf([]).code).toBe('INVALID_OPTIONS');
  });

  it.each<readonly [field: string, known: string]>([
    ['maxbytes', 'maxEntryBytes'],
    ['memory.maxbytes', 'maxBytes'],
    ['disk.maxEntries', 'maxBytes'],
    ['retry.maxRetries', 'rateLimited'],
    ['retry.rateLimited.retries', 'maxRetries'],
    ['toString', 'namespace'],
    ['memory.constructor', 'maxBytes'],
  ])('because nobody knows it: %s', (field, known) => {
    const refusal = refusalOf(optionsWith(field, 1));
    expect(refusal).toMatchObject({ code: 'INVALID_OPTIONS', field });
    expect(refusal.message).toContain(`"${field}"`);
    expect(refusal.message).toContain(known);
  });

  it('even when it is undefined, because it is misspelt all the same', () => {
    expect(refusalOf({ sythesize: undefined })).toMatchObject({ field: 'sythesize' });
  });

  it('unless the low-water mark is below the high one', () => {
    for (const tier of ['memory', 'disk']) {
      for (const marks of [{ highWater: 0.5, lowWater: 0.5 }, { highWater: 0.7 }, { lowWater: 0.95 }]) {
        const refusal = refusalOf({ [tier]: marks });
        expect(refusal).toMatchObject({ code: 'INVALID_OPTIONS', field: `${tier}.lowWater` });
        expect(refusal.message).toContain('highWater');
      }
    }
  });

  it('unless an entry of the largest size fits on disk', () => {
    const refusal = refusalOf({ maxEntryBytes: 5 * MIB, disk: { maxBytes: 4 * MIB } });
    expect(refusal).toMatchObject({ code: 'INVALID_OPTIONS', field: 'disk.maxBytes' });
    expect(refusal.message).toContain(`${5 * MIB}`);
    expect(resolve({ disk: { maxBytes: 4 * MIB } }).config.maxEntryBytes).toBe(4 * MIB);
    expect(resolve({ maxEntryBytes: 5 * MIB, memory: { maxBytes: 1 } }).config.memory.maxBytes).toBe(1);
  });

  it('unless a budget has a price to count by, and each of them its number', () => {
    const price = { perThousandCharacters: 1 };
    expect(refusalOf({ budget: { limit: 5 } })).toMatchObject({ code: 'INVALID_OPTIONS', field: 'budget' });
    expect(refusalOf({ price, budget: { periodMs: 100_000 } })).toMatchObject({ field: 'budget.limit' });
    expect(refusalOf({ price: { currency: 'EUR' } })).toMatchObject({ field: 'price.perThousandCharacters' });
    expect(resolve({ price, budget: { limit: 5 } }).config).toMatchObject({
      price: { perThousandCharacters: 1, currency: 'USD' },
      budget: { limit: 5, periodMs: 30 * 86_400_000, whenExceeded: 'warn' },
    });
  });

  it.each([null, undefined, 'options', 7])('because %s are no options', (options) => {
    expect(refusalOf(options).code).toBe('INVALID_OPTIONS');
  });
});

describe('A change of the configuration', () => {
  const { config } = resolve({ disk: { maxBytes: 100 * MIB }, price: { perThousandCharacters: 1 } });
  const changeRefused = (change: object): AudioCacheError => {
    try {
      assertConsistent(config, resolveChange(change as ConfigureOptions));
    } catch (error) {
      if (error instanceof AudioCacheError) return error;
    }
    throw new Error('It was taken');
  };

  it('holds what is to change, with the rest of price and budget filled in', () => {
    expect(resolveChange({ memory: { ttlMs: 5 }, budget: { limit: 3 } })).toEqual({
      memory: { ttlMs: 5 },
      price: undefined,
      budget: { limit: 3, periodMs: 30 * 86_400_000, whenExceeded: 'warn' },
    });
  });

  it('is refused for what cannot change, and for what contradicts what there is', () => {
    for (const [change, field] of [
      [{ namespace: 'other' }, 'namespace'],
      [{ disk: { store: 'none' } }, 'disk.store'],
      [{ disk: { lowWater: 0.9 } }, 'disk.lowWater'],
      [{ memory: { highWater: 0.8 } }, 'memory.lowWater'],
      [{ maxEntryBytes: 101 * MIB }, 'disk.maxBytes'],
      [{ disk: { maxBytes: MIB } }, 'disk.maxBytes'],
      [{ memory: { ttlMs: -1 } }, 'memory.ttlMs'],
      [{ price: { currency: 'EUR' } }, 'price.perThousandCharacters'],
      [{ budget: { periodMs: 100_000 } }, 'budget.limit'],
    ] as const) {
      expect(changeRefused(change), JSON.stringify(change)).toMatchObject({ code: 'INVALID_OPTIONS', field });
    }
  });
});
