/** Sums of entries and audio bytes. */
import type { Amount } from './protocol/values';

/** No entries, no bytes. */
export const NOTHING: Amount = { entries: 0, bytes: 0 };

/** Adds two amounts. */
export function sum(a: Amount, b: Amount): Amount {
  return { entries: a.entries + b.entries, bytes: a.bytes + b.bytes };
}
