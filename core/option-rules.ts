/**
 * What options may be, and the check that names whatever is wrong. One set of rules for what a client is made with, for
 * what `configure` changes, and for whatever comes over a channel that any script of the origin may write into.
 */
import { AudioCacheError } from './protocol/audio-cache-error';
import { hasShapeOf } from './protocol/has-shape';
import type { CacheConfig, ConfigChange, DiskConfig, MemoryConfig } from './protocol/values';
import { withDefaults } from './with-defaults';

/** Whether a value is taken, and in words what is. */
export type Rule = readonly [check: (value: unknown) => boolean, expected: string];
/** A rule for each field, or further rules for what is inside it. */
export type Rules = { readonly [field: string]: Rule | Rules };

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

/** A number within bounds, both included; never NaN. */
export const numberFrom = (min: number, max = Number.POSITIVE_INFINITY, isWhole = false): Rule => [
  (value) => typeof value === 'number' && value >= min && value <= max && (!isWhole || Number.isInteger(value)),
  `a${isWhole ? ' whole' : ''} number ${max === Number.POSITIVE_INFINITY ? `of at least ${min}` : `from ${min} to ${max}`}`,
];
/** One of some words. */
export const oneOf = (...values: readonly string[]): Rule => [
  (value) => values.includes(value as string),
  values.map((value) => `"${value}"`).join(' or '),
];
/** Anything of a primitive type, or a function. */
export const ofType = (type: string): Rule => [(value) => typeof value === type, `a ${type}`];

const TIER_RULES = {
  maxBytes: numberFrom(1),
  ttlMs: numberFrom(1),
  highWater: numberFrom(0.01, 1),
  lowWater: numberFrom(0, 1),
} satisfies Rules;

/** What can be changed while the cache works. */
export const CHANGE_RULES = {
  maxEntryBytes: numberFrom(1),
  memory: { ...TIER_RULES, maxEntries: numberFrom(1) },
  disk: { ...TIER_RULES, slidingTtl: ofType('boolean') },
  cleanupIntervalMs: numberFrom(1000, 2 ** 31 - 1),
  price: {
    perThousandCharacters: numberFrom(0, Number.MAX_SAFE_INTEGER),
    currency: [(value) => typeof value === 'string' && /^[A-Z]{3}$/.test(value), 'an ISO 4217 code such as "EUR"'],
  },
  budget: {
    limit: numberFrom(0, Number.MAX_SAFE_INTEGER),
    periodMs: numberFrom(MINUTE_MS, 366 * DAY_MS),
    whenExceeded: oneOf('warn', 'refuse'),
  },
  health: { minHitRate: numberFrom(0, 1), maxErrorRate: numberFrom(0, 1), maxHeapRatio: numberFrom(0, 1) },
} satisfies Rules;

/** What a configuration is made of. */
export const CONFIG_RULES = {
  ...CHANGE_RULES,
  namespace: [
    (value) => typeof value === 'string' && /^[\w.-]{1,100}$/.test(value),
    '1 to 100 letters, digits, ".", "_" or "-"',
  ],
  version: numberFrom(0, Number.MAX_SAFE_INTEGER, true),
  speedMode: oneOf('synthesis', 'playback'),
  storeText: ofType('boolean'),
  disk: { ...CHANGE_RULES.disk, store: oneOf('auto', 'opfs', 'indexeddb', 'none') },
  keepTotals: ofType('boolean'),
} satisfies Rules;

/**
 * Checks every field by its rule; what is undefined is left out, and what has no rule is unknown.
 * @throws AudioCacheError `INVALID_OPTIONS`, with `field` naming the option and the message what it may be
 */
export function checkRules(value: unknown, rules: Rules, path = ''): void {
  if (!isGroup(value)) throw invalidOption(path || 'options', 'an object', value);
  for (const [name, member] of Object.entries(value)) {
    const field = path === '' ? name : `${path}.${name}`;
    const rule = Object.hasOwn(rules, name) ? rules[name] : undefined;
    if (rule === undefined) {
      const known = Object.keys(rules).join(', ');
      throw new AudioCacheError('INVALID_OPTIONS', `Unknown option "${field}"; known: ${known}.`, { field });
    }
    if (member === undefined) continue;
    if (!Array.isArray(rule)) {
      // What is no pair of check and words is a group of further rules.
      checkRules(member, rule as Rules, field);
      continue;
    }
    const [check, expected] = rule as Rule;
    if (!check(member)) throw invalidOption(field, expected, member);
  }
}

/**
 * Refuses what is right by itself and wrong together, in a configuration or once it is changed.
 * @throws AudioCacheError `INVALID_OPTIONS`, with `field` naming the option and the message what it may be
 */
export function assertConsistent(config: CacheConfig, change: ConfigChange = {}): void {
  const maxEntryBytes = change.maxEntryBytes ?? config.maxEntryBytes;
  for (const tier of ['memory', 'disk'] as const) {
    const { highWater, lowWater, maxBytes } = withDefaults<MemoryConfig | DiskConfig>(change[tier], config[tier]);
    if (lowWater >= highWater) {
      throw invalidOption(`${tier}.lowWater`, `below ${tier}.highWater (${highWater})`, lowWater);
    }
    // Memory may be smaller: what it cannot hold comes from disk.
    if (tier === 'disk' && maxBytes < maxEntryBytes) {
      throw invalidOption('disk.maxBytes', `at least maxEntryBytes (${maxEntryBytes})`, maxBytes);
    }
  }
  if ((change.budget ?? config.budget) !== undefined && (change.price ?? config.price) === undefined) {
    throw new AudioCacheError('INVALID_OPTIONS', 'Option "budget" needs a "price" to count by.', { field: 'budget' });
  }
}

/**
 * Whether the value is a change as pages make it: each field by its rule, and a price and a budget with all that belongs
 * to them. Whether it agrees with what it changes is another matter.
 */
export function isChange(value: unknown): value is ConfigChange {
  try {
    checkRules(value, CHANGE_RULES);
    // Every field that is there has been looked at.
    const { price, budget } = value as ConfigChange;
    const isWhole = (group: object | undefined, rules: Rules) =>
      group === undefined || Object.keys(withDefaults(group, {})).length === Object.keys(rules).length;
    return isWhole(price, CHANGE_RULES.price) && isWhole(budget, CHANGE_RULES.budget);
  } catch {
    return false;
  }
}

/** Whether the value is a configuration like this one, each field by its rule, and of the same cache. */
export function isConfigLike(value: unknown, config: CacheConfig): value is CacheConfig {
  try {
    checkRules(value, CONFIG_RULES);
    // Every field that is there has been looked at; one that is not shows below.
    const given = value as CacheConfig;
    assertConsistent(given);
    return (
      isChange({ price: given.price, budget: given.budget }) &&
      hasShapeOf(given, { ...config, price: undefined, budget: undefined }) &&
      given.namespace === config.namespace &&
      given.version === config.version &&
      given.speedMode === config.speedMode &&
      given.storeText === config.storeText
    );
  } catch {
    return false;
  }
}

/** The error for a value that an option may not have. */
export function invalidOption(field: string, expected: string, value: unknown): AudioCacheError {
  // What a secret or a function is stays out of messages, which are logged.
  const isShown = Object(value) !== value && field !== 'keySecret';
  const shown = isShown ? (typeof value === 'string' ? `"${value}"` : String(value)) : `this ${typeof value}`;
  return new AudioCacheError('INVALID_OPTIONS', `Option "${field}" must be ${expected}, not ${shown}.`, { field });
}

/** Whether the value is an object that is no list. */
export function isGroup(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
