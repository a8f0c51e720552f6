/**
 * Steady, scattered eviction: far more is put than there is room for, while a part of it is asked for again and again.
 * With the disk tier in charge as it is in the real system.
 */
import { randomAudio, seededRandom } from '../bench/seeded-random';
import type { Entry } from '../core/protocol/values';
import { hashing, NAME_DURABLE_AFTER_MS, openFixture, openTier } from './log-store-fixture';
import { entryOf, keyOf } from './stored-entries';

const PUTS = 20_000;
/** Puts until the limit has been reached for a while. */
const WARM_UP_PUTS = 4_000;
/** What is read was put this recently; about twice as many entries as there is room for. */
const RECENT_PUTS = 3_000;
const SEGMENT_BYTES = 256 * 1024;

/** What a run measured, after the warm-up. */
export interface SpaceReport {
  /** Of bytes written by the store, whatever for, and bytes of audio put. */
  readonly writeAmplification: number;
  /** The highest share of bytes on the disk, less one segment, and audio bytes that live. */
  readonly spaceAmplification: number;
  readonly highestBytesOnDisk: number;
  /** Audio bytes that lived on average. */
  readonly meanLiveBytes: number;
  readonly hitRate: number;
  /** Of an exact LRU that keeps as many bytes as live in the store at each moment. */
  readonly lruHitRate: number;
}

/** Puts entries of 2 to 20 KiB, one each `putIntervalMs`, and looks up `readsPerPut` others after each. */
export async function churn(putIntervalMs: number, readsPerPut: number, seed: number): Promise<SpaceReport> {
  const random = seededRandom(seed);
  const fixture = await openFixture();
  const { store, clock, directory } = fixture;
  await clock.advance(2 * NAME_DURABLE_AFTER_MS);
  const { tier, metrics } = openTier(fixture);
  const noise = randomAudio(1024 * 1024, random);
  let putBytes = 0;
  let writtenBefore = 0;
  let spaceAmplification = 0;
  let highestBytesOnDisk = 0;
  let liveBytes = 0;
  const shadow = new ShadowLru();
  for (let id = 0; id < PUTS; id++) {
    const byteLength = 2_048 + Math.floor(random() * 18 * 1_024);
    await tier.put(noiseEntry(id, byteLength, noise, random), 'relaxed');
    shadow.put(id, byteLength, store.usage().bytes);
    for (let read = 0; read < readsPerPut; read++) {
      const wanted = Math.max(0, id - Math.floor(random() * RECENT_PUTS));
      // One key in four is asked for again and again, the others hardly ever: what is evicted lies scattered.
      const readId = random() < 0.9 ? wanted - (wanted % 4) : wanted;
      await tier.get(keyOf(readId), undefined);
      shadow.get(readId);
    }
    await clock.advance(putIntervalMs);
    if (id === WARM_UP_PUTS) writtenBefore = directory.bytesWritten;
    if (id <= WARM_UP_PUTS) continue;
    putBytes += byteLength;
    const { bytesOnDisk } = store.report();
    liveBytes += store.usage().bytes;
    highestBytesOnDisk = Math.max(highestBytesOnDisk, bytesOnDisk);
    spaceAmplification = Math.max(spaceAmplification, (bytesOnDisk - SEGMENT_BYTES) / store.usage().bytes);
  }
  await tier.close();
  const { hits, misses } = metrics.tiers.disk;
  return {
    writeAmplification: (directory.bytesWritten - writtenBefore) / putBytes,
    spaceAmplification,
    highestBytesOnDisk,
    meanLiveBytes: liveBytes / (PUTS - WARM_UP_PUTS - 1),
    hitRate: hits / (hits + misses),
    lruHitRate: shadow.hits / (hits + misses),
  };
}

/** Which entries an exact LRU would hold. */
class ShadowLru {
  hits = 0;
  #bytes = 0;
  readonly #byteLengthById = new Map<number, number>();

  put(id: number, byteLength: number, maxBytes: number): void {
    this.#byteLengthById.set(id, byteLength);
    this.#bytes += byteLength;
    for (const [oldest, oldestBytes] of this.#byteLengthById) {
      if (this.#bytes <= maxBytes) break;
      this.#byteLengthById.delete(oldest);
      this.#bytes -= oldestBytes;
    }
  }

  get(id: number): void {
    const byteLength = this.#byteLengthById.get(id);
    if (byteLength === undefined) return;
    this.hits++;
    this.#byteLengthById.delete(id);
    this.#byteLengthById.set(id, byteLength);
  }
}

function noiseEntry(id: number, byteLength: number, noise: ArrayBuffer, random: () => number): Entry {
  const from = Math.floor(random() * (noise.byteLength - byteLength));
  const bytes = noise.slice(from, from + byteLength);
  const { metadata } = entryOf(id, { byteLength: 0, expiresAtMs: Number.POSITIVE_INFINITY });
  return { metadata: { ...metadata, byteLength, checksum: hashing.checksum(bytes) }, bytes };
}
