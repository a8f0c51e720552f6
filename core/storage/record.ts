/**
 * The bytes of the disk engine: one record is an entry, or a batch of changes to entries. Pure: no file, no clock.
 *
 *      0   8  checksum         XXH64, big-endian, of bytes 8 … 128 + metadataBytes
 *      8   4  magic            "RPRd"
 *     12   1  version          of the format
 *     13   1  kind             1 entry, 2 removals, 3 touches
 *     14   1  flags            bit 0: the body is compressed; bit 1: removed to make room
 *     15   1  checksum kind    of the body: 0 none, 1 XXH64, 2 CRC-32
 *     16   4  salt             the segment's own
 *     20   4  metadataBytes
 *     24   4  bodyBytes        as stored
 *     28   4  audioBytes       as heard
 *     32   8  createdAtMs      ┐
 *     40   8  expiresAtMs      │ float64, infinity included
 *     48   8  accessedAtMs     ┘
 *     56  32  key              SHA-256
 *     88   8  body checksum    of the stored body
 *     96   8  fingerprint      ┐ of the canonical spec, 0 digits when there is none
 *    104   1  fingerprint digits ┘
 *    105   3  zeros
 *    108   4  offset           of the record in its segment
 *    112   4  hits             how often the entry was used
 *    116  12  zeros            for later versions
 *    128      metadata         JSON of an entry; the items of a batch
 *             body             audio bytes
 *             zeros            up to the next multiple of 64, where the next record begins
 *
 * Numbers are little-endian. Records begin at multiples of 64, so that behind a damaged one the next is found by
 * looking at those. The salt is random for each segment and the offset the record's own: audio that contains the bytes
 * of a record, be it one of the same segment, is never taken for one, nor are bytes that a file held in a former life.
 * Magic, version and the checksum's place stay where they are in all versions.
 */
import type { Checksum, EntryMetadata } from '../protocol/values';
import type { EntryUse } from './entry-index';
import { KEY_BYTES, keyOfWords, WORDS_PER_KEY } from './key-words';

/** The version this code writes, and the only one it reads. */
export const FORMAT_VERSION = 2;

/** Where records may begin. */
export const RECORD_ALIGNMENT = 64;

/** Bytes of a record before its metadata. */
export const HEADER_BYTES = 128;

/** Bytes of the checksum that every head begins with; it covers all that follows. */
export const CHECKSUM_BYTES = 8;
const MAGIC = 0x64_52_50_52;
const MAGIC_AT = CHECKSUM_BYTES;
const VERSION_AT = MAGIC_AT + 4;
const KIND_AT = VERSION_AT + 1;
const FLAGS_AT = KIND_AT + 1;
const BODY_CHECKSUM_KIND_AT = FLAGS_AT + 1;
const SALT_AT = BODY_CHECKSUM_KIND_AT + 1;
const METADATA_BYTES_AT = SALT_AT + 4;
const BODY_BYTES_AT = METADATA_BYTES_AT + 4;
const AUDIO_BYTES_AT = BODY_BYTES_AT + 4;
const CREATED_AT = AUDIO_BYTES_AT + 4;
const EXPIRES_AT = CREATED_AT + 8;
const ACCESSED_AT = EXPIRES_AT + 8;
const KEY_AT = ACCESSED_AT + 8;
const BODY_CHECKSUM_AT = KEY_AT + KEY_BYTES;
const FINGERPRINT_AT = BODY_CHECKSUM_AT + 8;
const FINGERPRINT_DIGITS_AT = FINGERPRINT_AT + 8;
const OFFSET_AT = FINGERPRINT_DIGITS_AT + 4;
const HITS_AT = OFFSET_AT + 4;

const FLAG_COMPRESSED = 1;
const FLAG_EVICTION = 2;
const CHECKSUM_KINDS = [undefined, 'xxh64', 'crc32'] as const;
const CHECKSUM_DIGITS = { xxh64: 16, crc32: 8 } as const;

/** Numbers of the record kinds. */
export const RECORD_KIND = { entry: 1, removals: 2, touches: 3 } as const;

/** What a record is. */
export type RecordKind = keyof typeof RECORD_KIND;

const KIND_BY_NUMBER = new Map<number, RecordKind>([
  [RECORD_KIND.entry, 'entry'],
  [RECORD_KIND.removals, 'removals'],
  [RECORD_KIND.touches, 'touches'],
]);

/** Seals headers; see `Hashing.xxh64`. */
export type Seal = (bytes: Uint8Array) => Uint8Array;

/** A record's header, decoded. */
export interface RecordHeader {
  readonly kind: RecordKind;
  readonly isCompressed: boolean;
  /** Of removals: nobody wanted these entries gone, they made room. */
  readonly isEviction: boolean;
  readonly metadataBytes: number;
  /** Of the body as stored. */
  readonly bodyBytes: number;
  readonly audioBytes: number;
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
  readonly accessedAtMs: number;
  /** Uses noted before the record was written: it may be a copy. */
  readonly hits: number;
  /** Of the stored body, if it has one of a known kind. */
  readonly bodyChecksum: Checksum | undefined;
  readonly fingerprint: string | undefined;
}

/** The body of an entry as it is stored. */
export interface StoredBody {
  readonly bytes: Uint8Array;
  readonly isCompressed: boolean;
  /** Of these bytes; for uncompressed audio the entry's own. */
  readonly checksum: Checksum;
}

/** A key that was removed, and the segment that was written to when it was. */
export interface RemovalItem {
  readonly words: Uint32Array;
  /** Records of the key in this and older segments are dead: the removal is to be kept as long as one of them exists. */
  readonly segmentId: number;
}

const REMOVAL_ITEM_BYTES = KEY_BYTES + 8;
const TOUCH_ITEM_BYTES = KEY_BYTES + 24;

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

/** Bytes from one record's beginning to the next one's. */
export function paddedBytes(recordBytes: number): number {
  return Math.ceil(recordBytes / RECORD_ALIGNMENT) * RECORD_ALIGNMENT;
}

/** Returns header and metadata of an entry, to be followed by the body; `address` makes them valid. */
export function encodeEntryHead(
  words: Uint32Array,
  { key: _, byteLength, createdAtMs, expiresAtMs, checksum, fingerprint, ...rest }: EntryMetadata,
  accessedAtMs: number,
  body: StoredBody,
): Uint8Array {
  const hasOwnChecksum = body.checksum === checksum && isPlainChecksum(checksum);
  const json = encoder.encode(
    JSON.stringify({
      ...rest,
      ...(hasOwnChecksum ? {} : { checksum }),
      ...(fingerprint === undefined || isPlainFingerprint(fingerprint) ? {} : { fingerprint }),
    }),
  );
  const { head, view } = createHead('entry', json.byteLength);
  if (body.isCompressed) head[FLAGS_AT] = FLAG_COMPRESSED;
  view.setUint32(BODY_BYTES_AT, body.bytes.byteLength, true);
  view.setUint32(AUDIO_BYTES_AT, byteLength, true);
  view.setFloat64(CREATED_AT, createdAtMs, true);
  view.setFloat64(EXPIRES_AT, expiresAtMs, true);
  view.setFloat64(ACCESSED_AT, accessedAtMs, true);
  writeWords(view, KEY_AT, words);
  if (isPlainChecksum(body.checksum)) {
    head[BODY_CHECKSUM_KIND_AT] = CHECKSUM_KINDS.indexOf(body.checksum.kind);
    writeHex(view, BODY_CHECKSUM_AT, body.checksum.hex);
  }
  if (fingerprint !== undefined && isPlainFingerprint(fingerprint)) {
    head[FINGERPRINT_DIGITS_AT] = fingerprint.length;
    writeHex(view, FINGERPRINT_AT, fingerprint);
  }
  head.set(json, HEADER_BYTES);
  return head;
}

/** Returns a whole record that removes keys; `address` makes it valid. */
export function encodeRemovals(items: readonly RemovalItem[], isEviction: boolean): Uint8Array {
  const { head, view } = createHead('removals', removalsBytes(items.length) - HEADER_BYTES);
  if (isEviction) head[FLAGS_AT] = FLAG_EVICTION;
  for (const [index, { words, segmentId }] of items.entries()) {
    const offset = HEADER_BYTES + index * REMOVAL_ITEM_BYTES;
    writeWords(view, offset, words);
    view.setUint32(offset + KEY_BYTES, segmentId, true);
  }
  return head;
}

/** Bytes of a record that removes so many keys. */
export function removalsBytes(count: number): number {
  return HEADER_BYTES + count * REMOVAL_ITEM_BYTES;
}

/** Returns the keys a record removes; `head` is its header and metadata. */
export function decodeRemovals(head: Uint8Array): readonly RemovalItem[] {
  const view = viewOf(head);
  return itemOffsets(head, REMOVAL_ITEM_BYTES).map((offset) => ({
    words: readWords(view, offset),
    segmentId: view.getUint32(offset + KEY_BYTES, true),
  }));
}

/** How an entry was used, all in all, and when it ends. */
export interface TouchItem extends EntryUse {
  readonly words: Uint32Array;
}

/** Returns a whole record of uses; `address` makes it valid. */
export function encodeTouches(items: readonly TouchItem[]): Uint8Array {
  const { head, view } = createHead('touches', touchesBytes(items.length) - HEADER_BYTES);
  for (const [index, { words, accessedAtMs, expiresAtMs, hits }] of items.entries()) {
    const offset = HEADER_BYTES + index * TOUCH_ITEM_BYTES;
    writeWords(view, offset, words);
    view.setFloat64(offset + KEY_BYTES, accessedAtMs, true);
    view.setFloat64(offset + KEY_BYTES + 8, expiresAtMs, true);
    view.setUint32(offset + KEY_BYTES + 16, hits, true);
  }
  return head;
}

/** Bytes of a record that says how so many entries were used. */
export function touchesBytes(count: number): number {
  return HEADER_BYTES + count * TOUCH_ITEM_BYTES;
}

/** Returns the uses in a record; `head` is its header and metadata. */
export function decodeTouches(head: Uint8Array): readonly TouchItem[] {
  const view = viewOf(head);
  return itemOffsets(head, TOUCH_ITEM_BYTES).map((offset) => ({
    words: readWords(view, offset),
    accessedAtMs: view.getFloat64(offset + KEY_BYTES, true),
    expiresAtMs: view.getFloat64(offset + KEY_BYTES + 8, true),
    hits: view.getUint32(offset + KEY_BYTES + 16, true),
  }));
}

/**
 * Returns the header at the beginning of `bytes`; undefined where none of this place in this segment is. What it says
 * has not been checked before `isHeadIntact` has seen it together with its metadata.
 */
export function decodeHeader(bytes: Uint8Array, salt: number, offsetBytes: number): RecordHeader | undefined {
  if (bytes.byteLength < HEADER_BYTES) return undefined;
  const view = viewOf(bytes);
  if (view.getUint32(MAGIC_AT, true) !== MAGIC || view.getUint32(SALT_AT, true) !== salt) return undefined;
  if (view.getUint32(OFFSET_AT, true) !== offsetBytes) return undefined;
  const kind = KIND_BY_NUMBER.get(bytes[KIND_AT] ?? 0);
  if (bytes[VERSION_AT] !== FORMAT_VERSION || kind === undefined) return undefined;
  const checksumKind = CHECKSUM_KINDS[bytes[BODY_CHECKSUM_KIND_AT] ?? 0];
  const fingerprintDigits = bytes[FINGERPRINT_DIGITS_AT] ?? 0;
  return {
    kind,
    isCompressed: ((bytes[FLAGS_AT] ?? 0) & FLAG_COMPRESSED) !== 0,
    isEviction: ((bytes[FLAGS_AT] ?? 0) & FLAG_EVICTION) !== 0,
    metadataBytes: view.getUint32(METADATA_BYTES_AT, true),
    bodyBytes: view.getUint32(BODY_BYTES_AT, true),
    audioBytes: view.getUint32(AUDIO_BYTES_AT, true),
    createdAtMs: view.getFloat64(CREATED_AT, true),
    expiresAtMs: view.getFloat64(EXPIRES_AT, true),
    accessedAtMs: view.getFloat64(ACCESSED_AT, true),
    hits: view.getUint32(HITS_AT, true),
    bodyChecksum: checksumKind && {
      kind: checksumKind,
      hex: readHex(view, BODY_CHECKSUM_AT, CHECKSUM_DIGITS[checksumKind]),
    },
    fingerprint: fingerprintDigits === 0 ? undefined : readHex(view, FINGERPRINT_AT, fingerprintDigits),
  };
}

/** What is written over a record's first bytes to make it none: a checksum that no head has. */
export const STRIKE = new Uint8Array(CHECKSUM_BYTES);

/** Whether a record was struck out. */
export function isStruck(head: Uint8Array): boolean {
  return head.subarray(0, CHECKSUM_BYTES).every((byte) => byte === 0);
}

/** Whether header and metadata are what was written. */
export function isHeadIntact(seal: Seal, head: Uint8Array): boolean {
  const checksum = seal(head.subarray(CHECKSUM_BYTES));
  for (let index = 0; index < CHECKSUM_BYTES; index++) if (head[index] !== checksum[index]) return false;
  return true;
}

/** The key in a record's header. The caller owns the words. */
export function keyWordsOf(head: Uint8Array): Uint32Array {
  return readWords(viewOf(head), KEY_AT);
}

/**
 * Returns the metadata of an entry whose head is intact, as the record has it; `key` is its key, if that is known
 * already.
 * @throws SyntaxError or TypeError when it is no JSON after all, which only a defect of the writer can cause
 */
export function decodeMetadata(header: RecordHeader, head: Uint8Array, key?: string): EntryMetadata {
  const { audioBytes, createdAtMs, expiresAtMs, bodyChecksum, fingerprint } = header;
  // What the writer left out of the header stands in the JSON, so its fields go last.
  const json = decoder.decode(head.subarray(HEADER_BYTES, HEADER_BYTES + header.metadataBytes), { stream: false });
  return {
    key: key ?? keyOfWords(keyWordsOf(head)),
    byteLength: audioBytes,
    createdAtMs,
    expiresAtMs,
    checksum: bodyChecksum,
    ...(fingerprint === undefined ? {} : { fingerprint }),
    ...JSON.parse(json),
  };
}

/** Writes down in a record that is to be copied how the entry was used by now; `address` makes it valid again. */
export function setRecordUse(head: Uint8Array, { accessedAtMs, expiresAtMs, hits }: EntryUse): void {
  const view = viewOf(head);
  view.setFloat64(ACCESSED_AT, accessedAtMs, true);
  view.setFloat64(EXPIRES_AT, expiresAtMs, true);
  view.setUint32(HITS_AT, hits, true);
}

/** Makes a record one of this place in the segment with this salt: nothing may change in its head afterwards. */
export function address(seal: Seal, head: Uint8Array, salt: number, offsetBytes: number): void {
  viewOf(head).setUint32(SALT_AT, salt, true);
  viewOf(head).setUint32(OFFSET_AT, offsetBytes, true);
  sealed(seal, head);
}

// -------------------------------------------------------------------------------------------------------- helpers

function createHead(kind: RecordKind, metadataBytes: number): { head: Uint8Array; view: DataView } {
  const head = new Uint8Array(HEADER_BYTES + metadataBytes);
  const view = viewOf(head);
  view.setUint32(MAGIC_AT, MAGIC, true);
  head[VERSION_AT] = FORMAT_VERSION;
  head[KIND_AT] = RECORD_KIND[kind];
  view.setUint32(METADATA_BYTES_AT, metadataBytes, true);
  return { head, view };
}

/** Writes the checksum of all that follows it. */
function sealed(seal: Seal, head: Uint8Array): Uint8Array {
  head.set(seal(head.subarray(CHECKSUM_BYTES)));
  return head;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function itemOffsets(head: Uint8Array, itemBytes: number): readonly number[] {
  const count = Math.floor((head.byteLength - HEADER_BYTES) / itemBytes);
  return Array.from({ length: count }, (_, index) => HEADER_BYTES + index * itemBytes);
}

function writeWords(view: DataView, offset: number, words: Uint32Array): void {
  for (let index = 0; index < WORDS_PER_KEY; index++) view.setUint32(offset + index * 4, words[index] ?? 0);
}

function readWords(view: DataView, offset: number): Uint32Array {
  const words = new Uint32Array(WORDS_PER_KEY);
  for (let index = 0; index < WORDS_PER_KEY; index++) words[index] = view.getUint32(offset + index * 4);
  return words;
}

function isPlainChecksum({ kind, hex }: Checksum): boolean {
  return hex.length === CHECKSUM_DIGITS[kind] && isHex(hex);
}

function isPlainFingerprint(fingerprint: string): boolean {
  return fingerprint.length <= 16 && isHex(fingerprint);
}

function isHex(text: string): boolean {
  return /^[0-9a-f]+$/.test(text);
}

/** Up to 16 digits in 8 bytes. */
function writeHex(view: DataView, offset: number, hex: string): void {
  const padded = hex.padEnd(16, '0');
  view.setUint32(offset, Number.parseInt(padded.slice(0, 8), 16));
  view.setUint32(offset + 4, Number.parseInt(padded.slice(8), 16));
}

function readHex(view: DataView, offset: number, digits: number): string {
  const high = view.getUint32(offset).toString(16).padStart(8, '0');
  const low = view
    .getUint32(offset + 4)
    .toString(16)
    .padStart(8, '0');
  return (high + low).slice(0, digits);
}
