/**
 * The disk store on IndexedDB: for browsers without OPFS handles, and for tabs that work alone.
 *
 * The database is the only authority and there is no index in memory, since several tabs may write at once. A touch
 * rewrites a small record, never audio or metadata, and touches go in batches. Removals go in small steps, so that a
 * read waits for one step at most. Entries are never judged here, only records that are no entries.
 */
import { NOTHING, sum } from '../core/amount';
import { type Clock, systemClock } from '../core/clock';
import type { Amount, Entry, EntryMetadata, StoreReport } from '../core/protocol/values';
import { cursorAt, placeAt } from '../core/storage/list-order';
import { joinRemoved, NOTHING_REMOVED } from '../core/storage/removed';
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
import { IndexedDbConnection } from './indexeddb-connection';
import { type Change, LedgeredDatabase } from './indexeddb-ledger';
import {
  type AudioTransaction,
  type CatalogRecord,
  collectPositions,
  isEntryMetadata,
  type OrderIndex,
  readCatalog,
  readValue,
  UNREADABLE,
} from './indexeddb-schema';
import { afterUse, type Touch, TouchBatch } from './touch-batch';

const REMOVAL_STEP_ENTRIES = 20;
/**
 * Chromium keeps a value over 64 KiB in a file of its own, and only the strict transaction that wrote it syncs that
 * file: after a simulated power loss 20 of 20 such values written relaxed were unreadable although a strict transaction
 * had followed (Chromium 156). So what may be larger is always written strict.
 */
const MAX_RELAXED_VALUE_BYTES = 63 * 1024;
/** Where the note lies in the ledger's object store. */
const NOTE_KEY = 'note';

const INDEX_BY_ORDER: Readonly<Record<EntryOrder, OrderIndex>> = {
  accessed: 'byLastAccess',
  created: 'byCreation',
  size: 'bySize',
};

/** What a store is opened with. */
export interface IndexedDbStoreOptions {
  /** Name of the database; whoever opens the same name shares the entries. */
  readonly name: string;
  readonly clock?: Clock;
  /** Called once the store has let go of the data. */
  readonly onClosed?: (() => void) | undefined;
}

/**
 * Opens the store, creating its database if need be.
 * @throws AudioCacheError `STORE_UNAVAILABLE`: there is no IndexedDB here, it does not answer within three seconds, the
 * disk is full, or a newer version of Reprise wrote the database, which is then left as it is
 */
export async function openIndexedDbStore({
  name,
  clock = systemClock,
  onClosed = () => {},
}: IndexedDbStoreOptions): Promise<AudioStore> {
  const database = new LedgeredDatabase(new IndexedDbConnection(name, clock));
  try {
    await database.open();
    return new IndexedDbStore(database, clock, onClosed);
  } catch (error) {
    database.close();
    throw error;
  }
}

class IndexedDbStore implements AudioStore {
  readonly kind = 'indexeddb';
  readonly #database: LedgeredDatabase;
  readonly #touches: TouchBatch;
  readonly #onClosed: () => void;
  #damagedRecords = 0;
  /** In memory only: what another tab protects, this one does not know. */
  readonly #protectedKeys = new Set<string>();
  #closing: Promise<void> | undefined;

  constructor(database: LedgeredDatabase, clock: Clock, onClosed: () => void) {
    this.#database = database;
    this.#onClosed = onClosed;
    this.#touches = new TouchBatch(clock, (touches, durability) => this.#writeTouches(touches, durability));
  }

  async read(key: string): Promise<Entry | undefined> {
    const [record, metadata, bytes] = await this.#database.read((transaction) =>
      Promise.all([
        readCatalog(transaction, key),
        readValue(transaction, 'metadata', key),
        readValue(transaction, 'audio', key),
      ]),
    );
    if (metadata === UNREADABLE || bytes === UNREADABLE) return undefined;
    if (isEntryMetadata(metadata) && bytes instanceof ArrayBuffer) {
      return { metadata: record ? this.#latest(record, metadata).metadata : metadata, bytes };
    }
    if (metadata !== undefined || bytes !== undefined) await this.#discard([key]);
    return undefined;
  }

  async readMetadata(key: string): Promise<StoredMetadata | undefined> {
    const [record, metadata] = await this.#database.read((transaction) =>
      Promise.all([readCatalog(transaction, key), readValue(transaction, 'metadata', key)]),
    );
    if (metadata === UNREADABLE) return undefined;
    if (record && isEntryMetadata(metadata)) return this.#latest(record, metadata);
    if (record !== undefined || metadata !== undefined) await this.#discard([key]);
    return undefined;
  }

  async survey(keys: readonly string[]): Promise<readonly (EntrySummary | undefined)[]> {
    const records = await this.#database.read((transaction) =>
      Promise.all(keys.map((key) => readCatalog(transaction, key))),
    );
    return records.map((record) => {
      if (!record) return undefined;
      const { key, ...summary } = record;
      return { ...afterUse(summary, this.#touches.noted(key)), bytesOnDisk: record.byteLength };
    });
  }

  /**
   * One transaction: a worker killed or a connection lost at any moment before its commit leaves the former entry (or
   * none) and the former ledger; at any moment after it, the new ones.
   */
  async write({ metadata, bytes }: Entry, accessedAtMs: number, durability: 'relaxed' | 'durable'): Promise<void> {
    const { key, byteLength, createdAtMs, expiresAtMs } = metadata;
    const record: CatalogRecord = { key, byteLength, createdAtMs, accessedAtMs, expiresAtMs, hits: 0 };
    // The transaction begins later, and once more after a lost connection; the caller has its buffer back by then.
    const copy = bytes.slice(0);
    const isStrict = durability === 'durable' || mayBeLarge(metadata) || bytes.byteLength > MAX_RELAXED_VALUE_BYTES;
    this.#touches.forget(key);
    await this.#database.write(isStrict ? 'strict' : 'relaxed', async (transaction) => {
      const previous = amountOf(await readCatalog(transaction, key));
      return {
        difference: previous === 'unknown' ? previous : less({ entries: 1, bytes: byteLength }, previous),
        requests: [
          () => transaction.objectStore('metadata').put(metadata, key),
          () => transaction.objectStore('catalog').put(record),
          () => transaction.objectStore('audio').put(copy, key),
        ],
      };
    });
  }

  async remove(key: string): Promise<number | undefined> {
    const removed = await this.#removeAll([key]);
    return removed.entries === 0 ? undefined : removed.bytes;
  }

  async clear(sparesProtected = false): Promise<Amount> {
    const spared = sparesProtected ? this.#protectedKeys : new Set<string>();
    this.#touches.forgetAllBut(spared);
    return this.#database.remove(async (transaction) =>
      spared.size === 0 ? removalOfEverything(transaction) : removalOfAllBut(transaction, spared),
    );
  }

  touch(key: string, use: Use): void {
    if (this.#closing === undefined) this.#touches.add(key, use);
  }

  /** Divides nothing: where IndexedDB keeps its values is the browser's business. */
  limit(): void {}

  protect(keys: Iterable<string>, isProtected: boolean): void {
    for (const key of keys) {
      if (isProtected) this.#protectedKeys.add(key);
      else this.#protectedKeys.delete(key);
    }
  }

  async removeExpired(nowMs: number, maxEntries: number): Promise<Removed> {
    await this.#touches.tryWrite();
    // `Infinity` never is within.
    return this.#removeInOrder('byExpiry', Math.min(nowMs, Number.MAX_VALUE), Number.POSITIVE_INFINITY, maxEntries);
  }

  async evict(bytes: number, maxEntries: number): Promise<Removed> {
    await this.#touches.tryWrite();
    return this.#removeInOrder('byLastAccess', undefined, bytes, maxEntries);
  }

  async list({ limit, cursor, order = 'accessed' }: ListOptions): Promise<StoredPage> {
    await this.#touches.tryWrite();
    const after = placeAt(order, cursor);
    const { page, records, values, isLast } = await this.#database.read(async (transaction) => {
      // Without the size a position sorts just before the entry's own: a range that ends before it ends before both.
      const range = after === undefined ? null : IDBKeyRange.upperBound([after.value, after.key], true);
      const wants = (_: unknown, index: number) => index <= limit;
      const oneMore = await collectPositions(transaction, INDEX_BY_ORDER[order], range, 'prev', wants);
      const page = oneMore.slice(0, limit);
      const [records, values] = await Promise.all([
        Promise.all(page.map(([, key]) => readCatalog(transaction, key))),
        Promise.all(page.map(([, key]) => readValue(transaction, 'metadata', key))),
      ]);
      return { page, records, values, isLast: oneMore.length <= limit };
    });
    const entries: StoredMetadata[] = [];
    const damagedKeys: string[] = [];
    for (const [index, [, key]] of page.entries()) {
      const metadata = values[index];
      const record = records[index];
      if (record && isEntryMetadata(metadata)) entries.push(this.#latest(record, metadata));
      else if (metadata !== UNREADABLE) damagedKeys.push(key);
    }
    if (damagedKeys.length > 0) await this.#discard(damagedKeys);
    const last = page.at(-1);
    const isOver = isLast || last === undefined;
    return { entries, cursor: isOver ? undefined : cursorAt(order, { value: last[0], key: last[1] }) };
  }

  async readNote(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const note = await this.#database.read((transaction) => readValue(transaction, 'ledger', NOTE_KEY));
    return note instanceof ArrayBuffer ? new Uint8Array(note) : undefined;
  }

  async writeNote(bytes: Uint8Array<ArrayBuffer>, durability: 'relaxed' | 'durable'): Promise<void> {
    const note = bytes.slice().buffer;
    const isStrict = durability === 'durable' || note.byteLength > MAX_RELAXED_VALUE_BYTES;
    await this.#database.write(isStrict ? 'strict' : 'relaxed', async (transaction) => ({
      difference: NOTHING,
      requests: [() => transaction.objectStore('ledger').put(note, NOTE_KEY)],
    }));
  }

  usage(): Amount {
    return this.#database.usage;
  }

  /** Moves nothing: where IndexedDB keeps its values is the browser's business. */
  async reclaim(): Promise<Reclaimed> {
    return { isWorthwhile: false, evicted: NOTHING_REMOVED };
  }

  /** Counts audio alone, since no browser tells what a database takes on the disk. */
  report(): StoreReport {
    return {
      bytesOnDisk: this.#database.usage.bytes,
      bytesSavedByCompression: 0,
      damagedRecords: this.#damagedRecords,
    };
  }

  async flush(): Promise<void> {
    const isDue = this.#database.hasUnsynced || !this.#touches.isEmpty;
    // Writing no touches still writes the ledger: a strict transaction without any change synced nothing (Chromium
    // 156). Once closed there is nothing to write either, but the attempt says so.
    if (isDue || this.#closing !== undefined) await this.#touches.write('durable');
  }

  close(): Promise<void> {
    this.#closing ??= this.flush().finally(() => {
      this.#touches.stop();
      this.#database.close();
      this.#onClosed();
    });
    return this.#closing;
  }

  #writeTouches(touches: readonly Touch[], durability: 'relaxed' | 'durable'): Promise<void> {
    return this.#database.write(durability === 'durable' ? 'strict' : 'relaxed', async (transaction) => {
      const records = await Promise.all(touches.map(([key]) => readCatalog(transaction, key)));
      // Repeated after a connection broke between the commit and the news of it, hits count twice, which does no harm.
      const requests = touches.flatMap(([, use], index) => {
        const record = records[index];
        if (!record) return [];
        const touched = afterUse(record, use);
        return () => transaction.objectStore('catalog').put(touched);
      });
      return { difference: NOTHING, requests };
    });
  }

  /** What is known of an entry by now: uses that are not on disk yet included. */
  #latest(record: CatalogRecord, metadata: EntryMetadata): StoredMetadata {
    const { accessedAtMs, expiresAtMs, hits } = afterUse(record, this.#touches.noted(record.key));
    const isSame = expiresAtMs === metadata.expiresAtMs;
    return { metadata: isSame ? metadata : { ...metadata, expiresAtMs }, accessedAtMs, hits };
  }

  /**
   * Removes from the front of an order up to a value, a step at a time, until enough is gone or nothing is left. Once
   * protected entries were passed over, each step begins where the last one ended, so that they are passed once.
   */
  async #removeInOrder(
    order: 'byLastAccess' | 'byExpiry',
    until: number | undefined,
    maxBytes: number,
    maxEntries: number,
  ): Promise<Removed> {
    let removed = NOTHING_REMOVED;
    let passed: readonly [value: number, key: string] | undefined;
    let isOver = false;
    while (!isOver && removed.entries < maxEntries && removed.bytes < maxBytes) {
      const stepEntries = Math.min(maxEntries - removed.entries, REMOVAL_STEP_ENTRIES);
      const stepBytes = maxBytes - removed.bytes;
      const range = rangeBetween(passed, until);
      let keys: readonly string[] = [];
      const step = await this.#database.remove(async (transaction) => {
        let taken = NOTHING;
        let hasPassedOver = false;
        const positions = await collectPositions(transaction, order, range, 'next', ([, key, byteLength]) => {
          if (taken.entries >= stepEntries || taken.bytes >= stepBytes) return false;
          if (this.#protectedKeys.has(key)) {
            hasPassedOver = true;
            return 'pass over';
          }
          taken = sum(taken, { entries: 1, bytes: byteLength });
          return true;
        });
        keys = positions.map(([, key]) => key);
        isOver = taken.entries < stepEntries && taken.bytes < stepBytes;
        const last = positions.at(-1);
        if (last !== undefined && (hasPassedOver || passed !== undefined)) passed = [last[0], last[1]];
        // Whatever no index names (a damaged record, audio without one) goes with the last entry.
        if (isOver && range === null && !hasPassedOver) return removalOfEverything(transaction);
        return removalOf(transaction, keys, less(NOTHING, taken));
      });
      removed = joinRemoved(removed, { ...step, keys });
    }
    return removed;
  }

  /** Drops records that are no entries; what another tab wrote there since goes too, which is a miss, never wrong audio. */
  async #discard(keys: readonly string[]): Promise<void> {
    this.#damagedRecords += keys.length;
    await this.#removeAll(keys).catch(() => {});
  }

  #removeAll(keys: readonly string[]): Promise<Amount> {
    return this.#database.remove(async (transaction) => {
      const records = await Promise.all(keys.map((key) => readCatalog(transaction, key)));
      const known = records.map(amountOf).filter((amount) => amount !== 'unknown');
      const difference = known.length < records.length ? 'unknown' : less(NOTHING, known.reduce(sum, NOTHING));
      return removalOf(transaction, keys, difference);
    });
  }
}

function removalOf(
  transaction: AudioTransaction<'readwrite'>,
  keys: readonly string[],
  difference: Change['difference'],
): Change {
  const stores = entryStores(transaction);
  return { difference, requests: keys.flatMap((key) => stores.map((store) => () => store.delete(key))) };
}

/** Ranges between the keys that stay, in their order: whatever else is there goes, damaged or not. */
function removalOfAllBut(transaction: AudioTransaction<'readwrite'>, spared: ReadonlySet<string>): Change {
  const keys = [...spared].sort();
  const ranges = keys.map((key, index) => {
    const former = keys[index - 1];
    return former === undefined ? IDBKeyRange.upperBound(key, true) : IDBKeyRange.bound(former, key, true, true);
  });
  const last = keys.at(-1);
  if (last !== undefined) ranges.push(IDBKeyRange.lowerBound(last, true));
  const stores = entryStores(transaction);
  return {
    difference: 'unknown',
    requests: ranges.flatMap((range) => stores.map((store) => () => store.delete(range))),
  };
}

function removalOfEverything(transaction: AudioTransaction<'readwrite'>): Change {
  return { difference: 'emptied', requests: entryStores(transaction).map((store) => () => store.clear()) };
}

function entryStores(transaction: AudioTransaction<'readwrite'>) {
  return (['catalog', 'metadata', 'audio'] as const).map((name) => transaction.objectStore(name));
}

/** What a catalog record stands for in the ledger. */
function amountOf(record: CatalogRecord | undefined | null): Amount | 'unknown' {
  if (record === undefined) return NOTHING;
  return record === null ? 'unknown' : { entries: 1, bytes: record.byteLength };
}

function less(a: Amount, b: Amount): Amount {
  return { entries: a.entries - b.entries, bytes: a.bytes - b.bytes };
}

/** Counts all text as two bytes a character, as the engine may store it. */
function mayBeLarge(metadata: EntryMetadata): boolean {
  return JSON.stringify(metadata).length * 2 > MAX_RELAXED_VALUE_BYTES;
}

/** From behind a position up to a value, both if given. An array sorts behind every string, so all at it are within. */
function rangeBetween(after: readonly [number, string] | undefined, until: number | undefined): IDBKeyRange | null {
  // The same goes for the key: behind the entry's own position is whatever its size.
  const lower = after && [...after, []];
  const upper = until === undefined ? undefined : [until, []];
  if (lower !== undefined && upper !== undefined) return IDBKeyRange.bound(lower, upper, true);
  if (lower !== undefined) return IDBKeyRange.lowerBound(lower, true);
  return upper === undefined ? null : IDBKeyRange.upperBound(upper);
}
