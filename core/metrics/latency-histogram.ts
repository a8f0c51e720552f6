/**
 * A latency distribution in constant memory: buckets that grow by 10 %, from one microsecond to about twenty minutes,
 * so that a percentile is within 5 % of the true one. Beside them the coarse cumulative buckets Prometheus wants.
 */
import type { LatencySummary } from '../protocol/values';

const GROWTH = 1.1;
const SMALLEST_MS = 0.001;
const BUCKETS = 220;
const LOG_GROWTH = Math.log(GROWTH);

/** Upper bounds of the exported buckets, in seconds: from a tenth of a millisecond to half a minute. */
export const EXPORTED_BOUNDS_SECONDS = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
] as const;

/** Records latencies in milliseconds. */
export class LatencyHistogram {
  readonly #counts = new Uint32Array(BUCKETS);
  readonly #exported = new Array<number>(EXPORTED_BOUNDS_SECONDS.length).fill(0);
  #count = 0;
  #sumMs = 0;

  /** Total of all recorded latencies. */
  get sumMs(): number {
    return this.#sumMs;
  }

  /** How many recorded latencies are at most each of `EXPORTED_BOUNDS_SECONDS`. */
  get cumulativeCounts(): readonly number[] {
    let total = 0;
    return this.#exported.map((count) => {
      total += count;
      return total;
    });
  }

  /** Adds one latency; what is no finite, non-negative number is ignored. */
  record(latencyMs: number): void {
    if (!(latencyMs >= 0 && latencyMs < Number.POSITIVE_INFINITY)) return;
    const bucket = Math.ceil(Math.log(latencyMs / SMALLEST_MS) / LOG_GROWTH);
    const index = Math.min(Math.max(bucket, 0), BUCKETS - 1);
    // Both indices are within their arrays.
    this.#counts[index] = (this.#counts[index] as number) + 1;
    const exported = EXPORTED_BOUNDS_SECONDS.findIndex((bound) => latencyMs <= bound * 1000);
    if (exported !== -1) this.#exported[exported] = (this.#exported[exported] as number) + 1;
    this.#count++;
    this.#sumMs += latencyMs;
  }

  /** Count and percentiles; all zero before the first record. */
  summary(): LatencySummary {
    return { count: this.#count, p50: this.#percentile(0.5), p95: this.#percentile(0.95), p99: this.#percentile(0.99) };
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
