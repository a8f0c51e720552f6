/**
 * What a campaign has been promised about the phrases of one cache, and so what may be found there after a kill.
 *
 * Each phrase has at most one operation under way. So after a kill it must be as its last acknowledged operation left it,
 * or as the one under way would have. Anything else is a loss (an acknowledged put, replacement or deletion that did not
 * last) or corrupt (bytes that are not those of the version they are called).
 */

/**
 * @typedef {import('./campaign-site.mjs').Finding} Finding
 * @typedef {import('./campaign-site.mjs').Operation} Operation
 */

/**
 * What became of a phrase. `gone` is an entry that was evicted, as far as anybody can tell.
 * @typedef {'kept' | 'gone' | 'lost' | 'corrupt'} Verdict
 */

/** Of a hundred operations so many delete; of the puts so many are durable. */
const DELETE_PERCENT = 15;
const DURABLE_PERCENT = 10;
/** A cache that evicts can have evicted a little more by its death than its page was told: one step of a cleanup. */
const MAX_UNTOLD_EVICTIONS = 50;
/** And more on a loaded machine, but it evicts no further than to 80 % of its limit, some of which are dead bytes. */
const FULL_SHARE = 0.7;

export class CampaignLedger {
  /** @type {() => number} */
  #random;
  /** @type {number} */
  #phrases;
  /** @type {'mixed' | Operation['durability']} */
  #puts;
  /**
   * The last acknowledged operation by phrase; for one that was read back, what was found.
   * @type {Map<number, Operation>}
   */
  #settledById = new Map();
  /** @type {Map<number, Operation>} */
  #pendingById = new Map();
  /** @type {Map<number, number>} */
  #latestVersionById = new Map();
  /** Limit of a cache that may evict; undefined: it never has to. @type {number | undefined} */
  #maxBytes;
  /** Evictions told of since the last judgement. */
  #evictedEntries = 0;
  /** Operations acknowledged in all. */
  acknowledged = 0;

  /**
   * @param {object} options
   * @param {() => number} options.random uniform in [0, 1)
   * @param {number} options.phrases how many phrases there are
   * @param {'mixed' | Operation['durability']} [options.puts] how durable, and that nothing is deleted unless mixed
   * @param {number} [options.maxBytes] limit of a cache that is too small for all of them
   */
  constructor({ random, phrases, puts = 'mixed', maxBytes }) {
    this.#random = random;
    this.#phrases = phrases;
    this.#puts = puts;
    this.#maxBytes = maxBytes;
  }

  /** All phrases that anything was ever asked for. */
  get ids() {
    return [...this.#latestVersionById.keys()];
  }

  /** Phrases of which the cache must hold a version, if nothing was evicted. */
  get held() {
    return [...this.#settledById.values()].filter(({ kind }) => kind === 'put').length;
  }

  /**
   * Hands out the next operation, on a phrase that has none under way.
   * @returns {Operation}
   */
  next() {
    let id = this.#below(this.#phrases);
    while (this.#pendingById.has(id)) id = this.#below(this.#phrases);
    const version = (this.#latestVersionById.get(id) ?? 0) + 1;
    const isMixed = this.#puts === 'mixed';
    const isDeletion = isMixed && this.#settledById.get(id)?.kind === 'put' && this.#below(100) < DELETE_PERCENT;
    const durability = this.#below(100) < DURABLE_PERCENT ? 'durable' : 'relaxed';
    /** @type {Operation} */
    const operation = {
      kind: isDeletion ? 'delete' : 'put',
      id,
      version,
      durability: this.#puts === 'mixed' ? durability : this.#puts,
    };
    this.#latestVersionById.set(id, version);
    this.#pendingById.set(id, operation);
    return operation;
  }

  /**
   * Notes that the page was told an operation is done. One whose phrase was read back meanwhile counts no more.
   * @param {Operation} operation
   */
  acknowledge(operation) {
    const { id, version } = operation;
    if (this.#pendingById.get(id)?.version !== version) return;
    this.#pendingById.delete(id);
    this.#settledById.set(id, operation);
    this.acknowledged++;
  }

  /**
   * Notes that the page was told of evictions.
   * @param {number} entries
   */
  noteEvicted(entries) {
    this.#evictedEntries += entries;
  }

  /**
   * Judges what was found and from now on takes it for what there is. In a cache that may evict, missing entries are
   * `gone` as long as no more are missing than were evicted, or the cache is as full as eviction leaves it: then `untold` of
   * them were evicted without a word.
   * @param {readonly Finding[]} findings one for each of `ids`
   * @param {number} [bytesOnDisk] what the cache takes
   * @returns {Record<Verdict, number> & { readonly untold: number, readonly problems: readonly string[] }}
   */
  judge(findings, bytesOnDisk = 0) {
    const counts = { kept: 0, gone: 0, lost: 0, corrupt: 0 };
    /** @type {string[]} */
    const problems = [];
    const maxBytes = this.#maxBytes;
    const isFull = maxBytes !== undefined && bytesOnDisk >= maxBytes * FULL_SHARE;
    let evicted = maxBytes === undefined ? 0 : this.#evictedEntries + MAX_UNTOLD_EVICTIONS;
    let untold = 0;
    for (const finding of findings) {
      let verdict = this.#verdictOn(finding);
      if (verdict === 'lost' && finding.version === undefined && maxBytes !== undefined) {
        if (evicted-- > 0) verdict = 'gone';
        else if (isFull) {
          verdict = 'gone';
          untold++;
        }
      }
      counts[verdict]++;
      if (verdict === 'lost' || verdict === 'corrupt') problems.push(this.#describe(verdict, finding));
      this.#adopt(finding);
    }
    const unread = this.ids.length - findings.length;
    if (unread !== 0) problems.push(`${unread} phrases were not read back`);
    this.#pendingById.clear();
    this.#evictedEntries = 0;
    return { ...counts, lost: counts.lost + unread, untold, problems };
  }

  /**
   * @param {Finding} finding
   * @returns {Verdict}
   */
  #verdictOn({ id, version, isIntact }) {
    if (version !== undefined && !isIntact) return 'corrupt';
    const settled = this.#settledById.get(id);
    const possible = [settled, this.#pendingById.get(id)];
    const isRight =
      version === undefined
        ? settled?.kind !== 'put' || possible.some((operation) => operation?.kind === 'delete')
        : possible.some((operation) => operation?.kind === 'put' && operation.version === version);
    return isRight ? 'kept' : 'lost';
  }

  /** @param {Finding} finding */
  #adopt({ id, version }) {
    if (version === undefined) this.#settledById.delete(id);
    else this.#settledById.set(id, { kind: 'put', id, version, durability: 'relaxed' });
  }

  /**
   * @param {Verdict} verdict
   * @param {Finding} finding
   */
  #describe(verdict, finding) {
    const settled = this.#settledById.get(finding.id);
    const pending = this.#pendingById.get(finding.id);
    return `${verdict}: found ${JSON.stringify(finding)}, acknowledged ${JSON.stringify(settled)}, under way ${JSON.stringify(pending)}`;
  }

  /** @param {number} limit */
  #below(limit) {
    return Math.floor(this.#random() * limit);
  }
}

/**
 * Returns a generator of numbers in [0, 1), the same for the same seed (mulberry32, public domain).
 * @param {number} seed
 */
export function seededRandom(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
