/** What kind of file audio is, as the extension that makes players open it. */
import { admit, SNIFF_BYTES } from '../admission';

const EXTENSION_BY_MEDIA_TYPE: ReadonlyMap<string, string> = new Map([
  ['audio/mpeg', 'mp3'],
  ['audio/mp3', 'mp3'],
  ['audio/x-mp3', 'mp3'],
  ['audio/x-mpeg', 'mp3'],
  ['audio/wav', 'wav'],
  ['audio/wave', 'wav'],
  ['audio/x-wav', 'wav'],
  ['audio/vnd.wave', 'wav'],
  ['audio/ogg', 'ogg'],
  ['application/ogg', 'ogg'],
  ['audio/opus', 'opus'],
  ['audio/webm', 'webm'],
  ['audio/aac', 'aac'],
  ['audio/aacp', 'aac'],
  ['audio/x-aac', 'aac'],
  ['audio/mp4', 'm4a'],
  ['audio/m4a', 'm4a'],
  ['audio/x-m4a', 'm4a'],
  ['audio/flac', 'flac'],
  ['audio/x-flac', 'flac'],
  ['audio/pcm', 'pcm'],
  ['audio/l16', 'pcm'],
  ['audio/basic', 'ulaw'],
  ['audio/pcmu', 'ulaw'],
  ['audio/pcma', 'alaw'],
]);

/**
 * Returns the extension for audio, without its dot: of the container that the bytes begin with, else of the media type;
 * `bin` when neither is known.
 */
export function extensionOf(contentType: string, audio: Uint8Array): string {
  const declared = EXTENSION_BY_MEDIA_TYPE.get(contentType.split(';', 1)[0]?.trim().toLowerCase() ?? '');
  // Bare frames are looked for only where they may be: samples, too, can begin like one. For PCM only containers are.
  const format = declared === 'mp3' || declared === 'aac' ? declared : 'pcm';
  const head = audio.subarray(0, SNIFF_BYTES);
  const admission = admit({ head, byteLength: audio.byteLength, format, maxEntryBytes: Number.POSITIVE_INFINITY });
  const seen = 'contentType' in admission ? EXTENSION_BY_MEDIA_TYPE.get(admission.contentType) : undefined;
  return seen === undefined || seen === 'pcm' ? (declared ?? 'bin') : seen;
}
