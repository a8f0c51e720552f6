/**
 * Joins WAV files: one header, then the samples of all.
 *
 * A WAV file is a RIFF form: after "RIFF", a size and "WAVE" come chunks, each with a name, its size and, if that is odd, a
 * byte of padding. `fmt ` says how to read the samples in `data`; other chunks (titles, cue points) are dropped, as
 * they speak of one clip. (Multimedia Programming Interface and Data Specifications 1.0, IBM and Microsoft 1991;
 * WAVEFORMATEXTENSIBLE, Microsoft.)
 */
import { cannotJoin, hasTag, type Joiner } from './joiner';

const FORM_HEADER_BYTES = 12;
const CHUNK_HEADER_BYTES = 8;
const MIN_FORMAT_BYTES = 16;
const EXTENSIBLE = 0xfffe;
const EXTENSIBLE_FORMAT_BYTES = 40;
/** What follows the tag in the GUID of a format that has one. */
const GUID_TAIL = '000000001000800000aa00389b71';
/** Sizes from here on, and 0, are what is written by those who stream and do not know the length yet. */
const UNKNOWN_SIZE = 0x7fff_0000;
const TAG_NAMES: ReadonlyMap<number, string> = new Map([
  [1, 'PCM'],
  [3, 'floating point'],
]);

interface WavFile {
  /** The body of its `fmt ` chunk. */
  readonly formatChunk: Uint8Array<ArrayBuffer>;
  /** The same for formats whose samples can follow each other. */
  readonly format: string;
  /** Whole ones of all channels only. */
  readonly samples: Uint8Array<ArrayBuffer>;
}

/** Joins WAV files of PCM or floating point with the same rate, channels and bits. */
export class WavJoiner implements Joiner {
  /** Blobs, not arrays, so that the browser may keep what waits out of the page's memory. */
  readonly #samples: Blob[] = [];
  #sampleBytes = 0;
  #first: Pick<WavFile, 'formatChunk' | 'format'> | undefined;

  add(audio: Uint8Array<ArrayBuffer>, name: string): void {
    const { formatChunk, format, samples } = parseWav(audio, name);
    this.#first ??= { formatChunk: formatChunk.slice(), format };
    if (format !== this.#first.format) {
      throw cannotJoin(`${name} is ${format}, and those before it are ${this.#first.format}`);
    }
    this.#sampleBytes += samples.byteLength;
    if (this.#formBytes > 0xffff_ffff) throw cannotJoin(`With ${name} the file would exceed the 4 GiB that WAV allows`);
    this.#samples.push(new Blob([samples]));
  }

  finish(): Blob {
    const formatChunk = this.#formatChunk;
    const dataAt = FORM_HEADER_BYTES + CHUNK_HEADER_BYTES + padded(formatChunk.byteLength);
    const header = new Uint8Array(dataAt + CHUNK_HEADER_BYTES);
    const view = new DataView(header.buffer);
    writeTag(header, 0, 'RIFF');
    view.setUint32(4, this.#formBytes, true);
    writeTag(header, 8, 'WAVEfmt ');
    view.setUint32(16, formatChunk.byteLength, true);
    header.set(formatChunk, FORM_HEADER_BYTES + CHUNK_HEADER_BYTES);
    writeTag(header, dataAt, 'data');
    view.setUint32(dataAt + 4, this.#sampleBytes, true);
    const padding = new Uint8Array(padded(this.#sampleBytes) - this.#sampleBytes);
    return new Blob([header, ...this.#samples, padding], { type: 'audio/wav' });
  }

  get #formatChunk(): Uint8Array<ArrayBuffer> {
    return this.#first?.formatChunk ?? new Uint8Array();
  }

  /** The size in the form's header: of all that follows it. */
  get #formBytes(): number {
    const chunks = padded(this.#formatChunk.byteLength) + padded(this.#sampleBytes);
    return FORM_HEADER_BYTES - CHUNK_HEADER_BYTES + 2 * CHUNK_HEADER_BYTES + chunks;
  }
}

function parseWav(audio: Uint8Array<ArrayBuffer>, name: string): WavFile {
  const view = new DataView(audio.buffer, audio.byteOffset, audio.byteLength);
  if (audio.byteLength < FORM_HEADER_BYTES || !hasTag(audio, 0, 'RIFF') || !hasTag(audio, 8, 'WAVE')) {
    throw cannotJoin(`${name} is no WAV file`);
  }
  let formatChunk: Uint8Array<ArrayBuffer> | undefined;
  for (let at = FORM_HEADER_BYTES; at + CHUNK_HEADER_BYTES <= audio.byteLength; ) {
    const chunkBytes = view.getUint32(at + 4, true);
    const bodyAt = at + CHUNK_HEADER_BYTES;
    if (hasTag(audio, at, 'data') && formatChunk !== undefined) {
      const { format, blockBytes } = describeFormat(formatChunk, name);
      const data = audio.subarray(bodyAt, bodyAt + dataBytes(view, bodyAt, chunkBytes, name));
      // Part of a block would shift the channels and bytes of all clips behind it.
      return { formatChunk, format, samples: data.subarray(0, data.byteLength - (data.byteLength % blockBytes)) };
    }
    if (bodyAt + chunkBytes > audio.byteLength) throw cannotJoin(`${name} is cut off`);
    if (hasTag(audio, at, 'fmt ')) formatChunk = audio.subarray(bodyAt, bodyAt + chunkBytes);
    at = bodyAt + padded(chunkBytes);
  }
  throw cannotJoin(`${name} is a WAV file without samples`);
}

/** How many bytes of samples there are, which the header of a streamed file does not say. */
function dataBytes(view: DataView, bodyAt: number, chunkBytes: number, name: string): number {
  const rest = view.byteLength - bodyAt;
  if (chunkBytes >= UNKNOWN_SIZE) return Math.min(chunkBytes, rest);
  const formBytes = view.getUint32(4, true);
  // Nothing is in this chunk, and yet the file goes on behind what the form says to be its end.
  if (chunkBytes === 0 && (formBytes >= UNKNOWN_SIZE || formBytes + CHUNK_HEADER_BYTES <= bodyAt)) return rest;
  if (chunkBytes > rest) throw cannotJoin(`${name} is cut off`);
  return chunkBytes;
}

function describeFormat(chunk: Uint8Array<ArrayBuffer>, name: string): { format: string; blockBytes: number } {
  if (chunk.byteLength < MIN_FORMAT_BYTES) throw cannotJoin(`${name} does not say how its samples are to be read`);
  const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  const isExtensible = view.getUint16(0, true) === EXTENSIBLE && chunk.byteLength >= EXTENSIBLE_FORMAT_BYTES;
  const tag = isExtensible ? extensibleTag(chunk) : view.getUint16(0, true);
  const channels = view.getUint16(2, true);
  const sampleRate = view.getUint32(4, true);
  const blockBytes = view.getUint16(12, true);
  const bits = view.getUint16(14, true);
  const tagName = TAG_NAMES.get(tag);
  if (tagName === undefined) {
    throw cannotJoin(`${name} is a WAV file of the format ${tag}, and only PCM and floating point can be joined`);
  }
  if (channels === 0 || bits === 0 || blockBytes !== channels * Math.ceil(bits / 8)) {
    throw cannotJoin(`${name} says nonsense about how its samples are to be read`);
  }
  const validBits = isExtensible ? view.getUint16(18, true) || bits : bits;
  const speakers = isExtensible ? view.getUint32(20, true) : 0;
  const plainSpeakers = channels === 1 ? 4 : channels === 2 ? 3 : 0;
  const format =
    `${tagName} of ${bits} bits, ${sampleRate} Hz, ${channels === 1 ? '1 channel' : `${channels} channels`}` +
    (validBits === bits ? '' : `, ${validBits} bits used`) +
    // Who does not name the speakers means the usual ones.
    (speakers === 0 || speakers === plainSpeakers ? '' : `, speakers ${speakers.toString(16)}`);
  return { format, blockBytes };
}

/** The tag inside an extensible format; 65,534 when it is a GUID of another kind. */
function extensibleTag(chunk: Uint8Array): number {
  const guid = Array.from(chunk.subarray(24, EXTENSIBLE_FORMAT_BYTES), (byte) => byte.toString(16).padStart(2, '0'));
  return guid.slice(2).join('') === GUID_TAIL ? Number.parseInt(`${guid[1]}${guid[0]}`, 16) : EXTENSIBLE;
}

function padded(bytes: number): number {
  return bytes + (bytes % 2);
}

function writeTag(bytes: Uint8Array, offset: number, tag: string): void {
  for (let index = 0; index < tag.length; index++) bytes[offset + index] = tag.charCodeAt(index);
}
