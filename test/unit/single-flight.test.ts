import { beforeEach, describe, expect, it } from 'vitest';
import { settle } from '../fake-clock';
import { GREETING, LEASE_MS, SingleFlightFixture } from '../single-flight-fixture';

const FAREWELL = { key: 'v1_farewell', canonical: 'Bye||1.00', spec: { text: 'Bye' } };

let fixture: SingleFlightFixture;

beforeEach(() => {
  fixture = new SingleFlightFixture();
});

const chunk = (...bytes: readonly number[]) => Uint8Array.from(bytes).buffer;
const bytesOf = (chunks: readonly ArrayBuffer[] | undefined) => chunks?.flatMap((each) => [...new Uint8Array(each)]);

describe('One synthesis for a key', () => {
  it('is granted to the first caller, and fifty more share its result', async () => {
    const fillId = fixture.granted('first');
    const outcomes = Array.from({ length: 50 }, (_, index) => fixture.waits(`joiner-${index}`));
    expect(fixture.fills.size).toBe(1);
    fixture.fills.settle(fillId, 'audio');
    await settle();
    for (const outcome of outcomes) expect(outcome()).toEqual({ type: 'completed', result: 'audio' });
    expect(fixture.fills.size).toBe(0);
    expect(fixture.clock.pendingTimers).toBe(0);
  });

  it('fails for everybody when it fails', async () => {
    const fillId = fixture.granted('first');
    const outcomes = [fixture.waits('second'), fixture.waits('third')];
    const error = new Error('no voice');
    fixture.fills.fail(fillId, error);
    await settle();
    for (const outcome of outcomes) expect(outcome()).toEqual({ error });
  });

  it('does not hold up another key', async () => {
    const greeting = fixture.granted('first');
    const farewell = fixture.granted('second', FAREWELL);
    const outcome = fixture.waits('third', FAREWELL);
    fixture.fills.settle(farewell, 'bye');
    await settle();
    expect(outcome()).toEqual({ type: 'completed', result: 'bye' });
    expect(fixture.fills.keyOf(greeting)).toBe(GREETING.key);
    expect(fixture.fills.keyOf(farewell)).toBeUndefined();
  });

  it('can be granted again once it has ended', () => {
    const first = fixture.granted('first');
    fixture.fills.settle(first, 'audio');
    expect(fixture.granted('second')).not.toBe(first);
  });

  it('is still joined while its result is being stored', async () => {
    const fillId = fixture.granted('first');
    fixture.fills.append(fillId, 0, chunk(1));
    expect(bytesOf(fixture.fills.collect(fillId)?.chunks)).toEqual([1]);
    const outcome = fixture.waits('newcomer');
    await fixture.clock.advance(10 * LEASE_MS);
    expect(outcome()).toBeUndefined();
    fixture.fills.settle(fillId, 'audio');
    await settle();
    expect(outcome()).toEqual({ type: 'completed', result: 'audio' });
  });
});

describe('A caller who comes late for its outcome', () => {
  it('gets it all the same, once', async () => {
    const fillId = fixture.granted('first');
    fixture.fills.join(GREETING, 'late');
    fixture.fills.settle(fillId, 'audio');
    expect(await fixture.fills.wait('late')).toEqual({ type: 'completed', result: 'audio' });
    expect(fixture.fills.wait('late')).toBeUndefined();
  });

  it('gets a failure all the same, which is not unhandled meanwhile', async () => {
    const fillId = fixture.granted('first');
    fixture.fills.join(GREETING, 'late');
    fixture.fills.fail(fillId, new Error('no voice'));
    await settle();
    await expect(fixture.fills.wait('late')).rejects.toThrow('no voice');
  });

  it('gets a grant all the same', async () => {
    const fillId = fixture.granted('first');
    fixture.fills.join(GREETING, 'late');
    fixture.fills.abandon(fillId);
    const outcome = await fixture.fills.wait('late');
    expect(outcome).toMatchObject({ type: 'granted' });
  });

  it('gets nothing when it had left, or was never told to wait', () => {
    fixture.granted('first');
    fixture.fills.join(GREETING, 'gone');
    fixture.fills.leave('gone', true);
    expect(fixture.fills.wait('gone')).toBeUndefined();
    expect(fixture.fills.wait('first')).toBeUndefined();
    expect(fixture.fills.wait('stranger')).toBeUndefined();
  });
});

describe('A filler that gives up', () => {
  it('hands its task to the caller who has waited longest, and the audio so far is forgotten', async () => {
    const first = fixture.granted('first');
    fixture.fills.append(first, 0, chunk(1, 2));
    const [second, third] = [fixture.waits('second'), fixture.waits('third')];
    fixture.fills.abandon(first);
    await settle();
    const outcome = second();
    if (outcome === undefined || !('fillId' in outcome)) throw new Error('Nobody was granted');
    expect(third()).toBeUndefined();
    expect(fixture.fills.collect(outcome.fillId)?.chunks).toEqual([]);
    fixture.fills.append(outcome.fillId, 0, chunk(7));
    expect(bytesOf(fixture.fills.collect(outcome.fillId)?.chunks)).toEqual([7]);
    fixture.fills.settle(outcome.fillId, 'audio');
    await settle();
    expect(third()).toEqual({ type: 'completed', result: 'audio' });
  });

  it('ends the fill when nobody waits', () => {
    fixture.fills.abandon(fixture.granted('first'));
    expect(fixture.fills.size).toBe(0);
    expect(fixture.clock.pendingTimers).toBe(0);
    fixture.granted('second');
  });

  it('does not hand it to one who has left', async () => {
    const first = fixture.granted('first');
    const [second, third] = [fixture.waits('second'), fixture.waits('third')];
    fixture.fills.leave('second', true);
    fixture.fills.abandon(first);
    await settle();
    expect(third()).toMatchObject({ type: 'granted' });
    expect(second()).not.toMatchObject({ type: 'granted' });
  });

  it('is heard no more: its late audio, completion and failure change nothing', async () => {
    const first = fixture.granted('first');
    const [second, third] = [fixture.waits('second'), fixture.waits('third')];
    fixture.fills.abandon(first);
    await settle();
    const grant = second();
    if (grant === undefined || !('fillId' in grant)) throw new Error('Nobody was granted');
    fixture.fills.append(grant.fillId, 0, chunk(7));
    fixture.fills.append(first, 0, chunk(1));
    fixture.fills.append(first, 1, chunk(2));
    fixture.fills.renew(first);
    expect(fixture.fills.collect(first)).toBeUndefined();
    fixture.fills.settle(first, 'stale');
    fixture.fills.fail(first, new Error('stale'));
    fixture.fills.abandon(first);
    await settle();
    expect(third()).toBeUndefined();
    expect(bytesOf(fixture.fills.collect(grant.fillId)?.chunks)).toEqual([7]);
  });
});

describe('A filler that is not heard of', () => {
  it('loses its task when its lease is over, and not a moment earlier', async () => {
    fixture.granted('first');
    const second = fixture.waits('second');
    await fixture.clock.advance(LEASE_MS - 1);
    expect(second()).toBeUndefined();
    await fixture.clock.advance(1);
    expect(second()).toMatchObject({ type: 'granted' });
  });

  it('keeps it for as long as it renews or sends audio', async () => {
    const fillId = fixture.granted('first');
    const second = fixture.waits('second');
    await fixture.clock.advance(LEASE_MS - 1);
    fixture.fills.renew(fillId);
    await fixture.clock.advance(LEASE_MS - 1);
    fixture.fills.append(fillId, 0, chunk(1));
    await fixture.clock.advance(LEASE_MS - 1);
    expect(second()).toBeUndefined();
    await fixture.clock.advance(1);
    expect(second()).toMatchObject({ type: 'granted' });
  });

  it('is followed by one after the other, until nobody is left and the key is free', async () => {
    fixture.granted('first');
    const [second, third] = [fixture.waits('second'), fixture.waits('third')];
    await fixture.clock.advance(2 * LEASE_MS);
    expect(second()).toMatchObject({ type: 'granted' });
    expect(third()).toMatchObject({ type: 'granted' });
    expect(fixture.fills.size).toBe(1);
    await fixture.clock.advance(LEASE_MS);
    expect(fixture.fills.size).toBe(0);
    expect(fixture.clock.pendingTimers).toBe(0);
  });
});

describe('The audio of a fill', () => {
  it('starts over with a piece at offset 0, as after a body that broke off', () => {
    const fillId = fixture.granted('first');
    fixture.fills.append(fillId, 0, chunk(1, 2));
    fixture.fills.append(fillId, 2, chunk(3));
    fixture.fills.append(fillId, 0, chunk(4));
    fixture.fills.append(fillId, 1, chunk(5, 6));
    expect(bytesOf(fixture.fills.collect(fillId)?.chunks)).toEqual([4, 5, 6]);
  });

  it('comes with what it is of', () => {
    const fillId = fixture.granted('first', FAREWELL);
    expect(fixture.fills.collect(fillId)?.subject).toEqual(FAREWELL);
  });
});
