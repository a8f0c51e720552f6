/**
 * Collections and pins of a cache: what is asked of them, checked against the disk and kept with it.
 *
 * Changes come one after the other, in the order in which they are asked for, so that two pins that fit each but not together
 * are not both accepted, and what is labelled after something was deleted stays labelled. A pin is on the disk before it is
 * acknowledged, and one that does not fit or cannot be kept changes nothing; membership follows within a second, since a book has
 * thousands of members and all of it is one note.
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

/** What the labels work with. Disk and state are asked for only after all of it was made. */
export interface LabelsOptions {
  readonly clock: Clock;
  readonly memory: MemoryTier;
  readonly disk: () => DiskTier;
  readonly state: () => KeptState;
  readonly onChanged: () => void;
}

/** A change that was made: what it came to, whether anything changed, and how it is undone. */
interface Change<Result> {
  readonly result: Result;
  readonly hasChanged: boolean;
  /** It is to be on the disk before it is acknowledged; undone if it cannot be. */
  readonly undo?: (() => Promise<void>) | undefined;
}

const UNCHANGED = { result: undefined, hasChanged: false } as const;

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

  /** Takes in what was kept. */
  load(kept: unknown): void {
    this.#catalogue.load(kept);
  }

  /** Has the disk keep what is pinned, and takes changes from now on. */
  async open(): Promise<void> {
    try {
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
   * Adds a key to collections and pins it, as labelled; resolves to what takes that back. `incomingBytes`: audio that is about to
   * be stored under it.
   * @throws AudioCacheError `INVALID_OPTIONS`; `QUOTA_EXCEEDED`, `STORE_UNAVAILABLE` when it was to be pinned, which it
   * is then not, nor is it in any of the collections
   */
  async label(
    key: string,
    { collections = [], pinned = false }: LabelsOfEntry,
    incomingBytes?: number,
  ): Promise<() => Promise<void>> {
    for (const name of collections) checkName(name);
    return this.#change(async () => {
      const catalogue = this.#catalogue;
      const wasPinned = catalogue.isPinned(key);
      const isToBePinned = wasPinned || pinned || collections.some((name) => catalogue.isCollectionPinned(name));
      if (isToBePinned) await this.#assertFits(key, incomingBytes);
      const isNewlyPinned = pinned && catalogue.setPinned(key, true);
      const added = collections.filter((name) => catalogue.add(key, name));
      if (isToBePinned && !wasPinned) await this.#protect([key], true, incomingBytes);
      const takeBack = async () => {
        if (isNewlyPinned) catalogue.setPinned(key, false);
        for (const name of added) catalogue.remove(key, name);
        await this.#protectAnew([key], [key]);
      };
      const undo = isToBePinned && !wasPinned ? takeBack : undefined;
      const hasChanged = isNewlyPinned || added.length > 0;
      return { result: () => this.#takeBack(takeBack, hasChanged), hasChanged, undo };
    });
  }

  /**
   * Pins an entry, or takes its own pin back; a collection it is in may go on pinning it.
   * @throws AudioCacheError `QUOTA_EXCEEDED`, `STORE_UNAVAILABLE`: nothing has changed then
   */
  async pin(key: string, isPinned: boolean): Promise<Amount> {
    await this.#change(async () => {
      const wasPinned = this.#catalogue.isPinned(key);
      if (isPinned && !wasPinned) await this.#assertFits(key);
      const hasChanged = this.#catalogue.setPinned(key, isPinned);
      await this.#protectAnew([key], wasPinned ? [key] : []);
      const undo = async () => {
        this.#catalogue.setPinned(key, !isPinned);
        await this.#protectAnew([key], [key]);
      };
      return { result: undefined, hasChanged, undo };
    });
    return this.#amountOf([key].filter((each) => this.isPinned(each)));
  }

  /**
   * Pins a collection with all that will ever be in it, or takes that back.
   * @throws AudioCacheError `INVALID_OPTIONS` when there is no such collection; `QUOTA_EXCEEDED`, `STORE_UNAVAILABLE`:
   * nothing has changed then
   */
  async pinCollection(name: string, isPinned: boolean): Promise<Amount> {
    checkName(name);
    const keys = await this.#change(async () => {
      const members = this.#catalogue.membersOf(name);
      if (members === undefined) throw noCollection(name);
      const pinnedBefore = members.filter((key) => this.#catalogue.isPinned(key));
      const disk = this.#options.disk();
      if (isPinned) disk.assertPinFits(await disk.bytesToPin(members));
      const hasChanged = this.#catalogue.setCollectionPinned(name, isPinned);
      await this.#protectAnew(members, pinnedBefore);
      const undo = async () => {
        this.#catalogue.setCollectionPinned(name, !isPinned);
        await this.#protectAnew(members, members);
      };
      return { result: members, hasChanged, undo };
    });
    return this.#amountOf(keys.filter((key) => this.isPinned(key)));
  }

  /** An entry was deleted on purpose: it is pinned no more and in no collection. */
  async forget(key: string): Promise<void> {
    await this.#change(async () => {
      const wasPinned = this.#catalogue.isPinned(key);
      const hasChanged = this.#catalogue.forget(key);
      if (wasPinned) await this.#protect([key], false);
      return { result: undefined, hasChanged };
    });
  }

  /** Everything, or all but what is pinned, was deleted on purpose. */
  async forgetAll(sparesPins: boolean): Promise<void> {
    await this.#change<void>(async () => {
      const pinnedBefore = this.#catalogue.allPinned;
      if (this.#catalogue.isEmpty) return UNCHANGED;
      this.#catalogue.clear(sparesPins);
      await this.#protectAnew(pinnedBefore, pinnedBefore);
      return { result: undefined, hasChanged: true };
    });
  }

  /** Forgets a collection; its members stay what else they are. Resolves to whether there was one of that name. */
  async forgetCollection(name: string): Promise<boolean> {
    return this.#change(async () => {
      const members = this.#catalogue.membersOf(name);
      if (members === undefined) return { result: false, hasChanged: false };
      const pinnedBefore = members.filter((key) => this.#catalogue.isPinned(key));
      this.#catalogue.deleteCollection(name);
      await this.#protectAnew(members, pinnedBefore);
      return { result: true, hasChanged: true };
    });
  }

  /** Whether anything but this collection holds an entry: another one, or a pin of its own. */
  isHeldBeside(key: string, name: string): boolean {
    return this.#catalogue.hasOwnPin(key) || this.#catalogue.collectionsOf(key).some((other) => other !== name);
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
      const onItsWay = held?.entry ?? disk().held(key);
      const byteLength = isStored ? stored.byteLength : onItsWay?.metadata.byteLength;
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
    const disk = this.#options.disk();
    const summaries = await disk.survey(keys);
    return keys.reduce<Amount>((amount, key, index) => {
      const bytes = disk.held(key)?.metadata.byteLength ?? summaries[index]?.byteLength;
      return bytes === undefined ? amount : sum(amount, { entries: 1, bytes });
    }, NOTHING);
  }

  async #assertFits(key: string, incomingBytes?: number): Promise<void> {
    const disk = this.#options.disk();
    disk.assertPinFits(await disk.bytesToPin([key], incomingBytes));
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

  /** Takes a change back that was made for the sake of something that failed. */
  async #takeBack(undo: () => Promise<void>, hasChanged: boolean): Promise<void> {
    if (!hasChanged) return;
    await this.#change(async () => {
      await undo();
      return { result: undefined, hasChanged };
    });
  }

  /**
   * Makes a change after all others. One that can be undone is on the disk before this resolves, or it is undone; others may
   * be made meanwhile, and share the write.
   * @throws AudioCacheError whatever `make` says, or the disk
   */
  async #change<Result>(make: () => Promise<Change<Result>>): Promise<Result> {
    const making = this.#lastChange.then(make);
    this.#lastChange = making.catch(() => {});
    const { result, hasChanged, undo } = await making;
    if (!hasChanged) return result;
    this.#options.onChanged();
    const state = this.#options.state();
    if (undo === undefined || this.#options.disk().kind === 'none') {
      state.changed();
      return result;
    }
    try {
      await state.save('relaxed');
    } catch (error) {
      await this.#takeBack(undo, true);
      throw error;
    }
    return result;
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
