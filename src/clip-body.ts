/**
 * The audio inside a clip: whole, as the cache hands it over, or still growing (`growing-body.ts`).
 */

/** Audio that a clip reads. Whatever it hands out is the receiver's own. */
export interface ClipBody {
  /** Bytes so far. */
  readonly byteLength: number;
  /** Resolves when all is there; rejects when the synthesis broke off. */
  readonly whole: Promise<void>;
  /** A copy of what is there so far. */
  copy(): ArrayBuffer;
  /** The bytes themselves where they are this body's alone, else a copy. */
  take(): ArrayBuffer;
  /** The audio from its first byte, as it comes. */
  stream(): ReadableStream<Uint8Array<ArrayBuffer>>;
}

/** Audio that is all there, in a buffer of its own. */
export class WholeBody implements ClipBody {
  readonly whole = Promise.resolve();
  readonly #bytes: ArrayBuffer;

  /** Takes the bytes over. */
  constructor(bytes: ArrayBuffer) {
    this.#bytes = bytes;
  }

  get byteLength(): number {
    return this.#bytes.byteLength;
  }

  copy(): ArrayBuffer {
    return this.#bytes.slice(0);
  }

  take(): ArrayBuffer {
    return this.#bytes;
  }

  stream(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return new Blob([this.#bytes]).stream();
  }
}
