/**
 * Question: how long does the first page of 100,000 entries take, in each order?
 *
 * Inside the worker, through the cache as a request meets it: 50 entries with all that is known about them.
 */
import { AudioCache } from '../../core/audio-cache';
import { systemClock } from '../../core/clock';
import { createHashing } from '../../core/hashing';
import { BENCH_CONFIG } from '../bench-config';
import type { CaseResult } from '../browser/case-result';
import { seededRandom, shuffled } from '../seeded-random';
import { median, rounded } from '../statistics';
import { judge } from '../targets';
import { createEntryMaker, emptyAndClose, openBenchStore } from './bench-store';

const ENTRIES = 100_000;
const LIMIT = 50;
const CALLS = 41;
const WARM_UP_CALLS = 5;
const LIMIT_MS = 20;
const SORTS = ['accessed', 'created', 'size'] as const;

/** Measures all orders. */
export async function measureListing(): Promise<CaseResult> {
  const hashing = await createHashing();
  const store = await openBenchStore('listing', hashing);
  const random = seededRandom(9);
  // Long enough ago that the last use lies in the past, too.
  const startedAtMs = Date.now() - 2 * ENTRIES;
  const keys: string[] = [];
  const makers = [600, 1_000, 1_400].map((byteLength) => createEntryMaker(byteLength, hashing));
  for (let index = 0; index < ENTRIES; index++) {
    const entry = await makers[index % makers.length]?.(index);
    if (entry === undefined) throw new TypeError('There is a maker for each');
    const { metadata, bytes } = entry;
    // Created, sized and used in orders of their own, none of them the one written in.
    const createdAtMs = startedAtMs - Math.floor(random() * 1e9);
    await store.write({ metadata: { ...metadata, createdAtMs }, bytes }, startedAtMs + index, 'relaxed');
    keys.push(metadata.key);
  }
  for (const [index, key] of shuffled(keys, random).entries()) {
    store.touch(key, { accessedAtMs: startedAtMs + ENTRIES + index });
  }
  const cache = new AudioCache({ config: BENCH_CONFIG, hashing, clock: systemClock, random, store, emit: () => {} });
  const rows = [];
  const targets = [];
  for (const sort of SORTS) {
    const timesMs: number[] = [];
    for (let call = -WARM_UP_CALLS; call < CALLS; call++) {
      const startedAt = performance.now();
      const { entries } = await cache.entries({ type: 'entries', limit: LIMIT, sort });
      const elapsedMs = performance.now() - startedAt;
      if (call >= 0) timesMs.push(elapsedMs);
      if (entries.length !== LIMIT) throw new Error(`${entries.length} entries instead of ${LIMIT}`);
    }
    const p50Ms = median(timesMs);
    rows.push({ case: `by ${sort}`, p50Ms: rounded(p50Ms), slowestMs: rounded(Math.max(...timesMs)), calls: CALLS });
    targets.push(judge(`first page of ${ENTRIES} entries by ${sort}, ms`, p50Ms, LIMIT_MS));
  }
  await emptyAndClose(store);
  return { rows, targets };
}
