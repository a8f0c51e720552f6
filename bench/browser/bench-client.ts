/** The published client on a worker that also answers the floor. */
import { AudioCacheClient, type AudioCacheClientOptions } from '../../src/index';
import { Floor } from './floor';

/** A client and the floor beneath it, in one worker. */
export interface BenchClient {
  readonly cache: AudioCacheClient;
  readonly floor: Floor;
}

/** Opens a client; whatever it warns about ends the benchmark. */
export function openBenchClient(options: AudioCacheClientOptions): BenchClient {
  const worker = new Worker(new URL('../worker/cache-worker.ts', import.meta.url), { type: 'module', name: 'bench' });
  const floor = new Floor(worker);
  const cache = new AudioCacheClient({
    ...options,
    worker: () => worker,
    onWarning: (message) => reportError(new Error(message)),
  });
  return { cache, floor };
}

/**
 * Makes sure that numbers of the disk are those of the engine.
 * @throws Error when the client's disk is another one
 */
export async function assertOnOpfs(cache: AudioCacheClient): Promise<void> {
  const { store } = (await cache.stats()).runtime;
  if (store !== 'opfs') throw new Error(`The disk is ${store} and should be opfs`);
}
