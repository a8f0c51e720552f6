/** What the page of the campaigns and their server say to each other, as JSON; each message has one answer. */
import type { Durability } from '../../core/protocol/values';

/** The cache to open. */
export interface CacheWish {
  readonly namespace: string;
  readonly maxBytes: number;
}

/** The answer to `begin`: what to read back, then where to write, in so many lanes at once. */
export interface Plan {
  readonly verify?: { readonly cache: CacheWish; readonly ids: readonly number[] } | undefined;
  readonly write?: { readonly cache: CacheWish; readonly lanes: number } | undefined;
}

/** One change of a phrase. Versions of a phrase grow, deletions counted. */
export interface Operation {
  readonly kind: 'put' | 'delete';
  readonly id: number;
  readonly version: number;
  readonly durability: Exclude<Durability, 'memory'>;
}

/** What was found under a phrase: nothing, or a version, intact or not. */
export interface Finding {
  readonly id: number;
  readonly version?: number;
  readonly isIntact?: boolean;
}

/**
 * What the page says. `turn` asks for an operation, `done` acknowledges the one before; the answer null ends
 * the lane. Evictions are those since the message before.
 */
export type Message =
  | { readonly type: 'begin' }
  | {
      readonly type: 'found';
      readonly findings: readonly Finding[];
      readonly damagedRecords: number;
      /** What the cache takes on the disk after that. */
      readonly bytesOnDisk: number;
      readonly evictedEntries: number;
    }
  | { readonly type: 'turn'; readonly done?: Operation; readonly evictedEntries?: number }
  | { readonly type: 'failed'; readonly error: string };
