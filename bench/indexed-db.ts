/** IndexedDB with nothing around it, for pages and workers alike: what every store of the browser is measured against. */
import { type IDBPDatabase, openDB } from 'idb';

/** How a transaction is written. */
export type TransactionDurability = 'relaxed' | 'strict';

/** Values by key, in one object store. */
export class PlainDatabase<Value> {
  readonly #database: IDBPDatabase;

  private constructor(database: IDBPDatabase) {
    this.#database = database;
  }

  /** Opens the database of that name. */
  static async open<Value>(name: string): Promise<PlainDatabase<Value>> {
    const database = await openDB(name, 1, { upgrade: (upgraded) => upgraded.createObjectStore(STORE) });
    return new PlainDatabase<Value>(database);
  }

  async get(key: string): Promise<Value | undefined> {
    return this.#database.get(STORE, key);
  }

  async getAll(): Promise<readonly Value[]> {
    return this.#database.getAll(STORE);
  }

  /** Stores all of them in one transaction. */
  async put(
    items: readonly (readonly [key: string, value: Value])[],
    durability: TransactionDurability,
  ): Promise<void> {
    const transaction = this.#database.transaction(STORE, 'readwrite', { durability });
    for (const [key, value] of items) void transaction.store.put(value, key);
    await transaction.done;
  }

  async clear(): Promise<void> {
    await this.#database.clear(STORE);
  }

  close(): void {
    this.#database.close();
  }
}

const STORE = 'values';
