/**
 * What a synthesizer may return, brought to one form: a media type, and pieces of audio as they come.
 */
import { AudioCacheError } from '../core/protocol/audio-cache-error';
import type { JsonObject, SpeechSpec } from '../core/protocol/values';
import { abortable } from './abortable';
import { GrowingBody } from './growing-body';
import { statusError } from './synthesis-error';

/** Audio in any form the platform has. */
export type AudioSource =
  | Response
  | Blob
  | ArrayBuffer
  | ArrayBufferView
  | ReadableStream<Uint8Array>
  | AsyncIterable<Uint8Array>;

/** Audio with what is to be kept beside it. */
export interface SynthesisResult {
  readonly audio: AudioSource;
  /** A media type; needed where neither the audio nor the spec's `format` tells. */
  readonly contentType?: string | undefined;
  /** Word timings, for instance; comes back as `clip.metadata.custom`. What is no data, such as a function, is left out. */
  readonly custom?: JsonObject | undefined;
}

/**
 * Asks the text-to-speech service for a phrase. The spec has the client's defaults filled in; `signal` ends when
 * nobody wants the phrase any more or the time allowed is over.
 */
export type Synthesize = (
  spec: SpeechSpec,
  context: { readonly signal: AbortSignal },
) => AudioSource | SynthesisResult | Promise<AudioSource | SynthesisResult>;

/** Audio on its way, in the one form the cache reads. */
export interface IncomingAudio {
  /** Empty where nobody said. */
  readonly contentType: string;
  /** The length it was announced with, where that can be trusted. */
  readonly announcedLength: number | undefined;
  readonly custom: JsonObject | undefined;
  readonly chunks: AsyncIterable<Uint8Array<ArrayBuffer>>;
}

/**
 * Reads what a synthesizer returned.
 * @throws AudioCacheError `SYNTHESIS_FAILED` for a response with an error status; `INVALID_AUDIO` for something that
 * is no audio at all
 */
export function openAudio(returned: AudioSource | SynthesisResult, nowMs: number): IncomingAudio {
  const { audio, contentType, custom } = isResult(returned)
    ? returned
    : { audio: returned, contentType: undefined, custom: undefined };
  if (audio instanceof Response) {
    if (!audio.ok) {
      void audio.body?.cancel().catch(() => {});
      throw statusError(audio.status, audio.headers, nowMs);
    }
    return {
      contentType: contentType ?? audio.headers.get('content-type') ?? '',
      announcedLength: announcedLength(audio),
      custom,
      chunks: readStream(audio.body),
    };
  }
  const isBlob = audio instanceof Blob;
  return {
    contentType: contentType ?? (isBlob ? audio.type : ''),
    announcedLength: undefined,
    custom,
    chunks: isBlob ? readStream(audio.stream()) : chunksOf(audio),
  };
}

/** Audio all there, as `put` hands it to the cache. */
export interface CollectedAudio {
  /** The cache's to keep: a copy, or the caller's own buffer handed over. */
  readonly bytes: ArrayBuffer;
  readonly contentType: string;
  readonly custom: JsonObject | undefined;
  /** The length it should have: more than there is where less came than was announced. */
  readonly byteLength: number;
}

/** Reads audio to its end; an ArrayBuffer is taken over instead of copied if `transfer` is true. Fails as `openAudio`. */
export async function readAudio(
  result: SynthesisResult,
  transfer: boolean,
  nowMs: number,
  signal: AbortSignal | undefined,
): Promise<CollectedAudio> {
  if (result.audio instanceof ArrayBuffer) {
    const { audio, contentType = '', custom } = result;
    // One copy instead of the three that a stream takes: fresh pages are what storing 100 KiB costs a page most.
    return { bytes: transfer ? audio : audio.slice(0), contentType, custom, byteLength: audio.byteLength };
  }
  const { contentType, custom, announcedLength = 0, chunks } = openAudio(result, nowMs);
  const body = new GrowingBody();
  await readChunks(chunks, signal, (chunk) => body.append(chunk));
  const bytes = body.copy();
  return { bytes, contentType, custom, byteLength: Math.max(bytes.byteLength, Math.ceil(announcedLength)) };
}

/**
 * Hands on every chunk until the end, or rejects with the signal's reason, without waiting for a source that has nothing
 * more to say. A source that was not read to its end is told so.
 */
export async function readChunks(
  chunks: AsyncIterable<Uint8Array<ArrayBuffer>>,
  signal: AbortSignal | undefined,
  onChunk: (chunk: Uint8Array<ArrayBuffer>) => void,
): Promise<void> {
  const iterator = chunks[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await abortable(iterator.next(), signal);
      if (next.done) return;
      onChunk(next.value);
    }
  } catch (error) {
    iterator.return?.().catch(() => {});
    throw error;
  }
}

/** The least length that the headers promise for the body as it is read. */
function announcedLength({ headers, type }: Response): number | undefined {
  const header = headers.get('content-length');
  if (header === null || (headers.get('content-encoding') ?? 'identity') !== 'identity') return undefined;
  const length = Number(header);
  // Across origins an encoding can be hidden while the length is not, and packing audio can make it slightly longer.
  return type === 'cors' ? length * 0.999 - 64 : length;
}

function chunksOf(audio: Exclude<AudioSource, Response | Blob>): AsyncIterable<Uint8Array<ArrayBuffer>> {
  if (audio instanceof ReadableStream) return readStream(audio);
  if (audio instanceof ArrayBuffer) return only(new Uint8Array(audio).slice());
  if (ArrayBuffer.isView(audio)) {
    return only(new Uint8Array(audio.buffer, audio.byteOffset, audio.byteLength).slice());
  }
  if (typeof audio === 'object' && audio !== null && Symbol.asyncIterator in audio) return copyEach(audio);
  throw new AudioCacheError(
    'INVALID_AUDIO',
    'Audio must be a Response, Blob, ArrayBuffer, typed array, ReadableStream or async iterable of Uint8Array.',
  );
}

async function* only(chunk: Uint8Array<ArrayBuffer>): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  yield chunk;
}

/** Not a generator: that could not be ended while it waits for a stream that sends nothing more. */
function readStream(stream: ReadableStream<Uint8Array> | null): AsyncIterableIterator<Uint8Array<ArrayBuffer>> {
  let reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  const iterator: AsyncIterableIterator<Uint8Array<ArrayBuffer>> = {
    [Symbol.asyncIterator]: () => iterator,
    next: async () => {
      reader ??= stream?.getReader();
      const { done = true, value } = (await reader?.read()) ?? {};
      return done ? { done, value: undefined } : { done, value: ownChunk(value) };
    },
    // Tells the service to stop.
    return: async () => {
      await reader?.cancel();
      return { done: true, value: undefined };
    },
  };
  return iterator;
}

async function* copyEach(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  // An iterable may yield one buffer again and again, filled anew.
  for await (const chunk of source) yield ownChunk(chunk).slice();
}

function ownChunk(chunk: unknown): Uint8Array<ArrayBuffer> {
  if (chunk instanceof Uint8Array && chunk.buffer instanceof ArrayBuffer) return chunk as Uint8Array<ArrayBuffer>;
  if (chunk instanceof Uint8Array) return new Uint8Array(chunk);
  throw new AudioCacheError('INVALID_AUDIO', 'A stream of audio must consist of Uint8Array pieces.');
}

function isResult(returned: AudioSource | SynthesisResult): returned is SynthesisResult {
  return typeof returned === 'object' && returned !== null && 'audio' in returned;
}
