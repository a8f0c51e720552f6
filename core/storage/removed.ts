/** Sums of what left a store, with the keys. */
import type { Removed } from './store';

/** Nothing left. */
export const NOTHING_REMOVED: Removed = { entries: 0, bytes: 0, keys: [] };

/** What several removals took together. */
export function joinRemoved(...parts: readonly Removed[]): Removed {
  return {
    entries: parts.reduce((entries, part) => entries + part.entries, 0),
    bytes: parts.reduce((bytes, part) => bytes + part.bytes, 0),
    keys: parts.flatMap(({ keys }) => keys),
  };
}
