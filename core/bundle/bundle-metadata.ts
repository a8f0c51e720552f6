/**
 * Tells metadata from what only looks like it. A bundle may come from anywhere: each field is checked for type and
 * bounds, and copied by name, so that nothing a bundle says reaches a prototype or a field that nobody looked at.
 *
 * Writing goes through the same check, so that no bundle is ever written that cannot be read.
 */
import { canonicalizeSpec, isKey } from '../key';
import { isObject } from '../protocol/is-object';
import type { EntryOrigin, SpeechSpec } from '../protocol/values';
import { type BundleMetadata, bundleInvalid } from './bundle';

/** The times that a `Date` can be. */
const MAX_TIME_MS = 8.64e15;
/** From here on a file in a ZIP is written in another way; no cache has entries a tenth of it. */
const MAX_ENTRY_BYTES = 0xffff_ffff;
const MAX_CONTENT_TYPE_LENGTH = 255;
const MAX_COLLECTIONS = 10_000;
const MAX_COLLECTION_NAME_LENGTH = 200;
/** Of what apps add. */
const MAX_JSON_DEPTH = 100;

/** What admission lets in. Printable ASCII, as it ends up in headers; parameters may follow. */
const AUDIO_TYPE = /^(?:audio\/[!#-+\--:<-~]+|application\/ogg) *(?:;[ -~]*)?$/i;
const ORIGINS: ReadonlySet<unknown> = new Set<EntryOrigin>(['synthesis', 'put', 'bundle']);
const HEX_DIGITS = { xxh64: 16, crc32: 8 } as const;

type Check = (value: unknown) => boolean;

const isOptional =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value);
const isCount: Check = (value) => Number.isSafeInteger(value) && Number(value) >= 0;
const isDuration: Check = (value) => Number.isFinite(value) && Number(value) >= 0;
const isText = (value: unknown, maxLength: number): value is string =>
  typeof value === 'string' && value.length > 0 && value.length <= maxLength;

/** Every field that metadata may have. */
const FIELDS: Readonly<Record<keyof BundleMetadata, Check>> = {
  key: isKey,
  contentType: (value) => isText(value, MAX_CONTENT_TYPE_LENGTH) && AUDIO_TYPE.test(value),
  byteLength: (value) => isCount(value) && Number(value) > 0 && Number(value) < MAX_ENTRY_BYTES,
  createdAtMs: isTime,
  expiresAtMs: (value) => value === Number.POSITIVE_INFINITY || isTime(value),
  ttlMs: isOptional((value) => value === Number.POSITIVE_INFINITY || isDuration(value)),
  origin: isOptional((value) => ORIGINS.has(value)),
  characters: isCount,
  synthesisMs: isDuration,
  checksum: isChecksum,
  fingerprint: isOptional((value) => typeof value === 'string' && /^[0-9a-f]{1,64}$/.test(value)),
  spec: isOptional(isSpec),
  custom: isOptional((value) => isObject(value) && !Array.isArray(value) && isPlainJson(value)),
  collections: isOptional(
    (value) =>
      Array.isArray(value) &&
      value.length <= MAX_COLLECTIONS &&
      value.every((name) => isText(name, MAX_COLLECTION_NAME_LENGTH)),
  ),
  pinned: isOptional((value) => typeof value === 'boolean'),
};

/**
 * Returns the metadata in an object of its own, without fields that are unknown.
 * @throws AudioCacheError `BUNDLE_INVALID`, its message beginning with `where` and naming the field
 */
export function checkMetadata(given: unknown, where: string): BundleMetadata {
  if (!isObject(given)) throw bundleInvalid(`${where} has no metadata.`);
  const checked = new Map<string, unknown>();
  for (const [field, check] of Object.entries(FIELDS)) {
    const value = ownValue(given, field);
    if (!check(value)) throw bundleInvalid(`${where} has metadata whose "${field}" is missing or invalid.`);
    if (value !== undefined) checked.set(field, value);
  }
  // Every field has been looked at.
  return Object.fromEntries(checked) as unknown as BundleMetadata;
}

/** Whether the value is a time that a `Date` can be. */
export function isTime(value: unknown): value is number {
  return typeof value === 'number' && Math.abs(value) <= MAX_TIME_MS;
}

/** The object's own field; undefined for one that it inherits or has not. */
export function ownValue(object: Readonly<Record<string, unknown>>, field: string): unknown {
  return Object.hasOwn(object, field) ? object[field] : undefined;
}

function isChecksum(value: unknown): boolean {
  if (!isObject(value) || Object.keys(value).length !== 2) return false;
  const kind = ownValue(value, 'kind');
  const hex = ownValue(value, 'hex');
  if (kind !== 'xxh64' && kind !== 'crc32') return false;
  return typeof hex === 'string' && hex.length === HEX_DIGITS[kind] && /^[0-9a-f]+$/.test(hex);
}

function isSpec(value: unknown): boolean {
  if (!isObject(value) || Array.isArray(value) || !isPlainJson(value)) return false;
  try {
    // Looks at the type and bounds of every field, and refuses others.
    canonicalizeSpec(value as unknown as SpeechSpec);
    return true;
  } catch {
    return false;
  }
}

/** Whether JSON can write the value, and nothing in it is named like an object's prototype. */
function isPlainJson(value: unknown, depth = 0): boolean {
  if (typeof value === 'number') return Number.isFinite(value);
  if (value === null || value === undefined || typeof value === 'string' || typeof value === 'boolean') return true;
  if (!isObject(value) || depth > MAX_JSON_DEPTH) return false;
  return Object.entries(value).every(([name, member]) => name !== '__proto__' && isPlainJson(member, depth + 1));
}
