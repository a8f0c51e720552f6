/**
 * Transactions that keep the books: what the database holds stands in a ledger of its own.
 *
 * Counting costs a walk over all entries, so each change moves the ledger in its own transaction. Transactions of all
 * tabs on one database come one after the other, so the ledger is exact however many write. Invariant: it is exact or
 * absent. It is absent in a new database, and after a removal over quota until the next write counts anew.
 */
import { NOTHING, sum } from '../core/amount';
import { AudioCacheError } from '../core/protocol/audio-cache-error';
import type { Amount } from '../core/protocol/values';
import type { IndexedDbConnection } from './indexeddb-connection';
import {
  type AudioDatabase,
  type AudioTransaction,
  collectPositions,
  isCount,
  isRecord,
  type StoreName,
} from './indexeddb-schema';

/** The scope of every transaction, so that each sees the ledger that belongs to what it reads. */
const STORE_NAMES: StoreName[] = ['catalog', 'metadata', 'audio', 'ledger'];
const LEDGER_KEY = 'usage';

/** What a transaction changes: how much comes (or goes, when negative), and the requests that do it. */
export interface Change {
  /** `unknown` when what is replaced or removed could not be read: the database is then counted anew. */
  readonly difference: Amount | 'emptied' | 'unknown';
  /** Placed in this order. Functions, because placing one throws once the transaction has been aborted. */
  readonly requests: readonly (() => Promise<unknown>)[];
}

/** Reads what a change needs to know, and waits for nothing but the transaction's requests. */
export type Plan = (transaction: AudioTransaction<'readwrite'>) => Promise<Change>;

/** Write the ledger, counting first where it is absent; write it unless it is absent; leave it out. */
type LedgerUse = 'count' | 'keep' | 'omit';

/** A database whose changes all go through its ledger. */
export class LedgeredDatabase {
  readonly #connection: IndexedDbConnection;
  #usage = NOTHING;
  /** Relaxed changes begun here, and how many of them a strict one has synced since: it takes all before it along. */
  #relaxedChanges = 0;
  #syncedChanges = 0;

  constructor(connection: IndexedDbConnection) {
    this.#connection = connection;
  }

  /** What the database held in the latest transaction made here. */
  get usage(): Amount {
    return this.#usage;
  }

  /** True while a relaxed change made here may not survive a power loss. */
  get hasUnsynced(): boolean {
    return this.#syncedChanges < this.#relaxedChanges;
  }

  /** Opens the database and learns what it holds. */
  async open(): Promise<void> {
    this.#usage = await this.#connection.run((database) =>
      readIn(database, async (transaction) => (await readLedger(transaction)) ?? countEntries(transaction)),
    );
  }

  /** Runs reads in one transaction and resolves to their result, without waiting for the transaction's end. */
  read<Value>(work: (transaction: AudioTransaction<'readonly'>) => Promise<Value>): Promise<Value> {
    return this.#connection.run(async (database) => {
      const [ledger, value] = await readIn(database, (transaction) =>
        Promise.all([readLedger(transaction), work(transaction)]),
      );
      this.#usage = ledger ?? this.#usage;
      return value;
    });
  }

  /** Resolves once the change is committed: in the operating system's hands, or on the disk itself when `strict`. */
  async write(durability: 'relaxed' | 'strict', plan: Plan): Promise<void> {
    await this.#change(durability, 'count', plan);
  }

  /**
   * Removes and resolves to how much that was. Over quota Chromium refuses a transaction that puts anything at all,
   * even beside deletions, but not one that only deletes: so the ledger is left out then, or room could never be made.
   */
  async remove(plan: Plan): Promise<Amount> {
    try {
      return await this.#change('relaxed', 'keep', plan);
    } catch (error) {
      if (!(error instanceof AudioCacheError) || error.code !== 'QUOTA_EXCEEDED') throw error;
      return await this.#change('relaxed', 'omit', plan);
    }
  }

  /** Lets the transactions under way end; everything after rejects with `CLOSED`. */
  close(): void {
    this.#connection.close();
  }

  /** Resolves to how much less there is than before. */
  #change(durability: 'relaxed' | 'strict', ledgerUse: LedgerUse, plan: Plan): Promise<Amount> {
    return this.#connection.run(async (database) => {
      const { transaction, completion } = begin(database, 'readwrite', durability);
      if (durability === 'relaxed') this.#relaxedChanges++;
      const changesBefore = this.#relaxedChanges;
      try {
        const [[before, after]] = await Promise.all([this.#changeIn(transaction, ledgerUse, plan), completion]);
        if (durability === 'strict') this.#syncedChanges = Math.max(this.#syncedChanges, changesBefore);
        this.#usage = after;
        return { entries: before.entries - after.entries, bytes: before.bytes - after.bytes };
      } catch (error) {
        throw abort(transaction, error);
      }
    });
  }

  /** Resolves to what there is before and after, once all requests are placed and answered. */
  async #changeIn(
    transaction: AudioTransaction<'readwrite'>,
    ledgerUse: LedgerUse,
    plan: Plan,
  ): Promise<readonly [before: Amount, after: Amount]> {
    const [ledger, { difference, requests }] = await Promise.all([readLedger(transaction), plan(transaction)]);
    const placed = Promise.all(requests.map(async (place) => place()));
    // It is waited for below; should one fail while the entries are counted, that must not pass for unhandled.
    placed.catch(() => {});
    const before = ledger ?? this.#usage;
    let after = NOTHING;
    if (difference === 'unknown' || (ledger === undefined && ledgerUse === 'count')) {
      after = await countEntries(transaction);
    } else if (difference !== 'emptied') {
      after = sum(before, difference);
    }
    const ledgers = transaction.objectStore('ledger');
    const isKept = ledgerUse === 'count' || (ledgerUse === 'keep' && ledger !== undefined);
    const noted = isKept ? ledgers.put(after, LEDGER_KEY) : ledgers.delete(LEDGER_KEY);
    transaction.commit();
    await Promise.all([placed, noted]);
    return [before, after];
  }
}

async function readIn<Value>(
  database: AudioDatabase,
  work: (transaction: AudioTransaction<'readonly'>) => Promise<Value>,
): Promise<Value> {
  const { transaction, completion } = begin(database, 'readonly', 'relaxed');
  try {
    return await Promise.race([work(transaction), completion.then(() => new Promise<never>(() => {}))]);
  } catch (error) {
    throw abort(transaction, error);
  }
}

/**
 * Begins a transaction. Its requests are not enough to go by: when Chromium aborts at the commit (over quota, say), it
 * leaves a request without any answer now and then. idb's `done` will not do either, since it hides the causes of
 * failures behind an `AbortError`.
 */
function begin<Mode extends 'readonly' | 'readwrite'>(
  database: AudioDatabase,
  mode: Mode,
  durability: 'relaxed' | 'strict',
): { readonly transaction: AudioTransaction<Mode>; readonly completion: Promise<void> } {
  const transaction = database.transaction(STORE_NAMES, mode, { durability });
  const completion = new Promise<void>((resolve, reject) => {
    transaction.addEventListener('complete', () => resolve());
    transaction.addEventListener('abort', () => reject(transaction.error ?? new DOMException('Aborted', 'AbortError')));
  });
  completion.catch(() => {});
  transaction.done.catch(() => {});
  return { transaction, completion };
}

/** Rolls back whatever was placed; returns the cause, which is the transaction's own error if it has one. */
function abort(transaction: AudioTransaction<IDBTransactionMode>, error: unknown): unknown {
  const cause = transaction.error ?? error;
  try {
    transaction.abort();
  } catch {
    // Over already.
  }
  return cause;
}

/** Returns what the ledger says, or undefined when it is absent or damaged. */
async function readLedger(transaction: AudioTransaction<IDBTransactionMode>): Promise<Amount | undefined> {
  const ledger = await transaction.objectStore('ledger').get(LEDGER_KEY);
  if (!isRecord(ledger)) return undefined;
  const { entries, bytes } = ledger;
  return isCount(entries) && isCount(bytes) ? { entries, bytes } : undefined;
}

/** Counts the entries as this transaction leaves them; some 300 ms for 10,000. */
async function countEntries(transaction: AudioTransaction<IDBTransactionMode>): Promise<Amount> {
  const positions = await collectPositions(transaction, 'byLastAccess', null, 'next', () => true);
  return { entries: positions.length, bytes: positions.reduce((bytes, [, , byteLength]) => bytes + byteLength, 0) };
}
