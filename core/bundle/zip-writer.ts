/**
 * Writes the ZIP of a bundle: files stored as they are, one after the other, then the list of them.
 *
 *      "PK\3\4" local head, 30 bytes · name · content          for each file
 *      "PK\1\2" directory entry, 46 bytes · name · ZIP64 extra  for each file
 *      "PK\6\6" "PK\6\7" the end by ZIP64, 76 bytes             when the one below has no room for it
 *      "PK\5\6" the end, 22 bytes
 *
 * (APPNOTE.TXT 6.3.10, PKWARE.) Written here, unlike the reading: all is known before a file is written, so sizes and
 * CRC-32 stand in front of it, which tools that read a ZIP as it comes need, and a file costs no more than the bytes of
 * its directory entry. Of the libraries, zip.js keeps 10 KB a file and takes 0.5 ms for each, client-zip loses ZIP64 for more
 * than 65,534 files below 4 GiB, and fflate has none.
 */
import { concatenate } from '../concatenate';
import { crc32 } from '../crc32';

/** A file to be written. */
export interface ZipContent {
  /** Path and name, with slashes. */
  readonly name: string;
  /** Less than 4 GiB. */
  readonly content: Uint8Array;
}

const LOCAL_HEAD_BYTES = 30;
const DIRECTORY_ENTRY_BYTES = 46;
const OFFSET_EXTRA_BYTES = 12;
const ZIP64_END_BYTES = 56;
const ZIP64_LOCATOR_BYTES = 20;
const END_BYTES = 22;
/** What stands where a number has no room; the ZIP64 records have it then. */
const SEE_ZIP64_16 = 0xffff;
const SEE_ZIP64_32 = 0xffff_ffff;
const VERSION_PLAIN = 20;
const VERSION_ZIP64 = 45;
const NAMES_ARE_UTF8 = 0x0800;
const MADE_BY_UNIX = 3;
/** A plain file that its owner may write and all may read. */
const UNIX_MODE = 0o100644;

/**
 * Returns a ZIP of the files, each as one piece, which is the caller's. A file is asked for when the piece before it
 * has been taken; the iteration over them ends with this one.
 */
export async function* zipFiles(files: AsyncIterable<ZipContent>, createdAtMs: number) {
  const time = dosTime(createdAtMs);
  const directory: Uint8Array[] = [];
  let offset = 0;
  for await (const { name, content } of files) {
    const rawName = new TextEncoder().encode(name);
    const checksum = crc32(content);
    const head = new DataView(new ArrayBuffer(LOCAL_HEAD_BYTES));
    head.setUint32(0, 0x504b_0304);
    head.setUint16(4, VERSION_PLAIN, true);
    writeDescription(head, 6, { time, checksum, contentBytes: content.byteLength, nameBytes: rawName.byteLength });
    const piece = new Uint8Array(concatenate([bytesOf(head), rawName, content]));
    directory.push(directoryEntry(head, rawName, offset));
    offset += piece.byteLength;
    yield piece;
  }
  const entries = new Uint8Array(concatenate(directory));
  yield entries;
  yield endOf(directory.length, entries.byteLength, offset);
}

interface Description {
  readonly time: number;
  readonly checksum: number;
  readonly contentBytes: number;
  readonly nameBytes: number;
}

/** What local heads and directory entries have in common: flags, method (0, stored), time, CRC-32, sizes. */
function writeDescription(view: DataView, at: number, { time, checksum, contentBytes, nameBytes }: Description): void {
  view.setUint16(at, NAMES_ARE_UTF8, true);
  view.setUint32(at + 4, time, true);
  view.setUint32(at + 8, checksum, true);
  view.setUint32(at + 12, contentBytes, true);
  view.setUint32(at + 16, contentBytes, true);
  view.setUint16(at + 20, nameBytes, true);
}

function directoryEntry(head: DataView<ArrayBuffer>, rawName: Uint8Array, offset: number): Uint8Array {
  const isFar = offset >= SEE_ZIP64_32;
  const nameTo = DIRECTORY_ENTRY_BYTES + rawName.byteLength;
  const view = new DataView(new ArrayBuffer(nameTo + (isFar ? OFFSET_EXTRA_BYTES : 0)));
  const version = isFar ? VERSION_ZIP64 : VERSION_PLAIN;
  view.setUint32(0, 0x504b_0102);
  view.setUint16(4, (MADE_BY_UNIX << 8) | version, true);
  view.setUint16(6, version, true);
  bytesOf(view).set(bytesOf(head).subarray(6), 8);
  view.setUint16(30, isFar ? OFFSET_EXTRA_BYTES : 0, true);
  view.setUint16(40, UNIX_MODE, true);
  view.setUint32(42, isFar ? SEE_ZIP64_32 : offset, true);
  bytesOf(view).set(rawName, DIRECTORY_ENTRY_BYTES);
  if (isFar) {
    view.setUint16(nameTo, 1, true);
    view.setUint16(nameTo + 2, OFFSET_EXTRA_BYTES - 4, true);
    view.setBigUint64(nameTo + 4, BigInt(offset), true);
  }
  return bytesOf(view);
}

function endOf(count: number, directoryBytes: number, directoryAt: number): Uint8Array<ArrayBuffer> {
  const needsZip64 = count >= SEE_ZIP64_16 || directoryBytes >= SEE_ZIP64_32 || directoryAt >= SEE_ZIP64_32;
  const endAt = needsZip64 ? ZIP64_END_BYTES + ZIP64_LOCATOR_BYTES : 0;
  const view = new DataView(new ArrayBuffer(endAt + END_BYTES));
  if (needsZip64) {
    view.setUint32(0, 0x504b_0606);
    view.setBigUint64(4, BigInt(ZIP64_END_BYTES - 12), true);
    view.setUint16(12, (MADE_BY_UNIX << 8) | VERSION_ZIP64, true);
    view.setUint16(14, VERSION_ZIP64, true);
    view.setBigUint64(24, BigInt(count), true);
    view.setBigUint64(32, BigInt(count), true);
    view.setBigUint64(40, BigInt(directoryBytes), true);
    view.setBigUint64(48, BigInt(directoryAt), true);
    view.setUint32(ZIP64_END_BYTES, 0x504b_0607);
    view.setBigUint64(ZIP64_END_BYTES + 8, BigInt(directoryAt + directoryBytes), true);
    view.setUint32(ZIP64_END_BYTES + 16, 1, true);
  }
  view.setUint32(endAt, 0x504b_0506);
  view.setUint16(endAt + 8, Math.min(count, SEE_ZIP64_16), true);
  view.setUint16(endAt + 10, Math.min(count, SEE_ZIP64_16), true);
  view.setUint32(endAt + 12, Math.min(directoryBytes, SEE_ZIP64_32), true);
  view.setUint32(endAt + 16, Math.min(directoryAt, SEE_ZIP64_32), true);
  return bytesOf(view);
}

/** Two seconds exact, from 1980 to 2107; in UTC, so that the same entries always give the same file. */
function dosTime(atMs: number): number {
  const at = new Date(atMs);
  const year = Math.min(Math.max(at.getUTCFullYear(), 1980), 2107) - 1980;
  const date = (year << 9) | ((at.getUTCMonth() + 1) << 5) | at.getUTCDate();
  const time = (at.getUTCHours() << 11) | (at.getUTCMinutes() << 5) | (at.getUTCSeconds() >> 1);
  return ((date << 16) | time) >>> 0;
}

function bytesOf(view: DataView<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return new Uint8Array(view.buffer);
}
