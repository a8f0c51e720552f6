/**
 * Question: how many bytes does the disk take, and how many are written to it, for each byte of audio?
 *
 * A full disk tier over `node:fs` serves phrases as an app asks for them: a few of them often, most of them seldom
 * (Zipf), five a second. What is not there is put, so that what was used longest ago goes, scattered over all files, for
 * as long as this runs. Written are the records, their copies when files are emptied, removals, touches and checkpoints:
 * all that a file takes is counted, and compared with the audio that was put. Space is compared with the audio held.
 * The clock is a false one, so that every run does the same.
 */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DiskTier } from '../../core/disk-tier';
import { createHashing } from '../../core/hashing';
import { Metrics } from '../../core/metrics/metrics';
import type { Entry } from '../../core/protocol/values';
import { openLogStore } from '../../core/storage/log-store';
import { openNodeDirectory } from '../../node/node-file';
import { FakeClock } from '../../test/fake-clock';
import { randomAudio, seededRandom } from '../seeded-random';
import { median, rounded } from '../statistics';
import { createStoredEntry } from '../stored-entry';
import { judge } from '../targets';
import { CountingDirectory } from './counting-directory';
import { publish } from './results-file';
import { createTemporaryFolder } from './temporary-folder';

const KIB = 1024;
const MIB = 1024 * KIB;
const MAX_BYTES = 64 * MIB;
const MIN_ENTRY_BYTES = 20 * KIB;
const MAX_ENTRY_BYTES = 200 * KIB;
const PHRASES = 3_000;
/** Until here the tier fills up and begins to evict; from here on everything counts. */
const WARM_UP_PUTS = 1_500;
const PUTS = 6_000;
const SAMPLE_EVERY_PUTS = 20;
/** Between one request and the next: what an engine does on the side happens meanwhile. */
const REQUEST_INTERVAL_MS = 200;
const LIMIT_WRITES = 3;
const LIMIT_SPACE = 1.25;
/** Exponents of the distribution: how much more often the few are asked for. */
const SKEWS = [0.7, 1];
const TARGET_SKEW = 0.7;

const hashing = await createHashing();
const rows: Awaited<ReturnType<typeof measure>>[] = [];
for (const skew of SKEWS) rows.push(await measure(skew));
const target = rows.find(({ skew }) => skew === TARGET_SKEW);
publish('amplification', { [`${PUTS} puts into 64 MiB, of 20 to 200 KiB each`]: rows }, [
  judge('bytes written for each byte put', target?.writtenPerByte ?? Number.NaN, LIMIT_WRITES),
  judge('bytes on disk for each byte held', target?.spacePerByte ?? Number.NaN, LIMIT_SPACE),
]);

async function measure(skew: number) {
  const random = seededRandom(skew * 100);
  const folder = createTemporaryFolder();
  const directory = new CountingDirectory(await openNodeDirectory(folder));
  const clock = new FakeClock();
  const metrics = new Metrics(clock.nowMs());
  const config = {
    store: 'auto',
    maxBytes: MAX_BYTES,
    ttlMs: Number.POSITIVE_INFINITY,
    slidingTtl: false,
    highWater: 0.9,
    lowWater: 0.8,
  } as const;
  const store = await openLogStore({ directory, clock, hashing, random: seededRandom(7), maxBytes: MAX_BYTES });
  const tier = new DiskTier({
    store,
    config,
    hashing,
    clock,
    metrics,
    onUnpinnable: () => {},
    pins: { ready: Promise.resolve(), isPinned: () => false },
    onRemoval: (reason) => {
      if (reason !== 'evicted') throw new Error(`An entry was ${reason}`);
    },
    onLost: (error) => {
      throw error;
    },
  });
  const entryOf = createCatalogue(random, clock.nowMs());
  const nextPhrase = zipf(PHRASES, skew, random);
  const spaces: number[] = [];
  let [puts, putBytes, writtenBefore, highestOnDisk] = [0, 0, 0, 0];
  while (puts < PUTS + WARM_UP_PUTS) {
    await clock.advance(REQUEST_INTERVAL_MS);
    const entry = await entryOf(nextPhrase());
    const found = await tier.get(entry.metadata.key, undefined);
    if (found !== undefined) {
      // The tier has compared the bytes with the checksum.
      if (found.metadata.checksum.hex !== entry.metadata.checksum.hex) throw new Error('Another phrase came back');
      continue;
    }
    if (!(await tier.put(entry, 'relaxed'))) throw new Error('A put failed');
    puts++;
    if (puts === WARM_UP_PUTS) writtenBefore = directory.writtenBytes;
    if (puts <= WARM_UP_PUTS) continue;
    putBytes += entry.bytes.byteLength;
    if (puts % SAMPLE_EVERY_PUTS !== 0) continue;
    const { bytesOnDisk } = store.report();
    highestOnDisk = Math.max(highestOnDisk, bytesOnDisk);
    spaces.push(bytesOnDisk / store.usage().bytes);
  }
  const writtenBytes = directory.writtenBytes - writtenBefore;
  const { entries } = store.usage();
  const { hits, misses, evictionsByReason } = metrics.tiers.disk;
  await tier.close();
  const bytesInFiles = folderBytes(folder);
  return {
    skew,
    hitRate: rounded(hits / (hits + misses)),
    evictions: evictionsByReason.limit,
    entries,
    writtenPerByte: rounded(writtenBytes / putBytes),
    spacePerByte: rounded(median(spaces)),
    highestSpacePerByte: rounded(Math.max(...spaces)),
    highestMibOnDisk: rounded(highestOnDisk / MIB),
    mibInFilesAtEnd: rounded(bytesInFiles / MIB),
  };
}

/** Makes the same entry for the same number each time it is asked, without holding any. */
function createCatalogue(random: () => number, nowMs: number): (index: number) => Promise<Entry> {
  const audio = randomAudio(MAX_ENTRY_BYTES, random);
  const lengths = Array.from({ length: PHRASES }, () =>
    Math.floor(MIN_ENTRY_BYTES + random() * (MAX_ENTRY_BYTES - MIN_ENTRY_BYTES)),
  );
  return (index) => createStoredEntry(index, audio.slice(0, lengths[index]), hashing, nowMs);
}

/** Returns what draws numbers below `count`: the nth of a random order with a weight of 1 / n ** skew. */
function zipf(count: number, skew: number, random: () => number): () => number {
  let sum = 0;
  const sums = Array.from({ length: count }, (_, rank) => {
    sum += 1 / (rank + 1) ** skew;
    return sum;
  });
  return () => {
    const drawn = random() * sum;
    return sums.findIndex((upTo) => drawn < upTo);
  };
}

function folderBytes(folder: string): number {
  return readdirSync(folder).reduce((bytes, name) => bytes + statSync(join(folder, name)).size, 0);
}
