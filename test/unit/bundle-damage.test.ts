/** Bundles with a wrong bit, without their end, or with something else in their place: refused, or read as they were. */
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { pick, seededRandom } from '../../bench/seeded-random';
import type { BundleEntry } from '../../core/bundle/bundle';
import { AudioCacheError } from '../../core/protocol/audio-cache-error';
import { bundleEntry, bundleOf, entriesIn, open } from '../bundle-fixture';
import { expectEntry } from '../stored-entries';

// A few seconds at most, but the machine may be busy.
vi.setConfig({ testTimeout: 60_000 });

/** Where one kind of thing is in the file. */
interface Region {
  readonly what: 'local heads' | 'audio' | 'manifest' | 'directory' | 'end';
  readonly from: number;
  readonly to: number;
}

const entries = [1, 2, 3, 4, 5].map((id) =>
  bundleEntry(id, { byteLength: 40 + id * 61, collections: ['book-42'], spec: { text: `Timer ${id} set.` } }),
);
let file: Uint8Array<ArrayBuffer>;
let regions: readonly Region[];

beforeAll(async () => {
  file = new Uint8Array(await (await bundleOf(entries)).arrayBuffer());
  regions = regionsOf(file);
});

/** Reads a ZIP as APPNOTE.TXT describes it, apart from the library that wrote it. */
function regionsOf(bytes: Uint8Array<ArrayBuffer>): readonly Region[] {
  const view = new DataView(bytes.buffer);
  const found: Region[] = [];
  let at = 0;
  while (view.getUint32(at) === 0x504b0304) {
    const nameBytes = view.getUint16(at + 26, true);
    const bodyAt = at + 30 + nameBytes + view.getUint16(at + 28, true);
    const bodyTo = bodyAt + view.getUint32(at + 18, true);
    const name = new TextDecoder().decode(bytes.subarray(at + 30, at + 30 + nameBytes));
    found.push({ what: 'local heads', from: at, to: bodyAt });
    found.push({ what: name === 'manifest.json' ? 'manifest' : 'audio', from: bodyAt, to: bodyTo });
    at = bodyTo;
  }
  const endAt = bytes.byteLength - 22;
  expect(view.getUint32(endAt)).toBe(0x504b0506);
  expect(view.getUint32(endAt + 16, true)).toBe(at);
  found.push({ what: 'directory', from: at, to: endAt }, { what: 'end', from: endAt, to: bytes.byteLength });
  return found;
}

/** True when it was refused as a bundle; false when every entry is as it was. Fails on anything else. */
async function isRefused(bytes: Uint8Array<ArrayBuffer>, hint: string): Promise<boolean> {
  let read: readonly BundleEntry[];
  try {
    read = await entriesIn(await open(new Blob([bytes])));
  } catch (error) {
    expect(error, hint).toBeInstanceOf(AudioCacheError);
    expect((error as AudioCacheError).code, hint).toBe('BUNDLE_INVALID');
    return true;
  }
  expect(read.length, hint).toBe(entries.length);
  for (const [index, entry] of entries.entries()) expectEntry(read[index], entry);
  return false;
}

describe('A damaged bundle', () => {
  it('is refused or read as it was, with one wrong bit in 500 places (seed 20261126)', async () => {
    const random = seededRandom(20261126);
    const refusals = new Map<Region['what'], number>();
    const kinds = [...new Set(regions.map(({ what }) => what))];
    for (let time = 0; time < 500; time++) {
      const what = kinds[time % kinds.length];
      const { from, to } = pick(
        regions.filter((region) => region.what === what),
        random,
      );
      const offset = from + Math.floor(random() * (to - from));
      const bit = Math.floor(random() * 8);
      const damaged = file.slice();
      damaged[offset] = (damaged[offset] ?? 0) ^ (1 << bit);
      if ((await isRefused(damaged, `bit ${bit} of byte ${offset}`)) && what)
        refusals.set(what, (refusals.get(what) ?? 0) + 1);
    }
    // Of audio and manifest every bit counts; the rest of a ZIP says many things twice.
    expect(refusals.get('audio')).toBe(100);
    expect(refusals.get('manifest')).toBe(100);
    expect(refusals.get('directory')).toBeGreaterThan(50);
  });

  it('is refused or read as it was, with each byte of all that is no audio overwritten', async () => {
    for (const { what, from, to } of regions) {
      if (what === 'audio' || what === 'manifest') continue;
      for (let offset = from; offset < to; offset++) {
        const damaged = file.slice();
        damaged[offset] = 0xff - (damaged[offset] ?? 0);
        await isRefused(damaged, `byte ${offset} in the ${what}`);
      }
    }
  });

  it('is refused when its end is missing, wherever it was cut, and says so', async () => {
    const random = seededRandom(20261127);
    const lengths = [1, 3, 4, 21, 22, ...Array.from({ length: 100 }, () => Math.floor(random() * file.byteLength))];
    for (const length of lengths)
      expect(await isRefused(file.slice(0, length), `the first ${length} bytes`)).toBe(true);
    await expect(open(new Blob([file.slice(0, -30)]))).rejects.toThrow(/truncated/);
    await expect(open(new Blob([file.slice(0, -1)]))).rejects.toThrow(/truncated/);
  });

  it('is refused when its beginning or a piece of its middle is missing', async () => {
    const random = seededRandom(20261128);
    for (let time = 0; time < 100; time++) {
      const from = time < 20 ? 0 : Math.floor(random() * file.byteLength);
      const gap = 1 + Math.floor(random() * 300);
      const rest = new Uint8Array([...file.subarray(0, from), ...file.subarray(from + gap)]);
      await isRefused(rest, `without ${gap} bytes at ${from}`);
    }
  });

  it('is refused when the audio of two entries was exchanged', async () => {
    const [first, second] = regions.filter(({ what }) => what === 'audio');
    const mixed = new Uint8Array(await (await bundleOf([bundleEntry(1), bundleEntry(2)])).arrayBuffer());
    const [a, b] = regionsOf(mixed).filter(({ what }) => what === 'audio');
    if (!first || !second || !a || !b) throw new TypeError('There are two.');
    const swapped = mixed.slice();
    swapped.set(mixed.subarray(b.from, b.to), a.from);
    swapped.set(mixed.subarray(a.from, a.to), b.from);
    await expect(open(new Blob([swapped]))).rejects.toMatchObject({ code: 'BUNDLE_INVALID' });
  });

  it('is refused as compressed when its files are, so that nothing small becomes large', async () => {
    const damaged = file.slice();
    const view = new DataView(damaged.buffer);
    const directory = regions.find(({ what }) => what === 'directory');
    view.setUint16((directory?.from ?? 0) + 10, 8, true);
    await expect(open(new Blob([damaged]))).rejects.toThrow(/compressed/);
  });
});
