/**
 * Question: what do a hit and an insert that evicts cost in the memory tier, beside well-known LRU caches?
 *
 * Each subject lives in a thread, and so in a V8, of its own. In one V8 they would be compiled for each other's sake
 * (three configurations of one package made its `get` two and a half times as slow) and collect each other's garbage.
 */
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { type BatchSubject, type BatchTimes, measureBatches } from '../batches';
import { seededRandom, shuffled } from '../seeded-random';
import { rounded } from '../statistics';
import { judge } from '../targets';
import { createEntries } from './entries';
import { BARE_PEER, CLOCKED_PEER, CLOCKED_TIER, LRU_SUBJECTS, type LruSubject, PEER, TIER } from './lru-subjects';
import { publish } from './results-file';

const ENTRIES = 4_000;
/** Small, since nobody here looks at the audio; its length is what counts. */
const ENTRY_BYTES = 16;
/** Inserted in a circle several times as long as the cache, an entry is always gone before it comes again. */
const INSERTED_ENTRIES = 20_000;
/** So many that each batch pays for the garbage it makes, and the message that starts it does not count. */
const OPERATIONS = 200_000;
const LIMIT = 1.5;
const COMPARISONS = [
  [TIER, PEER],
  [CLOCKED_TIER, CLOCKED_PEER],
  [TIER, BARE_PEER],
] as const;

type Operation = 'get' | 'put';

if (isMainThread) await compare();
// The main thread says which subject this thread is.
else serve(workerData as string);

async function compare(): Promise<void> {
  const names = Object.keys(LRU_SUBJECTS);
  const getTimes = await measure('get', names);
  const putTimes = await measure('put', names);
  const rows = names.map((name) => ({
    name,
    getNs: rounded(getTimes.microseconds(name) * 1000),
    getRatio: rounded(getTimes.ratio(name, PEER).ratio),
    insertEvictNs: rounded(putTimes.microseconds(name) * 1000),
    insertEvictRatio: rounded(putTimes.ratio(name, PEER).ratio),
  }));
  const targets = COMPARISONS.flatMap(([subject, peer]) => [
    judge(`get: ${subject} / ${peer}`, getTimes.ratio(subject, peer).ratio, LIMIT),
    judge(`insert + evict: ${subject} / ${peer}`, putTimes.ratio(subject, peer).ratio, LIMIT),
  ]);
  publish('memory-tier', { [`${ENTRIES} entries, ratios to "${PEER}"`]: rows }, targets);
}

/** Measures one operation of every subject. */
async function measure(operation: Operation, names: readonly string[]): Promise<BatchTimes> {
  const threads: Worker[] = [];
  const subjects = names.map((name): BatchSubject => {
    const thread = new Worker(new URL(import.meta.url), { workerData: name });
    threads.push(thread);
    return { name, operations: OPERATIONS, run: () => ask(thread, operation) };
  });
  const times = await measureBatches(subjects, { rounds: 41, warmUpRounds: 8, random: seededRandom(41) });
  for (const thread of threads) await thread.terminate();
  return times;
}

/** Resolves when the thread has run a batch; rejects when it threw. */
function ask(thread: Worker, operation: Operation): Promise<void> {
  return new Promise((resolve, reject) => {
    thread.once('message', () => {
      thread.off('error', reject);
      resolve();
    });
    thread.once('error', reject);
    thread.postMessage(operation);
  });
}

/** Runs batches of one subject, which it has verified before. */
function serve(name: string): void {
  const create = LRU_SUBJECTS[name];
  if (create === undefined) throw new TypeError(`No subject is named "${name}"`);
  const bounds = { maxEntries: ENTRIES, entryBytes: ENTRY_BYTES };
  const nowMs = Date.now();
  const held = createEntries(0, ENTRIES, ENTRY_BYTES, nowMs);
  const inserted = createEntries(ENTRIES, ENTRIES + INSERTED_ENTRIES, ENTRY_BYTES, nowMs);
  verify(create(bounds));

  const random = seededRandom(ENTRIES);
  const passes = Array.from({ length: OPERATIONS / ENTRIES }, () => shuffled(held, random));
  const lookups = passes.flatMap((pass) => pass.map(({ metadata }) => metadata.key));
  const subject = create(bounds);
  putAll(subject, held);
  parentPort?.on('message', (operation: Operation) => {
    if (operation === 'get') expectAll(countFound(subject, lookups), lookups.length);
    else for (let done = 0; done < OPERATIONS; done += inserted.length) putAll(subject, inserted);
    parentPort?.postMessage('done');
  });

  /** What is inserted evicts what was there, and the newest stay: all that the tier keeps after it has evicted. */
  function verify(subject: LruSubject): void {
    putAll(subject, held);
    putAll(subject, inserted);
    const newest = inserted.slice(-Math.floor((ENTRIES * 8) / 9));
    expectAll(countFound(subject, keysOf(held)), 0);
    expectAll(countFound(subject, keysOf(newest)), newest.length);
  }

  function expectAll(found: number, expected: number): void {
    if (found !== expected) throw new Error(`${name} found ${found} entries instead of ${expected}`);
  }
}

function putAll(subject: LruSubject, entries: ReturnType<typeof createEntries>): void {
  const nowMs = Date.now();
  for (const entry of entries) subject.put(entry, nowMs);
}

function countFound(subject: LruSubject, keys: readonly string[]): number {
  const nowMs = Date.now();
  let found = 0;
  for (const key of keys) if (subject.get(key, nowMs) !== undefined) found++;
  return found;
}

function keysOf(entries: ReturnType<typeof createEntries>): string[] {
  return entries.map(({ metadata }) => metadata.key);
}
