import { describe, expect, it } from 'vitest';
import { AudioCacheError } from '../../core/protocol/audio-cache-error';
import { audioOf } from '../cache-fixture';
import { settle } from '../fake-clock';
import { answering, audioResponse, ScriptedOrigin, startSynthesis } from '../synthesis-fixture';

const audio = new Uint8Array(audioOf(1));
const MINUTE_MS = 60_000;

/** Runs a synthesis to its end and tells how that was. */
async function outcomeOf(synthesize: Parameters<typeof startSynthesis>[0]) {
  const { synthesis, sink, clock } = startSynthesis(synthesize);
  synthesis.attach('w-1');
  await clock.advance(10 * MINUTE_MS);
  const outcome: unknown = await synthesis.done.catch((error: unknown) => error);
  return { outcome, sink, pendingTimers: clock.pendingTimers };
}

function errorWith(fields: object, error: Error = new Error('sorry')): Error {
  return Object.assign(error, fields);
}

describe('An origin that fails', () => {
  it.each<readonly [what: string, answer: unknown, attempts: number, expected: object]>([
    ['with status 503', () => new Response('', { status: 503 }), 3, { reason: 'status', status: 503 }],
    ['with status 429', () => new Response('', { status: 429 }), 4, { reason: 'status', status: 429 }],
    ['with status 401', () => new Response('', { status: 401 }), 1, { reason: 'status', status: 401 }],
    ['as fetch does without a network', new TypeError('Failed to fetch'), 3, { reason: 'network' }],
    ['as an SDK does: with the status', errorWith({ status: 500 }), 3, { reason: 'status', status: 500 }],
    ['as axios does', errorWith({ response: { status: 429 } }), 4, { reason: 'status', status: 429 }],
    ['as a connection does', errorWith({ name: 'APIConnectionError' }), 3, { reason: 'network' }],
    ['as an SDK’s own timeout does', errorWith({ name: 'APIConnectionTimeoutError' }), 3, { reason: 'timeout' }],
    ['as axios does without a network', errorWith({ code: 'ERR_NETWORK' }), 3, { reason: 'network' }],
    ['by a mistake in the synthesizer', new RangeError('a bug'), 1, { reason: 'threw' }],
    ['with an empty body', () => new Response(new Uint8Array(0)), 1, { reason: 'empty' }],
    [
      'with an error page',
      () => new Response('<html>', { headers: { 'content-type': 'audio/mpeg' } }),
      1,
      { reason: 'not-audio' },
    ],
    ['with JSON', () => Response.json({ error: 'no' }), 1, { reason: 'not-audio' }],
    ['with half a body', audioResponse(1, { 'content-length': '2000' }), 3, { reason: 'truncated' }],
  ])('%s is asked as often as that makes sense', async (_, answer, attempts, expected) => {
    const synthesize = answering(answer);
    const { outcome, sink, pendingTimers } = await outcomeOf(synthesize);
    expect(outcome).toBeInstanceOf(AudioCacheError);
    expect(outcome).toMatchObject({ code: 'SYNTHESIS_FAILED', attempts, ...expected });
    expect(synthesize.attempts()).toBe(attempts);
    expect(sink.completed).toEqual([]);
    expect(sink.failed).toEqual([
      { fillId: 'w-1', error: expect.objectContaining({ code: 'SYNTHESIS_FAILED', name: 'AudioCacheError' }) },
    ]);
    expect(pendingTimers).toBe(0);
  });

  it('keeps its error as the cause', async () => {
    const bug = new RangeError('a bug');
    expect((await outcomeOf(answering(bug))).outcome).toMatchObject({ cause: bug });
  });

  it('synchronously fails as if it had done so later', async () => {
    const { outcome } = await outcomeOf(() => {
      throw new RangeError('a bug');
    });
    expect(outcome).toMatchObject({ code: 'SYNTHESIS_FAILED', reason: 'threw' });
  });

  it.each([
    ['nothing', undefined],
    ['a string', 'UklGRg=='],
    ['null', null],
  ])('by returning %s is not asked again', async (_, answer) => {
    const synthesize = answering(answer);
    expect((await outcomeOf(synthesize)).outcome).toBeInstanceOf(AudioCacheError);
    expect(synthesize.attempts()).toBe(1);
  });

  it('waits as long as it asks for', async () => {
    const limited = () => new Response('', { status: 429, headers: { 'retry-after': '20' } });
    const synthesize = answering(limited, audioResponse(1));
    const { synthesis, clock } = startSynthesis(synthesize);
    synthesis.attach('w-1');
    await clock.advance(19_999);
    expect(synthesize.attempts()).toBe(1);
    await clock.advance(1);
    expect((await synthesis.done).body.copy()).toEqual(audio.buffer);
  });
});

describe('An origin that takes too long', () => {
  it('is asked again after a minute, although it does not look at its signal', async () => {
    const signals: AbortSignal[] = [];
    const { synthesis, clock } = startSynthesis((_spec, { signal }) => {
      signals.push(signal);
      return signals.length < 3 ? new Promise(() => {}) : new Response(audio);
    });
    synthesis.attach('w-1');
    await clock.advance(MINUTE_MS - 1);
    expect(signals).toHaveLength(1);
    expect(signals[0]?.aborted).toBe(false);
    await clock.advance(1);
    expect(signals[0]?.reason).toMatchObject({ name: 'TimeoutError' });
    await clock.advance(2 * MINUTE_MS);
    expect(signals).toHaveLength(3);
    expect((await synthesis.done).body.copy()).toEqual(audio.buffer);
    expect(signals[2]?.aborted).toBe(false);
  });

  it('in the middle of its audio is too, from the start, and its stream is let go', async () => {
    const origin = new ScriptedOrigin();
    const { synthesis, sink, clock } = startSynthesis(origin.synthesize);
    synthesis.attach('w-1');
    origin.send(new Uint8Array(audioOf(9, 500)));
    await clock.advance(MINUTE_MS);
    expect(origin.cancellations).toBe(1);
    await clock.advance(500);
    expect(origin.signals).toHaveLength(2);
    origin.send(audio);
    origin.end();
    await synthesis.done;
    await settle();
    expect(sink.audioByFillId.get('w-1')).toEqual([...audio]);
    expect(sink.completed[0]?.result.byteLength).toBe(1000);
  });

  it('to the end fails as a timeout', async () => {
    const { outcome } = await outcomeOf(() => new Promise(() => {}));
    expect(outcome).toMatchObject({ code: 'SYNTHESIS_FAILED', reason: 'timeout', attempts: 3 });
  });
});

describe('Audio that breaks off', () => {
  it('is begun anew, and nobody keeps the first half', async () => {
    const origin = new ScriptedOrigin();
    const { synthesis, sink, clock } = startSynthesis(origin.synthesize);
    synthesis.attach('w-1');
    origin.send(new Uint8Array(audioOf(9, 700)));
    await settle();
    origin.breakOff();
    await clock.advance(500);
    synthesis.attach('x-1');
    origin.send(audio.slice(0, 10), audio.slice(10));
    origin.end();
    expect((await synthesis.done).body.copy()).toEqual(audio.buffer);
    await settle();
    for (const fillId of ['w-1', 'x-1']) expect(sink.audioByFillId.get(fillId)).toEqual([...audio]);
  });

  it('is not begun anew for one who has heard its beginning', async () => {
    const origin = new ScriptedOrigin();
    const { synthesis, sink, clock } = startSynthesis(origin.synthesize);
    synthesis.attach('w-1');
    origin.send(audio.slice(0, 500));
    const { body } = await synthesis.begun;
    synthesis.listen();
    origin.breakOff();
    await clock.advance(MINUTE_MS);
    expect(origin.signals).toHaveLength(1);
    await expect(body.whole).rejects.toMatchObject({ code: 'SYNTHESIS_FAILED' });
    await expect(synthesis.done).rejects.toMatchObject({ code: 'SYNTHESIS_FAILED' });
    expect(sink.failed).toHaveLength(1);
  });

  it('is heard from its new beginning by one who comes after that', async () => {
    const origin = new ScriptedOrigin();
    const { synthesis, clock } = startSynthesis(origin.synthesize);
    synthesis.attach('w-1');
    origin.send(new Uint8Array(audioOf(9, 500)));
    await settle();
    origin.breakOff();
    await clock.advance(500);
    origin.send(audio);
    await settle();
    const { body } = await synthesis.begun;
    origin.end();
    await body.whole;
    expect(body.copy()).toEqual(audio.buffer);
  });
});
