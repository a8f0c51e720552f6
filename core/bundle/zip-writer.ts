/**
 * Writes the ZIP of a bundle.
 *
 * zip.js, because it has ZIP64 in full: client-zip loses it for more than 65,534 files below 4 GiB, and fflate has none.
 * Files are stored, with their sizes and CRC-32 in front of them, so that tools that read a ZIP as it comes can do so.
 */
import { ZipWriter } from '@zip.js/zip.js/lib/zip-core-writer.js';
import { sourceOf } from './zip-source';

/** A file to be written: its name and what is in it. */
export interface ZipContent {
  readonly name: string;
  readonly content: Blob;
}

/** Dates in a ZIP begin in 1980; a day later, as they have no time zone. */
const MIN_DATE_MS = Date.UTC(1980, 0, 2);
/** And end in 2107. */
const MAX_DATE_MS = Date.UTC(2107, 11, 30);

/**
 * Returns a ZIP of the files, in pieces that are the caller's. A file is asked for when the pieces of the one before
 * have been taken; the iteration over them ends with this one.
 *
 * A file is in memory up to three times while it is written. The library never waits for the caller: its writers share a
 * fixed number of turns, and one that waits would hold up all others in this thread.
 */
export async function* zipFiles(files: AsyncIterable<ZipContent>, createdAtMs: number) {
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  const output = new WritableStream<Uint8Array<ArrayBuffer>>({ write: (piece) => void pieces.push(piece) });
  const zip = new ZipWriter(output, {
    level: 0,
    dataDescriptor: false,
    extendedTimestamp: false,
    lastModDate: new Date(Math.min(Math.max(createdAtMs, MIN_DATE_MS), MAX_DATE_MS)),
    // Nothing computes long here, and a page's policy may forbid workers.
    useWebWorkers: false,
  });
  for await (const { name, content } of files) {
    await zip.add(name, sourceOf(content));
    yield* pieces.splice(0);
  }
  await zip.close();
  yield* pieces;
}
