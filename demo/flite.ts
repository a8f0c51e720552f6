/** Flite as the page sees it. */
import type { FliteAnswer, FliteRequest } from './flite-protocol';

/** Speech made on this machine, without any network. */
export class Flite {
  #worker: Worker | undefined;
  /** Settles when all requests so far have: the worker takes one at a time, and those that wait can still be left. */
  #queue: Promise<unknown> = Promise.resolve();

  /** Starts the worker, which loads and compiles Flite (21 MB), so that the first phrase need not wait for it. */
  prepare(): void {
    this.#worker ??= new Worker(new URL('./flite-worker.ts', import.meta.url), { type: 'module' });
  }

  /** Resolves to a WAV file. Aborting takes a waiting phrase out of the queue; one that is being made is finished. */
  speak(request: FliteRequest, signal: AbortSignal): Promise<ArrayBuffer> {
    const wav = this.#queue.then(() => {
      signal.throwIfAborted();
      return this.#ask(request);
    });
    this.#queue = wav.catch(() => {});
    return wav;
  }

  async #ask(request: FliteRequest): Promise<ArrayBuffer> {
    this.prepare();
    const worker = this.#worker;
    const answer = await new Promise<FliteAnswer>((resolve) => {
      if (!worker) return;
      worker.onmessage = ({ data }: MessageEvent<FliteAnswer>) => resolve(data);
      worker.onerror = () => resolve({ error: 'The worker that runs Flite could not be started.' });
      worker.postMessage(request);
    });
    if ('wav' in answer) return answer.wav;
    // Loading may have failed: the next phrase tries again with a new worker.
    worker?.terminate();
    this.#worker = undefined;
    throw new Error(answer.error);
  }
}
