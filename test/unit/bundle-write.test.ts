import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import type { BundleEntry } from '../../core/bundle/bundle';
import { writeBundle } from '../../core/bundle/write-bundle';
import { bundleEntry, bundleOf, entriesIn, ORIGIN, open, sequence } from '../bundle-fixture';
import { expectEntry, keyOf } from '../stored-entries';

/** Enough for everything that was promised to happen. */
const settle = async () => {
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
};

/** Entries that count how many were asked for. */
function counted(count: number, byteLength: number) {
  const asked = { entries: 0, hasEnded: false };
  const items = function* (): Generator<BundleEntry> {
    for (let id = 1; id <= count; id++) {
      asked.entries++;
      yield bundleEntry(id, { byteLength });
    }
  };
  return { asked, entries: sequence(items(), () => (asked.hasEnded = true)) };
}

describe('A bundle', () => {
  it('gives back every entry as it was, in the same order', async () => {
    const entries = [
      bundleEntry(3),
      bundleEntry(1, { byteLength: 1 }),
      bundleEntry(2, {
        byteLength: 300_000,
        expiresAtMs: Number.POSITIVE_INFINITY,
        contentType: 'audio/pcm; rate=24000',
        fingerprint: '1c2ba782c97901',
        spec: { text: 'Zażółć 🎧 | "quoted"', voice: 'alloy', speed: 1.25, extra: { a: [1, null, 'b'] } },
        custom: { words: [{ at: 0.5, text: 'né' }] },
        collections: ['book-42/ch-3', '../../etc', 'ü'.repeat(200)],
        pinned: true,
        synthesisMs: 351.25,
        ttlMs: Number.POSITIVE_INFINITY,
        origin: 'put',
      }),
    ];
    const bundle = await open(await bundleOf(entries));
    expect(bundle).toMatchObject({ ...ORIGIN, entries: 3, bytes: 301_001 });
    const read = await entriesIn(bundle);
    for (const [index, entry] of entries.entries()) expectEntry(read[index], entry);
    // Can be read again.
    expect(await entriesIn(bundle)).toEqual(read);
  });

  it('may be empty', async () => {
    const bundle = await open(await bundleOf([]));
    expect(bundle).toMatchObject({ entries: 0, bytes: 0 });
    expect(await entriesIn(bundle)).toEqual([]);
  });

  it('holds audio that was checked with a CRC-32, and is opened where there is no WebAssembly', async () => {
    const entry = bundleEntry(1, { checksum: { kind: 'crc32', hex: 'cbf43926' } });
    const blob = await bundleOf([bundleEntry(2), { ...entry, metadata: { ...entry.metadata } }]);
    // Nothing can be verified here: the ZIP's own checksums are what counts.
    const bundle = await open(blob, { verify: () => 'unverifiable' });
    expect((await entriesIn(bundle)).map(({ metadata }) => metadata.key)).toEqual([keyOf(2), keyOf(1)]);
    await expect(open(blob)).rejects.toMatchObject({ code: 'BUNDLE_INVALID' });
  });

  it('holds no more than one entry of audio, and none before it is read', async () => {
    const { asked, entries } = counted(20, 500_000);
    const reader = writeBundle(entries, ORIGIN).getReader();
    await settle();
    expect(asked.entries).toBe(0);
    let bytes = 0;
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      bytes += value.byteLength;
      await settle();
      expect(asked.entries).toBeLessThanOrEqual(Math.floor(bytes / 500_000) + 1);
    }
    expect(asked).toEqual({ entries: 20, hasEnded: true });
    expect(bytes).toBeGreaterThan(20 * 500_000);
  });

  it('asks for no more when the reader cancels', async () => {
    const { asked, entries } = counted(20, 200_000);
    const reader = writeBundle(entries, ORIGIN).getReader();
    await reader.read();
    await reader.cancel('enough');
    await settle();
    expect(asked).toEqual({ entries: 1, hasEnded: true });
    expect(await reader.read()).toEqual({ done: true, value: undefined });
  });

  it('fails with the reason of an abort, at once, and asks for no more', async () => {
    const controller = new AbortController();
    const { asked, entries } = counted(20, 200_000);
    const reader = writeBundle(entries, { ...ORIGIN, signal: controller.signal }).getReader();
    await reader.read();
    const reason = new Error('The page goes.');
    controller.abort(reason);
    await expect(reader.read()).rejects.toBe(reason);
    await settle();
    expect(asked).toEqual({ entries: 1, hasEnded: true });
  });

  it('fails with the reason of an abort while it waits for an entry, and before it began', async () => {
    const reason = new Error('The page goes.');
    const controller = new AbortController();
    const never = (async function* (): AsyncGenerator<BundleEntry> {
      await new Promise(() => {});
    })();
    const read = writeBundle(never, { ...ORIGIN, signal: controller.signal })
      .getReader()
      .read();
    controller.abort(reason);
    await expect(read).rejects.toBe(reason);
    const { asked, entries } = counted(1, 1);
    const late = writeBundle(entries, { ...ORIGIN, signal: controller.signal }).getReader();
    await expect(late.read()).rejects.toBe(reason);
    expect(asked.entries).toBe(0);
  });

  it('fails as its entries do', async () => {
    const failure = new Error('The disk is gone.');
    const entries = async function* () {
      yield bundleEntry(1);
      throw failure;
    };
    await expect(new Response(writeBundle(entries(), ORIGIN)).blob()).rejects.toBe(failure);
  });

  it('leaves nothing on its signal, however it ends', async () => {
    const controller = new AbortController();
    const about = { ...ORIGIN, signal: controller.signal };
    const listeners = () => getEventListeners(controller.signal, 'abort').length;
    await new Response(writeBundle(sequence([bundleEntry(1)]), about)).blob();
    expect(listeners()).toBe(0);
    await expect(new Response(writeBundle(sequence([bundleEntry(1, { key: '' })]), about)).blob()).rejects.toThrow();
    expect(listeners()).toBe(0);
    const stream = writeBundle(sequence([bundleEntry(1)]), about);
    expect(listeners()).toBe(1);
    await stream.cancel();
    expect(listeners()).toBe(0);
  });

  it.each([
    ['says another length than it has', { ...bundleEntry(2), bytes: new ArrayBuffer(7) }, /has 7 bytes, not 1000/],
    ['has the key of an earlier one', bundleEntry(1), /the key of an earlier one/],
    ['has no key', bundleEntry(2, { key: 'v1_' }), /"key"/],
    ['has a time that is none', bundleEntry(2, { createdAtMs: Number.NaN }), /"createdAtMs"/],
  ])('is not written with an entry that %s', async (_what, entry, message) => {
    const written = bundleOf([bundleEntry(1), entry]);
    await expect(written).rejects.toThrow(message);
    await expect(written).rejects.toMatchObject({ code: 'BUNDLE_INVALID' });
  });

  it('leaves the entries as they are', async () => {
    const entry = bundleEntry(1);
    const before = structuredClone(entry);
    await bundleOf([entry]);
    expect(entry).toEqual(before);
  });

  it('is a file that any unzipping tool makes playable: names by content, sizes before the audio', async () => {
    const wav = new TextEncoder().encode('RIFF\x04\0\0\0WAVE').buffer;
    const named = async (contentType: string, bytes: ArrayBuffer) => {
      const { metadata } = bundleEntry(0xabc, { contentType });
      const blob = await bundleOf([{ metadata: { ...metadata, byteLength: bytes.byteLength }, bytes }]);
      const file = new Uint8Array(await blob.arrayBuffer());
      const view = new DataView(file.buffer);
      // A local head of ZIP: flags without a data descriptor, stored, and both sizes.
      expect([view.getUint32(0), view.getUint16(6, true) & 8, view.getUint16(8, true)]).toEqual([0x504b0304, 0, 0]);
      expect([view.getUint32(18, true), view.getUint32(22, true)]).toEqual([bytes.byteLength, bytes.byteLength]);
      return new TextDecoder().decode(file.subarray(30, 30 + view.getUint16(26, true)));
    };
    const noise = Uint8Array.of(1, 2, 3).buffer;
    expect(await named('audio/mpeg', noise)).toBe('audio/000001-00000000.mp3');
    expect(await named('audio/mpeg', wav)).toBe('audio/000001-00000000.wav');
    expect(await named('audio/ogg; codecs=opus', noise)).toBe('audio/000001-00000000.ogg');
    expect(await named('audio/pcm;rate=8000', Uint8Array.of(0xff, 0xfb, 0x90, 0x40).buffer)).toMatch(/\.pcm$/);
    expect(await named('audio/x-unheard-of', noise)).toMatch(/\.bin$/);
  });
});
