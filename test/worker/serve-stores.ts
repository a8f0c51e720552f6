/** The worker's side of `test/store-endpoint.ts`. */
import { expose } from 'comlink';
import { encodeError } from '../../core/protocol/encode-error';
import type { Outcome } from '../../core/protocol/messages';
import type { AudioStore } from '../../core/storage/store';
import type { StoreEndpoint, StoreMethod, StoreWorkerEndpoint } from '../store-endpoint';

/** Returns what a worker exposes so that pages can use the stores it opens. */
export function serveStores(openStore: (place: string) => Promise<AudioStore>): StoreWorkerEndpoint {
  return {
    open: (place, port) =>
      outcomeOf(async () => {
        const store = await openStore(place);
        expose(serveStore(store), port);
        return stateOf(store);
      }),
  };
}

function serveStore(store: AudioStore): StoreEndpoint {
  return {
    // Calls the store before it awaits anything, so that it sees calls in their order.
    call: async (method, ...args) => ({
      outcome: await outcomeOf(() => callOf(store, method)(...args)),
      ...stateOf(store),
    }),
  };
}

/** The method, bound. The union of all methods has no common arguments to call it with. */
function callOf<Method extends StoreMethod>(store: AudioStore, method: Method) {
  return store[method].bind(store) as (...args: Parameters<AudioStore[Method]>) => ReturnType<AudioStore[Method]>;
}

function stateOf(store: AudioStore) {
  return { usage: store.usage(), report: store.report() };
}

async function outcomeOf<Value>(run: () => Value): Promise<Outcome<Awaited<Value>>> {
  try {
    return { value: await run() };
  } catch (error) {
    return { error: encodeError(error) };
  }
}
