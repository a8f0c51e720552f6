/**
 * A bundle: one file that carries entries from one cache to another, to back up, to hand on, to ship with an app.
 *
 * It is an ordinary ZIP whose files are stored as they are, so that any tool opens it and the audio in it plays:
 *
 *      audio/000001-0f3a9c12.mp3    the audio, numbered in the order in which it was written
 *      audio/000002-77be01d4.wav
 *      manifest.json                what the bundle is and holds, see `manifest.ts`; written last
 *
 * Only the manifest says which file is which entry's. No name ever becomes a path of ours.
 */
import { AudioCacheError } from '../protocol/audio-cache-error';
import type { EntryMetadata } from '../protocol/values';

/** What goes with one entry: what every tier keeps, and what the disk tier adds. */
export interface BundleMetadata extends EntryMetadata {
  readonly collections?: readonly string[] | undefined;
  readonly pinned?: boolean | undefined;
}

/** One entry on its way from cache to cache. */
export interface BundleEntry {
  readonly metadata: BundleMetadata;
  readonly bytes: ArrayBuffer;
}

/** A bundle that was checked down to the last byte of audio. */
export interface Bundle {
  readonly entries: number;
  /** Of audio. */
  readonly bytes: number;
  readonly createdAtMs: number;
  /** Of the cache that it came from. */
  readonly namespace: string;
  /**
   * The entries in the order in which they were written, read one at a time; the caller owns their bytes. Can be called
   * again.
   * @throws AudioCacheError `BUNDLE_INVALID` when the file changed since it was opened
   */
  read(): AsyncIterable<BundleEntry>;
}

/** The error for a bundle that is none, or is damaged. */
export function bundleInvalid(message: string, cause?: unknown): AudioCacheError {
  return new AudioCacheError('BUNDLE_INVALID', message, cause === undefined ? {} : { cause });
}
