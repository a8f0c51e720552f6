/**
 * The index as bytes, so that opening reads one file instead of the heads of all records.
 *
 *      0   8  checksum       XXH64, big-endian, of all that follows
 *      8   4  magic          "RPRc"
 *     12   4  version        of the format, as in records
 *     16   4  generation     the higher of two intact checkpoints counts
 *     20   4  segments       how many
 *     24   4  zeros
 *     28   4  entries        how many
 *     32   4  logSegmentId   ┐ everything in the log before this place is in the checkpoint
 *     36   4  logOffset      ┘
 *     40   8  zeros
 *     48      segments: id u32, salt u32, fileCreatedAtMs f64, endBytes u32, file number u32
 *             entries, oldest access first: eight words of the key, segment id, offset, head, body and audio bytes,
 *             hits, createdAtMs f64, accessedAtMs f64, expiresAtMs f64
 *
 * Numbers are little-endian, as all platforms' are that run JavaScript engines with OPFS; the two kinds of rows are
 * multiples of 8 bytes, so that typed arrays over the file's bytes are aligned.
 */
import { type EntryIndex, NONE } from './entry-index';
import { assertKnownVersion } from './file-header';
import { WORDS_PER_KEY } from './key-words';
import { FORMAT_VERSION, isHeadIntact, type Seal } from './record';
import type { SegmentState } from './segment';

/** Bytes before the first row. */
export const CHECKPOINT_HEADER_BYTES = 48;

const CHECKSUM_BYTES = 8;
const MAGIC = 0x63_52_50_52;
const SEGMENT_ROW_BYTES = 24;
const ENTRY_ROW_BYTES = 80;
const WORDS_PER_ROW = ENTRY_ROW_BYTES / 4;
const FLOATS_PER_ROW = ENTRY_ROW_BYTES / 8;
/** Where the three times of a row are, counted in float64. */
const TIMES_AT = 7;

/** What a checkpoint is of, beside the entries. */
export interface CheckpointState {
  readonly generation: number;
  /** Everything in the log before this place is in the checkpoint. */
  readonly logSegmentId: number;
  readonly logOffset: number;
  readonly segments: readonly SegmentState[];
}

/** A checkpoint that was read. */
export interface Checkpoint extends CheckpointState {
  /** Adds the entries to an empty index; those whose segment is unknown are left out. */
  loadInto(index: EntryIndex, isKnown: (segmentId: number) => boolean): void;
}

/** Returns the bytes of a checkpoint. The caller owns them. */
export function encodeCheckpoint(seal: Seal, state: CheckpointState, index: EntryIndex): Uint8Array {
  const { generation, logSegmentId, logOffset, segments } = state;
  const rowsAt = CHECKPOINT_HEADER_BYTES + segments.length * SEGMENT_ROW_BYTES;
  const bytes = new Uint8Array(rowsAt + index.size * ENTRY_ROW_BYTES);
  const view = new DataView(bytes.buffer);
  const header = [MAGIC, FORMAT_VERSION, generation, segments.length, 0, index.size, logSegmentId, logOffset];
  for (const [field, value] of header.entries()) view.setUint32(CHECKSUM_BYTES + field * 4, value, true);
  for (const [row, { segmentId, salt, fileCreatedAtMs, endBytes, fileName }] of segments.entries()) {
    const offset = CHECKPOINT_HEADER_BYTES + row * SEGMENT_ROW_BYTES;
    view.setUint32(offset, segmentId, true);
    view.setUint32(offset + 4, salt, true);
    view.setFloat64(offset + 8, fileCreatedAtMs, true);
    view.setUint32(offset + 16, endBytes, true);
    view.setUint32(offset + 20, Number.parseInt(fileName, 10), true);
  }
  const words = new Uint32Array(bytes.buffer, rowsAt);
  const floats = new Float64Array(bytes.buffer, rowsAt);
  let row = 0;
  for (let slot = index.oldest; slot !== NONE; slot = index.newerThan(slot), row++) {
    const word = row * WORDS_PER_ROW;
    words.set(index.words(slot), word);
    words[word + WORDS_PER_KEY] = index.segmentId(slot);
    words[word + WORDS_PER_KEY + 1] = index.offsetBytes(slot);
    words[word + WORDS_PER_KEY + 2] = index.headBytes(slot);
    words[word + WORDS_PER_KEY + 3] = index.bodyBytes(slot);
    words[word + WORDS_PER_KEY + 4] = index.audioBytes(slot);
    words[word + WORDS_PER_KEY + 5] = index.hits(slot);
    const times = row * FLOATS_PER_ROW + TIMES_AT;
    floats[times] = index.createdAtMs(slot);
    floats[times + 1] = index.accessedAtMs(slot);
    floats[times + 2] = index.expiresAtMs(slot);
  }
  bytes.set(seal(bytes.subarray(CHECKSUM_BYTES)));
  return bytes;
}

/**
 * The length a checkpoint says it has, from its first bytes, which have not been checked; 0 for what is none.
 */
export function checkpointBytes(header: Uint8Array): number {
  const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
  if (header.byteLength < CHECKPOINT_HEADER_BYTES || view.getUint32(CHECKSUM_BYTES, true) !== MAGIC) return 0;
  const files = view.getUint32(20, true);
  return CHECKPOINT_HEADER_BYTES + files * SEGMENT_ROW_BYTES + view.getUint32(28, true) * ENTRY_ROW_BYTES;
}

/**
 * Returns a checkpoint from all of its bytes; undefined when it is damaged. `fileNameOf` gives the name for a number.
 * @throws AudioCacheError `STORE_UNAVAILABLE`: a newer version of the library wrote it
 */
export function decodeCheckpoint(
  seal: Seal,
  bytes: Uint8Array<ArrayBuffer>,
  fileNameOf: (fileNumber: number) => string,
): Checkpoint | undefined {
  if (bytes.byteLength < CHECKPOINT_HEADER_BYTES || !isHeadIntact(seal, bytes)) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  assertKnownVersion(view.getUint32(12, true));
  const segmentCount = view.getUint32(20, true);
  const entryCount = view.getUint32(28, true);
  const segments = Array.from({ length: segmentCount }, (_, row): SegmentState => {
    const offset = CHECKPOINT_HEADER_BYTES + row * SEGMENT_ROW_BYTES;
    return {
      segmentId: view.getUint32(offset, true),
      salt: view.getUint32(offset + 4, true),
      fileCreatedAtMs: view.getFloat64(offset + 8, true),
      endBytes: view.getUint32(offset + 16, true),
      fileName: fileNameOf(view.getUint32(offset + 20, true)),
    };
  });
  const rowsAt = bytes.byteOffset + CHECKPOINT_HEADER_BYTES + segmentCount * SEGMENT_ROW_BYTES;
  const words = new Uint32Array(bytes.buffer, rowsAt, entryCount * WORDS_PER_ROW);
  const floats = new Float64Array(bytes.buffer, rowsAt, entryCount * FLOATS_PER_ROW);
  return {
    generation: view.getUint32(16, true),
    logSegmentId: view.getUint32(32, true),
    logOffset: view.getUint32(36, true),
    segments,
    loadInto: (index, isKnown) => {
      for (let row = 0; row < entryCount; row++) {
        const key = row * WORDS_PER_ROW;
        const field = (place: number) => words[key + WORDS_PER_KEY + place] ?? 0;
        const segmentId = field(0);
        if (!isKnown(segmentId)) continue;
        const times = row * FLOATS_PER_ROW + TIMES_AT;
        index.add(
          words.subarray(key, key + WORDS_PER_KEY),
          { segmentId, offsetBytes: field(1), headBytes: field(2), bodyBytes: field(3), audioBytes: field(4) },
          {
            createdAtMs: floats[times] ?? 0,
            accessedAtMs: floats[times + 1] ?? 0,
            expiresAtMs: floats[times + 2] ?? 0,
            hits: field(5),
          },
        );
      }
    },
  };
}
