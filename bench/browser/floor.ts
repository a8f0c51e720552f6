/**
 * The floor under a hit: what a bare `slice()` and a transferred message cost, with no cache around them. And the floor under a
 * put: the same the other way, and a write to one open file.
 *
 * It is answered by the very worker that holds the cache (`../worker/floor-answers.ts`), since two workers alike differed by up to 40 %.
 * Both its ends listen before Comlink does and keep their messages from it.
 */

import { END_OF_WRITES, type FloorWrite } from '../floor-messages';

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
    return this.#ask(index);
  }

  /** Has the worker write a copy of these bytes; one call at a time. */
  async write(bytes: ArrayBuffer): Promise<void> {
    const floorWrite = bytes.slice(0);
    await this.#ask({ floorWrite } satisfies FloorWrite, [floorWrite]);
  }

  /** Ends the writes. */
  async endWrites(): Promise<void> {
    await this.#ask(END_OF_WRITES);
  }

  #ask(message: unknown, transfer: Transferable[] = []): Promise<ArrayBuffer> {
    return new Promise((resolve) => {
      this.#resolve = resolve;
      this.#worker.postMessage(message, transfer);
    });
  }
}
