/**
 * Remembers on the page whether the disk held anything, so that a cache found empty can say that somebody emptied it. The
 * browser's own eviction takes the files and, in Chromium, leaves localStorage; where it takes both, nothing is said.
 */

/** A page's note about one cache. */
export class HeldBefore {
  readonly #name: string;
  #isNoted: boolean | undefined;

  constructor(namespace: string, version: number) {
    this.#name = `reprise:${namespace}:v${version}:held`;
  }

  /** Whether entries were held when this was noted last; false also where nothing can be noted. */
  read(): boolean {
    try {
      return localStorage.getItem(this.#name) !== null;
    } catch {
      return false;
    }
  }

  /** Notes whether entries are held now. */
  note(isHeld: boolean): void {
    if (this.#isNoted === isHeld) return;
    this.#isNoted = isHeld;
    try {
      if (isHeld) localStorage.setItem(this.#name, '1');
      else localStorage.removeItem(this.#name);
    } catch {
      // Blocked, or full: then an emptied cache is taken for a new one.
    }
  }
}
