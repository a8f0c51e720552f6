/**
 * What the browser tests speak with: a stub origin that is deterministic and counts, and small valid WAV audio.
 */
import type { SpeechSpec } from '../../core/protocol/values';
import { AudioCacheClient } from '../../src/audio-cache-client';
import type { AudioCacheClientOptions } from '../../src/options';
import { createWav } from '../wav-file';

const SAMPLE_RATE = 8000;

/** Audio that depends on every character of the text: a WAV file of `durationMs`, 8 kHz, 16 bit, mono. */
export function wavOf(text: string, durationMs = 50): ArrayBuffer {
  const samples = Math.floor((SAMPLE_RATE * durationMs) / 1000);
  let state = 17;
  const sampleAt = (index: number) => {
    state = (Math.imul(state, 31) + text.charCodeAt(index % text.length) + index) | 0;
    return state % 2000;
  };
  return createWav({ sampleRate: SAMPLE_RATE, samples, sampleAt });
}

/** A text-to-speech service on this page. */
export interface StubOrigin {
  readonly synthesize: (spec: SpeechSpec, context: { readonly signal: AbortSignal }) => Promise<Response>;
  /** The texts it was asked for, in order. */
  readonly asked: string[];
  /** While held, requests wait. */
  hold(): void;
  /** Answers those that wait, and all later ones at once. */
  release(): void;
}

/** Makes a stub origin that answers with `wavOf(text)`. */
export function createOrigin(): StubOrigin {
  const asked: string[] = [];
  let release = () => {};
  let gate = Promise.resolve();
  return {
    asked,
    synthesize: async (spec, { signal }) => {
      asked.push(spec.text);
      await Promise.race([gate, aborted(signal)]);
      return new Response(wavOf(spec.text), { headers: { 'content-type': 'audio/wav' } });
    },
    hold: () => {
      gate = new Promise((resolve) => {
        release = resolve;
      });
    },
    release: () => release(),
  };
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }));
}

let lastNamespace = 0;

/** A namespace no other test uses, not even in an earlier run of the same profile. */
export function freshNamespace(): string {
  return `test-${crypto.randomUUID()}-${++lastNamespace}`;
}

const open = new Set<AudioCacheClient>();

/** Makes a client that `closeClients` will close. */
export function createClient(options: AudioCacheClientOptions = {}): AudioCacheClient {
  const client = new AudioCacheClient({ namespace: freshNamespace(), ...options });
  open.add(client);
  return client;
}

/** Closes every client made since the last call; for `afterEach`. */
export async function closeClients(): Promise<void> {
  const clients = [...open];
  open.clear();
  await Promise.all(clients.map((client) => client.close()));
}

/** Resolves when the condition holds; looks again after every task. The test's own time limit ends a wait in vain. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise(requestAnimationFrame);
}

/** True when two buffers hold the same bytes. */
export function sameBytes(a: ArrayBuffer, b: ArrayBuffer): boolean {
  const left = new Uint8Array(a);
  const right = new Uint8Array(b);
  return left.length === right.length && left.every((byte, index) => byte === right[index]);
}
