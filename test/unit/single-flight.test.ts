import { beforeEach, describe, expect, it } from 'vitest';
import { type FillOutcome, SingleFlight } from '../../core/single-flight';
import { FakeClock, settle } from '../fake-clock';

const LEASE_MS = 120_000;
const GREETING = { key: 'v1_greeting', canonical: 'Hello||1.00', spec: { text: 'Hello' } };
const FAREWELL = { key: 'v1_farewell', canonical: 'Bye||1.00', spec: { text: 'Bye' } };

let clock: FakeClock;
let abandoned: string[];
let fills: SingleFlight<string>;

beforeEach(() => {
  clock = new FakeClock();
  abandoned = [];
  fills = new SingleFlight({
    clock,
    idPrefix: 'w',
    leaseMs: LEASE_MS,
    onAbandoned: (fillId) => abandoned.push(fillId),
  });
});

function granted(callId: string, subject = GREETING): string {
  const joined = fills.join(subject, callId);
  if (joined.type !== 'granted') throw new Error(`${callId} was told to wait`);
  return joined.fillId;
}

/** Joins and waits; the returned function tells how that ended so far. */
function waits(
  callId: string,
  subject = GREETING,
): () => FillOutcome<string> | { readonly error: unknown } | undefined {
  expect(fills.join(subject, callId)).toEqual({ type: 'pending' });
  let outcome: ReturnType<ReturnType<typeof waits>>;
  fills.wait(callId)?.then(
    (value) => {
      outcome = value;
    },
    (error: unknown) => {
      outcome = { error };
    },
  );
  return () => outcome;
}

const chunk = (...bytes: readonly number[]) => Uint8Array.from(bytes).buffer;
const bytesOf = (chunks: readonly ArrayBuffer[] | undefined) => chunks?.flatMap((each) => [...new Uint8Array(each)]);

describe('One synthesis for a key', () => {
  it('is granted to the first caller, and fifty more share its result', async () => {
    const fillId = granted('first');
    const outcomes = Array.from({ length: 50 }, (_, index) => waits(`joiner-${index}`));
    expect(fills.size).toBe(1);
    fills.settle(fillId, 'audio');
    await settle();
    for (const outcome of outcomes) expect(outcome()).toEqual({ type: 'completed', result: 'audio' });
    expect(fills.size).toBe(0);
    expect(clock.pendingTimers).toBe(0);
  });

  it('fails for everybody when it fails', async () => {
    const fillId = granted('first');
    const outcomes = [waits('second'), waits('third')];
    const error = new Error('no voice');
    fills.fail(fillId, error);
    await settle();
    for (const outcome of outcomes) expect(outcome()).toEqual({ error });
  });

  it('does not hold up another key', async () => {
    const greeting = granted('first');
    const farewell = granted('second', FAREWELL);
    const outcome = waits('third', FAREWELL);
    fills.settle(farewell, 'bye');
    await settle();
    expect(outcome()).toEqual({ type: 'completed', result: 'bye' });
    expect(fills.keyOf(greeting)).toBe(GREETING.key);
    expect(fills.keyOf(farewell)).toBeUndefined();
  });

  it('can be granted again once it has ended', () => {
    const first = granted('first');
    fills.settle(first, 'audio');
    expect(granted('second')).not.toBe(first);
  });

  it('is still joined while its result is being stored', async () => {
    const fillId = granted('first');
    fills.append(fillId, 0, chunk(1));
    expect(bytesOf(fills.collect(fillId)?.chunks)).toEqual([1]);
    const outcome = waits('newcomer');
    await clock.advance(10 * LEASE_MS);
    expect(outcome()).toBeUndefined();
    fills.settle(fillId, 'audio');
    await settle();
    expect(outcome()).toEqual({ type: 'completed', result: 'audio' });
  });
});

describe('A caller who comes late for its outcome', () => {
  it('gets it all the same, once', async () => {
    const fillId = granted('first');
    fills.join(GREETING, 'late');
    fills.settle(fillId, 'audio');
    expect(await fills.wait('late')).toEqual({ type: 'completed', result: 'audio' });
    expect(fills.wait('late')).toBeUndefined();
  });

  it('gets a failure all the same, which is not unhandled meanwhile', async () => {
    const fillId = granted('first');
    fills.join(GREETING, 'late');
    fills.fail(fillId, new Error('no voice'));
    await settle();
    await expect(fills.wait('late')).rejects.toThrow('no voice');
  });

  it('gets a grant all the same', async () => {
    const fillId = granted('first');
    fills.join(GREETING, 'late');
    fills.abandon(fillId);
    const outcome = await fills.wait('late');
    expect(outcome).toMatchObject({ type: 'granted' });
  });

  it('gets nothing when it had left, or was never told to wait', () => {
    granted('first');
    fills.join(GREETING, 'gone');
    fills.leave('gone', true);
    expect(fills.wait('gone')).toBeUndefined();
    expect(fills.wait('first')).toBeUndefined();
    expect(fills.wait('stranger')).toBeUndefined();
  });
});

describe('A filler that gives up', () => {
  it('hands its task to the caller who has waited longest, and the audio so far is forgotten', async () => {
    const first = granted('first');
    fills.append(first, 0, chunk(1, 2));
    const [second, third] = [waits('second'), waits('third')];
    fills.abandon(first);
    await settle();
    const outcome = second();
    if (outcome === undefined || !('fillId' in outcome)) throw new Error('Nobody was granted');
    expect(third()).toBeUndefined();
    expect(fills.collect(outcome.fillId)?.chunks).toEqual([]);
    fills.append(outcome.fillId, 0, chunk(7));
    expect(bytesOf(fills.collect(outcome.fillId)?.chunks)).toEqual([7]);
    fills.settle(outcome.fillId, 'audio');
    await settle();
    expect(third()).toEqual({ type: 'completed', result: 'audio' });
  });

  it('ends the fill when nobody waits', () => {
    fills.abandon(granted('first'));
    expect(fills.size).toBe(0);
    expect(clock.pendingTimers).toBe(0);
    granted('second');
  });

  it('does not hand it to one who has left', async () => {
    const first = granted('first');
    const [second, third] = [waits('second'), waits('third')];
    fills.leave('second', true);
    fills.abandon(first);
    await settle();
    expect(third()).toMatchObject({ type: 'granted' });
    expect(second()).not.toMatchObject({ type: 'granted' });
  });

  it('is heard no more: its late audio, completion and failure change nothing', async () => {
    const first = granted('first');
    const [second, third] = [waits('second'), waits('third')];
    fills.abandon(first);
    await settle();
    const grant = second();
    if (grant === undefined || !('fillId' in grant)) throw new Error('Nobody was granted');
    fills.append(grant.fillId, 0, chunk(7));
    fills.append(first, 0, chunk(1));
    fills.append(first, 1, chunk(2));
    fills.renew(first);
    expect(fills.collect(first)).toBeUndefined();
    fills.settle(first, 'stale');
    fills.fail(first, new Error('stale'));
    fills.abandon(first);
    await settle();
    expect(third()).toBeUndefined();
    expect(bytesOf(fills.collect(grant.fillId)?.chunks)).toEqual([7]);
  });
});

describe('A filler that is not heard of', () => {
  it('loses its task when its lease is over, and not a moment earlier', async () => {
    granted('first');
    const second = waits('second');
    await clock.advance(LEASE_MS - 1);
    expect(second()).toBeUndefined();
    await clock.advance(1);
    expect(second()).toMatchObject({ type: 'granted' });
  });

  it('keeps it for as long as it renews or sends audio', async () => {
    const fillId = granted('first');
    const second = waits('second');
    await clock.advance(LEASE_MS - 1);
    fills.renew(fillId);
    await clock.advance(LEASE_MS - 1);
    fills.append(fillId, 0, chunk(1));
    await clock.advance(LEASE_MS - 1);
    expect(second()).toBeUndefined();
    await clock.advance(1);
    expect(second()).toMatchObject({ type: 'granted' });
  });

  it('is followed by one after the other, until nobody is left and the key is free', async () => {
    granted('first');
    const [second, third] = [waits('second'), waits('third')];
    await clock.advance(2 * LEASE_MS);
    expect(second()).toMatchObject({ type: 'granted' });
    expect(third()).toMatchObject({ type: 'granted' });
    expect(fills.size).toBe(1);
    await clock.advance(LEASE_MS);
    expect(fills.size).toBe(0);
    expect(clock.pendingTimers).toBe(0);
  });
});

describe('A caller who leaves', () => {
  it('is not left waiting, since whoever carries its request waits with it', async () => {
    granted('first');
    const second = waits('second');
    fills.leave('second', true);
    await settle();
    expect(second()).toBeDefined();
  });

  it('does not stop the fill for the others', async () => {
    const fillId = granted('first');
    const [second, third] = [waits('second'), waits('third')];
    fills.leave('second', true);
    fills.leave('first', true);
    expect(abandoned).toEqual([]);
    fills.settle(fillId, 'audio');
    await settle();
    expect(third()).toEqual({ type: 'completed', result: 'audio' });
    expect(second()).not.toMatchObject({ type: 'completed' });
  });

  it('may be the filler: those who come later still join what it has begun', () => {
    const fillId = granted('first');
    fills.leave('first', true);
    expect(fills.keyOf(fillId)).toBe(GREETING.key);
    expect(fills.join(GREETING, 'second')).toEqual({ type: 'pending' });
  });

  it('is told of once, as the last one, and twice is as good as once', () => {
    const fillId = granted('first');
    waits('second');
    waits('third');
    for (const callId of ['second', 'first', 'first', 'third', 'third', 'stranger']) fills.leave(callId, true);
    expect(abandoned).toEqual([fillId]);
  });

  it('is told of by the id of the fill as it is now, when it was granted after another had given up', async () => {
    const first = granted('first');
    const second = waits('second');
    fills.abandon(first);
    await settle();
    fills.leave('second', true);
    expect(second()).toEqual({ type: 'granted', fillId: abandoned[0] });
    expect(abandoned).toHaveLength(1);
  });

  it('is not told of once the fill has ended', () => {
    fills.settle(granted('first'), 'audio');
    fills.leave('first', true);
    expect(abandoned).toEqual([]);
  });
});

describe('The audio of a fill', () => {
  it('starts over with a piece at offset 0, as after a body that broke off', () => {
    const fillId = granted('first');
    fills.append(fillId, 0, chunk(1, 2));
    fills.append(fillId, 2, chunk(3));
    fills.append(fillId, 0, chunk(4));
    fills.append(fillId, 1, chunk(5, 6));
    expect(bytesOf(fills.collect(fillId)?.chunks)).toEqual([4, 5, 6]);
  });

  it('comes with what it is of', () => {
    const fillId = granted('first', FAREWELL);
    expect(fills.collect(fillId)?.subject).toEqual(FAREWELL);
  });
});
