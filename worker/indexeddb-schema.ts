/**
 * What the IndexedDB store keeps, and how it is read back.
 *
 *   catalog   { key, byteLength, createdAtMs, accessedAtMs, expiresAtMs, hits }: all that changes, and all that removing
 *             and ordering need to know
 *   metadata  EntryMetadata by key, as it was written
 *   audio     ArrayBuffer by key; never a Blob, which is a handle and has to be read a second time
 *   ledger    one Amount, what the catalog adds up to, and the note
 *
 * The catalog is apart from the metadata because metadata can be large (100,000 characters of text, word timings) and
 * engines keep large values in files of their own, which can get lost: Chromium fails every readwrite transaction that
 * only reads such a value, prevented default or not, so such an entry could be neither touched nor replaced.
 *
 * What comes back from disk is `unknown` until it was checked: a browser extension, a developer's tools or a bug of an
 * earlier version may have written there too.
 */
import { type DBSchema, type IDBPDatabase, type IDBPTransaction, unwrap } from 'idb';
import type { EntryMetadata } from '../core/protocol/values';

/** Raised with an upgrade step in `createSchema` whenever the object stores or indexes change. */
export const SCHEMA_VERSION = 2;

/**
 * A position in one of the orders. It holds all that a walk needs: the size lets eviction add up what it frees without
 * reading a record, and the key makes positions unique, so that a page can end between two equal values.
 */
export type Position = [value: number, key: string, byteLength: number];

/** The orders by name. */
export type OrderIndex = 'byLastAccess' | 'byExpiry' | 'byCreation' | 'bySize';

/** The object stores and indexes, for `idb`. */
export interface AudioSchema extends DBSchema {
  catalog: { key: string; value: unknown; indexes: Record<OrderIndex, Position> };
  metadata: { key: string; value: unknown };
  audio: { key: string; value: unknown };
  ledger: { key: string; value: unknown };
}

/** The object stores by name. */
export type StoreName = 'catalog' | 'metadata' | 'audio' | 'ledger';

/** An open database. */
export type AudioDatabase = IDBPDatabase<AudioSchema>;

/** A transaction over all object stores. */
export type AudioTransaction<Mode extends IDBTransactionMode> = IDBPTransaction<AudioSchema, StoreName[], Mode>;

/** In place of a value that is there and could not be read this time; a later attempt may succeed. */
export const UNREADABLE = Symbol('unreadable');

/** What the catalog says of an entry. */
export interface CatalogRecord {
  readonly key: string;
  readonly byteLength: number;
  readonly createdAtMs: number;
  readonly accessedAtMs: number;
  readonly hits: number;
  /** `Infinity` is a valid IndexedDB key, so entries without expiry are indexed like all others. */
  readonly expiresAtMs: number;
}

/** Creates the object stores in a new database, or brings those of an earlier version to this one. */
export function createSchema(
  database: AudioDatabase,
  oldVersion: number,
  _newVersion: number | null,
  transaction: AudioTransaction<'versionchange'>,
): void {
  if (oldVersion < 1) {
    const catalog = database.createObjectStore('catalog', { keyPath: 'key' });
    catalog.createIndex('byLastAccess', ['accessedAtMs', 'key', 'byteLength']);
    catalog.createIndex('byExpiry', ['expiresAtMs', 'key', 'byteLength']);
    for (const name of ['metadata', 'audio', 'ledger'] as const) database.createObjectStore(name);
  }
  if (oldVersion < 2) {
    const catalog = transaction.objectStore('catalog');
    catalog.createIndex('byCreation', ['createdAtMs', 'key', 'byteLength']);
    catalog.createIndex('bySize', ['byteLength', 'key', 'byteLength']);
    // Fails with the transaction, which says so itself.
    if (oldVersion === 1) addCreationAndHits(transaction).catch(() => {});
  }
}

/**
 * Version 1 knew of neither. The metadata have the time of creation, but Chromium aborts a transaction that reads a
 * lost one, and so would never open such a database again; the last access stands in for it.
 */
async function addCreationAndHits(transaction: AudioTransaction<'versionchange'>): Promise<void> {
  let cursor = await transaction.objectStore('catalog').openCursor();
  while (cursor !== null) {
    const record: unknown = cursor.value;
    if (isRecord(record)) await cursor.update({ createdAtMs: record.accessedAtMs, hits: 0, ...record });
    cursor = await cursor.continue();
  }
}

/** Returns what the catalog says of a key; undefined when there is nothing, null when it is damaged. */
export async function readCatalog(
  transaction: AudioTransaction<IDBTransactionMode>,
  key: string,
): Promise<CatalogRecord | undefined | null> {
  const record = await transaction.objectStore('catalog').get(key);
  return record === undefined || isCatalogRecord(record) ? record : null;
}

/**
 * Returns positions in order for as long as `wants` says so; the walk reads no records. It passes over what is no
 * position, the trace of a damaged record.
 */
export async function collectPositions(
  transaction: AudioTransaction<IDBTransactionMode>,
  order: OrderIndex,
  range: IDBKeyRange | null,
  direction: 'next' | 'prev',
  wants: (position: Position, index: number) => boolean | 'pass over',
): Promise<Position[]> {
  const positions: Position[] = [];
  let cursor = await transaction.objectStore('catalog').index(order).openKeyCursor(range, direction);
  while (cursor !== null) {
    const position: unknown = cursor.key;
    if (isPosition(position)) {
      const isWanted = wants(position, positions.length);
      if (isWanted === false) break;
      if (isWanted === true) positions.push(position);
    }
    cursor = await cursor.continue();
  }
  return positions;
}

/**
 * Returns a stored value; undefined when there is none, null when the engine says it is lost, `UNREADABLE` when it
 * could not be read (w3c/IndexedDB#423). The failure of one value does not fail the other reads of the transaction.
 */
export async function readValue(
  transaction: AudioTransaction<'readonly'>,
  storeName: 'metadata' | 'audio' | 'ledger',
  key: string,
): Promise<unknown> {
  const reading = transaction.objectStore(storeName).get(key);
  const request = unwrap(reading);
  request.addEventListener('error', (event) => {
    if (isValueError(request.error)) event.preventDefault();
  });
  try {
    return await reading;
  } catch (error) {
    if (!isValueError(error)) throw error;
    return error.name === 'UnknownError' ? UNREADABLE : null;
  }
}

/** True for a value with everything that `EntryMetadata` promises. */
export function isEntryMetadata(value: unknown): value is EntryMetadata {
  if (!isRecord(value)) return false;
  const { checksum, fingerprint, spec, custom } = value;
  return (
    typeof value.key === 'string' &&
    typeof value.contentType === 'string' &&
    isCount(value.byteLength) &&
    Number.isFinite(value.createdAtMs) &&
    isTime(value.expiresAtMs) &&
    Number.isFinite(value.characters) &&
    Number.isFinite(value.synthesisMs) &&
    isRecord(checksum) &&
    (checksum.kind === 'xxh64' || checksum.kind === 'crc32') &&
    typeof checksum.hex === 'string' &&
    (fingerprint === undefined || typeof fingerprint === 'string') &&
    (spec === undefined || (isRecord(spec) && typeof spec.text === 'string')) &&
    (custom === undefined || isRecord(custom))
  );
}

function isPosition(value: unknown): value is Position {
  return Array.isArray(value) && isTime(value[0]) && typeof value[1] === 'string' && isCount(value[2]);
}

function isCatalogRecord(value: unknown): value is CatalogRecord {
  return (
    isRecord(value) &&
    typeof value.key === 'string' &&
    isCount(value.byteLength) &&
    Number.isFinite(value.createdAtMs) &&
    Number.isFinite(value.accessedAtMs) &&
    isCount(value.hits) &&
    isTime(value.expiresAtMs)
  );
}

/**
 * True for the failure of one value: Chromium's `NotReadableError` "Data lost due to missing file" (before 2024
 * `NotFoundError` or `DataError`) and `UnknownError` "Failed to read large IndexedDB value", Firefox's bare
 * `UnknownError`. Safari's `UnknownError` for a lost connection says "Connection to Indexed Database server lost".
 */
function isValueError(error: unknown): error is DOMException {
  if (!(error instanceof DOMException)) return false;
  if (error.name === 'UnknownError') return !/connection/i.test(error.message);
  return error.name === 'NotReadableError' || error.name === 'NotFoundError' || error.name === 'DataError';
}

/** True for a time in milliseconds; `Infinity` is one too. */
function isTime(value: unknown): value is number {
  return typeof value === 'number' && !Number.isNaN(value);
}

/** True for a whole number of entries or bytes. */
export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

/** True for an object that is no array. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
