/**
 * The page's side of single-flight: asks the cache for a clip and, when this page is granted its fill, synthesizes.
 *
 * The worker decides who synthesizes; this page merely never runs two syntheses of one canonical spec, so that a worker
 * lost and started again joins what is under way. When there is no cache to ask, the phrase is synthesized here: a
 * broken cache never breaks playback.
 */
import type { Clock } from '../core/clock';
import { AudioCacheError } from '../core/protocol/audio-cache-error';
import type { AnswerTo, CacheRequest, FillGrantedAnswer, HitAnswer } from '../core/protocol/messages';
import type { ClipMetadata, SpeechSpec } from '../core/protocol/values';
import { AudioBody } from './audio-body';
import type { ClipParts } from './clip';
import type { ResolvedOptions } from './options';
import type { Synthesize } from './origin-audio';
import { type FillSink, Synthesis, type SynthesizedAudio } from './synthesis';
import { Turns } from './turns';
import type { WorkerLink } from './worker-link';

/** A phrase that somebody wants to hear. */
export interface Wanted {
  readonly spec: SpeechSpec;
  readonly canonical: string;
  readonly synthesize: Synthesize | undefined;
  readonly signal: AbortSignal | undefined;
  readonly ttlMs: number | undefined;
  /** Take the clip at its first audio instead of when it is whole. */
  readonly streaming: boolean;
}

/** A clip as it was obtained. */
export type Obtained = Omit<ClipParts, 'playbackRate'>;

/** What the fills of a page work with. */
export interface FillsOptions {
  readonly link: WorkerLink;
  readonly options: ResolvedOptions;
  readonly clock: Clock;
  readonly random: () => number;
  /** The key of a canonical spec, for clips the cache had no part in. */
  readonly keyOf: (canonical: string) => Promise<string>;
}

type FillAnswer = AnswerTo<Extract<CacheRequest, { type: 'read' | 'await-fill' }>>;

/** The clips this page waits for and the syntheses it runs. */
export class Fills {
  readonly #options: FillsOptions;
  readonly #turns: Turns;
  readonly #synthesisByCanonical = new Map<string, Synthesis>();
  readonly #synthesisByFillId = new Map<string, Synthesis>();
  readonly #callPrefix: string;
  #lastCallNumber = 0;

  constructor(options: FillsOptions) {
    this.#options = options;
    this.#turns = new Turns(options.options.maxConcurrentSyntheses);
    this.#callPrefix = Math.floor(options.random() * 2 ** 48).toString(36);
  }

  /**
   * Resolves to the clip: from the cache, from a synthesis already under way, or from one of this page's own.
   * @throws AudioCacheError `SYNTHESIS_FAILED`, `NO_SYNTHESIZER`, `CLOSED`; the signal's reason after an abort
   */
  async obtain(wanted: Wanted): Promise<Obtained> {
    for (let isRetry = false; ; isRetry = true) {
      try {
        return await this.#obtainFromCache(wanted);
      } catch (error) {
        if (!isCacheFailure(error)) throw error;
        // Another worker may still have it on disk; a synthesis under way here is surer.
        const isWorthRetrying = error.code === 'WORKER_LOST' && !this.#synthesisByCanonical.has(wanted.canonical);
        if (isRetry || !isWorthRetrying) return this.#obtainWithoutCache(wanted, error);
      }
    }
  }

  /** The cache says that nobody waits for a fill any more. */
  abandon(fillId: string): void {
    this.#synthesisByFillId.get(fillId)?.abandon(fillId);
  }

  /** Ends all syntheses of this page. */
  cancelAll(reason: unknown): void {
    for (const synthesis of this.#synthesisByCanonical.values()) synthesis.cancel(reason);
  }

  async #obtainFromCache(wanted: Wanted): Promise<Obtained> {
    const callId = `${this.#callPrefix}-${++this.#lastCallNumber}`;
    const { canonical, signal } = wanted;
    const leave = () => this.#tell({ type: 'leave-fill', callId });
    let answer: FillAnswer = await this.#ask({ type: 'read', callId, canonical }, signal, leave);
    if (answer.type === 'fill-pending') answer = await this.#ask({ type: 'await-fill', callId }, signal, leave);
    return answer.type === 'hit' ? fromHit(answer) : this.#fill(wanted, answer, leave);
  }

  /** Synthesizes what this page was granted. */
  async #fill(wanted: Wanted, { key, fillId }: FillGrantedAnswer, leave: () => void): Promise<Obtained> {
    let synthesis: Synthesis;
    try {
      synthesis = this.#synthesisFor(wanted);
    } catch (error) {
      // Somebody else who waits may have a synthesizer.
      this.#tell({ type: 'fill-failed', fillId });
      throw error;
    }
    synthesis.attach(fillId);
    this.#synthesisByFillId.set(fillId, synthesis);
    synthesis.done.catch(() => {}).finally(() => this.#synthesisByFillId.delete(fillId));
    return this.#listen(synthesis, key, wanted, false, leave);
  }

  /** The way without a cache: the synthesis of this page that is under way, or one of its own. */
  async #obtainWithoutCache(wanted: Wanted, cause: AudioCacheError): Promise<Obtained> {
    const { canonical, signal } = wanted;
    signal?.throwIfAborted();
    const joined = this.#synthesisByCanonical.has(canonical);
    const synthesis = this.#synthesisFor(wanted, cause);
    const leave = synthesis.addLocalCaller();
    const key = await this.#options.keyOf(canonical);
    return this.#listen(synthesis, key, wanted, joined, leave);
  }

  #synthesisFor(wanted: Wanted, cause?: AudioCacheError): Synthesis {
    const { canonical, spec, ttlMs } = wanted;
    const underWay = this.#synthesisByCanonical.get(canonical);
    if (underWay !== undefined && !underWay.isCancelled) return underWay;
    const { options, clock, random } = this.#options;
    const synthesize = wanted.synthesize ?? options.synthesize;
    if (synthesize === undefined) throw noSynthesizer(cause);
    const synthesis = new Synthesis({
      spec,
      synthesize,
      sink: createSink(this.#options.link, canonical),
      turns: this.#turns,
      clock,
      random,
      retry: options.retry,
      timeoutMs: options.synthesisTimeoutMs,
      maxEntryBytes: options.config.maxEntryBytes,
      abortWhenAbandoned: options.fill === 'abort',
      ttlMs,
    });
    this.#synthesisByCanonical.set(canonical, synthesis);
    synthesis.done
      .catch(() => {})
      .finally(() => {
        if (this.#synthesisByCanonical.get(canonical) === synthesis) this.#synthesisByCanonical.delete(canonical);
      });
    return synthesis;
  }

  async #listen(
    synthesis: Synthesis,
    key: string,
    { signal, streaming, spec, ttlMs }: Wanted,
    joined: boolean,
    leave: () => void,
  ): Promise<Obtained> {
    const { clock, options } = this.#options;
    const createdAtMs = clock.nowMs();
    const metadata = (audio: Awaited<Synthesis['begun']>, byteLength: number, synthesisMs: number): ClipMetadata => ({
      contentType: audio.contentType,
      byteLength,
      createdAtMs,
      expiresAtMs: createdAtMs + (ttlMs ?? options.config.disk.ttlMs),
      characters: spec.text.length,
      synthesisMs,
      custom: audio.custom,
    });
    if (streaming) {
      const audio = await abortable(synthesis.begun, signal, leave);
      synthesis.listen();
      // Its length and duration are not known yet.
      return { key, source: 'origin', joined, metadata: metadata(audio, 0, 0), body: audio.body };
    }
    const audio: SynthesizedAudio = await abortable(synthesis.done, signal, leave);
    const body = AudioBody.of(audio.body.copy());
    return { key, source: 'origin', joined, metadata: metadata(audio, body.byteLength, audio.synthesisMs), body };
  }

  /** Asks, until the caller gives up; a fill granted to a caller that has given up is handed back. */
  #ask<Request extends Extract<CacheRequest, { type: 'read' | 'await-fill' }>>(
    request: Request,
    signal: AbortSignal | undefined,
    leave: () => void,
  ): Promise<AnswerTo<Request>> {
    const answer = this.#options.link.call(request, { isPatient: request.type === 'await-fill' });
    return abortable(answer, signal, () => {
      leave();
      answer
        .then((late: FillAnswer) => {
          if (late.type === 'fill-granted') this.#tell({ type: 'fill-failed', fillId: late.fillId });
        })
        .catch(() => {});
    });
  }

  #tell(request: CacheRequest): void {
    // A worker that is gone has forgotten its fills anyway.
    this.#options.link.call(request).catch(() => {});
  }
}

/** Where the audio of one phrase goes. What cannot be taken is not kept; the caller has it all the same. */
function createSink(link: WorkerLink, canonical: string): FillSink {
  const tell = (request: CacheRequest, buffers: Transferable[] = []) => {
    link.call(request, { transfer: buffers, isPatient: true }).catch(() => {});
  };
  return {
    chunk: (fillId, offsetBytes, chunk) => tell({ type: 'fill-chunk', fillId, offsetBytes, chunk }, [chunk]),
    complete: (fillId, result) =>
      link.call({ type: 'fill-complete', fillId, result }, { isPatient: true }).catch(() => false),
    keep: (bytes, result) =>
      tell({ type: 'put', address: { canonical }, bytes, result, durability: 'relaxed' }, [bytes]),
    fail: (fillId, error) => tell({ type: 'fill-failed', fillId, error }),
    renew: (fillId) => tell({ type: 'renew-fill', fillId }),
  };
}

function fromHit({ key, source, joined, metadata, bytes }: HitAnswer): Obtained {
  return { key, source, joined, metadata, body: AudioBody.of(bytes) };
}

/** Settles as the promise does, or rejects with the signal's reason, after `onAbort`. */
function abortable<Value>(
  promise: Promise<Value>,
  signal: AbortSignal | undefined,
  onAbort: () => void,
): Promise<Value> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const abort = () => {
      onAbort();
      reject(signal.reason);
    };
    if (signal.aborted) {
      promise.catch(() => {});
      abort();
      return;
    }
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

function isCacheFailure(error: unknown): error is AudioCacheError {
  return error instanceof AudioCacheError && (error.code === 'WORKER_LOST' || error.code === 'DEADLINE_EXCEEDED');
}

function noSynthesizer(cause: AudioCacheError | undefined): AudioCacheError {
  return new AudioCacheError(
    'NO_SYNTHESIZER',
    'The phrase is not in the cache and nothing can synthesize it; pass "synthesize" to the client or to this call.',
    cause === undefined ? {} : { cause },
  );
}
