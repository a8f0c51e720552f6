/**
 * What a cache tells about itself: the entries it holds, and how well it works. Looks only; changes nothing but its own
 * notes of a lost store and of what its health was last.
 */
import type { CacheParts } from './cache-parts';
import type { Clock } from './clock';
import { EntryListing } from './entry-listing';
import { Health } from './health';
import type { AudioCacheError } from './protocol/audio-cache-error';
import { type CacheEvent, type EntriesRequest, PROTOCOL_VERSION } from './protocol/messages';
import type { CacheStats, EntriesPage, EntryInfo, TierName } from './protocol/values';
import type { StoredMetadata } from './storage/store';

/** So long what a page has said of its heap is believed. */
const HEAP_KNOWN_MS = 60_000;

/** What an overview looks at. */
export interface CacheOverviewOptions {
  readonly parts: CacheParts;
  readonly clock: Clock;
  readonly emit: (event: CacheEvent) => void;
}

/** Entries and statistics of one cache. */
export class CacheOverview {
  readonly #options: CacheOverviewOptions;
  readonly #listing: EntryListing;
  readonly #health = new Health();
  #lostStore: { readonly reason: string; readonly sinceMs: number } | undefined;
  #storageEmptiedAtMs: number | undefined;
  #pageHeap: { readonly ratio: number; readonly atMs: number } | undefined;

  constructor(options: CacheOverviewOptions) {
    this.#options = options;
    const {
      clock,
      parts: { memory, disk, labels },
    } = options;
    this.#listing = new EntryListing({
      clock,
      disk,
      describe: (stored, isOnDisk) => this.#infoFor(stored, isOnDisk),
      inMemory: () =>
        [...memory.newestFirst(clock.nowMs())].map(({ entry: { metadata }, accessedAtMs, uses }) => ({
          metadata,
          accessedAtMs,
          hits: uses,
        })),
      membersOf: (name) => labels.membersOf(name),
    });
  }

  /** Keeps in mind that there is no disk any more, and returns it in plain words. */
  noteLostStore({ message }: AudioCacheError): string {
    this.#lostStore = { reason: message, sinceMs: this.#options.clock.nowMs() };
    return `Audio is kept in memory only: ${message}`;
  }

  /** Keeps in mind that what was on disk is gone though nobody here removed it, and returns it in plain words. */
  noteEmptiedStorage(): string {
    this.#storageEmptiedAtMs = this.#options.clock.nowMs();
    return 'The browser, or somebody in its settings, has removed all audio that was stored; the cache starts empty. persist() asks the browser not to.';
  }

  /** What share of a page's heap is in use, as that page said last. */
  noteHeap(ratio: number | undefined): void {
    if (ratio !== undefined) this.#pageHeap = { ratio, atMs: this.#options.clock.nowMs() };
  }

  /** A page of entries. */
  entries(request: EntriesRequest): Promise<EntriesPage> {
    return this.#listing.page(request);
  }

  /** All that is known about an entry; undefined when neither memory nor disk holds it. */
  async info(key: string): Promise<EntryInfo | undefined> {
    const { clock } = this.#options;
    const { memory, disk } = this.#options.parts;
    const isOnItsWay = disk.held(key) !== undefined;
    const stored = await disk.getMetadata(key);
    if (stored !== undefined) return this.#infoFor(stored, !isOnItsWay);
    const held = memory.peek(key, clock.nowMs());
    return held && this.#infoFor({ metadata: held.entry.metadata, accessedAtMs: held.accessedAtMs, hits: 0 }, false);
  }

  /** How well the cache works and what it holds. */
  stats(): CacheStats {
    const { clock } = this.#options;
    const { config, metrics, memory, disk, spending, upkeep } = this.#options.parts;
    const nowMs = clock.nowMs();
    const { bytesOnDisk } = disk.report;
    const diskMaxBytes = disk.kind === 'none' ? 0 : disk.maxBytes;
    return {
      config,
      performance: { ...metrics.summary(nowMs), budget: spending.state(nowMs) },
      tiers: {
        memory: {
          ...memory.usage,
          maxBytes: config.memory.maxBytes,
          usageRatio: memory.usage.bytes / config.memory.maxBytes,
        },
        disk: {
          ...disk.usage,
          ...disk.report,
          ...upkeep.storage,
          maxBytes: diskMaxBytes,
          usageRatio: diskMaxBytes === 0 ? 0 : bytesOnDisk / diskMaxBytes,
          pinned: disk.pinned,
        },
        remote: undefined,
      },
      health: this.evaluateHealth(),
      // How the worker was started, and whose it is, only the page knows, which fills it in.
      runtime: {
        owner: this.#lostStore === undefined,
        role: 'owner',
        workerMode: 'module',
        store: disk.kind,
        version: PROTOCOL_VERSION,
        countedSinceMs: metrics.countedSinceMs,
        isCleanupScheduled: upkeep.isScheduled,
      },
    };
  }

  /** Judges the health as of now, and tells what is new about it. */
  evaluateHealth(): CacheStats['health'] {
    const { clock, emit } = this.#options;
    const { config, metrics, memory, disk, spending, upkeep } = this.#options.parts;
    const nowMs = clock.nowMs();
    // What a tab said that has been silent since says nothing about now.
    const isHeapKnown = this.#pageHeap !== undefined && nowMs - this.#pageHeap.atMs < HEAP_KNOWN_MS;
    const { status, alerts, raised, ended } = this.#health.evaluate(
      {
        config,
        memory: memory.usage,
        disk: disk.kind === 'none' ? undefined : { bytesOnDisk: disk.report.bytesOnDisk, maxBytes: disk.maxBytes },
        recent: metrics.recent(nowMs),
        budget: spending.state(nowMs),
        estimate: upkeep.storage.estimate,
        heapRatio: isHeapKnown ? this.#pageHeap?.ratio : undefined,
        storeFailure: this.#lostStore,
        storageEmptiedAtMs: this.#storageEmptiedAtMs,
        writesFailingSinceMs: disk.writesFailingSinceMs,
      },
      nowMs,
    );
    for (const alert of raised) emit({ type: 'alert', alert, isRaised: true });
    for (const alert of ended) emit({ type: 'alert', alert, isRaised: false });
    return { status, alerts };
  }

  #infoFor({ metadata, accessedAtMs, hits }: StoredMetadata, isOnDisk: boolean): EntryInfo {
    const { clock } = this.#options;
    const { config, memory, disk, labels } = this.#options.parts;
    const { key, characters } = metadata;
    const held = memory.peek(key, clock.nowMs());
    const tiers: TierName[] = [];
    if (held !== undefined) tiers.push('memory');
    if (isOnDisk) tiers.push('disk');
    const { price } = config;
    return {
      ...metadata,
      accessedAtMs: Math.max(accessedAtMs, held?.accessedAtMs ?? 0),
      hits: isOnDisk ? hits + (held?.unreportedUses ?? 0) : (held?.uses ?? hits),
      tiers,
      pinned: disk.isKept(key),
      collections: labels.collectionsOf(key),
      cost: price && (characters / 1000) * price.perThousandCharacters,
    };
  }
}
