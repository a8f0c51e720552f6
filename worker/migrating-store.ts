/**
 * The log with IndexedDB beside it, as one store.
 *
 * IndexedDB holds what an earlier run left there (served, and moved over in idle time) and, while the log's files are
 * so new that a power loss may take their names, second copies of what has to be safe. Without IndexedDB, or when it
 * fails, the log works alone; a durable entry is then as safe as its file's name.
 */
import { sum } from '../core/amount';
import type { Clock } from '../core/clock';
import type { NowOrLater } from '../core/now-or-later';
import type { Amount, Entry, StoreReport } from '../core/protocol/values';
import { comparePlaces, cursorAt, type ListPlace, placeAt, placeIn } from '../core/storage/list-order';
import type { LogStore } from '../core/storage/log-store';
import { joinRemoved } from '../core/storage/removed';
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
import { type EarlierDatabase, EarlierEntries, NOTE_TURN } from './earlier-entries';
import { KeyTurns } from './key-turns';
import { Migration } from './migration';

/** So many earlier entries are looked through before the store is used; it takes some ten milliseconds. */
const FEW_ENTRIES = 200;

/** What a store is made of. */
export interface MigratingStoreOptions {
  readonly log: LogStore;
  readonly database: EarlierDatabase;
  /** What `openExisting` of the database gave. */
  readonly earlierStore: AudioStore | undefined;
  readonly clock: Clock;
  /** So much audio may lie in both at a time. */
  readonly maxSuperfluousBytes: number;
  /** Called once the store has let go of the data. */
  readonly onClosed?: () => void;
}

/**
 * Puts a store together, which then owns the log and the earlier store. With many earlier entries, `usage` counts those
 * that lie in both twice for the first seconds.
 */
export async function openMigratingStore(options: MigratingStoreOptions): Promise<AudioStore> {
  const { log, database, earlierStore } = options;
  const turns = new KeyTurns();
  const earlier = new EarlierEntries({ database, store: earlierStore, log, turns });
  if (earlier.sole.entries <= FEW_ENTRIES) await earlier.complete();
  return new MigratingStore(options, earlier, turns);
}

class MigratingStore implements AudioStore {
  readonly kind: AudioStore['kind'];
  readonly #log: LogStore;
  readonly #earlier: EarlierEntries;
  readonly #turns: KeyTurns;
  readonly #migration: Migration;
  readonly #onClosed: () => void;
  #closing: Promise<void> | undefined;

  constructor(options: MigratingStoreOptions, earlier: EarlierEntries, turns: KeyTurns) {
    const { log, clock, maxSuperfluousBytes, onClosed = () => {} } = options;
    this.kind = log.kind;
    this.#log = log;
    this.#earlier = earlier;
    this.#turns = turns;
    this.#migration = new Migration({ log, earlier, turns, clock, maxSuperfluousBytes });
    this.#onClosed = onClosed;
    this.#migration.start();
  }

  read(key: string): NowOrLater<Entry | undefined> {
    this.#migration.giveWay();
    return this.#mayComeEarlier(key) ? this.#readEarlier(key) : this.#log.read(key);
  }

  async readMetadata(key: string): Promise<StoredMetadata | undefined> {
    if (this.#mayComeEarlier(key) && (await this.#isSole(key))) {
      const stored = await this.#earlier.readMetadata(key);
      if (stored !== undefined) return stored;
    }
    return this.#log.readMetadata(key);
  }

  write(entry: Entry, accessedAtMs: number, durability: 'relaxed' | 'durable'): Promise<void> {
    const { key } = entry.metadata;
    this.#migration.giveWay();
    // One that has to wait is copied: the caller has its buffer back by then.
    const kept = this.#turns.isFree(key) ? entry : { ...entry, bytes: entry.bytes.slice(0) };
    return this.#turns.run(key, async () => {
      await this.#log.write(kept, accessedAtMs, durability);
      // Killed before the former entry is gone from IndexedDB: the next start sees that it is the older one.
      this.#earlier.outdated(key);
      if (durability === 'relaxed') return;
      if (this.#log.isYoung(key)) await this.#keepCopy(key);
      // Removals too: power loss would bring back an entry that this one has come after.
      await this.#earlier.flush();
    });
  }

  /** Takes its turn at once, unless it is not known yet what IndexedDB has under the key. */
  remove(key: string): Promise<number | undefined> {
    this.#migration.giveWay();
    const remove = async () => {
      await this.#bringUpToDate(key);
      // Killed between the two: a copy is left, and nobody was told that the entry is gone.
      const bytes = await this.#log.remove(key);
      const earlierBytes = await this.#earlier.remove(key);
      return bytes ?? earlierBytes;
    };
    if (!this.#earlier.isUnknown(key)) return this.#turns.run(key, remove);
    return this.#earlier.learn(key).then(() => this.#turns.run(key, remove));
  }

  async clear(sparesProtected = false): Promise<Amount> {
    // What is not known cannot be named; it is learned in turns of its own.
    if (sparesProtected) await this.#earlier.complete();
    return this.#turns.runAlone(async () => {
      const { entries, bytes } = this.usage();
      for (const key of this.#outdatedKeys()) await this.#bringUpToDate(key);
      await this.#log.clear(sparesProtected);
      if (sparesProtected) await this.#earlier.clearUnprotected();
      else await this.#earlier.clear();
      const left = this.usage();
      return { entries: entries - left.entries, bytes: bytes - left.bytes };
    });
  }

  touch(key: string, use: Use): void {
    this.#log.touch(key, use);
    if (!this.#mayComeEarlier(key)) return;
    this.#earlier.touch(key, use);
    this.#migration.moveSoon(key, use);
  }

  limit(maxBytes: number): void {
    this.#log.limit(maxBytes);
  }

  protect(keys: Iterable<string>, isProtected: boolean): void {
    const all = [...keys];
    this.#log.protect(all, isProtected);
    this.#earlier.protect(all, isProtected);
  }

  async survey(keys: readonly string[]): Promise<readonly (EntrySummary | undefined)[]> {
    if (keys.some((key) => this.#earlier.isUnknown(key))) await this.#earlier.complete();
    const earlierKeys = keys.filter((key) => this.#earlier.isSole(key));
    const earlier = await this.#earlier.survey(earlierKeys);
    const earlierByKey = new Map(earlierKeys.map((key, index) => [key, earlier[index]]));
    // What was there and is not any more was moved meanwhile.
    const inLog = await this.#log.survey(keys);
    return keys.map((key, index) => earlierByKey.get(key) ?? inLog[index]);
  }

  /** The log's; before it has one, what an earlier run left. */
  readNote(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    return this.#turns.run(NOTE_TURN, async () => (await this.#log.readNote()) ?? (await this.#earlier.readNote()));
  }

  writeNote(bytes: Uint8Array<ArrayBuffer>, durability: 'relaxed' | 'durable'): Promise<void> {
    // The caller has its bytes back before its turn comes.
    const kept = bytes.slice();
    return this.#turns.run(NOTE_TURN, () => this.#log.writeNote(kept, durability));
  }

  async removeExpired(nowMs: number, maxEntries: number): Promise<Removed> {
    await this.#prepareRemovals();
    const earlier = await this.#removeSole(this.#earlier.catalogue.expiredSole(nowMs, maxEntries));
    const expired = await this.#log.removeExpired(nowMs, maxEntries - earlier.entries);
    if (expired.entries > 0) await this.#removeOrphans();
    return joinRemoved(earlier, expired);
  }

  /** Earlier entries go first: those used last are moved first, so what is still there was used longest ago. */
  async evict(bytes: number, maxEntries: number): Promise<Removed> {
    await this.#prepareRemovals();
    const earlier = await this.#removeSole(this.#earlier.catalogue.lastSole(bytes, maxEntries));
    if (earlier.bytes >= bytes || earlier.entries >= maxEntries) return earlier;
    const evicted = await this.#log.evict(bytes - earlier.bytes, maxEntries - earlier.entries);
    if (evicted.entries > 0) await this.#removeOrphans();
    return joinRemoved(earlier, evicted);
  }

  /** Pages of both, merged: their places mean the same, and an entry keeps its place when it is moved. */
  async list({ limit, cursor, order = 'accessed' }: ListOptions): Promise<StoredPage> {
    this.#migration.pauseForListing();
    await this.#earlier.complete();
    const page = await this.#log.list({ limit, cursor, order });
    if (this.#earlier.sole.entries === 0) return page;
    return mergePages(order, limit, page, await this.#earlier.list({ limit, cursor, order }));
  }

  usage(): Amount {
    return sum(this.#log.usage(), this.#earlier.sole);
  }

  async reclaim(isUrgent?: boolean): Promise<Reclaimed> {
    await this.#prepareRemovals();
    const reclaimed = await this.#log.reclaim(isUrgent);
    if (reclaimed.evicted.entries > 0) await this.#removeOrphans();
    return reclaimed;
  }

  report(): StoreReport {
    const report = this.#log.report();
    const { movedEntries } = this.#migration;
    const remainingEntries = this.#earlier.sole.entries;
    const isMigrating = remainingEntries > 0 || (movedEntries > 0 && this.#earlier.exists);
    return {
      ...report,
      bytesOnDisk: report.bytesOnDisk + this.#earlier.bytesOnDisk,
      ...(isMigrating ? { migration: { movedEntries, remainingEntries } } : {}),
    };
  }

  async flush(): Promise<void> {
    await this.#turns.settled();
    await this.#log.flush();
    for (const key of this.#log.youngKeys()) {
      await this.#earlier.learn(key);
      await this.#turns.run(key, () => this.#keepCopy(key));
    }
    await this.#earlier.flush();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** True when IndexedDB may have an entry that is to be served from there. */
  #mayComeEarlier(key: string): boolean {
    return this.#earlier.isSole(key) || this.#earlier.isUnknown(key);
  }

  async #isSole(key: string): Promise<boolean> {
    await this.#earlier.learn(key);
    return this.#earlier.isSole(key);
  }

  async #readEarlier(key: string): Promise<Entry | undefined> {
    const entry = (await this.#isSole(key)) ? await this.#earlier.read(key) : undefined;
    // What was there and is not any more was moved meanwhile.
    return entry ?? this.#log.read(key);
  }

  /** Keeps a copy of what the log holds, in the key's turn, unless there is one. */
  async #keepCopy(key: string): Promise<void> {
    const state = this.#earlier.catalogue.stateOf(key);
    if (state === 'sole' || state === 'copy' || this.#earlier.isAbandoned) return;
    const [entry, stored] = await Promise.all([this.#log.read(key), this.#log.readMetadata(key)]);
    if (entry === undefined || stored === undefined) return;
    await this.#earlier.keepCopy(entry, stored.accessedAtMs);
    this.#migration.start();
  }

  /** Before entries leave the log that cannot be named yet. */
  async #prepareRemovals(): Promise<void> {
    await this.#earlier.complete();
    for (const key of this.#outdatedKeys()) await this.#turns.run(key, () => this.#bringUpToDate(key));
  }

  #outdatedKeys(): readonly string[] {
    const { catalogue } = this.#earlier;
    return catalogue.superfluous().filter((key) => catalogue.stateOf(key) === 'outdated');
  }

  /**
   * Sees to it that IndexedDB has no former version of an entry that is about to leave the log, in the key's turn: a
   * crash could make that version the only one. It is replaced while the present one is not safe without, else removed.
   */
  async #bringUpToDate(key: string): Promise<void> {
    const { catalogue } = this.#earlier;
    if (catalogue.stateOf(key) !== 'outdated') return;
    await this.#log.flush();
    if (this.#log.isYoung(key)) await this.#keepCopy(key);
    if (catalogue.stateOf(key) === 'outdated') await this.#earlier.remove(key);
    await this.#earlier.flush();
  }

  async #removeSole(keys: readonly string[]): Promise<Removed> {
    const removedKeys: string[] = [];
    let removedBytes = 0;
    for (const key of keys) {
      const bytes = await this.#turns.run(key, async () =>
        this.#earlier.catalogue.stateOf(key) === 'sole' ? this.#earlier.remove(key) : undefined,
      );
      if (bytes === undefined) continue;
      removedKeys.push(key);
      removedBytes += bytes;
    }
    return { entries: removedKeys.length, bytes: removedBytes, keys: removedKeys };
  }

  /** Removes the copies of what has just left the log, or they would be found as entries at the next start. */
  async #removeOrphans(): Promise<void> {
    for (const key of this.#earlier.catalogue.superfluous()) {
      if (!this.#log.has(key)) await this.#turns.run(key, () => this.#earlier.remove(key));
    }
  }

  async #close(): Promise<void> {
    try {
      await this.#migration.stop();
      await this.flush();
      await this.#log.close();
    } finally {
      await Promise.allSettled([this.#log.close(), this.#earlier.close()]);
      this.#onClosed();
    }
  }
}

/**
 * One page of two. Behind the end of either page there may be more, so nothing that would come behind that can be told
 * yet.
 */
function mergePages(order: EntryOrder, limit: number, ...pages: readonly StoredPage[]): StoredPage {
  const ends = pages.flatMap(({ cursor }) => placeAt(order, cursor) ?? []);
  const end = ends.sort(comparePlaces).at(0);
  const isKnown = (place: ListPlace) => end === undefined || comparePlaces(place, end) <= 0;
  const all = pages.flatMap(({ entries }) => entries.map((stored) => ({ stored, place: placeIn(order, stored) })));
  all.sort((a, b) => comparePlaces(a.place, b.place));
  const page = all.filter(({ place }) => isKnown(place)).slice(0, limit);
  const isLast = end === undefined && page.length === all.length;
  // With all that is known told, the next page begins where that ended.
  const last = page.length === limit ? page.at(-1)?.place : end;
  return {
    entries: page.map(({ stored }) => stored),
    cursor: isLast || last === undefined ? undefined : cursorAt(order, last),
  };
}
