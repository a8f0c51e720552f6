/** A log store on a directory with faults, and the steps its tests take. */

import { isDeepStrictEqual } from 'node:util';
import { seededRandom } from '../bench/seeded-random';
import { DiskTier } from '../core/disk-tier';
import { createHashing, type Hashing } from '../core/hashing';
import { Metrics } from '../core/metrics/metrics';
import type { Entry, EntryMetadata } from '../core/protocol/values';
import { type LogStore, openLogStore } from '../core/storage/log-store';
import type { AudioStore, StoredMetadata } from '../core/storage/store';
import { configOf, NO_PINS } from './cache-fixture';
import { FakeClock } from './fake-clock';
import { FaultDirectory, type FaultDirectoryOptions } from './fault-directory';
import { entryOf } from './stored-entries';

/** As in browsers. */
export const NAME_DURABLE_AFTER_MS = 60_000;

/** The smallest segments there are, 256 KiB: everything happens early. */
export const SMALL_MAX_BYTES = 16 * 1024 * 1024;

/** One for all tests, since making the hashers takes longer than most of them. */
export const hashing: Hashing = await createHashing();

/** What a test may choose. */
export interface LogStoreFixtureOptions extends Partial<FaultDirectoryOptions> {
  /** Limit of the store; the directory's own is `maxBytes`. */
  readonly storeMaxBytes?: number;
  readonly seed?: number;
}

/** Files, the clock they age by, and the store on them. */
export class LogStoreFixture {
  readonly clock: FakeClock;
  readonly directory: FaultDirectory;
  readonly #options: LogStoreFixtureOptions;
  #store: LogStore | undefined;

  constructor(options: LogStoreFixtureOptions = {}, directory?: FaultDirectory, clock = new FakeClock()) {
    this.#options = options;
    this.clock = clock;
    this.directory = directory ?? new FaultDirectory({ clock, nameDurableAfterMs: NAME_DURABLE_AFTER_MS, ...options });
  }

  /** The open store. */
  get store(): LogStore {
    if (this.#store === undefined) throw new Error('The store is not open');
    return this.#store;
  }

  async open(): Promise<LogStore> {
    const { storeMaxBytes: maxBytes = SMALL_MAX_BYTES, seed = 1 } = this.#options;
    const { directory, clock } = this;
    const random = seededRandom(seed);
    this.#store = await openLogStore({ directory: directory.mount(), clock, hashing, random, maxBytes });
    return this.#store;
  }

  async close(): Promise<void> {
    await this.#store?.close();
    this.#store = undefined;
  }

  async reopen(): Promise<LogStore> {
    await this.close();
    return this.open();
  }

  /** Kills the process and starts another one. */
  async killAndReopen(): Promise<LogStore> {
    this.directory.kill();
    return this.open();
  }

  /** The same files once more, so that one can be harmed and the other harmed differently. */
  copy(options: LogStoreFixtureOptions = this.#options): LogStoreFixture {
    const clock = new FakeClock(this.clock.nowMs());
    return new LogStoreFixture(options, this.directory.copy(clock), clock);
  }
}

/** The disk tier over the open store, as the real system has it. */
export function openTier({ store, clock }: LogStoreFixture, maxBytes = SMALL_MAX_BYTES) {
  const metrics = new Metrics(clock.nowMs());
  const { disk: config } = configOf({ disk: { maxBytes } });
  const tier = new DiskTier({
    store,
    config,
    hashing,
    clock,
    metrics,
    pins: NO_PINS,
    onUnpinnable: () => {},
    onRemoval: () => {},
    onLost: () => {},
  });
  return { tier, metrics };
}

/** Makes the files and opens the store. */
export async function openFixture(options: LogStoreFixtureOptions = {}): Promise<LogStoreFixture> {
  const fixture = new LogStoreFixture(options);
  await fixture.open();
  return fixture;
}

/** An entry with the checksum of its bytes, and without expiry unless told. */
export function soundEntry(id: number, given: Partial<EntryMetadata> & { readonly version?: number } = {}): Entry {
  const { metadata, bytes } = entryOf(id, { expiresAtMs: Number.POSITIVE_INFINITY, ...given });
  return { metadata: { ...metadata, checksum: hashing.checksum(bytes) }, bytes };
}

/** Reads as the disk tier does: audio that does not match its checksum is a miss. */
export async function readSound(store: AudioStore, key: string): Promise<Entry | undefined> {
  const entry = await store.read(key);
  return entry !== undefined && hashing.verify(entry.bytes, entry.metadata.checksum) === 'match' ? entry : undefined;
}

/** All entries, latest access first. */
export async function listAll(store: AudioStore): Promise<readonly StoredMetadata[]> {
  const all: StoredMetadata[] = [];
  let cursor: string | undefined;
  do {
    const page = await store.list({ limit: 500, cursor });
    all.push(...page.entries);
    cursor = page.cursor;
  } while (cursor !== undefined);
  return all;
}

/** Whether two entries are the same, bytes and all. */
export function isSame(actual: Entry | undefined, expected: Entry | undefined): boolean {
  if (actual === undefined || expected === undefined) return actual === expected;
  return (
    isDeepStrictEqual(actual.metadata, expected.metadata) &&
    Buffer.compare(Buffer.from(actual.bytes), Buffer.from(expected.bytes)) === 0
  );
}

/** Reclaims until nothing is worth it. */
export async function reclaimAll(store: AudioStore, isUrgent = false): Promise<void> {
  for (let steps = 0; (await store.reclaim(isUrgent)).isWorthwhile; steps++) {
    if (steps > 10_000) throw new Error('Reclaiming does not end');
  }
}
