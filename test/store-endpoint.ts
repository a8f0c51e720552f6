/** What a page says to a worker that holds stores for it: the protocol between `remote-store.ts` and `worker/`. */
import type { Outcome } from '../core/protocol/messages';
import type { Amount, StoreReport } from '../core/protocol/values';
import type { AudioStore } from '../core/storage/store';

/** The methods of a store that are carried over to the worker. */
export type StoreMethod = Exclude<keyof AudioStore, 'kind' | 'usage' | 'report'>;

/** What a method resolves to. */
export type StoreValue<Method extends StoreMethod> = Awaited<ReturnType<AudioStore[Method]>>;

/** What a store tells of itself at once, which no question to another thread can; so it comes with every answer. */
export interface StoreState {
  readonly usage: Amount;
  readonly report: StoreReport;
}

/** How a call ended, and the store's state right after it. */
export interface StoreAnswer<Method extends StoreMethod> extends StoreState {
  readonly outcome: Outcome<StoreValue<Method>>;
}

/** The one object the worker exposes. */
export interface StoreWorkerEndpoint {
  /** Opens a store over the data kept at `place`, and exposes it at the port: calls are begun in the order they come. */
  open(place: string, port: MessagePort): Promise<Outcome<StoreState>>;
}

/** A store at the worker's end of its port. */
export interface StoreEndpoint {
  call<Method extends StoreMethod>(
    method: Method,
    ...args: Parameters<AudioStore[Method]>
  ): Promise<StoreAnswer<Method>>;
}
