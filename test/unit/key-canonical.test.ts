import { describe, expect, it } from 'vitest';
import { canonicalizeSpec } from '../../core/key';
import type { JsonValue, SpeechSpec } from '../../core/protocol/values';

const canonicalOf = (spec: string | SpeechSpec) => canonicalizeSpec(typeof spec === 'string' ? { text: spec } : spec);

describe('The canonical form of a spec', () => {
  it('is text, voice and speed, and nothing more where nothing more is said', () => {
    expect(canonicalOf('Hello world')).toBe('Hello world||1.00');
    expect(canonicalOf({ text: 'Hello world', voice: 'Alloy', speed: 1.5 })).toBe('Hello world|alloy|1.50');
  });

  it('adds the rest as JSON with sorted names and without bars', () => {
    const spec = { text: 'Hi', voice: 'v', seed: 7, instructions: 'calm|slow', extra: { b: [1, null], a: '|' } };
    expect(canonicalOf(spec)).toBe(
      'Hi|v|1.00|{"extra":{"a":"\\u007c","b":[1,null]},"instructions":"calm\\u007cslow","seed":7}',
    );
  });

  it('keeps what changes speech: case, punctuation and inner blanks', () => {
    const texts = ['Hello world', 'hello world', 'Hello  world', 'Hello world.', 'Hello\tworld', 'Hello world!'];
    expect(new Set(texts.map((text) => canonicalOf(text))).size).toBe(texts.length);
  });

  it('gives composed and combining characters one form', () => {
    expect(canonicalOf('A\u030angstro\u0308m')).toBe(canonicalOf('Ångström'));
  });

  it('trims every kind of blank around the text', () => {
    expect(canonicalOf('\u00a0\ufeff\u2003\n Hi \u3000\r\n')).toBe('Hi||1.00');
  });

  it('lowers the voice’s case unless a provider is named, whose ids may differ only in case', () => {
    expect(canonicalOf({ text: 'x', voice: ' EXAVITQu4vr ' })).toBe('x|exavitqu4vr|1.00');
    expect(canonicalOf({ text: 'x', voice: ' EXAVITQu4vr ', provider: 'elevenlabs' })).toBe(
      'x|EXAVITQu4vr|1.00|{"provider":"elevenlabs"}',
    );
  });

  it('escapes bars and percent signs in the voice so that it can be read back', () => {
    expect(canonicalOf({ text: 'x', voice: 'a|b' })).toBe('x|a%7Cb|1.00');
    expect(canonicalOf({ text: 'x', voice: 'a%7cb' })).toBe('x|a%257cb|1.00');
  });

  it.each([
    [1, '1.00'],
    [1.004, '1.00'],
    [1.006, '1.01'],
    [0.1, '0.10'],
    [10, '10.00'],
    [0.999, '1.00'],
  ])('writes the speed %d with two decimals', (speed, written) => {
    expect(canonicalOf({ text: 'x', speed })).toBe(`x||${written}`);
  });

  it('leaves the speed to the player when that is asked for', () => {
    const slow = canonicalizeSpec({ text: 'x', speed: 0.5 }, 'playback');
    expect(slow).toBe(canonicalizeSpec({ text: 'x' }, 'playback'));
    expect(slow).toBe('x||1.00');
  });

  it('takes undefined and empty fields for absent', () => {
    const sparse = { text: 'x', voice: '', model: '', provider: undefined, seed: undefined };
    expect(canonicalOf(sparse)).toBe('x||1.00');
    expect(canonicalOf({ text: 'x', voice: 'Nova', provider: '' })).toBe('x|nova|1.00');
    expect(canonicalOf({ text: 'x', extra: { a: undefined, b: 1 } })).toBe(canonicalOf({ text: 'x', extra: { b: 1 } }));
  });

  it('tells values apart that only look alike', () => {
    const extras: readonly JsonValue[] = [null, 0, '0', 'null', [], {}, [[]], [null], [{}], '', false, { '': 0 }];
    const canonicals = extras.map((extra) => canonicalizeSpec({ text: 'x', extra }));
    expect(new Set(canonicals).size).toBe(extras.length);
    expect(canonicalOf({ text: 'x', seed: 1 })).not.toBe(canonicalOf({ text: 'x', seed: '1' }));
  });
});
