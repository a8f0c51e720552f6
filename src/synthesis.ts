/**
 * One synthesis on this page: waits for its turn, asks the origin, asks again where that makes sense, collects the
 * audio, and feeds it to every fill it was granted.
 *
 * It belongs to nobody in particular: callers come and go, the paid audio is collected all the same. Only a synthesis
 * not yet sent is dropped when the last one who wanted it has left, or any with `fill: 'abort'`.
 */
import { admit, isPlayable, SNIFF_BYTES } from '../core/admission';
import type { Clock } from '../core/clock';
import type { ErrorMessage } from '../core/protocol/audio-cache-error';
import { encodeError } from '../core/protocol/encode-error';
import { FILL_LEASE_MS, type FillResult } from '../core/protocol/messages';
import type { JsonObject, SpeechSpec } from '../core/protocol/values';
import { type RetryPolicy, retryOrigin } from '../core/retry';
import { abortable } from './abortable';
import { GrowingBody } from './growing-body';
import { openAudio, readChunks, type Synthesize } from './origin-audio';
import { finalError, refusalError, synthesisError } from './synthesis-error';
import type { Turns } from './turns';

/** A finished synthesis. */
export interface SynthesizedAudio {
  readonly body: GrowingBody;
  readonly contentType: string;
  readonly synthesisMs: number;
  readonly custom: JsonObject | undefined;
  /** False when the audio plays but is not to be kept: too large, or of no known format. */
  readonly isStorable: boolean;
}

/** A synthesis whose first audio has come. */
export type BegunAudio = Pick<SynthesizedAudio, 'body' | 'contentType' | 'custom'>;

/** Where the audio of a fill goes. */
export interface FillSink {
  chunk(fillId: string, offsetBytes: number, chunk: ArrayBuffer): void;
  /** Resolves to whether the fill took the audio; false when its worker is lost. */
  complete(fillId: string, result: FillResult): Promise<boolean>;
  /** Stores audio that no fill took; resolves once that is done, or cannot be. */
  keep(bytes: ArrayBuffer, result: FillResult): Promise<void>;
  /** Without an error: given up, the next caller may have it. */
  fail(fillId: string, error: ErrorMessage | undefined): void;
  renew(fillId: string): void;
}

/** What a synthesis is made of. */
export interface SynthesisOptions {
  readonly spec: SpeechSpec;
  readonly synthesize: Synthesize;
  readonly sink: FillSink;
  readonly turns: Turns;
  readonly clock: Clock;
  readonly random: () => number;
  readonly retry: RetryPolicy;
  readonly timeoutMs: number;
  readonly maxEntryBytes: number;
  readonly abortWhenAbandoned: boolean;
  /** Time to live of the entry, if other than the disk tier's. */
  readonly ttlMs: number | undefined;
}

/** A synthesis under way; it starts at once. */
export class Synthesis {
  /** Settles when the synthesis has ended for good. */
  readonly done: Promise<SynthesizedAudio>;
  /** Resolves once the audio is where it is kept, as far as there is a cache. */
  readonly delivered: Promise<void>;
  readonly #options: SynthesisOptions;
  readonly #abort = new AbortController();
  /** The fills this synthesis feeds. */
  readonly #fillIds = new Set<string>();
  /** Those of them for which somebody waits. */
  readonly #wantedFillIds = new Set<string>();
  /** Callers on this page. */
  #callers = 0;
  #isSent = false;
  #isListenedTo = false;
  #body = new GrowingBody();
  /** What the fills were told at the end. */
  #result: FillResult | undefined;
  #beginning = new Beginning();
  #cancelRenewal: () => void = () => {};

  constructor(options: SynthesisOptions) {
    this.#options = options;
    this.done = this.#run();
    this.delivered = this.done.then(
      (audio) => this.#deliver(audio),
      // Callers may all have left; then a failure has nobody to go to.
      () => {},
    );
    this.#renewSoon();
  }

  /** What is said. */
  get spec(): SpeechSpec {
    return this.#options.spec;
  }

  /** True once it was dropped: it will end without audio, and nobody should join it. */
  get isCancelled(): boolean {
    return this.#abort.signal.aborted;
  }

  /** Settles with the first audio, or as `done` does. Whoever hears it says so with `listen`. */
  get begun(): Promise<BegunAudio> {
    return Promise.race([this.#beginning.audio, this.done]);
  }

  /** Also feeds this fill, from the first byte on. */
  attach(fillId: string): void {
    this.#fillIds.add(fillId);
    this.#wantedFillIds.add(fillId);
    if (this.#body.byteLength > 0) this.#options.sink.chunk(fillId, 0, this.#body.copy());
    // It may have ended this very moment; the others have got theirs.
    if (this.#result !== undefined) void this.#options.sink.complete(fillId, this.#result);
  }

  /** Counts a caller on this page; the returned function ends that. */
  addCaller(): () => void {
    this.#callers++;
    return () => {
      this.#callers--;
      this.#dropIfUnwanted();
    };
  }

  /** Somebody hears the audio as it comes: it cannot be started over any more. */
  listen(): void {
    this.#isListenedTo = true;
  }

  /** Nobody waits for this fill any more. */
  abandon(fillId: string): void {
    this.#wantedFillIds.delete(fillId);
    this.#dropIfUnwanted();
  }

  /** The worker that granted the fills is gone, and with it those who waited for them elsewhere. */
  forgetFills(): void {
    this.#fillIds.clear();
    this.#wantedFillIds.clear();
    this.#dropIfUnwanted();
  }

  /** Ends the synthesis whatever its state, as when the client is closed. */
  cancel(reason: unknown): void {
    this.#abort.abort(reason);
  }

  #dropIfUnwanted(): void {
    if (this.#wantedFillIds.size > 0 || this.#callers > 0) return;
    if (!this.#isSent || this.#options.abortWhenAbandoned) this.#abort.abort(new AbandonedError());
  }

  async #run(): Promise<SynthesizedAudio> {
    const { turns, clock, random, retry, sink } = this.#options;
    const signal = this.#abort.signal;
    try {
      const audio = await turns.take(signal, () =>
        retryOrigin(() => this.#attempt(), retry, {
          clock,
          random,
          signal,
          onWait: (isWaiting) => {
            this.#isSent = !isWaiting;
            if (isWaiting) this.#dropIfUnwanted();
          },
        }),
      );
      return audio;
    } catch (error) {
      const given = this.#abort.signal.aborted ? undefined : encodeError(error);
      for (const fillId of this.#fillIds) sink.fail(fillId, given);
      throw error;
    } finally {
      this.#cancelRenewal();
    }
  }

  /** Hands the audio to its fills; when none takes it, since their worker is lost, to whatever cache there is. */
  async #deliver(audio: SynthesizedAudio): Promise<void> {
    const { sink } = this.#options;
    const result = this.#resultOf(audio);
    this.#result = result;
    const taken = await Promise.all([...this.#fillIds].map((fillId) => sink.complete(fillId, result)));
    if (audio.isStorable && !taken.includes(true)) await sink.keep(audio.body.copy(), result);
  }

  async #attempt(): Promise<SynthesizedAudio> {
    const { spec, synthesize, clock, timeoutMs, maxEntryBytes } = this.#options;
    const { signal, release } = limitTime(this.#abort.signal, timeoutMs, clock);
    const body = new GrowingBody();
    this.#body = body;
    this.#isSent = true;
    const startedAtMs = clock.nowMs();
    try {
      const returned = await abortable(Promise.resolve(synthesize(spec, { signal })), signal);
      const incoming = openAudio(returned, clock.nowMs());
      const { contentType, announcedLength } = incoming;
      const custom = cloneable(incoming.custom);
      const judge = (isPartial: boolean) =>
        admit({
          head: body.head(SNIFF_BYTES),
          byteLength: body.byteLength,
          declaredType: contentType,
          announcedLength,
          isPartial,
          format: spec.format,
          maxEntryBytes,
        });
      await readChunks(incoming.chunks, signal, (chunk) => {
        this.#receive(body, chunk);
        const soFar = judge(true);
        if ('contentType' in soFar) this.#beginning.announce({ body, contentType: soFar.contentType, custom });
      });
      const admission = judge(false);
      const refusal = 'refusal' in admission ? admission.refusal : undefined;
      if (refusal !== undefined && !isPlayable(refusal)) throw refusalError(refusal);
      body.finish();
      const admitted = 'contentType' in admission ? admission.contentType : contentType;
      const synthesisMs = clock.nowMs() - startedAtMs;
      return { body, contentType: admitted, synthesisMs, custom, isStorable: refusal === undefined };
    } catch (error) {
      const failure = this.#abort.signal.aborted ? error : synthesisError(error, clock.nowMs());
      body.fail(failure);
      // Who comes from now on hears the next attempt.
      if (this.#beginning.isAnnounced) this.#beginning = new Beginning();
      // What somebody has heard the beginning of is not begun again.
      throw this.#isListenedTo && body.byteLength > 0 ? finalError(failure) : failure;
    } finally {
      release();
    }
  }

  #receive(body: GrowingBody, chunk: Uint8Array<ArrayBuffer>): void {
    const offsetBytes = body.byteLength;
    body.append(chunk);
    for (const fillId of this.#fillIds) this.#options.sink.chunk(fillId, offsetBytes, chunk.slice().buffer);
  }

  #resultOf({ body, contentType, synthesisMs, custom }: SynthesizedAudio): FillResult {
    return { byteLength: body.byteLength, contentType, synthesisMs, ttlMs: this.#options.ttlMs, custom };
  }

  #renewSoon(): void {
    const { clock, sink } = this.#options;
    this.#cancelRenewal = clock.schedule(() => {
      for (const fillId of this.#fillIds) sink.renew(fillId);
      this.#renewSoon();
    }, FILL_LEASE_MS / 4);
  }
}

/** Data that can cross to the worker; what cannot is left out, rather than having the audio thrown away for it. */
function cloneable(custom: JsonObject | undefined): JsonObject | undefined {
  try {
    return structuredClone(custom);
  } catch {
    return undefined;
  }
}

/** The first audio of an attempt, told once. */
class Beginning {
  readonly audio: Promise<BegunAudio>;
  isAnnounced = false;
  #resolve: (audio: BegunAudio) => void = () => {};

  constructor() {
    this.audio = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  announce(audio: BegunAudio): void {
    this.isAnnounced = true;
    this.#resolve(audio);
  }
}

/** Why a synthesis that nobody waits for any more was dropped. Never reaches a caller: there is none. */
class AbandonedError extends Error {
  override readonly name = 'AbortError';
  override readonly message = 'Nobody waits for this phrase any more';
}

/** A signal that ends with the given one or after the time allowed; `release` must be called when done. */
function limitTime(outer: AbortSignal, timeoutMs: number, clock: Clock): { signal: AbortSignal; release: () => void } {
  const controller = new AbortController();
  const cancel = clock.schedule(() => {
    controller.abort(new DOMException(`no end after ${timeoutMs} ms`, 'TimeoutError'));
  }, timeoutMs);
  const onAbort = () => controller.abort(outer.reason);
  outer.addEventListener('abort', onAbort, { once: true });
  const release = () => {
    cancel();
    outer.removeEventListener('abort', onAbort);
  };
  return { signal: controller.signal, release };
}
