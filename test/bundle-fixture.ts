/** Bundles for tests: of known entries, and ZIP files that are none. */
import type { Bundle, BundleEntry, BundleMetadata } from '../core/bundle/bundle';
import { type OpenBundleOptions, openBundle } from '../core/bundle/open-bundle';
import { type BundleOrigin, writeBundle } from '../core/bundle/write-bundle';
import { zipFiles } from '../core/bundle/zip-writer';
import { createHashing } from '../core/hashing';
import { entryOf } from './stored-entries';

/** Hashes with WebAssembly. */
export const hashing = await createHashing();

/** When and where bundles of tests come from. */
export const ORIGIN: BundleOrigin = { namespace: 'reader', createdAtMs: Date.UTC(2026, 4, 4, 10) };

/** An entry with a right checksum, different for every id. */
export function bundleEntry(id: number, given: Partial<BundleMetadata> = {}): BundleEntry {
  const { metadata, bytes } = entryOf(id, given);
  return {
    metadata: { ...metadata, checksum: hashing.checksum(bytes), ...given, byteLength: bytes.byteLength },
    bytes,
  };
}

/** The items, one at a time; calls `onEnd` however the iteration ends. */
export async function* sequence<Item>(items: Iterable<Item>, onEnd?: () => void): AsyncGenerator<Item> {
  try {
    for (const item of items) yield item;
  } finally {
    onEnd?.();
  }
}

/** A whole bundle. */
export function bundleOf(entries: Iterable<BundleEntry>, origin = ORIGIN): Promise<Blob> {
  return new Response(writeBundle(sequence(entries), origin)).blob();
}

/** Opens with the hashes of this file. */
export function open(source: Blob, options: Partial<OpenBundleOptions> = {}): Promise<Bundle> {
  return openBundle(source, { verify: hashing.verify, ...options });
}

/** All entries of a bundle. */
export async function entriesIn(bundle: Bundle): Promise<BundleEntry[]> {
  const entries: BundleEntry[] = [];
  for await (const entry of bundle.read()) entries.push(entry);
  return entries;
}

/** A ZIP of these files, as Reprise writes it. */
export async function zipOf(files: Readonly<Record<string, string | ArrayBuffer>>): Promise<Blob> {
  const contents = Object.entries(files).map(([name, content]) => ({
    name,
    content: typeof content === 'string' ? new TextEncoder().encode(content) : new Uint8Array(content),
  }));
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  for await (const piece of zipFiles(sequence(contents), ORIGIN.createdAtMs)) pieces.push(piece);
  return new Blob(pieces);
}

/** A manifest of version 1, as an object to be spoiled. */
export function manifestOf(lines: readonly Readonly<Record<string, unknown>>[], bytes: number) {
  return {
    format: 'reprise-bundle',
    version: 1,
    createdAtMs: ORIGIN.createdAtMs,
    namespace: ORIGIN.namespace,
    count: lines.length,
    bytes,
    entries: lines,
  };
}
