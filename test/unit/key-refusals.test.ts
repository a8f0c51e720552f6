import { describe, expect, it } from 'vitest';
import { canonicalizeSpec, checkKey, isKey, MAX_TEXT_LENGTH } from '../../core/key';
import { AudioCacheError } from '../../core/protocol/audio-cache-error';
import type { SpeechSpec } from '../../core/protocol/values';

/** What a page without types is told. */
function refusalOf(spec: unknown): AudioCacheError {
  try {
    canonicalizeSpec(spec as SpeechSpec);
  } catch (error) {
    if (error instanceof AudioCacheError) return error;
    throw error;
  }
  throw new Error('The spec was taken');
}

const circular: Record<string, unknown> = { name: 'loop' };
circular.self = circular;
const circularArray: unknown[] = [];
circularArray.push([circularArray, circularArray]);

describe('A spec is refused, with its field named,', () => {
  it.each<readonly [what: string, spec: unknown, field: string]>([
    ['without a text', { voice: 'alloy' }, 'text'],
    ['when the text is empty', { text: '' }, 'text'],
    ['when the text is blank', { text: ' \n\t\u00a0\ufeff' }, 'text'],
    ['when the text is null', { text: null }, 'text'],
    ['when the text is a number', { text: 7 }, 'text'],
    ['when the text is a boxed string', { text: new String('Hello') }, 'text'],
    ['when the text ends inside a character', { text: '🚆'.slice(0, 1) }, 'text'],
    ['when the text begins inside a character', { text: `${'🚆'.slice(1)} train` }, 'text'],
    ['when the halves of a character are swapped', { text: '\udea6\ud83d' }, 'text'],
    ['when the voice is cut inside a character', { text: 'x', voice: '\ud83d' }, 'voice'],
    ['when the voice is a number', { text: 'x', voice: 3 }, 'voice'],
    ['when the voice is null', { text: 'x', voice: null }, 'voice'],
    ['when the speed is NaN', { text: 'x', speed: Number.NaN }, 'speed'],
    ['when the speed is infinite', { text: 'x', speed: Number.POSITIVE_INFINITY }, 'speed'],
    ['when the speed is zero', { text: 'x', speed: 0 }, 'speed'],
    ['when the speed is negative', { text: 'x', speed: -1 }, 'speed'],
    ['when the speed is below 0.1', { text: 'x', speed: 0.0999 }, 'speed'],
    ['when the speed is above 10', { text: 'x', speed: 10.001 }, 'speed'],
    ['when the speed is a string', { text: 'x', speed: '1' }, 'speed'],
    ['when the speed is null', { text: 'x', speed: null }, 'speed'],
    ['when a field is unknown', { text: 'x', pitchh: 1 }, 'pitchh'],
    ['when a field is one that every object has', { text: 'x', toString: 'y' }, 'toString'],
    ['when it was parsed from JSON with a prototype in it', JSON.parse('{"text":"x","__proto__":{}}'), '__proto__'],
    ['when the model is a number', { text: 'x', model: 1 }, 'model'],
    ['when the provider is null', { text: 'x', provider: null }, 'provider'],
    ['when the sample rate is a string', { text: 'x', sampleRate: '24000' }, 'sampleRate'],
    ['when the sample rate is NaN', { text: 'x', sampleRate: Number.NaN }, 'sampleRate'],
    ['when the pitch is infinite', { text: 'x', pitch: Number.NEGATIVE_INFINITY }, 'pitch'],
    ['when the seed is an object', { text: 'x', seed: {} }, 'seed'],
    ['when the seed is a bigint', { text: 'x', seed: 1n }, 'seed'],
    ['when "extra" holds a date', { text: 'x', extra: { at: new Date(0) } }, 'extra'],
    ['when "extra" holds a map', { text: 'x', extra: new Map([['a', 1]]) }, 'extra'],
    ['when "extra" holds bytes', { text: 'x', extra: new Uint8Array(3) }, 'extra'],
    ['when "extra" holds a function', { text: 'x', extra: { now: () => 0 } }, 'extra'],
    ['when "extra" holds a symbol', { text: 'x', extra: [Symbol('a')] }, 'extra'],
    ['when "extra" holds a bigint', { text: 'x', extra: [1n] }, 'extra'],
    ['when "extra" holds NaN', { text: 'x', extra: { a: [Number.NaN] } }, 'extra'],
    ['when "extra" holds an array with undefined in it', { text: 'x', extra: [undefined] }, 'extra'],
    ['when "extra" holds an array with a hole in it', { text: 'x', extra: [1, new Array(1)] }, 'extra'],
    ['when "extra" holds itself', { text: 'x', extra: circular }, 'extra'],
    ['when "extra" holds itself twice over', { text: 'x', extra: circularArray }, 'extra'],
  ])('%s', (_, spec, field) => {
    const refusal = refusalOf(spec);
    expect(refusal).toMatchObject({ code: 'INVALID_SPEC', field });
    expect(refusal.message).toContain(field === '__proto__' ? 'proto' : field);
  });

  it('when the text is longer than 100,000 characters, not counting blanks around it', () => {
    const longest = 'x'.repeat(MAX_TEXT_LENGTH);
    expect(canonicalizeSpec({ text: `  ${longest}  ` })).toHaveLength(MAX_TEXT_LENGTH + '||1.00'.length);
    expect(refusalOf({ text: `${longest}x` })).toMatchObject({ code: 'INVALID_SPEC', field: 'text' });
    expect(refusalOf({ text: `${longest}x` }).message).toContain('100001');
  });

  it('also where the speed would be left to the player', () => {
    expect(() => canonicalizeSpec({ text: 'x', speed: 11 }, 'playback')).toThrow(AudioCacheError);
  });
});

describe('Speeds at the very limits', () => {
  it.each([0.1, 10])('are taken: %d', (speed) => {
    expect(canonicalizeSpec({ text: 'x', speed })).toBe(`x||${speed.toFixed(2)}`);
  });
});

describe('A key from outside', () => {
  const key = `v1_${'0123456789abcdef'.repeat(4)}`;

  it('is taken when it is well formed', () => {
    expect(isKey(key)).toBe(true);
    expect(checkKey(key)).toBe(key);
  });

  it.each<readonly [what: string, key: unknown]>([
    ['empty', ''],
    ['without prefix', key.slice(3)],
    ['of another version', key.replace('v1', 'v2')],
    ['in upper case', key.toUpperCase()],
    ['too short', key.slice(0, -1)],
    ['too long', `${key}0`],
    ['followed by a line break', `${key}\n`],
    ['preceded by a line break', `\n${key}`],
    ['two keys in two lines', `${key}\n${key}`],
    ['a path', `../${key}`],
    ['not hexadecimal', key.replace('f', 'g')],
    ['no string', 7],
    ['an array that prints as one', [key]],
    ['null', null],
    ['undefined', undefined],
  ])('is refused when it is %s', (_, malformed) => {
    expect(isKey(malformed)).toBe(false);
    expect(() => checkKey(malformed)).toThrow(expect.objectContaining({ code: 'INVALID_KEY' }));
  });

  it('is not repeated in full in the message when it is a phrase of many words', () => {
    const phrase = 'a phrase taken for a key '.repeat(1000);
    expect(() => checkKey(phrase)).toThrow(expect.objectContaining({ message: expect.stringMatching(/^.{1,300}$/) }));
  });
});
