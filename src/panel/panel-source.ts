/**
 * What the panel asks of a cache. Structural on purpose: `AudioCacheClient` fits as it is, and so does anything else
 * with these methods, while the panel's file carries none of the client's code.
 */
import type { CacheStats, EntriesPage } from '../../core/protocol/values';
import type { ClientEvent, ClientEventMap } from '../client-events';

/** A clip as far as the panel needs it: it can be heard and silenced. */
export interface PanelClip {
  /** Resolves when the sound ends or was stopped. */
  play(): Promise<unknown>;
  stop(): void;
}

/** The part of `AudioCacheClient` that `<audio-cache-panel>` uses. */
export interface PanelSource {
  /** The latest statistics, at once; the same object until something changed. */
  getSnapshot(): CacheStats;
  /** Renews the snapshot even if nothing happened, since its windows of time go on. */
  stats(): Promise<unknown>;
  /** Calls back whenever the snapshot changed; the returned function ends that. */
  subscribe(listener: () => void): () => void;
  /** Calls back with each event of a type; the returned function ends that. */
  on<Type extends ClientEvent['type']>(type: Type, listener: (event: ClientEventMap[Type]) => void): () => void;
  /** Entries by last access, latest first. */
  entries(page: { readonly limit: number }): Promise<EntriesPage>;
  /** The clip of a key, undefined on a miss. Counted and announced like any other request. */
  get(address: { readonly key: string }): Promise<PanelClip | undefined>;
  delete(address: { readonly key: string }): Promise<boolean>;
}
