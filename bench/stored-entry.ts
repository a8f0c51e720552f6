/** Entries as the cache makes them: real keys, fingerprints and checksums, and all the metadata of a synthesized phrase. */
import type { Hashing } from '../core/hashing';
import { canonicalizeSpec, keyFromDigest } from '../core/key';
import type { Entry } from '../core/protocol/values';

const DAY_MS = 86_400_000;
const TEXT_LENGTH = 60;

/**
 * Returns the entry of the phrase with this number. Its audio is a copy of the one given, with the number at its end, so
 * that no two are alike.
 */
export async function createStoredEntry(
  index: number,
  audio: ArrayBuffer,
  hashing: Hashing,
  nowMs: number,
): Promise<Entry> {
  const bytes = audio.slice(0);
  new DataView(bytes).setUint32(bytes.byteLength - 4, index);
  const text = `Phrase number ${index}, `.padEnd(TEXT_LENGTH - 1, 'and so on ').concat('.');
  const canonical = canonicalizeSpec({ text });
  const metadata = {
    key: keyFromDigest(await hashing.digestHex(canonical)),
    contentType: 'audio/mpeg',
    byteLength: bytes.byteLength,
    createdAtMs: nowMs,
    expiresAtMs: nowMs + 7 * DAY_MS,
    characters: text.length,
    synthesisMs: 400,
    checksum: hashing.checksum(bytes),
    fingerprint: await hashing.fingerprint(canonical),
    spec: { text },
  };
  return { metadata, bytes };
}

/** Throws unless the entry came back as it was stored. */
export function verifyStored(found: Entry | undefined, expected: Entry): void {
  const actual = new Uint8Array(found?.bytes ?? new ArrayBuffer(0));
  const bytes = new Uint8Array(expected.bytes);
  const isSame =
    found?.metadata.key === expected.metadata.key &&
    actual.length === bytes.length &&
    actual.every((byte, offset) => byte === bytes[offset]);
  if (!isSame) throw new Error(`"${expected.metadata.spec?.text}" did not come back as it was stored`);
}
