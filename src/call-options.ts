/**
 * What calls take beside their main arguments: each its own options and no other, since one that is meant for another
 * call would be passed over without a word, and `clear({ collection })` remove everything.
 */
import { isCollectionName, MAX_NAME_LENGTH } from '../core/label-catalogue';
import {
  checkRules,
  invalidOption,
  isGroup,
  numberFrom,
  ofType,
  oneOf,
  type Rule,
  type Rules,
} from '../core/option-rules';

const NAME_RULE: Rule = [isCollectionName, `a string of 1 to ${MAX_NAME_LENGTH} characters`];

const RULES = {
  signal: [(value) => value instanceof AbortSignal, 'an AbortSignal'],
  synthesize: ofType('function'),
  ttlMs: numberFrom(1),
  streaming: ofType('boolean'),
  contentType: ofType('string'),
  custom: [isGroup, 'an object'],
  durability: oneOf('memory', 'relaxed', 'durable'),
  transfer: ofType('boolean'),
  budgetMs: numberFrom(0),
  limit: numberFrom(1, 1000, true),
  cursor: ofType('string'),
  sort: oneOf('accessed', 'created', 'size'),
  collection: NAME_RULE,
  search: ofType('string'),
  collections: [
    (value) => Array.isArray(value) && value.every(isCollectionName),
    `an array of names, each ${NAME_RULE[1]}`,
  ],
  pinned: ofType('boolean'),
  keepAudio: ofType('boolean'),
  replace: ofType('boolean'),
  onProgress: ofType('function'),
} satisfies Rules;

/** The name of an option that some call takes. */
export type CallOption = keyof typeof RULES;

/**
 * Checks the options of a call that takes those of these names, and a signal.
 * @throws AudioCacheError `INVALID_OPTIONS`, with `field` naming the option and the message what it may be
 */
export function checkCallOptions<Options extends object>(
  options: Options,
  names: readonly (keyof Options & CallOption)[] = [],
): void {
  const rules = (['signal', ...names] as const).map((name) => [name, RULES[name]] as const);
  checkRules(options, Object.fromEntries(rules));
}

/**
 * Checks the options of a call that takes nothing but a signal, and returns that.
 * @throws AudioCacheError as `checkCallOptions`
 */
export function signalIn(options: { readonly signal?: AbortSignal | undefined } | undefined): AbortSignal | undefined {
  if (options === undefined) return undefined;
  checkCallOptions(options);
  return options.signal;
}

/** Checks the name of a collection. @throws AudioCacheError `INVALID_OPTIONS`, with `field` `collection` */
export function checkCollectionName(name: unknown): void {
  if (!isCollectionName(name)) throw invalidOption('collection', NAME_RULE[1], name);
}
