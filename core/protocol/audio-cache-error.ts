/**
 * The one error class, its closed set of codes, and its way across threads.
 *
 * Comlink carries only name, message and stack of a thrown error, so errors cross as answers: `encodeError` on one
 * side, `decodeError` on the other, and `code`, `cause` and context arrive. Codes are stable, messages are not.
 * A programming mistake inside Reprise is a `TypeError`, never this.
 */

/** What went wrong, for programs. */
export type AudioCacheErrorCode =
  | 'INVALID_SPEC'
  | 'INVALID_KEY'
  | 'INVALID_OPTIONS'
  | 'INVALID_AUDIO'
  | 'ENTRY_TOO_LARGE'
  | 'SYNTHESIS_FAILED'
  | 'NO_SYNTHESIZER'
  | 'STORE_UNAVAILABLE'
  | 'QUOTA_EXCEEDED'
  | 'OFFLINE_MISS'
  | 'BUNDLE_INVALID'
  | 'DEADLINE_EXCEEDED'
  | 'WORKER_LOST'
  | 'CLOSED';

/** Why a synthesis counts as failed although the origin answered, or that it did not. */
export type SynthesisFailure =
  | 'status'
  | 'network'
  | 'timeout'
  | 'empty'
  | 'not-audio'
  | 'truncated'
  | 'threw'
  /** The budget is spent: the origin was not asked. */
  | 'budget';

/** Small facts about a failure. All of them survive a structured clone. */
export interface ErrorContext {
  /** HTTP status of the origin's last answer. */
  readonly status?: number | undefined;
  /** How often the origin was asked. */
  readonly attempts?: number | undefined;
  /** What kind of failure a `SYNTHESIS_FAILED` is. */
  readonly reason?: SynthesisFailure | undefined;
  /** How long the origin asked us to wait. */
  readonly retryAfterMs?: number | undefined;
  /** The option or spec field meant. */
  readonly field?: string | undefined;
}

/** Every failure Reprise reports. Look at `code`; the message says what was wrong and what to do. */
export class AudioCacheError extends Error {
  override readonly name = 'AudioCacheError';
  readonly code: AudioCacheErrorCode;
  readonly status: number | undefined;
  readonly attempts: number | undefined;
  readonly reason: SynthesisFailure | undefined;
  readonly retryAfterMs: number | undefined;
  readonly field: string | undefined;

  constructor(code: AudioCacheErrorCode, message: string, context: ErrorContext & { readonly cause?: unknown } = {}) {
    super(message, 'cause' in context ? { cause: context.cause } : undefined);
    this.code = code;
    this.status = context.status;
    this.attempts = context.attempts;
    this.reason = context.reason;
    this.retryAfterMs = context.retryAfterMs;
    this.field = context.field;
  }
}

/** An error taken apart so that a structured clone keeps all of it. */
export interface ErrorMessage {
  readonly name: string;
  readonly message: string;
  readonly stack?: string | undefined;
  readonly code?: AudioCacheErrorCode | undefined;
  readonly context?: ErrorContext | undefined;
  readonly cause?: ErrorMessage | undefined;
}

/** Puts together what `encodeError` took apart. */
export function decodeError(message: ErrorMessage): Error {
  const cause = message.cause === undefined ? {} : { cause: decodeError(message.cause) };
  const error =
    message.code === undefined
      ? Object.assign(new Error(message.message, cause), { name: message.name })
      : new AudioCacheError(message.code, message.message, { ...message.context, ...cause });
  if (message.stack !== undefined) error.stack = message.stack;
  return error;
}
