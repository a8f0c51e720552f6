/** What a page can listen to with `cache.on(type, listener)`. */
import type { AudioCacheError } from '../core/protocol/audio-cache-error';
import type { CacheEvent } from '../core/protocol/messages';
import type { CacheStats, ClipSource } from '../core/protocol/values';

/** A clip was handed to a caller of this page. */
export interface ServedEvent {
  readonly type: 'served';
  readonly key: string;
  readonly source: ClipSource;
  /** From the call to the clip, as this page measured it. */
  readonly latencyMs: number;
  readonly byteLength: number;
  /** True when the caller waited for a synthesis that another one had started. */
  readonly joined: boolean;
  /** The phrase, where the caller named it. */
  readonly text: string | undefined;
}

/** A call of this page ended without a clip. */
export interface FailedEvent {
  readonly type: 'failed';
  readonly error: AudioCacheError;
}

/** Another tab serves this one from now on, or this one serves the others. */
export interface OwnerChangedEvent {
  readonly type: 'owner-changed';
  /** What this tab is now. */
  readonly role: CacheStats['runtime']['role'];
}

/** Everything a page is told: its own calls, and what happened in the cache. */
export type ClientEvent =
  | ServedEvent
  | FailedEvent
  | OwnerChangedEvent
  | Exclude<CacheEvent, { readonly type: 'snapshot' } | { readonly type: 'fill-abandoned' }>;

/** The event of each type. */
export type ClientEventMap = { readonly [Event in ClientEvent as Event['type']]: Event };
