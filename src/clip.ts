/**
 * What the caller gets: the audio of one phrase, ready to be played, decoded, saved or sent on.
 */
import type { ClipMetadata, ClipSource } from '../core/protocol/values';
import type { ClipBody } from './clip-body';

/** How a clip is played. */
export interface PlayOptions {
  /** 0 to 1. Default 1. */
  readonly volume?: number | undefined;
  /** Ends the sound; `play()` then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** What a clip is made of. */
export interface ClipParts {
  readonly key: string;
  readonly source: ClipSource;
  readonly joined: boolean;
  readonly metadata: ClipMetadata;
  readonly body: ClipBody;
  /** The player's rate: 1 unless the client's `speedMode` is `playback`. */
  readonly playbackRate: number;
}

/**
 * Audio of one phrase. Its bytes are this clip's own: no other caller and no tier shares them.
 */
export class Clip {
  /** The entry's key; empty only when the worker is lost and the page cannot hash. */
  readonly key: string;
  /** Where the audio came from. */
  readonly source: ClipSource;
  /** True when this caller waited for a synthesis that another one had started. */
  readonly joined: boolean;
  /** Always false today: an expired entry is never served. */
  readonly stale = false;
  readonly metadata: ClipMetadata;
  readonly #body: ClipBody;
  readonly #playbackRate: number;
  #url: string | undefined;
  #stop: () => void = () => {};

  constructor({ key, source, joined, metadata, body, playbackRate }: ClipParts) {
    this.key = key;
    this.source = source;
    this.joined = joined;
    this.metadata = metadata;
    this.#body = body;
    this.#playbackRate = playbackRate;
  }

  /** Media type, such as `audio/mpeg`. */
  get contentType(): string {
    return this.metadata.contentType;
  }

  /** Length in bytes; while a clip still streams in, of what has arrived. */
  get byteLength(): number {
    return this.#body.byteLength;
  }

  /**
   * Resolves to the audio, in a buffer the caller owns: a copy, or with `transfer` the clip's own buffer without
   * copying it, after which the clip must not be used again once that buffer has been changed or detached.
   * @throws AudioCacheError `SYNTHESIS_FAILED` when a clip that was streaming in broke off
   */
  async bytes({ transfer = false }: { readonly transfer?: boolean } = {}): Promise<ArrayBuffer> {
    await this.#body.whole;
    return transfer ? this.#body.take() : this.#body.copy();
  }

  /** Resolves to the audio as a Blob of its media type. Fails as `bytes` does. */
  async blob(): Promise<Blob> {
    await this.#body.whole;
    return new Blob([this.#body.take()], { type: this.contentType });
  }

  /** Resolves to an object URL for media elements, the same one each time, valid until `release`. Fails as `bytes`. */
  async url(): Promise<string> {
    if (this.#url === undefined) {
      const blob = await this.blob();
      // A call beside this one may have been quicker.
      this.#url ??= URL.createObjectURL(blob);
    }
    return this.#url;
  }

  /** The audio as a stream, from its first byte; while it is still being synthesized, as it comes. */
  stream(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return this.#body.stream();
  }

  /** Resolves to the decoded audio; the clip stays usable, since the decoder gets a copy. */
  async decode(audioContext: BaseAudioContext): Promise<AudioBuffer> {
    return audioContext.decodeAudioData(await this.bytes());
  }

  /**
   * Plays the clip from its start and resolves when the sound ends or `stop` is called. Playing it again while it
   * sounds starts it over. Rejects as the platform does: `NotAllowedError` before the person has touched the page,
   * `NotSupportedError` for a format the browser cannot play.
   */
  async play({ volume = 1, signal }: PlayOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    this.#stop();
    // Until there is a sound, stopping means not to begin.
    let isStopped = false;
    this.#stop = () => {
      isStopped = true;
    };
    const blob = await this.blob();
    signal?.throwIfAborted();
    if (isStopped) return;
    const url = URL.createObjectURL(blob);
    const element = new Audio(url);
    element.volume = volume;
    // The pitch is preserved by default.
    element.playbackRate = this.#playbackRate;
    let onAbort = () => {};
    const ended = new Promise<void>((resolve, reject) => {
      this.#stop = resolve;
      onAbort = () => reject(signal?.reason);
      element.addEventListener('ended', () => resolve());
      element.addEventListener('error', () => reject(notPlayable(this.contentType, element.error)));
    });
    // Rejections are seen through the race below; this keeps one that comes later from being called unhandled.
    ended.catch(() => {});
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      await Promise.race([element.play(), ended]);
      await ended;
    } finally {
      signal?.removeEventListener('abort', onAbort);
      element.pause();
      element.removeAttribute('src');
      URL.revokeObjectURL(url);
    }
  }

  /** Ends the sound, if there is one; its `play()` resolves. */
  stop(): void {
    this.#stop();
  }

  /** Ends the sound and gives back what `url` made. The clip can still be used; a new URL is made when needed. */
  release(): void {
    this.#stop();
    if (this.#url !== undefined) URL.revokeObjectURL(this.#url);
    this.#url = undefined;
  }
}

function notPlayable(contentType: string, error: MediaError | null): DOMException {
  return new DOMException(`The browser cannot play ${contentType}: ${error?.message}`, 'NotSupportedError');
}
