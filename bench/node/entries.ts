/** Entries as the cache makes them, for benchmarks that need many. */
import { createHash } from 'node:crypto';
import { keyFromDigest } from '../../core/key';
import type { Entry } from '../../core/protocol/values';

/** Returns the nth entry: a real key, all the metadata a synthesized phrase has, and audio of the given length. */
export function createEntry(index: number, byteLength: number, nowMs: number): Entry {
  const text = `Phrase number ${index}`;
  const metadata = {
    key: keyFromDigest(createHash('sha256').update(text).digest('hex')),
    contentType: 'audio/mpeg',
    byteLength,
    createdAtMs: nowMs,
    expiresAtMs: nowMs + 7 * 86_400_000,
    characters: text.length,
    synthesisMs: 400,
    checksum: { kind: 'xxh64', hex: '0123456789abcdef' },
    fingerprint: '0123456789abcd',
    spec: { text },
  } as const;
  return { metadata, bytes: new ArrayBuffer(byteLength) };
}

/** Returns entries from one number up to another, that one excluded. */
export function createEntries(first: number, end: number, byteLength: number, nowMs: number): Entry[] {
  return Array.from({ length: end - first }, (_, offset) => createEntry(first + offset, byteLength, nowMs));
}
