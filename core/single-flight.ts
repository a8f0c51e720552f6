/**
 * One synthesis per key, however many ask.
 *
 * The first caller of a key is granted its fill: it synthesizes and sends the audio. Everybody after it waits. A fill
 * ends in one of three ways: it *completes* (all waiters get the result), it *fails* (all waiters get the error), or
 * its filler is gone (aborted, or its lease ran out) and the next waiter is granted. So no key is ever stuck, and
 * a phrase is paid for twice only when a filler came back after its lease. This class knows callers only by their ids: it works the same for one page, many tabs, or many
 * processes.
 */
import type { Clock } from './clock';
import type { SpeechSpec } from './protocol/values';

/** How a wait ended: with the audio, or with the task of synthesizing it. */
export type FillOutcome<Result> =
  | { readonly type: 'completed'; readonly result: Result }
  | { readonly type: 'granted'; readonly fillId: string };

/** What a caller is told when it joins. */
export type JoinOutcome = { readonly type: 'granted'; readonly fillId: string } | { readonly type: 'pending' };

/** What is being synthesized. */
export interface FillSubject {
  readonly key: string;
  readonly canonical: string;
  readonly spec: SpeechSpec;
}

/** A fill that has just been completed by its filler. */
export interface CompletedFill {
  readonly subject: FillSubject;
  /** The audio so far, in the order in which it was sent. */
  readonly chunks: readonly ArrayBuffer[];
}

/** Where time comes from, and who is told. */
export interface SingleFlightOptions {
  readonly clock: Clock;
  /** Begins every fill id, so that one granted by a worker since lost means nothing to the next worker. */
  readonly idPrefix: string;
  /** A filler that is not heard of for this long is taken for gone. */
  readonly leaseMs: number;
  /** Nobody wants this fill's clip any more. */
  readonly onAbandoned: (fillId: string) => void;
}

interface Waiter<Result> {
  readonly promise: Promise<FillOutcome<Result>>;
  readonly resolve: (outcome: FillOutcome<Result>) => void;
  readonly reject: (error: unknown) => void;
}

interface Fill<Result> {
  readonly subject: FillSubject;
  fillId: string;
  /** The caller that synthesizes, while it still wants the clip itself. */
  fillerCallId: string | undefined;
  /** In the order in which they came: the next filler is the first. */
  readonly waiterByCallId: Map<string, Waiter<Result>>;
  chunks: ArrayBuffer[];
  cancelLease: () => void;
}

/** The fills under way. */
export class SingleFlight<Result> {
  readonly #options: SingleFlightOptions;
  readonly #fillByKey = new Map<string, Fill<Result>>();
  readonly #fillById = new Map<string, Fill<Result>>();
  readonly #fillByCallId = new Map<string, Fill<Result>>();
  /** Those told to wait who have neither come back for the outcome nor left. */
  readonly #waiterByCallId = new Map<string, Waiter<Result>>();
  #lastFillNumber = 0;

  constructor(options: SingleFlightOptions) {
    this.#options = options;
  }

  /** How many syntheses are under way. */
  get size(): number {
    return this.#fillByKey.size;
  }

  /** The key of a fill under way. */
  keyOf(fillId: string): string | undefined {
    return this.#fillById.get(fillId)?.subject.key;
  }

  /** Grants the fill of the subject's key to this caller, or lets it wait for the one under way. */
  join(subject: FillSubject, callId: string): JoinOutcome {
    const current = this.#fillByKey.get(subject.key);
    if (current === undefined) return { type: 'granted', fillId: this.#start(subject, callId).fillId };
    const waiter = createWaiter<Result>();
    current.waiterByCallId.set(callId, waiter);
    this.#waiterByCallId.set(callId, waiter);
    this.#fillByCallId.set(callId, current);
    return { type: 'pending' };
  }

  /**
   * Waits for the fill that this caller was told is pending, whether or not it has ended since. Once per `join`;
   * undefined for a caller that was not told so, or has left.
   */
  wait(callId: string): Promise<FillOutcome<Result>> | undefined {
    const waiter = this.#waiterByCallId.get(callId);
    this.#waiterByCallId.delete(callId);
    return waiter?.promise;
  }

  /**
   * Ends the interest of a caller. A fill that it has begun goes on: whether to stop it is for the filler to say. One
   * that it was granted and never began (`hasBegun` false) goes to the next caller.
   */
  leave(callId: string, hasBegun: boolean): void {
    this.#waiterByCallId.delete(callId);
    const fill = this.#fillByCallId.get(callId);
    if (fill === undefined) return;
    this.#fillByCallId.delete(callId);
    // Whoever carried the request waits for an answer still.
    fill.waiterByCallId.get(callId)?.reject(new Error('The caller no longer waits for this clip'));
    fill.waiterByCallId.delete(callId);
    if (fill.fillerCallId === callId) {
      fill.fillerCallId = undefined;
      if (!hasBegun) {
        this.abandon(fill.fillId);
        return;
      }
    }
    if (fill.fillerCallId === undefined && fill.waiterByCallId.size === 0) this.#options.onAbandoned(fill.fillId);
  }

  /** Extends the lease of a fill still under way. An id that is not (or no longer) known is ignored. */
  renew(fillId: string): void {
    const fill = this.#fillById.get(fillId);
    if (fill !== undefined) this.#startLease(fill);
  }

  /**
   * Takes a piece of audio and extends the lease; a piece at offset 0 replaces all before it. Pieces of a fill that is
   * no longer this filler's are dropped.
   */
  append(fillId: string, offsetBytes: number, chunk: ArrayBuffer): void {
    const fill = this.#fillById.get(fillId);
    if (fill === undefined) return;
    if (offsetBytes === 0) fill.chunks = [];
    fill.chunks.push(chunk);
    this.#startLease(fill);
  }

  /**
   * Hands over the audio of a fill that its filler calls complete. The fill stays under way, so that newcomers join
   * it, until `settle` or `fail` says how storing it went. Undefined when the fill is no longer this filler's.
   */
  collect(fillId: string): CompletedFill | undefined {
    const fill = this.#fillById.get(fillId);
    if (fill === undefined) return undefined;
    fill.cancelLease();
    return fill;
  }

  /** Ends a fill with one result, shared by all who waited for it. */
  settle(fillId: string, result: Result): void {
    for (const waiter of this.#end(fillId)) waiter.resolve({ type: 'completed', result });
  }

  /** Ends a fill with an error for every waiter. */
  fail(fillId: string, error: unknown): void {
    for (const waiter of this.#end(fillId)) waiter.reject(error);
  }

  /** The filler gives up or is gone: the caller that has waited longest is granted, or the fill ends. */
  abandon(fillId: string): void {
    const fill = this.#fillById.get(fillId);
    if (fill === undefined) return;
    this.#fillById.delete(fillId);
    fill.cancelLease();
    if (fill.fillerCallId !== undefined) this.#fillByCallId.delete(fill.fillerCallId);
    fill.chunks = [];
    const next = fill.waiterByCallId.entries().next();
    if (next.done) {
      this.#fillByKey.delete(fill.subject.key);
      return;
    }
    const [callId, waiter] = next.value;
    fill.waiterByCallId.delete(callId);
    fill.fillId = this.#nextFillId();
    fill.fillerCallId = callId;
    this.#fillById.set(fill.fillId, fill);
    this.#startLease(fill);
    waiter.resolve({ type: 'granted', fillId: fill.fillId });
  }

  #start(subject: FillSubject, callId: string): Fill<Result> {
    const fill: Fill<Result> = {
      subject,
      fillId: this.#nextFillId(),
      fillerCallId: callId,
      waiterByCallId: new Map(),
      chunks: [],
      cancelLease: () => {},
    };
    this.#fillByKey.set(subject.key, fill);
    this.#fillById.set(fill.fillId, fill);
    this.#fillByCallId.set(callId, fill);
    this.#startLease(fill);
    return fill;
  }

  #startLease(fill: Fill<Result>): void {
    fill.cancelLease();
    fill.cancelLease = this.#options.clock.schedule(() => this.abandon(fill.fillId), this.#options.leaseMs);
  }

  /** Forgets a fill and returns those who waited for it. */
  #end(fillId: string): readonly Waiter<Result>[] {
    const fill = this.#fillById.get(fillId);
    if (fill === undefined) return [];
    fill.cancelLease();
    this.#fillById.delete(fillId);
    this.#fillByKey.delete(fill.subject.key);
    if (fill.fillerCallId !== undefined) this.#fillByCallId.delete(fill.fillerCallId);
    for (const callId of fill.waiterByCallId.keys()) this.#fillByCallId.delete(callId);
    return [...fill.waiterByCallId.values()];
  }

  #nextFillId(): string {
    return `${this.#options.idPrefix}-${++this.#lastFillNumber}`;
  }
}

function createWaiter<Result>(): Waiter<Result> {
  let resolve: Waiter<Result>['resolve'] = () => {};
  let reject: Waiter<Result>['reject'] = () => {};
  const promise = new Promise<FillOutcome<Result>>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  // A waiter that has left never looks at its promise; its rejection is nobody's error.
  promise.catch(() => {});
  return { promise, resolve, reject };
}
