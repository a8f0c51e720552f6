/**
 * A latency distribution in constant memory: buckets that grow by 10 %, from one microsecond to about twenty minutes,
 * so that a percentile is within 5 % of the true one. Beside them the coarse cumulative buckets Prometheus wants.
 */
import { isObject } from '../protocol/is-object';
import type { HistogramCounts, JsonObject, LatencySummary } from '../protocol/values';
import { LATENCY_BOUNDS_MS } from './latency-bounds';

const GROWTH = 1.1;
const SMALLEST_MS = 0.001;
const BUCKETS = 220;
const LOG_GROWTH = Math.log(GROWTH);

/** Records latencies in milliseconds. */
export class LatencyHistogram {
  /** Doubles, because totals that survive restarts outgrow 32 bits. */
  readonly #counts = new Float64Array(BUCKETS);
  readonly #exported = new Float64Array(LATENCY_BOUNDS_MS.length);
  #count = 0;
  #sumMs = 0;

  /** Adds one latency; what is no finite, non-negative number is ignored. */
  record(latencyMs: number): void {
    if (!(latencyMs >= 0 && latencyMs < Number.POSITIVE_INFINITY)) return;
    const bucket = Math.ceil(Math.log(latencyMs / SMALLEST_MS) / LOG_GROWTH);
    add(this.#counts, Math.min(Math.max(bucket, 0), BUCKETS - 1), 1);
    let exported = 0;
    // Behind the last bound the comparison with `undefined` ends it.
    while (latencyMs > (LATENCY_BOUNDS_MS[exported] as number)) exported++;
    if (exported < LATENCY_BOUNDS_MS.length) add(this.#exported, exported, 1);
    this.#count++;
    this.#sumMs += latencyMs;
  }

  /** Count and percentiles; all zero before the first record. */
  summary(): LatencySummary {
    return { count: this.#count, p50: this.#percentile(0.5), p95: this.#percentile(0.95), p99: this.#percentile(0.99) };
  }

  /** The counts as they are exported. */
  counts(): HistogramCounts {
    let total = 0;
    const cumulative = Array.from(this.#exported, (count) => {
      total += count;
      return total;
    });
    return { cumulative, count: this.#count, sumMs: this.#sumMs };
  }

  /** What was recorded, to be restored after a restart: of most buckets nothing, so by index and count in turn. */
  totals(): JsonObject {
    const buckets: number[] = [];
    for (const [index, count] of this.#counts.entries()) if (count > 0) buckets.push(index, count);
    return { sumMs: this.#sumMs, buckets, exported: Array.from(this.#exported) };
  }

  /** Adds what `totals` once told. Of what does not fit together nothing is taken. */
  restore(totals: unknown): void {
    if (!isObject(totals)) return;
    const { sumMs, buckets, exported } = totals;
    if (!isAmount(sumMs) || !isCounts(buckets) || !isCounts(exported)) return;
    if (buckets.length % 2 !== 0 || exported.length !== LATENCY_BOUNDS_MS.length) return;
    if (buckets.some((index, at) => at % 2 === 0 && index >= BUCKETS)) return;
    const count = buckets.reduce((sum, value, at) => (at % 2 === 0 ? sum : sum + value), 0);
    if (exported.reduce((sum, value) => sum + value, 0) > count) return;
    // Checked above: indices within the array, each with its count.
    for (let at = 0; at < buckets.length; at += 2) add(this.#counts, buckets[at] as number, buckets[at + 1] as number);
    for (const [index, value] of exported.entries()) add(this.#exported, index, value);
    this.#count += count;
    this.#sumMs += sumMs;
  }

  #percentile(share: number): number {
    if (this.#count === 0) return 0;
    let remaining = Math.ceil(this.#count * share);
    for (const [bucket, count] of this.#counts.entries()) {
      remaining -= count;
      // The middle of a bucket, geometrically, halves the error of its upper bound.
      if (remaining <= 0) return SMALLEST_MS * GROWTH ** (bucket - 0.5);
    }
    return 0;
  }
}

/** The index is within the array. */
function add(counts: Float64Array, index: number, count: number): void {
  counts[index] = (counts[index] as number) + count;
}

function isAmount(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= Number.MAX_SAFE_INTEGER;
}

function isCounts(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((count) => isAmount(count) && Number.isInteger(count));
}
