/**
 * Reads the ZIP of a bundle from anywhere in it, a file at a time. Strictly: what one tool would read in another way than the
 * next is refused.
 */
import { type Entry, ERR_EOCDR_NOT_FOUND, ZipReader } from '@zip.js/zip.js/lib/zip-core-reader.js';
import { AudioCacheError } from '../protocol/audio-cache-error';
import { bundleInvalid } from './bundle';
import { sourceOf } from './zip-source';

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
const LOCAL_FILE_SIGNATURE = Uint8Array.of(0x50, 0x4b, 3, 4);

/**
 * Finds the files in a ZIP. Their names are only names: whatever stands in them is compared, never followed.
 * @throws AudioCacheError `BUNDLE_INVALID` when this is none, is cut off, or holds what no bundle does
 */
export async function openZip(source: Blob): Promise<ReadonlyMap<string, ZipMember>> {
  const zip = new ZipReader(sourceOf(source), {
    checkCrc32: true,
    strictness: 'strict',
    filenameValidation: 'tolerant',
    useWebWorkers: false,
  });
  const members = new Map<string, ZipMember>();
  try {
    for await (const entry of zip.getEntriesGenerator()) members.set(entry.filename, memberOf(entry));
  } catch (error) {
    throw error instanceof AudioCacheError ? error : await explain(source, error);
  }
  return members;
}

function memberOf(entry: Entry): ZipMember {
  if (entry.directory) throw bundleInvalid('This is no Reprise bundle: it has folders of its own.');
  const { compressionMethod, encrypted, uncompressedSize } = entry;
  // Compressed, a small bundle could be one that no memory holds.
  if (compressionMethod !== STORED || encrypted) {
    throw bundleInvalid('This is no Reprise bundle: it has files that are compressed or encrypted.');
  }
  return { byteLength: uncompressedSize, read: () => entry.arrayBuffer() };
}

/** A ZIP begins with its first file and ends with its list of files, so a beginning without an end was cut off. */
async function explain(source: Blob, error: unknown): Promise<AudioCacheError> {
  const start = new Uint8Array(await source.slice(0, LOCAL_FILE_SIGNATURE.length).arrayBuffer());
  if (LOCAL_FILE_SIGNATURE.some((byte, index) => byte !== start[index])) {
    return bundleInvalid('This is no ZIP file, and so no Reprise bundle.', error);
  }
  const reason = error instanceof Error ? error.message : 'it cannot be read';
  if (reason === ERR_EOCDR_NOT_FOUND) return bundleInvalid('This bundle is truncated: its end is missing.', error);
  return bundleInvalid(`This bundle is damaged in its list of files: ${reason}.`, error);
}
