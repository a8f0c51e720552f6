/**
 * The syntheses of a page, one per phrase.
 *
 * The worker decides who synthesizes; this page merely never runs two syntheses of one canonical spec, so that a worker
 * lost and started again joins what is under way. When there is no cache to ask, the phrase is synthesized here: a
 * broken cache never breaks playback.
 */
import type { Clock } from '../core/clock';
import { createIdPrefix } from '../core/id-prefix';
import { canonicalizeSpec, keyFromDigest } from '../core/key';
import { AudioCacheError } from '../core/protocol/audio-cache-error';
import { encodeError } from '../core/protocol/encode-error';
import type { CacheRequest, FillGrantedAnswer } from '../core/protocol/messages';
import type { ClipMetadata, SpeechSpec } from '../core/protocol/values';
import { type RetryPolicy, resolveRetryPolicy } from '../core/retry';
import { createSubtleDigest } from '../core/subtle-digest';
import { abortable } from './abortable';
import type { CacheLine } from './cache-line';
import { WholeBody } from './clip-body';
import type { ResolvedOptions } from './options';
import { type BegunAudio, type FillSink, Synthesis, type SynthesizedAudio } from './synthesis';
import { Turns } from './turns';
import type { Obtained, Wanted } from './wanted';

/** What the syntheses of a page work with. */
export interface SynthesesOptions {
  readonly link: Pick<CacheLine, 'call'>;
  readonly options: ResolvedOptions;
  readonly clock: Clock;
  readonly random: () => number;
  /** A synthesis failed for good. */
  readonly onFailed: () => void;
}

/** The syntheses under way on this page. */
export class Syntheses {
  readonly #options: SynthesesOptions;
  readonly #turns: Turns;
  readonly #retry: RetryPolicy;
  readonly #synthesisByCanonical = new Map<string, Synthesis>();
  readonly #synthesisByFillId = new Map<string, Synthesis>();
  readonly #callPrefix: string;
  #lastCallNumber = 0;

  constructor(options: SynthesesOptions) {
    this.#options = options;
    this.#turns = new Turns(options.options.maxConcurrentSyntheses);
    this.#retry = resolveRetryPolicy(options.options.retry);
    this.#callPrefix = createIdPrefix(options.random);
  }

  /** True when this page is synthesizing the phrase. */
  isUnderWay(spec: SpeechSpec): boolean {
    return this.#synthesisByCanonical.has(this.#canonicalOf(spec));
  }

  /**
   * Synthesizes what this page was granted; `leave` tells the cache that this caller gave up.
   * @throws AudioCacheError `NO_SYNTHESIZER`, at once: nothing has begun then
   */
  fill(wanted: Wanted, { key, fillId, reason }: FillGrantedAnswer, leave: () => void): Promise<Obtained> {
    const synthesis = this.#synthesisFor(wanted);
    this.#feed(synthesis, fillId);
    const obtaining = this.#listen(synthesis, key, wanted, false, leave);
    return reason === undefined ? obtaining : obtaining.then((obtained) => ({ ...obtained, missReason: reason }));
  }

  /** A synthesis that nobody asked the cache about; its audio replaces what the cache has. */
  async regenerate(wanted: Wanted): Promise<Obtained> {
    await abortable(
      this.#options.link.call({ type: 'may-synthesize' }).catch((error: unknown) => {
        // A cache that does not answer refuses nothing.
        if (error instanceof AudioCacheError && error.code === 'SYNTHESIS_FAILED') throw error;
      }),
      wanted.signal,
    );
    const synthesis = this.#synthesisFor(wanted);
    const key = keyWithoutCache(this.#canonicalOf(wanted.spec), this.#options.options.keySecret);
    return this.#listen(synthesis, key, wanted, false);
  }

  /** The way without a cache: the synthesis of this page that is under way, or one of its own. */
  async obtainWithoutCache(wanted: Wanted, cause: AudioCacheError): Promise<Obtained> {
    const { spec, signal } = wanted;
    signal?.throwIfAborted();
    const joined = this.isUnderWay(spec);
    const synthesis = this.#synthesisFor(wanted, cause);
    const key = keyWithoutCache(this.#canonicalOf(spec), this.#options.options.keySecret);
    return this.#listen(synthesis, key, wanted, joined);
  }

  /** The cache says that nobody waits for a fill any more. */
  abandon(fillId: string): void {
    this.#synthesisByFillId.get(fillId)?.abandon(fillId);
  }

  /** The worker that granted the fills is gone: what is under way asks the next one for a fill of its own. */
  resumeFills(): void {
    this.#synthesisByFillId.clear();
    for (const synthesis of this.#synthesisByCanonical.values()) {
      synthesis.forgetFills();
      if (!synthesis.isCancelled) void this.#resumeFill(synthesis);
    }
  }

  /** Ends all syntheses of this page. */
  cancelAll(reason: unknown): void {
    for (const synthesis of this.#synthesisByCanonical.values()) synthesis.cancel(reason);
  }

  /** Without an answer the audio is put at the end, as without a fill. */
  async #resumeFill(synthesis: Synthesis): Promise<void> {
    const { link } = this.#options;
    const callId = `${this.#callPrefix}-${++this.#lastCallNumber}`;
    const granted = await link.call({ type: 'resume-fill', callId, spec: synthesis.spec }).catch(() => undefined);
    if (granted === undefined) return;
    const { fillId } = granted;
    if (this.isUnderWay(synthesis.spec)) this.#feed(synthesis, fillId);
    // It ended meanwhile: the audio is there, or never will be.
    else
      synthesis.done.then(
        () => this.#feed(synthesis, fillId),
        () => link.call({ type: 'fill-failed', fillId }).catch(() => {}),
      );
  }

  #feed(synthesis: Synthesis, fillId: string): void {
    synthesis.attach(fillId);
    this.#synthesisByFillId.set(fillId, synthesis);
    synthesis.done.catch(() => {}).finally(() => this.#synthesisByFillId.delete(fillId));
  }

  #synthesisFor(wanted: Wanted, cause?: AudioCacheError): Synthesis {
    const { spec, ttlMs } = wanted;
    const canonical = this.#canonicalOf(spec);
    const underWay = this.#synthesisByCanonical.get(canonical);
    if (underWay !== undefined && !underWay.isCancelled) return underWay;
    const { options, clock, random } = this.#options;
    const synthesize = wanted.synthesize ?? options.synthesize;
    if (synthesize === undefined) throw noSynthesizer(cause);
    const synthesis = new Synthesis({
      // With the speed left to the player, the origin is asked for the plain phrase.
      spec: options.config.speedMode === 'playback' ? { ...spec, speed: undefined } : spec,
      synthesize,
      sink: createSink(this.#options.link, spec),
      turns: this.#turns,
      clock,
      random,
      retry: this.#retry,
      timeoutMs: options.synthesisTimeoutMs,
      maxEntryBytes: options.config.maxEntryBytes,
      abortWhenAbandoned: options.fill === 'abort',
      ttlMs,
    });
    this.#synthesisByCanonical.set(canonical, synthesis);
    synthesis.done
      .catch((error: unknown) => {
        if (error instanceof AudioCacheError && error.code === 'SYNTHESIS_FAILED') this.#options.onFailed();
      })
      .finally(() => {
        if (this.#synthesisByCanonical.get(canonical) === synthesis) this.#synthesisByCanonical.delete(canonical);
      });
    return synthesis;
  }

  async #listen(
    synthesis: Synthesis,
    key: string | Promise<string>,
    { signal, streaming, spec, ttlMs }: Wanted,
    joined: boolean,
    leave: () => void = () => {},
  ): Promise<Obtained> {
    const release = synthesis.addCaller();
    const onAbort = () => {
      leave();
      release();
    };
    const { clock, options } = this.#options;
    const createdAtMs = clock.nowMs();
    const metadata = (audio: BegunAudio, byteLength: number, synthesisMs: number): ClipMetadata => ({
      contentType: audio.contentType,
      byteLength,
      createdAtMs,
      expiresAtMs: createdAtMs + (ttlMs ?? options.config.disk.ttlMs),
      characters: spec.text.length,
      synthesisMs,
      custom: audio.custom,
    });
    if (streaming) {
      const audio = await abortable(synthesis.begun, signal, onAbort);
      synthesis.listen();
      // Its length and duration are not known yet.
      return {
        key: await key,
        source: 'origin',
        joined,
        metadata: metadata(audio, 0, 0),
        body: audio.body,
        delivered: synthesis.delivered,
      };
    }
    const audio: SynthesizedAudio = await abortable(synthesis.done, signal, onAbort);
    const body = new WholeBody(audio.body.copy());
    return {
      key: await key,
      source: 'origin',
      joined,
      metadata: metadata(audio, body.byteLength, audio.synthesisMs),
      body,
      delivered: synthesis.delivered,
    };
  }

  #canonicalOf(spec: SpeechSpec): string {
    return canonicalizeSpec(spec, this.#options.options.config.speedMode);
  }
}

/** Where the audio of one phrase goes. What cannot be taken is not kept; the caller has it all the same. */
function createSink(link: Pick<CacheLine, 'call'>, spec: SpeechSpec): FillSink {
  const tell = (request: CacheRequest, buffers: Transferable[] = []) => {
    link.call(request, { transfer: buffers, isPatient: true }).catch(() => {});
  };
  return {
    chunk: (fillId, offsetBytes, chunk) => tell({ type: 'fill-chunk', fillId, offsetBytes, chunk }, [chunk]),
    complete: (fillId, result) =>
      link.call({ type: 'fill-complete', fillId, result }, { isPatient: true }).catch((error: unknown) => {
        if (error instanceof AudioCacheError && error.code === 'WORKER_LOST') return false;
        // What cannot be handed over, such as data that cannot be cloned, must not keep those waiting who joined.
        tell({ type: 'fill-failed', fillId, error: encodeError(error) });
        return true;
      }),
    keep: async (bytes, result) => {
      const put = { type: 'put', address: { spec }, bytes, result, durability: 'relaxed', isPaid: true } as const;
      await link.call(put, { transfer: [bytes], isPatient: true }).catch(() => {});
    },
    fail: (fillId, error) => tell({ type: 'fill-failed', fillId, error }),
    renew: (fillId) => tell({ type: 'renew-fill', fillId }),
  };
}

async function keyWithoutCache(canonical: string, secret: string | undefined): Promise<string> {
  try {
    const digestHex = await createSubtleDigest(secret);
    return keyFromDigest(await digestHex(canonical));
  } catch {
    // Without a secure context the page cannot hash; a clip without a key still plays.
    return '';
  }
}

function noSynthesizer(cause: AudioCacheError | undefined): AudioCacheError {
  return new AudioCacheError(
    'NO_SYNTHESIZER',
    'The phrase is not in the cache and nothing can synthesize it; pass "synthesize" to the client or to this call.',
    cause === undefined ? {} : { cause },
  );
}
