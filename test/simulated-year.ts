/**
 * A year of daily use over any store, with the clock in the test's hand: somebody speaks each day, what they say partly
 * comes back, and nobody ever looks after the cache.
 */
import { expect } from 'vitest';
import { pick, seededRandom } from '../bench/seeded-random';
import { AudioCache } from '../core/audio-cache';
import type { Hashing } from '../core/hashing';
import type { AudioStore } from '../core/storage/store';
import { audioOf, configOf, resultOf } from './cache-fixture';
import type { FakeClock } from './fake-clock';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const DAYS = 365;
const TTL_MS = 7 * DAY_MS;

/** What a year is made of. */
export interface SimulatedYear {
  readonly store: AudioStore;
  readonly clock: FakeClock;
  readonly hashing: Hashing;
  /** Of the disk; the memory tier may hold a tenth. */
  readonly maxBytes: number;
  readonly cleanupIntervalMs: number;
  readonly requestsPerDay: number;
  /** The store takes real time, which stands still meanwhile: a year must not pass while it writes one clip. */
  readonly isStoreSlow?: boolean;
}

/** What was seen. */
export interface YearReport {
  readonly requests: number;
  readonly hits: number;
  /** Hits whose entry was older than its time to live. */
  readonly tooOldHits: number;
  readonly mostBytesOnDisk: number;
  readonly mostBytesInMemory: number;
  readonly puts: number;
  readonly expirations: number;
  readonly evictions: number;
  readonly entriesAtTheEnd: number;
  /** Oldest entry at the end, since its last use or storing, whichever counts. */
  readonly oldestAtTheEndMs: number;
}

/** Lives through it, and expects that nothing was kept too long or beyond a limit, and that nothing is unaccounted for. */
export async function expectTidyYear(year: SimulatedYear): Promise<YearReport> {
  const report = await liveAYear(year);
  expect(report.tooOldHits).toBe(0);
  expect(report.mostBytesOnDisk).toBeLessThanOrEqual(year.maxBytes);
  expect(report.mostBytesInMemory).toBeLessThanOrEqual(year.maxBytes / 10);
  expect(report.oldestAtTheEndMs).toBeLessThanOrEqual(TTL_MS);
  expect(report.puts - report.expirations - report.evictions).toBe(report.entriesAtTheEnd);
  expect(report.hits).toBeGreaterThan(report.requests / 10);
  return report;
}

/** Lives through it. Half of what is said is new, the rest is of the last days. */
async function liveAYear(year: SimulatedYear): Promise<YearReport> {
  const { store, clock, hashing, maxBytes, cleanupIntervalMs, requestsPerDay, isStoreSlow = false } = year;
  const config = configOf({
    maxEntryBytes: maxBytes,
    cleanupIntervalMs,
    memory: { maxBytes: maxBytes / 10 },
    disk: { maxBytes, ttlMs: TTL_MS },
  });
  // Half of the requests are new, at 0.55 of the largest size in the mean: a week has 1.5 times what is allowed.
  const maxClipBytes = Math.floor((1.5 * maxBytes) / (7 * requestsPerDay * 0.5 * 0.55));
  const random = seededRandom(5);
  const cache = new AudioCache({ config, hashing, clock, random, store, emit: () => {} });
  cache.startCleanup();
  // What is in it does not matter, and making it takes longer than all else.
  const audio = audioOf(1, maxClipBytes);
  const said: string[] = [];
  let requests = 0;
  let hits = 0;
  let tooOldHits = 0;
  let mostBytesOnDisk = 0;
  let mostBytesInMemory = 0;
  for (let day = 0; day < DAYS; day++) {
    for (let request = 0; request < requestsPerDay; request++) {
      await clock.advance((8 * HOUR_MS) / requestsPerDay);
      const isNew = said.length === 0 || random() < 0.5;
      const text = isNew ? `Day ${day}, phrase ${request}` : pick(said.slice(-2 * requestsPerDay), random);
      if (isNew) said.push(text);
      requests++;
      const answer = await cache.read(`call ${requests}`, { text });
      if (answer.type === 'hit') {
        hits++;
        if (answer.createdAtMs + TTL_MS < clock.nowMs()) tooOldHits++;
      } else if (answer.type === 'fill-granted') {
        const byteLength = Math.ceil(maxClipBytes * (0.1 + 0.9 * random()));
        cache.appendChunk(answer.fillId, 0, audio.slice(0, byteLength));
        await cache.completeFill(answer.fillId, resultOf(byteLength));
      }
      if (isStoreSlow) await whileTimePasses(clock, cache.flush());
      const { memory, disk } = cache.stats().tiers;
      mostBytesOnDisk = Math.max(mostBytesOnDisk, disk.bytesOnDisk);
      mostBytesInMemory = Math.max(mostBytesInMemory, memory.bytes);
    }
    await clock.advance(16 * HOUR_MS);
    if (isStoreSlow) await whileTimePasses(clock, cache.cleanup());
  }
  await whileTimePasses(clock, cache.cleanup());
  await whileTimePasses(clock, cache.flush());
  const { performance, tiers } = cache.stats();
  const oldest = await oldestOf(cache);
  await cache.close();
  const { puts, expirations, evictionsByReason } = performance.tiers.disk;
  return {
    requests,
    hits,
    tooOldHits,
    mostBytesOnDisk,
    mostBytesInMemory,
    puts,
    expirations,
    evictions: evictionsByReason.limit + evictionsByReason.quota,
    entriesAtTheEnd: tiers.disk.entries,
    oldestAtTheEndMs: clock.nowMs() - oldest,
  };
}

/** Waits for what may wait for a timer itself; a little time passes for each turn of the event loop. */
async function whileTimePasses(clock: FakeClock, work: Promise<unknown>): Promise<void> {
  let isOver = false;
  const over = work.finally(() => {
    isOver = true;
  });
  while (!isOver) await clock.advance(1);
  await over;
}

async function oldestOf(cache: AudioCache): Promise<number> {
  let oldest = Number.POSITIVE_INFINITY;
  let cursor: string | undefined;
  do {
    const page = await cache.entries({ type: 'entries', limit: 500, sort: 'created', cursor });
    for (const { createdAtMs } of page.entries) oldest = Math.min(oldest, createdAtMs);
    cursor = page.cursor;
  } while (cursor !== undefined);
  return oldest;
}
