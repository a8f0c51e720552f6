import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AudioCacheError, type ErrorContext } from '../../core/protocol/audio-cache-error';
import { DEFAULT_RETRY_POLICY, type RetryPolicy, resolveRetryPolicy, retryOrigin } from '../../core/retry';
import { FakeClock } from '../fake-clock';

function failure(context: ErrorContext): AudioCacheError {
  return new AudioCacheError('SYNTHESIS_FAILED', 'The service said no.', context);
}
const status = (code: number, retryAfterMs?: number) => failure({ reason: 'status', status: code, retryAfterMs });

interface Run {
  /** Milliseconds between the attempts. */
  readonly waitsMs: readonly number[];
  readonly outcome: unknown;
}

/** Plays an origin that fails as listed and then succeeds, with all the time in the world. */
async function run(
  failures: readonly unknown[],
  { random = () => 0.5, policy = DEFAULT_RETRY_POLICY }: { random?: () => number; policy?: RetryPolicy } = {},
): Promise<Run> {
  const clock = new FakeClock();
  const startsMs: number[] = [];
  const attempt = async () => {
    startsMs.push(clock.nowMs());
    if (startsMs.length <= failures.length) throw failures[startsMs.length - 1];
    return 'audio';
  };
  const { signal } = new AbortController();
  const outcome = retryOrigin(attempt, policy, { clock, random, signal }).catch((error: unknown) => error);
  await clock.advance(3_600_000);
  return { waitsMs: startsMs.slice(1).map((ms, index) => ms - (startsMs[index] ?? 0)), outcome: await outcome };
}

describe('An origin that is asked again', () => {
  it('is not, when it answers at once', async () => {
    expect(await run([])).toEqual({ waitsMs: [], outcome: 'audio' });
  });

  it('with 429 is so three times, after one, two and four seconds', async () => {
    expect((await run([status(429), status(429), status(429)])).waitsMs).toEqual([1000, 2000, 4000]);
    const { waitsMs, outcome } = await run(Array(9).fill(status(429)));
    expect(waitsMs).toEqual([1000, 2000, 4000]);
    expect(outcome).toMatchObject({ code: 'SYNTHESIS_FAILED', status: 429, reason: 'status', attempts: 4 });
  });

  it.each([
    ['status 500', status(500)],
    ['status 503', status(503)],
    ['status 599', status(599)],
    ['a network error', failure({ reason: 'network' })],
    ['a timeout', failure({ reason: 'timeout' })],
    ['a body that broke off', failure({ reason: 'truncated' })],
  ])('with %s is so twice, after half a second and a second', async (_, error) => {
    const { waitsMs, outcome } = await run(Array(9).fill(error));
    expect(waitsMs).toEqual([500, 1000]);
    expect(outcome).toMatchObject({ code: 'SYNTHESIS_FAILED', reason: error.reason, attempts: 3 });
    expect(await run([error, error])).toEqual({ waitsMs: [500, 1000], outcome: 'audio' });
  });

  it.each([
    ['status 400', status(400)],
    ['status 401', status(401)],
    ['status 404', status(404)],
    ['status 408', status(408)],
    ['status 422', status(422)],
    ['status 304', status(304)],
    ['status 0', status(0)],
    ['no audio at all', failure({ reason: 'empty' })],
    ['something that is no audio', failure({ reason: 'not-audio' })],
    ['an error of the synthesizer itself', failure({ reason: 'threw' })],
    ['an error of another kind', new AudioCacheError('INVALID_AUDIO', 'What is this?')],
  ])('with %s is not: it would cost and change nothing', async (_, error) => {
    const { waitsMs, outcome } = await run([error]);
    expect(waitsMs).toEqual([]);
    expect(outcome).toMatchObject({ code: error.code, status: error.status, reason: error.reason, attempts: 1 });
  });

  it('with something that is no AudioCacheError is not, and the error stays what it is', async () => {
    const bug = new RangeError('a bug');
    expect((await run([bug])).outcome).toBe(bug);
  });

  it('counts rate limits and outages separately', async () => {
    const mixed = [status(429), status(503), status(429), status(503), status(429)];
    expect(await run(mixed)).toEqual({ waitsMs: [1000, 500, 2000, 1000, 4000], outcome: 'audio' });
    expect((await run([...mixed, status(503)])).outcome).toMatchObject({ status: 503, attempts: 6 });
  });

  it('waits no longer than the longest wait', async () => {
    const policy = resolveRetryPolicy({ rateLimited: { maxRetries: 7 }, unavailable: { maxRetries: 7 } });
    expect((await run(Array(7).fill(status(429)), { policy })).waitsMs).toEqual([
      1000, 2000, 4000, 8000, 16_000, 16_000, 16_000,
    ]);
    expect((await run(Array(7).fill(status(500)), { policy })).waitsMs).toEqual([
      500, 1000, 2000, 4000, 8000, 8000, 8000,
    ]);
  });

  it('spreads its waits by a quarter either way', async () => {
    expect((await run([status(429)], { random: () => 0 })).waitsMs).toEqual([750]);
    expect((await run([status(429)], { random: () => 1 })).waitsMs).toEqual([1250]);
    await fc.assert(
      fc.asyncProperty(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), async (chance) => {
        const { waitsMs } = await run(Array(3).fill(status(429)), { random: () => chance });
        for (const [index, waitMs] of waitsMs.entries()) {
          expect(waitMs / (1000 * 2 ** index)).toBeGreaterThanOrEqual(0.75);
          expect(waitMs / (1000 * 2 ** index)).toBeLessThanOrEqual(1.25);
        }
      }),
      { seed: 9, numRuns: 30 },
    );
  });

  it('keeps cause and context of the last failure and says how often it was asked', async () => {
    const cause = new TypeError('Failed to fetch');
    const network = new AudioCacheError('SYNTHESIS_FAILED', 'Not reached.', { reason: 'network', cause });
    const { outcome } = await run([status(500), status(500), network]);
    expect(outcome).toMatchObject({ reason: 'network', status: undefined, attempts: 3, cause });
    expect((outcome as Error).message).toBe('Not reached. It was asked 3 times.');
  });
});

describe('A service that says when to come back', () => {
  it('is obeyed when that is longer than the wait', async () => {
    expect((await run([status(429, 7000)])).waitsMs).toEqual([7000]);
    expect((await run([status(503, 7000), status(503)])).waitsMs).toEqual([7000, 1000]);
  });

  it('is not asked earlier than the wait when it is shorter', async () => {
    expect((await run([status(429, 10)])).waitsMs).toEqual([1000]);
    expect((await run([status(429, 0)])).waitsMs).toEqual([1000]);
  });

  it('is waited for up to a minute, and not asked again when it asks for more', async () => {
    expect((await run([status(429, 60_000)])).waitsMs).toEqual([60_000]);
    const { waitsMs, outcome } = await run([status(429, 60_001)]);
    expect(waitsMs).toEqual([]);
    expect(outcome).toMatchObject({ status: 429, retryAfterMs: 60_001, attempts: 1 });
  });

  it('is not obeyed for a failure that is final', async () => {
    expect((await run([status(401, 5000)])).waitsMs).toEqual([]);
  });
});

describe('A policy of retries', () => {
  it('is the default one where nothing else is said', () => {
    expect(resolveRetryPolicy({})).toEqual(DEFAULT_RETRY_POLICY);
  });

  it('replaces only what is given', () => {
    const policy = resolveRetryPolicy({ unavailable: { maxRetries: 0 }, maxRetryAfterMs: 5 });
    expect(policy).toEqual({
      ...DEFAULT_RETRY_POLICY,
      unavailable: { ...DEFAULT_RETRY_POLICY.unavailable, maxRetries: 0 },
      maxRetryAfterMs: 5,
    });
  });

  it('takes undefined for not given, for whoever passes on options of their own', () => {
    const nothing: undefined = undefined;
    // TypeScript forbids it only under `exactOptionalPropertyTypes`, which few turn on.
    const passedOn = { maxRetries: nothing, firstDelayMs: nothing, maxDelayMs: nothing } as object;
    const policy = resolveRetryPolicy({ rateLimited: passedOn, unavailable: passedOn, maxRetryAfterMs: nothing });
    expect(policy).toEqual(DEFAULT_RETRY_POLICY);
  });

  it('without retries asks once', async () => {
    const never = { maxRetries: 0 };
    const policy = resolveRetryPolicy({ rateLimited: never, unavailable: never });
    expect((await run([status(429)], { policy })).waitsMs).toEqual([]);
    expect((await run([status(500)], { policy })).outcome).toMatchObject({ attempts: 1 });
  });
});
