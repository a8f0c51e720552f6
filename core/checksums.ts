/**
 * Checksums of audio: XXH64 by WebAssembly, and where a strict policy forbids that a CRC-32 in JavaScript, six times as
 * slow. Each names its kind, so that both can be on one disk.
 */
import { createXXHash64, type IHasher } from 'hash-wasm';
import { crc32 } from './crc32';
import type { Checksum } from './protocol/values';

/** How the checksum of stored audio turned out. */
export type ChecksumVerdict = 'match' | 'mismatch' | 'unverifiable';

/** Makes and compares checksums. */
export interface Checksums {
  /** Checksum of audio bytes. */
  checksum(bytes: ArrayBuffer): Checksum;
  /** Compares audio with its checksum; `unverifiable` where WebAssembly is missing for the kind it names. */
  verify(bytes: ArrayBuffer, checksum: Checksum): ChecksumVerdict;
}

/** Checksums by a hasher of XXH64, which is then theirs to use; without one by CRC-32. */
export function checksumsWith(hasher: IHasher | undefined): Checksums {
  const xxh64Hex = hasher && ((bytes: ArrayBuffer) => hasher.init().update(new Uint8Array(bytes)).digest('hex'));
  return {
    checksum: (bytes) => (xxh64Hex ? { kind: 'xxh64', hex: xxh64Hex(bytes) } : { kind: 'crc32', hex: crc32Hex(bytes) }),
    verify: (bytes, { kind, hex }) => {
      if (kind === 'crc32') return crc32Hex(bytes) === hex ? 'match' : 'mismatch';
      if (!xxh64Hex) return 'unverifiable';
      return xxh64Hex(bytes) === hex ? 'match' : 'mismatch';
    },
  };
}

/** The checksums of this runtime. */
export async function createChecksums(): Promise<Checksums> {
  return checksumsWith(await createXXHash64().catch(() => undefined));
}

/** 8 hex digits. */
function crc32Hex(bytes: ArrayBuffer): string {
  return crc32(new Uint8Array(bytes)).toString(16).padStart(8, '0');
}
