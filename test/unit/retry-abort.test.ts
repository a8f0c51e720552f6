import { describe, expect, it } from 'vitest';
import { AudioCacheError } from '../../core/protocol/audio-cache-error';
import { DEFAULT_RETRY_POLICY, parseRetryAfterMs, retryOrigin } from '../../core/retry';
import { FakeClock, settle } from '../fake-clock';

const RATE_LIMITED = new AudioCacheError('SYNTHESIS_FAILED', 'Slow down.', { reason: 'status', status: 429 });

function retried(attempt: () => Promise<string>, onWait?: (isWaiting: boolean) => void) {
  const clock = new FakeClock();
  const abort = new AbortController();
  const environment = { clock, random: () => 0.5, signal: abort.signal, ...(onWait && { onWait }) };
  let outcome: unknown;
  void retryOrigin(attempt, DEFAULT_RETRY_POLICY, environment).then(
    (result) => {
      outcome = result;
    },
    (error) => {
      outcome = error;
    },
  );
  return { clock, abort, outcome: () => outcome };
}

describe('A caller who gives up', () => {
  it('need not wait for the end of the wait, and leaves no timer behind', async () => {
    const { clock, abort, outcome } = retried(() => Promise.reject(RATE_LIMITED));
    await clock.advance(400);
    expect(outcome()).toBeUndefined();
    abort.abort('enough');
    await settle();
    expect(outcome()).toBe('enough');
    expect(clock.pendingTimers).toBe(0);
  });

  it('is told its own reason even when the attempt fails with another', async () => {
    let fail: (error: unknown) => void = () => {};
    const { abort, outcome } = retried(
      () =>
        new Promise((_, reject) => {
          fail = reject;
        }),
    );
    abort.abort('enough');
    fail(RATE_LIMITED);
    await settle();
    expect(outcome()).toBe('enough');
  });

  it('costs no attempt when it gave up before the first', async () => {
    let attempts = 0;
    const abort = AbortSignal.abort('too late');
    const environment = { clock: new FakeClock(), random: () => 0.5, signal: abort };
    const attempt = async () => ++attempts;
    await expect(retryOrigin(attempt, DEFAULT_RETRY_POLICY, environment)).rejects.toBe('too late');
    expect(attempts).toBe(0);
  });

  it('need not wait either when it is let go as the wait begins', async () => {
    const { clock, abort, outcome } = retried(
      () => Promise.reject(RATE_LIMITED),
      (isWaiting) => {
        if (isWaiting) abort.abort('nobody wants it');
      },
    );
    await settle();
    expect(outcome()).toBe('nobody wants it');
    expect(clock.pendingTimers).toBe(0);
  });

  it('is told when a wait begins and ends', async () => {
    const told: boolean[] = [];
    const { clock } = retried(
      () => Promise.reject(RATE_LIMITED),
      (isWaiting) => told.push(isWaiting),
    );
    await settle();
    expect(told).toEqual([true]);
    await clock.advance(1000);
    expect(told).toEqual([true, false, true]);
  });

  it('leaves no listener on a signal that lives longer', async () => {
    const signal = new AbortController().signal;
    let listeners = 0;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      listeners++;
      add(...args);
    };
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      listeners--;
      remove(...args);
    };
    const clock = new FakeClock();
    let attempts = 0;
    const attempt = async () => {
      if (++attempts < 4) throw RATE_LIMITED;
      return 'audio';
    };
    const outcome = retryOrigin(attempt, DEFAULT_RETRY_POLICY, { clock, random: () => 0.5, signal });
    await clock.advance(10_000);
    expect(await outcome).toBe('audio');
    expect(listeners).toBe(0);
  });
});

describe('The header Retry-After', () => {
  const nowMs = Date.parse('2025-06-18T12:00:00Z');

  it.each([
    ['0', 0],
    ['7', 7000],
    [' 7 ', 7000],
    ['1.5', 1500],
    ['-3', 0],
    ['Wed, 18 Jun 2025 12:00:30 GMT', 30_000],
    ['Wednesday, 18-Jun-25 12:00:30 GMT', 30_000],
    ['Wed, 18 Jun 2025 11:59:00 GMT', 0],
  ])('"%s" means to wait %i ms', (header, waitMs) => {
    expect(parseRetryAfterMs(header, nowMs)).toBe(waitMs);
  });

  it.each([[null], [undefined], [''], ['   '], ['soon'], ['NaN'], ['Infinity'], ['7 seconds or so'], ['{}']])(
    'says nothing as "%s"',
    (header) => {
      expect(parseRetryAfterMs(header, nowMs)).toBeUndefined();
    },
  );
});
