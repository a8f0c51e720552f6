import { describe, expect, it } from 'vitest';
import { audioOf } from '../cache-fixture';
import { outcomeOf, quiet, SharedWorkerFixture } from '../page-fixture';
import { answering, audioResponse, ScriptedOrigin } from '../synthesis-fixture';

const audio = new Uint8Array(audioOf(1));

describe('A page that gives up', () => {
  it('leaves the others their clip, also when it is the one who synthesizes', async () => {
    const worker = await SharedWorkerFixture.open();
    const origin = new ScriptedOrigin();
    const page = worker.page({ synthesize: origin.synthesize });
    const [filler, joiner] = [new AbortController(), new AbortController()];
    const calls = [
      page.obtain('Hello', { signal: filler.signal }),
      page.obtain('Hello', { signal: joiner.signal }),
      page.obtain('Hello'),
    ];
    await quiet(worker);
    joiner.abort('not me');
    filler.abort('nor me');
    origin.send(audio);
    origin.end();
    const [gone, alsoGone, served] = await Promise.allSettled(calls);
    expect([gone, alsoGone]).toMatchObject([{ reason: 'nor me' }, { reason: 'not me' }]);
    expect(served).toMatchObject({ value: { source: 'origin', metadata: { byteLength: 1000 } } });
    expect(origin.signals).toHaveLength(1);
    await quiet(worker);
    expect(page.pendingRequests).toBe(0);
  });

  it('before its turn came pays nothing, when it was the last', async () => {
    const worker = await SharedWorkerFixture.open();
    const origin = new ScriptedOrigin();
    const page = worker.page({ synthesize: origin.synthesize, maxConcurrentSyntheses: 1 });
    const [first, second] = [new AbortController(), new AbortController()];
    void page.obtain('Busy').catch(() => {});
    await quiet(worker);
    const calls = [first, second].map(({ signal }) => page.obtain('Hello', { signal }));
    await quiet(worker);
    first.abort('enough');
    second.abort('enough');
    expect(await outcomeOf(worker, Promise.allSettled(calls))).toMatchObject([
      { reason: 'enough' },
      { reason: 'enough' },
    ]);
    origin.send(audio);
    origin.end();
    await quiet(worker);
    expect(origin.signals).toHaveLength(1);
    expect(await outcomeOf(worker, page.obtain('Hello', { synthesize: answering(audioResponse(1)) }))).toMatchObject({
      source: 'origin',
      joined: false,
    });
  });

  it.each(['before', 'after'] as const)(
    'while it is looked up (%s it is found missing) does not keep those after it waiting',
    async (when) => {
      const worker = await SharedWorkerFixture.open();
      const page = worker.page({ synthesize: answering(audioResponse(1)) });
      const abort = new AbortController();
      const release = worker.store.hold('read', when);
      const early = page.obtain('Hello', { signal: abort.signal });
      await quiet(worker);
      abort.abort('enough');
      expect(await outcomeOf(worker, early)).toBe('enough');
      release();
      await quiet(worker);
      expect(await outcomeOf(worker, page.obtain('Hello'))).toMatchObject({ source: 'origin' });
      await quiet(worker);
      expect(page.pendingRequests).toBe(0);
    },
  );

  it('before it asked costs nothing', async () => {
    const worker = await SharedWorkerFixture.open();
    const synthesize = answering(audioResponse(1));
    const page = worker.page({ synthesize });
    const refused = page.obtain('Hello', { signal: AbortSignal.abort('too late') });
    expect(await outcomeOf(worker, refused)).toBe('too late');
    expect(synthesize.attempts()).toBe(0);
    expect(await outcomeOf(worker, page.obtain('Hello'))).toMatchObject({ source: 'origin' });
  });
});
