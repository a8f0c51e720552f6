/** Entries for tests of stores and tiers: the same numbers always give the same key, metadata and bytes. */
import { expect } from 'vitest';
import type { Entry, EntryMetadata } from '../core/protocol/values';
import type { EntrySummary } from '../core/storage/store';

/** A valid key for a number. */
export function keyOf(id: number): string {
  return `v1_${id.toString(16).padStart(64, '0')}`;
}

/**
 * An entry of `byteLength` bytes (1,000 unless told) that do not compress, different for every id and version. The
 * version stands in `custom`, unless that is given; the checksum is none.
 */
export function entryOf(id: number, given: Partial<EntryMetadata> & { readonly version?: number } = {}): Entry {
  const { version = 0, ...metadata } = given;
  const byteLength = metadata.byteLength ?? 1_000;
  return {
    metadata: {
      key: keyOf(id),
      contentType: 'audio/mpeg',
      createdAtMs: 900,
      expiresAtMs: 1_000_000_000,
      characters: 20,
      synthesisMs: 350,
      checksum: { kind: 'xxh64', hex: '0123456789abcdef' },
      custom: { version },
      ...metadata,
      byteLength,
    },
    bytes: noise(byteLength, id * 1_009 + version + 1),
  };
}

/** Which version an entry from `entryOf` is. */
export function versionOf({ custom }: EntryMetadata): number {
  return Number(custom?.version);
}

/** Expects the same metadata and bytes; compares bodies in one pass, as a matcher would take seconds for 2 MiB. */
export function expectEntry(actual: Entry | undefined, expected: Entry | undefined): void {
  expect(actual?.metadata).toEqual(expected?.metadata);
  expect(actual?.bytes.byteLength).toBe(expected?.bytes.byteLength);
  const actualBytes = new Uint8Array(actual?.bytes ?? new ArrayBuffer(0));
  const expectedBytes = new Uint8Array(expected?.bytes ?? new ArrayBuffer(0));
  expect(
    actualBytes.findIndex((byte, index) => byte !== expectedBytes[index]),
    'first byte that differs',
  ).toBe(-1);
}

/** Bytes from xorshift32 (Marsaglia 2003). */
function noise(byteLength: number, seed: number): ArrayBuffer {
  const bytes = new Uint8Array(byteLength);
  let state = Math.imul(seed, 2_654_435_761) | 1;
  for (let index = 0; index < byteLength; index++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[index] = state;
  }
  return bytes.buffer;
}

/** What a summary says of the entry itself, whatever store it is in. */
export function withoutBytesOnDisk(summary: EntrySummary | undefined): Omit<EntrySummary, 'bytesOnDisk'> | undefined {
  if (summary === undefined) return undefined;
  const { bytesOnDisk: _, ...rest } = summary;
  return rest;
}
