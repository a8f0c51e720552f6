/** A log with a database beside it, as one store: one process, and one machine's power, for both. */
import type { LogStore } from '../core/storage/log-store';
import type { AudioStore } from '../core/storage/store';
import { openMigratingStore } from '../worker/migrating-store';
import { EarlierDatabaseFixture } from './earlier-database-fixture';
import { FakeClock } from './fake-clock';
import { FaultDirectory, type FaultDirectoryOptions, type PowerLoss } from './fault-directory';
import { LogStoreFixture, NAME_DURABLE_AFTER_MS } from './log-store-fixture';

/** What a test may choose. */
export interface MigratingStoreFixtureOptions {
  /** The first process keeps everything in the database, as where there is no OPFS; those after it have the log. */
  readonly startsOnDatabase?: boolean;
  readonly maxSuperfluousBytes?: number;
  readonly isDeletionSafe?: boolean;
}

/** Files, the database, the clock, and the store. */
export class MigratingStoreFixture extends LogStoreFixture {
  readonly database: EarlierDatabaseFixture;
  readonly #options: MigratingStoreFixtureOptions;
  #log: LogStore | undefined;
  #store: LogStore | undefined;
  #isFirst = true;

  constructor(options: MigratingStoreFixtureOptions = {}) {
    const clock = new FakeClock();
    const database = new EarlierDatabaseFixture();
    super({}, new SharedMachine(database, { clock, nameDurableAfterMs: NAME_DURABLE_AFTER_MS }), clock);
    this.database = database;
    database.isDeletionSafe = options.isDeletionSafe ?? true;
    this.#options = options;
  }

  /** The store, with what a log tells beyond one. */
  override get store(): LogStore {
    if (this.#store === undefined) throw new Error('The store is not open');
    return this.#store;
  }

  /** The log alone. */
  get log(): LogStore {
    if (this.#log === undefined) throw new Error('The log is not open');
    return this.#log;
  }

  override async open(): Promise<LogStore> {
    const { startsOnDatabase = false } = this.#options;
    const store = startsOnDatabase && this.#isFirst ? await this.database.open() : await this.#openMigrating();
    this.#isFirst = false;
    this.#store = this.#asLog(store);
    return this.#store;
  }

  /**
   * Adds what a log tells beyond a store. Young is what has a young name in the log and was not promised to be safe
   * since it was written.
   */
  #asLog(store: AudioStore): LogStore {
    const log = this.#log;
    const { database } = this;
    const promised = new Set<string>();
    const write = this.#whileAlive(store.write.bind(store));
    const flush = this.#whileAlive(store.flush.bind(store));
    return Object.assign(store, {
      has: (key: string) => log?.has(key) || database.keys?.includes(key) || false,
      youngKeys: () => (log?.youngKeys() ?? []).filter((key) => !promised.has(key)),
      isYoung: (key: string) => !promised.has(key) && (log?.isYoung(key) ?? false),
      write: async (...args: Parameters<AudioStore['write']>) => {
        const [{ metadata }, , durability] = args;
        promised.delete(metadata.key);
        await write(...args);
        if (durability === 'durable') promised.add(metadata.key);
      },
      flush: async () => {
        await flush();
        for (const key of log?.youngKeys() ?? []) promised.add(key);
      },
      remove: this.#whileAlive(store.remove.bind(store)),
      clear: this.#whileAlive(store.clear.bind(store)),
      removeExpired: this.#whileAlive(store.removeExpired.bind(store)),
      evict: this.#whileAlive(store.evict.bind(store)),
      reclaim: this.#whileAlive(store.reclaim.bind(store)),
    });
  }

  /** A store swallows what need not concern its caller, but no process answers after it was killed. */
  #whileAlive<Args extends unknown[], Result>(operation: (...args: Args) => Promise<Result>) {
    return async (...args: Args): Promise<Result> => {
      const { kills } = this.directory;
      const result = await operation(...args);
      if (this.directory.kills !== kills) throw new Error('The process was killed');
      return result;
    };
  }

  override async close(): Promise<void> {
    await this.#store?.close();
    this.#store = undefined;
  }

  async #openMigrating(): Promise<AudioStore> {
    const { clock } = this;
    const database = this.database.mount();
    const { maxSuperfluousBytes = 1_000_000 } = this.#options;
    const log = await super.open();
    this.#log = log;
    const earlierStore = await database.openExisting();
    return openMigratingStore({ log, database, earlierStore, clock, maxSuperfluousBytes });
  }
}

class SharedMachine extends FaultDirectory {
  readonly #database: EarlierDatabaseFixture;

  constructor(database: EarlierDatabaseFixture, options: FaultDirectoryOptions) {
    super(options);
    this.#database = database;
  }

  override kill(): void {
    super.kill();
    this.#database.kill();
  }

  override losePower(random: () => number, loss?: PowerLoss): void {
    super.losePower(random, loss);
    this.#database.losePower();
  }
}
