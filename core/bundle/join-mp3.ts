/**
 * Joins MP3 files: their frames one after the other, behind one new frame that says how long the whole is.
 *
 * A player reads frame by frame, and each says its own bit rate, so clips of different ones fit together. What stands
 * around the frames goes: ID3v2 in front, ID3v1 and APE behind, and the frame that told how long the clip was, which in
 * the middle of a file is heard as a gap.
 */
import { cannotJoin, hasTag, type Joiner } from './joiner';
import { createInfoFrame, FRAME_HEADER_BYTES, isInfoFrame, type Mp3Frame, parseFrame } from './mp3-frame';

const ID3V2_HEADER_BYTES = 10;
const ID3V1_BYTES = 128;
const APE_FOOTER_BYTES = 32;

/** What all frames of a file have in common; players set themselves up by it once. */
type Mp3Format = Pick<Mp3Frame, 'sampleRate' | 'isMono'>;

/** Joins MP3 files of the same sample rate that are all mono or all stereo. */
export class Mp3Joiner implements Joiner {
  /** Blobs, not arrays, so that the browser may keep what waits out of the page's memory. */
  readonly #parts: Blob[] = [];
  readonly #bitRatesKbps = new Set<number>();
  #first: { readonly format: Mp3Format; readonly head: Uint8Array } | undefined;
  #frames = 0;
  #bytes = 0;

  add(audio: Uint8Array<ArrayBuffer>, name: string): void {
    const framesBefore = this.#frames;
    let format: Mp3Format | undefined;
    // Frames that follow each other are kept as one part.
    let run = { from: 0, to: 0 };
    for (const { at, frame } of framesIn(audio)) {
      const bytes = audio.subarray(at, at + frame.byteLength);
      const isFirst = format === undefined;
      format ??= this.#checkFormat(frame, bytes, name);
      if (!isSameFormat(frame, format))
        throw cannotJoin(`${name} is first ${describe(format)}, then ${describe(frame)}`);
      if (isFirst && isInfoFrame(bytes)) continue;
      if (at !== run.to) {
        this.#keep(audio.subarray(run.from, run.to));
        run = { from: at, to: at };
      }
      run.to += frame.byteLength;
      this.#frames++;
      this.#bitRatesKbps.add(frame.bitRateKbps);
    }
    this.#keep(audio.subarray(run.from, run.to));
    if (this.#frames === framesBefore) throw cannotJoin(`${name} has no frames of MP3 in it that could be joined`);
  }

  finish(): Blob {
    const { head = new Uint8Array() } = this.#first ?? {};
    const info = createInfoFrame(head, this.#frames, this.#bytes, this.#bitRatesKbps.size === 1);
    return new Blob([info, ...this.#parts], { type: 'audio/mpeg' });
  }

  #keep(frames: Uint8Array<ArrayBuffer>): void {
    if (frames.byteLength === 0) return;
    this.#parts.push(new Blob([frames]));
    this.#bytes += frames.byteLength;
  }

  #checkFormat(format: Mp3Format, frame: Uint8Array, name: string): Mp3Format {
    this.#first ??= { format, head: frame.slice(0, FRAME_HEADER_BYTES) };
    if (isSameFormat(format, this.#first.format)) return format;
    throw cannotJoin(`${name} is ${describe(format)}, and those before it are ${describe(this.#first.format)}`);
  }
}

/** The whole frames in their order; a last one that is cut off would be heard as noise. */
function* framesIn(audio: Uint8Array): Generator<{ readonly at: number; readonly frame: Mp3Frame }> {
  const { from, to } = withoutTags(audio);
  let before: Mp3Frame | undefined;
  for (let at = from; at + FRAME_HEADER_BYTES <= to; ) {
    const frame = parseFrame(audio, at);
    if (frame === undefined || at + frame.byteLength > to) {
      at = nextFrameAt(audio, at + 1, to, before);
      continue;
    }
    yield { at, frame };
    before = frame;
    at += frame.byteLength;
  }
}

/** Where frames may be. */
function withoutTags(audio: Uint8Array): { readonly from: number; readonly to: number } {
  let from = 0;
  while (hasTag(audio, from, 'ID3')) {
    const header = audio.subarray(from, from + ID3V2_HEADER_BYTES);
    // Seven bits a byte, so that no size looks like a frame.
    const bodyBytes = header.subarray(6).reduce((size, byte) => size * 128 + (byte & 0x7f), 0);
    from += ID3V2_HEADER_BYTES + bodyBytes;
  }
  let to = audio.byteLength;
  if (hasTag(audio, to - ID3V1_BYTES, 'TAG')) to -= ID3V1_BYTES;
  const footerAt = to - APE_FOOTER_BYTES;
  if (hasTag(audio, footerAt, 'APETAGEX')) {
    const footer = new DataView(audio.buffer, audio.byteOffset + footerAt, APE_FOOTER_BYTES);
    // Of the items and this footer; a header in front of them holds nothing that looks like a frame.
    to -= footer.getUint32(12, true);
  }
  return { from, to };
}

/**
 * Where frames go on behind something else, or `to`. Much can look like one head: so it must be of the clip's format,
 * and be followed by another or by the end.
 */
function nextFrameAt(audio: Uint8Array, from: number, to: number, format: Mp3Format | undefined): number {
  for (let at = from; at + FRAME_HEADER_BYTES <= to; at++) {
    const frame = fittingFrame(audio, at, format);
    if (frame === undefined) continue;
    const nextAt = at + frame.byteLength;
    if (nextAt === to || (nextAt < to && fittingFrame(audio, nextAt, frame) !== undefined)) return at;
  }
  return to;
}

function fittingFrame(audio: Uint8Array, at: number, format: Mp3Format | undefined): Mp3Frame | undefined {
  const frame = parseFrame(audio, at);
  return frame !== undefined && (format === undefined || isSameFormat(frame, format)) ? frame : undefined;
}

function isSameFormat(a: Mp3Format, b: Mp3Format): boolean {
  return a.sampleRate === b.sampleRate && a.isMono === b.isMono;
}

function describe({ sampleRate, isMono }: Mp3Format): string {
  return `MP3 of ${sampleRate} Hz, ${isMono ? 'mono' : 'stereo'}`;
}
