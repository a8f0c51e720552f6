/**
 * Reads records and believes none of them: the head must have its checksum, stand where it says, and be of the entry
 * that was asked for. Bodies are judged by the disk tier, which has the entry's own checksum; only compressed ones are
 * checked here, before anything is made of them.
 */
import type { Hashing } from '../hashing';
import type { NowOrLater } from '../now-or-later';
import type { Entry } from '../protocol/values';
import { readWhole } from './checked-io';
import type { IndexedLog } from './indexed-log';
import { decompressPcm } from './pcm-compression';
import type { RandomAccessFile } from './random-access-file';
import { decodeHeader, decodeMetadata, isHeadIntact, keyWordsOf, type RecordHeader } from './record';
import type { Segment } from './segment';
import type { StoredMetadata } from './store';

/** Records up to this size are read in one piece into a buffer that is used again: fresh pages cost more than a copy. */
const SCRATCH_BYTES = 1024 * 1024;

interface ReadRecord {
  readonly header: RecordHeader;
  /** As much of the record as was asked for, valid until the next read. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Reads the records of an indexed log. A record that is not what was written is dropped from the index and counted. */
export class RecordReader {
  readonly #store: IndexedLog;
  readonly #hashing: Hashing;
  readonly #scratch = new Uint8Array(SCRATCH_BYTES);

  constructor(store: IndexedLog, hashing: Hashing) {
    this.#store = store;
    this.#hashing = hashing;
  }

  /**
   * Returns the entry of a slot whose segment is open, with bytes that are the caller's; undefined when it is damaged,
   * or cannot be read just now. A promise only for compressed audio.
   */
  readEntry(key: string, slot: number, segment: Segment): NowOrLater<Entry | undefined> {
    const { index } = this.#store;
    const headBytes = index.headBytes(slot);
    const recordBytes = headBytes + index.bodyBytes(slot);
    const isSmall = recordBytes <= SCRATCH_BYTES;
    const record = this.#readRecord(slot, segment, isSmall ? recordBytes : headBytes);
    if (record === undefined) return undefined;
    const { header } = record;
    const metadata = decodeMetadata(this.#latest(slot, header), record.bytes.subarray(0, headBytes), key);
    // The slice of a buffer is not cleared before it is filled, that of an array is.
    const body = isSmall
      ? new Uint8Array(this.#scratch.buffer.slice(headBytes, recordBytes))
      : this.#readBody(slot, segment);
    if (body === undefined) return undefined;
    if (!header.isCompressed) return { metadata, bytes: body.buffer };
    if (header.bodyChecksum && this.#hashing.verify(body.buffer, header.bodyChecksum) === 'mismatch') {
      this.#store.dropDamaged(slot);
      return undefined;
    }
    return decompressPcm(body, header.audioBytes).then((bytes) => bytes && { metadata, bytes });
  }

  /** Returns what is kept beside the audio of a slot whose segment is open; undefined as `readEntry`. */
  readStored(slot: number, segment: Segment): StoredMetadata | undefined {
    const { index } = this.#store;
    const accessedAtMs = index.accessedAtMs(slot);
    const hits = index.hits(slot);
    const record = this.#readRecord(slot, segment, index.headBytes(slot));
    return record && { metadata: decodeMetadata(this.#latest(slot, record.header), record.bytes), accessedAtMs, hits };
  }

  /** What a header would say by now: an entry's end may have moved since it was written. */
  #latest(slot: number, header: RecordHeader): RecordHeader {
    const expiresAtMs = this.#store.index.expiresAtMs(slot);
    return expiresAtMs === header.expiresAtMs ? header : { ...header, expiresAtMs };
  }

  /** Returns the first bytes of a record whose head is intact and the entry's own. */
  #readRecord(slot: number, segment: Segment, readBytes: number): ReadRecord | undefined {
    const { index } = this.#store;
    const offsetBytes = index.offsetBytes(slot);
    const bytes = readBytes <= SCRATCH_BYTES ? this.#scratch.subarray(0, readBytes) : new Uint8Array(readBytes);
    const isRead = tryRead(segment.file, bytes, offsetBytes);
    if (isRead === undefined) return undefined;
    const head = bytes.subarray(0, index.headBytes(slot));
    const header = isRead ? decodeHeader(head, segment.salt, offsetBytes) : undefined;
    if (header !== undefined && isHeadIntact(this.#hashing.xxh64, head) && this.#isOf(slot, header, head)) {
      return { header, bytes };
    }
    this.#store.dropDamaged(slot);
    return undefined;
  }

  #readBody(slot: number, segment: Segment): Uint8Array<ArrayBuffer> | undefined {
    const { index } = this.#store;
    const body = new Uint8Array(index.bodyBytes(slot));
    const isRead = tryRead(segment.file, body, index.offsetBytes(slot) + index.headBytes(slot));
    if (isRead === false) this.#store.dropDamaged(slot);
    return isRead ? body : undefined;
  }

  #isOf(slot: number, header: RecordHeader, head: Uint8Array): boolean {
    const { index } = this.#store;
    const words = index.words(slot);
    return (
      header.kind === 'entry' &&
      header.bodyBytes === index.bodyBytes(slot) &&
      keyWordsOf(head).every((word, place) => word === words[place])
    );
  }
}

/** False when the file ends before; undefined when the disk failed, which it may not do the next time. */
function tryRead(file: RandomAccessFile | undefined, target: Uint8Array, offsetBytes: number): boolean | undefined {
  try {
    return file && readWhole(file, target, offsetBytes);
  } catch {
    return undefined;
  }
}
