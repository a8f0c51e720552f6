/**
 * Audio while it arrives: collected once, read by whoever wants it, as it comes or when it is whole.
 */

import { concatenate } from '../core/concatenate';
import type { ClipBody } from './clip-body';

/** Grows by `append` until `finish` or `fail`. Readers share the pieces and must not change them. */
export class GrowingBody implements ClipBody {
  readonly #chunks: Uint8Array<ArrayBuffer>[] = [];
  readonly #whole: Promise<void>;
  #byteLength = 0;
  #isOver = false;
  #wake: () => void = () => {};
  #grown: Promise<void>;
  #resolveWhole: () => void = () => {};
  #rejectWhole: (error: unknown) => void = () => {};

  constructor() {
    this.#whole = new Promise((resolve, reject) => {
      this.#resolveWhole = resolve;
      this.#rejectWhole = reject;
    });
    // Whoever reads learns of the failure; a body nobody reads has none to tell.
    this.#whole.catch(() => {});
    this.#grown = this.#nextGrowth();
  }

  get byteLength(): number {
    return this.#byteLength;
  }

  get whole(): Promise<void> {
    return this.#whole;
  }

  /** The first bytes, up to `length`, of what is there. */
  head(length: number): Uint8Array {
    const head = new Uint8Array(Math.min(length, this.#byteLength));
    let offset = 0;
    for (const chunk of this.#chunks) {
      if (offset >= head.length) break;
      head.set(chunk.subarray(0, head.length - offset), offset);
      offset += chunk.length;
    }
    return head;
  }

  append(chunk: Uint8Array<ArrayBuffer>): void {
    if (chunk.byteLength === 0) return;
    this.#chunks.push(chunk);
    this.#byteLength += chunk.byteLength;
    this.#grow();
  }

  finish(): void {
    this.#isOver = true;
    this.#resolveWhole();
    this.#grow();
  }

  fail(error: unknown): void {
    this.#isOver = true;
    this.#rejectWhole(error);
    this.#grow();
  }

  copy(): ArrayBuffer {
    return concatenate(this.#chunks);
  }

  take(): ArrayBuffer {
    return this.copy();
  }

  stream(): ReadableStream<Uint8Array<ArrayBuffer>> {
    let next = 0;
    return new ReadableStream({
      pull: async (controller) => {
        while (next >= this.#chunks.length && !this.#isOver) await this.#grown;
        const chunk = this.#chunks[next++];
        if (chunk !== undefined) {
          controller.enqueue(chunk.slice());
          return;
        }
        await this.#whole;
        controller.close();
      },
    });
  }

  #grow(): void {
    const wake = this.#wake;
    this.#grown = this.#nextGrowth();
    wake();
  }

  #nextGrowth(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}
