/**
 * Collections and pins of a cache: what is asked of them, checked against the disk and kept with it.
 *
 * Changes come one after the other, so that two pins that fit each but not together are not both accepted. A change is
 * in the books, and on the disk, before it is acknowledged; a pin that does not fit changes nothing.
 */
import { NOTHING, sum } from './amount';
import type { Clock } from './clock';
import type { DiskTier } from './disk-tier';
import { createGiveWay } from './give-way';
import type { KeptState } from './kept-state';
import { isCollectionName, LabelCatalogue, MAX_NAME_LENGTH } from './label-catalogue';
import type { MemoryTier } from './memory-tier';
import { AudioCacheError } from './protocol/audio-cache-error';
import type { Labels as LabelsOfEntry } from './protocol/messages';
import type { Amount, CollectionDetails, CollectionInfo, CollectionsPage, JsonObject } from './protocol/values';

/** What the labels work with. Disk and state are there once `open` is called. */
export interface LabelsOptions {
  readonly clock: Clock;
  readonly memory: MemoryTier;
  readonly disk: () => DiskTier;
  readonly state: () => KeptState;
  readonly onChanged: () => void;
}

/** Collections and pins. */
export class Labels {
  /** Resolves once it is known what is pinned, or that this cannot be known. */
  readonly ready: Promise<void>;
  readonly #options: LabelsOptions;
  readonly #catalogue = new LabelCatalogue();
  #lastChange: Promise<unknown>;
  #onReady: () => void = () => {};

  constructor(options: LabelsOptions) {
    this.#options = options;
    this.ready = new Promise((resolve) => {
      this.#onReady = resolve;
    });
    this.#lastChange = this.ready;
  }

  /** Takes in what was kept, and has the disk keep what is pinned. */
  async open(kept: Promise<unknown>): Promise<void> {
    try {
      this.#catalogue.load(await kept);
      await this.#options.disk().protect(this.#catalogue.allPinned, true);
    } finally {
      this.#onReady();
    }
  }

  /** Whether an entry is pinned, by itself or by a collection. */
  isPinned(key: string): boolean {
    return this.#catalogue.isPinned(key);
  }

  /** The collections an entry is in. */
  collectionsOf(key: string): readonly string[] {
    return this.#catalogue.collectionsOf(key);
  }

  /** What is to be kept; undefined when there is nothing. */
  toJson(): JsonObject | undefined {
    return this.#catalogue.isEmpty ? undefined : this.#catalogue.toJson();
  }

  /**
   * Adds a key to collections and pins it, as labelled. `incomingBytes`: audio that is about to be stored under it.
   * @throws AudioCacheError `INVALID_OPTIONS`; `QUOTA_EXCEEDED`, `STORE_UNAVAILABLE` when it was to be pinned, which it
   * is then not, nor is it in any of the collections
   */
  async label(key: string, { collections = [], pinned = false }: LabelsOfEntry, incomingBytes?: number): Promise<void> {
    for (const name of collections) checkName(name);
    await this.#change(async () => {
      const catalogue = this.#catalogue;
      const isToBePinned = pinned || collections.some((name) => catalogue.isCollectionPinned(name));
      const wasPinned = catalogue.isPinned(key);
      if (isToBePinned && !wasPinned) await this.#assertFits([key], incomingBytes);
      let hasChanged = pinned && catalogue.setPinned(key, true);
      for (const name of collections) hasChanged = catalogue.add(key, name) || hasChanged;
      if (isToBePinned && !wasPinned) await this.#protect([key], true, incomingBytes);
      return hasChanged;
    });
  }

  /**
   * Pins an entry, or takes its own pin back; a collection it is in may go on pinning it.
   * @throws AudioCacheError `QUOTA_EXCEEDED`, `STORE_UNAVAILABLE`: nothing has changed then
   */
  async pin(key: string, isPinned: boolean): Promise<Amount> {
    await this.#change(async () => {
      const wasPinned = this.#catalogue.isPinned(key);
      if (isPinned && !wasPinned) await this.#assertFits([key]);
      const hasChanged = this.#catalogue.setPinned(key, isPinned);
      await this.#protectAnew([key], wasPinned ? [key] : []);
      return hasChanged;
    });
    return this.#amountOf([key].filter((each) => this.isPinned(each)));
  }

  /**
   * Pins a collection with all that will ever be in it, or takes that back.
   * @throws AudioCacheError `INVALID_OPTIONS` when there is no such collection; `QUOTA_EXCEEDED`, `STORE_UNAVAILABLE`:
   * nothing has changed then
   */
  async pinCollection(name: string, isPinned: boolean): Promise<Amount> {
    const keys = await this.#change(async () => {
      const members = this.#catalogue.membersOf(name);
      if (members === undefined) throw noCollection(name);
      const pinnedBefore = members.filter((key) => this.#catalogue.isPinned(key));
      if (isPinned) await this.#assertFits(members);
      this.#catalogue.setCollectionPinned(name, isPinned);
      await this.#protectAnew(members, pinnedBefore);
      return members;
    });
    return this.#amountOf(keys.filter((key) => this.isPinned(key)));
  }

  /** An entry was deleted on purpose: it is pinned no more and in no collection. */
  async forget(key: string): Promise<void> {
    await this.#change(async () => {
      const wasPinned = this.#catalogue.isPinned(key);
      const hasChanged = this.#catalogue.forget(key);
      if (wasPinned) await this.#protect([key], false);
      return hasChanged;
    });
  }

  /** Everything, or all but what is pinned, was deleted on purpose. */
  async forgetAll(sparesPins: boolean): Promise<void> {
    await this.#change(async () => {
      const pinnedBefore = this.#catalogue.allPinned;
      if (this.#catalogue.isEmpty) return false;
      this.#catalogue.clear(sparesPins);
      await this.#protectAnew(pinnedBefore, pinnedBefore);
      return true;
    });
  }

  /**
   * Forgets a collection and returns the keys that were in no other and have no pin of their own; undefined when there
   * was none of that name.
   */
  async deleteCollection(name: string): Promise<readonly string[] | undefined> {
    return this.#change(async () => {
      const catalogue = this.#catalogue;
      const members = catalogue.membersOf(name);
      if (members === undefined) return undefined;
      const pinnedBefore = members.filter((key) => catalogue.isPinned(key));
      catalogue.deleteCollection(name);
      await this.#protectAnew(members, pinnedBefore);
      return members.filter((key) => catalogue.collectionsOf(key).length === 0 && !catalogue.hasOwnPin(key));
    });
  }

  /** Members of a collection; undefined when there is none of that name. */
  async membersOf(name: string): Promise<readonly string[] | undefined> {
    await this.#settled();
    return this.#catalogue.membersOf(name);
  }

  /** A collection with its members; undefined when there is none of that name. */
  async collection(name: string): Promise<CollectionDetails | undefined> {
    const keys = await this.membersOf(name);
    return keys && this.#describe(name, keys);
  }

  /** Collections by name, those whose name contains `search` in any case. */
  async collections(limit: number, cursor: string | undefined, search: string | undefined): Promise<CollectionsPage> {
    await this.#settled();
    const wanted = search?.toLowerCase() ?? '';
    const after = cursor === undefined ? undefined : nameOfCursor(cursor);
    const names = this.#catalogue.names.filter(
      (name) => (after === undefined || name > after) && name.toLowerCase().includes(wanted),
    );
    const giveWay = createGiveWay(this.#options.clock);
    const collections: CollectionInfo[] = [];
    for (const name of names.slice(0, limit)) {
      await giveWay();
      const keys = this.#catalogue.membersOf(name);
      if (keys === undefined) continue;
      const { keys: _, missingKeys: __, ...info } = await this.#describe(name, keys);
      collections.push(info);
    }
    const last = names[limit - 1];
    return names.length > limit && last !== undefined ? { collections, cursor: cursorOfName(last) } : { collections };
  }

  async #describe(name: string, keys: readonly string[]): Promise<CollectionDetails> {
    const { clock, memory, disk } = this.#options;
    const nowMs = clock.nowMs();
    const summaries = await disk().survey(keys);
    let amount = NOTHING;
    let accessedAtMs: number | undefined;
    const missingKeys: string[] = [];
    for (const [index, key] of keys.entries()) {
      const held = memory.peek(key, nowMs);
      const stored = summaries[index];
      const isStored = stored !== undefined && (stored.expiresAtMs > nowMs || this.isPinned(key));
      const byteLength = isStored ? stored.byteLength : held?.entry.bytes.byteLength;
      if (byteLength === undefined) {
        missingKeys.push(key);
        continue;
      }
      amount = sum(amount, { entries: 1, bytes: byteLength });
      accessedAtMs = Math.max(accessedAtMs ?? 0, stored?.accessedAtMs ?? 0, held?.accessedAtMs ?? 0);
    }
    const pinned = this.#catalogue.isCollectionPinned(name);
    const missing = missingKeys.length;
    return { name, pinned, ...amount, missing, complete: missing === 0, accessedAtMs, keys, missingKeys };
  }

  async #amountOf(keys: readonly string[]): Promise<Amount> {
    const summaries = await this.#options.disk().survey(keys);
    return summaries.reduce<Amount>(
      (amount, summary) => (summary ? sum(amount, { entries: 1, bytes: summary.byteLength }) : amount),
      NOTHING,
    );
  }

  async #assertFits(keys: readonly string[], incomingBytes?: number): Promise<void> {
    const disk = this.#options.disk();
    disk.assertPinFits(incomingBytes ?? (await disk.unpinnedBytes(keys)));
  }

  /** Has the disk keep what is pinned now of these keys, and no longer what only was. */
  async #protectAnew(keys: readonly string[], pinnedBefore: readonly string[]): Promise<void> {
    const before = new Set(pinnedBefore);
    await this.#protect(
      keys.filter((key) => !before.has(key) && this.isPinned(key)),
      true,
    );
    await this.#protect(
      pinnedBefore.filter((key) => !this.isPinned(key)),
      false,
    );
  }

  async #protect(keys: readonly string[], isProtected: boolean, incomingBytes?: number): Promise<void> {
    if (keys.length === 0) return;
    // Memory holds no longer what has ended, and what is pinned no more may have.
    if (!isProtected) for (const key of keys) this.#options.memory.delete(key);
    await this.#options.disk().protect(keys, isProtected, incomingBytes);
  }

  /** Resolves once all changes asked for so far are made. */
  async #settled(): Promise<void> {
    await this.#lastChange;
  }

  /** Makes a change after all others and keeps it; one that was to no effect (`false`, `undefined`) is not written. */
  #change<Result>(make: () => Promise<Result>): Promise<Result> {
    const changed = this.#lastChange.then(make);
    this.#lastChange = changed.catch(() => {});
    return changed.then(async (result) => {
      if (result === false || result === undefined) return result;
      this.#options.onChanged();
      // Without a disk it lasts as long as the worker; a disk that fails says so elsewhere.
      await this.#options
        .state()
        .save('relaxed')
        .catch(() => {});
      return result;
    });
  }
}

function checkName(name: string): void {
  if (isCollectionName(name)) return;
  throw new AudioCacheError(
    'INVALID_OPTIONS',
    `The name of a collection must be a string of 1 to ${MAX_NAME_LENGTH} characters.`,
    { field: 'collections' },
  );
}

function noCollection(name: string): AudioCacheError {
  return new AudioCacheError('INVALID_OPTIONS', `There is no collection ${JSON.stringify(name)}.`, {
    field: 'collection',
  });
}

/** A place in the order of names, which may hold anything. */
function cursorOfName(name: string): string {
  return `name ${name}`;
}

function nameOfCursor(cursor: string): string | undefined {
  return cursor.startsWith('name ') ? cursor.slice('name '.length) : undefined;
}
