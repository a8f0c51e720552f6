/**
 * Question: what do the metrics add to a memory hit?
 *
 * The same cache with and without them, each in a thread of its own. Without: the methods that a hit calls do nothing.
 */
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { AudioCache } from '../../core/audio-cache';
import { systemClock } from '../../core/clock';
import { createHashing } from '../../core/hashing';
import { Metrics } from '../../core/metrics/metrics';
import { type BatchSubject, measureBatches } from '../batches';
import { BENCH_CONFIG } from '../bench-config';
import { randomAudio, seededRandom } from '../seeded-random';
import { rounded } from '../statistics';
import { judge } from '../targets';
import { publish } from './results-file';

const PHRASES = 100;
/** A hit copies the audio for its caller; with less of it the metrics would weigh more than they do. */
const AUDIO_BYTES = 100 * 1024;
const OPERATIONS = 2_000;
const LIMIT_RATIO = 1.05;
const WITH = 'with metrics';
const WITHOUT = 'without';

if (isMainThread) await compare();
// The main thread says which subject this thread is.
else await serve(workerData as string);

async function compare(): Promise<void> {
  const threads: Worker[] = [];
  const subjects = [WITH, WITHOUT].map((name): BatchSubject => {
    const thread = new Worker(new URL(import.meta.url), { workerData: name });
    threads.push(thread);
    return { name, operations: OPERATIONS, run: () => ask(thread) };
  });
  const times = await measureBatches(subjects, { rounds: 61, warmUpRounds: 12, random: seededRandom(5) });
  for (const thread of threads) await thread.terminate();
  const { ratio, lowest, highest } = times.ratio(WITH, WITHOUT);
  const rows = [WITH, WITHOUT].map((name) => ({ name, microseconds: rounded(times.microseconds(name)) }));
  publish('metrics-cost', { 'a memory hit of 100 KiB': rows, ratio: [{ ratio: rounded(ratio), lowest, highest }] }, [
    judge('memory hit of 100 KiB: with metrics / without', ratio, LIMIT_RATIO),
  ]);
}

function ask(thread: Worker): Promise<void> {
  return new Promise((resolve, reject) => {
    thread.once('error', reject);
    thread.once('message', () => {
      thread.off('error', reject);
      resolve();
    });
    thread.postMessage('go');
  });
}

async function serve(name: string): Promise<void> {
  if (name === WITHOUT) {
    Metrics.prototype.hit = () => {};
    Metrics.prototype.lookedUp = () => {};
  }
  const random = seededRandom(7);
  const hashing = await createHashing();
  const cache = new AudioCache({
    config: BENCH_CONFIG,
    hashing,
    clock: systemClock,
    random,
    store: undefined,
    emit: () => {},
  });
  const texts = Array.from(
    { length: PHRASES },
    (_, index) => `The sentence with the number ${index} is said once more.`,
  );
  const result = { byteLength: AUDIO_BYTES, contentType: 'audio/mpeg', synthesisMs: 400 };
  for (const text of texts) await cache.put({ spec: { text } }, randomAudio(AUDIO_BYTES, random), result, 'memory');
  parentPort?.on('message', async () => {
    let found = 0;
    for (let operation = 0; operation < OPERATIONS; operation++) {
      const hit = await cache.get({ spec: { text: texts[operation % PHRASES] ?? '' } });
      found += hit?.bytes.byteLength ?? 0;
    }
    if (found !== OPERATIONS * AUDIO_BYTES) throw new Error('Not every call was a hit');
    parentPort?.postMessage('done');
  });
}
