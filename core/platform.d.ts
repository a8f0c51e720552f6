/**
 * The few globals that every runtime of `core` has (pages, workers, service workers, Node), declared here so that
 * `core` compiles without the DOM's or Node's types. Only `core/tsconfig.json` includes this file; each runtime's own
 * tsconfig checks the same sources against the full types.
 */
declare function setTimeout(callback: () => void, delayMs?: number): number;
declare function clearTimeout(timer: number): void;

interface ErrorOptions {
  cause?: unknown;
}

declare class TextEncoder {
  encode(text: string): Uint8Array<ArrayBuffer>;
}

declare class TextDecoder {
  constructor(label: 'utf-8', options: { fatal: boolean });
  decode(bytes: Uint8Array, options: { stream: boolean }): string;
}

interface AbortSignal {
  readonly aborted: boolean;
  readonly reason: unknown;
  addEventListener(type: 'abort', listener: () => void, options?: { once?: boolean }): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

interface CryptoKey {
  readonly type: string;
}

declare const crypto: {
  readonly subtle:
    | {
        digest(algorithm: 'SHA-256', data: Uint8Array<ArrayBuffer>): Promise<ArrayBuffer>;
        importKey(
          format: 'raw',
          key: Uint8Array<ArrayBuffer>,
          algorithm: { name: 'HMAC'; hash: 'SHA-256' },
          extractable: boolean,
          usages: ['sign'],
        ): Promise<CryptoKey>;
        sign(algorithm: 'HMAC', key: CryptoKey, data: Uint8Array<ArrayBuffer>): Promise<ArrayBuffer>;
      }
    | undefined;
};

interface ReadableStreamController<Chunk> {
  enqueue(chunk: Chunk): void;
  close(): void;
  error(reason: unknown): void;
}

declare class ReadableStream<Chunk = unknown> {
  constructor(
    source: {
      start?(controller: ReadableStreamController<Chunk>): void;
      pull?(controller: ReadableStreamController<Chunk>): void | Promise<void>;
      cancel?(reason: unknown): void | Promise<void>;
    },
    strategy: { highWaterMark: number },
  );
  pipeThrough(transformation: CompressionStream | DecompressionStream): ReadableStream;
}

declare class Blob {
  constructor(parts: readonly (Uint8Array<ArrayBuffer> | Blob)[], options?: { type: string });
  readonly size: number;
  readonly type: string;
  slice(startBytes: number, endBytes: number): Blob;
  arrayBuffer(): Promise<ArrayBuffer>;
  stream(): ReadableStream<Uint8Array<ArrayBuffer>>;
}

declare class Response {
  constructor(body: ReadableStream);
  arrayBuffer(): Promise<ArrayBuffer>;
}

declare class CompressionStream {
  constructor(format: 'deflate-raw');
}

declare class DecompressionStream {
  constructor(format: 'deflate-raw');
}
