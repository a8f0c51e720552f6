import { describe, expect, it } from 'vitest';
import { FILL_LEASE_MS } from '../../core/protocol/messages';
import { Turns } from '../../src/turns';
import { audioOf } from '../cache-fixture';
import { settle } from '../fake-clock';
import { answering, audioResponse, ScriptedOrigin, startSynthesis, TIMINGS } from '../synthesis-fixture';

const audio = new Uint8Array(audioOf(1));

describe('A synthesis', () => {
  it('asks the origin at once and hands the audio to its fill, piece by piece', async () => {
    const origin = new ScriptedOrigin();
    const { synthesis, sink, clock } = startSynthesis(origin.synthesize, { ttlMs: 5000 });
    synthesis.attach('w-1');
    expect(origin.signals).toHaveLength(1);
    origin.send(audio.slice(0, 400));
    await settle();
    expect(sink.audioByFillId.get('w-1')).toHaveLength(400);
    await clock.advance(250);
    origin.send(audio.slice(400));
    origin.end();
    const done = await synthesis.done;
    await settle();
    expect(done).toMatchObject({ contentType: 'audio/mpeg', synthesisMs: 250, isStorable: true });
    expect(done.body.copy()).toEqual(audio.buffer);
    expect(sink.audioByFillId.get('w-1')).toEqual([...audio]);
    expect(sink.completed).toEqual([
      {
        fillId: 'w-1',
        result: { byteLength: 1000, contentType: 'audio/mpeg', synthesisMs: 250, ttlMs: 5000, custom: undefined },
      },
    ]);
    expect(sink.failed).toEqual([]);
    expect(sink.kept).toEqual([]);
    expect(clock.pendingTimers).toBe(0);
  });

  it('passes on the spec, and what comes beside the audio', async () => {
    let asked: unknown;
    const spec = { text: 'Hello', voice: 'alloy', format: 'pcm' };
    const { synthesis, sink } = startSynthesis(
      (given) => {
        asked = given;
        return { audio: new Uint8Array(100), custom: TIMINGS };
      },
      { spec },
    );
    synthesis.attach('w-1');
    expect(await synthesis.done).toMatchObject({ contentType: 'audio/pcm', custom: TIMINGS });
    await settle();
    expect(asked).toEqual(spec);
    expect(sink.completed[0]?.result).toMatchObject({ contentType: 'audio/pcm', custom: TIMINGS });
  });

  it('feeds a fill that comes later from the first byte on', async () => {
    const origin = new ScriptedOrigin();
    const { synthesis, sink } = startSynthesis(origin.synthesize);
    synthesis.attach('w-1');
    origin.send(audio.slice(0, 300), audio.slice(300, 600));
    await settle();
    synthesis.attach('x-1');
    origin.send(audio.slice(600));
    origin.end();
    await synthesis.done;
    await settle();
    for (const fillId of ['w-1', 'x-1']) expect(sink.audioByFillId.get(fillId)).toEqual([...audio]);
    expect(sink.completed.map(({ fillId }) => fillId)).toEqual(['w-1', 'x-1']);
  });

  it('gives every fill pieces of its own', async () => {
    const origin = new ScriptedOrigin();
    const given: ArrayBuffer[] = [];
    const { synthesis, sink } = startSynthesis(origin.synthesize);
    sink.chunk = (_fillId, _offsetBytes, chunk) => given.push(chunk);
    synthesis.attach('w-1');
    synthesis.attach('x-1');
    origin.send(audio);
    origin.end();
    await synthesis.done;
    // As a transfer to a worker does.
    for (const chunk of given) structuredClone(chunk, { transfer: [chunk] });
    expect((await synthesis.done).body.copy()).toEqual(audio.buffer);
  });

  it('keeps its leases while it waits for its turn, for the origin and for the rest of the audio', async () => {
    const turns = new Turns(1);
    let finish = () => {};
    void turns.take(
      new AbortController().signal,
      () =>
        new Promise<void>((resolve) => {
          finish = resolve;
        }),
    );
    const origin = new ScriptedOrigin();
    const { synthesis, sink, clock } = startSynthesis(origin.synthesize, { turns, timeoutMs: 10 * FILL_LEASE_MS });
    synthesis.attach('w-1');
    await clock.advance(FILL_LEASE_MS);
    expect(origin.signals).toHaveLength(0);
    expect(sink.renewed.length).toBeGreaterThanOrEqual(3);
    finish();
    await clock.advance(FILL_LEASE_MS);
    expect(origin.signals).toHaveLength(1);
    expect(sink.renewed.length).toBeGreaterThanOrEqual(7);
    origin.send(audio);
    origin.end();
    await synthesis.done;
    const renewals = sink.renewed.length;
    await clock.advance(2 * FILL_LEASE_MS);
    expect(sink.renewed).toHaveLength(renewals);
  });

  it('has begun with its first recognisable audio', async () => {
    const origin = new ScriptedOrigin();
    const { synthesis } = startSynthesis(origin.synthesize);
    let hasBegun = false;
    void synthesis.begun.then(() => {
      hasBegun = true;
    });
    await settle();
    expect(hasBegun).toBe(false);
    origin.send(audio.slice(0, 100));
    await settle();
    expect(hasBegun).toBe(true);
    const { body, contentType } = await synthesis.begun;
    expect({ contentType, byteLength: body.byteLength }).toEqual({ contentType: 'audio/mpeg', byteLength: 100 });
    origin.send(audio.slice(100));
    origin.end();
    await body.whole;
    expect(body.copy()).toEqual(audio.buffer);
  });
});

describe('Audio that may not be stored', () => {
  it('because it is too large is heard, and whoever keeps it decides', async () => {
    const { synthesis, sink } = startSynthesis(answering(audioResponse(1, {}, 60_000)));
    synthesis.attach('w-1');
    expect(await synthesis.done).toMatchObject({ isStorable: false, contentType: 'audio/mpeg' });
    await settle();
    expect(sink.completed).toHaveLength(1);
  });

  it('because nobody knows its type is heard', async () => {
    const { synthesis } = startSynthesis(answering(new Uint8Array(100)));
    expect(await synthesis.done).toMatchObject({ isStorable: false, contentType: '' });
  });
});

describe('Audio that no fill took', () => {
  it('is kept all the same, since it is paid for', async () => {
    const { synthesis, sink } = startSynthesis(answering(audioResponse(1)));
    sink.takes = false;
    synthesis.attach('w-1');
    await synthesis.done;
    await settle();
    expect(sink.kept).toHaveLength(1);
    expect(sink.kept[0]?.bytes).toEqual(audio.buffer);
  });

  it('is kept when there was none to take it', async () => {
    const { synthesis, sink } = startSynthesis(answering(audioResponse(1)));
    await synthesis.done;
    await settle();
    expect(sink.kept).toHaveLength(1);
  });

  it('is not kept when it may not be stored', async () => {
    const { synthesis, sink } = startSynthesis(answering(audioResponse(1, {}, 60_000)));
    await synthesis.done;
    await settle();
    expect(sink.kept).toEqual([]);
  });
});
