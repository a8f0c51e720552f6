/**
 * Question: does the memory tier hold its limit, and does memory stay flat, over 10,000 puts and their evictions?
 *
 * The audio is real memory, touched byte by byte, and the process is asked what it holds after a full collection. What
 * it holds beside the audio in the tier is what must not grow.
 */
import { MemoryTier } from '../../core/memory-tier';
import { median, rounded } from '../statistics';
import { judge } from '../targets';
import { createEntry } from './entries';
import { publish } from './results-file';

const MIB = 1024 * 1024;
const LIMIT_BYTES = 100 * MIB;
const ENTRY_BYTES = 100 * 1024;
const PUTS = 10_000;
/** By then the tier has filled up and evicted for the first few times. */
const WARM_UP_PUTS = 2_000;
const SAMPLE_EVERY_PUTS = 200;
const LIMIT_GROWTH_PERCENT = 1;

interface Sample {
  readonly puts: number;
  readonly tierBytes: number;
  /** Heap and array buffers. */
  readonly heldBytes: number;
  readonly residentBytes: number;
}

const config = {
  maxBytes: LIMIT_BYTES,
  maxEntries: Number.POSITIVE_INFINITY,
  ttlMs: 3_600_000,
  highWater: 0.9,
  lowWater: 0.8,
};
let evictedEntries = 0;
const tier = new MemoryTier(config, Date.now(), {
  onRemoval: (_reason, { entries }) => {
    evictedEntries += entries;
  },
});
let highestTierBytes = 0;
const samples: Sample[] = [];
for (let puts = 1; puts <= PUTS; puts++) {
  putAudio(puts);
  if (puts % SAMPLE_EVERY_PUTS === 0) samples.push(takeSample(puts));
}
verify();

const settled = samples.filter(({ puts }) => puts > WARM_UP_PUTS);
const besideAudio = settled.map(({ heldBytes, tierBytes }) => heldBytes - tierBytes);
const held = settled.map(({ heldBytes }) => heldBytes);
const quarter = Math.floor(settled.length / 4);
// The audio goes up and down with every eviction; what must not grow is everything else.
const grownBytes = median(besideAudio.slice(-quarter)) - median(besideAudio.slice(0, quarter));
const growthPercent = (grownBytes / median(held)) * 100;
const rows = [
  { what: 'audio in the tier', ...summarize(settled.map(({ tierBytes }) => tierBytes)) },
  { what: 'heap and array buffers', ...summarize(held) },
  { what: 'heap and array buffers beside that audio', ...summarize(besideAudio) },
  { what: 'resident set of the process', ...summarize(settled.map(({ residentBytes }) => residentBytes)) },
];
publish('memory-flat', { [`MiB after put ${WARM_UP_PUTS} to ${PUTS}, ${evictedEntries} entries evicted`]: rows }, [
  judge('MiB of audio in the tier at its fullest', highestTierBytes / MIB, LIMIT_BYTES / MIB),
  judge(
    '% of the memory held that was added beside the audio, first to last quarter',
    growthPercent,
    LIMIT_GROWTH_PERCENT,
  ),
]);

function putAudio(index: number): void {
  const entry = createEntry(index, ENTRY_BYTES, Date.now());
  // A page of memory exists once it has been written to.
  new Uint8Array(entry.bytes).fill(index & 0xff);
  if (!tier.put(entry, Date.now())) throw new Error(`Entry ${index} was not taken`);
  const { bytes } = tier.usage;
  if (bytes > LIMIT_BYTES) throw new Error(`The tier holds ${bytes} bytes, ${bytes - LIMIT_BYTES} over its limit`);
  highestTierBytes = Math.max(highestTierBytes, bytes);
}

function takeSample(puts: number): Sample {
  // What a collection frees may hold what only the next one sees; the runner passes --expose-gc.
  for (let run = 0; run < 2; run++) globalThis.gc?.();
  const { heapUsed, external, rss } = process.memoryUsage();
  return { puts, tierBytes: tier.usage.bytes, heldBytes: heapUsed + external, residentBytes: rss };
}

/** The count of what came and went must be what is there, byte for byte. */
function verify(): void {
  const { entries, bytes } = tier.usage;
  if (evictedEntries + entries !== PUTS)
    throw new Error(`${PUTS - entries - evictedEntries} entries are unaccounted for`);
  let foundBytes = 0;
  for (const { entry } of tier.newestFirst(Date.now())) foundBytes += entry.bytes.byteLength;
  if (foundBytes !== bytes) throw new Error(`The tier says ${bytes} bytes and holds ${foundBytes}`);
}

function summarize(bytes: readonly number[]) {
  return {
    first: rounded((bytes[0] ?? 0) / MIB, 4),
    last: rounded((bytes.at(-1) ?? 0) / MIB, 4),
    lowest: rounded(Math.min(...bytes) / MIB, 4),
    peak: rounded(Math.max(...bytes) / MIB, 4),
  };
}
