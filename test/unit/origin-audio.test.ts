import { describe, expect, it } from 'vitest';
import { type AudioSource, openAudio, readAudio, type SynthesisResult } from '../../src/origin-audio';
import { settle } from '../fake-clock';

const NOW_MS = Date.parse('2025-06-18T12:00:00Z');
const BYTES = Uint8Array.of(1, 2, 3, 4, 5);

/** Opens what a synthesizer without types may return. */
function open(returned: unknown) {
  return openAudio(returned as AudioSource, NOW_MS);
}

async function bytesOf(returned: unknown): Promise<readonly number[]> {
  const bytes: number[] = [];
  for await (const chunk of open(returned).chunks) bytes.push(...chunk);
  return bytes;
}

function streamOf(...chunks: readonly unknown[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      // Also what no stream of audio should hold.
      for (const chunk of chunks) controller.enqueue(chunk as Uint8Array);
      controller.close();
    },
  });
}

async function* iterate(...chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

function inSharedMemory(bytes: Uint8Array): Uint8Array {
  const shared = new Uint8Array(new SharedArrayBuffer(bytes.byteLength));
  shared.set(bytes);
  return shared;
}

describe('Audio from a synthesizer', () => {
  const padded = Uint8Array.of(0, 0, 1, 2, 3, 4, 5, 0);
  const samples = new Int16Array([0, 0x0201, 0x0403]);

  it.each<readonly [what: string, returned: unknown, bytes: readonly number[]]>([
    ['a response', new Response(BYTES), [...BYTES]],
    ['a blob', new Blob([BYTES]), [...BYTES]],
    ['an array buffer', BYTES.buffer.slice(0), [...BYTES]],
    ['bytes', BYTES, [...BYTES]],
    ['a window onto a larger buffer', padded.subarray(2, 7), [...BYTES]],
    ['samples, of which it is a window', samples.subarray(1), [1, 2, 3, 4]],
    ['a view of data', new DataView(padded.buffer, 2, 5), [...BYTES]],
    ['Node’s buffer, which is a window onto a pool', Buffer.from(BYTES), [...BYTES]],
    ['bytes of shared memory', inSharedMemory(BYTES), [...BYTES]],
    ['a stream', streamOf(BYTES.slice(0, 2), BYTES.slice(2)), [...BYTES]],
    ['a stream of windows', streamOf(padded.subarray(2, 4), padded.subarray(4, 7)), [...BYTES]],
    ['an async iterable', iterate(BYTES.slice(0, 2), BYTES.slice(2)), [...BYTES]],
    ['an object with any of these', { audio: new Blob([BYTES]) }, [...BYTES]],
    ['a response without a body', new Response(null, { status: 204 }), []],
    ['an empty blob', new Blob([]), []],
    ['an empty stream', streamOf(), []],
  ])('may be %s', async (_, returned, bytes) => {
    expect(await bytesOf(returned)).toEqual(bytes);
  });

  it('is copied from what the synthesizer may go on using', async () => {
    const buffer = BYTES.slice().buffer;
    const { chunks } = open(buffer);
    const { chunks: viewed } = open(new Uint8Array(buffer));
    new Uint8Array(buffer).fill(9);
    for (const each of [chunks, viewed]) for await (const chunk of each) expect([...chunk]).toEqual([...BYTES]);
  });

  it('is never handed on as shared memory, which no worker takes over', async () => {
    // Typed as an app has it that says `Uint8Array`.
    const audio: AudioSource = inSharedMemory(BYTES);
    for await (const { buffer } of open(audio).chunks) expect(buffer).toBeInstanceOf(ArrayBuffer);
  });

  it('is copied from an iterable that fills one buffer again and again', async () => {
    const shared = new Uint8Array(2);
    async function* reuse(): AsyncGenerator<Uint8Array> {
      for (const value of [1, 2, 3]) {
        shared.fill(value);
        yield shared;
      }
    }
    const chunks: Uint8Array[] = [];
    for await (const chunk of open(reuse()).chunks) chunks.push(chunk);
    expect(chunks.map((chunk) => [...chunk])).toEqual([
      [1, 1],
      [2, 2],
      [3, 3],
    ]);
  });

  it('comes out of shared memory too', async () => {
    const shared = new Uint8Array(new SharedArrayBuffer(2)).fill(7);
    expect(await bytesOf(iterate(shared))).toEqual([7, 7]);
    expect(await bytesOf(streamOf(shared))).toEqual([7, 7]);
  });
});

describe('The type and length of audio', () => {
  it('are what the response says, unless the synthesizer knows better', () => {
    const headers = { 'content-type': 'audio/ogg; codecs=opus', 'content-length': '5' };
    expect(open(new Response(BYTES, { headers }))).toMatchObject({
      contentType: 'audio/ogg; codecs=opus',
      announcedLength: 5,
    });
    const result: SynthesisResult = {
      audio: new Response(BYTES, { headers }),
      contentType: 'audio/aac',
      custom: { a: 1 },
    };
    expect(open(result)).toMatchObject({ contentType: 'audio/aac', announcedLength: 5, custom: { a: 1 } });
  });

  it('are what the blob says', () => {
    expect(open(new Blob([BYTES], { type: 'audio/wav' }))).toMatchObject({
      contentType: 'audio/wav',
      announcedLength: undefined,
    });
  });

  it('are unknown where nobody says', () => {
    for (const returned of [BYTES, BYTES.buffer, streamOf(BYTES), new Response(BYTES), iterate(BYTES)]) {
      expect(open(returned)).toMatchObject({ contentType: '', announcedLength: undefined, custom: undefined });
    }
  });

  it('of a packed response tell nothing about the audio', () => {
    const lengthOf = (encoding: string) =>
      open(new Response(BYTES, { headers: { 'content-length': '3', 'content-encoding': encoding } })).announcedLength;
    expect(lengthOf('gzip')).toBeUndefined();
    expect(lengthOf('identity')).toBe(3);
  });

  it('of a response from another origin may be off by what packing adds', () => {
    const response = new Response(BYTES, { headers: { 'content-length': '1000000' } });
    Object.defineProperty(response, 'type', { value: 'cors' });
    expect(open(response).announcedLength).toBeLessThan(999_900);
    expect(open(response).announcedLength).toBeGreaterThan(990_000);
  });
});

describe('A response that is an error', () => {
  it('fails with its status and what it says about coming back, and its body is let go', async () => {
    let isCancelled = false;
    const body = new ReadableStream({
      cancel() {
        isCancelled = true;
      },
    });
    const response = new Response(body, { status: 429, headers: { 'retry-after': '7' } });
    expect(() => open(response)).toThrow(
      expect.objectContaining({ code: 'SYNTHESIS_FAILED', reason: 'status', status: 429, retryAfterMs: 7000 }),
    );
    await settle();
    expect(isCancelled).toBe(true);
  });

  it.each([400, 401, 404, 500, 503])('of status %i is no audio, whatever its body', (status) => {
    expect(() => open({ audio: new Response(BYTES, { status }), contentType: 'audio/mpeg' })).toThrow(
      expect.objectContaining({ code: 'SYNTHESIS_FAILED', status, retryAfterMs: undefined }),
    );
  });

  it('of no status at all fails too', () => {
    expect(() => open(Response.error())).toThrow(expect.objectContaining({ code: 'SYNTHESIS_FAILED' }));
  });
});

describe('What is no audio', () => {
  it.each<readonly [what: string, returned: unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['a string', 'UklGRg=='],
    ['a number', 7],
    ['a list of numbers', [1, 2, 3]],
    ['an object', { data: BYTES }],
    ['a result with nothing in it', { audio: undefined }],
    ['a result in a result', { audio: { audio: BYTES } }],
    ['a function', () => BYTES],
  ])('is refused at once: %s', (_, returned) => {
    expect(() => open(returned)).toThrow(expect.objectContaining({ name: 'AudioCacheError', code: 'INVALID_AUDIO' }));
  });

  it.each<readonly [what: string, returned: unknown]>([
    ['a stream of texts', streamOf('text')],
    ['a stream of samples', streamOf(new Float32Array(4))],
    ['an iterable of buffers', iterate(BYTES.buffer as never)],
  ])('is refused when it comes: %s', async (_, returned) => {
    await expect(bytesOf(returned)).rejects.toMatchObject({ code: 'INVALID_AUDIO' });
  });
});

describe('Audio that is put', () => {
  const read = (audio: AudioSource, { transfer = false, signal }: { transfer?: boolean; signal?: AbortSignal } = {}) =>
    readAudio({ audio, contentType: 'audio/mpeg' }, transfer, NOW_MS, signal);

  it('is a copy, or the buffer itself where that is handed over', async () => {
    const buffer = BYTES.slice().buffer;
    expect((await read(buffer)).bytes).toEqual(buffer);
    expect((await read(buffer)).bytes).not.toBe(buffer);
    expect((await read(buffer, { transfer: true })).bytes).toBe(buffer);
    expect((await read(new Uint8Array(buffer), { transfer: true })).bytes).not.toBe(buffer);
  });

  it('is known to be short when it was announced longer', async () => {
    const short = new Response(BYTES, { headers: { 'content-length': '9' } });
    expect(await read(short)).toMatchObject({ byteLength: 9, bytes: BYTES.buffer });
    expect(await read(new Blob([BYTES]))).toMatchObject({ byteLength: 5 });
  });

  it('is waited for no longer than its caller waits, even when nothing more comes', async () => {
    let isCancelled = false;
    const stalled = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(BYTES),
      cancel() {
        isCancelled = true;
      },
    });
    const abort = new AbortController();
    let outcome: unknown;
    void read(stalled, { signal: abort.signal }).catch((error: unknown) => {
      outcome = error;
    });
    await settle();
    abort.abort('enough');
    await settle();
    expect(outcome).toBe('enough');
    expect(isCancelled).toBe(true);
  });
});
