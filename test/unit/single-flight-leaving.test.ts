import { beforeEach, describe, expect, it } from 'vitest';
import { settle } from '../fake-clock';
import { GREETING, SingleFlightFixture } from '../single-flight-fixture';

let fixture: SingleFlightFixture;

beforeEach(() => {
  fixture = new SingleFlightFixture();
});

describe('A caller who leaves', () => {
  it('is not left waiting, since whoever carries its request waits with it', async () => {
    fixture.granted('first');
    const second = fixture.waits('second');
    fixture.fills.leave('second', false);
    await settle();
    expect(second()).toBeDefined();
  });

  it('does not stop the fill for the others', async () => {
    const fillId = fixture.granted('first');
    const [second, third] = [fixture.waits('second'), fixture.waits('third')];
    fixture.fills.leave('second', false);
    fixture.fills.leave('first', true);
    expect(fixture.abandoned).toEqual([]);
    fixture.fills.settle(fillId, 'audio');
    await settle();
    expect(third()).toEqual({ type: 'completed', result: 'audio' });
    expect(second()).not.toMatchObject({ type: 'completed' });
  });

  it('may be the filler: those who come later still join what it has begun', () => {
    const fillId = fixture.granted('first');
    fixture.fills.leave('first', true);
    expect(fixture.fills.keyOf(fillId)).toBe(GREETING.key);
    expect(fixture.fills.join(GREETING, 'second')).toEqual({ type: 'pending' });
  });

  it('without having begun what it was granted hands it to the next, or frees the key', async () => {
    fixture.granted('first');
    const second = fixture.waits('second');
    fixture.fills.leave('first', false);
    await settle();
    expect(second()).toMatchObject({ type: 'granted' });
    fixture.fills.leave('second', false);
    expect(fixture.fills.size).toBe(0);
    expect(fixture.abandoned).toEqual([]);
    expect(fixture.clock.pendingTimers).toBe(0);
  });

  it('while it waits takes nothing from the one who synthesizes', async () => {
    const fillId = fixture.granted('first');
    fixture.waits('second');
    fixture.fills.leave('second', false);
    expect(fixture.fills.keyOf(fillId)).toBe(GREETING.key);
    expect(fixture.abandoned).toEqual([]);
  });

  it('is told of once, as the last one, and twice is as good as once', () => {
    const fillId = fixture.granted('first');
    fixture.waits('second');
    fixture.waits('third');
    for (const callId of ['second', 'first', 'first', 'third', 'third', 'stranger']) fixture.fills.leave(callId, true);
    expect(fixture.abandoned).toEqual([fillId]);
  });

  it('is told of by the id of the fill as it is now, when it was granted after another had given up', async () => {
    const first = fixture.granted('first');
    const second = fixture.waits('second');
    fixture.fills.abandon(first);
    await settle();
    fixture.fills.leave('second', true);
    expect(second()).toEqual({ type: 'granted', fillId: fixture.abandoned[0] });
    expect(fixture.abandoned).toHaveLength(1);
  });

  it('is not told of once the fill has ended', () => {
    fixture.fills.settle(fixture.granted('first'), 'audio');
    fixture.fills.leave('first', true);
    expect(fixture.abandoned).toEqual([]);
  });
});
