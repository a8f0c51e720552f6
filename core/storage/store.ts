/**
 * The contract of a disk store. One test suite (`test/store-contract.ts`) runs over every implementation in its real
 * runtime; whoever adds a store adds it there.
 *
 * A store keeps entries by key and knows the order of their last access. It does not judge: expiry, checksums and
 * limits are the disk tier's business (`core/disk-tier.ts`). It must stay correct with several writers on the same
 * data, since tabs without Web Locks each work alone.
 */
import type { Amount, Durability, EntriesPage, Entry, EntryMetadata, StoreKind, StoreReport } from '../protocol/values';

/** An entry's metadata and when it was last used. */
export interface StoredMetadata {
  readonly metadata: EntryMetadata;
  readonly accessedAtMs: number;
}

/** A page of `list`, without the tiers that only the cache knows. */
export type StoredPage = Pick<EntriesPage, 'cursor'> & { readonly entries: readonly StoredMetadata[] };

/** What one step of giving room back did. */
export interface Reclaimed {
  /** False: nothing on the disk is worth moving, or nothing can be moved just now. */
  readonly isWorthwhile: boolean;
  readonly evicted: Amount;
}

/**
 * Keeps entries on disk.
 *
 * Every method may reject with AudioCacheError `STORE_UNAVAILABLE` (the data cannot be reached; reopening was tried)
 * or, when writing, `QUOTA_EXCEEDED` (no room). After either, everything acknowledged before is still there, and
 * nothing is half-written: an entry is there whole or not at all.
 */
export interface AudioStore {
  readonly kind: Exclude<StoreKind, 'none'>;

  /** Returns the entry, expired or not; undefined when it is not there. The caller owns the bytes. */
  read(key: string): Promise<Entry | undefined>;

  /** Returns what is kept beside the audio, without reading the audio. */
  readMetadata(key: string): Promise<StoredMetadata | undefined>;

  /**
   * Stores or replaces an entry. Resolves once it is safe in the sense of `durability`; the bytes are not modified
   * and may be used again by the caller at once.
   */
  write(entry: Entry, accessedAtMs: number, durability: Exclude<Durability, 'memory'>): Promise<void>;

  /** Removes an entry; resolves to its size, or undefined when it was not there. */
  remove(key: string): Promise<number | undefined>;

  /** Removes everything and resolves to how much that was. */
  clear(): Promise<Amount>;

  /** Notes an access. Batched: it reaches the disk with the next write of touches or `flush`, never on its own. */
  touch(key: string, accessedAtMs: number): void;

  /** Removes up to `maxEntries` entries with `expiresAtMs <= nowMs`, in the order of expiry. */
  removeExpired(nowMs: number, maxEntries: number): Promise<Amount>;

  /** Removes the entries used longest ago until `bytes` are freed, `maxEntries` are gone, or none is left. */
  evict(bytes: number, maxEntries: number): Promise<Amount>;

  /** Lists entries by last access, latest first; up to `limit` a page. A cursor from elsewhere starts at the front. */
  list(limit: number, cursor?: string): Promise<StoredPage>;

  /** Entries and audio bytes held, exact as of this store's own latest operation. */
  usage(): Amount;

  /**
   * Makes room on the disk by moving what lives together, in one step of a few milliseconds; resolves to whether it
   * was worth one. Entries that are used so rarely that moving them would not pay are evicted instead and counted in
   * `evicted`; when it is urgent, so are others where there is no room to move them to.
   */
  reclaim(isUrgent?: boolean): Promise<Reclaimed>;

  /** What the store tells about its disk. */
  report(): StoreReport;

  /** Resolves once all that was accepted, touches included, survives power loss. */
  flush(): Promise<void>;

  /** Flushes and lets go of the data. Nothing may be called afterwards; closing twice is fine. */
  close(): Promise<void>;
}
