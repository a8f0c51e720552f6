/**
 * A store that lives in a worker, as a store for the page: synchronous access handles exist in workers only, and the
 * contract suite runs in the page.
 */
import { transfer, wrap } from 'comlink';
import { decodeError } from '../core/protocol/audio-cache-error';
import type { Amount, Entry, StoreReport } from '../core/protocol/values';
import type {
  AudioStore,
  EntrySummary,
  ListOptions,
  Reclaimed,
  Removed,
  StoredMetadata,
  StoredPage,
  Use,
} from '../core/storage/store';
import type { StoreEndpoint, StoreMethod, StoreState, StoreValue, StoreWorkerEndpoint } from './store-endpoint';

/**
 * Returns what opens stores in a worker that answers as `StoreWorkerEndpoint` says. Opening rejects with what the
 * worker's store rejects with, code and cause included, or when the worker's script fails.
 */
export function remoteStoresOf(worker: Worker, kind: AudioStore['kind']): (place: string) => Promise<AudioStore> {
  // One for all stores and held by the result: the worker stops listening once the page's end is garbage.
  const endpoint = wrap<StoreWorkerEndpoint>(worker);
  const failure = new Promise<never>((_, reject) => {
    worker.addEventListener('error', ({ message }) => reject(new Error(`The worker failed: ${message}`)));
  });
  failure.catch(() => {}); // It may come before anyone waits for it.
  return async (place) => {
    const { port1, port2 } = new MessageChannel();
    const outcome = await Promise.race([endpoint.open(place, transfer(port2, [port2])), failure]);
    if ('error' in outcome) throw decodeError(outcome.error);
    // Comlink's types lose what a generic method's arguments have to do with its result; what runs is the worker's own.
    const store = wrap<StoreEndpoint>(port1) as unknown as StoreEndpoint;
    return new RemoteStore(store, kind, outcome.value);
  };
}

class RemoteStore implements AudioStore {
  readonly kind: AudioStore['kind'];
  readonly #endpoint: StoreEndpoint;
  /** As of the latest answer. */
  #state: StoreState;

  constructor(endpoint: StoreEndpoint, kind: AudioStore['kind'], state: StoreState) {
    this.#endpoint = endpoint;
    this.kind = kind;
    this.#state = state;
  }

  read(key: string): Promise<Entry | undefined> {
    return this.#call('read', key);
  }

  readMetadata(key: string): Promise<StoredMetadata | undefined> {
    return this.#call('readMetadata', key);
  }

  write(...args: Parameters<AudioStore['write']>): Promise<void> {
    return this.#call('write', ...args);
  }

  remove(key: string): Promise<number | undefined> {
    return this.#call('remove', key);
  }

  clear(sparesProtected?: boolean): Promise<Amount> {
    return this.#call('clear', sparesProtected);
  }

  touch(key: string, use: Use): void {
    this.#call('touch', key, use).catch(reportError);
  }

  removeExpired(nowMs: number, maxEntries: number): Promise<Removed> {
    return this.#call('removeExpired', nowMs, maxEntries);
  }

  evict(bytes: number, maxEntries: number): Promise<Removed> {
    return this.#call('evict', bytes, maxEntries);
  }

  list(options: ListOptions): Promise<StoredPage> {
    return this.#call('list', options);
  }

  survey(keys: readonly string[]): Promise<readonly (EntrySummary | undefined)[]> {
    return this.#call('survey', keys);
  }

  protect(keys: Iterable<string>, isProtected: boolean): void {
    // Not every iterable can be posted.
    this.#call('protect', [...keys], isProtected).catch(reportError);
  }

  limit(maxBytes: number): void {
    this.#call('limit', maxBytes).catch(reportError);
  }

  readNote(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    return this.#call('readNote');
  }

  writeNote(...args: Parameters<AudioStore['writeNote']>): Promise<void> {
    return this.#call('writeNote', ...args);
  }

  usage(): Amount {
    return this.#state.usage;
  }

  reclaim(): Promise<Reclaimed> {
    return this.#call('reclaim');
  }

  report(): StoreReport {
    return this.#state.report;
  }

  flush(): Promise<void> {
    return this.#call('flush');
  }

  close(): Promise<void> {
    return this.#call('close');
  }

  /** Posts at once, so that calls reach the worker in their order and buffers are the caller's again. */
  async #call<Method extends StoreMethod>(
    method: Method,
    ...args: Parameters<AudioStore[Method]>
  ): Promise<StoreValue<Method>> {
    const { outcome, usage, report } = await this.#endpoint.call(method, ...args);
    this.#state = { usage, report };
    if ('error' in outcome) throw decodeError(outcome.error);
    return outcome.value;
  }
}
