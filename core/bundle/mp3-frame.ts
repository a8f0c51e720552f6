/**
 * The frames of MP3: what their four bytes of head say, and the one that is no sound but says how many follow.
 * (ISO/IEC 11172-3 and 13818-3; MPEG 2.5 and the Xing head are customs, as in LAME and FFmpeg.)
 */

/** Bytes of a frame before all else. */
export const FRAME_HEADER_BYTES = 4;

const VERSION_1 = 3;
const VERSION_RESERVED = 1;
const LAYER_3 = 1;
const MODE_MONO = 3;
/** In kbit/s. Index 0 is a rate of one's own, 15 is none. */
const BIT_RATES_1 = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320] as const;
const BIT_RATES_2 = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160] as const;
const SAMPLE_RATES_1 = [44_100, 48_000, 32_000] as const;
/** Where VBRI stands in all frames. */
const VBRI_AT = FRAME_HEADER_BYTES + 32;
/** "Xing" or "Info", four bytes that say what follows: the frames and bytes of the file. */
const XING_BYTES = 16;
const XING_HAS_FRAMES_AND_BYTES = 3;

/** A frame's head. */
export interface Mp3Frame {
  /** With its head. */
  readonly byteLength: number;
  readonly sampleRate: number;
  readonly isMono: boolean;
  readonly bitRateKbps: number;
}

/** Returns the head at this offset; undefined when there is none of Layer III with a usual bit rate. */
export function parseFrame(bytes: Uint8Array, offset: number): Mp3Frame | undefined {
  const [first = 0, second = 0, third = 0, fourth = 0] = bytes.subarray(offset, offset + FRAME_HEADER_BYTES);
  const version = (second >> 3) & 3;
  if (first !== 0xff || second >> 5 !== 7 || version === VERSION_RESERVED) return undefined;
  const bitRateKbps = (version === VERSION_1 ? BIT_RATES_1 : BIT_RATES_2)[third >> 4];
  const sampleRate1 = SAMPLE_RATES_1[(third >> 2) & 3];
  if (((second >> 1) & 3) !== LAYER_3 || !bitRateKbps || sampleRate1 === undefined) return undefined;
  // Version 2 halves the rates of version 1, and 2.5, which has number 0, does so again.
  const sampleRate = version === VERSION_1 ? sampleRate1 : version === 2 ? sampleRate1 / 2 : sampleRate1 / 4;
  const isMono = fourth >> 6 === MODE_MONO;
  const bytesPerSample = version === VERSION_1 ? 144 : 72;
  const byteLength = Math.floor((bytesPerSample * bitRateKbps * 1_000) / sampleRate) + ((third >> 1) & 1);
  return { byteLength, sampleRate, isMono, bitRateKbps };
}

/** Whether a frame holds no sound but tells about the file: Xing's and LAME's, or Fraunhofer's. */
export function isInfoFrame(frame: Uint8Array): boolean {
  const hasCrc = ((frame[1] ?? 0) & 1) === 0;
  const tagAt = infoTagAt(frame);
  const tags = [tagAt, ...(hasCrc ? [tagAt + 2] : [])].map((offset) => tagIn(frame, offset));
  return tags.some((tag) => tag === 'Xing' || tag === 'Info') || tagIn(frame, VBRI_AT) === 'VBRI';
}

/**
 * Returns a frame that says how many frames and bytes follow it, so that players know how long the file is without
 * reading all of it; like the given one in everything else.
 */
export function createInfoFrame(like: Uint8Array, frames: number, bytes: number, isConstantRate: boolean) {
  const tagAt = infoTagAt(like);
  for (let rate = 1; rate < BIT_RATES_1.length; rate++) {
    // Without checksum and padding, at the lowest rate that has room.
    const head = [0xff, (like[1] ?? 0) | 1, (rate << 4) | ((like[2] ?? 0) & 0x0c), like[3] ?? 0];
    const byteLength = parseFrame(Uint8Array.from(head), 0)?.byteLength ?? 0;
    if (byteLength < tagAt + XING_BYTES) continue;
    const frame = new Uint8Array(byteLength);
    frame.set(head);
    frame.set(
      Array.from(isConstantRate ? 'Info' : 'Xing', (letter) => letter.charCodeAt(0)),
      tagAt,
    );
    const view = new DataView(frame.buffer);
    view.setUint32(tagAt + 4, XING_HAS_FRAMES_AND_BYTES);
    view.setUint32(tagAt + 8, frames);
    view.setUint32(tagAt + 12, bytes + byteLength);
    return frame;
  }
  throw new TypeError('No rate of MP3 has room for its own description.');
}

/** Behind the side information, whose length depends on version and channels. */
function infoTagAt(frame: Uint8Array): number {
  const isVersion1 = (((frame[1] ?? 0) >> 3) & 3) === VERSION_1;
  const isMono = (frame[3] ?? 0) >> 6 === MODE_MONO;
  return FRAME_HEADER_BYTES + (isVersion1 ? (isMono ? 17 : 32) : isMono ? 9 : 17);
}

function tagIn(frame: Uint8Array, offset: number): string {
  return String.fromCharCode(...frame.subarray(offset, offset + 4));
}
