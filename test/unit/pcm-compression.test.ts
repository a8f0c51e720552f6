import * as fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { seededRandom } from '../../bench/seeded-random';
import { compressPcm, decompressPcm } from '../../core/storage/pcm-compression';
import { hashing, openFixture, soundEntry } from '../log-store-fixture';
import { expectEntry, keyOf } from '../stored-entries';

/** A WAV file of a decaying tone, which is what speech looks like to a compressor. */
function toneWav(samples: number, { channels = 1, bits = 16, format = 1 } = {}): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(44 + samples * 2);
  const view = new DataView(bytes.buffer);
  bytes.set(new TextEncoder().encode('RIFF'));
  bytes.set(new TextEncoder().encode('WAVEfmt '), 8);
  view.setUint16(20, format, true);
  view.setUint16(22, channels, true);
  view.setUint16(34, bits, true);
  const random = seededRandom(1);
  for (let index = 0; index < samples; index++) {
    view.setInt16(44 + 2 * index, 9_000 * Math.sin(index / 9) * Math.exp(-index / 20_000) + 20 * random(), true);
  }
  return bytes;
}

describe('Compressing PCM', () => {
  afterEach(() => vi.unstubAllGlobals());

  it.each([1, 2, 6])('saves a third of a tone of %i channels, and gives it back exactly', async (channels) => {
    const audio = toneWav(40_000, { channels });
    const stored = await compressPcm('audio/wav', audio);
    expect(stored?.byteLength).toBeLessThan(audio.byteLength * 0.67);
    const again = await decompressPcm(stored ?? new Uint8Array(), audio.byteLength);
    expect(new Uint8Array(again ?? new ArrayBuffer(0))).toEqual(audio);
  });

  it('gives back whatever it took, of any length and content', async () => {
    const piece = fc.uint8Array({ minLength: 1, maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(piece, fc.integer({ min: 100, max: 400 }), fc.nat(3), async (bytes, times, odd) => {
        const audio = new Uint8Array(bytes.byteLength * times + odd);
        for (let index = 0; index < audio.byteLength; index++) audio[index] = bytes[index % bytes.byteLength] ?? 0;
        const stored = await compressPcm('audio/pcm', audio);
        if (stored === undefined) return;
        const again = await decompressPcm(stored, audio.byteLength);
        expect(new Uint8Array(again ?? new ArrayBuffer(0))).toEqual(audio);
      }),
      { numRuns: 60, seed: 20260901 },
    );
  });

  it('leaves alone what it would not make a tenth smaller', async () => {
    const random = seededRandom(2);
    const noise = toneWav(20_000);
    for (let index = 44; index < noise.byteLength; index++) noise[index] = random() * 256;
    expect(await compressPcm('audio/wav', noise)).toBeUndefined();
  });

  it.each([
    ['MP3', 'audio/mpeg', toneWav(20_000)],
    ['a WAV file of 24 bits', 'audio/wav', toneWav(20_000, { bits: 24 })],
    ['a WAV file that holds something compressed', 'audio/wav', toneWav(20_000, { format: 85 })],
    ['a WAV file without channels', 'audio/wav', toneWav(20_000, { channels: 0 })],
    ['a moment of sound', 'audio/wav', toneWav(300)],
  ])('leaves %s alone', async (_what, contentType, audio) => {
    expect(await compressPcm(contentType, audio)).toBeUndefined();
  });

  it('leaves everything alone where the platform cannot compress', async () => {
    vi.stubGlobal('CompressionStream', undefined);
    expect(await compressPcm('audio/wav', toneWav(20_000))).toBeUndefined();
  });

  it('gives nothing for bytes that are not what it gave', async () => {
    const audio = toneWav(20_000);
    const stored = (await compressPcm('audio/wav', audio)) ?? new Uint8Array();
    expect(await decompressPcm(stored, audio.byteLength + 1)).toBeUndefined();
    expect(await decompressPcm(stored.subarray(0, stored.byteLength - 9), audio.byteLength)).toBeUndefined();
    expect(await decompressPcm(new Uint8Array(3), 3)).toBeUndefined();
  });
});

describe('A log store given WAV', () => {
  const wavEntry = (id: number) => {
    const bytes = toneWav(30_000).buffer;
    const { metadata } = soundEntry(id, { contentType: 'audio/wav', byteLength: bytes.byteLength });
    return { metadata: { ...metadata, checksum: hashing.checksum(bytes) }, bytes };
  };

  it('takes less room on the disk, says how much, and gives it back as it was', async () => {
    const fixture = await openFixture();
    const entry = wavEntry(1);
    await fixture.store.write(entry, 1_000, 'durable');
    const { bytesSavedByCompression, bytesOnDisk } = fixture.store.report();
    expect(bytesSavedByCompression).toBeGreaterThan(20_000);
    expect(bytesOnDisk).toBeLessThan(entry.bytes.byteLength * 0.7);
    expect(fixture.store.usage()).toEqual({ entries: 1, bytes: entry.bytes.byteLength });
    expectEntry(await fixture.store.read(keyOf(1)), entry);
    await fixture.killAndReopen();
    expectEntry(await fixture.store.read(keyOf(1)), entry);
    expect(fixture.store.report().bytesSavedByCompression).toBe(bytesSavedByCompression);
    await fixture.store.remove(keyOf(1));
    expect(fixture.store.report().bytesSavedByCompression).toBe(0);
    await fixture.close();
  });

  it('serves no compressed audio of which one bit is wrong', async () => {
    const fixture = await openFixture();
    await fixture.store.write(wavEntry(1), 1_000, 'durable');
    const [name = ''] = fixture.directory.names.filter((each) => fixture.directory.bytesOf(each).byteLength > 5_500);
    fixture.directory.flipBit(name, 5_000, 5);
    await fixture.killAndReopen();
    expect(await fixture.store.read(keyOf(1))).toBeUndefined();
    expect(fixture.store.report().damagedRecords).toBe(1);
    expect(fixture.store.has(keyOf(1))).toBe(false);
    await fixture.close();
  });
});
