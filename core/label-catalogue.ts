/**
 * Which entries belong together, and which are pinned. Pure books: knows keys, no audio.
 *
 * A member stays a member when its audio goes, so that a collection can say what it is missing; only deleting an entry
 * on purpose takes it out. A key is pinned by itself or by any pinned collection it is in, members yet to come included.
 */
import { isObject } from './protocol/is-object';
import type { JsonObject, JsonValue } from './protocol/values';

/** Longest name of a collection, in UTF-16 units. */
export const MAX_NAME_LENGTH = 200;

/** What all keys begin with; left out where many are kept. */
const KEY_PREFIX = 'v1_';
const HEX_DIGITS = 64;

interface Collection {
  isPinned: boolean;
  /** In the order in which they were added. */
  readonly keys: Set<string>;
}

/** Collections by name, pins by key. */
export class LabelCatalogue {
  readonly #collectionByName = new Map<string, Collection>();
  readonly #namesByKey = new Map<string, Set<string>>();
  /** Pinned by themselves. */
  readonly #pinnedKeys = new Set<string>();

  /** All names, in the order of their UTF-16 units. */
  get names(): readonly string[] {
    return [...this.#collectionByName.keys()].sort();
  }

  /** All keys that are pinned, however. */
  get allPinned(): readonly string[] {
    const keys = new Set(this.#pinnedKeys);
    for (const collection of this.#collectionByName.values()) {
      if (collection.isPinned) for (const key of collection.keys) keys.add(key);
    }
    return [...keys];
  }

  /** Whether there is nothing to remember. */
  get isEmpty(): boolean {
    return this.#collectionByName.size === 0 && this.#pinnedKeys.size === 0;
  }

  /** Whether an entry is never to be evicted nor to expire. */
  isPinned(key: string): boolean {
    if (this.#pinnedKeys.has(key)) return true;
    const names = this.#namesByKey.get(key);
    if (names === undefined) return false;
    for (const name of names) if (this.#collectionByName.get(name)?.isPinned) return true;
    return false;
  }

  /** Whether an entry is pinned by itself. */
  hasOwnPin(key: string): boolean {
    return this.#pinnedKeys.has(key);
  }

  /** The collections an entry is in. */
  collectionsOf(key: string): readonly string[] {
    return [...(this.#namesByKey.get(key) ?? [])];
  }

  /** Members in the order in which they were added; undefined when there is no such collection. */
  membersOf(name: string): readonly string[] | undefined {
    const collection = this.#collectionByName.get(name);
    return collection && [...collection.keys];
  }

  /** Whether a collection is pinned as a whole. */
  isCollectionPinned(name: string): boolean {
    return this.#collectionByName.get(name)?.isPinned ?? false;
  }

  /** Adds a key to a collection, which begins with its first member. Returns false when it was in it. */
  add(key: string, name: string): boolean {
    const collection = this.#collectionByName.get(name) ?? { isPinned: false, keys: new Set() };
    if (collection.keys.has(key)) return false;
    this.#collectionByName.set(name, collection);
    collection.keys.add(key);
    const names = this.#namesByKey.get(key) ?? new Set();
    names.add(name);
    this.#namesByKey.set(key, names);
    return true;
  }

  /** Takes a key out of a collection, which ends with its last member. */
  remove(key: string, name: string): void {
    const collection = this.#collectionByName.get(name);
    if (collection === undefined) return;
    collection.keys.delete(key);
    if (collection.keys.size === 0) this.#collectionByName.delete(name);
    const names = this.#namesByKey.get(key);
    names?.delete(name);
    if (names?.size === 0) this.#namesByKey.delete(key);
  }

  /** Pins a key by itself, or takes that back. Returns whether anything changed. */
  setPinned(key: string, isPinned: boolean): boolean {
    const wasPinned = this.#pinnedKeys.has(key);
    if (isPinned) this.#pinnedKeys.add(key);
    else this.#pinnedKeys.delete(key);
    return wasPinned !== isPinned;
  }

  /** Pins a whole collection, or takes that back. Returns whether there is one and anything changed. */
  setCollectionPinned(name: string, isPinned: boolean): boolean {
    const collection = this.#collectionByName.get(name);
    if (collection === undefined || collection.isPinned === isPinned) return false;
    collection.isPinned = isPinned;
    return true;
  }

  /** Forgets a key altogether: it was deleted on purpose. A collection ends with its last member. */
  forget(key: string): boolean {
    const wasPinned = this.#pinnedKeys.delete(key);
    const names = [...(this.#namesByKey.get(key) ?? [])];
    for (const name of names) this.remove(key, name);
    return wasPinned || names.length > 0;
  }

  /** Forgets a collection; its members stay what else they are. */
  deleteCollection(name: string): void {
    const collection = this.#collectionByName.get(name);
    if (collection === undefined) return;
    for (const key of [...collection.keys]) this.remove(key, name);
  }

  /** Forgets everything, or all but what is pinned and the collections that is in. */
  clear(sparesPins: boolean): void {
    const spared = sparesPins ? new Set(this.allPinned) : new Set<string>();
    for (const key of [...this.#namesByKey.keys(), ...this.#pinnedKeys]) if (!spared.has(key)) this.forget(key);
  }

  /** Everything as JSON. */
  toJson(): JsonObject {
    return {
      pinned: packed(this.#pinnedKeys),
      collections: [...this.#collectionByName].map(([name, { isPinned, keys }]) => ({
        name,
        isPinned,
        keys: packed(keys),
      })),
    };
  }

  /** Adds what `toJson` once gave. What is not of that form is left out. */
  load(json: unknown): void {
    if (!isObject(json)) return;
    for (const key of unpacked(json.pinned)) this.setPinned(key, true);
    if (!Array.isArray(json.collections)) return;
    for (const collection of json.collections as readonly unknown[]) {
      if (!isObject(collection) || !isCollectionName(collection.name)) continue;
      for (const key of unpacked(collection.keys)) this.add(key, collection.name);
      if (collection.isPinned === true) this.setCollectionPinned(collection.name, true);
    }
  }
}

/** Whether something can be the name of a collection. */
export function isCollectionName(value: unknown): value is string {
  return typeof value === 'string' && value.length >= 1 && value.length <= MAX_NAME_LENGTH;
}

/** Keys without what they have in common: a book has thousands. */
function packed(keys: Iterable<string>): JsonValue {
  return [...keys].map((key) => key.slice(KEY_PREFIX.length)).join('');
}

function unpacked(value: unknown): readonly string[] {
  if (typeof value !== 'string' || value.length % HEX_DIGITS !== 0 || !/^[0-9a-f]*$/.test(value)) return [];
  const count = value.length / HEX_DIGITS;
  return Array.from(
    { length: count },
    (_, index) => KEY_PREFIX + value.slice(index * HEX_DIGITS, (index + 1) * HEX_DIGITS),
  );
}
