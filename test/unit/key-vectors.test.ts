import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { createHashing, type Hashing } from '../../core/hashing';
import { canonicalizeSpec, keyFromDigest } from '../../core/key';
import type { SpeechSpec } from '../../core/protocol/values';
import { createSubtleDigest } from '../../core/subtle-digest';

const HELLO = 'v1_3817f69ebd6a710412cadc69450380a17e94dfcfb023ea6d90b24e7d06221bd3';
const CAFE = 'v1_b0600a3a984710fe02044dfb87a7e1194cf39a8e7c2b62f257cc38f375e3d9e4';
const OPENAI = 'v1_37b746e1490647a2451e2a66a6f41b5bc3bf7f9890b28d9a571adc9c506e9154';
const KEYED_HELLO = 'v1_d11637b591fd5355f099220597fce76e34917bb5584c61cf813dee08ebf5dc05';

const VECTORS: readonly (readonly [what: string, spec: SpeechSpec, key: string])[] = [
  ['text, voice and the speed 1', { text: 'Hello world', voice: 'Alloy ', speed: 1 }, HELLO],
  ['blanks around them and no speed', { text: '  Hello world ', voice: 'alloy' }, HELLO],
  [
    'a speed of 1.25',
    { text: 'Hello world', voice: 'alloy', speed: 1.25 },
    'v1_5ca5f85e1e61198708bd43017c594cdeddfb05f2a27f675c8278f26aae841de5',
  ],
  ['composed accents', { text: 'Caf\u00e9', voice: 'nova' }, CAFE],
  ['combining accents', { text: 'Cafe\u0301', voice: 'nova' }, CAFE],
  [
    'a provider, a model and a format',
    { text: 'Hello world', voice: 'alloy', provider: 'openai', model: 'tts-1', format: 'mp3' },
    OPENAI,
  ],
  [
    'the same in another order',
    { format: 'mp3', model: 'tts-1', voice: 'alloy', provider: 'openai', text: 'Hello world' },
    OPENAI,
  ],
  [
    'a bar in the voice',
    { text: 'x', voice: 'a|b' },
    'v1_9614251a1922eade1d4256a9b50eb3bccc81a7ff5ee132df3a9c1cb934aa6058',
  ],
  [
    'a bar in the instructions',
    { text: 'Hi', voice: 'v', instructions: 'calm|slow' },
    'v1_b390884dca3bc58b971c2f332be14d51ff5831b5d8d0754d079f78d2a086a4d3',
  ],
];

describe.each([
  ['with WebAssembly', true],
  ['without WebAssembly', false],
])('A key %s', (_, wasm) => {
  let hashing: Hashing;
  const keyOf = async (spec: SpeechSpec, { digestHex }: Hashing = hashing) =>
    keyFromDigest(await digestHex(canonicalizeSpec(spec)));

  beforeAll(async () => {
    hashing = await createHashing({ wasm });
  });

  it.each(VECTORS)('is what it has always been for %s', async (_, spec, key) => {
    expect(await keyOf(spec)).toBe(key);
  });

  it('is another one under a secret, always the same for the same secret', async () => {
    const keyed = await createHashing({ wasm, keySecret: 'secret' });
    const spec = { text: 'Hello world', voice: 'alloy' };
    expect(await keyOf(spec, keyed)).toBe(KEYED_HELLO);
    expect(await keyOf({ text: 'Something else' }, keyed)).not.toBe(KEYED_HELLO);
    expect(await keyOf(spec, keyed)).toBe(KEYED_HELLO);
  });

  it('does not mind how long the text is or in which script', async () => {
    const text = '東京 🚆 Zürich '.repeat(7_000).slice(0, 99_999);
    const utf8 = createHash('sha256')
      .update(`${text.trim().normalize('NFC')}||1.00`, 'utf8')
      .digest('hex');
    expect(await keyOf({ text })).toBe(`v1_${utf8}`);
  });
});

describe('A page that has lost its worker', () => {
  it('computes the same keys', async () => {
    const canonical = canonicalizeSpec({ text: 'Hello world', voice: 'alloy' });
    expect(keyFromDigest(await (await createSubtleDigest(undefined))(canonical))).toBe(HELLO);
    expect(keyFromDigest(await (await createSubtleDigest('secret'))(canonical))).toBe(KEYED_HELLO);
  });
});
