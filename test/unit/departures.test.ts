import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type DepartureReason, Departures } from '../../core/departures';

/** A key whose first digits come from the number, and whose chain is decided by its lowest 14 bits. */
function keyOf(number: number): string {
  return `v1_${number.toString(16).padStart(13, '0')}${'0'.repeat(51)}`;
}

describe('Why an entry went', () => {
  it('is not known of a phrase that was never seen to go', () => {
    expect(new Departures().reasonFor(keyOf(1))).toBe('new');
  });

  it('is remembered, the latest reason of each', () => {
    const departures = new Departures();
    departures.note(keyOf(1), 'evicted');
    departures.noteAll([keyOf(2), keyOf(3)], 'expired');
    departures.note(keyOf(3), 'deleted');
    departures.note(keyOf(4), 'damaged');
    expect([1, 2, 3, 4].map((number) => departures.reasonFor(keyOf(number)))).toEqual([
      'evicted',
      'expired',
      'deleted',
      'damaged',
    ]);
  });

  it('is forgotten once the phrase is stored again', () => {
    const departures = new Departures();
    departures.note(keyOf(1), 'evicted');
    departures.forget(keyOf(1));
    departures.forget(keyOf(2));
    expect(departures.reasonFor(keyOf(1))).toBe('new');
  });

  it('is remembered of the last 10,000', () => {
    const departures = new Departures();
    departures.noteAll(
      Array.from({ length: 25_000 }, (_, number) => keyOf(number)),
      'evicted',
    );
    expect(departures.reasonFor(keyOf(14_999))).toBe('new');
    expect(departures.reasonFor(keyOf(15_000))).toBe('evicted');
    expect(departures.reasonFor(keyOf(24_999))).toBe('evicted');
  });

  it('outlives 10,000 others that went before it went again', () => {
    const departures = new Departures();
    const keys = Array.from({ length: 9_999 }, (_, number) => keyOf(number));
    departures.note(keyOf(50_000), 'expired');
    departures.noteAll(keys.slice(0, 5000), 'evicted');
    departures.note(keyOf(50_000), 'deleted');
    departures.noteAll(keys.slice(5000), 'evicted');
    departures.noteAll(keys.slice(0, 4000), 'evicted');
    expect(departures.reasonFor(keyOf(50_000))).toBe('deleted');
  });

  it('is found where a place is used again by a key of the same chain', () => {
    const [first, second, third, never] = [1, 2, 3, 4].map((number) => keyOf(number * 16_384)) as [
      string,
      string,
      string,
      string,
    ];
    const others = Array.from({ length: 9_998 }, (_, number) => keyOf(number + 1));
    for (const gone of [first, second]) {
      const departures = new Departures();
      departures.noteAll([first, second], 'evicted');
      departures.forget(gone);
      departures.noteAll(others, 'evicted');
      // Over the places of the first two. With a chain that runs in a circle a search would not end.
      departures.noteAll([third, first], 'expired');
      expect([first, second, third, never].map((key) => departures.reasonFor(key))).toEqual([
        'expired',
        'new',
        'expired',
        'new',
      ]);
    }
  });

  it('is that of two keys that begin alike, which is why nothing is decided by it', () => {
    const departures = new Departures();
    const beginning = `v1_${'a'.repeat(13)}`;
    departures.note(beginning.padEnd(67, '0'), 'evicted');
    expect(departures.reasonFor(beginning.padEnd(67, '1'))).toBe('evicted');
    expect(departures.reasonFor(`v1_${'a'.repeat(12)}b${'0'.repeat(51)}`)).toBe('new');
  });

  it('agrees with a list of all departures, also where many keys share a chain', () => {
    // Numbers that differ by a multiple of 16,384 share one; so many are noted that the ring is gone around.
    const number = fc.oneof(
      fc.nat(5),
      fc.nat(5).map((chain) => chain * 16_384 + 1),
      fc.nat(8_000),
    );
    const reason = fc.constantFrom<DepartureReason>('expired', 'evicted', 'deleted', 'damaged');
    const step = fc.oneof(
      { arbitrary: fc.record({ type: fc.constant('note'), number, reason }), weight: 6 },
      { arbitrary: fc.record({ type: fc.constant('forget'), number }), weight: 2 },
      {
        arbitrary: fc.record({ type: fc.constant('note-many'), first: fc.nat(20_000), count: fc.nat(4_000), reason }),
        weight: 1,
      },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const departures = new Departures();
        const log: { readonly number: number; readonly reason: DepartureReason | undefined }[] = [];
        for (const taken of steps) {
          if (taken.type === 'note') {
            departures.note(keyOf(taken.number), taken.reason);
            log.push(taken);
          } else if (taken.type === 'forget') {
            departures.forget(keyOf(taken.number));
            log.push({ number: taken.number, reason: undefined });
          } else {
            const numbers = Array.from({ length: taken.count }, (_, index) => taken.first + index);
            departures.noteAll(numbers.map(keyOf), taken.reason);
            log.push(...numbers.map((number) => ({ number, reason: taken.reason })));
          }
        }
        const latest = new Map<number, DepartureReason | undefined>();
        let departed = 0;
        for (const { number, reason } of log.toReversed()) {
          if (reason !== undefined && departed++ >= 10_000) break;
          if (!latest.has(number)) latest.set(number, reason);
        }
        for (let number = 0; number < 24_000; number += 7) {
          expect(departures.reasonFor(keyOf(number))).toBe(latest.get(number) ?? 'new');
        }
        for (let chain = 0; chain <= 5; chain++) {
          const number = chain * 16_384 + 1;
          expect(departures.reasonFor(keyOf(number))).toBe(latest.get(number) ?? 'new');
        }
      }),
      { seed: 16, numRuns: 30 },
    );
  });
});
