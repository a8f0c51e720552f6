/**
 * The floor under a hit: what a bare `slice()` and a transferred message cost, with no cache around them.
 *
 * It is answered by the very worker that holds the cache (`worker.ts`), since two workers alike differed by up to 40 %.
 * Both its ends listen before Comlink does and keep their messages from it.
 */

/** The page's end. */
export class Floor {
  readonly #worker: Worker;
  #resolve: (bytes: ArrayBuffer) => void = () => {};

  /** To be made before anything else listens to the worker. */
  constructor(worker: Worker) {
    this.#worker = worker;
    worker.addEventListener('message', (event) => {
      if (!(event.data instanceof ArrayBuffer)) return;
      event.stopImmediatePropagation();
      this.#resolve(event.data);
    });
  }

  /** Has the worker hold a copy of these bytes under the next index, from 0 up. */
  hold(bytes: ArrayBuffer): void {
    this.#worker.postMessage(bytes);
  }

  /** Resolves to a copy of what is held; one call at a time. */
  slice(index: number): Promise<ArrayBuffer> {
    return new Promise((resolve) => {
      this.#resolve = resolve;
      this.#worker.postMessage(index);
    });
  }
}
