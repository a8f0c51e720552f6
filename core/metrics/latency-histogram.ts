/**
 * A latency distribution in constant memory: buckets that grow by 10 %, from one microsecond to about twenty minutes,
 * so that a percentile is within 5 % of the true one. Beside them the coarse cumulative buckets Prometheus wants.
 */

import type { HistogramCounts } from '../protocol/messages';
import type { LatencySummary } from '../protocol/values';
import { LATENCY_BOUNDS_MS } from './latency-bounds';

const GROWTH = 1.1;
const SMALLEST_MS = 0.001;
const BUCKETS = 220;
const LOG_GROWTH = Math.log(GROWTH);

/** Records latencies in milliseconds. */
export class LatencyHistogram {
  readonly #counts = new Uint32Array(BUCKETS);
  readonly #exported = new Array<number>(LATENCY_BOUNDS_MS.length).fill(0);
  #count = 0;
  #sumMs = 0;

  /** Adds one latency; what is no finite, non-negative number is ignored. */
  record(latencyMs: number): void {
    if (!(latencyMs >= 0 && latencyMs < Number.POSITIVE_INFINITY)) return;
    const bucket = Math.ceil(Math.log(latencyMs / SMALLEST_MS) / LOG_GROWTH);
    const index = Math.min(Math.max(bucket, 0), BUCKETS - 1);
    // Both indices are within their arrays.
    this.#counts[index] = (this.#counts[index] as number) + 1;
    const exported = LATENCY_BOUNDS_MS.findIndex((boundMs) => latencyMs <= boundMs);
    if (exported !== -1) this.#exported[exported] = (this.#exported[exported] as number) + 1;
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
    const cumulative = this.#exported.map((count) => {
      total += count;
      return total;
    });
    return { cumulative, count: this.#count, sumMs: this.#sumMs };
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
