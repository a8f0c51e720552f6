/**
 * Takes errors apart for their way across threads; `decodeError` puts them together again. A file of its own, because
 * pages need it only to synthesize.
 */
import { AudioCacheError, type ErrorMessage } from './audio-cache-error';

/** Causes of causes are kept this deep; deeper ones, or a circle, are cut off. */
const MAX_CAUSE_DEPTH = 4;

/** Takes any thrown value apart; undoing it gives an `AudioCacheError` again where it was one. */
export function encodeError(error: unknown, depth = 0): ErrorMessage {
  if (!(error instanceof Error)) return { name: 'Error', message: describe(error) };
  const cause = error.cause === undefined || depth >= MAX_CAUSE_DEPTH ? undefined : encodeError(error.cause, depth + 1);
  const common = { name: error.name, message: error.message, stack: error.stack, cause };
  if (!(error instanceof AudioCacheError)) return common;
  const { code, status, attempts, reason, retryAfterMs, field } = error;
  return { ...common, code, context: { status, attempts, reason, retryAfterMs, field } };
}

/** A thrown value that is no error, in words. */
function describe(value: unknown): string {
  try {
    return typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value));
  } catch {
    return String(value);
  }
}
