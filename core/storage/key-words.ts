/** Keys as the disk engine holds them: a `v1_` key is 256 bits, kept as eight words instead of a string of 67 characters. */

/** Words of 32 bits in a key. */
export const WORDS_PER_KEY = 8;

/** Bytes of a key. */
export const KEY_BYTES = WORDS_PER_KEY * 4;

const PREFIX = 'v1_';
const DIGITS_PER_WORD = 8;
const NOT_A_DIGIT = 255;

const DIGIT_BY_CODE = new Uint8Array(128).fill(NOT_A_DIGIT);
for (let digit = 0; digit < 16; digit++) DIGIT_BY_CODE[digit.toString(16).charCodeAt(0)] = digit;

/** Writes a key's words into `words`; false when it is no key. */
export function parseKey(key: string, words: Uint32Array): boolean {
  if (key.length !== PREFIX.length + WORDS_PER_KEY * DIGITS_PER_WORD || !key.startsWith(PREFIX)) return false;
  let index = PREFIX.length;
  for (let wordIndex = 0; wordIndex < WORDS_PER_KEY; wordIndex++) {
    let word = 0;
    for (let digitIndex = 0; digitIndex < DIGITS_PER_WORD; digitIndex++) {
      const digit = DIGIT_BY_CODE[key.charCodeAt(index++)];
      if (digit === undefined || digit === NOT_A_DIGIT) return false;
      word = (word << 4) | digit;
    }
    words[wordIndex] = word;
  }
  return true;
}

/** The key of eight words. */
export function keyOfWords(words: Uint32Array): string {
  let key = PREFIX;
  for (const word of words) key += word.toString(16).padStart(DIGITS_PER_WORD, '0');
  return key;
}
