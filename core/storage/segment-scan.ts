/**
 * Walks over the records of a segment, by their heads only. A generator that asks for the bytes it needs, so that a
 * worker answers it synchronously and a service worker, which has no synchronous files, by awaiting.
 *
 * A record that is not whole at the end is a dead writer, not damage: the log ends before it. Damage in between is
 * skipped: the next record is found by its alignment, its salt and its checksum.
 */
import {
  decodeHeader,
  HEADER_BYTES,
  isHeadIntact,
  isStruck,
  paddedBytes,
  RECORD_ALIGNMENT,
  type RecordHeader,
  type Seal,
} from './record';

/** Read at once; small records then share a read, and large ones cost one each. */
const WINDOW_BYTES = 4_096;
/** Read at once where no record is, to find the next one. */
const SEARCH_WINDOW_BYTES = 65_536;

/** Bytes the scan wants: fewer may be given only at the end of the file. */
export interface ReadRequest {
  readonly offsetBytes: number;
  readonly byteLength: number;
}

/** A record that was found. Its head is intact, its body was not looked at. */
export interface ScannedRecord {
  readonly header: RecordHeader;
  /** Header and metadata, valid until the scan goes on. */
  readonly head: Uint8Array;
  readonly offsetBytes: number;
  /** Header, metadata and body. */
  readonly recordBytes: number;
}

/** What a scan came to. */
export interface ScanEnd {
  /** Where the next record is to be written. */
  readonly endBytes: number;
  /** Stretches between records in which none was found. */
  readonly damagedStretches: number;
}

/** What is scanned. */
export interface ScanOptions {
  readonly seal: Seal;
  readonly salt: number;
  readonly fromBytes: number;
  /** Length of the file. */
  readonly fileBytes: number;
}

/** Scans. */
export function* scanRecords(
  { seal, salt, fromBytes, fileBytes }: ScanOptions,
  onRecord: (record: ScannedRecord) => void,
): Generator<ReadRequest, ScanEnd, Uint8Array> {
  let window: Uint8Array = new Uint8Array();
  let windowStart = 0;
  let offsetBytes = fromBytes;
  let endBytes = fromBytes;
  let damagedStretches = 0;
  /** A record was here since the last good one and is not what was written. */
  let isDamageFound = false;
  /** Nothing was found where a record should begin: damage if others follow, and otherwise the end. */
  let isGapFound = false;

  function* bytesAt(byteLength: number, windowBytes: number): Generator<ReadRequest, Uint8Array, Uint8Array> {
    if (offsetBytes < windowStart || offsetBytes + byteLength > windowStart + window.byteLength) {
      window = yield { offsetBytes, byteLength: Math.min(Math.max(byteLength, windowBytes), fileBytes - offsetBytes) };
      windowStart = offsetBytes;
    }
    const start = offsetBytes - windowStart;
    return window.subarray(start, start + byteLength);
  }

  while (offsetBytes + HEADER_BYTES <= fileBytes) {
    const isSearching = offsetBytes > endBytes;
    const start = yield* bytesAt(HEADER_BYTES, isSearching ? SEARCH_WINDOW_BYTES : WINDOW_BYTES);
    // The file is shorter than it was said to be.
    if (start.byteLength < HEADER_BYTES) break;
    const header = decodeHeader(start, salt, offsetBytes);
    const headBytes = HEADER_BYTES + (header?.metadataBytes ?? 0);
    const recordBytes = headBytes + (header?.bodyBytes ?? 0);
    if (header !== undefined && offsetBytes + recordBytes <= fileBytes) {
      const head = yield* bytesAt(headBytes, WINDOW_BYTES);
      if (head.byteLength === headBytes && isHeadIntact(seal, head)) {
        if (isDamageFound || isGapFound) damagedStretches++;
        isDamageFound = false;
        isGapFound = false;
        onRecord({ header, head, offsetBytes, recordBytes });
        offsetBytes += paddedBytes(recordBytes);
        endBytes = offsetBytes;
        continue;
      }
      isDamageFound ||= !isStruck(start);
    }
    isGapFound ||= header === undefined && !isSearching;
    offsetBytes += RECORD_ALIGNMENT;
  }
  return { endBytes, damagedStretches: damagedStretches + (isDamageFound ? 1 : 0) };
}

/** Runs a scan over bytes that can be read at once. */
export function runScan(
  scan: Generator<ReadRequest, ScanEnd, Uint8Array>,
  read: (target: Uint8Array, offsetBytes: number) => number,
): ScanEnd {
  let step = scan.next();
  while (!step.done) {
    const target = new Uint8Array(step.value.byteLength);
    const byteLength = read(target, step.value.offsetBytes);
    step = scan.next(target.subarray(0, byteLength));
  }
  return step.value;
}
