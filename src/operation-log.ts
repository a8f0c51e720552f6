/**
 * What the cache does, told to developers: the event for each operation of this page, and the log, line by line. Logged are
 * what failed, warnings, what changes by itself, and at `debug` each operation with its key's beginning where that is
 * known, tier, time and bytes. Texts only where texts are stored anyway. Fetched only where somebody wants to know.
 */
import { AudioCacheError } from '../core/protocol/audio-cache-error';
import { isObject } from '../core/protocol/is-object';
import type { Address, CacheRequest, PinTarget } from '../core/protocol/messages';
import type { EntryMetadata } from '../core/protocol/values';
import type { ClientEvent, FailedEvent, OperationEvent } from './client-events';
import type { ResolvedOptions } from './options';

/** How much is logged: each level includes those before it. */
export type LogLevel = 'silent' | 'error' | 'warn' | 'info' | 'debug';

/** Takes a line of a level. */
export type LogWriter = (level: Exclude<LogLevel, 'silent'>, line: string) => void;

/** What came of a request. */
export type OperationOutcome = { readonly answer: unknown } | { readonly error: unknown };

const LEVELS: readonly LogLevel[] = ['silent', 'error', 'warn', 'info', 'debug'];
/** Enough to tell entries apart, beside `v1_`. */
const KEY_LENGTH = 11;
/** Answered with what was asked for, or with nothing. */
const QUESTIONS: ReadonlySet<string> = new Set(['get', 'has', 'info', 'delete', 'collection', 'export-entry']);

/** Returns the event for a request that has ended; undefined when its caller gave it up. */
export function describeOperation(
  request: CacheRequest,
  outcome: OperationOutcome,
  latencyMs: number,
): OperationEvent | FailedEvent | undefined {
  const name = request.type;
  if ('error' in outcome) {
    const { error } = outcome;
    return error instanceof AudioCacheError ? { type: 'failed', error, name, key: keyIn(request) } : undefined;
  }
  const { answer } = outcome;
  return {
    type: 'operation',
    name,
    key: keyIn(request, answer),
    latencyMs,
    byteLength: request.type === 'put' ? request.result.byteLength : undefined,
    isFound: QUESTIONS.has(name) ? answer !== undefined && answer !== false : undefined,
  };
}

/** Logs an event, if there is a line for it at the level. What the writer throws is thrown. */
export function logEvent(
  event: ClientEvent,
  { logLevel, log = writeToConsole, config }: Pick<ResolvedOptions, 'logLevel' | 'log' | 'config'>,
): void {
  const [level, ...words] = lineOf(event, config.storeText);
  if (LEVELS.indexOf(level) > LEVELS.indexOf(logLevel) || level === 'silent') return;
  log(level, words.filter(Boolean).join(' '));
}

const writeToConsole: LogWriter = (level, line) => {
  // biome-ignore lint/suspicious/noConsole: this is what the log is for.
  console[level](`reprise-cache: ${line}`);
};

/** The words of the line and their level; those that are undefined are left out. */
function lineOf(event: ClientEvent, hasTexts: boolean): readonly [LogLevel, ...(string | undefined)[]] {
  switch (event.type) {
    case 'failed':
      return ['error', 'failed', event.name, shortKey(event.key), `${event.error.code}: ${event.error.message}`];
    case 'warning':
      return ['warn', event.message];
    case 'alert': {
      const { code, message } = event.alert;
      return ['warn', 'alert', event.isRaised ? 'raised' : 'over', `${code}: ${message}`];
    }
    case 'owner-changed':
      return ['info', `this tab is now ${event.role}`];
    case 'cleared':
      return ['info', 'cleared'];
    case 'entries-removed':
      return ['info', `removed ${event.entries} from ${event.tier}, ${event.reason}, ${event.bytes} bytes`];
    case 'served': {
      const { key, source, joined, latencyMs, byteLength, text } = event;
      const words = [shortKey(key), source, joined ? 'joined' : undefined, ms(latencyMs), bytes(byteLength)];
      return ['debug', 'served', ...words, hasTexts && text !== undefined ? JSON.stringify(text) : undefined];
    }
    case 'operation': {
      const { name, key, isFound, latencyMs, byteLength } = event;
      return ['debug', name, shortKey(key), isFound === false ? 'miss' : undefined, ms(latencyMs), bytes(byteLength)];
    }
    case 'entry-deleted':
      return ['debug', 'deleted', shortKey(event.key)];
    default:
      return ['silent'];
  }
}

/** The key that a request or its answer names, if one does: none is computed for this. */
function keyIn(request: CacheRequest, answer?: unknown): string | undefined {
  if (request.type === 'put' && typeof answer === 'string') return answer;
  // What requests name entries by; of each there is one at most.
  const { address, target, metadata } = request as {
    readonly address?: Address;
    readonly target?: PinTarget;
    readonly metadata?: EntryMetadata;
  };
  for (const holder of [request, address, target && 'address' in target && target.address, metadata, answer]) {
    if (isObject(holder) && typeof holder.key === 'string') return holder.key;
  }
  return undefined;
}

function shortKey(key: string | undefined): string | undefined {
  return key?.slice(0, KEY_LENGTH);
}

function ms(latencyMs: number): string {
  return `${latencyMs.toFixed(2)} ms`;
}

function bytes(byteLength: number | undefined): string | undefined {
  return byteLength === undefined ? undefined : `${byteLength} bytes`;
}
