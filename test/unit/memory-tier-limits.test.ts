/**
 * The promises of the memory tier about its limits, under random use: exact to the byte, never above them, and never
 * an entry evicted that need not be.
 */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MemoryTier } from '../../core/memory-tier';
import type { Amount, MemoryConfig } from '../../core/protocol/values';
import { entryOf, keyOf } from '../stored-entries';

const START_MS = 1_000_000;

interface Held {
  readonly key: string;
  readonly bytes: number;
  readonly expiresAtMs: number;
}

const configs: fc.Arbitrary<MemoryConfig> = fc
  .record({
    maxBytes: fc.integer({ min: 1, max: 300 }),
    maxEntries: fc.oneof(fc.constant(Number.POSITIVE_INFINITY), fc.integer({ min: 1, max: 12 })),
    ttlMs: fc.constantFrom(1500, 60_000, Number.POSITIVE_INFINITY),
    highWater: fc.constantFrom(0.9, 1, 0.5),
    lowRatio: fc.constantFrom(0, 0.5, 0.88),
  })
  .map(({ lowRatio, ...config }) => ({ ...config, lowWater: config.highWater * lowRatio }));

const id = fc.nat(15);
const action = fc.oneof(
  { arbitrary: fc.tuple(fc.constant('put' as const), id, fc.nat(80), fc.constantFrom(1, 900, 5000, 1e9)), weight: 6 },
  { arbitrary: fc.tuple(fc.constant('get' as const), id), weight: 4 },
  { arbitrary: fc.tuple(fc.constant('delete' as const), id), weight: 1 },
  { arbitrary: fc.tuple(fc.constant('cleanup' as const)), weight: 1 },
  { arbitrary: fc.tuple(fc.constant('wait' as const), fc.constantFrom(1, 500, 2000, 100_000, -3000)), weight: 2 },
);

/** All that is held, expired or not, the one used longest ago first. */
function heldOldestFirst(tier: MemoryTier): readonly Held[] {
  const all = [...tier.newestFirst(Number.NEGATIVE_INFINITY)].reverse();
  return all.map(({ entry }) => {
    const { key, expiresAtMs } = entry.metadata;
    return { key, bytes: entry.bytes.byteLength, expiresAtMs };
  });
}

function amountOf(held: readonly Held[]): Amount {
  return { entries: held.length, bytes: held.reduce((total, { bytes }) => total + bytes, 0) };
}

describe('The limits of the memory tier', () => {
  it('hold at every moment, and what is counted is what is held', () => {
    fc.assert(
      fc.property(configs, fc.array(action, { maxLength: 80 }), (config, actions) => {
        let nowMs = START_MS;
        const check = () => {
          expect(tier.usage).toEqual(amountOf(heldOldestFirst(tier)));
          expect(tier.usage.bytes).toBeLessThanOrEqual(config.maxBytes);
          expect(tier.usage.entries).toBeLessThanOrEqual(config.maxEntries);
        };
        const tier: MemoryTier = new MemoryTier(config, nowMs, { onRemoval: check, onUse: check });
        for (const [kind, ...args] of actions) {
          const [first = 0, bytes = 0, ttlMs = 0] = args;
          if (kind === 'put') {
            const entry = entryOf(first, { byteLength: bytes, expiresAtMs: nowMs + ttlMs });
            expect(tier.put(entry, nowMs)).toBe(bytes <= config.maxBytes);
          } else if (kind === 'get') tier.get(keyOf(first), nowMs);
          else if (kind === 'delete') tier.delete(keyOf(first));
          else if (kind === 'cleanup') tier.cleanup(nowMs);
          else nowMs += first;
          check();
        }
      }),
      { seed: 7, numRuns: 400 },
    );
  });

  it('evict only above the high-water mark, only the longest unused, and no more than down to the low one', () => {
    fc.assert(
      fc.property(configs, fc.array(action, { maxLength: 80 }), (config, actions) => {
        let nowMs = START_MS;
        const tier = new MemoryTier(config, nowMs);
        const isAbove = ({ entries, bytes }: Amount, water: number) =>
          bytes > config.maxBytes * water || entries > config.maxEntries * water;
        for (const [kind, ...args] of actions) {
          const [first = 0, bytes = 0, ttlMs = 0] = args;
          if (kind === 'get') tier.get(keyOf(first), nowMs);
          if (kind === 'wait') nowMs += first;
          if (kind !== 'put') continue;
          const others = heldOldestFirst(tier).filter(({ key }) => key !== keyOf(first));
          if (!tier.put(entryOf(first, { byteLength: bytes, expiresAtMs: nowMs + ttlMs }), nowMs)) continue;
          const kept = new Set(heldOldestFirst(tier).map(({ key }) => key));
          expect(kept).toContain(keyOf(first));
          const evicted = others.filter(({ key, expiresAtMs }) => !kept.has(key) && expiresAtMs > nowMs);
          const last = evicted.at(-1);
          if (last === undefined || config.ttlMs < 1e9) continue;
          const older = others.slice(0, others.indexOf(last));
          expect(older.filter(({ key }) => kept.has(key))).toEqual([]);
          const needed = [...others.filter(({ key }) => kept.has(key)), last, { key: '', bytes, expiresAtMs: 0 }];
          // Had the last one stayed, the low-water mark would have been passed.
          expect(isAbove(amountOf(needed), config.lowWater)).toBe(true);
          expect(isAbove(amountOf([...others, { key: '', bytes, expiresAtMs: 0 }]), config.highWater)).toBe(true);
        }
      }),
      { seed: 8, numRuns: 400 },
    );
  });
});
