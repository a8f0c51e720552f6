/**
 * How the origin is retried.
 *
 * 429: up to 3 retries, 1 s doubling to 16 s. 5xx and network errors: up to 2, 0.5 s doubling to 8 s. Jitter ±25 %.
 * `Retry-After` wins when it is longer, and ends the attempts when it is longer than anybody would wait. Other
 * statuses are the caller's mistake or the provider's refusal, and asking again costs money.
 */
import type { Clock } from './clock';
import { AudioCacheError } from './protocol/audio-cache-error';
import { withDefaults } from './with-defaults';

/** Waits between the attempts of one kind of failure. */
export interface BackoffPolicy {
  readonly maxRetries: number;
  readonly firstDelayMs: number;
  readonly maxDelayMs: number;
}

/** How failures of the origin are retried. */
export interface RetryPolicy {
  /** For status 429. */
  readonly rateLimited: BackoffPolicy;
  /** For 5xx, network errors, timeouts and truncated bodies. */
  readonly unavailable: BackoffPolicy;
  /** A longer `Retry-After` fails at once, with `retryAfterMs` in the error. */
  readonly maxRetryAfterMs: number;
}

/** Any part of a policy; the rest is as in `DEFAULT_RETRY_POLICY`. */
export interface RetryOptions {
  readonly rateLimited?: Partial<BackoffPolicy> | undefined;
  readonly unavailable?: Partial<BackoffPolicy> | undefined;
  readonly maxRetryAfterMs?: number | undefined;
}

/** Used where the options do not say otherwise. */
export const DEFAULT_RETRY_POLICY: RetryPolicy = {
  rateLimited: { maxRetries: 3, firstDelayMs: 1000, maxDelayMs: 16_000 },
  unavailable: { maxRetries: 2, firstDelayMs: 500, maxDelayMs: 8000 },
  maxRetryAfterMs: 60_000,
};

/** Returns the default policy with the options applied. */
export function resolveRetryPolicy(options: RetryOptions): RetryPolicy {
  const { rateLimited, unavailable, maxRetryAfterMs } = DEFAULT_RETRY_POLICY;
  return {
    rateLimited: withDefaults(options.rateLimited, rateLimited),
    unavailable: withDefaults(options.unavailable, unavailable),
    maxRetryAfterMs: options.maxRetryAfterMs ?? maxRetryAfterMs,
  };
}

/** Where time and chance come from. */
export interface RetryEnvironment {
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly signal: AbortSignal;
  /** Told before and after each wait, so that a caller who gave up can be let go meanwhile. */
  readonly onWait?: (isWaiting: boolean) => void;
}

const JITTER = 0.25;

/**
 * Calls `attempt` until it succeeds or its failures are used up. An attempt fails with an AudioCacheError
 * `SYNTHESIS_FAILED` whose status, reason and `retryAfterMs` decide; anything else it throws is final.
 * @throws AudioCacheError `SYNTHESIS_FAILED` with the number of attempts; the signal's reason after an abort.
 */
export async function retryOrigin<Result>(
  attempt: () => Promise<Result>,
  policy: RetryPolicy,
  environment: RetryEnvironment,
): Promise<Result> {
  let rateLimits = 0;
  let outages = 0;
  for (let attempts = 1; ; attempts++) {
    throwIfAborted(environment.signal);
    try {
      return await attempt();
    } catch (error) {
      throwIfAborted(environment.signal);
      if (!(error instanceof AudioCacheError)) throw error;
      const isRateLimit = error.status === 429;
      const backoff = isRateLimit ? policy.rateLimited : policy.unavailable;
      const retries = isRateLimit ? rateLimits++ : outages++;
      const retryAfterMs = error.retryAfterMs ?? 0;
      if (!isRetryable(error) || retries >= backoff.maxRetries || retryAfterMs > policy.maxRetryAfterMs) {
        throw withAttempts(error, attempts);
      }
      const delayMs = Math.min(backoff.firstDelayMs * 2 ** retries, backoff.maxDelayMs);
      const jitteredMs = delayMs * (1 + JITTER * (2 * environment.random() - 1));
      await wait(Math.max(jitteredMs, retryAfterMs), environment);
    }
  }
}

/** Reads `Retry-After`: seconds or an HTTP date (RFC 9110, 10.2.3); undefined when absent or unreadable. */
export function parseRetryAfterMs(header: string | null | undefined, nowMs: number): number | undefined {
  if (header === null || header === undefined) return undefined;
  const seconds = Number(header.trim() === '' ? Number.NaN : header);
  if (Number.isFinite(seconds)) return Math.max(0, seconds * 1000);
  const atMs = Date.parse(header);
  return Number.isNaN(atMs) ? undefined : Math.max(0, atMs - nowMs);
}

function isRetryable({ status, reason }: AudioCacheError): boolean {
  if (reason === 'status') return status === 429 || (status !== undefined && status >= 500);
  return reason === 'network' || reason === 'timeout' || reason === 'truncated';
}

function withAttempts(error: AudioCacheError, attempts: number): AudioCacheError {
  const { code, message, status, reason, retryAfterMs, cause } = error;
  const counted = attempts === 1 ? message : `${message} It was asked ${attempts} times.`;
  return new AudioCacheError(code, counted, { status, reason, retryAfterMs, attempts, cause });
}

function wait(delayMs: number, { clock, signal, onWait }: RetryEnvironment): Promise<void> {
  onWait?.(true);
  // Told of the wait, the last caller may have left.
  if (signal.aborted) return Promise.reject(signal.reason);
  return new Promise<void>((resolve, reject) => {
    const onAbort = () => {
      cancel();
      reject(signal.reason);
    };
    const cancel = clock.schedule(() => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    }, delayMs);
    signal.addEventListener('abort', onAbort, { once: true });
  }).finally(() => onWait?.(false));
}

function throwIfAborted(signal: AbortSignal): void {
  if (signal.aborted) throw signal.reason;
}
