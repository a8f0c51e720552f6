/**
 * The hashes the cache lives on: key digests, fingerprints and checksums.
 *
 * hash-wasm's reused hasher is synchronous and twice as fast as `crypto.subtle` on a short string (1.7 against 3.5 µs),
 * XXH64 six times as fast as a CRC in JavaScript. A page whose policy lacks `wasm-unsafe-eval` gets the platform's
 * SHA-256 and the CRC instead: the keys are the same, and every checksum names its kind.
 */
import { createHMAC, createSHA256, createXXHash64, type IHasher } from 'hash-wasm';
import { type Checksums, checksumsWith } from './checksums';
import { fastFingerprint } from './fast-fingerprint';
import { type NowOrLater, proceed } from './now-or-later';
import { createSubtleDigest } from './subtle-digest';
import { xxh64 } from './xxh64';

/** Hashes for one cache; not shared between caches, since the hashers inside are reused. */
export interface Hashing extends Checksums {
  /** SHA-256 of the text's UTF-8 bytes, keyed with the secret if there is one; 64 lower-case hex digits. */
  digestHex(text: string): NowOrLater<string>;
  /** A second hash of a canonical spec, independent of its key; 14 or 16 hex digits. */
  fingerprint(canonical: string): NowOrLater<string>;
  /** XXH64 of the bytes (seed 0), big-endian; the same with and without WebAssembly. The caller owns the eight bytes. */
  xxh64(bytes: Uint8Array): Uint8Array;
}

/** What `createHashing` is given. */
export interface HashingOptions {
  /** Switches keys and fingerprints to HMAC, so that nobody can guess phrases from them. */
  readonly keySecret?: string | undefined;
  /** False forbids WebAssembly; tests and benches compare both ways with it. */
  readonly wasm?: boolean | undefined;
}

/**
 * Returns the hashes for this runtime.
 * @throws whatever the platform says when it has neither WebAssembly nor `crypto.subtle` (an insecure context with a
 * strict policy): without keys there can be no cache.
 */
export async function createHashing({ keySecret, wasm = true }: HashingOptions = {}): Promise<Hashing> {
  const hashers = wasm ? await createWasmHashers(keySecret).catch(() => undefined) : undefined;
  const digestHex = hashers ? digestWith(hashers.sha256) : await createSubtleDigest(keySecret);
  return {
    digestHex,
    // A plain fingerprint beside a secret key would let phrases be guessed after all.
    fingerprint: keySecret === undefined ? fastFingerprint : (canonical) => keyedFingerprint(digestHex, canonical),
    ...checksumsWith(hashers?.xxh64),
    xxh64: hashers ? (bytes) => hashers.xxh64.init().update(bytes).digest('binary') : xxh64,
  };
}

async function createWasmHashers(secret: string | undefined): Promise<{ sha256: IHasher; xxh64: IHasher }> {
  const sha256 = createSHA256();
  const [digest, xxh64] = await Promise.all([
    secret === undefined ? sha256 : createHMAC(sha256, secret),
    createXXHash64(),
  ]);
  return { sha256: digest, xxh64 };
}

function digestWith(hasher: IHasher): (text: string) => string {
  return (text) => hasher.init().update(text).digest('hex');
}

function keyedFingerprint(digestHex: Hashing['digestHex'], canonical: string): NowOrLater<string> {
  // No canonical spec starts with NUL, so this never equals a key's digest.
  return proceed(digestHex(`\0fingerprint\0${canonical}`), (hex) => hex.slice(0, 16));
}
