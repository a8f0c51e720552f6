import { describe, expect, it } from 'vitest';
import { FakeClock } from '../fake-clock';

describe('The clock of the tests', () => {
  it('runs timers in the order they are due, at the time they are due', async () => {
    const clock = new FakeClock(0);
    const seen: string[] = [];
    clock.schedule(() => seen.push(`late ${clock.nowMs()}`), 20);
    clock.schedule(() => seen.push(`early ${clock.nowMs()}`), 10);
    clock.schedule(() => seen.push(`early too ${clock.nowMs()}`), 10);
    await clock.advance(15);
    expect(seen).toEqual(['early 10', 'early too 10']);
    expect(clock.nowMs()).toBe(15);
    await clock.advance(5);
    expect(seen.at(-1)).toBe('late 20');
  });

  it('runs what promises schedule between two timers', async () => {
    const clock = new FakeClock(0);
    const seen: number[] = [];
    const sleep = (ms: number) => new Promise<void>((resolve) => clock.schedule(resolve, ms));
    void (async () => {
      for (let turn = 0; turn < 3; turn++) {
        await sleep(10);
        seen.push(clock.nowMs());
      }
    })();
    await clock.advance(30);
    expect(seen).toEqual([10, 20, 30]);
  });

  it('forgets a timer that was cancelled', async () => {
    const clock = new FakeClock(0);
    const cancel = clock.schedule(() => expect.unreachable(), 10);
    cancel();
    await clock.advance(100);
    expect(clock.pendingTimers).toBe(0);
  });
});
