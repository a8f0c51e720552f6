/**
 * What the IndexedDB store keeps, and how it is read back.
 *
 *   metadata  StoredMetadata by key; a touch rewrites this and never the audio
 *   audio     ArrayBuffer by key; never a Blob, which is a handle and has to be read a second time
 *   ledger    one Amount: what the two above hold
 *
 * What comes back from disk is `unknown` until it was checked: a browser extension, a developer's tools or a bug of an
 * earlier version may have written there too.
 */
import { type DBSchema, type IDBPDatabase, type IDBPTransaction, unwrap } from 'idb';
import type { EntryMetadata } from '../core/protocol/values';
import type { StoredMetadata } from '../core/storage/store';

/** Raised with an upgrade step in `createSchema` whenever the object stores or indexes change. */
export const SCHEMA_VERSION = 1;

/**
 * A position in one of the two orders. It holds all that a walk needs: the size lets eviction add up what it frees
 * without reading a record, and the key makes positions unique, so that a page can end between two equal times.
 */
export type Position = [atMs: number, key: string, byteLength: number];

/** The object stores and indexes, for `idb`. */
export interface AudioSchema extends DBSchema {
  metadata: { key: string; value: unknown; indexes: { byLastAccess: Position; byExpiry: Position } };
  audio: { key: string; value: unknown };
  ledger: { key: string; value: unknown };
}

/** The object stores by name. */
export type StoreName = 'metadata' | 'audio' | 'ledger';

/** An open database. */
export type AudioDatabase = IDBPDatabase<AudioSchema>;

/** A transaction over all object stores. */
export type AudioTransaction<Mode extends IDBTransactionMode> = IDBPTransaction<AudioSchema, StoreName[], Mode>;

/** In place of a value that is there and could not be read this time; a later attempt may succeed. */
export const UNREADABLE = Symbol('unreadable');

/** Creates the object stores in a new database. `Infinity` is a valid key, so entries without expiry are indexed too. */
export function createSchema(database: AudioDatabase): void {
  const metadata = database.createObjectStore('metadata', { keyPath: 'metadata.key' });
  metadata.createIndex('byLastAccess', ['accessedAtMs', 'metadata.key', 'metadata.byteLength']);
  metadata.createIndex('byExpiry', ['metadata.expiresAtMs', 'metadata.key', 'metadata.byteLength']);
  database.createObjectStore('audio');
  database.createObjectStore('ledger');
}

/** Returns positions in order for as long as `wants` says so; the walk reads no records. */
export async function collectPositions(
  transaction: AudioTransaction<IDBTransactionMode>,
  order: 'byLastAccess' | 'byExpiry',
  range: IDBKeyRange | null,
  direction: 'next' | 'prev',
  wants: (position: Position, index: number) => boolean,
): Promise<Position[]> {
  const positions: Position[] = [];
  let cursor = await transaction.objectStore('metadata').index(order).openKeyCursor(range, direction);
  while (cursor !== null && wants(cursor.key, positions.length)) {
    positions.push(cursor.key);
    cursor = await cursor.continue();
  }
  return positions;
}

/**
 * Returns a stored value; undefined when there is none, null when the engine says it is lost, `UNREADABLE` when it
 * could not be read. Engines keep large values in files of their own, which can go missing or be cut short by a power
 * loss (w3c/IndexedDB#423). One such value must not fail the others, so its error does not abort the transaction.
 */
export async function readValue(
  transaction: AudioTransaction<IDBTransactionMode>,
  storeName: 'metadata' | 'audio',
  key: string,
): Promise<unknown> {
  const reading = transaction.objectStore(storeName).get(key);
  const request = unwrap(reading);
  request.addEventListener('error', (event) => {
    if (!isValueError(request.error)) return;
    event.preventDefault();
    // idb would take an error that bubbles up to the transaction for its failure.
    event.stopPropagation();
  });
  try {
    return await reading;
  } catch (error) {
    if (!isValueError(error)) throw error;
    return error.name === 'UnknownError' ? UNREADABLE : null;
  }
}

/** True for a record with everything that `StoredMetadata` promises. */
export function isStoredMetadata(value: unknown): value is StoredMetadata {
  return isRecord(value) && Number.isFinite(value.accessedAtMs) && isEntryMetadata(value.metadata);
}

function isEntryMetadata(value: unknown): value is EntryMetadata {
  if (!isRecord(value)) return false;
  const { checksum, fingerprint, spec, custom } = value;
  return (
    typeof value.key === 'string' &&
    typeof value.contentType === 'string' &&
    isCount(value.byteLength) &&
    Number.isFinite(value.createdAtMs) &&
    typeof value.expiresAtMs === 'number' &&
    !Number.isNaN(value.expiresAtMs) &&
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

/** True for a whole number of entries or bytes. */
export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

/** True for an object that is no array. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
