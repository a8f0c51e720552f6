/** What a crash test does at random, as far as all of them do it. */
import * as fc from 'fast-check';
import type { CrashOperation } from './crash-model';

/** How many keys the operations are about. */
export const CRASH_KEYS = 8;

const id = fc.nat(CRASH_KEYS - 1);

/** Writes, removals, touches and evictions, with their weights. */
export const changingOperations: readonly fc.WeightedArbitrary<CrashOperation>[] = [
  {
    weight: 8,
    arbitrary: fc.record({
      type: fc.constant('write' as const),
      id,
      byteLength: fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 20_000, max: 90_000 })),
      durability: fc.constantFrom('relaxed' as const, 'durable' as const),
      ttlMs: fc.constantFrom(5_000, 1_000_000_000),
    }),
  },
  { weight: 4, arbitrary: fc.record({ type: fc.constantFrom('remove' as const, 'touch' as const), id }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('protect' as const), id, isProtected: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('clear-unprotected' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constant('evict' as const), bytes: fc.nat(90_000), maxEntries: fc.nat(3) }),
  },
];
