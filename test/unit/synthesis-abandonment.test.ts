import { describe, expect, it } from 'vitest';
import { Turns } from '../../src/turns';
import { audioOf } from '../cache-fixture';
import { settle } from '../fake-clock';
import { answering, audioResponse, ScriptedOrigin, startSynthesis } from '../synthesis-fixture';

const audio = new Uint8Array(audioOf(1));

/** Turns that are all taken until the returned function is called. */
function takenTurns(): { readonly turns: Turns; readonly free: () => void } {
  const turns = new Turns(1);
  let free = () => {};
  void turns.take(
    new AbortController().signal,
    () =>
      new Promise<void>((resolve) => {
        free = resolve;
      }),
  );
  return { turns, free: () => free() };
}

describe('A synthesis that nobody wants any more', () => {
  it('is dropped before it costs anything, while it waits for its turn', async () => {
    const { turns, free } = takenTurns();
    const origin = new ScriptedOrigin();
    const { synthesis, sink, clock } = startSynthesis(origin.synthesize, { turns });
    synthesis.attach('w-1');
    synthesis.abandon('w-1');
    await expect(synthesis.done).rejects.toMatchObject({ name: 'AbortError' });
    expect(synthesis.isCancelled).toBe(true);
    expect(sink.failed).toEqual([{ fillId: 'w-1', error: undefined }]);
    free();
    await settle();
    expect(origin.signals).toHaveLength(0);
    expect(clock.pendingTimers).toBe(0);
  });

  it('is dropped while it waits to be tried again', async () => {
    const limited = () => new Response('', { status: 429, headers: { 'retry-after': '30' } });
    const synthesize = answering(limited, audioResponse(1));
    const { synthesis, sink, clock } = startSynthesis(synthesize);
    synthesis.attach('w-1');
    await clock.advance(1000);
    synthesis.abandon('w-1');
    await expect(synthesis.done).rejects.toMatchObject({ name: 'AbortError' });
    expect(sink.failed).toEqual([{ fillId: 'w-1', error: undefined }]);
    await clock.advance(60_000);
    expect(synthesize.attempts()).toBe(1);
    expect(clock.pendingTimers).toBe(0);
  });

  it('is dropped at once when the attempt it was left in fails', async () => {
    let fail = (_error: unknown) => {};
    const { synthesis, sink, clock } = startSynthesis(
      () =>
        new Promise((_, reject) => {
          fail = reject;
        }),
    );
    synthesis.attach('w-1');
    synthesis.abandon('w-1');
    await settle();
    expect(synthesis.isCancelled).toBe(false);
    fail(new TypeError('Failed to fetch'));
    await settle();
    expect(synthesis.isCancelled).toBe(true);
    expect(sink.failed).toEqual([{ fillId: 'w-1', error: undefined }]);
    expect(clock.pendingTimers).toBe(0);
  });

  it('is completed once it was sent, since it is paid for', async () => {
    const origin = new ScriptedOrigin();
    const { synthesis, sink } = startSynthesis(origin.synthesize);
    synthesis.attach('w-1');
    synthesis.abandon('w-1');
    expect(origin.signals[0]?.aborted).toBe(false);
    origin.send(audio);
    origin.end();
    await synthesis.done;
    await settle();
    expect(sink.completed.map(({ fillId }) => fillId)).toEqual(['w-1']);
  });

  it('is ended although it was sent, when that is asked for, and its stream is let go', async () => {
    const origin = new ScriptedOrigin();
    const { synthesis, sink, clock } = startSynthesis(origin.synthesize, { abortWhenAbandoned: true });
    synthesis.attach('w-1');
    origin.send(audio.slice(0, 300));
    await settle();
    synthesis.abandon('w-1');
    expect(origin.signals[0]?.aborted).toBe(true);
    await expect(synthesis.done).rejects.toMatchObject({ name: 'AbortError' });
    expect(sink.failed).toEqual([{ fillId: 'w-1', error: undefined }]);
    await settle();
    expect(origin.cancellations).toBe(1);
    expect(clock.pendingTimers).toBe(0);
  });
});

describe('A synthesis that somebody still wants', () => {
  it('goes on although one of its fills is abandoned', async () => {
    const { turns, free } = takenTurns();
    const origin = new ScriptedOrigin();
    const { synthesis, sink } = startSynthesis(origin.synthesize, { turns, abortWhenAbandoned: true });
    synthesis.attach('w-1');
    synthesis.attach('x-1');
    synthesis.abandon('w-1');
    synthesis.abandon('w-1');
    synthesis.abandon('unknown');
    free();
    await settle();
    origin.send(audio);
    origin.end();
    await synthesis.done;
    await settle();
    expect(sink.completed.map(({ fillId }) => fillId)).toEqual(['w-1', 'x-1']);
  });

  it('on this page goes on although every fill is abandoned, until that one leaves too', async () => {
    const { turns } = takenTurns();
    const { synthesis } = startSynthesis(answering(audioResponse(1)), { turns });
    synthesis.attach('w-1');
    const leave = synthesis.addCaller();
    synthesis.abandon('w-1');
    await settle();
    expect(synthesis.isCancelled).toBe(false);
    leave();
    expect(synthesis.isCancelled).toBe(true);
    await expect(synthesis.done).rejects.toMatchObject({ name: 'AbortError' });
  });
});

describe('A synthesis that is cancelled', () => {
  it('ends whatever its state, with the reason it was given', async () => {
    const origin = new ScriptedOrigin();
    const { synthesis, sink, clock } = startSynthesis(origin.synthesize);
    synthesis.attach('w-1');
    origin.send(audio);
    await settle();
    const reason = new Error('closed');
    synthesis.cancel(reason);
    await expect(synthesis.done).rejects.toBe(reason);
    expect(origin.signals[0]?.reason).toBe(reason);
    expect(sink.failed).toEqual([{ fillId: 'w-1', error: undefined }]);
    expect(clock.pendingTimers).toBe(0);
  });

  it('after its end changes nothing', async () => {
    const { synthesis, sink } = startSynthesis(answering(audioResponse(1)));
    synthesis.attach('w-1');
    await synthesis.done;
    await settle();
    synthesis.cancel(new Error('closed'));
    synthesis.abandon('w-1');
    await settle();
    expect(sink.failed).toEqual([]);
    expect((await synthesis.done).body.copy()).toEqual(audio.buffer);
  });
});
