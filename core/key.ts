/**
 * Spec -> canonical string -> key.
 *
 * The canonical string is `text|voice|speed`, and for anything further that changes the sound `|` and sorted JSON. Read
 * from the right no field but the text can hold a `|`, so two different specs never give one string; a property test
 * holds that. The key is `v1_` and the SHA-256 of the string's UTF-8 bytes: it is part of what is stored, on every
 * user's disk and in shared caches, so nothing here may change without a new prefix.
 */
import { AudioCacheError } from './protocol/audio-cache-error';
import type { JsonValue, SpeechSpec, SpeedMode } from './protocol/values';

/** Longest text taken, in UTF-16 units after trimming. */
export const MAX_TEXT_LENGTH = 100_000;
const MIN_SPEED = 0.1;
const MAX_SPEED = 10;
/** Deeper nesting in `extra` is refused; it also ends circular values. */
const MAX_JSON_DEPTH = 32;

const KEY_PREFIX = 'v1_';
const KEY_PATTERN = /^v1_[0-9a-f]{64}$/;

/** The fields that go into the canonical JSON, in the order in which it sorts them. */
const FURTHER_FIELDS = [
  'extra',
  'format',
  'instructions',
  'language',
  'model',
  'pitch',
  'provider',
  'sampleRate',
  'seed',
] as const;
type FurtherField = (typeof FURTHER_FIELDS)[number];

/** What each further field may hold. */
const FIELD_TYPES: Readonly<Record<FurtherField, readonly ('string' | 'number' | 'json')[]>> = {
  extra: ['json'],
  format: ['string'],
  instructions: ['string'],
  language: ['string'],
  model: ['string'],
  pitch: ['number'],
  provider: ['string'],
  sampleRate: ['number'],
  seed: ['number', 'string'],
};

const SPEC_FIELDS: ReadonlySet<string> = new Set(['text', 'voice', 'speed', ...FURTHER_FIELDS]);

/**
 * Returns the canonical string of a spec, the only thing the key depends on. A field that is undefined or an empty
 * string counts as not given.
 * @throws AudioCacheError `INVALID_SPEC`, with `field` naming the part that is wrong.
 */
export function canonicalizeSpec(spec: SpeechSpec, speedMode: SpeedMode = 'synthesis'): string {
  for (const field in spec) {
    if (!SPEC_FIELDS.has(field)) {
      throw invalidSpec(field, `unknown field "${field}"; put what else changes the sound into "extra"`);
    }
  }
  const head = `${canonicalText(spec.text)}|${canonicalVoice(spec)}|${canonicalSpeed(spec.speed, speedMode)}`;
  let members = '';
  for (const field of FURTHER_FIELDS) {
    const value = spec[field];
    if (value === undefined || value === '') continue;
    checkField(field, value);
    members += `${members === '' ? '' : ','}"${field}":${canonicalJson(value, field)}`;
  }
  // JSON has `|` only inside strings, where the escape means the same.
  return members === '' ? head : `${head}|{${members.replaceAll('|', '\\u007c')}}`;
}

/** Returns the key for a digest: 64 lower-case hex digits of SHA-256, or of HMAC-SHA-256 under a secret. */
export function keyFromDigest(digestHex: string): string {
  return KEY_PREFIX + digestHex;
}

/** True for a well-formed key. Every key from outside is asked this before it is used. */
export function isKey(value: unknown): value is string {
  return typeof value === 'string' && KEY_PATTERN.test(value);
}

/**
 * Returns the key unchanged.
 * @throws AudioCacheError `INVALID_KEY` when it is not `v1_` and 64 lower-case hex digits.
 */
export function checkKey(value: unknown): string {
  if (isKey(value)) return value;
  const shown = typeof value === 'string' ? `"${value.slice(0, 80)}"` : describeType(value);
  throw new AudioCacheError(
    'INVALID_KEY',
    `${shown} is not a key: keys are "v1_" and 64 lower-case hex digits. To name a phrase, pass its text or spec.`,
  );
}

function canonicalText(text: unknown): string {
  if (typeof text !== 'string') throw invalidSpec('text', `text must be a string, not ${describeType(text)}`);
  if (!isWellFormed(text))
    throw invalidSpec('text', 'text holds half of a surrogate pair; it was cut inside a character');
  const canonical = text.normalize('NFC').trim();
  if (canonical === '') throw invalidSpec('text', 'text is empty; there is nothing to say');
  if (canonical.length > MAX_TEXT_LENGTH) {
    throw invalidSpec(
      'text',
      `text has ${canonical.length} characters and may have ${MAX_TEXT_LENGTH}; split it into sentences`,
    );
  }
  return canonical;
}

function canonicalVoice({ voice, provider }: SpeechSpec): string {
  if (voice === undefined) return '';
  if (typeof voice !== 'string') throw invalidSpec('voice', `voice must be a string, not ${describeType(voice)}`);
  if (!isWellFormed(voice)) throw invalidSpec('voice', 'voice holds half of a surrogate pair');
  const trimmed = voice.trim();
  // Some providers' voice ids differ only in case, so a named provider keeps it.
  const cased = provider === undefined || provider === '' ? trimmed.toLowerCase() : trimmed;
  return cased.replaceAll('%', '%25').replaceAll('|', '%7C');
}

function canonicalSpeed(speed: unknown, mode: SpeedMode): string {
  if (speed === undefined) return '1.00';
  if (typeof speed !== 'number' || !(speed >= MIN_SPEED && speed <= MAX_SPEED)) {
    const shown = typeof speed === 'number' ? String(speed) : describeType(speed);
    throw invalidSpec('speed', `speed must be a number from ${MIN_SPEED} to ${MAX_SPEED}, not ${shown}`);
  }
  return mode === 'playback' ? '1.00' : speed.toFixed(2);
}

function checkField(field: FurtherField, value: unknown): void {
  const types = FIELD_TYPES[field];
  const fits = types.some((type) => type === 'json' || typeof value === type);
  if (!fits) throw invalidSpec(field, `${field} must be a ${types.join(' or a ')}, not ${describeType(value)}`);
}

/** JSON with sorted keys and without undefined members. */
function canonicalJson(value: JsonValue, field: string, depth = 0): string {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'number') {
    if (Number.isFinite(value)) return JSON.stringify(value);
    throw invalidSpec(field, `${field} holds ${value}, which JSON cannot write`);
  }
  if (depth >= MAX_JSON_DEPTH) throw invalidSpec(field, `${field} is nested deeper than ${MAX_JSON_DEPTH} or circular`);
  if (Array.isArray(value)) return `[${Array.from(value, (item) => canonicalJson(item, field, depth + 1)).join(',')}]`;
  if (!isPlainObject(value)) throw invalidSpec(field, `${field} holds ${describeType(value)}, which is not JSON`);
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    // Undefined members were filtered out just above.
    .map(([name, member]) => `${JSON.stringify(name)}:${canonicalJson(member as JsonValue, field, depth + 1)}`);
  return `{${members.join(',')}}`;
}

function isPlainObject(value: unknown): value is { readonly [name: string]: JsonValue | undefined } {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}

/** Safari before 16.4 has no `isWellFormed`; a lone surrogate is what a `u` pattern sees as one code point. */
const LONE_SURROGATE = /\p{Surrogate}/u;
function isWellFormed(text: string): boolean {
  const native = (text as { isWellFormed?: () => boolean }).isWellFormed;
  return native === undefined ? !LONE_SURROGATE.test(text) : native.call(text);
}

function invalidSpec(field: string, message: string): AudioCacheError {
  return new AudioCacheError('INVALID_SPEC', `Invalid spec: ${message}.`, { field });
}

function describeType(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'object') return 'an object';
  return value === undefined ? 'undefined' : `a ${typeof value}`;
}
