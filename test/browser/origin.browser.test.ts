/** What the origin may do wrong, and what it may return. */
import { afterEach, describe, expect, test } from 'vitest';
import type { AudioSource, SynthesisResult } from '../../src/origin-audio';
import { closeClients, createClient, sameBytes, wavOf } from './speech';

afterEach(closeClients);

const FAST_RETRY = {
  rateLimited: { firstDelayMs: 1, maxDelayMs: 2 },
  unavailable: { firstDelayMs: 1, maxDelayMs: 2 },
} as never;
const TEXT = 'Hello there.';
const audio = () => wavOf(TEXT);
const wavResponse = (init: ResponseInit = {}) =>
  new Response(audio(), { ...init, headers: { 'content-type': 'audio/wav', ...init.headers } });

async function* pieces(): AsyncGenerator<Uint8Array> {
  const whole = new Uint8Array(audio());
  const reused = new Uint8Array(100);
  for (let offset = 0; offset < whole.length; offset += 100) {
    const piece = whole.subarray(offset, offset + 100);
    reused.set(piece);
    yield reused.subarray(0, piece.length);
  }
}

describe('a synthesizer may return', () => {
  test.each<[string, () => AudioSource | SynthesisResult | Promise<AudioSource>]>([
    ['a Response', () => wavResponse()],
    ['a promise of a Response', async () => wavResponse()],
    ['a Blob', () => new Blob([audio()], { type: 'audio/wav' })],
    ['an ArrayBuffer', audio],
    [
      'a typed array into a larger buffer',
      () => new Uint8Array([...[9, 9, 9], ...new Uint8Array(audio()), 9]).subarray(3, -1),
    ],
    ['a stream', () => new Blob([audio()]).stream()],
    ['an async iterable that reuses its buffer', pieces],
    [
      'audio with a content type and data of its own',
      () => ({ audio: audio(), contentType: 'audio/wav', custom: { words: [1, 2] } }),
    ],
  ])('%s', async (_, synthesize) => {
    const cache = createClient({ synthesize });
    const clip = await cache.getOrSynthesize(TEXT);
    expect(sameBytes(await clip.bytes(), audio())).toBe(true);
    expect(clip.contentType).toBe('audio/wav');
    const kept = await cache.get(TEXT);
    expect(kept?.contentType).toBe('audio/wav');
    expect(kept && sameBytes(await kept.bytes(), audio())).toBe(true);
    expect(kept?.metadata.custom).toEqual(clip.metadata.custom);
  });
});

describe('what is no whole audio is never stored', () => {
  test.each<[string, () => AudioSource, string]>([
    ['an empty body', () => new Response('', { headers: { 'content-type': 'audio/mpeg' } }), 'empty'],
    [
      'an HTML page',
      () => new Response('<html>Sign in</html>', { headers: { 'content-type': 'text/html' } }),
      'not-audio',
    ],
    [
      'an HTML page that claims to be audio',
      () => new Response('<!DOCTYPE html>', { headers: { 'content-type': 'audio/mpeg' } }),
      'not-audio',
    ],
    [
      'a JSON error that claims to be audio',
      () => new Response('{"error":{}}', { headers: { 'content-type': 'audio/mpeg' } }),
      'not-audio',
    ],
    ['JSON', () => Response.json({ audio: '…' }), 'not-audio'],
    [
      'less than Content-Length announced',
      () => wavResponse({ headers: { 'content-length': '9999999' } }),
      'truncated',
    ],
    [
      'a message that claims to be audio',
      () => new Response('<h1>502 Bad Gateway</h1>', { headers: { 'content-type': 'audio/mpeg' } }),
      'not-audio',
    ],
    ['a WAV file without its end', () => new Response(audio().slice(0, 500)), 'truncated'],
  ])('%s', async (_, answer, reason) => {
    const cache = createClient({ synthesize: answer, retry: FAST_RETRY });
    await expect(cache.getOrSynthesize(TEXT)).rejects.toMatchObject({ code: 'SYNTHESIS_FAILED', reason });
    expect(await cache.has(TEXT)).toBe(false);
    // The phrase is not poisoned: the next good answer is kept.
    const clip = await cache.getOrSynthesize(TEXT, { synthesize: wavResponse as never });
    expect(clip.source).toBe('origin');
    expect(await cache.has(TEXT)).toBe(true);
  });

  test('a body that breaks off', async () => {
    const cache = createClient({
      retry: FAST_RETRY,
      synthesize: () =>
        new Response(
          new ReadableStream({
            start: (controller) => controller.enqueue(new Uint8Array(audio()).slice(0, 50)),
            pull: (controller) => controller.error(new TypeError('connection reset')),
          }),
          { headers: { 'content-type': 'audio/wav' } },
        ),
    });
    const failure = cache.getOrSynthesize(TEXT);
    await expect(failure).rejects.toMatchObject({ code: 'SYNTHESIS_FAILED', reason: 'network', attempts: 3 });
    expect(await cache.has(TEXT)).toBe(false);
  });
});

test('audio larger than maxEntryBytes plays and is not kept', async () => {
  const cache = createClient({ maxEntryBytes: 100, synthesize: () => wavResponse() });
  const clip = await cache.getOrSynthesize(TEXT);
  expect(sameBytes(await clip.bytes(), audio())).toBe(true);
  expect(await cache.has(TEXT)).toBe(false);
  expect((await cache.getOrSynthesize(TEXT)).source).toBe('origin');
  expect((await cache.stats()).performance.errors.refused).toBe(2);
});

test('audio of no known format plays and is not kept, unless the spec names its format', async () => {
  const raw = new Uint8Array(1000).fill(1);
  const cache = createClient({ synthesize: () => raw });
  const clip = await cache.getOrSynthesize(TEXT);
  expect(clip.byteLength).toBe(1000);
  expect(await cache.has(TEXT)).toBe(false);
  const named = await cache.getOrSynthesize({ text: TEXT, format: 'pcm' });
  expect(named.contentType).toBe('audio/pcm');
  expect(await cache.has({ text: TEXT, format: 'pcm' })).toBe(true);
});

test('statuses that may pass are asked again, and the clip arrives', async () => {
  const answers = [429, 503, 429, 200];
  const cache = createClient({ retry: FAST_RETRY, synthesize: () => wavResponse({ status: answers.shift() ?? 200 }) });
  expect((await cache.getOrSynthesize(TEXT)).source).toBe('origin');
  expect(answers).toEqual([]);
});

test('a refusal is not asked again; its status reaches every caller, and the next call tries anew', async () => {
  let asked = 0;
  const cache = createClient({
    synthesize: () => {
      asked++;
      return new Response('no credit', { status: 402 });
    },
  });
  const calls = [cache.getOrSynthesize(TEXT), cache.getOrSynthesize(TEXT), cache.getOrSynthesize(TEXT)];
  for (const outcome of await Promise.allSettled(calls)) {
    expect(outcome).toMatchObject({
      status: 'rejected',
      reason: { code: 'SYNTHESIS_FAILED', status: 402, attempts: 1 },
    });
  }
  expect(asked).toBe(1);
  await expect(cache.getOrSynthesize(TEXT)).rejects.toMatchObject({ status: 402 });
  expect(asked).toBe(2);
  expect((await cache.stats()).performance.errors.synthesis).toBe(2);
});

test('an error thrown by the synthesizer reaches every caller with its cause, also across the worker', async () => {
  const cache = createClient({
    synthesize: () => {
      throw new RangeError('no such voice', { cause: new Error('model missing') });
    },
  });
  const calls = [cache.getOrSynthesize(TEXT), cache.getOrSynthesize(TEXT)];
  for (const outcome of await Promise.allSettled(calls)) {
    expect(outcome).toMatchObject({
      reason: { code: 'SYNTHESIS_FAILED', reason: 'threw', cause: { name: 'RangeError', message: 'no such voice' } },
    });
    const { reason } = outcome as PromiseRejectedResult;
    expect(reason.cause.cause.message).toBe('model missing');
  }
});

test('errors of SDKs are understood by their status and headers', async () => {
  let asked = 0;
  const cache = createClient({
    retry: FAST_RETRY,
    synthesize: () => {
      asked++;
      throw Object.assign(new Error('401 bad key'), { status: 401, headers: new Headers() });
    },
  });
  await expect(cache.getOrSynthesize(TEXT)).rejects.toMatchObject({ status: 401, attempts: 1 });
  expect(asked).toBe(1);
});

test('a synthesis that never ends fails after synthesisTimeoutMs', async () => {
  const cache = createClient({
    synthesisTimeoutMs: 20,
    retry: FAST_RETRY,
    synthesize: () => new Promise<never>(() => {}),
  });
  await expect(cache.getOrSynthesize(TEXT)).rejects.toMatchObject({ reason: 'timeout', attempts: 3 });
});
