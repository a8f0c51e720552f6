/**
 * Finds what has expired without looking at what has not: a hierarchical timing wheel (Varghese and Lauck, 1987; the
 * shape is Caffeine's).
 *
 * Three rings of 64 buckets with spans of about 1 second, 1 minute and 1 hour. A node waits in the bucket its expiry
 * falls into and moves to a finer ring as time comes closer; one further away than the last ring reaches goes into
 * that ring and is filed again when its bucket comes round. Adding and removing are O(1), advancing is O(1) amortised
 * per node. A node is reported at most one second late, so whoever reads an entry still compares the time itself.
 */

const BUCKETS = 64;
/** About 70 minutes. Each ring's span is what the next finer ring reaches: 1 s, 65 s, 70 min. */
const COARSEST_SPAN_MS = 1024 * BUCKETS * BUCKETS;
const SPANS_MS = [1024, 1024 * BUCKETS, COARSEST_SPAN_MS] as const;

/** What a node lends to the wheel. Only the wheel writes the links. */
export interface WheelLinks<Node> {
  /** On whatever scale of time the wheel is used with. `Infinity`: never filed. */
  readonly expiresAtMs: number;
  bucket: Bucket<Node> | undefined;
  previousInBucket: Node | undefined;
  nextInBucket: Node | undefined;
}

interface Bucket<Node> {
  first: Node | undefined;
}

/** Nodes by the time they expire. A node may be in at most one wheel, once. */
export class ExpiryWheel<Node extends WheelLinks<Node>> {
  readonly #rings: readonly (readonly Bucket<Node>[])[] = SPANS_MS.map(() =>
    Array.from({ length: BUCKETS }, () => ({ first: undefined })),
  );
  /** The time up to which everything expired has been reported; never goes back. */
  #timeMs: number;

  constructor(nowMs: number) {
    this.#timeMs = nowMs;
  }

  /** Files a node that is not in the wheel. */
  add(node: Node): void {
    if (node.expiresAtMs === Number.POSITIVE_INFINITY) return;
    const bucket = this.#bucketFor(node.expiresAtMs);
    node.bucket = bucket;
    node.previousInBucket = undefined;
    node.nextInBucket = bucket.first;
    if (bucket.first !== undefined) bucket.first.previousInBucket = node;
    bucket.first = node;
  }

  /** Takes a node out; one that was never filed is left alone. */
  remove(node: Node): void {
    const { bucket, previousInBucket: previous, nextInBucket: next } = node;
    if (bucket === undefined) return;
    if (previous === undefined) bucket.first = next;
    else previous.nextInBucket = next;
    if (next !== undefined) next.previousInBucket = previous;
    node.bucket = undefined;
    node.previousInBucket = undefined;
    node.nextInBucket = undefined;
  }

  /** Moves time on and hands over every node that has expired since, taken out of the wheel. */
  advance(nowMs: number, onExpired: (node: Node) => void): void {
    const before = this.#timeMs;
    if (nowMs <= before) return;
    this.#timeMs = nowMs;
    for (const [level, spanMs] of SPANS_MS.entries()) {
      const firstTick = Math.floor(before / spanMs);
      const ticks = Math.floor(nowMs / spanMs) - firstTick;
      // Within one tick nothing is looked at twice, which keeps the cost per node constant. A ring's tick cannot have
      // passed while that of a finer one has not.
      if (ticks === 0) return;
      const steps = Math.min(ticks + 1, BUCKETS);
      for (let step = 0; step < steps; step++) this.#empty(this.#bucketAt(level, firstTick + step), nowMs, onExpired);
    }
  }

  /** Forgets all nodes. They may not be used in a wheel again. */
  clear(): void {
    for (const ring of this.#rings) for (const bucket of ring) bucket.first = undefined;
  }

  #empty(bucket: Bucket<Node>, nowMs: number, onExpired: (node: Node) => void): void {
    let node = bucket.first;
    bucket.first = undefined;
    while (node !== undefined) {
      const next: Node | undefined = node.nextInBucket;
      node.bucket = undefined;
      node.previousInBucket = undefined;
      node.nextInBucket = undefined;
      if (node.expiresAtMs <= nowMs) onExpired(node);
      else this.add(node);
      node = next;
    }
  }

  #bucketFor(expiresAtMs: number): Bucket<Node> {
    const dueMs = Math.max(expiresAtMs, this.#timeMs);
    for (const [level, spanMs] of SPANS_MS.entries()) {
      if (dueMs - this.#timeMs < spanMs * BUCKETS) return this.#bucketAt(level, Math.floor(dueMs / spanMs));
    }
    // Beyond the reach: into the bucket of the coarsest ring that comes round last.
    return this.#bucketAt(SPANS_MS.length - 1, Math.floor(this.#timeMs / COARSEST_SPAN_MS) + BUCKETS - 1);
  }

  #bucketAt(level: number, tick: number): Bucket<Node> {
    // Both indices are within the fixed sizes of the rings.
    return (this.#rings[level] as readonly Bucket<Node>[])[tick % BUCKETS] as Bucket<Node>;
  }
}
