/**
 * What a client is made with: the options, their defaults, and the check that names whatever is wrong.
 */
import {
  assertConsistent,
  CONFIG_RULES,
  checkRules,
  isGroup,
  numberFrom,
  ofType,
  oneOf,
  type Rules,
} from '../core/option-rules';
import type {
  BudgetConfig,
  CacheConfig,
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

const BACKOFF_RULES = {
  maxRetries: numberFrom(0, 100, true),
  firstDelayMs: numberFrom(0),
  maxDelayMs: numberFrom(0),
} satisfies Rules;

const RULES: Rules = {
  ...CONFIG_RULES,
  defaults: [isGroup, 'an object'],
  synthesize: ofType('function'),
  keySecret: [(value) => typeof value === 'string' && value !== '', 'a string that is not empty'],
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

/**
 * Fills in the defaults.
 * @throws AudioCacheError `INVALID_OPTIONS`, with `field` naming the option and the message what it may be
 */
export function resolveOptions(options: AudioCacheClientOptions): ResolvedOptions {
  checkRules(options, RULES);
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
  // Again, for what cannot be left out of a price or a budget.
  checkRules(config, CONFIG_RULES);
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

/** Fills in what a price may leave out; what it may not is no number then. */
export function withCurrency(price: AudioCacheClientOptions['price']): PriceConfig | undefined {
  return price && withDefaults<PriceConfig>(price, { perThousandCharacters: Number.NaN, currency: 'USD' });
}

/** Fills in what a budget may leave out; what it may not is no number then. */
export function withPeriod(budget: AudioCacheClientOptions['budget']): BudgetConfig | undefined {
  return (
    budget && withDefaults<BudgetConfig>(budget, { limit: Number.NaN, periodMs: 30 * DAY_MS, whenExceeded: 'warn' })
  );
}
