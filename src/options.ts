/**
 * What a client is made with: the options, their defaults, and the check that names whatever is wrong.
 */
import { AudioCacheError } from '../core/protocol/audio-cache-error';
import type {
  BudgetConfig,
  CacheConfig,
  ConfigChange,
  DiskConfig,
  HealthConfig,
  MemoryConfig,
  PriceConfig,
  SpeechSpec,
  SpeedMode,
} from '../core/protocol/values';
import type { RetryOptions } from '../core/retry';
import { withDefaults } from '../core/with-defaults';
import type { LogLevel, LogWriter } from './operation-log';
import type { Synthesize } from './origin-audio';

const MIB = 1024 * 1024;
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** How a worker is made when the bundler cannot: its address, or a function that starts it. */
export type WorkerSource = string | URL | (() => Worker);

/** Options of an `AudioCacheClient`. All may be left out. */
export interface AudioCacheClientOptions {
  /** Separates whole caches of one origin: a book, a tenant. 1 to 100 letters, digits, `.`, `_` or `-`. Default `default`. */
  readonly namespace?: string | undefined;
  /** A new version starts empty. Default 1. */
  readonly version?: number | undefined;
  /** Fields for every spec that does not name them. */
  readonly defaults?: Partial<SpeechSpec> | undefined;
  /** Makes the sound of a phrase nobody has. */
  readonly synthesize?: Synthesize | undefined;
  /** Makes keys that cannot be guessed from phrases (HMAC-SHA-256). */
  readonly keySecret?: string | undefined;
  /** `playback` leaves the speed to the player, so that changing it costs nothing. Default `synthesis`. */
  readonly speedMode?: SpeedMode | undefined;
  /** False keeps no text beside the audio. Default true. */
  readonly storeText?: boolean | undefined;
  /** Larger clips play and are not kept. Default 32 MiB, or `disk.maxBytes` where that is less. */
  readonly maxEntryBytes?: number | undefined;
  /** Defaults: 100 MiB, no limit of entries, 1 hour, from 90 % down to 80 %. */
  readonly memory?: Partial<MemoryConfig> | undefined;
  /** Defaults: `auto`, 1 GiB, 7 days from storing on (`Infinity` keeps; `slidingTtl`: from the last use on), 90 % to 80 %. */
  readonly disk?: Partial<DiskConfig> | undefined;
  /** How often the cache cleans up on its own account. Default 5 minutes. */
  readonly cleanupIntervalMs?: number | undefined;
  /** What a thousand characters cost, so that statistics can tell what was saved. `currency` defaults to `USD`. */
  readonly price?: (Pick<PriceConfig, 'perThousandCharacters'> & Partial<PriceConfig>) | undefined;
  /** What may be spent in a period, by default 30 days; needs a price. `whenExceeded` defaults to `warn`. */
  readonly budget?: (Pick<BudgetConfig, 'limit'> & Partial<BudgetConfig>) | undefined;
  /** Defaults: alerts below a hit rate of 0.2, above an error rate of 0.1 and above 0.8 of the JavaScript heap. */
  readonly health?: Partial<HealthConfig> | undefined;
  /** Totals go on after a restart instead of beginning at zero. Default false. */
  readonly keepTotals?: boolean | undefined;
  /** Default `silent`; texts of phrases are logged only where `storeText` allows. */
  readonly logLevel?: LogLevel | undefined;
  /** Where the log goes. Default: the console. */
  readonly log?: LogWriter | undefined;
  /** How failures of the origin are retried, where that differs from the defaults (`docs`, "Retries"). */
  readonly retry?: RetryOptions | undefined;
  /** One attempt of a synthesis may take this long. Default 60 s. */
  readonly synthesisTimeoutMs?: number | undefined;
  /** So many phrases are synthesized at once; the others wait their turn. Default 6. */
  readonly maxConcurrentSyntheses?: number | undefined;
  /**
   * What becomes of a synthesis under way that nobody waits for any more: `complete` (default) stores what is paid for,
   * `abort` cancels it.
   */
  readonly fill?: 'complete' | 'abort' | undefined;
  /** Where the worker is, if not beside the library's own file. */
  readonly worker?: WorkerSource | undefined;
  /** A call the worker does not answer in this time fails. Default 5 s. */
  readonly callTimeoutMs?: number | undefined;
  /** Told in plain words when the cache works less well than it should. Default: once to `console.warn`. */
  readonly onWarning?: ((message: string) => void) | undefined;
}

/** Options with every default filled in. */
export interface ResolvedOptions {
  readonly config: CacheConfig;
  readonly defaults: Partial<SpeechSpec>;
  readonly synthesize: Synthesize | undefined;
  readonly keySecret: string | undefined;
  readonly retry: RetryOptions;
  readonly synthesisTimeoutMs: number;
  readonly maxConcurrentSyntheses: number;
  readonly fill: 'complete' | 'abort';
  readonly worker: WorkerSource | undefined;
  readonly callTimeoutMs: number;
  readonly onWarning: ((message: string) => void) | undefined;
  readonly logLevel: LogLevel;
  readonly log: LogWriter | undefined;
}

type Check = (value: unknown) => boolean;
type Rule = readonly [check: Check, expected: string];
type Rules = { readonly [field: string]: Rule | Rules };

const numberFrom = (min: number, max = Number.POSITIVE_INFINITY, isWhole = false): Rule => [
  (value) => typeof value === 'number' && value >= min && value <= max && (!isWhole || Number.isInteger(value)),
  `a${isWhole ? ' whole' : ''} number ${max === Number.POSITIVE_INFINITY ? `of at least ${min}` : `from ${min} to ${max}`}`,
];
const oneOf = (...values: readonly string[]): Rule => [
  (value) => values.includes(value as string),
  values.map((value) => `"${value}"`).join(' or '),
];
const ofType = (type: string): Rule => [(value) => typeof value === type, `a ${type}`];

const TIER_RULES = {
  maxBytes: numberFrom(1),
  ttlMs: numberFrom(1),
  highWater: numberFrom(0.01, 1),
  lowWater: numberFrom(0, 1),
} satisfies Rules;
const BACKOFF_RULES = {
  maxRetries: numberFrom(0, 100, true),
  firstDelayMs: numberFrom(0),
  maxDelayMs: numberFrom(0),
} satisfies Rules;

/** What can be changed while the cache works. */
const CHANGE_RULES = {
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

const RULES: Rules = {
  ...CHANGE_RULES,
  namespace: [
    (value) => typeof value === 'string' && /^[\w.-]{1,100}$/.test(value),
    '1 to 100 letters, digits, ".", "_" or "-"',
  ],
  version: numberFrom(0, Number.MAX_SAFE_INTEGER, true),
  defaults: [isObject, 'an object'],
  synthesize: ofType('function'),
  keySecret: [(value) => typeof value === 'string' && value !== '', 'a string that is not empty'],
  speedMode: oneOf('synthesis', 'playback'),
  storeText: ofType('boolean'),
  disk: { ...CHANGE_RULES.disk, store: oneOf('auto', 'opfs', 'indexeddb', 'none') },
  keepTotals: ofType('boolean'),
  logLevel: oneOf('silent', 'error', 'warn', 'info', 'debug'),
  log: ofType('function'),
  retry: { rateLimited: BACKOFF_RULES, unavailable: BACKOFF_RULES, maxRetryAfterMs: numberFrom(0) },
  synthesisTimeoutMs: numberFrom(1, 2 ** 31 - 1),
  maxConcurrentSyntheses: numberFrom(1),
  fill: oneOf('complete', 'abort'),
  worker: [
    (value) => typeof value === 'string' || typeof value === 'function' || value instanceof URL,
    'a URL or a function that returns a Worker',
  ],
  callTimeoutMs: numberFrom(1, 2 ** 31 - 1),
  onWarning: ofType('function'),
};

/** Names of collections: anything, since none ever reaches a path. */
const NAME_RULE: Rule = [
  (value) => typeof value === 'string' && value.length >= 1 && value.length <= 200,
  'a string of 1 to 200 characters',
];

/** What calls take beside their main arguments. */
const CALL_RULES: Rules = {
  signal: [(value) => value instanceof AbortSignal, 'an AbortSignal'],
  synthesize: ofType('function'),
  ttlMs: numberFrom(1),
  streaming: ofType('boolean'),
  contentType: ofType('string'),
  custom: [isObject, 'an object'],
  durability: oneOf('memory', 'relaxed', 'durable'),
  transfer: ofType('boolean'),
  budgetMs: numberFrom(0),
  limit: numberFrom(1, 1000, true),
  cursor: ofType('string'),
  sort: oneOf('accessed', 'created', 'size'),
  collection: NAME_RULE,
  search: ofType('string'),
  collections: [
    (value) => Array.isArray(value) && value.every(NAME_RULE[0]),
    `an array of names, each ${NAME_RULE[1]}`,
  ],
  pinned: ofType('boolean'),
  keepAudio: ofType('boolean'),
  replace: ofType('boolean'),
  onProgress: ofType('function'),
};

/**
 * Checks the options of a call.
 * @throws AudioCacheError `INVALID_OPTIONS`, with `field` naming the option and the message what it may be
 */
export function checkCallOptions(options: object): void {
  checkRules(options, CALL_RULES, '');
}

/**
 * Fills in the defaults.
 * @throws AudioCacheError `INVALID_OPTIONS`, with `field` naming the option and the message what it may be
 */
export function resolveOptions(options: AudioCacheClientOptions): ResolvedOptions {
  checkRules(options, RULES, '');
  const config: CacheConfig = {
    namespace: options.namespace ?? 'default',
    version: options.version ?? 1,
    speedMode: options.speedMode ?? 'synthesis',
    maxEntryBytes: options.maxEntryBytes ?? Math.min(32 * MIB, options.disk?.maxBytes ?? Number.POSITIVE_INFINITY),
    storeText: options.storeText ?? true,
    cleanupIntervalMs: options.cleanupIntervalMs ?? 5 * MINUTE_MS,
    memory: withDefaults<MemoryConfig>(options.memory, {
      maxBytes: 100 * MIB,
      maxEntries: Number.POSITIVE_INFINITY,
      ttlMs: HOUR_MS,
      highWater: 0.9,
      lowWater: 0.8,
    }),
    disk: withDefaults<DiskConfig>(options.disk, {
      store: 'auto',
      maxBytes: 1024 * MIB,
      ttlMs: 7 * DAY_MS,
      slidingTtl: false,
      highWater: 0.9,
      lowWater: 0.8,
    }),
    price: withCurrency(options.price),
    budget: withPeriod(options.budget),
    health: withDefaults<HealthConfig>(options.health, { minHitRate: 0.2, maxErrorRate: 0.1, maxHeapRatio: 0.8 }),
    keepTotals: options.keepTotals ?? false,
  };
  assertConsistent(config);
  return {
    config,
    defaults: options.defaults ?? {},
    synthesize: options.synthesize,
    keySecret: options.keySecret,
    retry: options.retry ?? {},
    synthesisTimeoutMs: options.synthesisTimeoutMs ?? MINUTE_MS,
    maxConcurrentSyntheses: options.maxConcurrentSyntheses ?? 6,
    fill: options.fill ?? 'complete',
    worker: options.worker,
    callTimeoutMs: options.callTimeoutMs ?? 5000,
    onWarning: options.onWarning,
    logLevel: options.logLevel ?? 'silent',
    log: options.log,
  };
}

/** What `configure` takes: the fields that are to change. */
export type ConfigureOptions = Pick<
  AudioCacheClientOptions,
  'maxEntryBytes' | 'cleanupIntervalMs' | 'memory' | 'price' | 'budget' | 'health'
> & { readonly disk?: Partial<Omit<DiskConfig, 'store'>> | undefined };

/**
 * Checks a change against the configuration it changes, and fills in what price and budget leave out.
 * @throws AudioCacheError `INVALID_OPTIONS`, with `field` naming the option and the message what it may be
 */
export function resolveChange(change: ConfigureOptions, config: CacheConfig): ConfigChange {
  checkRules(change, CHANGE_RULES, '');
  const resolved = { ...change, price: withCurrency(change.price), budget: withPeriod(change.budget) };
  const changed = {
    ...withDefaults<CacheConfig>({ ...resolved, memory: undefined, disk: undefined, health: undefined }, config),
    memory: withDefaults<MemoryConfig>(change.memory, config.memory),
    disk: withDefaults<DiskConfig>(change.disk, config.disk),
  };
  assertConsistent(changed);
  return resolved;
}

function withCurrency(price: AudioCacheClientOptions['price']): PriceConfig | undefined {
  if (price === undefined) return undefined;
  if (price.perThousandCharacters === undefined)
    throw invalidOption('price.perThousandCharacters', 'a number', undefined);
  return withDefaults<PriceConfig>(price, { perThousandCharacters: price.perThousandCharacters, currency: 'USD' });
}

function withPeriod(budget: AudioCacheClientOptions['budget']): BudgetConfig | undefined {
  if (budget === undefined) return undefined;
  if (budget.limit === undefined) throw invalidOption('budget.limit', 'a number', undefined);
  return withDefaults<BudgetConfig>(budget, { limit: budget.limit, periodMs: 30 * DAY_MS, whenExceeded: 'warn' });
}

/** Refuses what is right by itself and wrong together. */
function assertConsistent(config: CacheConfig): void {
  for (const tier of ['memory', 'disk'] as const) {
    const { highWater, lowWater, maxBytes } = config[tier];
    if (lowWater >= highWater) {
      throw invalidOption(`${tier}.lowWater`, `below ${tier}.highWater (${highWater})`, lowWater);
    }
    // Memory may be smaller: what it cannot hold comes from disk.
    if (tier === 'disk' && maxBytes < config.maxEntryBytes) {
      throw invalidOption('disk.maxBytes', `at least maxEntryBytes (${config.maxEntryBytes})`, maxBytes);
    }
  }
  if (config.budget !== undefined && config.price === undefined) {
    throw new AudioCacheError('INVALID_OPTIONS', 'Option "budget" needs a "price" to count by.', { field: 'budget' });
  }
}

function invalidOption(field: string, expected: string, value: unknown): AudioCacheError {
  // What a secret or a function is stays out of messages, which are logged.
  const isShown = Object(value) !== value && field !== 'keySecret';
  const shown = isShown ? (typeof value === 'string' ? `"${value}"` : String(value)) : `this ${typeof value}`;
  return new AudioCacheError('INVALID_OPTIONS', `Option "${field}" must be ${expected}, not ${shown}.`, { field });
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function checkRules(value: unknown, rules: Rules, path: string): void {
  if (!isObject(value)) throw invalidOption(path || 'options', 'an object', value);
  for (const [name, member] of Object.entries(value)) {
    const field = path === '' ? name : `${path}.${name}`;
    const rule = Object.hasOwn(rules, name) ? rules[name] : undefined;
    if (rule === undefined) {
      throw new AudioCacheError(
        'INVALID_OPTIONS',
        `Unknown option "${field}"; known: ${Object.keys(rules).join(', ')}.`,
        {
          field,
        },
      );
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
