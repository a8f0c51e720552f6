/** The phrases that the cases store and read: seeded texts of 60 characters, each with audio of its own. */
import { randomAudio, randomText, seededRandom } from '../seeded-random';

const TEXT_LENGTH = 60;
const ALPHABET = 'abcdefghijklmnopqrstuvwxyz     ,.';

/** What to say and how it sounds. */
export interface Phrase {
  readonly text: string;
  readonly bytes: ArrayBuffer;
}

/** Returns so many phrases with audio of the given length; no two are alike. */
export function createPhrases(count: number, byteLength: number, seed: number): readonly Phrase[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, (_, index) => ({
    // The number keeps the texts apart; a letter at the end keeps trimming from shortening them.
    text: `${`${index} ${randomText(TEXT_LENGTH, ALPHABET, random)}`.slice(0, TEXT_LENGTH - 1)}e`,
    bytes: randomAudio(byteLength, random),
  }));
}

/**
 * Throws unless the bytes are the phrase's. All of them are compared once in a while; otherwise the length and four
 * bytes at the end, so that looking does not outweigh what is measured.
 */
export function verifyBytes(bytes: ArrayBuffer | undefined, phrase: Phrase | undefined, isThorough: boolean): void {
  if (bytes === undefined || phrase === undefined) throw new Error(`Nothing came back for "${phrase?.text}"`);
  const start = isThorough ? 0 : phrase.bytes.byteLength - 4;
  const actual = new Uint8Array(bytes).subarray(start);
  const expected = new Uint8Array(phrase.bytes, start);
  const isSame = actual.length === expected.length && actual.every((byte, index) => byte === expected[index]);
  if (!isSame) throw new Error(`Other bytes came back for "${phrase.text}"`);
}
