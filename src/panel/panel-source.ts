/**
 * What the panel asks of a cache. Structural on purpose: `AudioCacheClient` fits as it is, and so does anything else
 * with these methods, while the panel's file carries none of the client's code. What is optional may be missing: the
 * controls that need it are then left out.
 */
import type {
  Amount,
  CacheStats,
  CleanupReport,
  CollectionDeletion,
  CollectionsPage,
  EntriesPage,
  EntrySort,
  PriceConfig,
  SpeechSpec,
  VerifyReport,
} from '../../core/protocol/values';
import type { ClientEvent, ClientEventMap } from '../client-events';

/** A clip as far as the panel needs it: it can be heard and silenced. */
export interface PanelClip {
  /** Resolves when the sound ends or was stopped. */
  play(): Promise<unknown>;
  stop(): void;
}

/** What a page of entries is chosen by. */
export interface PanelEntriesQuery {
  readonly limit: number;
  readonly cursor?: string | undefined;
  readonly sort?: EntrySort | undefined;
  readonly collection?: string | undefined;
  readonly search?: string | undefined;
}

/** An entry by its key, or a whole collection by its name. */
export type PanelTarget = { readonly key: string } | { readonly collection: string };

/** Told how far something long has come. */
export interface PanelProgress {
  readonly onProgress?: ((progress: { readonly done: number; readonly total: number }) => void) | undefined;
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
  /** Entries, by default those used last first. A page may be shorter than its limit and not the last. */
  entries(query: PanelEntriesQuery): Promise<EntriesPage>;
  /** The clip of a key, undefined on a miss. Counted and announced like any other request. */
  get(address: { readonly key: string }): Promise<PanelClip | undefined>;
  delete(address: { readonly key: string }): Promise<boolean>;

  /** Synthesizes a phrase anew and replaces its entry. */
  regenerate?(spec: SpeechSpec): Promise<unknown>;
  pin?(target: PanelTarget): Promise<unknown>;
  /** Resolves to what of it stays pinned for another reason. */
  unpin?(target: PanelTarget): Promise<Amount>;
  collections?(page: { readonly limit: number; readonly cursor?: string | undefined }): Promise<CollectionsPage>;
  deleteCollection?(name: string): Promise<CollectionDeletion>;
  /** A bundle of a collection, or of everything. */
  exportBundle?(
    options: PanelProgress & { readonly collection?: string | undefined },
  ): Promise<ReadableStream<Uint8Array<ArrayBuffer>>>;
  importBundle?(
    file: Blob,
    options: PanelProgress,
  ): Promise<{ readonly imported: number; readonly kept: number; readonly refused: number }>;
  /** A collection as one playable file. */
  exportAudio?(collection: string): Promise<Blob>;
  cleanup?(): Promise<CleanupReport>;
  startCleanup?(): Promise<unknown>;
  stopCleanup?(): Promise<unknown>;
  verify?(options: PanelProgress): Promise<VerifyReport>;
  configure?(change: { readonly price: PriceConfig }): Promise<unknown>;
  /** Asks the browser to keep the storage; resolves to whether it has agreed. */
  persist?(): Promise<boolean>;
}
