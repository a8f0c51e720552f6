/**
 * An `AudioStore` without a disk, for tests of what lies above one. It passes the store contract, and every operation
 * takes effect when it is called, so that a test can say what happened before what.
 */
import { AudioCacheError } from '../core/protocol/audio-cache-error';
import type { Amount, Entry, StoreReport } from '../core/protocol/values';
import type { AudioStore, Reclaimed, StoredMetadata, StoredPage } from '../core/storage/store';

interface StoredRecord {
  readonly entry: Entry;
  accessedAtMs: number;
}

/** What outlives a store: whoever opens another one over it finds what the last one wrote. */
export type MemoryDisk = Map<string, StoredRecord>;

/** Entries in a map. */
export class MemoryStore implements AudioStore {
  readonly kind = 'file';
  readonly #recordByKey: MemoryDisk;
  #isClosed = false;

  constructor(disk: MemoryDisk = new Map()) {
    this.#recordByKey = disk;
  }

  async read(key: string): Promise<Entry | undefined> {
    this.#throwIfClosed();
    const record = this.#recordByKey.get(key);
    return record && copyOf(record.entry);
  }

  async readMetadata(key: string): Promise<StoredMetadata | undefined> {
    this.#throwIfClosed();
    const record = this.#recordByKey.get(key);
    return record && metadataOf(record);
  }

  async write(entry: Entry, accessedAtMs: number): Promise<void> {
    this.#throwIfClosed();
    this.#recordByKey.set(entry.metadata.key, { entry: copyOf(entry), accessedAtMs });
  }

  async remove(key: string): Promise<number | undefined> {
    this.#throwIfClosed();
    const record = this.#recordByKey.get(key);
    this.#recordByKey.delete(key);
    return record?.entry.metadata.byteLength;
  }

  async clear(): Promise<Amount> {
    this.#throwIfClosed();
    const cleared = this.usage();
    this.#recordByKey.clear();
    return cleared;
  }

  touch(key: string, accessedAtMs: number): void {
    const record = this.#recordByKey.get(key);
    if (record !== undefined) record.accessedAtMs = Math.max(record.accessedAtMs, accessedAtMs);
  }

  async removeExpired(nowMs: number, maxEntries: number): Promise<Amount> {
    this.#throwIfClosed();
    const expired = [...this.#recordByKey.values()]
      .filter(({ entry }) => entry.metadata.expiresAtMs <= nowMs && entry.metadata.expiresAtMs < Infinity)
      .sort((a, b) => a.entry.metadata.expiresAtMs - b.entry.metadata.expiresAtMs);
    return this.#removeWhile(expired, (removed) => removed.entries < maxEntries);
  }

  async evict(bytes: number, maxEntries: number): Promise<Amount> {
    this.#throwIfClosed();
    const oldestFirst = this.#newestFirst().reverse();
    return this.#removeWhile(oldestFirst, (removed) => removed.bytes < bytes && removed.entries < maxEntries);
  }

  async list(limit: number, cursor?: string): Promise<StoredPage> {
    this.#throwIfClosed();
    const [, accessedAt, key = ''] = /^(\d+):(v1_.*)$/.exec(cursor ?? '') ?? [];
    const after = accessedAt === undefined ? undefined : { accessedAtMs: Number(accessedAt), key };
    const rest = this.#newestFirst().filter((record) => after === undefined || comparePosition(record, after) > 0);
    const page = rest.slice(0, limit);
    const last = page.at(-1);
    const isLast = last === undefined || rest.length <= limit;
    return {
      entries: page.map(metadataOf),
      cursor: isLast ? undefined : `${last.accessedAtMs}:${last.entry.metadata.key}`,
    };
  }

  usage(): Amount {
    let bytes = 0;
    for (const { entry } of this.#recordByKey.values()) bytes += entry.metadata.byteLength;
    return { entries: this.#recordByKey.size, bytes };
  }

  async reclaim(): Promise<Reclaimed> {
    this.#throwIfClosed();
    return { isWorthwhile: false, evicted: { entries: 0, bytes: 0 } };
  }

  report(): StoreReport {
    return { bytesOnDisk: this.usage().bytes, bytesSavedByCompression: 0, damagedRecords: 0 };
  }

  async flush(): Promise<void> {
    this.#throwIfClosed();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
  }

  /** Damages one byte of an entry's audio, as a failing disk would. */
  corrupt(key: string, byteIndex = 0): void {
    const record = this.#recordByKey.get(key);
    if (record === undefined) throw new Error(`There is no entry ${key} to corrupt`);
    const bytes = new Uint8Array(record.entry.bytes);
    bytes[byteIndex] = (bytes[byteIndex] ?? 0) ^ 0x01;
  }

  /** The keys held, in no particular order. */
  get keys(): readonly string[] {
    return [...this.#recordByKey.keys()];
  }

  #newestFirst(): StoredRecord[] {
    return [...this.#recordByKey.values()].sort((a, b) =>
      comparePosition(a, { accessedAtMs: b.accessedAtMs, key: b.entry.metadata.key }),
    );
  }

  #removeWhile(records: readonly StoredRecord[], isWanted: (removed: Amount) => boolean): Amount {
    let removed: Amount = { entries: 0, bytes: 0 };
    for (const { entry } of records) {
      if (!isWanted(removed)) break;
      this.#recordByKey.delete(entry.metadata.key);
      removed = { entries: removed.entries + 1, bytes: removed.bytes + entry.metadata.byteLength };
    }
    return removed;
  }

  #throwIfClosed(): void {
    if (this.#isClosed) throw new AudioCacheError('CLOSED', 'This store was closed.');
  }
}

/** Negative when the record comes before the position in a list, latest access first. */
function comparePosition(record: StoredRecord, position: { readonly accessedAtMs: number; readonly key: string }) {
  const { key } = record.entry.metadata;
  if (record.accessedAtMs !== position.accessedAtMs) return position.accessedAtMs - record.accessedAtMs;
  return key === position.key ? 0 : key < position.key ? -1 : 1;
}

function metadataOf({ entry, accessedAtMs }: StoredRecord): StoredMetadata {
  return { metadata: entry.metadata, accessedAtMs };
}

function copyOf({ metadata, bytes }: Entry): Entry {
  return { metadata: structuredClone(metadata), bytes: bytes.slice(0) };
}
