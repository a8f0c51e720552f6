/**
 * The manifest of a bundle, `manifest.json`: one line an entry, for people to read and for `grep` to find in.
 *
 *      {
 *        "format": "reprise-bundle",
 *        "version": 1,
 *        "createdAt": "2026-05-04T10:00:00.000Z",
 *        "createdAtMs": 1777888800000,
 *        "namespace": "reader",
 *        "count": 2,
 *        "bytes": 91284,
 *        "entries": [
 *          {"file":"audio/000001-0f3a9c12.mp3","key":"v1_0f3a9c12…","contentType":"audio/mpeg","byteLength":45642,…},
 *          …
 *        ]
 *      }
 *
 * `null` as `expiresAtMs` and `ttlMs` means never, since JSON has no Infinity. Its own whole check is the CRC-32 that ZIP keeps of it.
 * A reader looks at `format` and `version` before anything else: a later version may change all the rest.
 */
import { concatenate } from '../concatenate';
import { isObject } from '../protocol/is-object';
import { type BundleMetadata, bundleInvalid } from './bundle';
import { checkMetadata, isTime, ownValue } from './bundle-metadata';

/** The manifest's name in the ZIP. */
export const MANIFEST_FILE = 'manifest.json';

/** More would be no manifest; a million entries take about half of it. */
export const MAX_MANIFEST_BYTES = 2 ** 29 - 1;

const FORMAT = 'reprise-bundle';
const VERSION = 1;
/** Far above what the cache allows. */
const MAX_NAMESPACE_LENGTH = 1_000;

/** An entry as the manifest has it. */
export interface ManifestEntry {
  /** The name of its audio in the ZIP. */
  readonly file: string;
  readonly metadata: BundleMetadata;
}

/** What a bundle says about itself. */
export interface Manifest {
  readonly createdAtMs: number;
  readonly namespace: string;
  /** Of audio. */
  readonly bytes: number;
  readonly entries: readonly ManifestEntry[];
}

/** A manifest that grows with its bundle. Holds its lines as UTF-8, which is less than the metadata takes. */
export class ManifestDraft {
  readonly #lines: Uint8Array<ArrayBuffer>[] = [];
  readonly #encoder = new TextEncoder();
  #bytes = 0;

  /** How many entries there are. */
  get count(): number {
    return this.#lines.length;
  }

  /** Adds an entry whose metadata was checked. */
  add({ file, metadata }: ManifestEntry): void {
    // JSON writes Infinity as null.
    const line = JSON.stringify({ file, ...metadata });
    this.#lines.push(this.#encoder.encode(`${this.count === 0 ? '' : ','}\n    ${line}`));
    this.#bytes += metadata.byteLength;
  }

  /** Returns the whole of it. */
  finish({ namespace, createdAtMs }: { readonly namespace: string; readonly createdAtMs: number }): Uint8Array {
    const head = {
      format: FORMAT,
      version: VERSION,
      createdAt: new Date(createdAtMs).toISOString(),
      createdAtMs,
      namespace,
      count: this.count,
      bytes: this.#bytes,
    };
    const opening = JSON.stringify(head, undefined, 2).slice(0, -'\n}'.length);
    const start = this.#encoder.encode(`${opening},\n  "entries": [`);
    return new Uint8Array(concatenate([start, ...this.#lines, this.#encoder.encode('\n  ]\n}\n')]));
  }
}

/**
 * Reads a manifest and checks all that can be without its bundle.
 * @throws AudioCacheError `BUNDLE_INVALID`
 */
export function decodeManifest(bytes: Uint8Array): Manifest {
  const manifest = parse(bytes);
  if (!isObject(manifest) || ownValue(manifest, 'format') !== FORMAT) {
    throw bundleInvalid(`This is no Reprise bundle: its ${MANIFEST_FILE} is of something else.`);
  }
  const version = ownValue(manifest, 'version');
  if (Number.isSafeInteger(version) && Number(version) > VERSION) {
    throw bundleInvalid(
      `This bundle is of the newer version ${version}; this Reprise reads version ${VERSION}. Update it.`,
    );
  }
  if (version !== VERSION) throw bundleInvalid('This bundle says no valid version.');
  const createdAtMs = ownValue(manifest, 'createdAtMs');
  const namespace = ownValue(manifest, 'namespace');
  const lines = ownValue(manifest, 'entries');
  if (!isTime(createdAtMs)) throw bundleInvalid('This bundle has no valid time of creation.');
  if (typeof namespace !== 'string' || namespace.length > MAX_NAMESPACE_LENGTH) {
    throw bundleInvalid('This bundle has no valid namespace.');
  }
  if (!Array.isArray(lines) || lines.length !== ownValue(manifest, 'count')) {
    throw bundleInvalid('This bundle does not list as many entries as it says.');
  }
  const entries = lines.map(decodeLine);
  const audioBytes = entries.reduce((sum, { metadata }) => sum + metadata.byteLength, 0);
  if (audioBytes !== ownValue(manifest, 'bytes')) {
    throw bundleInvalid('This bundle does not list as many bytes as it says.');
  }
  return { createdAtMs, namespace, bytes: audioBytes, entries };
}

function decodeLine(line: unknown, index: number): ManifestEntry {
  const where = `Entry ${index + 1} of this bundle`;
  if (!isObject(line)) throw bundleInvalid(`${where} is no entry.`);
  const file = ownValue(line, 'file');
  if (typeof file !== 'string') throw bundleInvalid(`${where} names no file.`);
  const given: Record<string, unknown> = { ...line };
  for (const field of ['expiresAtMs', 'ttlMs'])
    if (ownValue(line, field) === null) given[field] = Number.POSITIVE_INFINITY;
  return { file, metadata: checkMetadata(given, where) };
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: false }));
  } catch (error) {
    throw bundleInvalid(`This is no Reprise bundle: its ${MANIFEST_FILE} is not JSON.`, error);
  }
}
