import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Turns } from '../../src/turns';
import { settle } from '../fake-clock';

/** A task that runs until it is told to end. */
function task() {
  let finish: (value: string) => void = () => {};
  let fail: (error: unknown) => void = () => {};
  const ended = new Promise<string>((resolve, reject) => {
    finish = resolve;
    fail = reject;
  });
  const state = { isRunning: false };
  const run = () => {
    state.isRunning = true;
    return ended.finally(() => {
      state.isRunning = false;
    });
  };
  return { state, run, finish, fail };
}

const { signal: never } = new AbortController();

describe('Taking turns', () => {
  it('lets as many run as there are places and the others wait in order', async () => {
    const turns = new Turns(2);
    const tasks = [task(), task(), task(), task()];
    const results = tasks.map(({ run }) => turns.take(never, run));
    await settle();
    expect(tasks.map(({ state }) => state.isRunning)).toEqual([true, true, false, false]);
    tasks[1]?.finish('second');
    await settle();
    expect(tasks.map(({ state }) => state.isRunning)).toEqual([true, false, true, false]);
    for (const [index, { finish }] of tasks.entries()) finish(`task ${index}`);
    await settle();
    tasks[3]?.finish('fourth');
    expect(await Promise.all(results)).toEqual(['task 0', 'second', 'task 2', 'task 3']);
  });

  it('passes the place on when a task fails, also when it does so at once', async () => {
    const turns = new Turns(1);
    const first = task();
    const failing = turns.take(never, first.run);
    const second = turns.take(never, () => {
      throw new Error('at once');
    });
    const third = turns.take(never, async () => 'third');
    first.fail(new Error('later'));
    await expect(failing).rejects.toThrow('later');
    await expect(second).rejects.toThrow('at once');
    expect(await third).toBe('third');
  });

  it('lets one who gives up go at once, and those behind move up', async () => {
    const turns = new Turns(1);
    const [running, waiting, patient] = [task(), task(), task()];
    const abort = new AbortController();
    void turns.take(never, running.run);
    const given = turns.take(abort.signal, waiting.run);
    const last = turns.take(never, patient.run);
    await settle();
    abort.abort('enough');
    await expect(given).rejects.toBe('enough');
    running.finish('done');
    await settle();
    expect([waiting.state.isRunning, patient.state.isRunning]).toEqual([false, true]);
    patient.finish('done');
    expect(await last).toBe('done');
  });

  it('does not begin for one who had given up before', async () => {
    const turns = new Turns(1);
    const refused = turns.take(AbortSignal.abort('too late'), async () => expect.unreachable());
    await expect(refused).rejects.toBe('too late');
    expect(await turns.take(never, async () => 'next')).toBe('next');
  });

  it('never loses or invents a place', async () => {
    const action = fc.tuple(fc.constantFrom('take', 'finish', 'fail', 'abort'), fc.nat());
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 3 }), fc.array(action, { maxLength: 40 }), async (max, actions) => {
        const turns = new Turns(max);
        const taken: (ReturnType<typeof task> & { readonly abort: AbortController; isOver: boolean })[] = [];
        for (const [kind, pick] of actions) {
          const chosen = taken[pick % Math.max(1, taken.length)];
          if (kind === 'take' || chosen === undefined) {
            const entry = { ...task(), abort: new AbortController(), isOver: false };
            const over = () => {
              entry.isOver = true;
            };
            turns.take(entry.abort.signal, entry.run).then(over, over);
            taken.push(entry);
          } else if (kind === 'finish' && chosen.state.isRunning) chosen.finish('done');
          else if (kind === 'fail' && chosen.state.isRunning) chosen.fail(new Error('failed'));
          else if (kind === 'abort') chosen.abort.abort();
          await settle();
          const running = taken.filter(({ state }) => state.isRunning);
          const open = taken.filter(({ isOver }) => !isOver);
          expect(running.length).toBe(Math.min(max, open.length));
          // In order: nobody who waits came before somebody who runs.
          expect(open.slice(0, running.length)).toEqual(running);
        }
      }),
      { seed: 17, numRuns: 150 },
    );
  });
});
