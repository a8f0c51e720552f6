/** What joining is for every format. */
import { AudioCacheError } from '../protocol/audio-cache-error';

/** Puts clips of one format together. Takes what it needs of their bytes; they stay the caller's. */
export interface Joiner {
  /** @throws AudioCacheError `INVALID_AUDIO`; `name` is what its message calls the clip */
  add(audio: Uint8Array<ArrayBuffer>, name: string): void;
  /** The whole; there must have been a clip. */
  finish(): Blob;
}

/** The error for clips that make no file; the message is a sentence without its end. */
export function cannotJoin(message: string): AudioCacheError {
  return new AudioCacheError('INVALID_AUDIO', `${message}: nothing was joined.`);
}

/** Whether these letters stand there. */
export function hasTag(bytes: Uint8Array, offset: number, tag: string): boolean {
  if (offset < 0) return false;
  for (let index = 0; index < tag.length; index++) if (bytes[offset + index] !== tag.charCodeAt(index)) return false;
  return true;
}
