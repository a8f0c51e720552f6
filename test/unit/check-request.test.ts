/** What an owner's worker takes from a channel that any script of the origin may write into. */
import { describe, expect, it } from 'vitest';
import { isCacheRequest } from '../../core/check-request';
import type { CacheRequest } from '../../core/protocol/messages';
import type { EntryMetadata } from '../../core/protocol/values';
import { resolveChange } from '../../src/config-change';
import { audioOf, resultOf } from '../cache-fixture';

const KEY = `v1_${'0'.repeat(64)}`;
const ADDRESS = { spec: { text: 'Hello' } };
const INFINITE = Number.POSITIVE_INFINITY;
/** What no count and no time is. */
const NO_NUMBERS = [Number.NaN, INFINITE, Number.NEGATIVE_INFINITY, -1, '1', null, undefined];

const METADATA: EntryMetadata = {
  key: KEY,
  contentType: 'audio/mpeg',
  byteLength: 1000,
  createdAtMs: 1,
  expiresAtMs: INFINITE,
  characters: 5,
  synthesisMs: 300,
  checksum: { kind: 'xxh64', hex: '0123456789abcdef' },
  spec: { text: 'Hello' },
  ttlMs: INFINITE,
  origin: 'put',
};
const IMPORT = { type: 'import-entry', metadata: METADATA, bytes: audioOf(1), labels: {}, replaces: false } as const;
const PUT = {
  type: 'put',
  address: ADDRESS,
  bytes: audioOf(1),
  result: resultOf(1000),
  durability: 'relaxed',
} as const;
const REPORT = { type: 'report', served: [], failedSyntheses: 0, failedRequests: 0 } as const;

describe('A request is taken', () => {
  it.each<CacheRequest>([
    { type: 'ping' },
    { type: 'get', address: { key: KEY } },
    { ...PUT, result: { ...PUT.result, ttlMs: INFINITE, custom: { words: [] } }, labels: { collections: ['a'] } },
    { type: 'cleanup' },
    { type: 'cleanup', budgetMs: INFINITE },
    { type: 'verify', budgetMs: 50 },
    { type: 'entries', limit: 50, cursor: undefined, sort: 'size', search: '' },
    { type: 'pin', target: { collection: 'book' }, isPinned: true },
    { type: 'pin', target: { address: ADDRESS }, isPinned: false },
    { type: 'touch-collection', name: 'book', ttlMs: INFINITE },
    {
      type: 'fill-failed',
      fillId: 'x',
      error: { name: 'Error', message: 'no', cause: { name: 'Error', message: 'x' } },
    },
    IMPORT,
    { ...REPORT, served: [{ source: 'origin', latencyMs: 0.5 }], heapRatio: 0.4 },
    { type: 'configure', change: resolveChange({}) },
    {
      type: 'configure',
      change: resolveChange({
        memory: { maxBytes: INFINITE },
        disk: { slidingTtl: true },
        price: { perThousandCharacters: 1 },
        budget: { limit: 3 },
        health: { minHitRate: 0 },
      }),
    },
  ])('as pages make it: %j', (request) => {
    expect(isCacheRequest(structuredClone(request))).toBe(true);
  });
});

describe('A request is refused', () => {
  it.each([
    { cleanupIntervalMs: 0 },
    { memory: { maxBytes: 'x' } },
    { memory: { maxBytes: Number.NaN } },
    { memory: null },
    { disk: { store: 'none' } },
    { disk: { maxBytes: -1 } },
    { storeText: false },
    { namespace: 'q' },
    { health: { maxErrorRate: INFINITE } },
    { price: { perThousandCharacters: INFINITE, currency: 'EUR' } },
    [],
    'text',
  ])('that changes what pages could not: %j', (change) => {
    expect(isCacheRequest({ type: 'configure', change })).toBe(false);
  });

  it('whose numbers are none, or out of bounds', () => {
    for (const number of NO_NUMBERS) {
      const wrong = [
        { ...PUT, result: { ...PUT.result, byteLength: number } },
        { ...PUT, result: { ...PUT.result, synthesisMs: number } },
        { type: 'fill-chunk', fillId: 'x', offsetBytes: number, chunk: audioOf(1) },
        { type: 'entries', limit: number },
        { type: 'collections', limit: number },
        { ...REPORT, failedSyntheses: number },
        { ...REPORT, failedRequests: number },
        { ...REPORT, served: [{ source: 'memory', latencyMs: number }] },
        ...(number === INFINITE ? [] : [{ type: 'verify', budgetMs: number }]),
        ...(number === undefined ? [] : [{ ...REPORT, heapRatio: number }]),
        ...(number === INFINITE || number === undefined
          ? []
          : [
              { type: 'cleanup', budgetMs: number },
              { type: 'touch-collection', name: 'a', ttlMs: number },
              { ...PUT, result: { ...PUT.result, ttlMs: number } },
            ]),
      ];
      for (const request of wrong) expect(isCacheRequest(request), `${number} ${JSON.stringify(request)}`).toBe(false);
    }
  });

  it.each<readonly [field: string, values: readonly unknown[]]>([
    ['key', ['v2_x', '', 7, undefined]],
    ['contentType', ['text/html', 'audio/mpeg\r\nx: y', '', undefined]],
    ['byteLength', [0, ...NO_NUMBERS]],
    ['createdAtMs', [Number.NaN, INFINITE, '1', undefined]],
    ['expiresAtMs', [Number.NaN, '1', undefined]],
    ['characters', [0.5, ...NO_NUMBERS]],
    ['synthesisMs', NO_NUMBERS],
    ['checksum', [{}, { kind: 'md5', hex: '0' }, { kind: 'crc32', hex: 'xxxxxxxx' }, undefined]],
    ['spec', ['Hello', {}, { text: '' }, { text: 'Hello', surprise: 1 }]],
    ['ttlMs', [-1, Number.NaN, '1']],
    ['origin', ['elsewhere', 7]],
    ['custom', ['note', [1]]],
    ['pinned', [true]],
    ['collections', [['a']]],
    ['surprise', [1]],
  ])('whose metadata no bundle could carry: %s', (field, values) => {
    for (const value of values) {
      const request = { ...IMPORT, metadata: { ...METADATA, [field]: value } };
      expect(isCacheRequest(request), String(value)).toBe(false);
    }
  });

  it('whose words are none of ours', () => {
    for (const request of [
      { ...PUT, durability: 'strict' },
      { type: 'entries', limit: 1, sort: 'constructor' },
      { ...REPORT, served: [{ source: 'constructor', latencyMs: 1 }] },
      { ...PUT, labels: { collections: [''] } },
      { ...PUT, labels: { collections: ['x'.repeat(201)] } },
      { ...PUT, labels: { collections: Array.from({ length: 10_001 }, () => 'x') } },
      { type: 'collection', name: 'x'.repeat(201) },
      { type: 'pin', target: { collection: 7, address: ADDRESS }, isPinned: true },
      { type: 'pin', target: {}, isPinned: true },
      { type: 'collections', limit: 1, search: 'x'.repeat(10_001) },
      { type: 'renew-fill', fillId: 'x'.repeat(101) },
      { type: 'fill-failed', fillId: 'x', error: {} },
      { type: 'fill-failed', fillId: 'x', error: { message: 'x', cause: 7 } },
      { type: '__proto__' },
      'ping',
      null,
    ]) {
      expect(isCacheRequest(request), JSON.stringify(request).slice(0, 100)).toBe(false);
    }
  });
});
