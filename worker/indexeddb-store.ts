/**
 * The disk store on IndexedDB: for browsers without OPFS handles, and for tabs that work alone.
 *
 * The database is the only authority and there is no index in memory, since several tabs may write at once. Metadata
 * and audio lie apart, so that a touch never rewrites audio, and touches go in batches. Removals go in small steps, so
 * that a read waits for one step at most. Entries are never judged here, only records that are no entries.
 */
import { type Clock, systemClock } from '../core/clock';
import type { Amount, Entry } from '../core/protocol/values';
import type { AudioStore, StoredMetadata, StoredPage } from '../core/storage/store';
import { IndexedDbConnection } from './indexeddb-connection';
import { type Change, LedgeredDatabase, NOTHING, sum } from './indexeddb-ledger';
import {
  type AudioTransaction,
  collectPositions,
  isStoredMetadata,
  type Position,
  readValue,
  UNREADABLE,
} from './indexeddb-schema';
import { type Touch, TouchBatch } from './touch-batch';

const REMOVAL_STEP_ENTRIES = 50;
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
}

/**
 * Opens the store, creating its database if need be.
 * @throws AudioCacheError `STORE_UNAVAILABLE`: there is no IndexedDB here, it does not answer within three seconds, the
 * disk is full, or a newer version of Reprise wrote the database, which is then left as it is
 */
export async function openIndexedDbStore({ name, clock = systemClock }: IndexedDbStoreOptions): Promise<AudioStore> {
  const database = new LedgeredDatabase(new IndexedDbConnection(name, clock));
  try {
    await database.open();
    return new IndexedDbStore(database, clock);
  } catch (error) {
    database.close();
    throw error;
  }
}

class IndexedDbStore implements AudioStore {
  readonly kind = 'indexeddb';
  readonly #database: LedgeredDatabase;
  readonly #touches: TouchBatch;
  #closing: Promise<void> | undefined;

  constructor(database: LedgeredDatabase, clock: Clock) {
    this.#database = database;
    this.#touches = new TouchBatch(clock, (touches) => this.#writeTouches(touches));
  }

  async read(key: string): Promise<Entry | undefined> {
    const [stored, bytes] = await this.#database.read((transaction) =>
      Promise.all([readValue(transaction, 'metadata', key), readValue(transaction, 'audio', key)]),
    );
    if (stored === undefined || stored === UNREADABLE || bytes === UNREADABLE) return undefined;
    if (isStoredMetadata(stored) && bytes instanceof ArrayBuffer) return { metadata: stored.metadata, bytes };
    await this.#discard([key]);
    return undefined;
  }

  async readMetadata(key: string): Promise<StoredMetadata | undefined> {
    const stored = await this.#database.read((transaction) => readValue(transaction, 'metadata', key));
    if (stored === undefined || stored === UNREADABLE) return undefined;
    if (isStoredMetadata(stored)) {
      const { metadata, accessedAtMs } = stored;
      return { metadata, accessedAtMs: Math.max(accessedAtMs, this.#touches.accessedAtMs(key) ?? accessedAtMs) };
    }
    await this.#discard([key]);
    return undefined;
  }

  /**
   * One transaction: a worker killed or a connection lost at any moment before its commit leaves the former entry (or
   * none) and the former ledger; at any moment after it, the new ones.
   */
  async write(entry: Entry, accessedAtMs: number, durability: 'relaxed' | 'durable'): Promise<void> {
    const { metadata } = entry;
    // The transaction begins later, and once more after a lost connection; the caller has its buffer back by then.
    const bytes = entry.bytes.slice(0);
    const isStrict = durability === 'durable' || mayBeLarge(entry);
    this.#touches.forget(metadata.key);
    await this.#database.write(isStrict ? 'strict' : 'relaxed', async (transaction) => {
      const previous = amountOf(await readValue(transaction, 'metadata', metadata.key));
      return {
        difference: previous === 'unknown' ? previous : less({ entries: 1, bytes: metadata.byteLength }, previous),
        requests: [
          transaction.objectStore('metadata').put({ metadata, accessedAtMs }),
          transaction.objectStore('audio').put(bytes, metadata.key),
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
    const damaged = page.filter((_, index) => values[index] !== UNREADABLE && !isStoredMetadata(values[index]));
    if (damaged.length > 0) await this.#discard(damaged.map(([, key]) => key));
    const last = page.at(-1);
    return { entries: values.filter(isStoredMetadata), cursor: isLast || !last ? undefined : encodeCursor(last) };
  }

  usage(): Amount {
    return this.#database.usage;
  }

  async flush(): Promise<void> {
    // Writing no touches still writes the ledger: a strict transaction without any change synced nothing (Chromium 156).
    if (this.#database.hasUnsynced || !this.#touches.isEmpty) await this.#touches.write();
  }

  close(): Promise<void> {
    this.#closing ??= this.flush().finally(() => {
      this.#touches.stop();
      this.#database.close();
    });
    return this.#closing;
  }

  /** Strict, since a touch rewrites metadata, which may be large too. */
  #writeTouches(touches: readonly Touch[]): Promise<void> {
    return this.#database.write('strict', async (transaction) => {
      const records = await Promise.all(touches.map(([key]) => readValue(transaction, 'metadata', key)));
      const requests = touches.flatMap(([, accessedAtMs], index) => {
        const record = records[index];
        if (!isStoredMetadata(record) || record.accessedAtMs >= accessedAtMs) return [];
        return transaction.objectStore('metadata').put({ metadata: record.metadata, accessedAtMs });
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
        // Whatever no index names (a damaged record, audio without metadata) goes with the last entry.
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
      const records = await Promise.all(keys.map((key) => readValue(transaction, 'metadata', key)));
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
  const stores = [transaction.objectStore('metadata'), transaction.objectStore('audio')];
  return { difference, requests: keys.flatMap((key) => stores.map((store) => store.delete(key))) };
}

function removalOfEverything(transaction: AudioTransaction<'readwrite'>): Change {
  const requests = [transaction.objectStore('metadata').clear(), transaction.objectStore('audio').clear()];
  return { difference: 'emptied', requests };
}

/** What a record read from disk stands for in the ledger. */
function amountOf(record: unknown): Amount | 'unknown' {
  if (record === undefined) return NOTHING;
  return isStoredMetadata(record) ? { entries: 1, bytes: record.metadata.byteLength } : 'unknown';
}

function less(a: Amount, b: Amount): Amount {
  return { entries: a.entries - b.entries, bytes: a.bytes - b.bytes };
}

/** Metadata is counted as if all of its text took two bytes a character, as the engine may store it. */
function mayBeLarge({ metadata, bytes }: Entry): boolean {
  return Math.max(bytes.byteLength, JSON.stringify(metadata).length * 2) > MAX_RELAXED_VALUE_BYTES;
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
