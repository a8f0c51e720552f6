/**
 * Question: how long does a read wait while 10,000 expired entries are cleaned up?
 *
 * Through the client, on OPFS, with memory too small for any clip, so that each read is one of the disk. The reads go on
 * all the time, one after the other; those during the cleanup are set beside as many before it.
 */
import { percentile, rounded } from '../statistics';
import { judge } from '../targets';
import { assertOnOpfs, openBenchClient } from './bench-client';
import type { CaseResult } from './case-result';
import { createPhrases, verifyBytes } from './phrases';

const EXPIRED_ENTRIES = 10_000;
const LIVE_ENTRIES = 50;
const BYTE_LENGTH = 1024;
const ROUNDS = 5;
const LIMIT_P99_MS = 10;

/** Measures reads beside a cleanup. */
export async function measureCleanup(): Promise<CaseResult> {
  const { cache } = openBenchClient({ namespace: 'cleanup', memory: { maxBytes: 1 } });
  await assertOnOpfs(cache);
  await cache.clear();
  const live = createPhrases(LIVE_ENTRIES, BYTE_LENGTH, 1);
  for (const { text, bytes } of live) await cache.put(text, bytes, { contentType: 'audio/mpeg' });
  const readOne = async (turn: number): Promise<number> => {
    const phrase = live[turn % live.length];
    const startedAt = performance.now();
    const clip = await cache.get(phrase?.text ?? '');
    const elapsedMs = performance.now() - startedAt;
    verifyBytes(await clip?.bytes(), phrase, turn % 50 === 0);
    return elapsedMs;
  };
  const beforeMs: number[] = [];
  const duringMs: number[] = [];
  const cleanupMs: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const expired = createPhrases(EXPIRED_ENTRIES, BYTE_LENGTH, 2 + round);
    for (let first = 0; first < expired.length; first += 200) {
      const puts = expired.slice(first, first + 200).map(({ text, bytes }) =>
        // Long enough to be written before it expires.
        cache.put(text, bytes, { contentType: 'audio/mpeg', ttlMs: 2_000 }),
      );
      await Promise.all(puts);
    }
    await new Promise((resolve) => setTimeout(resolve, 2_100));
    for (let turn = 0; turn < 300; turn++) beforeMs.push(await readOne(turn));
    let isOver = false;
    const startedAt = performance.now();
    const cleaning = cache.cleanup().finally(() => {
      isOver = true;
    });
    for (let turn = 0; !isOver; turn++) duringMs.push(await readOne(turn));
    const { disk } = await cleaning;
    cleanupMs.push(performance.now() - startedAt);
    if (disk.expired.entries < EXPIRED_ENTRIES * 0.9) throw new Error(`${disk.expired.entries} entries had expired`);
  }
  await cache.clear();
  await cache.close();
  const row = (subject: string, timesMs: readonly number[]) => ({
    case: subject,
    p50Ms: rounded(percentile(timesMs, 0.5)),
    p95Ms: rounded(percentile(timesMs, 0.95)),
    p99Ms: rounded(percentile(timesMs, 0.99)),
    slowestMs: rounded(Math.max(...timesMs)),
    calls: timesMs.length,
  });
  return {
    rows: [
      row('reads before', beforeMs),
      row('reads during the cleanup', duringMs),
      row(`cleanup of ${EXPIRED_ENTRIES} expired entries`, cleanupMs),
    ],
    targets: [
      judge('p99 of a read during a cleanup of 10,000 expired entries, ms', percentile(duringMs, 0.99), LIMIT_P99_MS),
    ],
  };
}
