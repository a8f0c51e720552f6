/**
 * A Blob as zip.js reads it. The library has the same under the name BlobReader, but only together with all else it can do:
 * this way a page that exports does not load the code for importing, nor the other way round.
 */

/** Returns the source that reads any part of the Blob. */
export function sourceOf(blob: Blob) {
  return {
    size: blob.size,
    readable: blob.stream(),
    createReadable: ({ offset = 0, size = blob.size - offset } = {}) => blob.slice(offset, offset + size).stream(),
    readUint8Array: async (offset: number, length: number) =>
      new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer()),
  };
}
