/**
 * Holds the disk tier under its limit, by the bytes it takes on the disk: what has expired goes first, then what was
 * used longest ago, from the high-water mark down to the low one. In small steps, so that reads go between.
 */
import { NOTHING, sum } from './amount';
import type { Clock } from './clock';
import { createGiveWay } from './give-way';
import type { GuardedStore } from './guarded-store';
import type { Amount, DiskConfig } from './protocol/values';
import type { Reclaimed, Removed } from './storage/store';

/** How many entries one step removes; a read waits for one step at most. */
export const CLEANUP_STEP_ENTRIES = 50;

/** What a cleanup removed, and whether it was finished. */
export interface DiskCleanupResult {
  readonly expired: Amount;
  readonly evicted: Amount;
  readonly complete: boolean;
}

/** What a cleanup works with. */
export interface DiskCleanupOptions {
  readonly store: GuardedStore;
  readonly config: DiskConfig;
  /** `config.maxBytes`, or less when the disk has less. */
  readonly maxBytes: number;
  readonly clock: Clock;
  readonly onRemoval: (reason: 'expired' | 'evicted', removed: Removed) => void;
}

/**
 * Runs one cleanup, for `budgetMs` at most; the next one goes on. `incomingBytes` count as if they were stored already.
 */
export async function cleanDisk(
  { store, config, maxBytes, clock, onRemoval }: DiskCleanupOptions,
  budgetMs: number,
  incomingBytes: number,
): Promise<DiskCleanupResult> {
  const endsAtMs = clock.nowMs() + budgetMs;
  const isOver = () => clock.nowMs() >= endsAtMs;
  const giveWay = createGiveWay(clock);
  let expired = NOTHING;
  let evicted = NOTHING;
  for (;;) {
    const step = await store.attempt('diskWrites', NONE_REMOVED, (disk) =>
      disk.removeExpired(clock.nowMs(), CLEANUP_STEP_ENTRIES),
    );
    if (step.entries > 0) onRemoval('expired', step);
    expired = sum(expired, step);
    if (step.entries < CLEANUP_STEP_ENTRIES) break;
    if (isOver()) return { expired, evicted, complete: false };
    await giveWay();
  }
  const targetBytes = maxBytes * config.lowWater - incomingBytes;
  const bytesOnDisk = () => store.report.bytesOnDisk;
  const isFull = bytesOnDisk() + incomingBytes > maxBytes * config.highWater;
  while (isFull && bytesOnDisk() > targetBytes) {
    if (isOver()) return { expired, evicted, complete: false };
    await giveWay();
    // What is dead already is given back before anything that lives has to go.
    const { isWorthwhile, evicted: notMoved } = await store.attempt('diskWrites', NOT_RECLAIMED, (disk) =>
      disk.reclaim(true),
    );
    const step = isWorthwhile
      ? notMoved
      : await store.attempt('diskWrites', NONE_REMOVED, (disk) =>
          disk.evict(bytesOnDisk() - targetBytes, CLEANUP_STEP_ENTRIES),
        );
    if (step.entries > 0) onRemoval('evicted', step);
    else if (!isWorthwhile) break;
    evicted = sum(evicted, step);
  }
  return { expired, evicted, complete: true };
}

const NONE_REMOVED: Removed = { ...NOTHING, keys: [] };
const NOT_RECLAIMED: Reclaimed = { isWorthwhile: false, evicted: NONE_REMOVED };
