import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ExpiryWheel, type WheelLinks } from '../../core/expiry-wheel';

const SECOND_MS = 1000;
const HOUR_MS = 3600 * SECOND_MS;
const DAY_MS = 24 * HOUR_MS;
const START_MS = Date.UTC(2025, 5, 18, 12);
/** The finest ring's span: how late a node may be reported. */
const LATENESS_MS = 1024;

type Bucket = NonNullable<WheelLinks<Node>['bucket']>;

/** Counts how often the wheel looks at it. */
class Node implements WheelLinks<Node> {
  bucket: Bucket | undefined;
  previousInBucket: Node | undefined;
  nextInBucket: Node | undefined;
  looks = 0;
  readonly #expiresAtMs: number;

  constructor(expiresAtMs: number) {
    this.#expiresAtMs = expiresAtMs;
  }

  get expiresAtMs(): number {
    this.looks++;
    return this.#expiresAtMs;
  }
}

function expiredBy(wheel: ExpiryWheel<Node>, nowMs: number): readonly Node[] {
  const expired: Node[] = [];
  wheel.advance(nowMs, (node) => expired.push(node));
  return expired;
}

describe('A wheel of expiries', () => {
  it.each([1, 999, 1023, 1024, 1025, 65_535, 65_536, 65_537, HOUR_MS, 4_194_304, DAY_MS, 80 * HOUR_MS, 100 * DAY_MS])(
    'reports what lives for %i ms at its time, and neither early nor twice',
    (ttlMs) => {
      for (const startMs of [START_MS, START_MS + 1023, START_MS + 500_000]) {
        const wheel = new ExpiryWheel<Node>(startMs);
        const node = new Node(startMs + ttlMs);
        wheel.add(node);
        expect(expiredBy(wheel, startMs + ttlMs - 1)).toEqual([]);
        expect(expiredBy(wheel, startMs + ttlMs + LATENESS_MS)).toEqual([node]);
        expect(expiredBy(wheel, startMs + 1000 * DAY_MS)).toEqual([]);
      }
    },
  );

  it('reports what had expired before it was added', () => {
    const wheel = new ExpiryWheel<Node>(START_MS);
    const node = new Node(START_MS - HOUR_MS);
    wheel.add(node);
    expect(expiredBy(wheel, START_MS + LATENESS_MS)).toEqual([node]);
  });

  it('never reports what never expires, nor what was taken out', () => {
    const wheel = new ExpiryWheel<Node>(START_MS);
    const [eternal, removed] = [new Node(Number.POSITIVE_INFINITY), new Node(START_MS + 5000)];
    wheel.add(eternal);
    wheel.add(removed);
    wheel.remove(removed);
    wheel.remove(removed);
    wheel.remove(eternal);
    expect(expiredBy(wheel, START_MS + 10_000 * DAY_MS)).toEqual([]);
  });

  it('forgets everything when it is cleared', () => {
    const wheel = new ExpiryWheel<Node>(START_MS);
    for (const ttlMs of [1, 70_000, DAY_MS]) wheel.add(new Node(START_MS + ttlMs));
    wheel.clear();
    expect(expiredBy(wheel, START_MS + 2 * DAY_MS)).toEqual([]);
  });

  it('stands still while the clock is behind it, and goes on when the clock has caught up', () => {
    const wheel = new ExpiryWheel<Node>(START_MS);
    expiredBy(wheel, START_MS + HOUR_MS);
    const node = new Node(START_MS + 2000);
    wheel.add(node);
    expect(expiredBy(wheel, START_MS + 10 * SECOND_MS)).toEqual([]);
    expect(expiredBy(wheel, START_MS + HOUR_MS + LATENESS_MS)).toEqual([node]);
  });

  it('agrees with a plain list, whatever is added and removed and however the clock jumps', () => {
    const ttl = fc.oneof(
      {
        arbitrary: fc
          .double({ min: 0, max: Math.log(100 * DAY_MS), noNaN: true })
          .map((power) => Math.ceil(Math.exp(power))),
        weight: 8,
      },
      {
        arbitrary: fc.constantFrom(0, 1, 1024, 65_536, 4_194_304, 64 * 4_194_304, -5000, Number.POSITIVE_INFINITY),
        weight: 2,
      },
    );
    const jump = fc.oneof(
      { arbitrary: fc.nat(3000), weight: 6 },
      { arbitrary: fc.nat(3 * HOUR_MS), weight: 3 },
      { arbitrary: fc.nat(200 * DAY_MS), weight: 1 },
      { arbitrary: fc.nat(HOUR_MS).map((ms) => -ms), weight: 1 },
    );
    const action = fc.oneof(
      fc.record({ kind: fc.constant('add' as const), ttlMs: ttl }),
      fc.record({ kind: fc.constant('remove' as const), pick: fc.nat() }),
      fc.record({ kind: fc.constant('advance' as const), byMs: jump }),
    );
    fc.assert(
      fc.property(fc.nat(10_000_000), fc.array(action, { maxLength: 150 }), (offsetMs, actions) => {
        let nowMs = START_MS + offsetMs;
        let furthestMs = nowMs;
        const wheel = new ExpiryWheel<Node>(nowMs);
        /** Each node with the time from which it may count as due. */
        const dueAtMsByNode = new Map<Node, number>();
        for (const step of actions) {
          if (step.kind === 'add') {
            const node = new Node(nowMs + step.ttlMs);
            wheel.add(node);
            dueAtMsByNode.set(node, Math.max(node.expiresAtMs, furthestMs));
          } else if (step.kind === 'remove') {
            const node = [...dueAtMsByNode.keys()][step.pick % Math.max(1, dueAtMsByNode.size)];
            if (node === undefined) continue;
            wheel.remove(node);
            dueAtMsByNode.delete(node);
          } else {
            nowMs += step.byMs;
            furthestMs = Math.max(furthestMs, nowMs);
            for (const node of expiredBy(wheel, nowMs)) {
              expect(node.expiresAtMs).toBeLessThanOrEqual(nowMs);
              expect(dueAtMsByNode.delete(node)).toBe(true);
            }
            for (const dueAtMs of dueAtMsByNode.values()) expect(dueAtMs).toBeGreaterThan(furthestMs - LATENESS_MS);
          }
        }
      }),
      { seed: 6, numRuns: 400 },
    );
  });
});

describe('The work of a wheel of expiries', () => {
  const looksAt = (nodes: readonly Node[]) => nodes.reduce((total, node) => total + node.looks, 0);

  it('is nothing while no tick passes, however often it is asked', () => {
    const startMs = Math.ceil(START_MS / 1024) * 1024;
    const wheel = new ExpiryWheel<Node>(startMs);
    const nodes = Array.from({ length: 100 }, (_, index) => new Node(startMs + 900 + index));
    for (const node of nodes) wheel.add(node);
    const before = looksAt(nodes);
    for (let ms = 1; ms < 1024; ms++) expect(expiredBy(wheel, startMs + ms)).toEqual([]);
    expect(looksAt(nodes)).toBe(before);
  });

  it.each([
    ['an hour', HOUR_MS, SECOND_MS],
    ['a week', 7 * DAY_MS, 60 * SECOND_MS],
    ['100 days', 100 * DAY_MS, HOUR_MS],
  ])('does not grow with the times it is asked: a few looks a node over %s', (_, ttlMs, stepMs) => {
    const wheel = new ExpiryWheel<Node>(START_MS);
    const nodes = Array.from(
      { length: 200 },
      (_, index) => new Node(START_MS + Math.ceil((ttlMs * (index + 1)) / 200)),
    );
    for (const node of nodes) wheel.add(node);
    let reported = 0;
    for (let nowMs = START_MS; nowMs <= START_MS + ttlMs + 2 * stepMs; nowMs += stepMs) {
      reported += expiredBy(wheel, nowMs).length;
    }
    expect(reported).toBe(nodes.length);
    // Three reads a look; a ring is entered once, and the coarsest comes round every three days.
    const looksPerNode = looksAt(nodes) / 3 / nodes.length;
    expect(looksPerNode).toBeLessThan(8 + ttlMs / (64 * 4_194_304));
  });
});
