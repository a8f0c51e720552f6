/**
 * Whatever callers and fillers do and in whatever order: no key is ever stuck, one fill is under way for it at most,
 * and everybody who waits and does not leave gets exactly one outcome.
 */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type FillOutcome, SingleFlight } from '../../core/single-flight';
import { FakeClock, settle } from '../fake-clock';

const LEASE_MS = 1000;
const KEYS = ['a', 'b'];

interface Caller {
  readonly callId: string;
  readonly key: string;
  hasLeft: boolean;
  isWaiting: boolean;
  readonly outcomes: (FillOutcome<string> | 'failed')[];
}

const pick = fc.nat(1000);
const action = fc.oneof(
  { arbitrary: fc.record({ kind: fc.constant('join' as const), pick }), weight: 6 },
  { arbitrary: fc.record({ kind: fc.constant('wait' as const), pick }), weight: 4 },
  { arbitrary: fc.record({ kind: fc.constant('leave' as const), pick }), weight: 3 },
  { arbitrary: fc.record({ kind: fc.constantFrom('append', 'restart', 'renew'), pick }), weight: 3 },
  { arbitrary: fc.record({ kind: fc.constantFrom('complete', 'fail', 'abandon'), pick }), weight: 3 },
  { arbitrary: fc.record({ kind: fc.constant('advance' as const), pick: fc.nat(1500) }), weight: 2 },
);

/** Callers and fillers as the actions say, with everything they are told written down. */
class Bustle {
  readonly clock = new FakeClock();
  readonly callers: Caller[] = [];
  /** Every fill id that was ever granted, with the pieces its filler sent since it last started over. */
  readonly sentByFillId = new Map<string, number[]>();
  readonly abandonedTooEarly: string[] = [];
  readonly fills = new SingleFlight<string>({
    clock: this.clock,
    idPrefix: 'w',
    leaseMs: LEASE_MS,
    onAbandoned: (fillId) => this.#checkAbandoned(fillId),
  });
  #lastPiece = 0;

  async act(kind: string, choice: number): Promise<void> {
    const caller = this.callers[choice % Math.max(1, this.callers.length)];
    const fillId = [...this.sentByFillId.keys()].at(-1 - (choice % 4));
    if (kind === 'join') this.#join(KEYS[choice % KEYS.length] ?? '');
    else if (kind === 'advance') await this.clock.advance(choice);
    else if (kind === 'wait' && caller !== undefined) this.wait(caller);
    else if (kind === 'leave' && caller !== undefined) {
      caller.hasLeft = true;
      this.fills.leave(caller.callId, choice % 2 === 0);
    } else if (fillId !== undefined) await this.#fillerActs(kind, fillId);
    await settle();
  }

  /** How many of all the fills ever granted are under way for a key. */
  countUnderWay(key: string): number {
    return [...this.sentByFillId.keys()].filter((fillId) => this.fills.keyOf(fillId) === key).length;
  }

  wait(caller: Caller): void {
    const waiting = this.fills.wait(caller.callId);
    if (caller.hasLeft || caller.isWaiting) expect(waiting).toBeUndefined();
    if (waiting === undefined) return;
    caller.isWaiting = true;
    waiting.then(
      (outcome) => {
        caller.outcomes.push(outcome);
        if (outcome.type === 'granted') this.sentByFillId.set(outcome.fillId, []);
      },
      () => caller.outcomes.push('failed'),
    );
  }

  #join(key: string): void {
    const caller: Caller = { callId: `c${this.callers.length}`, key, hasLeft: false, isWaiting: false, outcomes: [] };
    const wasUnderWay = this.fills.size > 0 && this.countUnderWay(key) > 0;
    const joined = this.fills.join({ key, canonical: key, spec: { text: key } }, caller.callId);
    if (wasUnderWay) expect(joined.type).toBe('pending');
    if (joined.type === 'granted') {
      this.sentByFillId.set(joined.fillId, []);
      caller.isWaiting = true;
      caller.outcomes.push(joined);
    }
    this.callers.push(caller);
  }

  async #fillerActs(kind: string, fillId: string): Promise<void> {
    const isUnderWay = this.fills.keyOf(fillId) !== undefined;
    const outcomesBefore = this.#countOutcomes();
    const sent = this.sentByFillId.get(fillId) ?? [];
    if (kind === 'renew') this.fills.renew(fillId);
    else if (kind === 'append' || kind === 'restart') {
      const offsetBytes = kind === 'restart' ? 0 : sent.length;
      const piece = ++this.#lastPiece % 256;
      this.fills.append(fillId, offsetBytes, Uint8Array.of(piece).buffer);
      if (isUnderWay) this.sentByFillId.set(fillId, offsetBytes === 0 ? [piece] : [...sent, piece]);
    } else if (kind === 'complete') {
      const collected = this.fills.collect(fillId);
      expect(collected !== undefined).toBe(isUnderWay);
      if (collected !== undefined) expect(collected.chunks.flatMap((each) => [...new Uint8Array(each)])).toEqual(sent);
      this.fills.settle(fillId, fillId);
    } else if (kind === 'fail') this.fills.fail(fillId, new Error(fillId));
    else this.fills.abandon(fillId);
    await settle();
    if (!isUnderWay) expect(this.#countOutcomes()).toBe(outcomesBefore);
  }

  /** Nobody who joined, has not left and still lacks its audio may be waiting for a fill that is told abandoned. */
  #checkAbandoned(fillId: string): void {
    const key = this.fills.keyOf(fillId);
    const interested = this.callers.filter(
      (caller) => caller.key === key && !caller.hasLeft && caller.outcomes.length === 0,
    );
    if (key === undefined || interested.length > 0) this.abandonedTooEarly.push(fillId);
  }

  #countOutcomes(): number {
    return this.callers.reduce((total, caller) => total + (caller.hasLeft ? 0 : caller.outcomes.length), 0);
  }
}

describe('Synthesis by one for many', () => {
  it('never gets stuck, whatever happens', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 60 }), async (actions) => {
        const bustle = new Bustle();
        for (const step of actions) {
          await bustle.act(step.kind, step.pick);
          for (const key of KEYS) expect(bustle.countUnderWay(key)).toBeLessThanOrEqual(1);
        }
        for (const caller of bustle.callers) {
          if (!caller.isWaiting && !caller.hasLeft) bustle.wait(caller);
        }
        await bustle.clock.advance(LEASE_MS * (bustle.callers.length + 2));
        expect(bustle.fills.size).toBe(0);
        expect(bustle.clock.pendingTimers).toBe(0);
        expect(bustle.abandonedTooEarly).toEqual([]);
        for (const caller of bustle.callers) {
          if (!caller.hasLeft) expect(caller.outcomes).toHaveLength(1);
          expect(caller.outcomes.length).toBeLessThanOrEqual(1);
        }
      }),
      { seed: 13, numRuns: 250 },
    );
  });
});
