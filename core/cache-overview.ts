/**
 * What a cache tells about itself: the entries it holds, and how well it works. Looks only; changes nothing but its own
 * note of a lost store.
 */
import type { Clock } from './clock';
import type { DiskTier } from './disk-tier';
import type { MemoryTier } from './memory-tier';
import type { Metrics } from './metrics/metrics';
import type { AudioCacheError } from './protocol/audio-cache-error';
import { PROTOCOL_VERSION } from './protocol/messages';
import type { CacheConfig, CacheStats, EntriesPage, EntryInfo, HealthAlert, TierName } from './protocol/values';
import type { StoredMetadata } from './storage/store';

/** What an overview looks at. */
export interface CacheOverviewOptions {
  readonly config: CacheConfig;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly memory: MemoryTier;
  readonly disk: DiskTier;
}

/** Entries and statistics of one cache. */
export class CacheOverview {
  readonly #options: CacheOverviewOptions;
  #lostStore: HealthAlert | undefined;

  constructor(options: CacheOverviewOptions) {
    this.#options = options;
  }

  /** Keeps in mind that there is no disk any more, and returns it in plain words. */
  noteLostStore(error: AudioCacheError): string {
    const message = `Audio is kept in memory only: ${error.message}`;
    this.#lostStore = { code: 'STORE_FALLBACK', message, sinceMs: this.#options.clock.nowMs() };
    return message;
  }

  /** Entries by last access, latest first. */
  async entries(limit: number, cursor: string | undefined): Promise<EntriesPage> {
    const page = await this.#options.disk.list(limit, cursor);
    if (page === undefined) return this.#memoryEntries(limit, cursor);
    const entries = page.entries.map((stored) => this.#infoFor(stored, true));
    return { entries, cursor: page.cursor };
  }

  /** All that is known about an entry; undefined when neither memory nor disk holds it. */
  async info(key: string): Promise<EntryInfo | undefined> {
    const { clock, memory, disk } = this.#options;
    const isOnItsWay = disk.held(key) !== undefined;
    const stored = await disk.getMetadata(key);
    if (stored !== undefined) return this.#infoFor(stored, !isOnItsWay);
    const held = memory.peek(key, clock.nowMs());
    return held && this.#infoFor({ metadata: held.entry.metadata, accessedAtMs: held.accessedAtMs }, false);
  }

  /** How well the cache works and what it holds. */
  stats(): CacheStats {
    const { config, clock, metrics, memory, disk } = this.#options;
    const alerts = this.#alerts();
    return {
      config,
      performance: metrics.summary(clock.nowMs()),
      tiers: {
        memory: { ...memory.usage, maxBytes: config.memory.maxBytes },
        disk: { ...disk.usage, ...disk.report, maxBytes: disk.kind === 'none' ? 0 : disk.maxBytes },
        remote: undefined,
      },
      health: { status: alerts.length === 0 ? 'ok' : 'degraded', alerts },
      // How the worker was started, and whose it is, only the page knows, which fills it in.
      runtime: {
        owner: this.#lostStore === undefined,
        role: 'owner',
        workerMode: 'module',
        store: disk.kind,
        version: PROTOCOL_VERSION,
      },
    };
  }

  #alerts(): readonly HealthAlert[] {
    const alerts = this.#lostStore === undefined ? [] : [this.#lostStore];
    const sinceMs = this.#options.disk.writesFailingSinceMs;
    if (sinceMs === undefined) return alerts;
    const message = 'Several writes to disk in a row have failed; new audio is kept in memory only. Is the disk full?';
    return [...alerts, { code: 'WRITES_FAILING', message, sinceMs }];
  }

  /** A page ends at a use, so that what is used or removed between two pages is neither repeated nor skipped. */
  #memoryEntries(limit: number, cursor: string | undefined): EntriesPage {
    const { clock, memory } = this.#options;
    const lastUse = Number(/^use (\d+)$/.exec(cursor ?? '')?.[1]);
    const entries: EntryInfo[] = [];
    let end: number | undefined;
    for (const { entry, accessedAtMs, useNumber } of memory.newestFirst(clock.nowMs())) {
      if (useNumber >= lastUse) continue;
      if (entries.length === limit) return { entries, cursor: `use ${end}` };
      entries.push(this.#infoFor({ metadata: entry.metadata, accessedAtMs }, false));
      end = useNumber;
    }
    return { entries };
  }

  #infoFor({ metadata, accessedAtMs }: StoredMetadata, isOnDisk: boolean): EntryInfo {
    const { clock, memory } = this.#options;
    const held = memory.peek(metadata.key, clock.nowMs());
    const tiers: TierName[] = [];
    if (held !== undefined) tiers.push('memory');
    if (isOnDisk) tiers.push('disk');
    return { ...metadata, accessedAtMs: Math.max(accessedAtMs, held?.accessedAtMs ?? 0), tiers };
  }
}
