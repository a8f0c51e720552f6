/**
 * The page's cache: say what should be heard, get a clip.
 *
 * Nothing is decided here: the worker checks what it is asked, finds the audio and keeps it; `clip-requests.ts` has
 * synthesized on this page what nobody has.
 */
import { type Clock, systemClock } from '../core/clock';
import { AudioCacheError } from '../core/protocol/audio-cache-error';
import type { Address, AnswerTo, CacheEvent, CacheRequest } from '../core/protocol/messages';
import type {
  CacheStats,
  CleanupReport,
  Durability,
  EntriesPage,
  EntryInfo,
  JsonObject,
  SpeechSpec,
} from '../core/protocol/values';
import { abortable } from './abortable';
import { CacheLine, type TabRole } from './cache-line';
import { callSafely } from './call-safely';
import type { ClientEvent, ClientEventMap } from './client-events';
import { Clip } from './clip';
import { ClipRequests, fromHit } from './clip-requests';
import { type AudioCacheClientOptions, checkCallOptions, type ResolvedOptions, resolveOptions } from './options';
import type { AudioSource, Synthesize } from './origin-audio';
import { watchPageLifecycle } from './page-lifecycle';
import { Statistics } from './statistics';
import { browserPlatform } from './tab-platform';
import type { Obtained } from './wanted';
import type { CallOptions } from './worker-link';

/** What to say: a text, a spec, or the known key of an entry. */
export type SpeechInput = string | SpeechSpec | { readonly key: string };

/** Options of calls that can take long. */
export interface AbortableOptions {
  /** Ends the call; it rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** Options of `getOrSynthesize`. */
export interface GetOrSynthesizeOptions extends AbortableOptions {
  /** For this phrase, instead of the client's. */
  readonly synthesize?: Synthesize | undefined;
  /** Time to live of an entry that is synthesized now, instead of the disk tier's; `Infinity` keeps it. */
  readonly ttlMs?: number | undefined;
  /**
   * Resolve at the first audio, so that `clip.stream()` can be heard while the rest is synthesized. `bytes()` and the
   * like then wait for the end, and reject with `SYNTHESIS_FAILED` if it never comes.
   */
  readonly streaming?: boolean | undefined;
}

/** Options of `put`. */
export interface PutOptions extends AbortableOptions {
  /** A media type; needed where neither the data nor the spec's `format` tells. */
  readonly contentType?: string | undefined;
  /** Time to live, instead of the disk tier's; `Infinity` keeps the entry. */
  readonly ttlMs?: number | undefined;
  /** Kept beside the audio, such as word timings. */
  readonly custom?: JsonObject | undefined;
  /** How safe the audio is when `put` resolves. Default `relaxed`: it survives a killed browser. */
  readonly durability?: Durability | undefined;
  /** Hand an ArrayBuffer over instead of copying it; it is detached. */
  readonly transfer?: boolean | undefined;
}

/** Options of `cleanup`. */
export interface CleanupOptions {
  /** Stop after this time; the next cleanup goes on. Default: until done. */
  readonly budgetMs?: number | undefined;
}

/** Options of `entries`. */
export interface EntriesOptions {
  /** 1 to 1,000. Default 50. */
  readonly limit?: number | undefined;
  /** From the page before. */
  readonly cursor?: string | undefined;
}

/** How long a cleanup may take while the page is being hidden. */
const HIDDEN_CLEANUP_MS = 50;

/**
 * A cache of synthesized speech in memory and on disk, one for all tabs of an origin under one namespace and version.
 *
 * Every method rejects with an `AudioCacheError` whose `code` says what was wrong: `CLOSED` after `close`,
 * `WORKER_LOST` when the worker died (`getOrSynthesize` then goes on without it), `DEADLINE_EXCEEDED` when it did not
 * answer in time, and what is listed with each.
 */
export class AudioCacheClient {
  readonly #options: ResolvedOptions;
  readonly #clock: Clock;
  readonly #line: CacheLine;
  readonly #requests: ClipRequests;
  readonly #statistics: Statistics;
  readonly #listenersByType = new Map<ClientEvent['type'], Set<(event: never) => void>>();
  readonly #unwatch: () => void;
  #readAudio: typeof import('./origin-audio')['readAudio'] | undefined;
  #closed: AudioCacheError | undefined;
  #hasWarned = false;

  /**
   * Starts the worker, unless another tab's serves this one; calls may be made at once and wait for it.
   * @throws AudioCacheError `INVALID_OPTIONS`
   */
  constructor(options: AudioCacheClientOptions = {}) {
    const resolved = resolveOptions(options);
    this.#options = resolved;
    this.#clock = systemClock;
    this.#statistics = new Statistics({
      config: resolved.config,
      workerMode: resolved.worker === undefined ? 'module' : 'custom',
      clock: this.#clock,
      onReport: (report) => this.#tell({ type: 'report', ...report }),
    });
    const { worker, config, keySecret, callTimeoutMs } = resolved;
    const load = async () => {
      const { Syntheses } = await import('./syntheses');
      return new Syntheses({
        link: this.#line,
        options: resolved,
        clock: this.#clock,
        random: Math.random,
        onFailed: () => this.#statistics.failedSynthesis(),
      });
    };
    const line: Pick<CacheLine, 'call'> = { call: (request, options) => this.#line.call(request, options) };
    this.#requests = new ClipRequests(line, load, Math.random, this.#clock);
    this.#line = new CacheLine({
      worker,
      config,
      keySecret,
      callTimeoutMs,
      clock: this.#clock,
      random: Math.random,
      platform: browserPlatform(),
      onEvent: (event) => this.#onEvent(event),
      onLost: (error, isFinal) => this.#onWorkerLost(error, isFinal),
      onOwnerChanged: (role) => this.#onOwnerChanged(role),
      onAlone: (reason) => this.#onAlone(reason),
      onIgnored: () => this.#statistics.ignoredMessage(),
    });
    if (resolved.synthesize !== undefined) this.#requests.prepare();
    this.#unwatch = watchPageLifecycle({
      onHidden: () => this.#settle(),
      onFrozen: () => this.#line.suspend(),
      onRestored: () => this.#line.resume(),
    });
  }

  /**
   * Returns the cached clip, or undefined on a miss; an expired entry is a miss. The clip's bytes are its own.
   * @throws AudioCacheError `INVALID_SPEC`, `INVALID_KEY`
   */
  async get(input: SpeechInput, { signal }: AbortableOptions = {}): Promise<Clip | undefined> {
    const startedAt = performance.now();
    const address = this.#locate(input);
    const hit = await this.#read({ type: 'get', address }, signal);
    return hit && this.#serve(fromHit(hit), 'spec' in address ? address.spec : undefined, startedAt);
  }

  /**
   * Returns the clip of a phrase: the cached one, or one that is synthesized now, once, however many ask. Resolves also
   * without a working cache; only the origin's failure reaches the caller.
   * @throws AudioCacheError `INVALID_SPEC`, `SYNTHESIS_FAILED` (with `status`, `attempts`, `cause`), `NO_SYNTHESIZER`
   */
  async getOrSynthesize(input: string | SpeechSpec, options: GetOrSynthesizeOptions = {}): Promise<Clip> {
    const startedAt = performance.now();
    this.#throwIfClosed();
    checkCallOptions(options);
    const { signal, synthesize, ttlMs, streaming = false } = options;
    const spec = this.#resolve(input);
    try {
      const obtained = await this.#requests.obtain({ spec, synthesize, signal, ttlMs, streaming });
      return this.#serve(obtained, spec, startedAt);
    } catch (error) {
      this.#noteFailure(error);
      throw error;
    }
  }

  /** Resolves to whether memory or disk holds the phrase. Counts neither as a request nor as a use. */
  async has(input: SpeechInput, { signal }: AbortableOptions = {}): Promise<boolean> {
    return this.#read({ type: 'has', address: this.#locate(input) }, signal);
  }

  /**
   * Stores audio made elsewhere and resolves to its key. Copies the bytes, unless told to take an ArrayBuffer over.
   * @throws AudioCacheError `INVALID_SPEC`, `INVALID_KEY`, `INVALID_OPTIONS`, `INVALID_AUDIO` (empty, or no audio),
   * `ENTRY_TOO_LARGE`, `SYNTHESIS_FAILED` (a Response with an error status); with `durability: 'durable'` also `STORE_UNAVAILABLE`, `QUOTA_EXCEEDED`
   */
  async put(input: SpeechInput, data: AudioSource, options: PutOptions = {}): Promise<string> {
    this.#throwIfClosed();
    checkCallOptions(options);
    const { signal, contentType, ttlMs, durability = 'relaxed', transfer = false } = options;
    const address = this.#locate(input);
    // Importing what is loaded still takes 0.1 ms each time.
    this.#readAudio ??= (await import('./origin-audio')).readAudio;
    const audio = { audio: data, contentType, custom: options.custom };
    const { bytes, ...incoming } = await this.#readAudio(audio, transfer, this.#clock.nowMs(), signal);
    const result = { ...incoming, synthesisMs: 0, ttlMs };
    return this.#call(
      { type: 'put', address, bytes, result, durability },
      { transfer: [bytes], isPatient: true },
      signal,
    );
  }

  /** Removes the phrase from memory and disk; resolves to whether it was there. */
  async delete(input: SpeechInput, { signal }: AbortableOptions = {}): Promise<boolean> {
    return this.#call({ type: 'delete', address: this.#locate(input) }, {}, signal);
  }

  /** Removes everything from memory and disk. */
  async clear({ signal }: AbortableOptions = {}): Promise<void> {
    await this.#call({ type: 'clear' }, { isPatient: true }, signal);
  }

  /**
   * Removes what has expired, and above the high-water marks what was used longest ago; resolves to what that was.
   * @throws AudioCacheError `INVALID_OPTIONS`
   */
  async cleanup(options: CleanupOptions & AbortableOptions = {}): Promise<CleanupReport> {
    checkCallOptions(options);
    const { budgetMs, signal } = options;
    return this.#call({ type: 'cleanup', budgetMs }, { isPatient: true }, signal);
  }

  /**
   * Lists what is stored by last use, latest first, a page at a time.
   * @throws AudioCacheError `INVALID_OPTIONS`
   */
  async entries(options: EntriesOptions & AbortableOptions = {}): Promise<EntriesPage> {
    checkCallOptions(options);
    const { limit = 50, cursor, signal } = options;
    return this.#read({ type: 'entries', limit, cursor }, signal);
  }

  /** Resolves to all that is known about an entry, its audio aside; undefined when there is none. */
  async info(input: SpeechInput, { signal }: AbortableOptions = {}): Promise<EntryInfo | undefined> {
    return this.#read({ type: 'info', address: this.#locate(input) }, signal);
  }

  /** Resolves to how well the cache works and what it holds, as of now; without a worker, to what the page knows. */
  async stats({ signal }: AbortableOptions = {}): Promise<CacheStats> {
    this.#statistics.report();
    try {
      return this.#statistics.update(await this.#read({ type: 'stats' }, signal));
    } catch (error) {
      if (error instanceof AudioCacheError && error.code === 'WORKER_LOST') return this.getSnapshot();
      throw error;
    }
  }

  /** Resolves to the metrics as Prometheus text (exposition format 0.0.4). */
  async metrics({ signal }: AbortableOptions = {}): Promise<string> {
    this.#statistics.report();
    const { stats, histograms } = await this.#read({ type: 'metrics' }, signal);
    const { renderPrometheus } = await import('../core/metrics/prometheus');
    return renderPrometheus({ stats: this.#statistics.update(stats), histograms });
  }

  /** Calls the listener whenever `getSnapshot` has something new. Fits React's `useSyncExternalStore`. */
  readonly subscribe = (listener: () => void): (() => void) => this.#statistics.subscribe(listener);

  /** The latest statistics, at most a quarter of a second old while the cache is in use; the same object until then. */
  readonly getSnapshot = (): CacheStats => this.#statistics.snapshot;

  /** Calls the listener for every event of the type; the returned function ends that. */
  on<Type extends ClientEvent['type']>(type: Type, listener: (event: ClientEventMap[Type]) => void): () => void {
    const listeners = this.#listenersByType.get(type) ?? new Set();
    this.#listenersByType.set(type, listeners);
    // The set of a type holds only listeners for events of that type.
    const entry = listener as (event: never) => void;
    listeners.add(entry);
    return () => listeners.delete(entry);
  }

  /** Resolves once everything stored so far survives power loss, as far as there is a working disk tier. */
  async flush({ signal }: AbortableOptions = {}): Promise<void> {
    await this.#call({ type: 'flush' }, { isPatient: true }, signal);
  }

  /**
   * Writes what is pending and ends this tab's worker; the other tabs then have another one. Later calls, and those still
   * waiting, reject with `CLOSED`.
   */
  async close(): Promise<void> {
    if (this.#closed !== undefined) return;
    this.#statistics.report();
    const closing = this.#line.close();
    this.#closed = new AudioCacheError('CLOSED', 'This cache was closed; make a new AudioCacheClient.');
    this.#requests.end(this.#closed);
    // A worker that cannot close in time is ended all the same: what it acknowledged is on disk.
    await closing.catch(() => {});
    // Until then the page may still be frozen, which must end the worker.
    this.#unwatch();
    this.#line.end(this.#closed);
  }

  /** Asks the worker; a read that was lost with its worker is asked once more of the next one. */
  #read<Request extends CacheRequest>(request: Request, signal: AbortSignal | undefined): Promise<AnswerTo<Request>> {
    return this.#call(request, {}, signal).catch((error: unknown) => {
      if (!(error instanceof AudioCacheError) || error.code !== 'WORKER_LOST') throw error;
      return this.#call(request, {}, signal);
    });
  }

  /** Throws when the client is closed or the caller has given up; called from async methods only. */
  #call<Request extends CacheRequest>(
    request: Request,
    options: CallOptions,
    signal: AbortSignal | undefined,
  ): Promise<AnswerTo<Request>> {
    this.#throwIfClosed();
    signal?.throwIfAborted();
    return abortable(this.#line.call(request, options), signal);
  }

  #tell(request: CacheRequest): void {
    this.#line.call(request).catch(() => {});
  }

  /** The page may be gone in a moment. */
  #settle(): void {
    this.#statistics.report();
    this.#tell({ type: 'flush' });
    // The tab that serves the others cleans up when it is hidden itself.
    if (this.getSnapshot().runtime.role !== 'follower') this.#tell({ type: 'cleanup', budgetMs: HIDDEN_CLEANUP_MS });
  }

  #locate(input: SpeechInput): Address {
    return typeof input === 'object' && input !== null && 'key' in input
      ? { key: input.key }
      : { spec: this.#resolve(input) };
  }

  /** The spec with the defaults filled in. What is wrong with it the worker says, in one place for all callers. */
  #resolve(input: string | SpeechSpec): SpeechSpec {
    const { defaults } = this.#options;
    if (typeof input !== 'object' || input === null) return { ...defaults, text: input };
    const given = Object.entries(input).filter(([, value]) => value !== undefined && value !== '');
    return { ...defaults, ...Object.fromEntries(given), text: input.text };
  }

  #serve(obtained: Obtained, spec: SpeechSpec | undefined, startedAt: number): Clip {
    const isPlayedFaster = this.#options.config.speedMode === 'playback';
    const clip = new Clip({ ...obtained, playbackRate: (isPlayedFaster ? spec?.speed : undefined) ?? 1 });
    const latencyMs = performance.now() - startedAt;
    this.#statistics.served(clip.source, latencyMs);
    if (this.#listenersByType.has('served')) {
      const { key, source, byteLength, joined } = clip;
      this.#dispatch({ type: 'served', key, source, latencyMs, byteLength, joined, text: spec?.text });
    }
    return clip;
  }

  #noteFailure(error: unknown): void {
    if (error instanceof AudioCacheError) this.#dispatch({ type: 'failed', error });
  }

  #onEvent(event: CacheEvent): void {
    switch (event.type) {
      case 'snapshot':
        this.#statistics.update(event.stats);
        return;
      case 'fill-abandoned':
        this.#requests.abandon(event.fillId);
        return;
      case 'warning':
        this.#warn(event.message);
        return;
      default:
        this.#dispatch(event);
    }
  }

  #onWorkerLost({ message }: AudioCacheError, isFinal: boolean): void {
    const alert = { code: 'WORKER_UNAVAILABLE', message, sinceMs: this.#clock.nowMs() } as const;
    this.#requests.resumeFills();
    this.#statistics.lostWorker(isFinal ? alert : undefined);
    if (isFinal) this.#warn(message);
  }

  #onOwnerChanged(role: TabRole): void {
    this.#statistics.setRole(role);
    this.#requests.resumeFills();
    this.#dispatch({ type: 'owner-changed', role });
  }

  #onAlone(reason: string): void {
    const message = `This tab works alone: ${reason}`;
    this.#statistics.worksAlone({ code: 'TAB_ALONE', message, sinceMs: this.#clock.nowMs() });
    // Where there are no workers at all, that is said instead.
    if (typeof Worker !== 'undefined') this.#warn(message);
  }

  #warn(message: string): void {
    this.#dispatch({ type: 'warning', message });
    if (this.#options.onWarning !== undefined) callSafely(this.#options.onWarning, message);
    // biome-ignore lint/suspicious/noConsole: the one warning an app without a handler gets.
    else if (!this.#hasWarned) console.warn(`reprise-cache: ${message}`);
    this.#hasWarned = true;
  }

  #dispatch(event: ClientEvent): void {
    for (const listener of this.#listenersByType.get(event.type) ?? []) {
      // The set of a type holds only listeners for events of that type.
      callSafely(listener, event as never);
    }
  }

  #throwIfClosed(): void {
    if (this.#closed !== undefined) throw this.#closed;
  }
}
