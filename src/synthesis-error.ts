/**
 * Brings whatever can go wrong with a text-to-speech service to one error, with the reason that decides about a retry.
 */
import type { Refusal } from '../core/admission';
import { AudioCacheError } from '../core/protocol/audio-cache-error';
import { parseRetryAfterMs } from '../core/retry';

/** Headers as far as they are needed. */
interface HeadersLike {
  get?(name: string): string | null;
}

/** Facts that errors of fetch and of the common SDKs carry. */
interface OriginError {
  readonly name?: unknown;
  readonly code?: unknown;
  readonly status?: unknown;
  readonly statusCode?: unknown;
  readonly response?: { readonly status?: unknown };
  readonly $metadata?: { readonly httpStatusCode?: unknown };
  readonly headers?: HeadersLike;
}

/** How browsers and Node word a failed fetch: a TypeError, as a mistake in the synthesizer's code is one too. */
const FETCH_FAILURE = /fetch|network|connection|load failed|terminated/i;

/** The error for a status that is no success. */
export function statusError(
  status: number,
  headers: HeadersLike | undefined,
  nowMs: number,
  cause?: unknown,
): AudioCacheError {
  return new AudioCacheError('SYNTHESIS_FAILED', `The text-to-speech service answered with status ${status}.`, {
    reason: 'status',
    status,
    retryAfterMs: parseRetryAfterMs(headers?.get?.('retry-after'), nowMs),
    ...(cause === undefined ? {} : { cause }),
  });
}

/** The error for an answer that is no whole audio. */
export function refusalError(refusal: Exclude<Refusal, 'too-large' | 'unknown-type'>): AudioCacheError {
  const what = {
    empty: 'returned no audio',
    'not-audio': 'returned something that is no audio',
    truncated: 'returned less audio than it announced',
  };
  return new AudioCacheError('SYNTHESIS_FAILED', `The text-to-speech service ${what[refusal]}.`, { reason: refusal });
}

/** The error for whatever a synthesizer threw. */
export function synthesisError(error: unknown, nowMs: number): AudioCacheError {
  if (error instanceof AudioCacheError && error.code === 'SYNTHESIS_FAILED') return error;
  const { name, code, status, statusCode, response, $metadata, headers } = (
    typeof error === 'object' && error !== null ? error : {}
  ) as OriginError;
  const httpStatus = status ?? statusCode ?? response?.status ?? $metadata?.httpStatusCode;
  if (typeof httpStatus === 'number') return statusError(httpStatus, headers, nowMs, error);
  const label = `${String(name)} ${String(code)}`;
  const detail = error instanceof Error ? error.message : String(error);
  if (/timeout|timedout|ECONNABORTED/i.test(label)) {
    const message = `The text-to-speech service took too long: ${detail}.`;
    return new AudioCacheError('SYNTHESIS_FAILED', message, { reason: 'timeout', cause: error });
  }
  const isFetchFailure = error instanceof TypeError && FETCH_FAILURE.test(detail);
  if (isFetchFailure || /network|connection/i.test(label)) {
    const message = `The text-to-speech service could not be reached: ${detail}.`;
    return new AudioCacheError('SYNTHESIS_FAILED', message, { reason: 'network', cause: error });
  }
  const reason = code === 'INVALID_AUDIO' ? 'not-audio' : 'threw';
  const message = `The synthesize function failed: ${detail}.`;
  return new AudioCacheError('SYNTHESIS_FAILED', message, { reason, cause: error });
}

/** The same failure in a form that is not tried again: its beginning has been heard. */
export function finalError(error: unknown): unknown {
  if (!(error instanceof AudioCacheError)) return error;
  const { code, message, status } = error;
  return new AudioCacheError(code, `${message} It broke off while playing.`, { status, reason: 'threw', cause: error });
}
