/**
 * Pages, their worker and their origins under random demand: whoever does not give up is served, long before any lease
 * runs out, whoever gives up is let go at once, and nothing is left waiting in the end.
 */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FILL_LEASE_MS } from '../../core/protocol/messages';
import type { Synthesize } from '../../src/origin-audio';
import { audioOf } from '../cache-fixture';
import { type FakeClock, settle } from '../fake-clock';
import { type PageFixture, SharedWorkerFixture } from '../page-fixture';

const TEXTS = ['a', 'bb', 'ccc'];
/** More than all the syntheses of a run take one after the other. */
const PATIENCE_MS = 20_000;

const action = fc.oneof(
  { arbitrary: fc.record({ kind: fc.constant('ask' as const), pick: fc.nat() }), weight: 5 },
  { arbitrary: fc.record({ kind: fc.constant('abort' as const), pick: fc.nat() }), weight: 3 },
  { arbitrary: fc.record({ kind: fc.constant('wait' as const), pick: fc.nat(800) }), weight: 3 },
  { arbitrary: fc.record({ kind: fc.constant('turn' as const), pick: fc.nat(3) }), weight: 3 },
);

interface Call {
  readonly text: string;
  readonly abort: AbortController;
  outcome: 'pending' | 'served' | 'aborted' | 'failed';
}

/** An origin that takes half a second, and refuses every phrase once before that. */
function slowOrigin(clock: FakeClock): Synthesize {
  const refused = new Set<string>();
  return async ({ text }) => {
    await new Promise<void>((resolve) => clock.schedule(resolve, 500));
    if (refused.has(text)) return new Response(audioOf(text.length), { headers: { 'content-type': 'audio/mpeg' } });
    refused.add(text);
    return new Response('', { status: 503 });
  };
}

function ask(page: PageFixture, text: string, isStreaming: boolean): Call {
  const call: Call = { text, abort: new AbortController(), outcome: 'pending' };
  page
    .obtain(text, { signal: call.abort.signal, streaming: isStreaming })
    .then(async ({ body }) => {
      await body.whole;
      expect(body.copy()).toEqual(audioOf(text.length));
      call.outcome = 'served';
    })
    .catch((error: unknown) => {
      call.outcome = error === call.abort.signal.reason ? 'aborted' : 'failed';
    });
  return call;
}

/** Lets time pass in steps short enough for messages to arrive in between. */
async function pass(clock: FakeClock, ms: number): Promise<void> {
  for (let passedMs = 0; passedMs < ms; passedMs += 250) {
    for (let message = 0; message < 6; message++) await settle();
    await clock.advance(250);
  }
}

describe('Many pages that ask and give up', () => {
  it('are all served or let go, and leave nothing behind', async () => {
    expect(PATIENCE_MS).toBeLessThan(FILL_LEASE_MS);
    await fc.assert(
      fc.asyncProperty(
        fc.array(action, { maxLength: 40 }),
        fc.constantFrom('complete' as const, 'abort' as const),
        async (actions, fill) => {
          const worker = await SharedWorkerFixture.open();
          const synthesize = slowOrigin(worker.clock);
          const pages = [0, 1].map(() => worker.page({ synthesize, fill, maxConcurrentSyntheses: 1 }));
          const calls: Call[] = [];
          for (const { kind, pick } of actions) {
            const page = pages[pick % pages.length];
            if (kind === 'ask' && page !== undefined) calls.push(ask(page, TEXTS[pick % 3] ?? '', pick % 5 === 0));
            else if (kind === 'abort') calls[pick % Math.max(1, calls.length)]?.abort.abort(new Error('enough'));
            else if (kind === 'wait') await worker.clock.advance(pick);
            // Between two messages, where races are.
            else for (let turn = 0; turn <= pick; turn++) await settle();
          }
          await pass(worker.clock, PATIENCE_MS);
          for (const { abort, outcome } of calls) {
            expect(outcome).not.toBe('pending');
            if (!abort.signal.aborted) expect(outcome).toBe('served');
          }
          for (const page of pages) expect(page.pendingRequests).toBe(0);
          const late = await Promise.all(TEXTS.map((text) => ask(pages[0] as PageFixture, text, false)));
          await pass(worker.clock, PATIENCE_MS);
          expect(late.map(({ outcome }) => outcome)).toEqual(['served', 'served', 'served']);
        },
      ),
      { seed: 18, numRuns: 120 },
    );
  });
});
