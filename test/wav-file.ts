/** WAV files of 16 bits for tests, in every runtime. */

/** Bytes before the samples. */
export const WAV_HEADER_BYTES = 44;

/** What a file of one channel sounds like. */
export interface WavContent {
  readonly sampleRate: number;
  readonly samples: number;
  /** The value of a sample, from -32,768 to 32,767. */
  readonly sampleAt: (index: number) => number;
}

/** Makes a WAV file. The caller owns it. */
export function createWav({ sampleRate, samples, sampleAt }: WavContent): ArrayBuffer {
  const buffer = new ArrayBuffer(WAV_HEADER_BYTES + samples * 2);
  const view = new DataView(buffer);
  const writeTag = (offset: number, tag: string) => new Uint8Array(buffer).set(new TextEncoder().encode(tag), offset);
  writeTag(0, 'RIFF');
  view.setUint32(4, buffer.byteLength - 8, true);
  writeTag(8, 'WAVEfmt ');
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, sampleRate, true);
  view.setUint32(28, sampleRate * 2, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  writeTag(36, 'data');
  view.setUint32(40, samples * 2, true);
  for (let index = 0; index < samples; index++) view.setInt16(WAV_HEADER_BYTES + index * 2, sampleAt(index), true);
  return buffer;
}
