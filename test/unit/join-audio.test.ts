import { describe, expect, it } from 'vitest';
import { type JoinableClip, joinAudio } from '../../core/bundle/join-audio';
import { createWav } from '../wav-file';

const wav = () => createWav({ sampleRate: 24_000, samples: 4, sampleAt: (index) => index });
const bytesOf = (...bytes: readonly number[]) => Uint8Array.from(bytes).buffer;
const textBytes = (text: string) => new TextEncoder().encode(text);

async function* sequence(clips: readonly JoinableClip[]) {
  yield* clips;
}

describe('Joining clips', () => {
  it.each([
    ['audio/ogg', bytesOf(...textBytes('OggS'), 0, 2), /Clip 1 \(audio\/ogg\) numbers its pages.*Only WAV and MP3/],
    ['audio/ogg; codecs=opus', bytesOf(...textBytes('OggS'), 0, 2), /numbers its pages/],
    ['audio/opus', bytesOf(1, 2, 3), /numbers its pages/],
    ['audio/webm', bytesOf(0x1a, 0x45, 0xdf, 0xa3), /keeps times and tables/],
    ['audio/mp4', bytesOf(0, 0, 0, 24, ...textBytes('ftypM4A ')), /keeps tables/],
    ['audio/flac', bytesOf(...textBytes('fLaC'), 0), /numbers its frames/],
    ['audio/aac', bytesOf(0xff, 0xf1, 0x50, 0x80), /silence of its own/],
    ['audio/pcm; rate=24000', bytesOf(0xff, 0xfb, 0x90, 0x40), /does not say its rate/],
    ['audio/basic', bytesOf(0xff, 0xff, 0xff, 0xff), /does not say its rate/],
    ['audio/midi', bytesOf(1, 2, 3), /no format that is known/],
  ])('is refused for %s, with the reason', async (contentType, bytes, message) => {
    const joined = joinAudio(sequence([{ bytes, contentType }]));
    await expect(joined).rejects.toThrow(message);
    await expect(joined).rejects.toMatchObject({ code: 'INVALID_AUDIO' });
  });

  it('goes by what the bytes are, not by what they were called', async () => {
    const joined = await joinAudio(sequence([{ bytes: wav(), contentType: 'audio/mpeg' }]));
    expect(joined.type).toBe('audio/wav');
  });

  it('is refused for a mix of formats, naming both', async () => {
    const mp3 = { bytes: bytesOf(0xff, 0xf3, 0x84, 0xc0), contentType: 'audio/mpeg' };
    const joined = joinAudio(sequence([{ bytes: wav(), contentType: 'audio/wav' }, mp3]));
    await expect(joined).rejects.toThrow(/Clip 2 is MP3, and those before it are WAV/);
  });

  it('is refused for no clips', async () => {
    await expect(joinAudio(sequence([]))).rejects.toMatchObject({ code: 'INVALID_AUDIO' });
  });

  it('fails as its clips do', async () => {
    const failure = new Error('The disk is gone.');
    const clips = async function* () {
      yield { bytes: wav(), contentType: 'audio/wav' };
      throw failure;
    };
    await expect(joinAudio(clips())).rejects.toBe(failure);
  });
});
