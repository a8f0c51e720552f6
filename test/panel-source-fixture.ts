/**
 * A cache for the panel to show that has neither worker nor audio: what it holds and counts is set by the test, and what
 * the panel asks of it is noted. Runs in a page.
 */

import { emptyPerformance } from '../core/metrics/zero-counters';
import type { AudioCacheError } from '../core/protocol/audio-cache-error';
import { PROTOCOL_VERSION } from '../core/protocol/messages';
import type {
  CacheStats,
  CollectionInfo,
  EntriesPage,
  EntryInfo,
  HealthAlert,
  PriceConfig,
} from '../core/protocol/values';
import type { ClientEvent, ClientEventMap } from '../src/client-events';
import { resolveOptions } from '../src/options';
import type { PanelEntriesQuery, PanelProgress, PanelSource, PanelTarget } from '../src/panel/index';

const MIB = 1024 * 1024;
const PAGE_ENTRIES = 10;

/** A key whose number can be read off its end. */
export function keyOf(number: number): string {
  return `v1_${number.toString(16).padStart(64, '0')}`;
}

/** An entry of a phrase, as `entries` would list it. */
export function entryOf(number: number, text: string, nowMs: number): EntryInfo {
  return {
    key: keyOf(number),
    contentType: 'audio/wav',
    byteLength: 40_000 + number,
    createdAtMs: nowMs - number * 60_000,
    expiresAtMs: nowMs + 86_400_000,
    accessedAtMs: nowMs - number * 1000,
    characters: text.length,
    synthesisMs: 420,
    checksum: { kind: 'xxh64', hex: '0123456789abcdef' },
    spec: { text, voice: 'slt', speed: 1, provider: 'flite' },
    origin: 'synthesis',
    hits: number,
    tiers: ['memory', 'disk'],
    pinned: false,
    collections: [],
    cost: 0.0003,
  };
}

/** Holds what it is given. */
export class FakePanelSource implements PanelSource {
  entriesHeld: EntryInfo[] = [];
  collectionsHeld: CollectionInfo[] = [];
  /** What was asked, in order, as far as it changes something. */
  readonly asked: string[] = [];
  /** Makes whatever is asked for fail. */
  failure: AudioCacheError | undefined;
  #snapshot = createStats();
  readonly #subscribers = new Set<() => void>();
  readonly #listenersByType = new Map<string, Set<(event: never) => void>>();
  /** Clips told of by bursts. */
  told = 0;
  #endBurst: (() => void) | undefined;

  getSnapshot(): CacheStats {
    return this.#snapshot;
  }

  async stats(): Promise<CacheStats> {
    this.change({});
    return this.#snapshot;
  }

  subscribe(listener: () => void): () => void {
    this.#subscribers.add(listener);
    return () => this.#subscribers.delete(listener);
  }

  on<Type extends ClientEvent['type']>(type: Type, listener: (event: ClientEventMap[Type]) => void): () => void {
    const listeners = this.#listenersByType.get(type) ?? new Set();
    this.#listenersByType.set(type, listeners);
    // The set of a type holds only listeners for events of that type.
    const entry = listener as (event: never) => void;
    listeners.add(entry);
    return () => listeners.delete(entry);
  }

  /** Pages of ten at most, as a cache whose pages are short. */
  async entries({ limit, cursor, collection, search, sort }: PanelEntriesQuery): Promise<EntriesPage> {
    this.#failIfTold();
    const first = Number(cursor ?? 0);
    const bySize = (a: EntryInfo, b: EntryInfo) => b.byteLength - a.byteLength;
    const found = this.entriesHeld
      .filter((entry) => collection === undefined || entry.collections.includes(collection))
      .filter((entry) => search === undefined || entry.spec?.text.toLowerCase().includes(search.toLowerCase()))
      .sort(sort === 'size' ? bySize : () => 0);
    const end = first + Math.min(limit, PAGE_ENTRIES);
    return { entries: found.slice(first, end), ...(end < found.length ? { cursor: `${end}` } : {}) };
  }

  async get({ key }: { readonly key: string }) {
    this.#ask(`get ${key}`);
    return { play: async () => undefined, stop: () => undefined };
  }

  async delete({ key }: { readonly key: string }): Promise<boolean> {
    this.#ask(`delete ${key}`);
    this.entriesHeld = this.entriesHeld.filter((entry) => entry.key !== key);
    return true;
  }

  async regenerate({ text }: { readonly text: string }): Promise<void> {
    this.#ask(`regenerate ${text}`);
  }

  async pin(target: PanelTarget): Promise<void> {
    this.#label(target, true);
  }

  async unpin(target: PanelTarget) {
    this.#label(target, false);
    return { entries: 0, bytes: 0 };
  }

  async collections() {
    this.#failIfTold();
    return { collections: this.collectionsHeld };
  }

  async deleteCollection(name: string) {
    this.#ask(`delete collection ${name}`);
    this.collectionsHeld = this.collectionsHeld.filter((collection) => collection.name !== name);
    return { existed: true, deleted: { entries: 3, bytes: 120_000 } };
  }

  async exportBundle({ collection }: { readonly collection?: string | undefined }) {
    this.#ask(`export ${collection ?? 'all'}`);
    const { body } = new Response('a bundle');
    if (body === null) throw new TypeError('A response without a body.');
    return body;
  }

  async importBundle(file: Blob) {
    this.#ask(`import ${await file.text()}`);
    return { imported: 12, kept: 3, refused: 0 };
  }

  async exportAudio(collection: string): Promise<Blob> {
    this.#ask(`audio ${collection}`);
    return new Blob(['audio'], { type: 'audio/wav' });
  }

  async cleanup() {
    this.#ask('cleanup');
    const none = { entries: 0, bytes: 0 };
    return {
      memory: { expired: none, evicted: none },
      disk: { expired: { entries: 7, bytes: 7 * MIB }, evicted: none },
      complete: true,
    };
  }

  async startCleanup(): Promise<void> {
    this.#ask('start cleanup');
  }

  async stopCleanup(): Promise<void> {
    this.#ask('stop cleanup');
  }

  async verify({ onProgress }: PanelProgress) {
    this.#ask('verify');
    onProgress?.({ done: 40, total: 80 });
    return { checked: 80, intact: 79, damaged: [keyOf(1)], unreadable: 0, unverifiable: 0 };
  }

  async configure({ price }: { readonly price: PriceConfig }): Promise<void> {
    this.#ask(`price ${price.perThousandCharacters} ${price.currency}`);
    this.change({ config: { ...this.#snapshot.config, price } });
  }

  async persist(): Promise<boolean> {
    this.#ask('persist');
    const { tiers } = this.#snapshot;
    this.change({ tiers: { ...tiers, disk: { ...tiers.disk, persisted: true } } });
    return true;
  }

  /** Makes another snapshot and tells of it. */
  change(change: Partial<CacheStats>): void {
    this.#snapshot = { ...this.#snapshot, ...change };
    for (const listener of this.#subscribers) listener();
  }

  setAlerts(status: CacheStats['health']['status'], alerts: readonly HealthAlert[]): void {
    this.change({ health: { status, alerts } });
  }

  emit(event: ClientEvent): void {
    for (const listener of this.#listenersByType.get(event.type) ?? []) listener(event as never);
  }

  /** From now on tells of so many clips a second, in batches as they come, each with another phrase. */
  startBurst(eventsPerSecond: number): void {
    const startedAt = performance.now();
    const before = this.told;
    const timer = setInterval(() => {
      const due = before + ((performance.now() - startedAt) / 1000) * eventsPerSecond;
      for (; this.told < due; this.told++) this.emit(servedEvent(this.told));
    }, 8);
    // Four times a second, as a client in use.
    const snapshots = setInterval(() => this.change(withCounts(this.#snapshot, this.told)), 250);
    this.#endBurst = () => {
      clearInterval(timer);
      clearInterval(snapshots);
    };
  }

  endBurst(): void {
    this.#endBurst?.();
  }

  #label(target: PanelTarget, pinned: boolean): void {
    this.#ask(`${pinned ? 'pin' : 'unpin'} ${'key' in target ? target.key : target.collection}`);
    if ('key' in target) {
      this.entriesHeld = this.entriesHeld.map((entry) => (entry.key === target.key ? { ...entry, pinned } : entry));
      return;
    }
    const { collection: name } = target;
    this.collectionsHeld = this.collectionsHeld.map((info) => (info.name === name ? { ...info, pinned } : info));
  }

  #ask(what: string): void {
    this.#failIfTold();
    this.asked.push(what);
  }

  #failIfTold(): void {
    if (this.failure) throw this.failure;
  }
}

/** A clip that was served; every fourth from disk, every twentieth synthesized. */
export function servedEvent(number: number): ClientEvent {
  const source = number % 20 === 0 ? 'origin' : number % 4 === 0 ? 'disk' : 'memory';
  return {
    type: 'served',
    key: keyOf(number),
    source,
    latencyMs: 0.2 + (number % 7) / 10,
    byteLength: 40_960,
    joined: false,
    text: `Phrase number ${number}, please.`,
    missReason: source === 'origin' ? 'evicted' : undefined,
  };
}

function createStats(): CacheStats {
  const tier = { entries: 240, bytes: 9 * MIB, usageRatio: 0.4 };
  return {
    config: resolveOptions({ namespace: 'shown' }).config,
    performance: emptyPerformance(),
    tiers: {
      memory: { ...tier, maxBytes: 20 * MIB },
      disk: {
        ...tier,
        maxBytes: 50 * MIB,
        bytesOnDisk: 24 * MIB,
        bytesSavedByCompression: 3 * MIB,
        damagedRecords: 0,
        pinned: { entries: 12, bytes: 6 * MIB },
        estimate: { usageBytes: 26 * MIB, quotaBytes: 60 * 1024 * MIB },
        persisted: false,
      },
      remote: undefined,
    },
    health: { status: 'ok', alerts: [] },
    runtime: {
      owner: true,
      role: 'owner',
      workerMode: 'module',
      store: 'opfs',
      version: PROTOCOL_VERSION,
      countedSinceMs: Date.now() - 3_600_000,
      isCleanupScheduled: true,
    },
  };
}

/** The statistics after so many clips of `servedEvent`. */
export function withCounts(stats: CacheStats, served: number): Partial<CacheStats> {
  const origin = Math.ceil(served / 20);
  const disk = Math.ceil(served / 4) - origin;
  const memory = served - origin - disk;
  const { performance } = stats;
  const { tiers, latencyMs, latencyHistogram: spread } = performance;
  const rates = { last1Min: 0.95, last5Min: 0.94, last15Min: 0.91, allTime: 0.9 };
  const latency = (count: number, ms: number) => ({ count, p50: ms, p95: 3 * ms, p99: 5 * ms });
  const histogram = (count: number, middle: number) => ({
    count,
    sumMs: count * middle,
    cumulative: spread.memory.cumulative.map((_, index) => count / (1 + Math.exp(middle - index))),
  });
  return {
    performance: {
      ...performance,
      requests: served,
      hits: memory + disk,
      misses: origin,
      missesByReason: { ...performance.missesByReason, new: origin - 2, evicted: 2 },
      hitRate: rates,
      tierHitRate: { ...performance.tierHitRate, memory: rates, disk: rates },
      availability: rates,
      latencyMs: { ...latencyMs, memory: latency(memory, 0.2), disk: latency(disk, 1.4), origin: latency(origin, 420) },
      latencyHistogram: {
        ...spread,
        memory: histogram(memory, 2),
        disk: histogram(disk, 5),
        origin: histogram(origin, 12),
      },
      tiers: {
        ...tiers,
        memory: { ...tiers.memory, hits: memory, misses: disk + origin },
        disk: { ...tiers.disk, hits: disk, misses: origin },
      },
      saved: { requests: memory + disk, characters: 22 * (memory + disk), synthesisMs: 400 * memory, cost: undefined },
      spent: { requests: origin, characters: 22 * origin, synthesisMs: 400 * origin, cost: undefined },
    },
  };
}
