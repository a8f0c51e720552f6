/** Where the records of a segment lie: for tests that damage some of them and not others. */

import { decodeFileHeader, FILE_HEADER_BYTES } from '../core/storage/file-header';
import { keyOfWords } from '../core/storage/key-words';
import { decodeRemovals, keyWordsOf } from '../core/storage/record';
import { runScan, scanRecords } from '../core/storage/segment-scan';
import type { FaultDirectory } from './fault-directory';
import { hashing } from './log-store-fixture';

/** One record, and the keys it is about. */
export interface PlacedRecord {
  readonly fileName: string;
  readonly segmentId: number;
  readonly kind: 'entry' | 'removals' | 'touches';
  readonly offsetBytes: number;
  readonly recordBytes: number;
  /** Bytes before the body. */
  readonly headBytes: number;
  readonly keys: readonly string[];
}

/** All records of all segments, in the order of the log. */
export function recordsIn(directory: FaultDirectory): readonly PlacedRecord[] {
  const records = directory.names.filter(isSegment).flatMap((fileName) => recordsOf(directory, fileName));
  return records.sort((a, b) => a.segmentId - b.segmentId || a.offsetBytes - b.offsetBytes);
}

/** Whether a file is a segment's, or a spare's. */
export function isSegment(fileName: string): boolean {
  return fileName.endsWith('.segment');
}

/** Whether a file is a checkpoint. */
export function isCheckpoint(fileName: string): boolean {
  return fileName.endsWith('.checkpoint');
}

function recordsOf(directory: FaultDirectory, fileName: string): PlacedRecord[] {
  const bytes = directory.bytesOf(fileName);
  const file = decodeFileHeader(hashing.xxh64, bytes);
  if (file === undefined || file.segmentId === 0) return [];
  const records: PlacedRecord[] = [];
  const options = { seal: hashing.xxh64, salt: file.salt, fromBytes: FILE_HEADER_BYTES, fileBytes: bytes.byteLength };
  const scan = scanRecords(options, ({ header: { kind }, head, offsetBytes, recordBytes }) => {
    const words = kind === 'removals' ? decodeRemovals(head).map((item) => item.words) : [keyWordsOf(head)];
    const keys = kind === 'touches' ? [] : words.map(keyOfWords);
    const { segmentId } = file;
    records.push({ fileName, segmentId, kind, offsetBytes, recordBytes, headBytes: head.byteLength, keys });
  });
  runScan(scan, (target, offsetBytes) => {
    const found = bytes.subarray(offsetBytes, offsetBytes + target.byteLength);
    target.set(found);
    return found.byteLength;
  });
  return records;
}
