/**
 * The page's end of the line to its worker.
 *
 * A call to a worker that died never settles, and nothing tells the page that it died. So every call is watched: one
 * that stays unanswered is followed by a ping, and a worker that does not answer the ping either is terminated, all its
 * calls are rejected with `WORKER_LOST`, and another worker is started. Timers are used while calls are pending only,
 * and never on the path of a call that is answered at once.
 */
import { proxy, releaseProxy, transfer, wrap } from 'comlink';
import type { Clock } from '../core/clock';
import { AudioCacheError, decodeError } from '../core/protocol/audio-cache-error';
import type { AnswerTo, CacheEndpoint, CacheEvent, CacheRequest, OpenRequest } from '../core/protocol/messages';
import type { WorkerSource } from './options';

/**
 * How often pending calls are looked at. Time is counted in these looks, not by the clock: a page that slept or was
 * blocked runs one of them at a time, with the answers that came meanwhile in between.
 */
const WATCH_INTERVAL_MS = 250;
/** A call unanswered after so many looks is followed by a ping. */
const PATIENCE_TICKS = 2;
/** A worker that has not answered a ping after so many looks is lost. */
const PING_TICKS = 5;
/** After so many workers in a row that never got ready none is tried any more. */
const MAX_FAILED_STARTS = 3;

/** What a link is made of. */
export interface WorkerLinkOptions {
  readonly start: () => Worker;
  /** Made anew for each worker. */
  readonly open: () => OpenRequest;
  /** For a call, and for a worker to get ready. */
  readonly callTimeoutMs: number;
  readonly clock: Clock;
  readonly onEvent: (event: CacheEvent) => void;
  /** A worker died or could not be started. `isFinal`: no other will be tried. */
  readonly onLost: (error: AudioCacheError, isFinal: boolean) => void;
}

/** How one call is made. */
export interface CallOptions {
  /** Handed over, not copied. */
  readonly transfer?: Transferable[];
  /** The answer may take as long as it takes, as long as the worker lives: waiting for a synthesis, a large clear. */
  readonly isPatient?: boolean;
}

interface PendingCall {
  readonly reject: (error: AudioCacheError) => void;
  readonly isPatient: boolean;
  /** How often it was looked at. */
  ticks: number;
}

interface Session {
  readonly handle: CacheEndpoint['handle'];
  /**
   * Ends the worker and releases Comlink's proxies, which are held until then: it runs a script when one is collected that was
   * not released, and a script that runs on a frozen page costs it its place in the back/forward cache.
   */
  readonly end: () => void;
  /** Resolves when the worker takes requests; rejects when it never will. */
  readonly ready: Promise<void>;
  isReady: boolean;
}

/** A worker, and another one when that dies. */
export class WorkerLink {
  readonly #options: WorkerLinkOptions;
  readonly #pending = new Set<PendingCall>();
  #session: Session | undefined;
  #failedStarts = 0;
  #isWatching = false;
  /** How often the worker was looked at since the ping it has not answered yet. */
  #pingTicks: number | undefined;
  /** Why there is no worker and none is to be started. */
  #ended: AudioCacheError | undefined;

  constructor(options: WorkerLinkOptions) {
    this.#options = options;
    this.#session = this.#start();
  }

  /**
   * Sends a request and resolves to its answer.
   * @throws AudioCacheError whatever the request says; `WORKER_LOST`, `DEADLINE_EXCEEDED`, `CLOSED`
   */
  call<Request extends CacheRequest>(
    request: Request,
    { transfer: buffers = [], isPatient = false }: CallOptions = {},
  ): Promise<AnswerTo<Request>> {
    const session = this.#session;
    if (session === undefined) return Promise.reject(this.#ended);
    const message = buffers.length === 0 ? request : transfer(request, buffers);
    // No await and one promise on the way of a call to a worker that is ready: each would cost every hit a microsecond.
    return new Promise((resolve, reject) => {
      const answered = session.isReady ? session.handle(message) : session.ready.then(() => session.handle(message));
      const call: PendingCall = { reject, isPatient, ticks: 0 };
      this.#pending.add(call);
      this.#watch();
      answered.then(
        (outcome) => {
          this.#pending.delete(call);
          if ('error' in outcome) reject(decodeError(outcome.error));
          else resolve(outcome.value);
        },
        (error: unknown) => {
          this.#pending.delete(call);
          reject(isNotCloneable(error) ? notCloneable(error) : error);
        },
      );
    });
  }

  /** Somebody else got no answer from the worker: finds out whether it still works. */
  probe(): void {
    if (this.#pingTicks !== undefined) return;
    this.#ping();
    this.#watch();
  }

  /** Ends the worker for good; calls that are pending and all later ones reject with the error. */
  end(error: AudioCacheError): void {
    this.#ended = error;
    this.#drop(error);
  }

  #start(): Session {
    let session: Session;
    try {
      const worker = this.#options.start();
      const endpoint = wrap<CacheEndpoint>(worker);
      const { handle, open } = endpoint;
      session = {
        // Comlink's types split a promise of a union into a union of promises; what runs is the endpoint's own method.
        handle: handle as unknown as CacheEndpoint['handle'],
        end: () => {
          worker.terminate();
          for (const held of [endpoint, handle, open]) held[releaseProxy]();
        },
        ready: this.#open(worker, open as unknown as CacheEndpoint['open']),
        isReady: false,
      };
    } catch (error) {
      const refused = Promise.reject<never>(workerLost('It could not be started.', error));
      session = { handle: () => refused, end: () => {}, ready: refused, isReady: false };
    }
    session.ready.then(
      () => {
        session.isReady = true;
      },
      (error: unknown) => {
        if (this.#session === session) this.#lose(error);
      },
    );
    return session;
  }

  /** Shakes hands: resolves when the worker takes requests. */
  #open(worker: Worker, open: CacheEndpoint['open']): Promise<void> {
    const { onEvent, clock, callTimeoutMs } = this.#options;
    return new Promise<void>((resolve, reject) => {
      // A script that cannot be loaded, or a policy that forbids it, shows as an error event without a message.
      worker.addEventListener('error', (event) =>
        reject(workerLost(event.message || 'Its script could not be run; see "Limits" in the README.')),
      );
      const cancel = clock.schedule(() => reject(workerLost('It did not get ready.')), callTimeoutMs);
      open(
        this.#options.open(),
        proxy((events) => events.forEach(onEvent)),
      )
        .then((outcome) => {
          if ('error' in outcome) throw decodeError(outcome.error);
          this.#failedStarts = 0;
        })
        .then(resolve, reject)
        .finally(cancel);
    });
  }

  /** Looks at the pending calls until there is none. */
  #watch(): void {
    if (this.#isWatching) return;
    this.#isWatching = true;
    this.#options.clock.schedule(() => {
      this.#isWatching = false;
      if (this.#pending.size === 0 && this.#pingTicks === undefined) return;
      this.#inspect();
      this.#watch();
    }, WATCH_INTERVAL_MS);
  }

  #inspect(): void {
    const { callTimeoutMs } = this.#options;
    let oldestTicks = 0;
    for (const call of this.#pending) {
      call.ticks++;
      oldestTicks = Math.max(oldestTicks, call.ticks);
      if (call.isPatient || call.ticks * WATCH_INTERVAL_MS < callTimeoutMs) continue;
      this.#pending.delete(call);
      call.reject(deadlineExceeded(callTimeoutMs));
    }
    if (this.#pingTicks !== undefined) {
      this.#pingTicks++;
      if (this.#pingTicks >= PING_TICKS) this.#lose(workerLost('It does not answer.'));
    } else if (oldestTicks >= PATIENCE_TICKS) {
      this.#ping();
    }
  }

  #ping(): void {
    const session = this.#session;
    // While the worker is still opening its store the handshake's own deadline counts.
    if (session === undefined || !session.isReady) return;
    this.#pingTicks = 0;
    const onAnswer = () => {
      if (this.#session === session) this.#pingTicks = undefined;
    };
    session.handle({ type: 'ping' }).then(onAnswer, onAnswer);
  }

  #lose(error: unknown): void {
    const isLoss = error instanceof AudioCacheError && error.code === 'WORKER_LOST';
    const lost = isLoss ? error : workerLost(error instanceof Error ? error.message : 'It failed to start.', error);
    this.#failedStarts++;
    // One that refuses, as one of another version does, will not change its mind by being started again.
    const isFinal = this.#failedStarts >= MAX_FAILED_STARTS || !isLoss;
    if (isFinal) this.#ended = lost;
    this.#drop(lost);
    if (!isFinal) this.#session = this.#start();
    this.#options.onLost(lost, isFinal);
  }

  #drop(error: AudioCacheError): void {
    this.#session?.end();
    this.#session = undefined;
    this.#pingTicks = undefined;
    const calls = [...this.#pending];
    this.#pending.clear();
    for (const call of calls) call.reject(error);
  }
}

/** Starts the cache's worker, which takes requests once it was opened. */
export function startWorker(source: WorkerSource | undefined): Worker {
  if (typeof source === 'function') return source();
  if (source !== undefined) return new Worker(source, { type: 'module', name: 'reprise-cache' });
  // One expression: bundlers look for exactly this shape.
  return new Worker(new URL('../worker/main.ts', import.meta.url), { type: 'module', name: 'reprise-cache' });
}

/** Why a call got no answer. */
export function workerLost(detail: string, cause?: unknown): AudioCacheError {
  const message = `The cache's worker is lost: ${detail}`;
  return new AudioCacheError('WORKER_LOST', message, cause === undefined ? {} : { cause });
}

/** Why a call was given up. */
export function deadlineExceeded(timeoutMs: number): AudioCacheError {
  return new AudioCacheError(
    'DEADLINE_EXCEEDED',
    `The cache did not answer within ${timeoutMs} ms; raise callTimeoutMs.`,
  );
}

function isNotCloneable(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'DataCloneError';
}

/** Why a call could not be made. */
export function notCloneable(cause: unknown): AudioCacheError {
  return new AudioCacheError('INVALID_SPEC', 'What was passed holds something that is no data.', {
    cause,
  });
}
