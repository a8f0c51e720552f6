/**
 * Which entries lie in IndexedDB beside a log, and what is to become of them. Only memory, no database.
 *
 * Complete only after a walk over the database; until then a key not named here may be there all the same.
 */
import { NOTHING, sum } from '../core/amount';
import type { Amount, EntryMetadata } from '../core/protocol/values';

/**
 * `sole`: the log has none. `copy`: the log has the same. `outdated`: the log has a newer one, or had it and removed
 * it, and what may still be there must not be served.
 */
export type EarlierState = 'sole' | 'copy' | 'outdated';

/** What is known of an entry. */
type Facts = Pick<EntryMetadata, 'byteLength' | 'expiresAtMs'>;

interface CatalogueEntry extends Facts {
  readonly state: EarlierState;
}

const UNKNOWN: Facts = { byteLength: 0, expiresAtMs: Number.POSITIVE_INFINITY };

/** States by key. */
export class EarlierCatalogue {
  /** False while a walk has yet to come by some keys. */
  isComplete: boolean;
  readonly #entryByKey = new Map<string, CatalogueEntry>();
  /** Neither evicted nor removed as expired; also keys that are not here. */
  readonly #protectedKeys = new Set<string>();
  readonly #amountByState = { sole: NOTHING, copy: NOTHING, outdated: NOTHING };
  /** Keys in the order in which they became `sole`; those before `#soleIndex` were moved or passed over. */
  #soleOrder: string[] = [];
  #soleIndex = 0;

  constructor(isComplete: boolean) {
    this.isComplete = isComplete;
  }

  /** True when nothing is known to be there. */
  get isEmpty(): boolean {
    return this.#entryByKey.size === 0;
  }

  /** What is in a state; undefined when nothing is known of the key. */
  stateOf(key: string): EarlierState | undefined {
    return this.#entryByKey.get(key)?.state;
  }

  /** What the entries in a state add up to. */
  amountOf(state: EarlierState): Amount {
    return this.#amountByState[state];
  }

  /** Notes the state of a key, and what is newly known of its entry. */
  note(key: string, state: EarlierState, facts: Facts = this.#entryByKey.get(key) ?? UNKNOWN): void {
    this.#count(key, -1);
    this.#entryByKey.set(key, { state, byteLength: facts.byteLength, expiresAtMs: facts.expiresAtMs });
    this.#count(key, 1);
    if (state === 'sole') this.#soleOrder.push(key);
  }

  /** Notes when the entry of a key ends, if there is one. */
  noteExpiry(key: string, expiresAtMs: number): void {
    const entry = this.#entryByKey.get(key);
    if (entry !== undefined) this.#entryByKey.set(key, { ...entry, expiresAtMs });
  }

  /** Keeps the entry of a key out of `lastSole` and `expiredSole`, or no longer. */
  protect(key: string, isProtected: boolean): void {
    if (isProtected) this.#protectedKeys.add(key);
    else this.#protectedKeys.delete(key);
  }

  /** Keys that are protected, whatever is here. */
  get protectedKeys(): ReadonlySet<string> {
    return this.#protectedKeys;
  }

  /** Keys of entries that are not protected. */
  unprotectedKeys(): readonly string[] {
    return [...this.#entryByKey.keys()].filter((key) => !this.#protectedKeys.has(key));
  }

  /** Forgets a key, whose entry is gone. */
  forget(key: string): void {
    this.#count(key, -1);
    this.#entryByKey.delete(key);
  }

  /** Forgets all keys, but not which are protected. */
  forgetAll(): void {
    this.#entryByKey.clear();
    Object.assign(this.#amountByState, { sole: NOTHING, copy: NOTHING, outdated: NOTHING });
    this.#soleOrder = [];
    this.#soleIndex = 0;
  }

  /** The first key that is `sole` and was not passed over. */
  nextSole(): string | undefined {
    for (; this.#soleIndex < this.#soleOrder.length; this.#soleIndex++) {
      const key = this.#soleOrder[this.#soleIndex];
      if (key !== undefined && this.stateOf(key) === 'sole') return key;
    }
    return undefined;
  }

  /** Passes over what `nextSole` gives. */
  skipNextSole(): void {
    this.#soleIndex++;
  }

  /** The last keys that are `sole` and not protected, last first, until they make up so many bytes or entries. */
  lastSole(maxBytes: number, maxEntries: number): readonly string[] {
    const keys: string[] = [];
    let bytes = 0;
    for (let index = this.#soleOrder.length - 1; index >= 0 && bytes < maxBytes && keys.length < maxEntries; index--) {
      const key = this.#soleOrder[index];
      const entry = key === undefined ? undefined : this.#entryByKey.get(key);
      if (key !== undefined && entry?.state === 'sole') {
        if (this.#protectedKeys.has(key)) continue;
        keys.push(key);
        bytes += entry.byteLength;
      } else if (index === this.#soleOrder.length - 1) {
        // What is over at the end is never looked at again, or each call would pass by all that went before.
        this.#soleOrder.pop();
        this.#soleIndex = Math.min(this.#soleIndex, this.#soleOrder.length);
      }
    }
    return keys;
  }

  /** Keys that are `sole`, not protected and have expired, in the order of expiry. */
  expiredSole(nowMs: number, maxEntries: number): readonly string[] {
    const untilMs = Math.min(nowMs, Number.MAX_VALUE);
    const isExpired = ([key, { state, expiresAtMs }]: [string, CatalogueEntry]) =>
      state === 'sole' && expiresAtMs <= untilMs && !this.#protectedKeys.has(key);
    const expired = [...this.#entryByKey].filter(isExpired);
    expired.sort(([, a], [, b]) => a.expiresAtMs - b.expiresAtMs);
    return expired.slice(0, maxEntries).map(([key]) => key);
  }

  /** Keys whose entries need not or must not stay. */
  superfluous(): readonly string[] {
    return [...this.#entryByKey].filter(([, entry]) => entry.state !== 'sole').map(([key]) => key);
  }

  #count(key: string, sign: 1 | -1): void {
    const entry = this.#entryByKey.get(key);
    if (entry === undefined) return;
    const { state, byteLength } = entry;
    this.#amountByState[state] = sum(this.#amountByState[state], { entries: sign, bytes: sign * byteLength });
  }
}
