/**
 * The values that cross threads and appear in the public API.
 *
 * Everything here survives a structured clone: plain objects, numbers, strings and ArrayBuffers.
 * Units stand in the names; times are milliseconds since the Unix epoch unless the name says otherwise.
 */

/** A JSON value, as `JSON.stringify` writes it. */
export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [name: string]: JsonValue | undefined };

/** A JSON object. */
export type JsonObject = { readonly [name: string]: JsonValue | undefined };

/**
 * What to say. `text` and everything that changes its sound: two specs with one canonical form share one entry.
 */
export interface SpeechSpec {
  /** 1 to 100,000 UTF-16 units after trimming; no lone surrogates. */
  readonly text: string;
  /** Trimmed; lower-cased too when no `provider` is named. */
  readonly voice?: string | undefined;
  /** Speaking rate as a factor, 0.1 to 10, two decimals count. Default 1. */
  readonly speed?: number | undefined;
  readonly provider?: string | undefined;
  readonly model?: string | undefined;
  /** BCP 47 tag. */
  readonly language?: string | undefined;
  /** The provider's name of the audio format, such as `mp3`. */
  readonly format?: string | undefined;
  /** In hertz. */
  readonly sampleRate?: number | undefined;
  readonly pitch?: number | undefined;
  /** How to speak, in the provider's words. */
  readonly instructions?: string | undefined;
  readonly seed?: number | string | undefined;
  /** Anything else that changes the sound. */
  readonly extra?: JsonValue | undefined;
}

/** `synthesis`: the speed is part of the sound; `playback`: the player applies it, so it stays out of the key. */
export type SpeedMode = 'synthesis' | 'playback';

/** Where a clip came from. */
export type ClipSource = 'memory' | 'disk' | 'remote' | 'origin';

/** A place that keeps entries. */
export type TierName = 'memory' | 'disk' | 'remote';

/** What holds the disk tier; `none` means that only memory is left. */
export type StoreKind = 'opfs' | 'indexeddb' | 'file' | 'none';

/** How safe a write is once acknowledged: accepted, survives a killed browser, survives power loss. */
export type Durability = 'memory' | 'relaxed' | 'durable';

/** A checksum over the audio bytes. The kind is named because a strict policy can forbid WebAssembly. */
export interface Checksum {
  readonly kind: 'xxh64' | 'crc32';
  /** Lower-case hex. */
  readonly hex: string;
}

/** What a caller learns about a clip beside its bytes. */
export interface ClipMetadata {
  /** A media type such as `audio/mpeg`. */
  readonly contentType: string;
  /** Length of the audio in bytes. */
  readonly byteLength: number;
  readonly createdAtMs: number;
  /** `Infinity`: never. */
  readonly expiresAtMs: number;
  /** Length of the text in UTF-16 units; 0 when only the key is known. */
  readonly characters: number;
  /** What the synthesis took in milliseconds; 0 when the audio was put in from elsewhere. */
  readonly synthesisMs: number;
  /** What the caller or the synthesizer added, word timings for instance. */
  readonly custom?: JsonObject | undefined;
}

/** All that is kept beside the audio of one entry. */
export interface EntryMetadata extends ClipMetadata {
  /** `v1_` and 64 lower-case hex digits. */
  readonly key: string;
  readonly checksum: Checksum;
  /** A second hash of the canonical spec, independent of the key; absent when only the key was known. */
  readonly fingerprint?: string | undefined;
  /** The spec itself, kept unless `storeText` is false. */
  readonly spec?: SpeechSpec | undefined;
  /** Time to live when it is not the tier's own. */
  readonly ttlMs?: number | undefined;
  /** How the audio got here; absent in entries from before this was noted. */
  readonly origin?: EntryOrigin | undefined;
}

/** How audio came into the cache: synthesized here, put in by the app, or imported from a bundle. */
export type EntryOrigin = 'synthesis' | 'put' | 'bundle';

/** Key, audio bytes and metadata: what the tiers hold. */
export interface Entry {
  readonly metadata: EntryMetadata;
  readonly bytes: ArrayBuffer;
}

/** What `info` and `entries` tell about an entry. */
export interface EntryInfo extends EntryMetadata {
  readonly accessedAtMs: number;
  /** How often it was served from memory or disk. */
  readonly hits: number;
  /** The tiers that hold it now. */
  readonly tiers: readonly TierName[];
  /** Never evicted nor expired: by a pin of its own, or by one of a collection. */
  readonly pinned: boolean;
  /** The collections it is in, by name. */
  readonly collections: readonly string[];
  /** What synthesizing it costs at the configured price, in its currency; undefined without a price. */
  readonly cost: number | undefined;
}

/** An order of entries, the first of which is the one used last, created last, or largest. */
export type EntrySort = 'accessed' | 'created' | 'size';

/** One page of entries. */
export interface EntriesPage {
  readonly entries: readonly EntryInfo[];
  /** Pass it on to get the next page; absent on the last one. A page may be shorter than its limit and not the last. */
  readonly cursor?: string | undefined;
}

/** What belongs together, such as a book or a chapter. */
export interface CollectionInfo {
  /** 1 to 200 characters, any. */
  readonly name: string;
  readonly pinned: boolean;
  /** Members whose audio is on disk, and their audio bytes. */
  readonly entries: number;
  readonly bytes: number;
  /** Members whose audio is gone: evicted, expired or damaged. */
  readonly missing: number;
  /** Nothing is missing. */
  readonly complete: boolean;
  /** Latest use of any member; undefined when none is there. */
  readonly accessedAtMs: number | undefined;
}

/** A collection with its members. */
export interface CollectionDetails extends CollectionInfo {
  /** Keys of all members, in the order in which they were added. */
  readonly keys: readonly string[];
  /** Those whose audio is gone. */
  readonly missingKeys: readonly string[];
}

/** One page of collections, by name. */
export interface CollectionsPage {
  readonly collections: readonly CollectionInfo[];
  readonly cursor?: string | undefined;
}

/** What deleting a collection did. */
export interface CollectionDeletion {
  /** There was one of that name. */
  readonly existed: boolean;
  /** Entries whose audio was deleted with it: those in no other collection and with no pin of their own. */
  readonly deleted: Amount;
}

/** What a check of all records found so far. */
export interface VerifyReport {
  /** Entries looked at. */
  readonly checked: number;
  /** Those that are what was stored. */
  readonly intact: number;
  /** Those that were not: they are never served again, and their keys. */
  readonly damaged: readonly string[];
  /** Records so damaged that not even their keys are known; gone as well. */
  readonly unreadable: number;
  /** Entries whose checksum this browser cannot compute (WebAssembly is forbidden); left as they are. */
  readonly unverifiable: number;
}

/** How many entries and audio bytes are meant. */
export interface Amount {
  readonly entries: number;
  readonly bytes: number;
}

/** Why an entry left a tier without being asked to. */
export type RemovalReason = 'expired' | 'evicted' | 'corrupt' | 'collision';

/** Why entries were evicted: their tier was above its high-water mark, or the disk had no more room to give. */
export type EvictionReason = 'limit' | 'quota';

/**
 * Why a request had to be synthesized: the phrase was never stored as far as is remembered, or its entry had expired, been
 * evicted, deleted by the app, or found damaged. The last 10,000 that went are remembered until the worker ends.
 */
export type MissReason = 'new' | 'expired' | 'evicted' | 'deleted' | 'damaged';

/** What a cleanup removed, by tier and reason. */
export interface CleanupReport {
  readonly memory: { readonly expired: Amount; readonly evicted: Amount };
  readonly disk: { readonly expired: Amount; readonly evicted: Amount };
  /** False when the time allowed ran out first; the next cleanup goes on. */
  readonly complete: boolean;
}

/** Shares of requests answered without a synthesis, 0 to 1; `undefined` where nothing was asked. */
export interface HitRates {
  readonly last1Min: number | undefined;
  readonly last5Min: number | undefined;
  readonly last15Min: number | undefined;
  readonly allTime: number | undefined;
}

/** A latency distribution in milliseconds, as seen by the caller; percentiles are within 5 %. */
export interface LatencySummary {
  readonly count: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

/** What a tier counted since the cache was opened. */
export interface TierCounters {
  readonly hits: number;
  readonly misses: number;
  readonly puts: number;
  readonly evictions: number;
  readonly evictionsByReason: Readonly<Record<EvictionReason, number>>;
  readonly expirations: number;
  readonly errors: number;
}

/** A latency histogram as Prometheus has it. */
export interface HistogramCounts {
  /** How many were at most each bound of `LATENCY_BOUNDS_MS`: 0.1 ms to 30 s. */
  readonly cumulative: readonly number[];
  readonly count: number;
  readonly sumMs: number;
}

/** What was saved, or spent. */
export interface Savings {
  readonly requests: number;
  /** UTF-16 units of text. */
  readonly characters: number;
  readonly synthesisMs: number;
  /** In the configured currency; undefined without a price. */
  readonly cost: number | undefined;
}

/** How far a budget is used up. */
export interface BudgetState {
  readonly limit: number;
  /** Spent in the present period, in the configured currency. */
  readonly spent: number;
  readonly periodStartedAtMs: number;
  readonly periodEndsAtMs: number;
  /** The next synthesis is refused, or only warned of, as configured. */
  readonly isExceeded: boolean;
}

/** What failed or was refused since the cache was opened. The cache went on every time. */
export interface ErrorCounters {
  /** Disk entries whose bytes did not match their checksum: dropped, then synthesized again. */
  readonly corrupt: number;
  /** Entries whose fingerprint belongs to another spec: dropped. */
  readonly collisions: number;
  readonly diskReads: number;
  readonly diskWrites: number;
  /** Audio that was played but not kept, because it was too large or not recognised. */
  readonly refused: number;
  readonly synthesis: number;
  readonly workerLost: number;
  /** Messages between tabs that were not ours, malformed, or of an owner that is gone. */
  readonly ignoredMessages: number;
}

/** State of one tier. */
export interface TierState {
  readonly entries: number;
  /** Audio bytes held. */
  readonly bytes: number;
  readonly maxBytes: number;
  /** Share of `maxBytes` in use, 0 to 1; of the disk by its bytes on disk. */
  readonly usageRatio: number;
}

/** What a disk store tells about its disk, beside the entries it holds. */
export interface StoreReport {
  /** Bytes taken on the disk, dead ones not yet given back and the engine's own included: what `maxBytes` limits. */
  readonly bytesOnDisk: number;
  /** Bytes spared by compressing the entries held. */
  readonly bytesSavedByCompression: number;
  /** Records found damaged since the store was opened: dropped, never served. */
  readonly damagedRecords: number;
  /** Entries of an earlier run's IndexedDB that are being moved over; absent once all are. */
  readonly migration?: { readonly movedEntries: number; readonly remainingEntries: number } | undefined;
}

/**
 * What the browser says of its storage. Estimates: Chromium's quota is made up of usage and free disk space, and its usage
 * is wrong after a restart; neither limits anything here.
 */
export interface StorageEstimate {
  readonly usageBytes: number;
  readonly quotaBytes: number;
}

/** State of the disk tier. */
export interface DiskState extends TierState, StoreReport {
  /** Entries that are pinned, and their audio bytes. */
  readonly pinned: Amount;
  /** Undefined until the browser has said it, and where it does not. */
  readonly estimate: StorageEstimate | undefined;
  /** The browser has promised not to evict this origin on its own account; undefined where it does not say. */
  readonly persisted: boolean | undefined;
}

/** What can be wrong. */
export type AlertCode =
  | 'STORE_FALLBACK'
  | 'STORE_EMPTIED'
  | 'WRITES_FAILING'
  | 'QUOTA_LOW'
  | 'MEMORY_ABOVE_HIGH_WATER'
  | 'DISK_ABOVE_HIGH_WATER'
  | 'HEAP_HIGH'
  | 'HIT_RATE_LOW'
  | 'ERROR_RATE_HIGH'
  | 'BUDGET_EXCEEDED'
  | 'WORKER_UNAVAILABLE'
  | 'TAB_ALONE';

/** Something is not as it should be; the cache works on. */
export interface HealthAlert {
  readonly code: AlertCode;
  /** `critical` makes the health `failing`, `warning` makes it `degraded`. */
  readonly severity: 'warning' | 'critical';
  /** What is wrong and what to do. */
  readonly message: string;
  readonly sinceMs: number;
}

/** What a cache has counted: since its worker started, or with `keepTotals` since the totals were first kept. */
export interface CachePerformance {
  /** `get` and `getOrSynthesize` calls answered by the cache. */
  readonly requests: number;
  readonly hits: number;
  readonly misses: number;
  /** Misses by why the phrase was not there. */
  readonly missesByReason: Readonly<Record<MissReason, number>>;
  /** Requests that waited for a synthesis already under way: counted as neither hit nor miss. */
  readonly joined: number;
  /** Requests that ended with an error, as pages have told. */
  readonly failedRequests: number;
  /** Over the tiers together. */
  readonly hitRate: HitRates;
  readonly tierHitRate: Readonly<Record<TierName, HitRates>>;
  /** Share of the requests with an end that ended with audio, be it synthesized. */
  readonly availability: HitRates;
  readonly latencyMs: Readonly<Record<ClipSource, LatencySummary>>;
  readonly latencyHistogram: Readonly<Record<ClipSource, HistogramCounts>>;
  readonly tiers: Readonly<Record<TierName, TierCounters>>;
  readonly evictions: number;
  readonly expirations: number;
  /** Entries copied from disk or remote up into memory. */
  readonly promotions: number;
  /** Entries evicted from memory while there is a disk tier. */
  readonly demotions: number;
  /** What hits and joined syntheses spared. */
  readonly saved: Savings;
  /** What was synthesized. */
  readonly spent: Savings;
  /** Undefined without a budget. */
  readonly budget: BudgetState | undefined;
  readonly errors: ErrorCounters;
}

/** How well the cache works and what it holds: `stats()`, `getSnapshot()` and what the panel shows. */
export interface CacheStats {
  readonly config: CacheConfig;
  readonly performance: CachePerformance;
  readonly tiers: { readonly memory: TierState; readonly disk: DiskState; readonly remote: undefined };
  readonly health: { readonly status: 'ok' | 'degraded' | 'failing'; readonly alerts: readonly HealthAlert[] };
  readonly runtime: {
    /** True when this tab's worker holds the stores. */
    readonly owner: boolean;
    /**
     * What this tab is among the tabs of its origin: the `owner`'s worker serves all of them, a `follower` uses it, and
     * one that is `alone` has a worker of its own that nobody else uses.
     */
    readonly role: 'owner' | 'follower' | 'alone';
    /** How the worker was started; `none`: it could not be, and nothing is cached. */
    readonly workerMode: 'module' | 'custom' | 'none';
    readonly store: StoreKind;
    /** The protocol version spoken with the worker. */
    readonly version: number;
    /** When counting began. */
    readonly countedSinceMs: number;
    /** Whether cleanup runs on schedule. */
    readonly isCleanupScheduled: boolean;
  };
}

/** Limits of the memory tier. */
export interface MemoryConfig {
  readonly maxBytes: number;
  readonly maxEntries: number;
  readonly ttlMs: number;
  /** Share of a limit above which eviction starts, 0 to 1. */
  readonly highWater: number;
  /** Share of a limit at which eviction stops, below `highWater`. */
  readonly lowWater: number;
}

/** Limits of the disk tier. */
export interface DiskConfig {
  /** `auto`: OPFS where its handles work, else IndexedDB, else memory only. */
  readonly store: 'auto' | 'opfs' | 'indexeddb' | 'none';
  readonly maxBytes: number;
  readonly ttlMs: number;
  /** A use extends the time to live from then on; otherwise it ends a fixed time after the entry was stored. */
  readonly slidingTtl: boolean;
  readonly highWater: number;
  readonly lowWater: number;
}

/** What may be spent on syntheses. Counted in this origin and namespace, by its tabs together, across restarts. */
export interface BudgetConfig {
  /** In the currency of the price. */
  readonly limit: number;
  /** A period begins with the first synthesis after the one before has ended. Default 30 days. */
  readonly periodMs: number;
  /** `warn`: an alert; `refuse`: also no further synthesis, while cached clips still play. */
  readonly whenExceeded: 'warn' | 'refuse';
}

/** What a synthesis costs. */
export interface PriceConfig {
  /** Price of a thousand characters (UTF-16 units), as most services charge. */
  readonly perThousandCharacters: number;
  /** ISO 4217 code, for display only. */
  readonly currency: string;
}

/** When health alerts are raised. */
export interface HealthConfig {
  /** A hit rate below this over 15 minutes is an alert; 0 never. */
  readonly minHitRate: number;
  /** A share of failed requests above this over 15 minutes is an alert. */
  readonly maxErrorRate: number;
  /** A share of the JavaScript heap in use above this is an alert, where it can be read. */
  readonly maxHeapRatio: number;
}

/** The whole configuration a worker is opened with; every default is filled in. */
export interface CacheConfig {
  readonly namespace: string;
  readonly version: number;
  readonly speedMode: SpeedMode;
  readonly maxEntryBytes: number;
  readonly storeText: boolean;
  readonly cleanupIntervalMs: number;
  readonly memory: MemoryConfig;
  readonly disk: DiskConfig;
  /** Undefined: no money is counted. */
  readonly price: PriceConfig | undefined;
  readonly budget: BudgetConfig | undefined;
  readonly health: HealthConfig;
  /** Totals go on after a restart. */
  readonly keepTotals: boolean;
}

/** What can be changed while the cache works. */
export interface ConfigChange {
  readonly maxEntryBytes?: number | undefined;
  readonly cleanupIntervalMs?: number | undefined;
  readonly memory?: Partial<MemoryConfig> | undefined;
  readonly disk?: Partial<Omit<DiskConfig, 'store'>> | undefined;
  readonly price?: PriceConfig | undefined;
  readonly budget?: BudgetConfig | undefined;
  readonly health?: Partial<HealthConfig> | undefined;
}
