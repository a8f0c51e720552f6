import { describe, expect, it } from 'vitest';
import { AudioCacheError } from '../../core/protocol/audio-cache-error';
import type { Obtained } from '../../src/wanted';
import { audioOf } from '../cache-fixture';
import { outcomeOf, quiet, SharedWorkerFixture } from '../page-fixture';
import { answering, audioResponse, ScriptedOrigin } from '../synthesis-fixture';

const audio = new Uint8Array(audioOf(1));

/** Audio that breaks off with no time between its beginning and that. */
function breakingStream(): Response {
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(audio.slice(0, 600)),
    pull: (controller) => controller.error(new TypeError('network error')),
  });
  return new Response(body, { headers: { 'content-type': 'audio/mpeg' } });
}

async function* breakingIterable(): AsyncGenerator<Uint8Array> {
  yield audio.slice(0, 600);
  throw new TypeError('network error');
}

async function bytesOf(obtained: Obtained | undefined): Promise<ArrayBuffer | undefined> {
  await obtained?.body.whole;
  return obtained?.body.copy();
}

describe('A page that asks for a phrase', () => {
  it('synthesizes it once and then has it from the cache', async () => {
    const worker = await SharedWorkerFixture.open();
    const synthesize = answering(audioResponse(1));
    const page = worker.page({ synthesize });
    const first = await page.obtain('Hello');
    expect(first).toMatchObject({ source: 'origin', joined: false, metadata: { byteLength: 1000, characters: 5 } });
    expect(await bytesOf(first)).toEqual(audio.buffer);
    await quiet(worker);
    const second = await page.obtain('Hello');
    expect(second).toMatchObject({ source: 'memory', joined: false, key: first.key });
    expect(await bytesOf(second)).toEqual(audio.buffer);
    expect(synthesize.attempts()).toBe(1);
    expect(page.pendingRequests).toBe(0);
  });

  it('fifty times at once pays once, and everybody has bytes of their own', async () => {
    const worker = await SharedWorkerFixture.open();
    const synthesize = answering(audioResponse(1));
    const pages = [worker.page({ synthesize }), worker.page({ synthesize })];
    const wanted = Array.from({ length: 50 }, (_, index) => pages[index % 2]?.obtain('Hello'));
    const clips = await Promise.all(wanted);
    expect(synthesize.attempts()).toBe(1);
    expect(clips.filter((clip) => clip?.joined)).toHaveLength(49);
    const bodies = await Promise.all(clips.map((clip) => bytesOf(clip)));
    for (const body of bodies) {
      expect(body).toEqual(audio.buffer);
      new Uint8Array(body ?? new ArrayBuffer(0)).fill(0);
    }
    await quiet(worker);
    for (const page of pages) expect(page.pendingRequests).toBe(0);
  });

  it('learns why the origin failed, whether it asked itself or joined', async () => {
    const worker = await SharedWorkerFixture.open();
    const pages = [worker.page({ synthesize: answering(() => new Response('', { status: 401 })) }), worker.page()];
    const outcomes = await Promise.allSettled(pages.map((page) => page.obtain('Hello')));
    for (const outcome of outcomes) {
      expect(outcome).toMatchObject({
        reason: { code: 'SYNTHESIS_FAILED', status: 401, reason: 'status', attempts: 1 },
      });
    }
    await quiet(worker);
    for (const page of pages) expect(page.pendingRequests).toBe(0);
  });

  it('is told what is wrong with it', async () => {
    const worker = await SharedWorkerFixture.open();
    const page = worker.page({ synthesize: answering(audioResponse(1)) });
    await expect(page.obtain(' ')).rejects.toMatchObject({ code: 'INVALID_SPEC', field: 'text' });
  });

  it('without a synthesizer leaves it to one who has one', async () => {
    const worker = await SharedWorkerFixture.open();
    const without = worker.page();
    const withOne = worker.page({ synthesize: answering(audioResponse(1)) });
    const [refused, served] = [without.obtain('Hello'), withOne.obtain('Hello')];
    await expect(refused).rejects.toMatchObject({ code: 'NO_SYNTHESIZER' });
    expect(await bytesOf(await served)).toEqual(audio.buffer);
  });

  it('hears it as it comes, when it wants to', async () => {
    const worker = await SharedWorkerFixture.open();
    const origin = new ScriptedOrigin();
    const page = worker.page({ synthesize: origin.synthesize });
    const obtaining = page.obtain('Hello', { streaming: true });
    await quiet(worker);
    origin.send(audio.slice(0, 600));
    const clip = await obtaining;
    expect(clip.body.byteLength).toBe(600);
    origin.send(audio.slice(600));
    origin.end();
    expect(await bytesOf(clip)).toEqual(audio.buffer);
    await quiet(worker);
    expect(await page.obtain('Hello')).toMatchObject({ source: 'memory' });
  });

  it.each([
    ['a stream', breakingStream],
    ['an iterable', breakingIterable],
  ])('as it comes is told when it breaks off, at once, and nobody asks anew: %s', async (_, breaking) => {
    for (const signal of [undefined, new AbortController().signal]) {
      const worker = await SharedWorkerFixture.open();
      const synthesize = answering(breaking, audioResponse(1));
      const page = worker.page({ synthesize });
      const clip = await page.obtain('Hello', { streaming: true, signal });
      await expect(clip.body.whole).rejects.toMatchObject({ code: 'SYNTHESIS_FAILED' });
      await worker.clock.advance(60_000);
      expect(synthesize.attempts()).toBe(1);
    }
  });
});

describe('A page without its worker', () => {
  const WORKER_LOST = new AudioCacheError('WORKER_LOST', 'Gone.');

  it.each([WORKER_LOST, new AudioCacheError('DEADLINE_EXCEEDED', 'Busy.')])(
    'synthesizes all the same: $code',
    async (lost) => {
      const worker = await SharedWorkerFixture.open();
      const synthesize = answering(audioResponse(1));
      const page = worker.page({ synthesize });
      const key = (await page.obtain('Hello')).key;
      page.lost = lost;
      const clips = await Promise.all([page.obtain('Hello'), page.obtain('Hello')]);
      expect(synthesize.attempts()).toBe(2);
      for (const clip of clips) {
        expect(clip).toMatchObject({ key, source: 'origin' });
        expect(await bytesOf(clip)).toEqual(audio.buffer);
      }
    },
  );

  it('drops what nobody waits for any more', async () => {
    const worker = await SharedWorkerFixture.open();
    const origin = new ScriptedOrigin();
    const page = worker.page({ synthesize: origin.synthesize, fill: 'abort' });
    page.lost = WORKER_LOST;
    const abort = new AbortController();
    const calls = [page.obtain('Hello', { signal: abort.signal }), page.obtain('Hello', { signal: abort.signal })];
    await quiet(worker);
    abort.abort('enough');
    expect(await outcomeOf(worker, Promise.allSettled(calls))).toMatchObject([
      { reason: 'enough' },
      { reason: 'enough' },
    ]);
    expect(origin.signals.map(({ aborted }) => aborted)).toEqual([true]);
  });

  it('says why when nothing can synthesize', async () => {
    const worker = await SharedWorkerFixture.open();
    const page = worker.page();
    page.lost = WORKER_LOST;
    await expect(page.obtain('Hello')).rejects.toMatchObject({ code: 'NO_SYNTHESIZER', cause: WORKER_LOST });
  });
});

describe('A page whose synthesizing part cannot be loaded', () => {
  it('plays what the cache has, and leaves the rest to others', async () => {
    const worker = await SharedWorkerFixture.open();
    const whole = worker.page({ synthesize: answering(audioResponse(1)) });
    const crippled = worker.page({ synthesize: answering(audioResponse(2)) });
    crippled.loadFailure = new TypeError('Failed to fetch dynamically imported module');
    await whole.obtain('Hello');
    await quiet(worker);
    expect(await crippled.obtain('Hello')).toMatchObject({ source: 'memory' });
    const [refused, served] = [crippled.obtain('Bye'), whole.obtain('Bye')];
    await expect(refused).rejects.toMatchObject({ code: 'SYNTHESIS_FAILED', reason: 'network' });
    expect(await served).toMatchObject({ source: 'origin' });
    crippled.loadFailure = undefined;
    expect(await crippled.obtain('Again')).toMatchObject({ source: 'origin' });
  });
});
