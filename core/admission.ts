/**
 * What may enter the cache.
 *
 * A cache that keeps an error page or a clip of no length poisons its phrase for good (home-assistant/core#50729), so
 * everything from outside passes here: type, size, completeness. Pure functions over a media type and some bytes.
 */

/** Why audio is not taken. `too-large` and `unknown-type` still play; the others are no audio at all. */
export type Refusal = 'empty' | 'not-audio' | 'truncated' | 'too-large' | 'unknown-type';

/** True for refused audio that can be heard all the same; the rest is no audio. */
export function isPlayable(refusal: Refusal): refusal is 'too-large' | 'unknown-type' {
  return refusal === 'too-large' || refusal === 'unknown-type';
}

/** What is wrong with refused audio, to be read after "The audio ". */
export const REFUSAL_TEXTS: Readonly<Record<Refusal, string>> = {
  empty: 'is empty',
  'not-audio': 'is a document or of a type that is no audio',
  truncated: 'is shorter than announced',
  'too-large': 'is too large',
  'unknown-type': 'is of no known format; name its content type, such as "audio/mpeg"',
};

/** What the gate says: the media type to store, or why not. */
export type Admission = { readonly contentType: string } | { readonly refusal: Refusal };

/** What the gate looks at. */
export interface AudioCandidate {
  /** The start of the audio, at least `SNIFF_BYTES` of it where there is that much. */
  readonly head: Uint8Array;
  readonly byteLength: number;
  /** The media type it was declared with, if any. */
  readonly declaredType?: string | undefined;
  /** The length it was announced with, if any. */
  readonly announcedLength?: number | undefined;
  /** The format that was asked for, such as `mp3`: what raw bytes without a declared type are taken for. */
  readonly format?: string | undefined;
  readonly maxEntryBytes: number;
  /** More is to come: the length says nothing yet. */
  readonly isPartial?: boolean | undefined;
}

/** How many leading bytes tell the formats apart. */
export const SNIFF_BYTES = 64;

/** Decides whether audio may be stored, and under which media type. */
export function admit(candidate: AudioCandidate): Admission {
  const { head, byteLength, announcedLength, maxEntryBytes } = candidate;
  if (byteLength === 0) return { refusal: 'empty' };
  const promisedLength = Math.max(announcedLength ?? 0, riffLength(head));
  if (byteLength < promisedLength && !candidate.isPartial) return { refusal: 'truncated' };
  const contentType = audioTypeOf(head, candidate.declaredType, candidate.format);
  if (typeof contentType !== 'string') return contentType;
  return byteLength > maxEntryBytes ? { refusal: 'too-large' } : { contentType };
}

/** The media type to store, from what was declared, what the bytes look like, and what was asked for. */
function audioTypeOf(
  head: Uint8Array,
  declaredType: string | undefined,
  format: string | undefined,
): string | { readonly refusal: Refusal } {
  const declared = declaredType?.trim().toLowerCase() ?? '';
  const mediaType = declared.split(';', 1)[0]?.trim() ?? '';
  const isUnspecific =
    mediaType === '' || mediaType === 'application/octet-stream' || mediaType === 'binary/octet-stream';
  if (!isUnspecific && !mediaType.startsWith('audio/') && mediaType !== 'application/ogg')
    return { refusal: 'not-audio' };
  const container = sniffContainer(head);
  // An error body under an audio type is the classic way to poison a cache. Telephone codecs can look like text.
  const isTelephony = /^audio\/(?:pcm[au]|basic)\b/.test(mediaType);
  if (container === undefined && !isTelephony && isText(head)) return { refusal: 'not-audio' };
  // Parameters stay: raw PCM cannot be played without its rate and channels.
  if (!isUnspecific) return declared;
  const asked = TYPE_BY_FORMAT.get(format?.toLowerCase().split(/[_-]/, 1)[0] ?? '');
  // Raw samples can look like anything, such as an MP3 frame.
  if (asked === 'audio/pcm') return container ?? asked;
  return container ?? sniffFrame(head) ?? asked ?? { refusal: 'unknown-type' };
}

const TYPE_BY_FORMAT: ReadonlyMap<string, string> = new Map([
  ['mp3', 'audio/mpeg'],
  ['wav', 'audio/wav'],
  ['opus', 'audio/ogg'],
  ['ogg', 'audio/ogg'],
  ['aac', 'audio/aac'],
  ['flac', 'audio/flac'],
  ['webm', 'audio/webm'],
  ['m4a', 'audio/mp4'],
  ['mp4', 'audio/mp4'],
  ['pcm', 'audio/pcm'],
]);

/** Recognises the containers speech comes in by their first bytes; undefined for anything else. */
function sniffContainer(head: Uint8Array): string | undefined {
  if (startsWith(head, 'ID3')) return 'audio/mpeg';
  if (startsWith(head, 'RIFF') && startsWith(head, 'WAVE', 8)) return 'audio/wav';
  if (startsWith(head, 'OggS')) return 'audio/ogg';
  if (startsWith(head, 'fLaC')) return 'audio/flac';
  if (startsWith(head, 'ftyp', 4)) return 'audio/mp4';
  return startsWith(head, '\x1aE\xdf\xa3') ? 'audio/webm' : undefined;
}

/** Recognises bare frames of MP3 and AAC, by no more than the bits that every one of them begins with. */
function sniffFrame(head: Uint8Array): string | undefined {
  const [first, second] = head;
  // FF FE opens UTF-16 text, and only the long gone Layer I otherwise.
  if (first !== 0xff || second === undefined || (second & 0xe0) !== 0xe0 || second === 0xfe) return undefined;
  // Frame sync: the two layer bits are zero only in AAC's ADTS.
  return (second & 0x06) === 0 ? 'audio/aac' : 'audio/mpeg';
}

/** True for UTF-8 text without control characters: a page, JSON or a message, never the start of audio. */
function isText(head: Uint8Array): boolean {
  const start = head.subarray(0, SNIFF_BYTES);
  // Before anything is decoded: nearly all audio has one of these, and an exception takes 20 µs.
  if (start.some(isControl)) return false;
  try {
    // As a stream, because the head may end in the middle of a character.
    new TextDecoder('utf-8', { fatal: true }).decode(start, { stream: true });
    return true;
  } catch {
    return false;
  }
}

/** Control characters other than white space; in UTF-8 their bytes are part of no other character. */
function isControl(byte: number): boolean {
  return byte < 0x09 || (byte > 0x0d && byte < 0x20) || byte === 0x7f;
}

/** The length a WAV file says it has; 0 where it does not, as in one that was streamed before its end was known. */
function riffLength(head: Uint8Array): number {
  if (!startsWith(head, 'RIFF') || head.byteLength < 8) return 0;
  const size = new DataView(head.buffer, head.byteOffset).getUint32(4, true);
  // A pad byte at the end is often left out.
  return size >= 0x7fff_0000 ? 0 : size + 7;
}

function startsWith(head: Uint8Array, text: string, offset = 0): boolean {
  for (let index = 0; index < text.length; index++) {
    if (head[offset + index] !== text.charCodeAt(index)) return false;
  }
  return true;
}
