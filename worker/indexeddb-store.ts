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
import type { AudioStore, Reclaimed, StoredMetadata, StoredPage } from '../core/storage/store';
import { IndexedDbConnection } from './indexeddb-connection';
import { type Change, LedgeredDatabase } from './indexeddb-ledger';
import {
  type AudioTransaction,
  type CatalogRecord,
  collectPositions,
  isEntryMetadata,
  type Position,
  readCatalog,
  readValue,
  UNREADABLE,
} from './indexeddb-schema';
import { type Touch, TouchBatch } from './touch-batch';

const REMOVAL_STEP_ENTRIES = 20;
/**
 * Chromium keeps a value over 64 KiB in a file of its own, and only the strict transaction that wrote it syncs that
 * file: after a simulated power loss 20 of 20 such values written relaxed were unreadable although a strict transaction
 * had followed (Chromium 156). So what may be larger is always written strict.
 */
const MAX_RELAXED_VALUE_BYTES = 63 * 1024;

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
  #closing: Promise<void> | undefined;

  constructor(database: LedgeredDatabase, clock: Clock, onClosed: () => void) {
    this.#database = database;
    this.#onClosed = onClosed;
    this.#touches = new TouchBatch(clock, (touches, durability) => this.#writeTouches(touches, durability));
  }

  async read(key: string): Promise<Entry | undefined> {
    const [metadata, bytes] = await this.#database.read((transaction) =>
      Promise.all([readValue(transaction, 'metadata', key), readValue(transaction, 'audio', key)]),
    );
    if (metadata === UNREADABLE || bytes === UNREADABLE) return undefined;
    if (isEntryMetadata(metadata) && bytes instanceof ArrayBuffer) return { metadata, bytes };
    if (metadata !== undefined || bytes !== undefined) await this.#discard([key]);
    return undefined;
  }

  async readMetadata(key: string): Promise<StoredMetadata | undefined> {
    const [record, metadata] = await this.#database.read((transaction) =>
      Promise.all([readCatalog(transaction, key), readValue(transaction, 'metadata', key)]),
    );
    if (metadata === UNREADABLE) return undefined;
    if (record && isEntryMetadata(metadata)) {
      const { accessedAtMs } = record;
      return { metadata, accessedAtMs: Math.max(accessedAtMs, this.#touches.accessedAtMs(key) ?? accessedAtMs) };
    }
    if (record !== undefined || metadata !== undefined) await this.#discard([key]);
    return undefined;
  }

  /**
   * One transaction: a worker killed or a connection lost at any moment before its commit leaves the former entry (or
   * none) and the former ledger; at any moment after it, the new ones.
   */
  async write({ metadata, bytes }: Entry, accessedAtMs: number, durability: 'relaxed' | 'durable'): Promise<void> {
    const { key, byteLength, expiresAtMs } = metadata;
    const record: CatalogRecord = { key, byteLength, accessedAtMs, expiresAtMs };
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

  clear(): Promise<Amount> {
    this.#touches.forget();
    return this.#database.remove(async (transaction) => removalOfEverything(transaction));
  }

  touch(key: string, accessedAtMs: number): void {
    if (this.#closing === undefined) this.#touches.add(key, accessedAtMs);
  }

  removeExpired(nowMs: number, maxEntries: number): Promise<Amount> {
    // An array sorts behind every string, so all positions at `nowMs` are within; `Infinity` never is.
    const range = IDBKeyRange.upperBound([Math.min(nowMs, Number.MAX_VALUE), []]);
    return this.#removeInOrder('byExpiry', range, Number.POSITIVE_INFINITY, maxEntries);
  }

  async evict(bytes: number, maxEntries: number): Promise<Amount> {
    await this.#touches.tryWrite();
    return this.#removeInOrder('byLastAccess', null, bytes, maxEntries);
  }

  async list(limit: number, cursor?: string): Promise<StoredPage> {
    await this.#touches.tryWrite();
    const after = decodeCursor(cursor);
    const { page, values, isLast } = await this.#database.read(async (transaction) => {
      const range = after === undefined ? null : IDBKeyRange.upperBound(after, true);
      const oneMore = await collectPositions(transaction, 'byLastAccess', range, 'prev', (_, index) => index <= limit);
      const page = oneMore.slice(0, limit);
      const values = await Promise.all(page.map(([, key]) => readValue(transaction, 'metadata', key)));
      return { page, values, isLast: oneMore.length <= limit };
    });
    const entries: StoredMetadata[] = [];
    const damagedKeys: string[] = [];
    for (const [index, [accessedAtMs, key]] of page.entries()) {
      const metadata = values[index];
      if (isEntryMetadata(metadata)) entries.push({ metadata, accessedAtMs });
      else if (metadata !== UNREADABLE) damagedKeys.push(key);
    }
    if (damagedKeys.length > 0) await this.#discard(damagedKeys);
    const last = page.at(-1);
    return { entries, cursor: isLast || last === undefined ? undefined : encodeCursor(last) };
  }

  usage(): Amount {
    return this.#database.usage;
  }

  /** Moves nothing: where IndexedDB keeps its values is the browser's business. */
  async reclaim(): Promise<Reclaimed> {
    return { isWorthwhile: false, evicted: NOTHING };
  }

  /** Counts audio alone, since no browser tells what a database takes on the disk. */
  report(): StoreReport {
    return { bytesOnDisk: this.#database.usage.bytes, bytesSavedByCompression: 0, damagedRecords: 0 };
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
      const requests = touches.flatMap(([, accessedAtMs], index) => {
        const record = records[index];
        if (!record || record.accessedAtMs >= accessedAtMs) return [];
        const touched: CatalogRecord = { ...record, accessedAtMs };
        return () => transaction.objectStore('catalog').put(touched);
      });
      return { difference: NOTHING, requests };
    });
  }

  /** Removes from the front of an order, a step at a time, until enough is gone or the range is empty. */
  async #removeInOrder(
    order: 'byLastAccess' | 'byExpiry',
    range: IDBKeyRange | null,
    maxBytes: number,
    maxEntries: number,
  ): Promise<Amount> {
    let removed = NOTHING;
    while (removed.entries < maxEntries && removed.bytes < maxBytes) {
      const stepEntries = Math.min(maxEntries - removed.entries, REMOVAL_STEP_ENTRIES);
      const stepBytes = maxBytes - removed.bytes;
      const step = await this.#database.remove(async (transaction) => {
        let taken = NOTHING;
        const positions = await collectPositions(transaction, order, range, 'next', ([, , byteLength]) => {
          if (taken.entries >= stepEntries || taken.bytes >= stepBytes) return false;
          taken = sum(taken, { entries: 1, bytes: byteLength });
          return true;
        });
        // Whatever no index names (a damaged record, audio without one) goes with the last entry.
        const isEverything = range === null && taken.entries < stepEntries && taken.bytes < stepBytes;
        if (isEverything) return removalOfEverything(transaction);
        return removalOf(
          transaction,
          positions.map(([, key]) => key),
          less(NOTHING, taken),
        );
      });
      removed = sum(removed, step);
      if (step.entries < stepEntries) break;
    }
    return removed;
  }

  /** Drops records that are no entries; what another tab wrote there since goes too, which is a miss, never wrong audio. */
  async #discard(keys: readonly string[]): Promise<void> {
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

/** A page ends at a position, not at a count, so that what comes and goes elsewhere moves nothing. */
function encodeCursor([accessedAtMs, key]: Position): string {
  return `idb ${accessedAtMs} ${key}`;
}

/** Without the size the position sorts just before the entry's own: a range that ends before it ends before both. */
function decodeCursor(cursor: string | undefined): readonly [accessedAtMs: number, key: string] | undefined {
  const [, accessedAtMs, key] = /^idb (\S+) (.+)$/.exec(cursor ?? '') ?? [];
  return key === undefined || !Number.isFinite(Number(accessedAtMs)) ? undefined : [Number(accessedAtMs), key];
}
