/** A disk tier over a store in memory, with the clock in the test's hand. */
import { DiskTier } from '../core/disk-tier';
import { createHashing, type Hashing } from '../core/hashing';
import { Metrics } from '../core/metrics/metrics';
import type { AudioCacheError } from '../core/protocol/audio-cache-error';
import type { Amount, DiskConfig, Entry, EntryMetadata, RemovalReason } from '../core/protocol/values';
import type { AudioStore } from '../core/storage/store';
import { configOf } from './cache-fixture';
import { FakeClock } from './fake-clock';
import { FaultyStore } from './faulty-store';
import { MemoryStore } from './memory-store';
import { entryOf } from './stored-entries';

/** A disk tier and everything it is made of. */
export interface DiskTierFixture {
  readonly tier: DiskTier;
  readonly clock: FakeClock;
  readonly disk: MemoryStore;
  /** Around `disk`. */
  readonly store: FaultyStore;
  readonly hashing: Hashing;
  readonly metrics: Metrics;
  readonly removals: (readonly [reason: RemovalReason, amount: Amount])[];
  readonly lost: AudioCacheError[];
  /** What is pinned; the tier is told by `protect`. */
  readonly pinned: Set<string>;
}

/** Makes a disk tier; `store` null: there is none. `readsAtOnce`: its store answers reads without a promise. */
export async function openDiskTier(
  given: {
    readonly config?: Partial<DiskConfig>;
    readonly hashing?: Hashing;
    readonly store?: AudioStore | null;
    readonly readsAtOnce?: boolean;
  } = {},
): Promise<DiskTierFixture> {
  const clock = new FakeClock();
  const disk = new MemoryStore();
  const store = new FaultyStore(disk, given.readsAtOnce ? (key) => disk.readNow(key) : undefined);
  const hashing = given.hashing ?? (await createHashing());
  const metrics = new Metrics(clock.nowMs());
  const removals: DiskTierFixture['removals'] = [];
  const lost: AudioCacheError[] = [];
  const pinned = new Set<string>();
  const tier = new DiskTier({
    store: given.store === null ? undefined : (given.store ?? store),
    config: configOf({ disk: { maxBytes: 1000, ...given.config } }).disk,
    hashing,
    clock,
    metrics,
    onUnpinnable: () => {},
    pins: { ready: Promise.resolve(), isPinned: (key) => pinned.has(key) },
    onRemoval: (reason, { entries, bytes }) => removals.push([reason, { entries, bytes }]),
    onLost: (error) => lost.push(error),
  });
  return { tier, clock, disk, store, hashing, metrics, removals, lost, pinned };
}

/** An entry with the checksum of its bytes, of 100 bytes and without expiry unless told. */
export function wholeEntry({ hashing }: DiskTierFixture, id: number, given: Partial<EntryMetadata> = {}): Entry {
  const { metadata, bytes } = entryOf(id, { byteLength: 100, expiresAtMs: Number.POSITIVE_INFINITY, ...given });
  return { metadata: { ...metadata, checksum: hashing.checksum(bytes) }, bytes };
}
