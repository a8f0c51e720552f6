/** What a page can listen to with `cache.on(type, listener)`. */
import type { AudioCacheError } from '../core/protocol/audio-cache-error';
import type { CacheEvent } from '../core/protocol/messages';
import type { CacheStats, ClipSource, MissReason } from '../core/protocol/values';

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
  /** Why it had to be synthesized, where this page did that. */
  readonly missReason: MissReason | undefined;
}

/** Something else this page asked of the cache was done. Only told while somebody listens. */
export interface OperationEvent {
  readonly type: 'operation';
  /** The request, such as `put` or `get` (told for a miss; a hit is `served`). */
  readonly name: string;
  /** Of the entry meant, where the caller named it or the answer did. */
  readonly key: string | undefined;
  readonly latencyMs: number;
  readonly byteLength: number | undefined;
  /** Whether there was one, where that is the question; false for a miss. */
  readonly isFound: boolean | undefined;
}

/** A call of this page failed: it ended without a clip, or something else it asked of the cache was not done. */
export interface FailedEvent {
  readonly type: 'failed';
  readonly error: AudioCacheError;
  /** The request, such as `put`; absent where a clip was asked for. */
  readonly name?: string | undefined;
  /** Of the entry meant, where the caller named it. */
  readonly key?: string | undefined;
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
  | OperationEvent
  | FailedEvent
  | OwnerChangedEvent
  | Exclude<CacheEvent, { readonly type: 'snapshot' | 'fill-abandoned' | 'configured' }>;

/** The event of each type. */
export type ClientEventMap = { readonly [Event in ClientEvent as Event['type']]: Event };
