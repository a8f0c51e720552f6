/**
 * The order of changes in a store whose changes take several steps: those of one key one after the other, a change of
 * everything alone. Changes of different keys do not wait for each other.
 */

/** Lets changes of the same key take turns. */
export class KeyTurns {
  /** The last change asked for of each key, until it is done. */
  readonly #lastByKey = new Map<string, Promise<unknown>>();
  /** The last change of everything, until it is done; all that was asked for since waits for it. */
  #alone: Promise<unknown> | undefined;

  /** True when a change of the key would begin at once. */
  isFree(key: string): boolean {
    return this.#alone === undefined && !this.#lastByKey.has(key);
  }

  /** Runs the change once all that was asked for of its key is done; at once, before returning, if nothing is. */
  run<Result>(key: string, change: () => Promise<Result>): Promise<Result> {
    const before = this.#lastByKey.get(key) ?? this.#alone;
    const done = before === undefined ? change() : before.then(change, change);
    this.#lastByKey.set(key, done);
    const forget = () => {
      if (this.#lastByKey.get(key) === done) this.#lastByKey.delete(key);
    };
    done.then(forget, forget);
    return done;
  }

  /** Runs the change once all that was asked for is done; what is asked for meanwhile waits. */
  runAlone<Result>(change: () => Promise<Result>): Promise<Result> {
    const done = this.settled().then(change);
    this.#lastByKey.clear();
    this.#alone = done;
    const forget = () => {
      if (this.#alone === done) this.#alone = undefined;
    };
    done.then(forget, forget);
    return done;
  }

  /** Resolves once all that was asked for so far is done, however it ended. */
  async settled(): Promise<void> {
    await Promise.allSettled([this.#alone, ...this.#lastByKey.values()]);
  }
}
