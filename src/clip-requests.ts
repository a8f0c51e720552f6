/**
 * Asks the cache for a clip, and has it synthesized on this page when the cache says so or does not answer.
 *
 * A page that finds all it asks for never loads the synthesizing part (`syntheses.ts`); it is fetched along with the
 * first phrase that is asked for, so that a deployment in between does not pull it from under a page.
 */
import { AudioCacheError } from '../core/protocol/audio-cache-error';
import type { AnswerTo, CacheRequest, FillGrantedAnswer, HitAnswer } from '../core/protocol/messages';
import type { SpeechSpec } from '../core/protocol/values';
import { abortable } from './abortable';
import type { ClipParts } from './clip';
import { WholeBody } from './clip-body';
import type { Synthesize } from './origin-audio';
import type { Syntheses } from './syntheses';
import type { WorkerLink } from './worker-link';

/** A phrase that somebody wants to hear. */
export interface Wanted {
  readonly spec: SpeechSpec;
  /** Instead of the client's. */
  readonly synthesize: Synthesize | undefined;
  readonly signal: AbortSignal | undefined;
  readonly ttlMs: number | undefined;
  /** Take the clip at its first audio instead of when it is whole. */
  readonly streaming: boolean;
}

/** A clip as it was obtained. */
export type Obtained = Omit<ClipParts, 'playbackRate'>;

type ReadRequest = Extract<CacheRequest, { type: 'read' | 'await-fill' }>;

/** The clips a page waits for. */
export class ClipRequests {
  readonly #link: WorkerLink;
  readonly #load: () => Promise<Syntheses>;
  readonly #callPrefix: string;
  #lastCallNumber = 0;
  #syntheses: Promise<Syntheses> | undefined;

  /** `load` fetches the synthesizing part; `random` is uniform in [0, 1). */
  constructor(link: WorkerLink, load: () => Promise<Syntheses>, random: () => number) {
    this.#link = link;
    this.#load = load;
    this.#callPrefix = Math.floor(random() * 2 ** 48).toString(36);
  }

  /**
   * Resolves to the clip: from the cache, from a synthesis already under way, or from one of this page's own.
   * @throws AudioCacheError `INVALID_SPEC`, `SYNTHESIS_FAILED`, `NO_SYNTHESIZER`, `CLOSED`; the signal's reason after an
   * abort
   */
  async obtain(wanted: Wanted): Promise<Obtained> {
    const syntheses = this.#loadSyntheses();
    for (let isRetry = false; ; isRetry = true) {
      try {
        return await this.#obtainFromCache(wanted, syntheses);
      } catch (error) {
        if (!isCacheFailure(error)) throw error;
        // Another worker may still have it on disk; a synthesis under way here is surer.
        const isWorthRetrying = !isRetry && error.code === 'WORKER_LOST' && !(await syntheses).isUnderWay(wanted.spec);
        if (!isWorthRetrying) return (await syntheses).obtainWithoutCache(wanted, error);
      }
    }
  }

  /** The cache says that nobody waits for a fill any more. */
  abandon(fillId: string): void {
    // What cannot be loaded runs no synthesis.
    this.#syntheses?.then((syntheses) => syntheses.abandon(fillId)).catch(() => {});
  }

  /** Ends all syntheses of this page. */
  cancelAll(reason: unknown): void {
    this.#syntheses?.then((syntheses) => syntheses.cancelAll(reason)).catch(() => {});
  }

  async #obtainFromCache(wanted: Wanted, syntheses: Promise<Syntheses>): Promise<Obtained> {
    const callId = `${this.#callPrefix}-${++this.#lastCallNumber}`;
    const { spec, signal } = wanted;
    const leave = () => this.#tell({ type: 'leave-fill', callId });
    const first = await this.#ask({ type: 'read', callId, spec }, signal, leave);
    const answer =
      first.type === 'fill-pending' ? await this.#ask({ type: 'await-fill', callId }, signal, leave) : first;
    return answer.type === 'hit' ? fromHit(answer) : this.#fill(wanted, answer, leave, syntheses);
  }

  /** Has this page synthesize what it was granted. */
  async #fill(
    wanted: Wanted,
    grant: FillGrantedAnswer,
    leave: () => void,
    syntheses: Promise<Syntheses>,
  ): Promise<Obtained> {
    let filled: Promise<Obtained>;
    try {
      const loaded = await syntheses;
      wanted.signal?.throwIfAborted();
      filled = loaded.fill(wanted, grant, leave);
    } catch (error) {
      // It has not begun: somebody else who waits may be able to.
      this.#tell({ type: 'fill-failed', fillId: grant.fillId });
      throw error;
    }
    return filled;
  }

  /** Asks, until the caller gives up; a fill granted to a caller that has given up is handed back. */
  #ask<Request extends ReadRequest>(
    request: Request,
    signal: AbortSignal | undefined,
    leave: () => void,
  ): Promise<AnswerTo<Request>> {
    const answer = this.#link.call(request, { isPatient: request.type === 'await-fill' });
    return abortable(answer, signal, () => {
      leave();
      answer
        .then((late: AnswerTo<ReadRequest>) => {
          if (late.type === 'fill-granted') this.#tell({ type: 'fill-failed', fillId: late.fillId });
        })
        .catch(() => {});
    });
  }

  #tell(request: CacheRequest): void {
    // A worker that is gone has forgotten its fills anyway.
    this.#link.call(request).catch(() => {});
  }

  #loadSyntheses(): Promise<Syntheses> {
    this.#syntheses ??= this.#load().catch((cause: unknown) => {
      // The next phrase tries again.
      this.#syntheses = undefined;
      throw new AudioCacheError(
        'SYNTHESIS_FAILED',
        'The synthesizing part of reprise-cache could not be loaded; reload the page.',
        { reason: 'network', cause },
      );
    });
    // Only a phrase that needs it fails with it.
    this.#syntheses.catch(() => {});
    return this.#syntheses;
  }
}

/** The clip that an answer of the cache holds. */
export function fromHit({ key, source, joined, metadata, bytes }: HitAnswer): Obtained {
  return { key, source, joined, metadata, body: new WholeBody(bytes) };
}

function isCacheFailure(error: unknown): error is AudioCacheError {
  return error instanceof AudioCacheError && (error.code === 'WORKER_LOST' || error.code === 'DEADLINE_EXCEEDED');
}
