/**
 * The contract of a disk store. One test suite (`test/store-contract.ts`) runs over every implementation in its real
 * runtime; whoever adds a store adds it there.
 *
 * A store keeps entries by key and knows the order of their last access. It does not judge: expiry, checksums and
 * limits are the disk tier's business (`core/disk-tier.ts`). It must stay correct with several writers on the same
 * data, since tabs without Web Locks each work alone.
 */
import type { NowOrLater } from '../now-or-later';
import type { Amount, Durability, EntriesPage, Entry, EntryMetadata, StoreKind, StoreReport } from '../protocol/values';

/** What is kept beside the audio, and what changes about it. `metadata.expiresAtMs` is the latest, after sliding. */
export interface StoredMetadata {
  readonly metadata: EntryMetadata;
  readonly accessedAtMs: number;
  /** Uses noted so far. */
  readonly hits: number;
}

/** What is known of an entry without looking at its record. */
export interface EntrySummary {
  readonly byteLength: number;
  /** What it takes on the disk, as far as the store knows: head, padding and compression included. */
  readonly bytesOnDisk: number;
  readonly createdAtMs: number;
  readonly accessedAtMs: number;
  readonly expiresAtMs: number;
  readonly hits: number;
}

/** An order of `list`: latest access, latest creation, or largest audio first. */
export type EntryOrder = 'accessed' | 'created' | 'size';

/** What `list` is to give. */
export interface ListOptions {
  readonly limit: number;
  /** Of the page before. One from elsewhere, or of another order, starts at the front. */
  readonly cursor?: string | undefined;
  /** Default `accessed`. */
  readonly order?: EntryOrder | undefined;
}

/** A page of `list`, without the tiers that only the cache knows. */
export type StoredPage = Pick<EntriesPage, 'cursor'> & { readonly entries: readonly StoredMetadata[] };

/** What left a store, and under which keys. */
export interface Removed extends Amount {
  readonly keys: readonly string[];
}

/** A use of an entry. */
export interface Use {
  readonly accessedAtMs: number;
  /** Uses since the last time, default 1. */
  readonly hits?: number | undefined;
  /** The entry ends then from now on; also earlier than before, unless it is an extension. */
  readonly expiresAtMs?: number | undefined;
  /** `expiresAtMs` only moves the end later, as the uses of an entry whose time slides do. */
  readonly isExtension?: boolean | undefined;
}

/** What one step of giving room back did. */
export interface Reclaimed {
  /** False: nothing on the disk is worth moving, or nothing can be moved just now. */
  readonly isWorthwhile: boolean;
  readonly evicted: Removed;
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

  /**
   * Returns the entry, expired or not; undefined when it is not there. The caller owns the bytes. At once where nothing has to
   * be waited for; what fails there may throw instead of rejecting.
   */
  read(key: string): NowOrLater<Entry | undefined>;

  /** Returns what is kept beside the audio, without reading the audio. */
  readMetadata(key: string): Promise<StoredMetadata | undefined>;

  /**
   * Stores or replaces an entry. Resolves once it is safe in the sense of `durability`; the bytes are not modified
   * and may be used again by the caller at once.
   */
  write(entry: Entry, accessedAtMs: number, durability: Exclude<Durability, 'memory'>): Promise<void>;

  /** Removes an entry; resolves to its size, or undefined when it was not there. */
  remove(key: string): Promise<number | undefined>;

  /**
   * Removes everything and resolves to how much that was; with `sparesProtected` all but protected entries. The note
   * stays.
   */
  clear(sparesProtected?: boolean): Promise<Amount>;

  /**
   * Notes a use. Batched: it reaches the disk with the next write of touches or `flush`, never on its own. An access
   * earlier than the one noted moves nothing back, but counts; of several `expiresAtMs` that of the last call holds.
   */
  touch(key: string, use: Use): void;

  /** Removes up to `maxEntries` entries with `expiresAtMs <= nowMs`, in the order of expiry; protected ones stay. */
  removeExpired(nowMs: number, maxEntries: number): Promise<Removed>;

  /**
   * Removes the entries used longest ago until `bytes` are freed, `maxEntries` are gone, or none is left that is not
   * protected.
   */
  evict(bytes: number, maxEntries: number): Promise<Removed>;

  /**
   * Lists entries in an order, up to `limit` a page; a page can have fewer, even none, and still have a cursor.
   * Entries that are equal in the order come by key, the greater first.
   */
  list(options: ListOptions): Promise<StoredPage>;

  /** Tells of each key, in the order given, what is known of its entry; undefined where there is none. Reads no audio. */
  survey(keys: readonly string[]): Promise<readonly (EntrySummary | undefined)[]>;

  /**
   * Entries under these keys, present or written later, are neither evicted nor removed as expired until that is taken
   * back: only `remove` and `clear` take them. Not kept across openings. Where several stores are open on the same data,
   * each knows only what it was told itself.
   */
  protect(keys: Iterable<string>, isProtected: boolean): void;

  /** The limit of the tier has changed, by which the store divides its room. */
  limit(maxBytes: number): void;

  /** Returns the note kept last, whole; undefined when there is none or it is damaged. The caller owns the bytes. */
  readNote(): Promise<Uint8Array<ArrayBuffer> | undefined>;

  /**
   * Replaces the note, a few KB of state that belongs to the entries as a whole (pins, collections, totals). Killed at
   * any moment: the former one or this one. Resolves when it is safe as asked.
   */
  writeNote(bytes: Uint8Array<ArrayBuffer>, durability: Exclude<Durability, 'memory'>): Promise<void>;

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
