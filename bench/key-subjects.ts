/**
 * The ways to a key that the key benchmarks of Node and of a worker compare: with and without WebAssembly, with and
 * without a secret, for Latin and for Chinese text, and for a spec that names everything.
 */

import { createHashing, type HashingOptions } from '../core/hashing';
import { canonicalizeSpec, keyFromDigest } from '../core/key';
import type { SpeechSpec } from '../core/protocol/values';
import type { BatchSubject } from './batches';
import { randomText, seededRandom } from './seeded-random';

const TEXT_LENGTH = 60;
/** Different texts, so that no cache inside the engine helps. */
const SPECS = 500;
const LATIN = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ     ,.';
const CHINESE = '天地玄黃宇宙洪荒日月盈昃辰宿列張寒來暑往秋收冬藏閏餘成歲律呂調陽';

/** The secret of the keyed subjects. */
export const SECRET = 'bench secret';

/** The subject that the target is about. */
export const DEFAULT_SUBJECT = 'text of 60 characters';

/** One way to a key. */
export interface KeySubject extends BatchSubject {
  readonly specs: readonly SpeechSpec[];
  readonly hashing: HashingOptions;
  /** From spec to key, as the worker does it. */
  readonly keyOf: (spec: SpeechSpec) => Promise<string>;
}

/** Returns all subjects. */
export async function createKeySubjects(): Promise<readonly KeySubject[]> {
  const random = seededRandom(60);
  const specsIn = (alphabet: string): SpeechSpec[] =>
    Array.from({ length: SPECS }, () => ({ text: randomText(TEXT_LENGTH, alphabet, random) }));
  const latin = specsIn(LATIN);
  const complete = latin.map(({ text }) => ({
    text,
    voice: 'alloy',
    speed: 1.25,
    provider: 'openai',
    model: 'gpt-4o-mini-tts',
    format: 'mp3',
    language: 'en-GB',
    instructions: 'Cheerful and slow.',
  }));
  return Promise.all([
    createSubject(DEFAULT_SUBJECT, latin, {}),
    createSubject('60 Chinese characters (180 bytes)', specsIn(CHINESE), {}),
    createSubject('8 fields, 60 characters of text', complete, {}),
    createSubject('with keySecret (HMAC)', latin, { keySecret: SECRET }),
    createSubject('without WebAssembly', latin, { wasm: false }),
    createSubject('without WebAssembly, with keySecret', latin, { wasm: false, keySecret: SECRET }),
  ]);
}

/** Only the first half of the way. */
export function createCanonicalSubject(specs: readonly SpeechSpec[]): BatchSubject {
  return {
    name: 'canonical string alone',
    operations: specs.length,
    run: () => {
      let length = 0;
      for (const spec of specs) length += canonicalizeSpec(spec).length;
      if (length === 0) throw new TypeError('The specs are empty');
    },
  };
}

async function createSubject(name: string, specs: readonly SpeechSpec[], options: HashingOptions): Promise<KeySubject> {
  const hashing = await createHashing(options);
  const keyOf = async (spec: SpeechSpec) => keyFromDigest(await hashing.digestHex(canonicalizeSpec(spec)));
  const run = async () => {
    for (const spec of specs) await keyOf(spec);
  };
  return { name, operations: specs.length, run, specs, hashing: options, keyOf };
}
