/**
 * What every segment file begins with: which segment it holds, and since when its name exists. Twice 64 bytes, the
 * same.
 *
 *      0   8  checksum         XXH64, big-endian, of the 56 bytes that follow
 *      8   4  magic            "RPRf"
 *     12   4  version          of the format
 *     16   4  segment          its number; 0 for a spare
 *     20   4  salt             what its records are marked with
 *     24   8  fileCreatedAtMs  float64
 *     32  32  zeros
 *
 * Numbers are little-endian. Checksum, magic and version stay where they are in all versions.
 */
import { AudioCacheError } from '../protocol/audio-cache-error';
import { CHECKSUM_BYTES, FORMAT_VERSION, isHeadIntact, type Seal } from './record';

/** What a file of the engine begins with. Every file has it twice, so that one damaged block does not orphan the file. */
export interface FileHeader {
  /** 0: a spare that nothing was written to yet. Segments are numbered in the order they were begun. */
  readonly segmentId: number;
  readonly salt: number;
  /** When the file itself was created, which may be many segments ago. */
  readonly fileCreatedAtMs: number;
}

const FILE_MAGIC = 0x66_52_50_52;
const MAGIC_AT = CHECKSUM_BYTES;
const FILE_VERSION_AT = 12;
const FILE_SEGMENT_AT = 16;
const FILE_SALT_AT = 20;
const FILE_CREATED_AT = 24;
const FILE_HEADER_COPY_BYTES = 64;

/** Bytes before a segment's first record. */
export const FILE_HEADER_BYTES = 2 * FILE_HEADER_COPY_BYTES;

/** Returns the beginning of a file. */
export function encodeFileHeader(seal: Seal, { segmentId, salt, fileCreatedAtMs }: FileHeader): Uint8Array {
  const both = new Uint8Array(FILE_HEADER_BYTES);
  const copy = both.subarray(0, FILE_HEADER_COPY_BYTES);
  const view = new DataView(both.buffer);
  view.setUint32(MAGIC_AT, FILE_MAGIC, true);
  view.setUint32(FILE_VERSION_AT, FORMAT_VERSION, true);
  view.setUint32(FILE_SEGMENT_AT, segmentId, true);
  view.setUint32(FILE_SALT_AT, salt, true);
  view.setFloat64(FILE_CREATED_AT, fileCreatedAtMs, true);
  copy.set(seal(copy.subarray(CHECKSUM_BYTES)));
  both.set(copy, FILE_HEADER_COPY_BYTES);
  return both;
}

/**
 * Returns the header of a file from its first bytes; undefined when both copies are damaged.
 * @throws AudioCacheError `STORE_UNAVAILABLE`: a newer version of the library wrote it
 */
export function decodeFileHeader(seal: Seal, bytes: Uint8Array): FileHeader | undefined {
  for (const offset of [0, FILE_HEADER_COPY_BYTES]) {
    const copy = bytes.subarray(offset, offset + FILE_HEADER_COPY_BYTES);
    if (copy.byteLength < FILE_HEADER_COPY_BYTES || !isHeadIntact(seal, copy)) continue;
    const view = new DataView(copy.buffer, copy.byteOffset, copy.byteLength);
    if (view.getUint32(MAGIC_AT, true) !== FILE_MAGIC) continue;
    assertKnownVersion(view.getUint32(FILE_VERSION_AT, true));
    return {
      segmentId: view.getUint32(FILE_SEGMENT_AT, true),
      salt: view.getUint32(FILE_SALT_AT, true),
      fileCreatedAtMs: view.getFloat64(FILE_CREATED_AT, true),
    };
  }
  return undefined;
}

/**
 * Refuses what another version of the library wrote, of which nothing is known but that it is intact.
 * @throws AudioCacheError `STORE_UNAVAILABLE`
 */
export function assertKnownVersion(version: number): void {
  if (version === FORMAT_VERSION) return;
  throw new AudioCacheError(
    'STORE_UNAVAILABLE',
    `The audio on disk was written in format ${version} and this version of reprise-cache knows ${FORMAT_VERSION}; it is left as it is.`,
  );
}
