/**
 * Places in the orders of `list`, as cursors name them: by the value that an entry is ordered by and its key rather than
 * counted, so that what comes and goes elsewhere moves nothing, and the same in all stores, so that one can list two.
 */
import type { EntryOrder, StoredMetadata } from './store';

/** Where an entry stands in an order. */
export interface ListPlace {
  /** The time or the number of bytes it is ordered by. */
  readonly value: number;
  readonly key: string;
}

/** The place of an entry. */
export function placeIn(order: EntryOrder, { metadata, accessedAtMs }: StoredMetadata): ListPlace {
  const { key, createdAtMs, byteLength } = metadata;
  return { key, value: order === 'accessed' ? accessedAtMs : order === 'created' ? createdAtMs : byteLength };
}

/** Negative when the first comes before the second in a list: greater values first, and among equal ones greater keys. */
export function comparePlaces(a: ListPlace, b: ListPlace): number {
  if (a.value !== b.value) return b.value - a.value;
  return a.key === b.key ? 0 : a.key > b.key ? -1 : 1;
}

/** The cursor that goes on behind a place. */
export function cursorAt(order: EntryOrder, { value, key }: ListPlace): string {
  return `${order} ${value} ${key}`;
}

/** The place that a cursor goes on behind; undefined for none, for one of another order and for one from elsewhere. */
export function placeAt(order: EntryOrder, cursor: string | undefined): ListPlace | undefined {
  const [, itsOrder, digits, key] = /^(\w+) (\S+) (\S+)$/.exec(cursor ?? '') ?? [];
  const value = Number(digits);
  return itsOrder !== order || key === undefined || Number.isNaN(value) ? undefined : { value, key };
}
