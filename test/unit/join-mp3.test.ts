import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { joinAudio } from '../../core/bundle/join-audio';
import { isInfoFrame, parseFrame } from '../../core/bundle/mp3-frame';

/** Frames of MPEG 2 Layer III, as speech services send them: 24 kHz, mono, 64 kbit/s. */
const SPEECH = { second: 0xf3, third: 0x84, fourth: 0xc0 };
const FRAME_BYTES = 192;
/** 44.1 kHz, joint stereo, 128 kbit/s, MPEG 1. */
const MUSIC = { second: 0xfb, third: 0x90, fourth: 0x40 };

type Head = typeof SPEECH;

/** A frame that can be told from others. */
function frame(id: number, { second, third, fourth }: Head = SPEECH): number[] {
  const head = [0xff, second, third, fourth];
  const byteLength = parseFrame(Uint8Array.from(head), 0)?.byteLength ?? 0;
  return [...head, ...Array.from({ length: byteLength - 4 }, (_, index) => (id * 7 + index) % 251)];
}

/** A frame that says something about its file. */
function infoFrame(tag: string, at: number, head: Head = SPEECH): number[] {
  const bytes = frame(0, head).map((byte, index) => (index < 4 ? byte : 0));
  bytes.splice(at, 4, ...text(tag));
  return bytes;
}

const text = (letters: string) => [...new TextEncoder().encode(letters)];
const fileOf = (...parts: readonly (readonly number[])[]) => Uint8Array.from(parts.flat()).buffer;
/** 300 bytes of body, 44 more than fit into a byte of the size. */
const id3v2 = (flags = 0) => [
  ...text('ID3'),
  4,
  0,
  flags,
  0,
  0,
  2,
  44,
  ...new Array(12).fill(frameLike).flat(),
  ...new Array(12).fill(0xff),
];
/** What stands in a tag may look like frames: these have 24 bytes, and one follows the other. */
const frameLike = [0xff, 0xf3, 0x14, 0xc0, ...new Array(20).fill(1)];
const id3v1 = [...text('TAG'), ...new Array(5).fill(frameLike).flat(), 0, 0, 0, 0, 0];
const ape = (hasHeader: boolean) => {
  const descriptor = (flags: number) => [...text('APETAGEX'), 0, 7, 0, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, flags];
  const padding = new Array(8).fill(0);
  const items = [...frameLike, ...frameLike];
  return [
    ...(hasHeader ? [...descriptor(0xa0), ...padding] : []),
    ...items,
    ...descriptor(hasHeader ? 0x80 : 0),
    ...padding,
  ];
};

async function* clipsOf(files: readonly ArrayBuffer[]) {
  for (const bytes of files) yield { bytes, contentType: 'audio/mpeg' };
}

/** Joins, and takes off the frame that the joiner writes itself. */
async function join(...files: readonly ArrayBuffer[]) {
  const blob = await joinAudio(clipsOf(files));
  expect(blob.type).toBe('audio/mpeg');
  const whole = new Uint8Array(await blob.arrayBuffer());
  const info = whole.subarray(0, parseFrame(whole, 0)?.byteLength);
  expect(isInfoFrame(info)).toBe(true);
  return { whole, info, sound: whole.subarray(info.byteLength) };
}

const soundOf = (...ids: readonly number[]) => Uint8Array.from(ids.flatMap((id) => frame(id)));

describe('Joining MP3 files', () => {
  it('gives the frames of all in their order', async () => {
    expect(frame(1).length).toBe(FRAME_BYTES);
    const { sound } = await join(fileOf(frame(1), frame(2)), fileOf(frame(3)), fileOf(frame(4)));
    expect(sound).toEqual(soundOf(1, 2, 3, 4));
  });

  it('says in front how many frames and bytes there are', async () => {
    const { info, whole } = await join(fileOf(frame(1), frame(2)), fileOf(frame(3)));
    const view = new DataView(info.buffer, info.byteOffset);
    // MPEG 2, mono: nine bytes of side information.
    expect(new TextDecoder().decode(info.subarray(13, 17))).toBe('Info');
    expect([view.getUint32(17), view.getUint32(21), view.getUint32(25)]).toEqual([3, 3, whole.byteLength]);
    expect(parseFrame(info, 0)).toMatchObject({ sampleRate: 24_000, isMono: true });
  });

  it.each([
    ['ID3v2 in front', fileOf(id3v2(), frame(1), frame(2))],
    ['ID3v2 with a footer', fileOf(id3v2(0x10), new Array(10).fill(0xff), frame(1), frame(2))],
    ['two of ID3v2', fileOf(id3v2(), id3v2(), frame(1), frame(2))],
    ['ID3v1 behind', fileOf(frame(1), frame(2), id3v1)],
    ['APE behind', fileOf(frame(1), frame(2), ape(false))],
    ['APE with a header, and ID3v1', fileOf(frame(1), frame(2), ape(true), id3v1)],
    ['something unknown behind', fileOf(frame(1), frame(2), text('LYRICSBEGIN'), new Array(90).fill(0xff))],
    ['zeros in front', fileOf(new Array(77).fill(0), frame(1), frame(2))],
    ['something in the middle', fileOf(frame(1), new Array(33).fill(0xff), frame(2))],
    ['something like a head in the middle', fileOf(frame(1), [0, 0xff, 0xf3, 0x84, 0xc0, 7], frame(2))],
    ['the frame of Xing', fileOf(infoFrame('Xing', 13), frame(1), frame(2))],
    ['the frame of LAME', fileOf(id3v2(), infoFrame('Info', 13), frame(1), frame(2))],
    ['the frame of Fraunhofer', fileOf(infoFrame('VBRI', 36), frame(1), frame(2))],
    [
      'the frame of Xing with a checksum',
      fileOf(infoFrame('Xing', 15, { ...SPEECH, second: 0xf2 }), frame(1), frame(2)),
    ],
    ['a last frame that is cut off', fileOf(frame(1), frame(2), frame(9).slice(0, 150))],
  ])('drops what is no sound: %s', async (_what, file) => {
    const { sound } = await join(file, fileOf(frame(3)), file);
    expect(sound).toEqual(soundOf(1, 2, 3, 1, 2));
  });

  it('finds the frame about a file in MPEG 1, too, where it stands elsewhere', async () => {
    const stereo = await join(fileOf(infoFrame('Info', 36, MUSIC), frame(1, MUSIC)));
    expect(stereo.sound).toEqual(Uint8Array.from(frame(1, MUSIC)));
    const mono = { ...MUSIC, fourth: 0xc0 };
    expect((await join(fileOf(infoFrame('Xing', 21, mono), frame(2, mono)))).sound).toEqual(
      Uint8Array.from(frame(2, mono)),
    );
  });

  it('takes different bit rates and kinds of stereo, and says that the rate is not constant', async () => {
    const faster = { ...SPEECH, third: 0xc4 };
    const { sound, info } = await join(fileOf(frame(1)), fileOf(frame(2, faster)));
    expect(sound).toEqual(Uint8Array.from([...frame(1), ...frame(2, faster)]));
    expect(new TextDecoder().decode(info.subarray(13, 17))).toBe('Xing');
    const plainStereo = { ...MUSIC, fourth: 0x00 };
    expect((await join(fileOf(frame(1, MUSIC)), fileOf(frame(2, plainStereo)))).sound.byteLength).toBeGreaterThan(800);
  });

  it.each([
    ['rates', { ...SPEECH, third: 0x80 }, /Clip 2 is MP3 of 22050 Hz, mono, and those before it are MP3 of 24000 Hz/],
    ['channels', { ...SPEECH, fourth: 0x40 }, /Clip 2 is MP3 of 24000 Hz, stereo.*before it are MP3 of 24000 Hz, mono/],
  ])('refuses other %s, naming both', async (_what, head, message) => {
    const joined = join(fileOf(frame(1)), fileOf(frame(2, head)));
    await expect(joined).rejects.toThrow(message);
    await expect(joined).rejects.toMatchObject({ code: 'INVALID_AUDIO' });
  });

  it('refuses a clip that changes its rate, rather than lose the rest of it', async () => {
    const file = fileOf(frame(1), frame(2, { ...SPEECH, third: 0x80 }));
    await expect(join(file)).rejects.toThrow(/Clip 1 is first MP3 of 24000 Hz, mono, then MP3 of 22050 Hz/);
  });

  it.each([
    ['tags without sound', fileOf(id3v2(), id3v1)],
    ['a frame about nothing', fileOf(infoFrame('Info', 13))],
    ['Layer II', fileOf([0xff, 0xfd, 0x84, 0xc0], new Array(500).fill(0))],
    ['a bit rate of its own', fileOf([0xff, 0xf3, 0x04, 0xc0], new Array(500).fill(0))],
    ['a tag longer than the file', fileOf(text('ID3'), [4, 0, 0, 127, 127, 127, 127], frame(1))],
    ['an APE tag longer than the file', fileOf(new Array(9).fill(1), ape(true).slice(-32).fill(0xff, 12, 16))],
  ])('refuses %s', async (_what, file) => {
    await expect(join(file)).rejects.toThrow(/Clip 1 has no frames of MP3/);
    await expect(join(file)).rejects.toMatchObject({ code: 'INVALID_AUDIO' });
  });

  it('leaves the clips as they are', async () => {
    const file = fileOf(id3v2(), frame(1));
    const before = file.slice(0);
    await join(file, file);
    expect(file).toEqual(before);
  });

  it('ends with any bytes, and never keeps what is no frame', async () => {
    const noise = fc.uint8Array({ maxLength: 40 }).map((bytes) => Array.from(bytes, (byte) => byte % 0xff));
    const parts = fc.array(
      fc.oneof(
        noise,
        fc.integer({ min: 1, max: 9 }).map((id) => frame(id)),
      ),
      { maxLength: 8 },
    );
    await fc.assert(
      fc.asyncProperty(parts, async (contents) => {
        const frames = contents.filter((part) => part.length === FRAME_BYTES);
        const { sound } = await join(fileOf(frame(1), frame(2)), fileOf(frame(1), ...contents, frame(2), frame(3)));
        // Between two pieces of noise one frame alone is not believed.
        expect((sound.byteLength % FRAME_BYTES) + (sound.byteLength > (frames.length + 5) * FRAME_BYTES ? 1 : 0)).toBe(
          0,
        );
        expect(sound.subarray(-FRAME_BYTES)).toEqual(soundOf(3));
      }),
      { numRuns: 200, seed: 20261126 },
    );
  });
});
