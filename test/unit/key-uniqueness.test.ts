/**
 * Two different specs never give one canonical string, and two spellings of one spec never give two.
 *
 * The model brings every field to its normal form on its own and never puts two of them into one string, so it cannot
 * share a mistake in the joining with the code under test.
 */
import { isDeepStrictEqual } from 'node:util';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalizeSpec } from '../../core/key';
import type { JsonValue, SpeechSpec } from '../../core/protocol/values';

/** What separates, quotes, escapes or composes somewhere on the way, and a few letters to be mistaken for it. */
const NASTY = ['|', '%', '"', '\\', '{', '}', ',', ':', '7', 'C', 'c', '2', '5', 'u', '0', '1', '.', ' ', '\n'].concat([
  'é',
  'e\u0301',
  'e',
  '\u0301',
  'Å',
  '\u212b',
  'ﬁ',
  '\u007c',
  '\\u007c',
  '%7C',
  '%25',
  '|1.00',
  '|{"a":1}',
  '🚆',
  '\0',
]);

const nasty = fc.string({ unit: fc.constantFrom(...NASTY), maxLength: 6 });
const field = fc.option(nasty, { nil: undefined });
const number = fc.constantFrom(0, -0, 1, 1.5, 24_000, 1e21, 5e-7);
const json = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    nasty,
    number,
    fc.constantFrom(null, true, false),
    fc.array(tie('value'), { maxLength: 2 }),
    fc.dictionary(nasty, tie('value'), { maxKeys: 2 }),
  ),
})).value;

const spec: fc.Arbitrary<SpeechSpec> = fc.record({
  text: nasty.map((text) => `${text}x`),
  voice: field,
  speed: fc.constantFrom(undefined, 1, 1.004, 0.996, 1.5, 0.1, 10),
  provider: fc.constantFrom(undefined, undefined, 'p', '|'),
  model: field,
  language: fc.constantFrom(undefined, '', 'en'),
  format: fc.constantFrom(undefined, 'mp3'),
  sampleRate: fc.option(number, { nil: undefined }),
  pitch: fc.option(number, { nil: undefined }),
  instructions: field,
  seed: fc.oneof(fc.constant(undefined), number, nasty),
  extra: fc.option(json, { nil: undefined }),
});

describe('The canonical strings of specs', () => {
  it('are equal exactly when the specs say the same', () => {
    fc.assert(
      fc.property(fc.array(spec, { minLength: 2, maxLength: 12 }), (specs) => {
        const seen = specs.map((each) => ({ normal: normalOf(each), canonical: canonicalizeSpec(each) }));
        for (const a of seen) {
          for (const b of seen) {
            expect(a.canonical === b.canonical).toBe(isDeepStrictEqual(a.normal, b.normal));
          }
        }
      }),
      { seed: 1, numRuns: 1500 },
    );
  });

  it('cannot be forged by a text that looks like the end of another', () => {
    fc.assert(
      fc.property(spec, spec, fc.nat(), (victim, attacker, cut) => {
        const target = canonicalizeSpec(victim);
        const bars = [...target.matchAll(/\|/g)].map((match) => match.index);
        const at = bars[cut % bars.length] ?? 0;
        const forged = { ...attacker, text: target.slice(0, at) || 'x', voice: target.slice(at + 1) };
        fc.pre(forged.text.trim() !== '');
        expect(canonicalizeSpec(forged) === target).toBe(isDeepStrictEqual(normalOf(forged), normalOf(victim)));
      }),
      { seed: 2, numRuns: 3000 },
    );
  });

  it('do not depend on the order of fields, blanks around texts or the form of accents', () => {
    fc.assert(
      fc.property(spec, fc.boolean(), (given, isDecomposed) => {
        const { voice } = given;
        const entries = Object.entries(given).reverse();
        const respelled: SpeechSpec = {
          ...(Object.fromEntries(entries) as Partial<SpeechSpec>),
          text: ` ${given.text.normalize(isDecomposed ? 'NFD' : 'NFC')}\n`,
          voice: voice === undefined ? undefined : `  ${voice}\t`,
          extra: given.extra === undefined ? undefined : reversed(given.extra),
        };
        expect(canonicalizeSpec(respelled)).toBe(canonicalizeSpec(given));
      }),
      { seed: 3, numRuns: 1500 },
    );
  });
});

/** A spec with every field in its normal form; equal ones say the same. */
function normalOf({ text, voice = '', speed = 1, provider, ...rest }: SpeechSpec): Record<string, unknown> {
  const isNamed = provider !== undefined && provider !== '';
  const normal: Record<string, unknown> = {
    text: text.trim().normalize('NFC').trim(),
    voice: isNamed ? voice.trim() : voice.trim().toLowerCase(),
    speed: Math.round(Number(speed.toFixed(2)) * 100),
    ...(isNamed ? { provider } : {}),
  };
  for (const [name, value] of Object.entries(rest)) {
    if (value !== undefined && value !== '') normal[name] = withoutMinusZero(value);
  }
  return normal;
}

function withoutMinusZero(value: unknown): unknown {
  if (value === 0) return 0;
  if (Array.isArray(value)) return value.map(withoutMinusZero);
  if (typeof value !== 'object' || value === null) return value;
  // A null prototype, so that a member named `__proto__` is a member like any other.
  const members = Object.entries(value).map(([name, member]) => [name, withoutMinusZero(member)] as const);
  return Object.assign(Object.create(null), Object.fromEntries(members));
}

/** The same JSON with the members of every object in the opposite order. */
function reversed(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).map(([name, member]) => [name, member && reversed(member)] as const);
  return Object.fromEntries(members.reverse());
}
