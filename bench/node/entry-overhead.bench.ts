/**
 * Question: how many bytes does an entry cost beside its audio?
 *
 * The audio is a single byte, so what is left is overhead: the entry itself (key, metadata, text, the buffer) and what
 * the tier adds to find it, order it and expire it. Other caches add theirs to the same entries. Each is measured in a
 * thread of its own, whose heap holds nothing else.
 */
import { getHeapStatistics } from 'node:v8';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { createEntries } from './entries';
import { CLOCKED_PEER, CLOCKED_TIER, LRU_SUBJECTS } from './lru-subjects';
import { publish } from './results-file';

const ENTRIES = 10_000;
const ENTRY_BYTES = 1;
/** Each in a new thread; the smallest counts, since whatever else is allocated only adds. */
const ATTEMPTS = 5;

/** Bytes per entry. */
interface Overhead {
  readonly ofEntry: number;
  readonly added: number;
}

if (isMainThread) await compare();
// The main thread says whose overhead this thread measures.
else parentPort?.postMessage(measure(workerData as string));

async function compare(): Promise<void> {
  const names = Object.keys(LRU_SUBJECTS).filter((name) => name !== CLOCKED_TIER && name !== CLOCKED_PEER);
  const overheads: Overhead[] = [];
  for (const name of names) {
    const attempts: Overhead[] = [];
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) attempts.push(await measureInThread(name));
    overheads.push({
      ofEntry: Math.min(...attempts.map(({ ofEntry }) => ofEntry)),
      added: Math.min(...attempts.map(({ added }) => added)),
    });
  }
  const rows = [
    { what: 'the entry: key, metadata, text of some 20 characters, buffer', bytesPerEntry: overheads[0]?.ofEntry ?? 0 },
    ...names.map((name, index) => ({ what: `added by ${name}`, bytesPerEntry: overheads[index]?.added ?? 0 })),
  ];
  publish('entry-overhead', { [`${ENTRIES} entries in a cache for a ninth more`]: rows }, []);
}

function measureInThread(name: string): Promise<Overhead> {
  return new Promise((resolve, reject) => {
    new Worker(new URL(import.meta.url), { workerData: name }).once('message', resolve).once('error', reject);
  });
}

function measure(name: string): Overhead {
  const create = LRU_SUBJECTS[name];
  if (create === undefined) throw new TypeError(`No subject is named "${name}"`);
  const atFirst = heldBytes();
  const entries = createEntries(0, ENTRIES, ENTRY_BYTES, Date.now());
  const withEntries = heldBytes();
  // A ninth more, so that no subject begins to evict.
  const subject = create({ maxEntries: Math.ceil((ENTRIES * 10) / 9), entryBytes: ENTRY_BYTES });
  for (const entry of entries) subject.put(entry, Date.now());
  const withCache = heldBytes();
  const isComplete = entries.every((entry) => subject.get(entry.metadata.key, Date.now()) === entry);
  if (!isComplete) throw new Error(`${name} lost an entry`);
  return {
    ofEntry: Math.round((withEntries - atFirst) / ENTRIES),
    added: Math.round((withCache - withEntries) / ENTRIES),
  };
}

/** This thread's heap and array buffers after a full collection; the runner passes --expose-gc. */
function heldBytes(): number {
  for (let run = 0; run < 3; run++) globalThis.gc?.();
  const { used_heap_size, external_memory } = getHeapStatistics();
  return used_heap_size + external_memory;
}
