/** Syntheses in the test's hand: the clock, the origin, and a sink that writes down what it is given. */
import type { ErrorMessage } from '../core/protocol/audio-cache-error';
import type { FillResult } from '../core/protocol/messages';
import type { JsonObject } from '../core/protocol/values';
import { DEFAULT_RETRY_POLICY } from '../core/retry';
import type { Synthesize } from '../src/origin-audio';
import { type FillSink, Synthesis, type SynthesisOptions } from '../src/synthesis';
import { Turns } from '../src/turns';
import { audioOf } from './cache-fixture';
import { FakeClock } from './fake-clock';

/** Writes down what becomes of each fill. */
export class RecordingSink implements FillSink {
  /** The audio of each fill as its receiver puts it together: a piece at offset 0 starts over. */
  readonly audioByFillId = new Map<string, number[]>();
  readonly completed: { readonly fillId: string; readonly result: FillResult }[] = [];
  readonly failed: { readonly fillId: string; readonly error: ErrorMessage | undefined }[] = [];
  readonly renewed: string[] = [];
  readonly kept: { readonly bytes: ArrayBuffer; readonly result: FillResult }[] = [];
  /** What `complete` says: whether the fill took the audio. */
  takes = true;

  chunk(fillId: string, offsetBytes: number, chunk: ArrayBuffer): void {
    const audio = offsetBytes === 0 ? [] : (this.audioByFillId.get(fillId) ?? []);
    if (audio.length !== offsetBytes) throw new Error(`A piece for ${offsetBytes} came at ${audio.length}`);
    this.audioByFillId.set(fillId, [...audio, ...new Uint8Array(chunk)]);
  }

  async complete(fillId: string, result: FillResult): Promise<boolean> {
    this.completed.push({ fillId, result });
    return this.takes;
  }

  async keep(bytes: ArrayBuffer, result: FillResult): Promise<void> {
    this.kept.push({ bytes, result });
  }

  fail(fillId: string, error: ErrorMessage | undefined): void {
    this.failed.push({ fillId, error });
  }

  renew(fillId: string): void {
    this.renewed.push(fillId);
  }
}

/** A synthesis and everything around it. */
export interface SynthesisFixture {
  readonly synthesis: Synthesis;
  readonly clock: FakeClock;
  readonly sink: RecordingSink;
}

/** Starts a synthesis of "Hello", with no chance in its waits. */
export function startSynthesis(synthesize: Synthesize, given: Partial<SynthesisOptions> = {}): SynthesisFixture {
  const clock = new FakeClock();
  const sink = new RecordingSink();
  const synthesis = new Synthesis({
    spec: { text: 'Hello' },
    synthesize,
    sink,
    turns: new Turns(6),
    clock,
    random: () => 0.5,
    retry: DEFAULT_RETRY_POLICY,
    timeoutMs: 60_000,
    maxEntryBytes: 50_000,
    abortWhenAbandoned: false,
    ttlMs: undefined,
    ...given,
  });
  return { synthesis, clock, sink };
}

/** An origin that is told what to do while it does it. */
export class ScriptedOrigin {
  /** The signals it was called with: one for each attempt. */
  readonly signals: AbortSignal[] = [];
  /** How often a stream it returned was cancelled. */
  cancellations = 0;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;

  readonly synthesize: Synthesize = (_spec, { signal }) => {
    this.signals.push(signal);
    const stream = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#controller = controller;
      },
      cancel: () => {
        this.cancellations++;
      },
    });
    return new Response(stream, { headers: { 'content-type': 'audio/mpeg' } });
  };

  send(...pieces: readonly Uint8Array[]): void {
    for (const piece of pieces) this.#controller?.enqueue(piece);
  }

  end(): void {
    this.#controller?.close();
  }

  breakOff(error: unknown = new TypeError('network error')): void {
    this.#controller?.error(error);
  }
}

/** An origin that answers each attempt with the next of these, and throws those that are errors. */
export function answering(...answers: readonly unknown[]): Synthesize & { readonly attempts: () => number } {
  let attempts = 0;
  const synthesize: Synthesize = async () => {
    const answer = answers[Math.min(attempts++, answers.length - 1)];
    if (answer instanceof Error) throw answer;
    // Whatever a synthesizer may return, and what it may not.
    return (typeof answer === 'function' ? answer() : answer) as Response;
  };
  return Object.assign(synthesize, { attempts: () => attempts });
}

/** A response with audio that begins as MP3 does. */
export function audioResponse(seed = 1, headers: Record<string, string> = {}, byteLength = 1000): () => Response {
  return () => new Response(audioOf(seed, byteLength), { headers: { 'content-type': 'audio/mpeg', ...headers } });
}

/** What goes into a clip's `custom`. */
export const TIMINGS: JsonObject = { words: [{ text: 'Hello', startMs: 0 }] };
