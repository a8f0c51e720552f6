/**
 * The database beside a log, in memory: it can be killed with its process, lose power, and fail.
 *
 * What was written relaxed is gone after power loss; a flush or a durable write takes everything before it along.
 */
import type { Entry } from '../core/protocol/values';
import type { AudioStore } from '../core/storage/store';
import type { EarlierDatabase } from '../worker/earlier-entries';
import { FaultyStore } from './faulty-store';
import { MemoryDisk, MemoryStore } from './memory-store';

/** One database, or none yet. */
export class EarlierDatabaseFixture implements EarlierDatabase {
  /** The latest store opened, through which faults are made. */
  store: FaultyStore | undefined;
  /** When set, opening fails with it. */
  openError: Error | undefined;
  /** Whether a deletion survives power loss; else the database is back as it was when it was safe. */
  isDeletionSafe = true;
  /** How often the database was created, and deleted. */
  creations = 0;
  deletions = 0;
  /** Raised by each kill. */
  #process = 0;
  #deletionAllowed: Promise<void> = Promise.resolve();
  #disk: MemoryDisk | undefined;
  #safeDisk: MemoryDisk | undefined;

  /** Keys in the database; undefined when there is none. */
  get keys(): readonly string[] | undefined {
    return this.#disk && [...this.#disk.keys()];
  }

  /** The database as the process sees it that runs now: once that is killed, whatever is left of it can do nothing. */
  mount(): EarlierDatabase {
    const process = this.#process;
    const throwIfDead = () => {
      if (process !== this.#process) throw new Error('The process was killed');
    };
    return {
      openExisting: () => this.openExisting(),
      open: async () => {
        throwIfDead();
        return this.open();
      },
      delete: async () => {
        throwIfDead();
        await this.delete();
      },
    };
  }

  async openExisting(): Promise<AudioStore | undefined> {
    return this.#disk && this.open().catch(() => undefined);
  }

  async open(): Promise<AudioStore> {
    if (this.openError !== undefined) throw this.openError;
    if (this.#disk === undefined) this.creations++;
    const disk = this.#disk ?? new MemoryDisk();
    this.#disk = disk;
    const onSynced = () => {
      if (this.#disk === disk) this.#safeDisk = disk.copy();
    };
    this.store = new FaultyStore(new SyncedStore(disk, onSynced));
    return this.store;
  }

  /** Lets deletions wait until the returned function is called. */
  holdDeletion(): () => void {
    let release = () => {};
    this.#deletionAllowed = new Promise((resolve) => {
      release = resolve;
    });
    return release;
  }

  async delete(): Promise<void> {
    await this.#deletionAllowed;
    this.deletions++;
    this.#disk = undefined;
    if (this.isDeletionSafe) this.#safeDisk = undefined;
  }

  /** The process dies: what is left of it finds and changes nothing any more. */
  kill(): void {
    for (const operation of ['read', 'readMetadata', 'write', 'remove', 'clear', 'list', 'flush', 'close'] as const) {
      this.store?.fail(operation, new Error('The process was killed'), Number.POSITIVE_INFINITY);
    }
    this.store = undefined;
    this.#process++;
    this.#disk = this.#disk?.copy();
  }

  /** The machine loses power. */
  losePower(): void {
    this.kill();
    this.#disk = this.#safeDisk?.copy();
  }
}

class SyncedStore extends MemoryStore {
  readonly #onSynced: () => void;

  constructor(disk: MemoryDisk, onSynced: () => void) {
    super(disk);
    this.#onSynced = onSynced;
  }

  override async write(entry: Entry, accessedAtMs: number, durability?: 'relaxed' | 'durable'): Promise<void> {
    await super.write(entry, accessedAtMs);
    if (durability === 'durable') this.#onSynced();
  }

  override async writeNote(bytes: Uint8Array<ArrayBuffer>, durability?: 'relaxed' | 'durable'): Promise<void> {
    await super.writeNote(bytes);
    if (durability === 'durable') this.#onSynced();
  }

  override async flush(): Promise<void> {
    await super.flush();
    this.#onSynced();
  }

  override async close(): Promise<void> {
    this.#onSynced();
    await super.close();
  }
}
