/**
 * An `AudioStore` without a disk, for tests of what lies above one. It passes the store contract, and every operation
 * takes effect when it is called, so that a test can say what happened before what.
 */
import { AudioCacheError } from '../core/protocol/audio-cache-error';
import type { Amount, Entry, StoreReport } from '../core/protocol/values';
import { endAfter } from '../core/storage/end-after-use';
import { comparePlaces, cursorAt, placeAt, placeIn } from '../core/storage/list-order';
import { NOTHING_REMOVED } from '../core/storage/removed';
import type {
  AudioStore,
  EntryOrder,
  EntrySummary,
  ListOptions,
  Reclaimed,
  Removed,
  StoredMetadata,
  StoredPage,
  Use,
} from '../core/storage/store';

interface StoredRecord {
  readonly entry: Entry;
  readonly accessedAtMs: number;
  readonly hits: number;
}

/** What outlives a store: whoever opens another one over it finds what the last one wrote. */
export class MemoryDisk extends Map<string, StoredRecord> {
  note: Uint8Array<ArrayBuffer> | undefined;

  /** The same once more, to be changed apart from this one. */
  copy(): MemoryDisk {
    const copy = new MemoryDisk(this);
    copy.note = this.note;
    return copy;
  }
}

/** Entries in a map. */
export class MemoryStore implements AudioStore {
  readonly kind = 'file';
  readonly #recordByKey: MemoryDisk;
  readonly #protectedKeys = new Set<string>();
  #isClosed = false;

  constructor(disk = new MemoryDisk()) {
    this.#recordByKey = disk;
  }

  async read(key: string): Promise<Entry | undefined> {
    return this.readNow(key);
  }

  /** What `read` resolves to, at once. */
  readNow(key: string): Entry | undefined {
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
    this.#recordByKey.set(entry.metadata.key, { entry: copyOf(entry), accessedAtMs, hits: 0 });
  }

  async remove(key: string): Promise<number | undefined> {
    this.#throwIfClosed();
    const record = this.#recordByKey.get(key);
    this.#recordByKey.delete(key);
    return record?.entry.metadata.byteLength;
  }

  async clear(sparesProtected = false): Promise<Amount> {
    this.#throwIfClosed();
    const { entries, bytes } = this.usage();
    for (const key of [...this.#recordByKey.keys()]) {
      if (!sparesProtected || !this.#protectedKeys.has(key)) this.#recordByKey.delete(key);
    }
    const left = this.usage();
    return { entries: entries - left.entries, bytes: bytes - left.bytes };
  }

  touch(key: string, { accessedAtMs, hits = 1, expiresAtMs, isExtension = false }: Use): void {
    const record = this.#recordByKey.get(key);
    if (record === undefined || this.#isClosed) return;
    const { metadata, bytes } = record.entry;
    this.#recordByKey.set(key, {
      entry: {
        metadata: { ...metadata, expiresAtMs: endAfter(metadata.expiresAtMs, expiresAtMs, isExtension) },
        bytes,
      },
      accessedAtMs: Math.max(record.accessedAtMs, accessedAtMs),
      hits: record.hits + hits,
    });
  }

  protect(keys: Iterable<string>, isProtected: boolean): void {
    for (const key of keys) {
      if (isProtected) this.#protectedKeys.add(key);
      else this.#protectedKeys.delete(key);
    }
  }

  async removeExpired(nowMs: number, maxEntries: number): Promise<Removed> {
    this.#throwIfClosed();
    const expired = [...this.#recordByKey.values()]
      .filter(({ entry }) => entry.metadata.expiresAtMs <= nowMs && entry.metadata.expiresAtMs < Infinity)
      .sort((a, b) => a.entry.metadata.expiresAtMs - b.entry.metadata.expiresAtMs);
    return this.#removeWhile(expired, (removed) => removed.entries < maxEntries);
  }

  async evict(bytes: number, maxEntries: number): Promise<Removed> {
    this.#throwIfClosed();
    const oldestFirst = this.#inOrder('accessed').reverse();
    return this.#removeWhile(oldestFirst, (removed) => removed.bytes < bytes && removed.entries < maxEntries);
  }

  async list({ limit, cursor, order = 'accessed' }: ListOptions): Promise<StoredPage> {
    this.#throwIfClosed();
    const after = placeAt(order, cursor);
    const rest = this.#inOrder(order)
      .map(metadataOf)
      .filter((stored) => after === undefined || comparePlaces(placeIn(order, stored), after) > 0);
    const entries = rest.slice(0, limit);
    const last = entries.at(-1);
    const isLast = last === undefined || rest.length <= limit;
    return { entries, cursor: isLast ? undefined : cursorAt(order, placeIn(order, last)) };
  }

  async survey(keys: readonly string[]): Promise<readonly (EntrySummary | undefined)[]> {
    this.#throwIfClosed();
    return keys.map((key) => {
      const record = this.#recordByKey.get(key);
      if (record === undefined) return undefined;
      const { byteLength, createdAtMs, expiresAtMs } = record.entry.metadata;
      const { accessedAtMs, hits } = record;
      return { byteLength, bytesOnDisk: byteLength, createdAtMs, expiresAtMs, accessedAtMs, hits };
    });
  }

  limit(): void {}

  async readNote(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    this.#throwIfClosed();
    return this.#recordByKey.note?.slice();
  }

  async writeNote(bytes: Uint8Array<ArrayBuffer>, _durability?: 'relaxed' | 'durable'): Promise<void> {
    this.#throwIfClosed();
    this.#recordByKey.note = bytes.slice();
  }

  usage(): Amount {
    let bytes = 0;
    for (const { entry } of this.#recordByKey.values()) bytes += entry.metadata.byteLength;
    return { entries: this.#recordByKey.size, bytes };
  }

  async reclaim(): Promise<Reclaimed> {
    this.#throwIfClosed();
    return { isWorthwhile: false, evicted: NOTHING_REMOVED };
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

  #inOrder(order: EntryOrder): StoredRecord[] {
    const placeOf = (record: StoredRecord) => placeIn(order, metadataOf(record));
    return [...this.#recordByKey.values()].sort((a, b) => comparePlaces(placeOf(a), placeOf(b)));
  }

  #removeWhile(records: readonly StoredRecord[], isWanted: (removed: Amount) => boolean): Removed {
    const keys: string[] = [];
    let bytes = 0;
    for (const { entry } of records) {
      const { key, byteLength } = entry.metadata;
      if (!isWanted({ entries: keys.length, bytes })) break;
      if (this.#protectedKeys.has(key)) continue;
      this.#recordByKey.delete(key);
      keys.push(key);
      bytes += byteLength;
    }
    return { entries: keys.length, bytes, keys };
  }

  #throwIfClosed(): void {
    if (this.#isClosed) throw new AudioCacheError('CLOSED', 'This store was closed.');
  }
}

function metadataOf({ entry, accessedAtMs, hits }: StoredRecord): StoredMetadata {
  return { metadata: entry.metadata, accessedAtMs, hits };
}

function copyOf({ metadata, bytes }: Entry): Entry {
  return { metadata: structuredClone(metadata), bytes: bytes.slice(0) };
}
