/**
 * Holds the disk tier under its limit: what has expired goes first, then what was used longest ago, from the high-water
 * mark down to the low one. In small steps, so that reads go between.
 */
import { NOTHING, sum } from './amount';
import type { Clock } from './clock';
import type { GuardedStore } from './guarded-store';
import type { Amount, DiskConfig } from './protocol/values';

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
  readonly clock: Clock;
  readonly onRemoval: (reason: 'expired' | 'evicted', amount: Amount) => void;
}

/**
 * Runs one cleanup, for `budgetMs` at most; the next one goes on. `incomingBytes` count as if they were stored already.
 */
export async function cleanDisk(
  { store, config, clock, onRemoval }: DiskCleanupOptions,
  budgetMs: number,
  incomingBytes: number,
): Promise<DiskCleanupResult> {
  const endsAtMs = clock.nowMs() + budgetMs;
  const isOver = () => clock.nowMs() >= endsAtMs;
  let expired = NOTHING;
  let evicted = NOTHING;
  for (;;) {
    const step = await store.attempt('diskWrites', NOTHING, (disk) =>
      disk.removeExpired(clock.nowMs(), CLEANUP_STEP_ENTRIES),
    );
    if (step.entries > 0) onRemoval('expired', step);
    expired = sum(expired, step);
    if (step.entries < CLEANUP_STEP_ENTRIES) break;
    if (isOver()) return { expired, evicted, complete: false };
  }
  const targetBytes = config.maxBytes * config.lowWater - incomingBytes;
  if (store.usage.bytes + incomingBytes <= config.maxBytes * config.highWater) {
    return { expired, evicted, complete: true };
  }
  while (store.usage.bytes > targetBytes) {
    if (isOver()) return { expired, evicted, complete: false };
    const step = await store.attempt('diskWrites', NOTHING, (disk) =>
      disk.evict(disk.usage().bytes - targetBytes, CLEANUP_STEP_ENTRIES),
    );
    if (step.entries === 0) break;
    onRemoval('evicted', step);
    evicted = sum(evicted, step);
  }
  return { expired, evicted, complete: true };
}
