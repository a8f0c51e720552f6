import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { joinAudio } from '../../core/bundle/join-audio';
import { createWav, WAV_HEADER_BYTES } from '../wav-file';

const encoder = new TextEncoder();

/** A WAV file put together by hand. */
interface Wav {
  readonly tag?: number;
  readonly channels?: number;
  readonly sampleRate?: number;
  readonly bits?: number;
  readonly data: readonly number[];
  /** As the header says it. */
  readonly dataBytes?: number;
  readonly formBytes?: number;
  /** Chunks before the format, between it and the samples, and behind them. */
  readonly before?: readonly number[];
  readonly between?: readonly number[];
  readonly behind?: readonly number[];
  /** Bits used and speakers, in the longer kind of header. */
  readonly extension?: { readonly validBits: number; readonly speakers: number; readonly guid?: readonly number[] };
}

const u16 = (value: number) => [value & 0xff, (value >> 8) & 0xff];
const u32 = (value: number) => [...u16(value & 0xffff), ...u16(value >>> 16)];
const tag = (name: string) => [...encoder.encode(name)];
const chunk = (name: string, body: readonly number[]) => [
  ...tag(name),
  ...u32(body.length),
  ...body,
  ...(body.length % 2 === 0 ? [] : [0]),
];
const GUID = [1, 0, 0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71];

function wav({ tag: format = 1, channels = 1, sampleRate = 24_000, bits = 16, data, extension, ...given }: Wav) {
  const blockBytes = channels * Math.ceil(bits / 8);
  const { validBits = bits, speakers = 0, guid = GUID } = extension ?? {};
  const common = [
    ...u16(channels),
    ...u32(sampleRate),
    ...u32(sampleRate * blockBytes),
    ...u16(blockBytes),
    ...u16(bits),
  ];
  const body = extension
    ? [...u16(0xfffe), ...common, ...u16(22), ...u16(validBits), ...u32(speakers), ...guid]
    : [...u16(format), ...common];
  const dataChunk = chunk('data', data);
  dataChunk.splice(4, 4, ...u32(given.dataBytes ?? data.length));
  const { before = [], between = [], behind = [] } = given;
  const rest = [...tag('WAVE'), ...before, ...chunk('fmt ', body), ...between, ...dataChunk, ...behind];
  return Uint8Array.from([...tag('RIFF'), ...u32(given.formBytes ?? rest.length), ...rest]).buffer;
}

async function* clipsOf(files: readonly ArrayBuffer[], contentType = 'audio/wav') {
  for (const bytes of files) yield { bytes, contentType };
}

const join = async (...files: readonly ArrayBuffer[]) => {
  const blob = await joinAudio(clipsOf(files));
  expect(blob.type).toBe('audio/wav');
  return new Uint8Array(await blob.arrayBuffer());
};

describe('Joining WAV files', () => {
  it('gives one header and the samples of all', async () => {
    const first = createWav({ sampleRate: 16_000, samples: 100, sampleAt: (index) => index });
    const second = createWav({ sampleRate: 16_000, samples: 50, sampleAt: (index) => -index });
    const whole = createWav({
      sampleRate: 16_000,
      samples: 150,
      sampleAt: (index) => (index < 100 ? index : 100 - index),
    });
    expect(await join(first, second)).toEqual(new Uint8Array(whole));
  });

  it('gives one file back as it was', async () => {
    const only = createWav({ sampleRate: 8_000, samples: 10, sampleAt: (index) => index });
    expect(await join(only)).toEqual(new Uint8Array(only));
  });

  it('drops the chunks that speak of one clip, wherever they stand', async () => {
    const note = [...chunk('LIST', tag('INFOodd')), ...chunk('cue ', [1, 2, 3, 4])];
    const noted = wav({ data: [1, 2, 3, 4], before: note, between: note, behind: note });
    expect(await join(noted, wav({ data: [5, 6] }))).toEqual(new Uint8Array(wav({ data: [1, 2, 3, 4, 5, 6] })));
  });

  it('pads only the end, and counts the padding only in the form', async () => {
    const joined = await join(wav({ bits: 8, data: [1, 2, 3] }), wav({ bits: 8, data: [4, 5, 6, 7] }));
    expect(joined).toEqual(new Uint8Array(wav({ bits: 8, data: [1, 2, 3, 4, 5, 6, 7] })));
    expect(joined.byteLength).toBe(WAV_HEADER_BYTES + 8);
    const view = new DataView(joined.buffer);
    expect([view.getUint32(4, true), view.getUint32(40, true)]).toEqual([joined.byteLength - 8, 7]);
  });

  it.each([
    ['0', 0, 0],
    ['all ones', 0xffff_ffff, 0xffff_ffff],
    ['nearly 2 GiB', 0x7fff_f000, 0x7fff_f024],
    ['0 in a form that ends there', 0, 36],
  ])('takes all samples of a streamed file whose sizes are %s', async (_what, dataBytes, formBytes) => {
    const streamed = wav({ data: [1, 2, 3, 4], dataBytes, formBytes });
    expect(await join(streamed, wav({ data: [5, 6] }))).toEqual(new Uint8Array(wav({ data: [1, 2, 3, 4, 5, 6] })));
  });

  it('leaves out what is no whole sample of all channels, or all that follows would be noise', async () => {
    const stereo = { channels: 2, bits: 16 };
    const odd = wav({ ...stereo, data: [1, 1, 2, 2, 3, 3, 4] });
    const even = wav({ ...stereo, data: [5, 5, 6, 6] });
    expect(await join(odd, even)).toEqual(new Uint8Array(wav({ ...stereo, data: [1, 1, 2, 2, 5, 5, 6, 6] })));
  });

  it('takes the longer kind of header for the same where it says the same', async () => {
    const long = wav({ data: [1, 2], extension: { validBits: 16, speakers: 4 } });
    expect(await join(wav({ data: [3, 4] }), long)).toEqual(new Uint8Array(wav({ data: [3, 4, 1, 2] })));
  });

  it('joins floating point', async () => {
    const float = { tag: 3, bits: 32 };
    const joined = await join(wav({ ...float, data: [1, 2, 3, 4] }), wav({ ...float, data: [5, 6, 7, 8] }));
    expect(joined).toEqual(new Uint8Array(wav({ ...float, data: [1, 2, 3, 4, 5, 6, 7, 8] })));
  });

  it('takes a clip without samples, and gives a file without any when all are such', async () => {
    expect(await join(wav({ data: [] }), wav({ data: [1, 2] }))).toEqual(new Uint8Array(wav({ data: [1, 2] })));
    expect(await join(wav({ data: [] }))).toEqual(new Uint8Array(wav({ data: [] })));
  });

  it('leaves the clips as they are', async () => {
    const file = wav({ data: [1, 2, 3, 4] });
    const before = file.slice(0);
    await join(file, file);
    expect(file).toEqual(before);
  });

  it.each([
    ['rates', wav({ sampleRate: 22_050, data: [1, 2] }), /Clip 2 is PCM of 16 bits, 22050 Hz, 1 channel.*24000 Hz/],
    ['channels', wav({ channels: 2, data: [1, 2, 3, 4] }), /Clip 2 is PCM of 16 bits, 24000 Hz, 2 channels/],
    ['bits', wav({ bits: 24, data: [1, 2, 3] }), /Clip 2 is PCM of 24 bits.*before it are PCM of 16 bits/],
    ['kinds of sample', wav({ tag: 3, bits: 32, data: [1, 2, 3, 4] }), /Clip 2 is floating point of 32 bits/],
    ['bits used', wav({ data: [1, 2], extension: { validBits: 12, speakers: 0 } }), /12 bits used/],
    ['speakers', wav({ data: [1, 2], extension: { validBits: 16, speakers: 8 } }), /speakers 8/],
  ])('refuses other %s, naming both', async (_what, other, message) => {
    const joined = join(wav({ data: [1, 2] }), other);
    await expect(joined).rejects.toThrow(message);
    await expect(joined).rejects.toMatchObject({ code: 'INVALID_AUDIO' });
  });

  it.each([
    ['µ-law', wav({ tag: 7, bits: 8, data: [1] }), /format 7/],
    [
      'a format with a name of its own',
      wav({ data: [1, 2], extension: { validBits: 16, speakers: 4, guid: GUID.map(() => 9) } }),
      /format 65534/,
    ],
    ['no samples', wav({ data: [1, 2] }).slice(0, 36), /without samples/],
    ['samples that are cut off', wav({ data: [1, 2, 3, 4], formBytes: 0 }).slice(0, 46), /cut off/],
    ['a chunk that is cut off', wav({ data: [1, 2], before: [...tag('LIST'), ...u32(99)], formBytes: 0 }), /cut off/],
    ['a rate of no bytes', wav({ channels: 0, data: [1, 2] }), /nonsense/],
  ])('refuses %s', async (_what, file, message) => {
    await expect(join(file)).rejects.toThrow(message);
    await expect(join(file)).rejects.toMatchObject({ code: 'INVALID_AUDIO' });
  });

  it('gives any samples of any files in their order', async () => {
    const files = fc.array(fc.array(fc.nat(255), { maxLength: 9 }), { minLength: 1, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(files, async (contents) => {
        const joined = await join(...contents.map((data) => wav({ bits: 8, data })));
        expect(joined).toEqual(new Uint8Array(wav({ bits: 8, data: contents.flat() })));
      }),
      { numRuns: 100, seed: 20261126 },
    );
  });
});
