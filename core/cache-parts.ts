/**
 * What a cache is made of, put together, and the few things that concern all of it: its configuration, and what is told when
 * a part is lost. Decides nothing about audio; that is `audio-cache.ts`.
 */

import { CacheOverview } from './cache-overview';
import type { ReadStorage } from './cache-upkeep';
import { CacheUpkeep } from './cache-upkeep';
import type { Clock } from './clock';
import { Departures } from './departures';
import { DiskTier } from './disk-tier';
import type { Hashing } from './hashing';
import { KeptState } from './kept-state';
import { Labels } from './labels';
import { MemoryTier } from './memory-tier';
import { Metrics } from './metrics/metrics';
import type { AudioCacheError } from './protocol/audio-cache-error';
import type { CacheEvent } from './protocol/messages';
import type { CacheConfig, ConfigChange } from './protocol/values';
import { Spending } from './spending';
import type { AudioStore } from './storage/store';
import { withDefaults } from './with-defaults';

/** With sliding times to live each use counts, and is told to the disk at least this often. */
const USE_INTERVAL_MS = 60_000;

const UNPINNABLE =
  'A pinned phrase is too large for what pins may take, and is kept as any other: raise disk.maxBytes or unpin something.';

/** What a cache is made of. */
export interface AudioCacheOptions {
  readonly config: CacheConfig;
  readonly hashing: Hashing;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Undefined: memory only. */
  readonly store: AudioStore | undefined;
  /** Why there is no store, when there should be one. */
  readonly storeError?: AudioCacheError | undefined;
  /** There was a cache before, in another worker, whose grants are to be resumed first. */
  readonly takesOver?: boolean;
  /** There were entries on disk when somebody looked last. */
  readonly heldBefore?: boolean;
  /** What the browser says of its storage; undefined where it says nothing. */
  readonly readStorage?: ReadStorage | undefined;
  readonly emit: (event: CacheEvent) => void;
}

/** The parts of one cache. */
export class CacheParts {
  readonly metrics: Metrics;
  readonly memory: MemoryTier;
  readonly disk: DiskTier;
  readonly labels: Labels;
  readonly state: KeptState;
  readonly overview: CacheOverview;
  readonly upkeep: CacheUpkeep;
  readonly spending: Spending;
  readonly departures = new Departures();
  readonly #emit: (event: CacheEvent) => void;
  #config: CacheConfig;

  constructor(options: AudioCacheOptions) {
    const { config, hashing, clock, store, storeError, heldBefore, readStorage, emit } = options;
    const nowMs = clock.nowMs();
    this.#config = config;
    this.#emit = emit;
    this.metrics = new Metrics(nowMs, config);
    this.spending = new Spending(config.budget);
    this.memory = new MemoryTier(config.memory, nowMs, {
      onRemoval: (reason, { entries, bytes }) => {
        if (reason === 'expired') this.metrics.expired('memory', entries);
        else this.metrics.evicted('memory', 'limit', entries);
        if (reason === 'evicted' && this.disk.kind !== 'none') this.metrics.demotions += entries;
        emit({ type: 'entries-removed', tier: 'memory', reason, entries, bytes });
      },
      onUse: ({ metadata }, usedAtMs, uses) => this.disk.use(metadata, usedAtMs, uses),
      // Without a disk nobody else tells why a phrase is gone.
      ...(store === undefined ? { onRemovedKey: (key, reason) => this.departures.note(key, reason) } : {}),
      ...(config.disk.slidingTtl ? { useIntervalMs: Math.min(USE_INTERVAL_MS, config.disk.ttlMs / 10) } : {}),
    });
    this.labels = new Labels({
      clock,
      memory: this.memory,
      disk: () => this.disk,
      state: () => this.state,
      onChanged: () => emit({ type: 'labels-changed' }),
    });
    this.disk = new DiskTier({
      store,
      config: config.disk,
      hashing,
      clock,
      metrics: this.metrics,
      pins: this.labels,
      onUnpinnable: () => emit({ type: 'warning', message: UNPINNABLE }),
      onRemoval: (reason, { entries, bytes, keys }) => {
        this.departures.noteAll(keys, reason === 'corrupt' || reason === 'collision' ? 'damaged' : reason);
        emit({ type: 'entries-removed', tier: 'disk', reason, entries, bytes });
      },
      onLost: (error) => this.#fallBackToMemory(error),
    });
    this.state = new KeptState({
      clock,
      read: () => this.disk.readNote(),
      write: (bytes, durability) => this.disk.writeNote(bytes, durability),
      parts: {
        labels: () => this.labels.toJson(),
        totals: () => (this.#config.keepTotals ? this.metrics.totals() : undefined),
        spending: () => (this.#config.budget === undefined ? undefined : this.spending.toNote()),
      },
      onLoaded: ({ labels, totals, spending }) => {
        this.labels.load(labels);
        if (this.#config.keepTotals) this.metrics.restore(totals);
        this.spending.restore(spending);
      },
    });
    void this.state.loaded.then(() => this.labels.open()).catch(() => {});
    this.overview = new CacheOverview({ parts: this, clock, emit });
    this.upkeep = new CacheUpkeep({
      clock,
      intervalMs: () => this.#config.cleanupIntervalMs,
      memory: this.memory,
      disk: this.disk,
      readStorage,
      onCleaned: () => {
        this.overview.evaluateHealth();
        if (this.#config.keepTotals) this.state.changed();
      },
    });
    if (storeError !== undefined) this.#fallBackToMemory(storeError);
    else if (heldBefore && this.disk.usage.entries === 0 && this.disk.kind !== 'none') {
      emit({ type: 'warning', message: this.overview.noteEmptiedStorage() });
    }
  }

  /** The configuration in force. */
  get config(): CacheConfig {
    return this.#config;
  }

  /** Changes limits and the like, and returns the whole configuration. What is above a lower limit goes soon. */
  configure(change: ConfigChange): CacheConfig {
    const { memory, disk, health, ...rest } = change;
    this.#config = {
      ...withDefaults(rest, this.#config),
      memory: withDefaults(memory, this.#config.memory),
      disk: withDefaults(disk, this.#config.disk),
      health: withDefaults(health, this.#config.health),
    };
    this.memory.configure(this.#config.memory);
    this.disk.configure(this.#config.disk);
    this.metrics.setPrice(this.#config.price);
    this.spending.configure(this.#config.budget);
    this.upkeep.reschedule();
    this.#emit({ type: 'configured', config: this.#config });
    void this.upkeep.cleanup();
    return this.#config;
  }

  #fallBackToMemory(error: AudioCacheError): void {
    this.#emit({ type: 'warning', message: this.overview.noteLostStore(error) });
  }
}
