/**
 * Question: does the browser's memory stay flat over 10,000 puts through the client, and does the tier hold its limit?
 *
 * There is no disk, so that what is measured is the memory tier and the messages; the browser says itself what page
 * and worker hold, after a collection of its own.
 */
import { randomAudio, seededRandom } from '../seeded-random';
import { rounded } from '../statistics';
import { judge } from '../targets';
import { openBenchClient } from './bench-client';
import type { CaseResult } from './case-result';

const MIB = 1024 * 1024;
const LIMIT_BYTES = 100 * MIB;
const BYTE_LENGTH = 100 * 1024;
const PUTS = 10_000;
const STATS_EVERY_PUTS = 50;
const MEMORY_EVERY_PUTS = 2_000;
const LIMIT_GROWTH_PERCENT = 5;

/** In Chromium, for pages that are cross-origin isolated. */
declare global {
  interface Performance {
    measureUserAgentSpecificMemory?: () => Promise<{ readonly bytes: number }>;
  }
}

/** Puts 10,000 phrases of 100 KiB into a client with room for about a thousand. */
export async function measureMemoryFlat(): Promise<CaseResult> {
  const { cache } = openBenchClient({
    namespace: 'memory-flat',
    memory: { maxBytes: LIMIT_BYTES },
    disk: { store: 'none' },
  });
  const bytes = randomAudio(BYTE_LENGTH, seededRandom(10_000));
  const rows: { case: string; puts: number; tierMiB: number; pageAndWorkerMiB: number | string }[] = [];
  let highestTierBytes = 0;
  for (let puts = 1; puts <= PUTS; puts++) {
    await cache.put(`Phrase ${puts}`, bytes);
    if (puts % STATS_EVERY_PUTS !== 0) continue;
    const { memory } = (await cache.stats()).tiers;
    if (memory.bytes > LIMIT_BYTES) throw new Error(`Memory holds ${memory.bytes} bytes, more than its limit`);
    highestTierBytes = Math.max(highestTierBytes, memory.bytes);
    if (puts % MEMORY_EVERY_PUTS !== 0) continue;
    rows.push({
      case: '100 KiB each',
      puts,
      tierMiB: rounded(memory.bytes / MIB, 4),
      pageAndWorkerMiB: await measureMemoryMib(),
    });
  }
  const { performance: counters, tiers } = await cache.stats();
  if (counters.evictions + tiers.memory.entries !== PUTS) throw new Error('Some entries are unaccounted for');
  await cache.close();
  const targets = [judge('MiB of audio in memory at its fullest', highestTierBytes / MIB, LIMIT_BYTES / MIB)];
  const growthPercent = growthBesideAudio(rows);
  if (growthPercent !== undefined) {
    targets.push(judge('% growth of page and worker beside the audio', growthPercent, LIMIT_GROWTH_PERCENT));
  }
  return { rows, targets };
}

/** From the first to the last measurement, as a share of all that was held at first. */
function growthBesideAudio(
  rows: readonly { tierMiB: number; pageAndWorkerMiB: number | string }[],
): number | undefined {
  const [first, last] = [rows[0], rows.at(-1)];
  if (typeof first?.pageAndWorkerMiB !== 'number' || typeof last?.pageAndWorkerMiB !== 'number') return undefined;
  const grownMib = last.pageAndWorkerMiB - last.tierMiB - (first.pageAndWorkerMiB - first.tierMiB);
  return (grownMib / first.pageAndWorkerMiB) * 100;
}

async function measureMemoryMib(): Promise<number | string> {
  if (performance.measureUserAgentSpecificMemory === undefined) return 'not measured: this browser does not tell';
  return rounded((await performance.measureUserAgentSpecificMemory()).bytes / MIB, 4);
}
