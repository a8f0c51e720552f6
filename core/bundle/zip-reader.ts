/**
 * Reads the ZIP of a bundle from anywhere in it, a file at a time. zip.js reads the list of files, strictly: what one tool would
 * understand in another way than the next is refused. Its own way to a file's content is not taken, as it keeps 10 KB
 * for each file and puts six streams between a Blob and its bytes.
 */
import { type Entry, ERR_EOCDR_NOT_FOUND, ZipReader } from '@zip.js/zip.js/lib/zip-core-reader.js';
import { crc32 } from '../crc32';
import { AudioCacheError } from '../protocol/audio-cache-error';
import { bundleInvalid } from './bundle';

/** A file in a ZIP. */
export interface ZipMember {
  readonly byteLength: number;
  /**
   * Its content, which the caller owns.
   * @throws Error when it is not what its CRC-32 says, or not where it should be
   */
  read(): Promise<ArrayBuffer>;
}

const STORED = 0;
const LOCAL_HEAD_BYTES = 30;
/** Of the first file, with which a ZIP begins. */
const LOCAL_HEAD_SIGNATURE = 0x504b_0304;

/**
 * Finds the files in a ZIP. Their names are only names: whatever stands in them is compared, never followed.
 * @throws AudioCacheError `BUNDLE_INVALID` when this is none, is cut off, or holds what no bundle does
 */
export async function openZip(source: Blob): Promise<ReadonlyMap<string, ZipMember>> {
  const zip = new ZipReader(sourceOf(source), { strictness: 'strict', filenameValidation: 'tolerant' });
  const members = new Map<string, ZipMember>();
  try {
    for await (const entry of zip.getEntriesGenerator()) members.set(entry.filename, memberOf(source, entry));
  } catch (error) {
    throw error instanceof AudioCacheError ? error : await explain(source, error);
  }
  return members;
}

function memberOf(source: Blob, entry: Entry): ZipMember {
  if (entry.directory) throw bundleInvalid('This is no Reprise bundle: it has folders of its own.');
  // Copied one by one, so that nothing else of the entry is kept.
  const { offset, uncompressedSize: byteLength, crc32: checksum } = entry;
  // Compressed, a small bundle could be one that no memory holds.
  if (entry.compressionMethod !== STORED || entry.encrypted || entry.compressedSize !== byteLength) {
    throw bundleInvalid('This is no Reprise bundle: it has files that are compressed or encrypted.');
  }
  return {
    byteLength,
    async read() {
      const head = new DataView(await sliceOf(source, offset, LOCAL_HEAD_BYTES));
      if (head.getUint32(0) !== LOCAL_HEAD_SIGNATURE) throw new Error('it is not where it should be');
      const contentAt = offset + LOCAL_HEAD_BYTES + head.getUint16(26, true) + head.getUint16(28, true);
      const content = await sliceOf(source, contentAt, byteLength);
      if (crc32(new Uint8Array(content)) !== checksum) throw new Error('its CRC-32 is another');
      return content;
    },
  };
}

async function sliceOf(source: Blob, offset: number, byteLength: number): Promise<ArrayBuffer> {
  const bytes = await source.slice(offset, offset + byteLength).arrayBuffer();
  if (bytes.byteLength !== byteLength) throw new Error('the file ends before it');
  return bytes;
}

/**
 * A Blob as zip.js reads it. The library has this as BlobReader, but exports it only beside all else it can do, and bundlers
 * then keep the half that writes.
 */
function sourceOf(blob: Blob) {
  return {
    size: blob.size,
    get readable() {
      return blob.stream();
    },
    createReadable: ({ offset = 0, size = blob.size }: { readonly offset?: number; readonly size?: number } = {}) =>
      blob.slice(offset, offset + size).stream(),
    readUint8Array: async (offset: number, length: number) =>
      new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer()),
  };
}

/** A ZIP begins with its first file and ends with its list of files, so a beginning without an end was cut off. */
async function explain(source: Blob, error: unknown): Promise<AudioCacheError> {
  const start = await source.slice(0, 4).arrayBuffer();
  if (start.byteLength < 4 || new DataView(start).getUint32(0) !== LOCAL_HEAD_SIGNATURE) {
    return bundleInvalid('This is no ZIP file, and so no Reprise bundle.', error);
  }
  const reason = error instanceof Error ? error.message : 'it cannot be read';
  if (reason === ERR_EOCDR_NOT_FOUND) return bundleInvalid('This bundle is truncated: its end is missing.', error);
  return bundleInvalid(`This bundle is damaged in its list of files: ${reason}.`, error);
}
