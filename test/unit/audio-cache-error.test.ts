import { describe, expect, it } from 'vitest';
import { AudioCacheError, decodeError } from '../../core/protocol/audio-cache-error';
import { encodeError } from '../../core/protocol/encode-error';

/** Sends an error through a structured clone, as between two threads. */
function carried(error: unknown): Error {
  return decodeError(structuredClone(encodeError(error)));
}

describe('An error that crosses threads', () => {
  it('arrives as what it was, with its context', () => {
    const context = { status: 429, attempts: 4, reason: 'status', retryAfterMs: 7000, field: undefined } as const;
    const error = new AudioCacheError('SYNTHESIS_FAILED', 'Too many requests.', context);
    const arrived = carried(error);
    expect(arrived).toBeInstanceOf(AudioCacheError);
    expect(arrived).toMatchObject({ name: 'AudioCacheError', code: 'SYNTHESIS_FAILED', message: error.message });
    expect(arrived).toMatchObject(context);
    expect(arrived.stack).toBe(error.stack);
    expect('cause' in arrived).toBe(false);
  });

  it('arrives with its cause, and the cause of that', () => {
    const cause = new TypeError('Failed to fetch', { cause: new Error('ECONNRESET') });
    const arrived = carried(new AudioCacheError('SYNTHESIS_FAILED', 'Not reached.', { cause }));
    expect(arrived.cause).toMatchObject({ name: 'TypeError', message: 'Failed to fetch' });
    expect((arrived.cause as Error).cause).toMatchObject({ message: 'ECONNRESET' });
  });

  it('that is its own cause is cut off', () => {
    const error = new Error('round and round');
    error.cause = error;
    let depth = 0;
    for (let each: unknown = carried(error); each instanceof Error; each = each.cause) depth++;
    expect(depth).toBe(5);
  });

  it.each<readonly [what: string, thrown: unknown, message: string]>([
    ['a string', 'no voice', 'no voice'],
    ['a number', 7, '7'],
    ['nothing', undefined, 'undefined'],
    ['null', null, 'null'],
    ['an object', { detail: 'no voice' }, '{"detail":"no voice"}'],
    ['a bigint', 7n, '7'],
    ['a symbol', Symbol('odd'), 'Symbol(odd)'],
  ])('that is %s arrives in words', (_, thrown, message) => {
    expect(carried(thrown)).toMatchObject({ name: 'Error', message });
  });

  it('that is an exception of the platform keeps its name', () => {
    expect(carried(new DOMException('too slow', 'TimeoutError'))).toMatchObject({
      name: 'TimeoutError',
      message: 'too slow',
    });
  });
});
