/**
 * Remembers on the page which kind of store held something, so that one found empty can say that somebody emptied it. The
 * browser's own eviction takes the files and, in Chromium, leaves localStorage; where it takes both, nothing is said.
 *
 * A note that is missing hides an eviction; one that is there wrongly invents one. So whatever may have removed the last
 * entry takes the note back at once, and the next statistics, a quarter of a second later, write it anew.
 */
import type { CacheConfig, StoreKind } from '../core/protocol/values';

/** A page's note about one cache. */
export class HeldBefore {
  readonly #name: string;
  /** What the note says; undefined while that is not known. */
  #noted: StoreKind | undefined;
  /** At least so many are left, as far as this page has heard. */
  #entries = 0;
  /** The cache that this page uses has no store: it says nothing about what is on the disk. */
  #isMemoryOnly: boolean;

  constructor({ namespace, version, disk }: Pick<CacheConfig, 'namespace' | 'version' | 'disk'>) {
    this.#name = `reprise:${namespace}:v${version}:held`;
    this.#isMemoryOnly = disk.store === 'none';
  }

  /** The kind of store that held entries when this was noted last; undefined also where nothing can be noted. */
  read(): StoreKind | undefined {
    try {
      const noted = localStorage.getItem(this.#name);
      return noted === 'opfs' || noted === 'indexeddb' ? noted : undefined;
    } catch {
      return undefined;
    }
  }

  /** Notes how many entries a kind of store holds now. */
  note(store: StoreKind, entries: number): void {
    this.#isMemoryOnly = store === 'none';
    this.#entries = entries;
    this.#write(entries > 0 ? store : 'none');
  }

  /** So many entries may have been removed from the disk, by default all of them. May be told of the same ones again. */
  removed(entries = Number.POSITIVE_INFINITY): void {
    this.#entries -= entries;
    if (this.#entries <= 0) this.#write('none');
  }

  #write(store: StoreKind): void {
    if (this.#isMemoryOnly || this.#noted === store) return;
    this.#noted = store;
    try {
      if (store === 'none') localStorage.removeItem(this.#name);
      else localStorage.setItem(this.#name, store);
    } catch {
      // Blocked, or full: then an emptied cache is taken for a new one.
    }
  }
}
