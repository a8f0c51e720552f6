/**
 * Moves earlier entries from IndexedDB into the log, a small step at a time while nothing is asked for, and takes away
 * second copies once they are no longer needed.
 *
 * An entry is copied first; its original goes only when the copy was flushed and its file's name is old enough. Killed,
 * or without power, at any moment: the entry is in one of the two, or in both, which the next start finds out. Only a
 * bounded amount lies in both, or moving a full cache would take twice its room on the disk.
 */
import type { Clock } from '../core/clock';
import type { LogStore } from '../core/storage/log-store';
import type { Use } from '../core/storage/store';
import type { EarlierEntries } from './earlier-entries';
import type { KeyTurns } from './key-turns';

/** Between two steps while nothing is asked for. */
const PAUSE_MS = 20;
/** Between two steps while somebody asks for something: moving goes on, hardly noticed. */
const BUSY_PAUSE_MS = 500;
/** Until names of files have aged, a full disk has room again, or another tab has stopped writing there. */
const LONG_PAUSE_MS = 15_000;
/** Pages of a listing that are asked for within this time of each other miss nothing for being moved between them. */
const LISTING_PAUSE_MS = 10_000;
const MAX_SUPERFLUOUS_ENTRIES = 64;

/** What a migration works on. */
export interface MigrationOptions {
  readonly log: LogStore;
  readonly earlier: EarlierEntries;
  /** The order of changes, of which those made here are part. */
  readonly turns: KeyTurns;
  readonly clock: Clock;
  /** So much audio may lie in both at a time. */
  readonly maxSuperfluousBytes: number;
}

/** Moves entries until none is left. */
export class Migration {
  readonly #options: MigrationOptions;
  /** Entries that were used: they are moved before all others. */
  readonly #usedKeys = new Set<string>();
  /** The entry that is being moved, and its uses since it was read. */
  #moving: { readonly key: string; readonly uses: Use[] } | undefined;
  #movedEntries = 0;
  #isBusy = false;
  #pausedUntilMs = 0;
  #cancelStep: (() => void) | undefined;
  #step: Promise<void> = Promise.resolve();
  #isStopped = false;

  constructor(options: MigrationOptions) {
    this.#options = options;
  }

  /** How many entries were moved since the store was opened. */
  get movedEntries(): number {
    return this.#movedEntries;
  }

  /** Takes steps from now on for as long as there is a database. Harmless while it does already. */
  start(): void {
    if (this.#isStopped || this.#cancelStep !== undefined || !this.#options.earlier.exists) return;
    this.#stepAfter(PAUSE_MS);
  }

  /** Resolves when the step under way is over; there is none after it. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancelStep?.();
    await this.#step;
  }

  /** Lets more time pass before the step after the next one, since somebody asks for something. */
  giveWay(): void {
    this.#isBusy = true;
  }

  /** Moves nothing for a while, since entries are being listed. */
  pauseForListing(): void {
    this.#pausedUntilMs = this.#options.clock.nowMs() + LISTING_PAUSE_MS;
  }

  /** Moves an entry before others, because it was used. */
  moveSoon(key: string, use: Use): void {
    this.#usedKeys.add(key);
    if (this.#moving?.key === key) this.#moving.uses.push(use);
  }

  #stepAfter(delayMs: number): void {
    this.#cancelStep = this.#options.clock.schedule(() => {
      this.#step = this.#takeStep()
        // The log says it is full or lost: that is for requests to find out, and for a later step to try again.
        .catch(() => LONG_PAUSE_MS)
        .then((pauseMs) => {
          this.#cancelStep = undefined;
          if (this.#isStopped || !this.#options.earlier.exists) return;
          this.#stepAfter(this.#isBusy ? Math.max(pauseMs, BUSY_PAUSE_MS) : pauseMs);
          this.#isBusy = false;
        });
    }, delayMs);
  }

  /** Does one piece of work; resolves to how long to wait for the next. */
  async #takeStep(): Promise<number> {
    const { earlier, clock, maxSuperfluousBytes } = this.#options;
    const listedForMs = this.#pausedUntilMs - clock.nowMs();
    if (listedForMs > 0) return listedForMs;
    if (!earlier.catalogue.isComplete) {
      await earlier.complete();
      return earlier.catalogue.isComplete ? PAUSE_MS : LONG_PAUSE_MS;
    }
    const { entries, bytes } = earlier.superfluous;
    const key = this.#nextKey();
    if (key !== undefined && entries < MAX_SUPERFLUOUS_ENTRIES && bytes < maxSuperfluousBytes) {
      await this.#move(key);
      return PAUSE_MS;
    }
    if (await this.#removeSuperfluous()) return PAUSE_MS;
    if (!earlier.catalogue.isEmpty) return LONG_PAUSE_MS;
    await earlier.deleteIfEmpty();
    if (!earlier.exists) this.#movedEntries = 0;
    return LONG_PAUSE_MS;
  }

  /** The entry to be moved next: one that was used, else the one used last. */
  #nextKey(): string | undefined {
    const { catalogue } = this.#options.earlier;
    for (const key of this.#usedKeys) {
      if (catalogue.stateOf(key) === 'sole') return key;
      this.#usedKeys.delete(key);
    }
    return catalogue.nextSole();
  }

  async #move(key: string): Promise<void> {
    const { log, earlier, turns } = this.#options;
    const { catalogue } = earlier;
    const isNext = key === catalogue.nextSole();
    this.#usedKeys.delete(key);
    await turns.run(key, async () => {
      if (catalogue.stateOf(key) !== 'sole') return;
      const entry = await earlier.read(key);
      const stored = await earlier.readMetadata(key);
      // Removed by somebody else, or it cannot be read today: the next start looks again.
      if (stored === undefined || entry === undefined) return catalogue.forget(key);
      const { accessedAtMs, hits } = stored;
      const uses: Use[] = [{ accessedAtMs, hits }];
      this.#moving = { key, uses };
      try {
        // Killed before this: it is where it was. After it: in both.
        await log.write(entry, accessedAtMs, 'relaxed');
      } catch (error) {
        // Perhaps it is this entry; the others should not wait behind it.
        if (isNext) catalogue.skipNextSole();
        throw error;
      } finally {
        this.#moving = undefined;
      }
      catalogue.note(key, 'copy', entry.metadata);
      for (const use of uses) log.touch(key, use);
      this.#movedEntries++;
    });
  }

  /** Removes what is safe in the log, or was to be removed before; resolves to whether anything went. */
  async #removeSuperfluous(): Promise<boolean> {
    const { log, earlier, turns } = this.#options;
    const isYoung = new Set(log.youngKeys());
    const keys = earlier.catalogue.superfluous().filter((key) => !isYoung.has(key));
    if (keys.length === 0) return false;
    // Killed or without power before this: both are there. After it: what is in the log stays there.
    await log.flush();
    const { entries } = earlier.superfluous;
    for (const key of keys) {
      await turns.run(key, async () => {
        const state = earlier.catalogue.stateOf(key);
        // Written anew meanwhile, it may be the copy that keeps it safe.
        const isNeeded = state === undefined || state === 'sole' || log.isYoung(key);
        if (!isNeeded) await earlier.remove(key);
      });
    }
    // Power loss would bring them back: to be the only ones, once the log's have been removed.
    await earlier.flush();
    return earlier.superfluous.entries < entries;
  }
}
