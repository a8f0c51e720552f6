/**
 * What a cache does on its own account: cleaning up on schedule and on demand, checking its records, and asking the
 * browser about its storage. In slices of a few milliseconds, so that whoever asks for a clip meanwhile does not wait.
 */
import { NOTHING, sum } from './amount';
import { scheduleCleanup } from './cleanup-schedule';
import type { Clock } from './clock';
import type { DiskTier } from './disk-tier';
import { createGiveWay } from './give-way';
import type { MemoryTier } from './memory-tier';
import type { CleanupReport, StorageEstimate, VerifyReport } from './protocol/values';

/** So many entries are named at a time while they are checked. */
const VERIFY_PAGE_ENTRIES = 100;

/** What the browser says of its storage. */
export interface StorageState {
  readonly estimate: StorageEstimate | undefined;
  readonly persisted: boolean | undefined;
}

/** Asks the browser; never rejects. */
export type ReadStorage = () => Promise<StorageState>;

/** What upkeep works with. */
export interface CacheUpkeepOptions {
  readonly clock: Clock;
  readonly intervalMs: () => number;
  readonly memory: MemoryTier;
  readonly disk: DiskTier;
  readonly readStorage: ReadStorage | undefined;
  /** After each run of the schedule. */
  readonly onCleaned: () => void;
}

/** A cache's upkeep. */
export class CacheUpkeep {
  readonly #options: CacheUpkeepOptions;
  #stopSchedule: (() => void) | undefined;
  #storage: StorageState = { estimate: undefined, persisted: undefined };

  constructor(options: CacheUpkeepOptions) {
    this.#options = options;
    void this.readStorage();
  }

  /** What the browser said of its storage last. */
  get storage(): StorageState {
    return this.#storage;
  }

  /** Whether cleanup runs on schedule. */
  get isScheduled(): boolean {
    return this.#stopSchedule !== undefined;
  }

  /** Cleans up soon, and then at the interval. */
  start(): void {
    if (this.#stopSchedule !== undefined) return;
    const { clock, intervalMs, onCleaned } = this.#options;
    const run = async (budgetMs: number) => {
      const { complete } = await this.cleanup(budgetMs);
      await this.readStorage();
      onCleaned();
      return complete;
    };
    this.#stopSchedule = scheduleCleanup(run, intervalMs(), clock);
  }

  /** Ends the schedule; a run under way is not interrupted. */
  stop(): void {
    this.#stopSchedule?.();
    this.#stopSchedule = undefined;
  }

  /** The interval has changed. */
  reschedule(): void {
    if (this.#stopSchedule === undefined) return;
    this.stop();
    this.start();
  }

  /** Removes what has expired and evicts down to the low-water marks; with a budget, for about that long. */
  async cleanup(budgetMs?: number): Promise<CleanupReport> {
    const { clock, disk } = this.#options;
    const startedAtMs = clock.nowMs();
    const { isComplete, ...memory } = await this.#cleanMemory(budgetMs);
    const remainingMs = budgetMs === undefined ? undefined : Math.max(0, startedAtMs + budgetMs - clock.nowMs());
    const { complete, ...onDisk } = await disk.cleanup(remainingMs);
    return { memory, disk: onDisk, complete: complete && isComplete };
  }

  /** Checks entries on disk from the cursor on, by last access, for about `budgetMs`. Damaged ones go. */
  async verify(
    budgetMs: number,
    cursor: string | undefined,
  ): Promise<VerifyReport & { readonly cursor?: string | undefined }> {
    const { clock, disk } = this.#options;
    const endsAtMs = clock.nowMs() + budgetMs;
    const giveWay = createGiveWay(clock);
    const damaged: string[] = [];
    let checked = 0;
    let intact = 0;
    let unverifiable = 0;
    let unreadable = 0;
    let next = cursor;
    do {
      const damagedBefore = disk.report.damagedRecords;
      // By creation, an order in which nothing moves while it is read.
      const page = await disk.list({ limit: VERIFY_PAGE_ENTRIES, cursor: next, order: 'created' });
      // Of these not even the key could be read.
      unreadable += disk.report.damagedRecords - damagedBefore;
      for (const { metadata } of page?.entries ?? []) {
        const verdict = await disk.verify(metadata.key);
        if (verdict === 'gone') continue;
        checked++;
        if (verdict === 'intact') intact++;
        else if (verdict === 'damaged') damaged.push(metadata.key);
        else unverifiable++;
        await giveWay();
      }
      next = page?.cursor;
    } while (next !== undefined && clock.nowMs() < endsAtMs);
    return { checked: checked + unreadable, intact, damaged, unreadable, unverifiable, cursor: next };
  }

  /** Asks the browser about its storage, if it can be asked. */
  async readStorage(): Promise<void> {
    const storage = await this.#options.readStorage?.();
    if (storage !== undefined) this.#storage = storage;
  }

  async #cleanMemory(
    budgetMs: number | undefined,
  ): Promise<CleanupReport['memory'] & { readonly isComplete: boolean }> {
    const { clock, memory } = this.#options;
    const endsAtMs = clock.nowMs() + (budgetMs ?? Number.POSITIVE_INFINITY);
    const giveWay = createGiveWay(clock);
    let expired = NOTHING;
    let evicted = NOTHING;
    for (;;) {
      const step = memory.cleanup(clock.nowMs());
      expired = sum(expired, step.expired);
      evicted = sum(evicted, step.evicted);
      if (step.isComplete || clock.nowMs() >= endsAtMs) return { expired, evicted, isComplete: step.isComplete };
      await giveWay();
    }
  }
}
