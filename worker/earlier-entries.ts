/**
 * The IndexedDB side of a cache that has gone over to the log: what an earlier run left there, and second copies of
 * what the log cannot keep safe from power loss yet.
 *
 * Which keys it holds is learned once, by a walk in idle time, so that a miss costs no question to IndexedDB. Another
 * worker may still write there (an older version of the library in another tab), so the catalogue is only a hint, and
 * the database is deleted only when it is empty. A failure is never passed on, since the log works without this; after
 * three in a row the database is left alone until the next start.
 */
import { NOTHING, sum } from '../core/amount';
import { AudioCacheError } from '../core/protocol/audio-cache-error';
import type { Amount, Entry, EntryMetadata } from '../core/protocol/values';
import type { LogStore } from '../core/storage/log-store';
import type { AudioStore, EntrySummary, ListOptions, StoredMetadata, StoredPage, Use } from '../core/storage/store';
import { EarlierCatalogue, type EarlierState } from './earlier-catalogue';
import type { KeyTurns } from './key-turns';

const MAX_FAILURES_IN_A_ROW = 3;
const WALK_PAGE_ENTRIES = 100;
const FAILED = Symbol('failed');

/** Whose turn it is to change the note: no key looks like this. */
export const NOTE_TURN = 'note';

/** The one database that the entries lie in. */
export interface EarlierDatabase {
  /** Opens the store if its database exists; undefined when it does not or cannot be opened. */
  openExisting(): Promise<AudioStore | undefined>;
  /**
   * Opens the store, creating its database if need be.
   * @throws AudioCacheError `STORE_UNAVAILABLE`
   */
  open(): Promise<AudioStore>;
  /** Deletes the closed database; resolves also when others have it open, and it goes with the last of them. */
  delete(): Promise<void>;
}

/** What earlier entries lie beside. */
export interface EarlierEntriesOptions {
  readonly database: EarlierDatabase;
  /** What `openExisting` of the database gave. */
  readonly store: AudioStore | undefined;
  readonly log: LogStore;
  /** The order of changes. */
  readonly turns: KeyTurns;
}

/** Entries in IndexedDB beside a log. */
export class EarlierEntries {
  readonly catalogue: EarlierCatalogue;
  readonly #database: EarlierDatabase;
  readonly #log: LogStore;
  readonly #turns: KeyTurns;
  #store: AudioStore | undefined;
  #opening: Promise<AudioStore | undefined> | undefined;
  #deleting: Promise<void> | undefined;
  #walking: Promise<void> | undefined;
  #isAbandoned = false;
  #failuresInARow = 0;

  constructor({ database, store, log, turns }: EarlierEntriesOptions) {
    this.#database = database;
    this.#log = log;
    this.#turns = turns;
    this.#store = store;
    this.catalogue = new EarlierCatalogue(store === undefined);
  }

  /** True while there is a database to read from. */
  get exists(): boolean {
    return this.#store !== undefined;
  }

  /** True once the database is not to be used any more in this run. */
  get isAbandoned(): boolean {
    return this.#isAbandoned;
  }

  /** What is here and not in the log; an estimate until the catalogue is complete. */
  get sole(): Amount {
    if (this.catalogue.isComplete) return this.catalogue.amountOf('sole');
    const all = this.#store?.usage() ?? NOTHING;
    const copies = this.catalogue.amountOf('copy');
    return { entries: Math.max(0, all.entries - copies.entries), bytes: Math.max(0, all.bytes - copies.bytes) };
  }

  /** What is in the log too, or should not be here any more. */
  get superfluous(): Amount {
    return sum(this.catalogue.amountOf('copy'), this.catalogue.amountOf('outdated'));
  }

  /** All audio bytes here. */
  get bytesOnDisk(): number {
    return this.#store?.usage().bytes ?? 0;
  }

  /** True when this is the place of an entry, and the log has none. */
  isSole(key: string): boolean {
    return this.catalogue.stateOf(key) === 'sole';
  }

  /** True when something may be here that the catalogue does not know of yet. */
  isUnknown(key: string): boolean {
    return this.#store !== undefined && !this.catalogue.isComplete && this.catalogue.stateOf(key) === undefined;
  }

  /** Reads an entry; undefined also when it cannot be read. */
  read(key: string): Promise<Entry | undefined> {
    return this.#attempt(undefined, async (store) => store.read(key));
  }

  /** Reads what is kept beside the audio; undefined also when it cannot be read. */
  readMetadata(key: string): Promise<StoredMetadata | undefined> {
    return this.#attempt(undefined, (store) => store.readMetadata(key));
  }

  /** Lists a page of what is here and not in the log; it may be empty and not be the last. */
  async list(options: ListOptions): Promise<StoredPage> {
    const page = await this.#attempt(undefined, (store) => store.list(options));
    if (page === undefined) return { entries: [] };
    return { ...page, entries: page.entries.filter(({ metadata }) => this.isSole(metadata.key)) };
  }

  /** What is known of entries without reading their audio; undefined also when that cannot be found out. */
  async survey(keys: readonly string[]): Promise<readonly (EntrySummary | undefined)[]> {
    return (await this.#attempt(undefined, (store) => store.survey(keys))) ?? keys.map(() => undefined);
  }

  /** Notes a use. */
  touch(key: string, use: Use): void {
    this.#store?.touch(key, use);
    if (use.expiresAtMs !== undefined) this.catalogue.noteExpiry(key, use.expiresAtMs);
  }

  /** Protects keys, or no longer. */
  protect(keys: readonly string[], isProtected: boolean): void {
    for (const key of keys) this.catalogue.protect(key, isProtected);
    this.#store?.protect(keys, isProtected);
  }

  /**
   * Finds out about a key that is unknown, for whoever cannot wait until the catalogue is complete. Not in the key's
   * own turn, which this may have to wait for.
   */
  async learn(key: string): Promise<void> {
    if (!this.isUnknown(key)) return;
    const stored = await this.readMetadata(key);
    if (stored !== undefined) await this.#classify(stored.metadata);
  }

  /** Completes the catalogue, if the database can be read. Calls meanwhile wait for the same walk. */
  complete(): Promise<void> {
    if (this.catalogue.isComplete) return Promise.resolve();
    this.#walking ??= this.#walk().finally(() => {
      this.#walking = undefined;
    });
    return this.#walking;
  }

  /** Notes that the log has a newer entry than may be here. */
  outdated(key: string): void {
    if (this.#mayHold(key)) this.catalogue.note(key, 'outdated');
  }

  /**
   * Keeps a copy of an entry of the log, creating the database if need be. After the next `flush` it is safe from power
   * loss, unless the database fails.
   */
  async keepCopy({ metadata, bytes }: Entry, accessedAtMs: number): Promise<void> {
    const store = this.#store ?? (await this.#open());
    if (store === undefined) return;
    // Noted before it is written: a database with anything noted is not deleted for being empty.
    this.catalogue.note(metadata.key, 'outdated', metadata);
    const written = await this.#attempt(FAILED, () => store.write({ metadata, bytes }, accessedAtMs, 'relaxed'));
    if (written !== FAILED) this.catalogue.note(metadata.key, 'copy');
  }

  /** Removes an entry. Should that fail, it is not served any more and counts as superfluous. */
  async remove(key: string): Promise<number | undefined> {
    if (!this.#mayHold(key)) return undefined;
    this.catalogue.note(key, 'outdated');
    const removed = await this.#attempt(FAILED, (store) => store.remove(key));
    if (removed === FAILED) return undefined;
    this.catalogue.forget(key);
    return removed;
  }

  /** Removes everything, with the database if it does not go otherwise. The note stays, unless the database goes. */
  async clear(): Promise<void> {
    if (this.#store === undefined) return;
    this.catalogue.forgetAll();
    this.catalogue.isComplete = true;
    if ((await this.#attempt(FAILED, (store) => store.clear())) !== FAILED) return;
    await this.#moveNote().catch(() => {});
    this.#delete();
    await this.#deleting;
  }

  /** Removes what is not protected; what cannot be removed is not served any more and counts as superfluous. */
  async clearUnprotected(): Promise<void> {
    if (this.#store === undefined) return;
    const isCleared = (await this.#attempt(FAILED, (store) => store.clear(true))) !== FAILED;
    for (const key of this.catalogue.unprotectedKeys()) {
      if (isCleared) this.catalogue.forget(key);
      else this.catalogue.note(key, 'outdated');
    }
  }

  /** Returns the note kept here; undefined also when it cannot be read. */
  readNote(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    return this.#attempt(undefined, (store) => store.readNote());
  }

  /** Deletes the database if it is empty; if somebody else has written to it, a new catalogue is due. */
  async deleteIfEmpty(): Promise<void> {
    const page = await this.#attempt(undefined, (store) => store.list({ limit: 1 }));
    if (page === undefined || !this.catalogue.isEmpty) return;
    await this.#turns.run(NOTE_TURN, () => this.#moveNote());
    if (!this.catalogue.isEmpty) return;
    if (page.entries.length > 0) this.catalogue.isComplete = false;
    // An entry that cannot be read is not listed, and stays for another attempt.
    else if (this.#store?.usage().entries === 0) this.#delete();
  }

  /** Resolves once what was written here survives power loss. */
  async flush(): Promise<void> {
    await this.#attempt(undefined, (store) => store.flush());
  }

  /** Flushes and lets go of the database. */
  async close(): Promise<void> {
    const store = this.#store;
    this.#leave();
    await Promise.allSettled([store?.close(), this.#opening, this.#deleting]);
  }

  /**
   * Gives the log the note that is here, if it has none. While no other note can be written.
   * @throws what the log says; Error when the note cannot be read
   */
  async #moveNote(): Promise<void> {
    if ((await this.#log.readNote()) !== undefined) return;
    const note = await this.#attempt(FAILED, (store) => store.readNote());
    if (note === FAILED) throw new Error('The note cannot be read');
    if (note !== undefined) await this.#log.writeNote(note, 'durable');
  }

  /** True when the database may hold something under the key. */
  #mayHold(key: string): boolean {
    return this.#store !== undefined && (!this.catalogue.isComplete || this.catalogue.stateOf(key) !== undefined);
  }

  async #walk(): Promise<void> {
    let cursor: string | undefined;
    do {
      const page = await this.#attempt(undefined, (store) => store.list({ limit: WALK_PAGE_ENTRIES, cursor }));
      if (page === undefined) return;
      for (const { metadata } of page.entries) await this.#classify(metadata);
      cursor = page.cursor;
    } while (cursor !== undefined);
    this.catalogue.isComplete = true;
  }

  /** Notes an entry that was found here, unless something was noted meanwhile, which is newer. */
  async #classify(metadata: EntryMetadata): Promise<void> {
    const { key } = metadata;
    // A failure of the log is for those to hear of who ask for its entries.
    const stored = this.#log.has(key) ? await this.#log.readMetadata(key).catch(() => undefined) : undefined;
    if (!this.isUnknown(key)) return;
    this.catalogue.note(key, compare(metadata, stored?.metadata), metadata);
    // The log's is older when power loss took its latest files, or when IndexedDB had to stand in for it.
    if (!this.isSole(key) || !this.#log.has(key)) return;
    await this.#turns.run(key, async () => {
      if (this.isSole(key)) await this.#log.remove(key).catch(() => {});
    });
  }

  #open(): Promise<AudioStore | undefined> {
    this.#opening ??= this.#openAnew().finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  async #openAnew(): Promise<AudioStore | undefined> {
    await this.#deleting;
    if (this.#isAbandoned) return undefined;
    try {
      const store = await this.#database.open();
      store.protect(this.catalogue.protectedKeys, true);
      if (!this.#isAbandoned) this.#store = store;
      else await store.close();
    } catch {
      // No second copies then: a durable clip is as safe as its file's name.
      this.#isAbandoned = true;
    }
    return this.#store;
  }

  async #attempt<Result, Otherwise>(
    otherwise: Otherwise,
    operation: (store: AudioStore) => Promise<Result>,
  ): Promise<Result | Otherwise> {
    const store = this.#store;
    if (store === undefined) return otherwise;
    try {
      const result = await operation(store);
      this.#failuresInARow = 0;
      return result;
    } catch (error) {
      // A full quota is no broken database: what is there can still be read.
      const isFull = error instanceof AudioCacheError && error.code === 'QUOTA_EXCEEDED';
      if (!isFull && ++this.#failuresInARow >= MAX_FAILURES_IN_A_ROW) {
        this.#leave();
        store.close().catch(() => {});
      }
      return otherwise;
    }
  }

  /** Behaves from now on as if there were nothing. */
  #leave(): void {
    this.#isAbandoned = true;
    this.#store = undefined;
    this.catalogue.forgetAll();
    this.catalogue.isComplete = true;
  }

  /** What another tab wrote between the look that found nothing and this is lost: moments, and a miss. */
  #delete(): void {
    const closed = this.#store?.close();
    this.#store = undefined;
    this.#deleting = Promise.resolve(closed)
      .catch(() => {})
      .then(() => this.#database.delete())
      .catch(() => {});
  }
}

/** What an entry here is beside what the log has under its key. */
function compare(here: EntryMetadata, inLog: EntryMetadata | undefined): EarlierState {
  if (inLog === undefined || inLog.createdAtMs < here.createdAtMs) return 'sole';
  const isSame = inLog.createdAtMs === here.createdAtMs && inLog.checksum.hex === here.checksum.hex;
  return isSame ? 'copy' : 'outdated';
}
