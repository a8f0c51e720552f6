/** What is wrong is named, with a code and a way out, and nothing stored before is lost by it. */
import { afterEach, describe, expect, test } from 'vitest';
import { AudioCacheClient } from '../../src/audio-cache-client';
import type { AudioCacheClientOptions } from '../../src/options';
import { closeClients, createClient, sameBytes, wavOf } from './speech';

afterEach(closeClients);

/** A call no TypeScript caller could make, as JavaScript callers do. */
function untyped(value: unknown): never {
  return value as never;
}

describe('a spec that cannot be spoken is refused with INVALID_SPEC before anything starts', () => {
  test.each([
    ['an empty text', { text: '' }, 'text'],
    ['a text of spaces', '   ', 'text'],
    ['a number', 42, 'text'],
    ['nothing', undefined, 'text'],
    ['a text that is no string', { text: 7 }, 'text'],
    ['a text that is too long', 'x'.repeat(100_001), 'text'],
    ['half of a surrogate pair', 'cut \ud83d', 'text'],
    ['speed NaN', { text: 'x', speed: Number.NaN }, 'speed'],
    ['speed below 0.1', { text: 'x', speed: 0.09 }, 'speed'],
    ['speed above 10', { text: 'x', speed: 10.1 }, 'speed'],
    ['a speed in words', { text: 'x', speed: 'fast' }, 'speed'],
    ['an unknown field', { text: 'x', voce: 'alloy' }, 'voce'],
    ['extra that is no JSON', { text: 'x', extra: { at: new Date(0) } }, 'extra'],
  ])('%s', async (_, spec, field) => {
    let asked = 0;
    const cache = createClient({
      synthesize: () => {
        asked++;
        return wavOf('x');
      },
    });
    for (const call of [
      () => cache.getOrSynthesize(untyped(spec)),
      () => cache.get(untyped(spec)),
      () => cache.put(untyped(spec), wavOf('x')),
      () => cache.delete(untyped(spec)),
    ]) {
      await expect(call()).rejects.toMatchObject({ name: 'AudioCacheError', code: 'INVALID_SPEC', field });
    }
    expect(asked).toBe(0);
  });
});

test.each([
  '',
  'v1_',
  `v2_${'0'.repeat(64)}`,
  `v1_${'A'.repeat(64)}`,
  `v1_${'0'.repeat(63)}`,
  '../../etc/passwd',
  7,
  null,
])('the malformed key %j is refused with INVALID_KEY', async (key) => {
  const cache = createClient();
  for (const call of [
    () => cache.get(untyped({ key })),
    () => cache.has(untyped({ key })),
    () => cache.delete(untyped({ key })),
    () => cache.info(untyped({ key })),
    () => cache.put(untyped({ key }), wavOf('x')),
  ]) {
    await expect(call()).rejects.toMatchObject({ code: 'INVALID_KEY' });
  }
});

test.each<[unknown, string]>([
  [{ namespace: 'a/b' }, 'namespace'],
  [{ version: 1.5 }, 'version'],
  [{ synthesize: 'later' }, 'synthesize'],
  [{ memory: { maxBytes: -1 } }, 'memory.maxBytes'],
  [{ memory: { highWater: 0.5, lowWater: 0.6 } }, 'memory.lowWater'],
  [{ disk: { store: 'floppy' } }, 'disk.store'],
  [{ disk: { ttlMs: '7d' } }, 'disk.ttlMs'],
  [{ fill: 'maybe' }, 'fill'],
  [{ maxEntryByte: 5 }, 'maxEntryByte'],
  [{ retry: { rateLimited: { maxRetries: -1 } } }, 'retry.rateLimited.maxRetries'],
])('the options %j are refused with INVALID_OPTIONS that names %s', (options, field) => {
  const make = () => new AudioCacheClient(options as AudioCacheClientOptions);
  expect(make).toThrow(expect.objectContaining({ code: 'INVALID_OPTIONS', field }));
  expect(make).toThrow(field);
});

test('putting what is no audio is refused with INVALID_AUDIO, too much of it with ENTRY_TOO_LARGE', async () => {
  const cache = createClient({ maxEntryBytes: 10_000 });
  await cache.put('Kept.', wavOf('Kept.'));
  const html = new TextEncoder().encode('<!doctype html><title>Error</title>');
  for (const [data, options] of [
    [new ArrayBuffer(0), {}],
    [new ArrayBuffer(0), { contentType: 'audio/mpeg' }],
    [html, {}],
    [html, { contentType: 'audio/mpeg' }],
    [new TextEncoder().encode('{"error":"quota"}'), { contentType: 'audio/mpeg' }],
    [wavOf('x'), { contentType: 'text/plain' }],
    [crypto.getRandomValues(new Uint8Array(100)).fill(1, 0, 4), {}],
    ['not bytes', { contentType: 'audio/mpeg' }],
  ] as const) {
    await expect(cache.put('Kept.', untyped(data), options)).rejects.toMatchObject({ code: 'INVALID_AUDIO' });
  }
  await expect(cache.put('Kept.', wavOf('Kept.', 1000))).rejects.toMatchObject({ code: 'ENTRY_TOO_LARGE' });
  const kept = await cache.get('Kept.');
  expect(kept && sameBytes(await kept.bytes(), wavOf('Kept.'))).toBe(true);
});

test('other bad arguments are refused with INVALID_OPTIONS', async () => {
  const cache = createClient();
  const field = (name: string) => ({ code: 'INVALID_OPTIONS', field: name });
  await expect(cache.entries({ limit: 0 })).rejects.toMatchObject(field('limit'));
  await expect(cache.entries({ limit: 1.5 })).rejects.toMatchObject(field('limit'));
  await expect(cache.cleanup({ budgetMs: -1 })).rejects.toMatchObject(field('budgetMs'));
  await expect(cache.put('x', wavOf('x'), { ttlMs: 0 })).rejects.toMatchObject(field('ttlMs'));
  await expect(cache.put('x', wavOf('x'), { durability: untyped('eternal') })).rejects.toMatchObject(
    field('durability'),
  );
});

test('a miss without a synthesizer is NO_SYNTHESIZER, and the next caller with one is served', async () => {
  const cache = createClient();
  await expect(cache.getOrSynthesize('Nobody.')).rejects.toMatchObject({ code: 'NO_SYNTHESIZER' });
  const clip = await cache.getOrSynthesize('Nobody.', { synthesize: (spec) => wavOf(spec.text) });
  expect(clip.source).toBe('origin');
});

test('after close every call rejects with CLOSED, also those under way', async () => {
  const cache = createClient({ synthesize: () => new Promise<never>(() => {}) });
  const waiting = cache.getOrSynthesize('Waiting.');
  const settled = expect(waiting).rejects.toMatchObject({ code: 'CLOSED' });
  await cache.has('x');
  await cache.close();
  await settled;
  await cache.close();
  for (const call of [
    () => cache.get('x'),
    () => cache.getOrSynthesize('x'),
    () => cache.put('x', wavOf('x')),
    () => cache.stats(),
    () => cache.flush(),
  ]) {
    await expect(call()).rejects.toMatchObject({ code: 'CLOSED' });
  }
});
