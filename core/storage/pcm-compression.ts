/**
 * Compresses uncompressed speech without loss, for the disk: WAV files and bare samples of 16 bits.
 *
 * DEFLATE sees bytes and finds little in waves (Flite's voices: 15 % saved). So samples become differences to the one
 * before, which are small, and their high bytes, nearly all zero, are kept apart from the low ones, as PNG and Blosc
 * do:
 * 35 % saved. Byte order, channels and odd lengths do not have to be right for the way back to be exact.
 *
 *      0   4  audioBytes of the header that is kept as it is, little-endian
 *      4   2  channels
 *      6      DEFLATE of: header, high bytes, low bytes, what is left over
 */
import { concatenate } from '../concatenate';

/** Less than this saved is not worth the time it takes to read. */
const MIN_SAVED_SHARE = 0.1;
/** Shorter audio is not worth the trouble. */
const MIN_BYTES = 2_048;
const PREFIX_BYTES = 6;
const WAV_HEADER_BYTES = 44;
const PCM_FORMATS: ReadonlySet<number> = new Set([1, 0xfffe]);

/** Where samples begin, and how many there are side by side. */
interface Samples {
  readonly headerBytes: number;
  readonly channels: number;
}

/**
 * Returns the audio compressed; undefined when it is no such audio, saves less than a tenth, or the platform cannot
 * compress. The input is read before this returns, and is the caller's again.
 */
export async function compressPcm(
  contentType: string,
  audio: Uint8Array,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const samples = samplesIn(contentType, audio);
  if (samples === undefined || typeof CompressionStream === 'undefined') return undefined;
  const prefix = new Uint8Array(PREFIX_BYTES);
  const view = new DataView(prefix.buffer);
  view.setUint32(0, samples.headerBytes, true);
  view.setUint16(4, samples.channels, true);
  const planes = toPlanes(audio, samples);
  const deflated = await bytesOf(streamOf(planes).pipeThrough(new CompressionStream('deflate-raw'))).catch(
    () => undefined,
  );
  if (deflated === undefined) return undefined;
  const isWorthIt = PREFIX_BYTES + deflated.byteLength <= audio.byteLength * (1 - MIN_SAVED_SHARE);
  return isWorthIt ? new Uint8Array(concatenate([prefix, deflated])) : undefined;
}

/** Whether `compressPcm` would try. */
export function isCompressible(contentType: string, audio: Uint8Array): boolean {
  return samplesIn(contentType, audio) !== undefined;
}

/**
 * Returns the audio again, which the caller owns; undefined when the bytes are not what `compressPcm` gave for so much
 * audio, or the platform cannot decompress.
 */
export async function decompressPcm(stored: Uint8Array, audioBytes: number): Promise<ArrayBuffer | undefined> {
  if (stored.byteLength < PREFIX_BYTES || typeof DecompressionStream === 'undefined') return undefined;
  const view = new DataView(stored.buffer, stored.byteOffset, PREFIX_BYTES);
  const samples: Samples = { headerBytes: view.getUint32(0, true), channels: view.getUint16(4, true) };
  const deflated = streamOf(stored.slice(PREFIX_BYTES));
  const planes = await bytesOf(deflated.pipeThrough(new DecompressionStream('deflate-raw'))).catch(() => undefined);
  if (planes?.byteLength !== audioBytes || samples.headerBytes > audioBytes || samples.channels === 0) return undefined;
  return fromPlanes(planes, samples).buffer;
}

/** Looks only at what decides whether it pays: a wrong guess costs room, never a sample. */
function samplesIn(contentType: string, audio: Uint8Array): Samples | undefined {
  const mediaType = contentType.split(';', 1)[0]?.trim().toLowerCase();
  if (audio.byteLength < MIN_BYTES) return undefined;
  if (mediaType === 'audio/pcm' || mediaType === 'audio/l16') return { headerBytes: 0, channels: 1 };
  if (mediaType !== 'audio/wav' && mediaType !== 'audio/x-wav' && mediaType !== 'audio/wave') return undefined;
  const view = new DataView(audio.buffer, audio.byteOffset, WAV_HEADER_BYTES);
  const channels = view.getUint16(22, true);
  const is16Bit = PCM_FORMATS.has(view.getUint16(20, true)) && view.getUint16(34, true) === 16;
  return is16Bit && channels > 0 && channels <= 8 ? { headerBytes: WAV_HEADER_BYTES, channels } : undefined;
}

function toPlanes(audio: Uint8Array, { headerBytes, channels }: Samples): Uint8Array<ArrayBuffer> {
  const planes = new Uint8Array(audio.byteLength);
  planes.set(audio.subarray(0, headerBytes));
  const count = (audio.byteLength - headerBytes) >> 1;
  const view = new DataView(audio.buffer, audio.byteOffset, audio.byteLength);
  for (let index = 0; index < count; index++) {
    const before = index < channels ? 0 : view.getInt16(headerBytes + 2 * (index - channels), true);
    const difference = ((view.getInt16(headerBytes + 2 * index, true) - before) << 16) >> 16;
    // Zigzag: small differences of either sign have a high byte of zero.
    const folded = (difference << 1) ^ (difference >> 15);
    planes[headerBytes + index] = folded >> 8;
    planes[headerBytes + count + index] = folded;
  }
  planes.set(audio.subarray(headerBytes + 2 * count), headerBytes + 2 * count);
  return planes;
}

function fromPlanes(planes: Uint8Array, { headerBytes, channels }: Samples): Uint8Array<ArrayBuffer> {
  const audio = new Uint8Array(planes.byteLength);
  audio.set(planes.subarray(0, headerBytes));
  const count = (planes.byteLength - headerBytes) >> 1;
  const view = new DataView(audio.buffer);
  for (let index = 0; index < count; index++) {
    const folded = ((planes[headerBytes + index] ?? 0) << 8) | (planes[headerBytes + count + index] ?? 0);
    const difference = (folded >>> 1) ^ -(folded & 1);
    const before = index < channels ? 0 : view.getInt16(headerBytes + 2 * (index - channels), true);
    view.setInt16(headerBytes + 2 * index, before + difference, true);
  }
  audio.set(planes.subarray(headerBytes + 2 * count), headerBytes + 2 * count);
  return audio;
}

function streamOf(bytes: Uint8Array<ArrayBuffer>) {
  return new Blob([bytes]).stream();
}

async function bytesOf(stream: ReadableStream): Promise<Uint8Array> {
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
