/**
 * Who is the owner: the tab that holds the Web Lock of the cache. The others wait in the lock's queue.
 *
 * The lock goes with its tab, however that ends. Never `steal`: that would take the lock and leave the files open in the
 * worker of the former owner. A page that was frozen into the back/forward cache with the lock lets go of it only when
 * somebody asks anew, so a follower that gets no answer asks again (Chromium; a queued request got nothing in 18 s).
 * Firefox keeps no page in that cache that holds a lock or waits for one: there a follower waits only while nobody has it.
 */

/** What a tab is told. */
export interface OwnershipListeners {
  /** This tab is the owner, until `release`. */
  readonly onOwned: () => void;
  /** Another tab is; this one waits. */
  readonly onTaken: () => void;
  /** The browser gives no locks here after all, as in a sandboxed frame. */
  readonly onRefused: () => void;
}

/** One tab's part in the lock. */
export class Ownership {
  readonly #locks: LockManager;
  readonly #name: string;
  readonly #listeners: OwnershipListeners;
  readonly #mayQueue: boolean;
  /** Ends the wait, or lets go of the lock. */
  #end: () => void = () => {};

  /** `mayQueue`: a page that waits for a lock stays eligible for the back/forward cache. */
  constructor(locks: LockManager, name: string, mayQueue: boolean, listeners: OwnershipListeners) {
    this.#locks = locks;
    this.#name = name;
    this.#mayQueue = mayQueue;
    this.#listeners = listeners;
  }

  /** Takes the lock if it is free, and otherwise waits for it. */
  start(): void {
    let isOver = false;
    this.#end();
    this.#end = () => {
      isOver = true;
    };
    const onAnswer = (isFree: boolean, lock: Lock | null) => {
      if (isOver) return undefined;
      if (lock !== null) return this.#hold();
      if (this.#mayQueue || isFree) this.#wait();
      this.#listeners.onTaken();
      return undefined;
    };
    const asked = this.#mayQueue
      ? this.#locks.request(this.#name, { ifAvailable: true }, (lock) => onAnswer(false, lock))
      : // Only looked at: in Firefox even a refused request keeps a page out of its cache.
        this.#isFree().then((isFree) => onAnswer(isFree, null));
    asked.catch(() => {
      if (!isOver) this.#listeners.onRefused();
    });
  }

  /**
   * The owner is silent. Gives up the place in the queue for a new one, since asking anew is what frees the lock of a frozen
   * page; where pages with a lock are not frozen, takes the lock only if it has become free.
   */
  askAgain(): void {
    const end = this.#end;
    const wait = () => {
      // Meanwhile it was let go of, or begun anew.
      if (this.#end !== end) return;
      end();
      this.#wait();
    };
    if (this.#mayQueue) wait();
    else this.#isFree().then((isFree) => isFree && wait(), wait);
  }

  /** The owner has gone: whoever is not waiting already does so now. */
  ownerLeft(): void {
    if (this.#mayQueue) return;
    this.#end();
    this.#wait();
  }

  /** There is an owner to follow. */
  settle(): void {
    if (!this.#mayQueue) this.release();
  }

  /** Lets go of the lock, or of the place in the queue. */
  release(): void {
    this.#end();
    this.#end = () => {};
  }

  async #isFree(): Promise<boolean> {
    const { held = [] } = await this.#locks.query();
    return !held.some(({ name }) => name === this.#name);
  }

  #wait(): void {
    const stop = new AbortController();
    this.#end = () => stop.abort();
    this.#locks
      .request(this.#name, { signal: stop.signal }, () => (stop.signal.aborted ? undefined : this.#hold()))
      // It was given up.
      .catch(() => {});
  }

  #hold(): Promise<void> {
    return new Promise((resolve) => {
      this.#end = resolve;
      this.#listeners.onOwned();
    });
  }
}
