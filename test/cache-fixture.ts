/** A cache over a store in memory, with the clock in the test's hand, and the steps every test of it takes. */
import { AudioCache } from '../core/audio-cache';
import type { ReadStorage } from '../core/cache-upkeep';
import { createHashing, type Hashing, type HashingOptions } from '../core/hashing';
import { canonicalizeSpec, keyFromDigest } from '../core/key';
import type { AudioCacheError } from '../core/protocol/audio-cache-error';
import type { CacheEvent, FillGrantedAnswer, FillResult, HitAnswer } from '../core/protocol/messages';
import type { CacheConfig, DiskConfig, HealthConfig, MemoryConfig } from '../core/protocol/values';
import type { AudioStore } from '../core/storage/store';
import { FakeClock } from './fake-clock';
import { FaultyStore } from './faulty-store';
import { MemoryDisk, MemoryStore } from './memory-store';

/** The configuration tests start from: small limits, the documented times. */
export function configOf(
  given: Partial<Omit<CacheConfig, 'memory' | 'disk' | 'health'>> & {
    readonly memory?: Partial<MemoryConfig>;
    readonly disk?: Partial<DiskConfig>;
    readonly health?: Partial<HealthConfig>;
  } = {},
): CacheConfig {
  return {
    namespace: 'test',
    version: 1,
    speedMode: 'synthesis',
    maxEntryBytes: 50_000,
    storeText: true,
    cleanupIntervalMs: 300_000,
    price: undefined,
    budget: undefined,
    keepTotals: false,
    ...given,
    memory: {
      maxBytes: 100_000,
      maxEntries: Number.POSITIVE_INFINITY,
      ttlMs: 3_600_000,
      highWater: 0.9,
      lowWater: 0.8,
      ...given.memory,
    },
    disk: {
      store: 'auto',
      maxBytes: 1_000_000,
      ttlMs: 7 * 86_400_000,
      slidingTtl: false,
      highWater: 0.9,
      lowWater: 0.8,
      ...given.disk,
    },
    health: { minHitRate: 0.2, maxErrorRate: 0.1, maxHeapRatio: 0.8, ...given.health },
  };
}

/** Nothing is pinned, and that is known. */
export const NO_PINS = { ready: Promise.resolve(), isPinned: () => false };

/** What a test may choose; everything else is as in `configOf`. */
export interface CacheFixtureOptions extends HashingOptions {
  readonly config?: Parameters<typeof configOf>[0];
  /** Null: there is none. */
  readonly store?: AudioStore | null;
  readonly storeError?: AudioCacheError;
  /** Instead of the real hashes. */
  readonly hashing?: Hashing;
  readonly clock?: FakeClock;
  readonly heldBefore?: boolean;
  readonly readStorage?: ReadStorage;
  /** There was a cache before it, in another worker. */
  readonly takesOver?: boolean;
}

/** A cache and everything it is made of. */
export interface CacheFixture {
  readonly cache: AudioCache;
  readonly clock: FakeClock;
  readonly disk: MemoryStore;
  /** What `disk` keeps everything on, which outlives it. */
  readonly medium: MemoryDisk;
  /** Around `disk`. */
  readonly store: FaultyStore;
  readonly hashing: Hashing;
  /** What the cache told, in order. */
  readonly events: CacheEvent[];
}

/** Opens a cache. */
export async function openCache(options: CacheFixtureOptions = {}): Promise<CacheFixture> {
  const {
    config,
    storeError,
    keySecret,
    wasm,
    takesOver = false,
    heldBefore = false,
    readStorage,
    clock = new FakeClock(),
  } = options;
  const hashing = options.hashing ?? (await createHashing({ keySecret, wasm }));
  const medium = new MemoryDisk();
  const disk = new MemoryStore(medium);
  const store = new FaultyStore(disk);
  const events: CacheEvent[] = [];
  const cache = new AudioCache({
    config: configOf(config),
    hashing,
    clock,
    random: () => 0.5,
    store: options.store === null ? undefined : (options.store ?? store),
    storeError,
    takesOver,
    heldBefore,
    readStorage,
    emit: (event) => events.push(event),
  });
  return { cache, clock, disk, medium, store, hashing, events };
}

/** The key of a phrase. */
export async function keyOfText(hashing: Hashing, text: string): Promise<string> {
  return keyFromDigest(await hashing.digestHex(canonicalizeSpec({ text })));
}

/** Audio that begins as an MP3 file does; the same numbers give the same bytes. */
export function audioOf(seed: number, byteLength = 1000): ArrayBuffer {
  const bytes = Uint8Array.from({ length: byteLength }, (_, index) => (index * 31 + seed * 17) & 0xff);
  bytes.set([0x49, 0x44, 0x33].slice(0, byteLength));
  return bytes.buffer;
}

/** What a filler or a `put` says about audio. */
export function resultOf(byteLength: number, given: Partial<FillResult> = {}): FillResult {
  return { byteLength, contentType: 'audio/mpeg', synthesisMs: 400, ...given };
}

let lastCallNumber = 0;

/** Asks for a phrase as a new caller and insists on being the one who synthesizes it. */
export async function beGranted(cache: AudioCache, text: string): Promise<FillGrantedAnswer> {
  const answer = await cache.read(`filler-${++lastCallNumber}`, { text });
  if (answer.type !== 'fill-granted') throw new Error(`Expected a grant for "${text}", got ${answer.type}`);
  return answer;
}

/** Sends whole audio for a fill, in one piece. */
export async function fillWith(
  cache: AudioCache,
  fillId: string,
  bytes: ArrayBuffer,
  given: Partial<FillResult> = {},
): Promise<void> {
  cache.appendChunk(fillId, 0, bytes.slice(0));
  await cache.completeFill(fillId, resultOf(bytes.byteLength, given));
}

/** Asks for a phrase and synthesizes it if nobody has it. */
export async function say(
  cache: AudioCache,
  text: string,
  bytes: ArrayBuffer = audioOf(text.length),
): Promise<HitAnswer | FillGrantedAnswer> {
  const answer = await cache.read(`caller-${++lastCallNumber}`, { text });
  if (answer.type === 'fill-pending') throw new Error(`Somebody else is synthesizing "${text}"`);
  if (answer.type === 'fill-granted') await fillWith(cache, answer.fillId, bytes);
  return answer;
}
