/** Audio that anybody can make again from two numbers, so that what was stored is known without keeping it. */
import { createWav, WAV_HEADER_BYTES } from '../wav-file';

const KIB = 1024;
const MIN_BYTES = KIB;
const MAX_BYTES = 300 * KIB;
/** Every fifth phrase is a WAV file, which the disk engine compresses. */
const WAV_EVERY = 5;
const SAMPLE_RATE = 16_000;

/** Audio and its media type. */
export interface KnownAudio {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly contentType: string;
}

/** The audio of a phrase's version: always the same, and different for any two. 1 KiB to 300 KiB unless told. */
export function knownAudio(id: number, version: number, byteLength?: number): KnownAudio {
  const next = xorshift(id * 1_009 + version + 1);
  // As many between 1 and 2 KiB as between 150 and 300.
  const chosen = Math.floor(MIN_BYTES * (MAX_BYTES / MIN_BYTES) ** (next() / 2 ** 32));
  const length = byteLength ?? chosen;
  return id % WAV_EVERY === 0 ? wav(length, next) : mp3(length, next);
}

/** The first byte at which two differ, a missing one included; -1 where they are the same. */
export function firstDifference(actual: Uint8Array, expected: Uint8Array): number {
  const length = Math.max(actual.byteLength, expected.byteLength);
  for (let index = 0; index < length; index++) {
    if (actual[index] !== expected[index]) return index;
  }
  return -1;
}

/** Noise under the name of an MP3. */
function mp3(byteLength: number, next: () => number): KnownAudio {
  const words = new Uint32Array(Math.ceil(byteLength / 4));
  for (let index = 0; index < words.length; index++) words[index] = next();
  const bytes = new Uint8Array(words.buffer).slice(0, byteLength);
  bytes.set(new TextEncoder().encode('ID3').subarray(0, byteLength));
  return { bytes, contentType: 'audio/mpeg' };
}

/** A tone with a little noise: it compresses as speech does, by some ten per cent and more. */
function wav(byteLength: number, next: () => number): KnownAudio {
  const samples = Math.max(1, Math.floor((byteLength - WAV_HEADER_BYTES) / 2));
  const step = 0.02 + (next() % 100) / 1_000;
  const sampleAt = (index: number) => Math.sin(index * step) * 8_000 + (next() % 64);
  const bytes = new Uint8Array(createWav({ sampleRate: SAMPLE_RATE, samples, sampleAt }));
  return { bytes, contentType: 'audio/wav' };
}

/** 32-bit numbers from xorshift32 (Marsaglia 2003). */
function xorshift(seed: number): () => number {
  let state = Math.imul(seed, 2_654_435_761) | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}
