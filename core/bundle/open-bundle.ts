/**
 * Opens a bundle, and trusts nothing in it: what is damaged, truncated, of somebody else or of a later version is refused as
 * a whole before any of it can be used. That takes reading it twice, once to check and once to use, since it may be
 * larger than memory.
 *
 * What must agree: the ZIP's own CRC-32 of each file and of the manifest; the manifest with itself; the files with the
 * manifest, in number, names and sizes; the audio with its entry's own checksum. Files are stored, never compressed, so
 * that no bundle is larger than it looks.
 */
import type { Hashing } from '../hashing';
import { type Bundle, type BundleEntry, type BundleMetadata, bundleInvalid } from './bundle';
import { decodeManifest, MANIFEST_FILE, MAX_MANIFEST_BYTES, type Manifest } from './manifest';
import { openZip, type ZipMember } from './zip-reader';

/** How a bundle is opened. */
export interface OpenBundleOptions {
  /** Compares audio with its checksum; what it cannot verify has the ZIP's CRC-32 for it. */
  readonly verify: Hashing['verify'];
  /** Rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
  /** How many of the entries have been checked. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/** An entry and the file that has its audio. */
interface BundleFile {
  readonly metadata: BundleMetadata;
  readonly member: ZipMember;
  /** For messages. */
  readonly name: string;
}

/**
 * Opens and checks a whole bundle, every byte of audio included. Reads one entry at a time; changes nothing anywhere.
 * @throws AudioCacheError `BUNDLE_INVALID`, which says what is wrong
 */
export async function openBundle(source: Blob, options: OpenBundleOptions): Promise<Bundle> {
  const { verify, signal, onProgress } = options;
  throwIfAborted(signal);
  const members = await openZip(source);
  throwIfAborted(signal);
  const { createdAtMs, namespace, bytes, entries } = await readManifest(members);
  if (bytes > source.size) throw bundleInvalid('This bundle says that it holds more audio than it is long.');
  const files = matchFiles(entries, members);
  for (const [index, file] of files.entries()) {
    throwIfAborted(signal);
    await readEntry(file, verify);
    onProgress?.(index + 1, files.length);
  }
  return {
    entries: files.length,
    bytes,
    createdAtMs,
    namespace,
    read: async function* () {
      // Checked again: a file can be changed, and a disk go bad, at any time.
      for (const file of files) yield await readEntry(file, verify);
    },
  };
}

async function readManifest(members: ReadonlyMap<string, ZipMember>): Promise<Manifest> {
  const member = members.get(MANIFEST_FILE);
  if (member === undefined) throw bundleInvalid(`This is no Reprise bundle: it has no ${MANIFEST_FILE}.`);
  if (member.byteLength > MAX_MANIFEST_BYTES) throw bundleInvalid(`The ${MANIFEST_FILE} of this bundle is too large.`);
  const bytes = await readMember(member, `This bundle is damaged at its ${MANIFEST_FILE}`);
  return decodeManifest(new Uint8Array(bytes));
}

/** Finds each entry's file. Names are compared, and never used for anything else. */
function matchFiles(entries: Manifest['entries'], members: ReadonlyMap<string, ZipMember>): readonly BundleFile[] {
  const keys = new Set<string>();
  const unclaimed = new Map(members);
  unclaimed.delete(MANIFEST_FILE);
  const files = entries.map(({ file, metadata }, index): BundleFile => {
    const name = `entry ${index + 1} (${metadata.key})`;
    const member = unclaimed.get(file);
    unclaimed.delete(file);
    if (member === undefined) throw bundleInvalid(`This bundle is incomplete: it has no audio of its own for ${name}.`);
    if (member.byteLength !== metadata.byteLength) throw damagedAt(name, 'it has another size than its manifest says');
    if (keys.has(metadata.key)) throw damagedAt(name, 'another one has its key');
    keys.add(metadata.key);
    return { metadata, member, name };
  });
  if (unclaimed.size > 0)
    throw bundleInvalid(`This bundle has ${unclaimed.size} files that its manifest does not name.`);
  return files;
}

async function readEntry({ metadata, member, name }: BundleFile, verify: Hashing['verify']): Promise<BundleEntry> {
  const bytes = await readMember(member, `This bundle is damaged at ${name}`);
  if (verify(bytes, metadata.checksum) === 'mismatch') throw damagedAt(name, 'its audio has another checksum');
  return { metadata, bytes };
}

async function readMember(member: ZipMember, damage: string): Promise<ArrayBuffer> {
  try {
    return await member.read();
  } catch (error) {
    throw bundleInvalid(`${damage}: ${error instanceof Error ? error.message : 'it cannot be read'}.`, error);
  }
}

function damagedAt(name: string, what: string) {
  return bundleInvalid(`This bundle is damaged at ${name}: ${what}.`);
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw signal.reason;
}
