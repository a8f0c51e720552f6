/**
 * Joins clips to one file that plays as one: a chapter of its sentences.
 *
 * Nothing is decoded or encoded again. That works for WAV, whose samples follow each other, and for MP3, whose frames
 * do; the other formats number what they hold or keep tables of it, and playing two of them pasted together ends, or
 * fails, after the first.
 */
import { extensionOf } from './audio-format';
import { Mp3Joiner } from './join-mp3';
import { WavJoiner } from './join-wav';
import { cannotJoin, type Joiner } from './joiner';

/** What is joined. */
export interface JoinableClip {
  readonly bytes: ArrayBuffer;
  readonly contentType: string;
}

const JOINERS: ReadonlyMap<string, () => Joiner> = new Map<string, () => Joiner>([
  ['wav', () => new WavJoiner()],
  ['mp3', () => new Mp3Joiner()],
]);

/** Why clips of other formats are not joined, to be read after the format's name. */
const REASONS: Readonly<Record<string, string>> = {
  ogg: 'numbers its pages from the first to the last, so files pasted together are no file',
  opus: 'numbers its pages from the first to the last, so files pasted together are no file',
  webm: 'keeps times and tables for the whole file, so files pasted together are no file',
  m4a: 'keeps tables for the whole file, so files pasted together are no file',
  flac: 'numbers its frames and says their number at its beginning, so files pasted together are no file',
  aac: 'begins each clip with silence of its own that only a decoder can take out',
  pcm: 'does not say its rate and channels, so no file would be playable',
  ulaw: 'does not say its rate and channels, so no file would be playable',
  alaw: 'does not say its rate and channels, so no file would be playable',
};

/**
 * Returns the clips as one playable file, `audio/wav` or `audio/mpeg`, in their order. Of WAV the samples are kept, of
 * MP3 the frames of audio; tags and other chunks are not. Pulls one clip at a time.
 * @throws AudioCacheError `INVALID_AUDIO` when there are none, they are of a format that cannot be joined, or do not fit
 * together; says which
 */
export async function joinAudio(clips: AsyncIterable<JoinableClip>): Promise<Blob> {
  let joined: { readonly joiner: Joiner; readonly format: string } | undefined;
  let count = 0;
  for await (const { bytes, contentType } of clips) {
    const audio = new Uint8Array(bytes);
    const name = `Clip ${++count}`;
    const format = extensionOf(contentType, audio);
    joined ??= { joiner: joinerOf(format, name, contentType), format };
    if (format !== joined.format) {
      throw cannotJoin(`${name} is ${format.toUpperCase()}, and those before it are ${joined.format.toUpperCase()}`);
    }
    joined.joiner.add(audio, name);
  }
  if (joined === undefined) throw cannotJoin('There are no clips');
  return joined.joiner.finish();
}

function joinerOf(format: string, name: string, contentType: string): Joiner {
  const create = JOINERS.get(format);
  if (create !== undefined) return create();
  const reason = Object.hasOwn(REASONS, format) ? REASONS[format] : 'is of no format that is known here';
  throw cannotJoin(`${name} (${contentType}) ${reason}. Only WAV and MP3 can be joined`);
}
