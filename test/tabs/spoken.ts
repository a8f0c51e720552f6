/** Audio that says what it is of: an MP3's first bytes, then numbers that only this text and take give. */

const MIN_BYTES = 2_000;
const MAX_BYTES = 60_000;

/** The audio that the server makes of a text. */
export function audioOfText(text: string): Uint8Array<ArrayBuffer> {
  return audioOfTake(text, 0);
}

/** The audio of one of several takes of a text. */
export function audioOfTake(text: string, take: number): Uint8Array<ArrayBuffer> {
  let state = take + 1;
  for (let index = 0; index < text.length; index++) state = Math.imul(state ^ text.charCodeAt(index), 0x01000193) >>> 0;
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state;
  };
  const bytes = new Uint8Array(MIN_BYTES + (next() % (MAX_BYTES - MIN_BYTES)));
  for (let index = 0; index < bytes.length; index++) bytes[index] = next() >>> 24;
  bytes.set([0x49, 0x44, 0x33, 0x04]);
  return bytes;
}

/** Whether the bytes are the audio of the text. */
export function isAudioOfText(bytes: ArrayBuffer, text: string): boolean {
  return sameBytes(new Uint8Array(bytes), audioOfText(text));
}

/** Whether two arrays hold the same bytes. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
