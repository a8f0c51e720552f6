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
}

/** Key, audio bytes and metadata: what the tiers hold. */
export interface Entry {
  readonly metadata: EntryMetadata;
  readonly bytes: ArrayBuffer;
}

/** What `info` and `entries` tell about an entry. */
export interface EntryInfo extends EntryMetadata {
  readonly accessedAtMs: number;
  /** The tiers that hold it now. */
  readonly tiers: readonly TierName[];
}

/** One page of entries, latest access first. */
export interface EntriesPage {
  readonly entries: readonly EntryInfo[];
  /** Pass it on to get the next page; absent on the last one. */
  readonly cursor?: string | undefined;
}

/** How many entries and audio bytes are meant. */
export interface Amount {
  readonly entries: number;
  readonly bytes: number;
}

/** Why an entry left a tier without being asked to. */
export type RemovalReason = 'expired' | 'evicted' | 'corrupt' | 'collision';

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
  readonly expirations: number;
  readonly errors: number;
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

/** State of the disk tier. */
export interface DiskState extends TierState, StoreReport {}

/** Something is not as it should be; the cache works on. */
export interface HealthAlert {
  readonly code: 'STORE_FALLBACK' | 'WRITES_FAILING' | 'WORKER_UNAVAILABLE' | 'TAB_ALONE';
  /** What is wrong and what to do. */
  readonly message: string;
  readonly sinceMs: number;
}

/** How well the cache works and what it holds: `stats()`, `getSnapshot()` and what the panel shows. */
export interface CacheStats {
  readonly config: CacheConfig;
  readonly performance: {
    /** `get` and `getOrSynthesize` calls answered. */
    readonly requests: number;
    readonly hits: number;
    readonly misses: number;
    /** Requests that waited for a synthesis already under way: counted as neither hit nor miss. */
    readonly joined: number;
    readonly hitRate: HitRates;
    readonly tierHitRate: Readonly<Record<TierName, HitRates>>;
    readonly latencyMs: Readonly<Record<ClipSource, LatencySummary>>;
    readonly tiers: Readonly<Record<TierName, TierCounters>>;
    readonly evictions: number;
    readonly expirations: number;
    /** Entries copied from disk up into memory. */
    readonly promotions: number;
    readonly saved: { readonly requests: number; readonly characters: number; readonly synthesisMs: number };
    readonly errors: ErrorCounters;
  };
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
  readonly highWater: number;
  readonly lowWater: number;
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
}
