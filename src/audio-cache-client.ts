/**
 * The page's cache: say what should be heard, get a clip.
 *
 * Nothing is decided here: the worker checks what it is asked, finds the audio and keeps it; `clip-requests.ts` has
 * synthesized on this page what nobody has.
 */
import { type Clock, systemClock } from '../core/clock';
import { AudioCacheError } from '../core/protocol/audio-cache-error';
import type { Address, AnswerTo, CacheEvent, CacheRequest, Labels } from '../core/protocol/messages';
import type {
  Amount,
  CacheConfig,
  CacheStats,
  CleanupReport,
  CollectionDeletion,
  CollectionDetails,
  CollectionsPage,
  Durability,
  EntriesPage,
  EntryInfo,
  EntrySort,
  HealthAlert,
  JsonObject,
  SpeechSpec,
  VerifyReport,
} from '../core/protocol/values';
import { abortable } from './abortable';
import { CacheLine, type TabRole } from './cache-line';
import { checkCallOptions, signalIn } from './call-options';
import { callSafely } from './call-safely';
import type { ClientEvent, ClientEventMap } from './client-events';
import { Clip } from './clip';
import { ClipRequests, fromHit } from './clip-requests';
import type { ConfigureOptions } from './config-change';
import { HeldBefore } from './held-before';
import type {
  BundleSource,
  CollectionsOptions,
  DeleteCollectionOptions,
  ExportOptions,
  ImportOptions,
  ImportReport,
  LongOptions,
  Management,
  PinInput,
  TouchCollectionOptions,
} from './management';
import type { OperationOutcome } from './operation-log';
import { type AudioCacheClientOptions, type ResolvedOptions, resolveOptions } from './options';
import type { AudioSource, Synthesize } from './origin-audio';
import { watchPageLifecycle } from './page-lifecycle';
import { Statistics } from './statistics';
import { browserPlatform } from './tab-platform';
import type { Obtained, Wanted } from './wanted';
import type { CallOptions } from './worker-link';

/** What to say: a text, a spec, or the known key of an entry. */
export type SpeechInput = string | SpeechSpec | { readonly key: string };

/** Options of calls that can take long. */
export interface AbortableOptions {
  /** Ends the call; it rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** What an entry belongs to. */
export interface LabelOptions {
  /** Collections to add the entry to, each 1 to 200 characters: a book, a chapter. */
  readonly collections?: readonly string[] | undefined;
  /** Never evict the entry, nor let it expire. */
  readonly pinned?: boolean | undefined;
}

/**
 * Options of `getOrSynthesize`. A label that cannot be given (a pin that does not fit) leaves the clip as it is and is told
 * by the event `warning`; `put` and `pin` reject. One that takes longer than a second is given behind the clip's back.
 */
export interface GetOrSynthesizeOptions extends AbortableOptions, LabelOptions {
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
export interface PutOptions extends AbortableOptions, LabelOptions {
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
  /** Which come first: those used last (default), created last, or largest. */
  readonly sort?: EntrySort | undefined;
  /** Only members of this collection that are there. */
  readonly collection?: string | undefined;
  /** Only entries whose text contains this in any case, or whose key begins with it. */
  readonly search?: string | undefined;
}

/** Options of `clear`. */
export interface ClearOptions extends AbortableOptions {
  /** Remove what is pinned too. Default false. */
  readonly pinned?: boolean | undefined;
}

/** How long a cleanup may take while the page is being hidden. */
const HIDDEN_CLEANUP_MS = 50;
/** A clip waits so long for its labels; they are then given all the same. */
const LABEL_WAIT_MS = 1_000;
/** After these the disk may be empty. */
const REMOVALS: ReadonlySet<CacheRequest['type']> = new Set(['clear', 'cleanup', 'delete', 'delete-collection']);
/** A part that only tells what happened is not to be had: then nothing is told. */
const NOT_LOGGED = () => {};

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
  readonly #heldBefore: HeldBefore;
  #readAudio: typeof import('./origin-audio')['readAudio'] | undefined;
  #management: Management | undefined;
  #log: ((event: ClientEvent) => void) | undefined;
  #loadingLog: Promise<typeof import('./operation-log')> | undefined;
  #closed: AudioCacheError | undefined;
  #hasWarned = false;

  /**
   * Starts the worker, unless another tab's serves this one; calls may be made at once and wait for it.
   * @throws AudioCacheError `INVALID_OPTIONS`
   */
  constructor(options: AudioCacheClientOptions = {}) {
    const resolved = resolveOptions(options);
    this.#options = resolved;
    this.#heldBefore = new HeldBefore(resolved.config);
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
    this.#requests = new ClipRequests(line, load, Math.random);
    if (resolved.logLevel !== 'silent') {
      // Events that come before the log wait for it, in their order.
      const loading = this.#loadLog();
      this.#log = (event) => void loading.then(({ logEvent }) => logEvent(event, resolved), NOT_LOGGED);
    }
    this.#line = new CacheLine({
      worker,
      config,
      keySecret,
      callTimeoutMs,
      clock: this.#clock,
      random: Math.random,
      heldBefore: () => this.#heldBefore.read(),
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
  async get(input: SpeechInput, options?: AbortableOptions): Promise<Clip | undefined> {
    const startedAt = performance.now();
    const signal = signalIn(options);
    const address = this.#locate(input);
    try {
      const hit = await this.#read({ type: 'get', address }, signal);
      if (hit !== undefined) return this.#serve(fromHit(hit), 'spec' in address ? address.spec : undefined, startedAt);
    } catch (error) {
      this.#noteFailure(error);
      throw error;
    }
    if (this.#isHeard('operation')) this.#tellOperation({ type: 'get', address }, startedAt, { answer: undefined });
    return undefined;
  }

  /**
   * Returns the clip of a phrase: the cached one, or one that is synthesized now, once, however many ask. Resolves also
   * without a working cache; only the origin's failure reaches the caller.
   * @throws AudioCacheError `INVALID_SPEC`, `SYNTHESIS_FAILED` (with `status`, `attempts`, `cause`), `NO_SYNTHESIZER`
   */
  getOrSynthesize(input: string | SpeechSpec, options: GetOrSynthesizeOptions = {}): Promise<Clip> {
    return this.#speak(input, options, (wanted) => this.#requests.obtain(wanted));
  }

  /** Resolves to whether memory or disk holds the phrase. Counts neither as a request nor as a use. */
  async has(input: SpeechInput, options?: AbortableOptions): Promise<boolean> {
    return this.#read({ type: 'has', address: this.#locate(input) }, signalIn(options));
  }

  /**
   * Stores audio made elsewhere and resolves to its key. Copies the bytes, unless told to take an ArrayBuffer over.
   * @throws AudioCacheError `INVALID_SPEC`, `INVALID_KEY`, `INVALID_OPTIONS`, `INVALID_AUDIO` (empty, or no audio),
   * `ENTRY_TOO_LARGE`, `SYNTHESIS_FAILED` (a Response with an error status); with `durability: 'durable'` and with
   * `pinned` also `STORE_UNAVAILABLE`, `QUOTA_EXCEEDED`, and nothing is stored that could not be pinned
   */
  async put(input: SpeechInput, data: AudioSource, options: PutOptions = {}): Promise<string> {
    this.#throwIfClosed();
    checkCallOptions(options, ['contentType', 'ttlMs', 'custom', 'durability', 'transfer', 'collections', 'pinned']);
    const { signal, contentType, ttlMs, durability = 'relaxed', transfer = false } = options;
    const address = this.#locate(input);
    // Importing what is loaded still takes 0.1 ms each time.
    this.#readAudio ??= (await import('./origin-audio')).readAudio;
    const audio = { audio: data, contentType, custom: options.custom };
    const { bytes, ...incoming } = await this.#readAudio(audio, transfer, this.#clock.nowMs(), signal);
    const result = { ...incoming, synthesisMs: 0, ttlMs };
    const labels = labelsOf(options);
    return this.#call(
      { type: 'put', address, bytes, result, durability, labels },
      { transfer: [bytes], isPatient: true },
      signal,
    );
  }

  /** Removes the phrase from memory and disk; resolves to whether it was there. */
  async delete(input: SpeechInput, options?: AbortableOptions): Promise<boolean> {
    return this.#call({ type: 'delete', address: this.#locate(input) }, {}, signalIn(options));
  }

  /**
   * Removes everything that is not pinned from memory and disk, or everything.
   * @throws AudioCacheError `INVALID_OPTIONS`
   */
  async clear(options: ClearOptions = {}): Promise<void> {
    checkCallOptions(options, ['pinned']);
    await this.#call({ type: 'clear', pinned: options.pinned }, { isPatient: true }, options.signal);
  }

  /**
   * Removes what has expired, and above the high-water marks what was used longest ago; resolves to what that was.
   * @throws AudioCacheError `INVALID_OPTIONS`
   */
  async cleanup(options: CleanupOptions & AbortableOptions = {}): Promise<CleanupReport> {
    checkCallOptions(options, ['budgetMs']);
    const { budgetMs, signal } = options;
    return this.#call({ type: 'cleanup', budgetMs }, { isPatient: true }, signal);
  }

  /** Cleans up on schedule from now on, as a new cache does; for all tabs, also those opened later. */
  async startCleanup(options?: AbortableOptions): Promise<void> {
    return (await this.#manage()).scheduleCleanup(true, options);
  }

  /**
   * Cleans up only on demand, when the page is hidden, and above the high-water marks from now on; for all tabs, also those
   * opened later, until the last is closed.
   */
  async stopCleanup(options?: AbortableOptions): Promise<void> {
    return (await this.#manage()).scheduleCleanup(false, options);
  }

  /**
   * Changes limits, times to live, the schedule, price, budget and thresholds of health while the cache works, for all
   * tabs, also those opened later; resolves to the whole configuration. Entries stored before keep the time to live they
   * were stored with.
   * @throws AudioCacheError `INVALID_OPTIONS`, also for what contradicts the configuration in force: nothing has changed then
   */
  async configure(change: ConfigureOptions, options?: AbortableOptions): Promise<CacheConfig> {
    return (await this.#manage()).configure(change, options);
  }

  /**
   * Asks the browser, once, not to evict this origin on its own account; resolves to whether it has agreed. Some browsers
   * ask the user, and Firefox waits for the answer as long as that takes.
   */
  async persist(): Promise<boolean> {
    return (await this.#manage()).persist();
  }

  /**
   * Lists what is stored, a page at a time. A page can be shorter than its limit, even empty, and still have a cursor.
   * @throws AudioCacheError `INVALID_OPTIONS`
   */
  async entries(options: EntriesOptions & AbortableOptions = {}): Promise<EntriesPage> {
    checkCallOptions(options, ['limit', 'cursor', 'sort', 'collection', 'search']);
    const { limit = 50, signal, ...wanted } = options;
    return this.#read({ type: 'entries', limit, ...wanted }, signal);
  }

  /**
   * Pins an entry, stored or yet to come, or a collection: it is never evicted nor expires on our account, and can only be
   * deleted. Resolves to what is pinned by that and there.
   * @throws AudioCacheError `QUOTA_EXCEEDED` when it does not fit, `STORE_UNAVAILABLE` without a disk, `INVALID_SPEC`,
   * `INVALID_KEY`, `INVALID_OPTIONS` for no such collection; nothing was removed or changed then
   */
  async pin(input: PinInput, options?: AbortableOptions): Promise<Amount> {
    return (await this.#manage()).pin(input, true, options);
  }

  /** Takes a pin back; resolves to what of it stays pinned for another reason. @throws AudioCacheError as `pin` */
  async unpin(input: PinInput, options?: AbortableOptions): Promise<Amount> {
    return (await this.#manage()).pin(input, false, options);
  }

  /**
   * Lists collections by name, a page at a time.
   * @throws AudioCacheError `INVALID_OPTIONS`
   */
  async collections(options: CollectionsOptions = {}): Promise<CollectionsPage> {
    return (await this.#manage()).collections(options);
  }

  /**
   * Resolves to a collection with the keys of its members, and which are missing; undefined when there is none.
   * @throws AudioCacheError `INVALID_OPTIONS`
   */
  async collection(name: string, options?: AbortableOptions): Promise<CollectionDetails | undefined> {
    return (await this.#manage()).collection(name, options);
  }

  /**
   * Has all members of a collection live for `ttlMs` from now on, by default for their own time to live again; resolves to
   * how many there are.
   * @throws AudioCacheError `INVALID_OPTIONS`
   */
  async touchCollection(name: string, options: TouchCollectionOptions = {}): Promise<number> {
    return (await this.#manage()).touchCollection(name, options);
  }

  /**
   * Forgets a collection, and deletes its audio unless another collection or a pin of its own holds it, or `keepAudio`.
   * @throws AudioCacheError `INVALID_OPTIONS`
   */
  async deleteCollection(name: string, options: DeleteCollectionOptions = {}): Promise<CollectionDeletion> {
    return (await this.#manage()).deleteCollection(name, options);
  }

  /**
   * Synthesizes a phrase anew and replaces its entry; until then the former one goes on being served, also if this fails.
   * @throws AudioCacheError as `getOrSynthesize`
   */
  regenerate(input: string | SpeechSpec, options: GetOrSynthesizeOptions = {}): Promise<Clip> {
    return this.#speak(input, options, async (wanted) => {
      const obtained = await this.#requests.regenerate(wanted);
      if (!wanted.streaming) await obtained.delivered;
      return obtained;
    });
  }

  /**
   * Checks every entry on disk against its checksum. What is damaged is never served again, and named.
   * @throws AudioCacheError `INVALID_OPTIONS`; the signal's reason after an abort
   */
  async verify(options: LongOptions = {}): Promise<VerifyReport> {
    return (await this.#manage()).verify(options);
  }

  /**
   * The entries, or those of a collection, as one file to keep or to hand on: an ordinary ZIP, pulled as it is read.
   * @throws AudioCacheError `INVALID_OPTIONS`; the stream fails with the signal's reason after an abort
   */
  async exportBundle(options: ExportOptions = {}): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
    return (await this.#manage()).exportBundle(options);
  }

  /**
   * Stores the entries of a bundle, with their collections and pins, once all of it was checked.
   * @throws AudioCacheError `BUNDLE_INVALID` for what is damaged, truncated, foreign or newer: nothing has changed then;
   * `INVALID_OPTIONS`; the signal's reason after an abort
   */
  async importBundle(source: BundleSource, options: ImportOptions = {}): Promise<ImportReport> {
    return (await this.#manage()).importBundle(source, options);
  }

  /**
   * The clips of a collection joined to one playable file, where the format allows that (WAV, MP3).
   * @throws AudioCacheError `INVALID_OPTIONS` for no such collection, `INVALID_AUDIO` for clips that cannot be joined
   */
  async exportAudio(collection: string, options: LongOptions = {}): Promise<Blob> {
    return (await this.#manage()).exportAudio(collection, options);
  }

  /** Resolves to all that is known about an entry, its audio aside; undefined when there is none. */
  async info(input: SpeechInput, options?: AbortableOptions): Promise<EntryInfo | undefined> {
    return this.#read({ type: 'info', address: this.#locate(input) }, signalIn(options));
  }

  /** Resolves to how well the cache works and what it holds, as of now; without a worker, to what the page knows. */
  async stats(options?: AbortableOptions): Promise<CacheStats> {
    const signal = signalIn(options);
    this.#statistics.report();
    try {
      return this.#statistics.update(await this.#read({ type: 'stats' }, signal));
    } catch (error) {
      if (error instanceof AudioCacheError && error.code === 'WORKER_LOST') return this.getSnapshot();
      throw error;
    }
  }

  /** Resolves to the metrics as Prometheus text (exposition format 0.0.4). */
  async metrics(options?: AbortableOptions): Promise<string> {
    const stats = await this.stats(options);
    const { renderPrometheus } = await import('../core/metrics/prometheus');
    return renderPrometheus(stats);
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

  /** Calls the listener for every alert that is raised or over; the returned function ends that. */
  onAlert(listener: (alert: HealthAlert, isRaised: boolean) => void): () => void {
    return this.on('alert', ({ alert, isRaised }) => listener(alert, isRaised));
  }

  /** Resolves once everything stored so far survives power loss, as far as there is a working disk tier. */
  async flush(options?: AbortableOptions): Promise<void> {
    await this.#call({ type: 'flush' }, { isPatient: true }, signalIn(options));
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

  /** Says a phrase with what obtains it. */
  async #speak(
    input: string | SpeechSpec,
    options: GetOrSynthesizeOptions,
    obtain: (wanted: Wanted) => Promise<Obtained>,
  ): Promise<Clip> {
    const startedAt = performance.now();
    this.#throwIfClosed();
    checkCallOptions(options, ['synthesize', 'ttlMs', 'streaming', 'collections', 'pinned']);
    const { signal, synthesize, ttlMs, streaming = false } = options;
    const spec = this.#resolve(input);
    try {
      const obtained = await obtain({ spec, synthesize, signal, ttlMs, streaming });
      const clip = this.#serve(obtained, spec, startedAt);
      await this.#label(spec, obtained, options);
      return clip;
    } catch (error) {
      this.#noteFailure(error);
      throw error;
    }
  }

  /** Asks the worker; a read that was lost with its worker is asked once more of the next one. */
  #read<Request extends CacheRequest>(request: Request, signal: AbortSignal | undefined): Promise<AnswerTo<Request>> {
    const answered = this.#ask(request, {}, signal).catch((error: unknown) => {
      if (!(error instanceof AudioCacheError) || error.code !== 'WORKER_LOST') throw error;
      return this.#ask(request, {}, signal);
    });
    return this.#follow(request, answered);
  }

  /** Asks the worker for a change, or for what can be asked once only. */
  #call<Request extends CacheRequest>(
    request: Request,
    options: CallOptions,
    signal: AbortSignal | undefined,
  ): Promise<AnswerTo<Request>> {
    return this.#follow(request, this.#ask(request, options, signal));
  }

  /** Throws when the client is closed or the caller has given up; called from async methods only. */
  #ask<Request extends CacheRequest>(
    request: Request,
    options: CallOptions,
    signal: AbortSignal | undefined,
  ): Promise<AnswerTo<Request>> {
    this.#throwIfClosed();
    signal?.throwIfAborted();
    return abortable(this.#line.call(request, options), signal);
  }

  /** Looks at what comes of a request as far as somebody wants to know, and returns what was answered. */
  #follow<Answer>(request: CacheRequest, answered: Promise<Answer>): Promise<Answer> {
    // The event that says the same may come when this page is gone.
    const note = () => this.#heldBefore.removed(request.type === 'delete' ? 1 : undefined);
    if (REMOVALS.has(request.type)) answered.then(note, note);
    // The caller of `get` tells of it itself, without another promise on the way of each hit.
    if (request.type === 'get' || !(this.#isHeard('operation') || this.#isHeard('failed'))) return answered;
    const startedAt = performance.now();
    answered.then(
      (answer) => this.#tellOperation(request, startedAt, { answer }),
      (error: unknown) => this.#tellOperation(request, startedAt, { error }),
    );
    return answered;
  }

  #tellOperation(request: CacheRequest, startedAt: number, outcome: OperationOutcome): void {
    const latencyMs = performance.now() - startedAt;
    this.#loadLog().then(({ describeOperation }) => {
      const event = describeOperation(request, outcome, latencyMs);
      if (event !== undefined) this.#dispatch(event);
    }, NOT_LOGGED);
  }

  /** Fetched only where somebody wants to know what is done. */
  #loadLog(): Promise<typeof import('./operation-log')> {
    this.#loadingLog ??= import('./operation-log');
    return this.#loadingLog;
  }

  /** Whether anybody wants to know. */
  #isHeard(type: ClientEvent['type']): boolean {
    return this.#log !== undefined || Boolean(this.#listenersByType.get(type)?.size);
  }

  /**
   * Labels what was obtained, if it is to be; what cannot be labelled plays all the same, and so does what still comes.
   * A disk that hangs is not waited for.
   */
  async #label(spec: SpeechSpec, { delivered }: Obtained, options: GetOrSynthesizeOptions): Promise<void> {
    const labels = labelsOf(options);
    if (labels === undefined) return;
    const labelled = Promise.resolve(delivered)
      .then(() => this.#line.call({ type: 'label', address: { spec }, labels }))
      .catch((error: unknown) => {
        if (error instanceof Error) this.#warn(`The phrase plays, but could not be labelled: ${error.message}`);
      });
    if (options.streaming) return;
    const waited = new Promise<void>((resolve) => {
      const cancel = this.#clock.schedule(resolve, LABEL_WAIT_MS);
      void labelled.then(cancel).then(resolve);
    });
    await abortable(waited, options.signal);
  }

  /** Fetches what is not needed to speak. */
  async #manage(): Promise<Management> {
    this.#throwIfClosed();
    const { Management } = await import('./management');
    this.#management ??= new Management({
      call: (request, signal, transfer = []) => this.#call(request, { isPatient: true, transfer }, signal),
      read: (request, signal) => this.#read(request, signal),
      locate: (input) => this.#locate(input),
      config: () => this.#options.config,
      nowMs: () => this.#clock.nowMs(),
      entriesOnDisk: () => this.getSnapshot().tiers.disk.entries,
    });
    return this.#management;
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
    if (this.#isHeard('served')) {
      const { key, source, byteLength, joined } = clip;
      const { missReason } = obtained;
      this.#dispatch({ type: 'served', key, source, latencyMs, byteLength, joined, text: spec?.text, missReason });
    }
    return clip;
  }

  #noteFailure(error: unknown): void {
    if (!(error instanceof AudioCacheError)) return;
    // What was asked for wrongly says nothing about the cache.
    if (error.code !== 'INVALID_SPEC' && error.code !== 'INVALID_KEY') this.#statistics.failedRequest();
    this.#dispatch({ type: 'failed', error });
  }

  #onEvent(event: CacheEvent): void {
    switch (event.type) {
      case 'snapshot':
        this.#statistics.update(event.stats);
        this.#heldBefore.note(event.stats.runtime.store, event.stats.tiers.disk.entries);
        return;
      case 'configured':
        return;
      case 'fill-abandoned':
        this.#requests.abandon(event.fillId);
        return;
      case 'warning':
        this.#warn(event.message);
        return;
      case 'cleared':
        this.#heldBefore.removed();
        break;
      case 'entry-deleted':
        this.#heldBefore.removed(1);
        break;
      case 'entries-removed':
        if (event.tier === 'disk') this.#heldBefore.removed(event.entries);
        break;
    }
    this.#dispatch(event);
  }

  #onWorkerLost({ message }: AudioCacheError, isFinal: boolean): void {
    const sinceMs = this.#clock.nowMs();
    const alert = { code: 'WORKER_UNAVAILABLE', severity: 'critical', message, sinceMs } as const;
    this.#requests.resumeFills();
    this.#statistics.lostWorker(isFinal ? alert : undefined);
    if (!isFinal) return;
    this.#dispatch({ type: 'alert', alert, isRaised: true });
    this.#warn(message);
  }

  #onOwnerChanged(role: TabRole): void {
    this.#statistics.setRole(role);
    this.#requests.resumeFills();
    this.#dispatch({ type: 'owner-changed', role });
  }

  #onAlone(reason: string): void {
    const message = `This tab works alone: ${reason}`;
    const sinceMs = this.#clock.nowMs();
    const alert = { code: 'TAB_ALONE', severity: 'warning', message, sinceMs } as const;
    this.#statistics.worksAlone(alert);
    this.#dispatch({ type: 'alert', alert, isRaised: true });
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
    this.#log?.(event);
    for (const listener of this.#listenersByType.get(event.type) ?? []) {
      // The set of a type holds only listeners for events of that type.
      callSafely(listener, event as never);
    }
  }

  #throwIfClosed(): void {
    if (this.#closed !== undefined) throw this.#closed;
  }
}

/** The labels in the options of a call, if there are any. */
function labelsOf({ collections, pinned }: LabelOptions): Labels | undefined {
  return collections?.length || pinned ? { collections, pinned } : undefined;
}
