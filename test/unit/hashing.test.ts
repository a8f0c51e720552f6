import { createHash, createHmac } from 'node:crypto';
import * as fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createHashing } from '../../core/hashing';
import { createSubtleDigest } from '../../core/subtle-digest';

const bytesOf = (text: string): ArrayBuffer => new TextEncoder().encode(text).buffer;

describe.each([
  ['with WebAssembly', true],
  ['without WebAssembly', false],
])('Digests %s', (_, wasm) => {
  it.each([
    // FIPS 180-2, appendix B, and the digest of nothing.
    ['', 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
    ['abc', 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
    [
      'abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq',
      '248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1',
    ],
  ])('are SHA-256: "%s"', async (text, hex) => {
    const { digestHex } = await createHashing({ wasm });
    expect(await digestHex(text)).toBe(hex);
  });

  it('are HMAC-SHA-256 under a secret (RFC 4231, case 2)', async () => {
    const short = await createHashing({ wasm, keySecret: 'Jefe' });
    expect(await short.digestHex('what do ya want for nothing?')).toBe(
      '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
    );
  });

  it('agree with Node’s for any text and secret, however often they are used', async () => {
    const plain = await createHashing({ wasm });
    await fc.assert(
      fc.asyncProperty(
        fc.string({ unit: 'grapheme', maxLength: 300 }),
        fc.string({ maxLength: 200 }),
        async (text, salt) => {
          const secret = `s${salt}`;
          const keyed = await createHashing({ wasm, keySecret: secret });
          expect(await plain.digestHex(text)).toBe(createHash('sha256').update(text).digest('hex'));
          for (let turn = 0; turn < 2; turn++) {
            expect(await keyed.digestHex(text)).toBe(createHmac('sha256', secret).update(text).digest('hex'));
          }
        },
      ),
      { seed: 4, numRuns: 60 },
    );
  });
});

describe('Checksums', () => {
  it('are XXH64 where there is WebAssembly', async () => {
    const { checksum } = await createHashing();
    // From the reference implementation, seed 0.
    expect(checksum(bytesOf(''))).toEqual({ kind: 'xxh64', hex: 'ef46db3751d8e999' });
    expect(checksum(bytesOf('abc'))).toEqual({ kind: 'xxh64', hex: '44bc2cf5ad770999' });
    expect(checksum(bytesOf('Nobody inspects the spammish repetition'))).toEqual({
      kind: 'xxh64',
      hex: 'fbcea83c8a378bf1',
    });
  });

  it('are CRC-32 where there is none', async () => {
    const { checksum } = await createHashing({ wasm: false });
    // The check value of CRC-32/ISO-HDLC.
    expect(checksum(bytesOf('123456789'))).toEqual({ kind: 'crc32', hex: 'cbf43926' });
    expect(checksum(bytesOf(''))).toEqual({ kind: 'crc32', hex: '00000000' });
  });

  it.each([true, false])('see every single flipped bit (WebAssembly: %s)', async (wasm) => {
    const { checksum, verify } = await createHashing({ wasm });
    const bytes = new Uint8Array(97).map((_, index) => index * 7);
    const whole = checksum(bytes.buffer);
    expect(verify(bytes.buffer, whole)).toBe('match');
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const damaged = bytes.slice();
      damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(verify(damaged.buffer, whole)).toBe('mismatch');
    }
    expect(verify(bytes.slice(0, -1).buffer, whole)).toBe('mismatch');
  });

  it('made without WebAssembly can be checked with it, not the other way round', async () => {
    const fast = await createHashing();
    const plain = await createHashing({ wasm: false });
    const bytes = bytesOf('some audio');
    expect(fast.verify(bytes, plain.checksum(bytes))).toBe('match');
    expect(fast.verify(bytesOf('some other'), plain.checksum(bytes))).toBe('mismatch');
    expect(plain.verify(bytes, fast.checksum(bytes))).toBe('unverifiable');
  });

  it('leave the bytes as they are', async () => {
    const { checksum } = await createHashing();
    const bytes = bytesOf('some audio');
    checksum(bytes);
    expect(new TextDecoder().decode(bytes)).toBe('some audio');
  });
});

describe('Fingerprints', () => {
  it('are 14 hex digits, always the same ones and different ones for similar specs', async () => {
    const { fingerprint } = await createHashing();
    const prints = new Set<string>();
    for (let id = 0; id < 5_000; id++) prints.add(await fingerprint(`Timer ${id} set.|alloy|1.00`));
    expect(prints.size).toBe(5_000);
    for (const print of prints) expect(print).toMatch(/^[0-9a-f]{14}$/);
    expect(prints).toContain(await fingerprint('Timer 7 set.|alloy|1.00'));
  });

  it.each([
    ['a', '1c2ba782c97901'],
    ['b', '1eda5bc254d2bf'],
    ['revenge', '0e64cc3b748385'],
    ['revenue', '1d85148d13f93a'],
  ])('are cyrb53, for they are kept on disk: %s', async (text, print) => {
    expect(await (await createHashing()).fingerprint(text)).toBe(print);
  });

  it('do not depend on WebAssembly', async () => {
    for (const keySecret of [undefined, 'secret']) {
      const fast = await createHashing({ keySecret });
      const plain = await createHashing({ keySecret, wasm: false });
      expect(await plain.fingerprint('x||1.00')).toBe(await fast.fingerprint('x||1.00'));
    }
  });

  it('tell nothing about the phrase under a secret: neither the plain one nor part of the key', async () => {
    const plain = await createHashing();
    const keyed = await createHashing({ keySecret: 'secret' });
    const other = await createHashing({ keySecret: 'another' });
    const print = await keyed.fingerprint('x||1.00');
    expect(print).toMatch(/^[0-9a-f]{16}$/);
    expect(print).not.toBe(await other.fingerprint('x||1.00'));
    expect(print.slice(0, 14)).not.toBe(await plain.fingerprint('x||1.00'));
    expect(await keyed.digestHex('x||1.00')).not.toContain(print);
  });
});

describe('XXH64 of record headers', () => {
  it('is the same with and without WebAssembly, at every length', async () => {
    const [wasm, plain] = [await createHashing(), await createHashing({ wasm: false })];
    expect(Buffer.from(plain.xxh64(new TextEncoder().encode('a'))).toString('hex')).toBe('d24ec4f1a98c6e5b');
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(plain.xxh64(bytes)).toEqual(wasm.xxh64(bytes));
      }),
      { seed: 20260719 },
    );
  });
});

describe('Hashing where the platform gives little', () => {
  afterEach(() => vi.unstubAllGlobals());

  it('falls back to the platform’s digests when WebAssembly is forbidden', async () => {
    vi.stubGlobal('WebAssembly', undefined);
    const { digestHex, checksum } = await createHashing();
    expect(await digestHex('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
    expect(checksum(bytesOf('123456789')).kind).toBe('crc32');
  });

  it('works without a secure context as long as there is WebAssembly', async () => {
    vi.stubGlobal('crypto', { subtle: undefined });
    const { digestHex } = await createHashing({ keySecret: 'Jefe' });
    expect(await digestHex('what do ya want for nothing?')).toMatch(/^5bdcc146/);
  });

  it('refuses to start with neither', async () => {
    vi.stubGlobal('crypto', { subtle: undefined });
    await expect(createHashing({ wasm: false })).rejects.toThrow(TypeError);
    await expect(createSubtleDigest('secret')).rejects.toThrow(/secure/);
  });
});
