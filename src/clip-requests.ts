/**
 * Asks the cache for a clip, and has it synthesized on this page when the cache says so or does not answer.
 *
 * The synthesizing part (`syntheses.ts`) is fetched beside the page's own start when there is a synthesizer, else with
 * the first phrase, so that neither a lost network nor a deployment in between pulls it from under a page.
 */
import { createIdPrefix } from '../core/id-prefix';
import { AudioCacheError } from '../core/protocol/audio-cache-error';
import type { AnswerTo, CacheRequest, HitAnswer } from '../core/protocol/messages';
import { abortable } from './abortable';
import type { CacheLine } from './cache-line';
import { WholeBody } from './clip-body';
import type { Syntheses } from './syntheses';
import type { Obtained, Wanted } from './wanted';

type ReadRequest = Extract<CacheRequest, { type: 'read' | 'await-fill' }>;

/** A call that loses its worker so many times synthesizes on its own. */
const MAX_ATTEMPTS = 4;

/** The clips a page waits for. */
export class ClipRequests {
  readonly #link: Pick<CacheLine, 'call'>;
  readonly #load: () => Promise<Syntheses>;
  readonly #callPrefix: string;
  #lastCallNumber = 0;
  #loading: Promise<Syntheses> | undefined;
  #loaded: Syntheses | undefined;
  #ended: AudioCacheError | undefined;

  /** `load` fetches the synthesizing part; `random` is uniform in [0, 1). */
  constructor(link: Pick<CacheLine, 'call'>, load: () => Promise<Syntheses>, random: () => number) {
    this.#link = link;
    this.#load = load;
    this.#callPrefix = createIdPrefix(random);
  }

  /**
   * Resolves to the clip: from the cache, from a synthesis already under way, or from one of this page's own.
   * @throws AudioCacheError `INVALID_SPEC`, `SYNTHESIS_FAILED`, `NO_SYNTHESIZER`, `CLOSED`; the signal's reason after an
   * abort
   */
  async obtain(wanted: Wanted): Promise<Obtained> {
    const loading = abortable(this.#loadSyntheses(), wanted.signal);
    // Only a phrase that needs it fails with it.
    loading.catch(() => {});
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#obtainFromCache(wanted, loading);
      } catch (error) {
        if (!isCacheFailure(error)) throw error;
        // The next worker, of this tab or another, may have it on disk; a synthesis under way here is surer.
        const isWorthRetrying = error.code === 'WORKER_LOST' && !this.#loaded?.isUnderWay(wanted.spec);
        if (attempt === MAX_ATTEMPTS || !isWorthRetrying) return (await loading).obtainWithoutCache(wanted, error);
      }
    }
  }

  /**
   * Resolves to a clip synthesized anew, once it has taken the place of the former one, if there is a cache to keep it.
   * @throws AudioCacheError as `obtain`
   */
  async regenerate(wanted: Wanted): Promise<Obtained> {
    const syntheses = await abortable(this.#loadSyntheses(), wanted.signal);
    if (this.#ended !== undefined) throw this.#ended;
    return syntheses.regenerate(wanted);
  }

  /** Fetches the synthesizing part ahead of the first phrase: a page may be offline by then. */
  prepare(): void {
    this.#loadSyntheses().catch(() => {});
  }

  /** The cache says that nobody waits for a fill any more. */
  abandon(fillId: string): void {
    this.#loaded?.abandon(fillId);
  }

  /** The worker that granted the fills under way is gone: tells the next one what this page is synthesizing. */
  resumeFills(): void {
    this.#loaded?.resumeFills();
  }

  /** Ends all syntheses of this page; from now on none is begun. */
  end(reason: AudioCacheError): void {
    this.#ended = reason;
    this.#loaded?.cancelAll(reason);
  }

  async #obtainFromCache(wanted: Wanted, loading: Promise<Syntheses>): Promise<Obtained> {
    const callId = `${this.#callPrefix}-${++this.#lastCallNumber}`;
    const { spec, signal } = wanted;
    const first = await this.#ask({ type: 'read', callId, spec }, callId, signal);
    const answer =
      first.type === 'fill-pending' ? await this.#ask({ type: 'await-fill', callId }, callId, signal) : first;
    if (answer.type === 'hit') return fromHit(answer);
    let filled: Promise<Obtained>;
    try {
      const syntheses = await loading;
      signal?.throwIfAborted();
      if (this.#ended !== undefined) throw this.#ended;
      filled = syntheses.fill(wanted, answer, () => this.#leave(callId, true));
    } catch (error) {
      // It has not begun: somebody else who waits may be able to.
      this.#leave(callId, false);
      throw error;
    }
    return filled;
  }

  /** Asks, until the caller gives up or the worker takes too long; then the cache need not count on this caller. */
  async #ask<Request extends ReadRequest>(
    request: Request,
    callId: string,
    signal: AbortSignal | undefined,
  ): Promise<AnswerTo<Request>> {
    try {
      return await abortable(this.#link.call(request, { isPatient: request.type === 'await-fill' }), signal);
    } catch (error) {
      this.#leave(callId, false);
      throw error;
    }
  }

  #leave(callId: string, hasBegun: boolean): void {
    this.#tell({ type: 'leave-fill', callId, hasBegun });
  }

  #tell(request: CacheRequest): void {
    // A worker that is gone has forgotten its fills anyway.
    this.#link.call(request).catch(() => {});
  }

  #loadSyntheses(): Promise<Syntheses> {
    this.#loading ??= this.#load().then(
      (syntheses) => {
        this.#loaded = syntheses;
        return syntheses;
      },
      (cause: unknown) => {
        // The next phrase tries again.
        this.#loading = undefined;
        const message = 'A part of reprise-cache could not be loaded; reload the page.';
        throw new AudioCacheError('SYNTHESIS_FAILED', message, { reason: 'network', cause });
      },
    );
    return this.#loading;
  }
}

/** The clip that an answer of the cache holds. */
export function fromHit({ type: _, key, source, joined, bytes, ...kept }: HitAnswer): Obtained {
  const metadata = { ...kept, byteLength: bytes.byteLength };
  return { key, source, joined: joined === true, metadata, body: new WholeBody(bytes) };
}

function isCacheFailure(error: unknown): error is AudioCacheError {
  return error instanceof AudioCacheError && (error.code === 'WORKER_LOST' || error.code === 'DEADLINE_EXCEEDED');
}
