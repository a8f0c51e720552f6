/**
 * The protocol between a page and the worker that holds the stores.
 *
 * One closed union of requests, one answer type for each, one union of events. Comlink carries them through a single
 * method, so that another carrier (a tab that is not the owner, a process) can pass the same messages on unchanged.
 * A synthesis runs where its function lives, on the page: the worker *grants a fill* of a key to one caller and lets
 * the others wait. Imports nothing but the value types beside it.
 */
import type { ErrorMessage } from './audio-cache-error';
import type {
  Amount,
  CacheConfig,
  CacheStats,
  CleanupReport,
  ClipMetadata,
  ClipSource,
  CollectionDeletion,
  CollectionDetails,
  CollectionsPage,
  ConfigChange,
  Durability,
  EntriesPage,
  EntryInfo,
  EntryMetadata,
  EntrySort,
  HealthAlert,
  JsonObject,
  MissReason,
  RemovalReason,
  SpeechSpec,
  StoreKind,
  TierName,
  VerifyReport,
} from './values';

/** Raised whenever a message changes its meaning; a page and a worker of different versions refuse each other. */
export const PROTOCOL_VERSION = 3;

/**
 * How long a filler may be silent before the next caller is granted its fill; it renews four times as often. Browsers
 * run the timers of hidden pages only once a minute, so a lease must be longer than that.
 */
export const FILL_LEASE_MS = 120_000;

/**
 * So long after it has taken over, a worker grants no synthesis that might be under way: a tab that does it says so within
 * that time, unless its page is very busy.
 */
export const RESUME_WINDOW_MS = 250;

/**
 * Names an entry: by its spec, with the client's defaults filled in, or by its known key. Neither has been checked: the
 * worker does, and answers `INVALID_SPEC` or `INVALID_KEY`.
 */
export type Address = { readonly spec: SpeechSpec } | { readonly key: string };

/** One clip as a page received it, reported so that latencies are those a person waits for. */
export interface ServedSample {
  readonly source: ClipSource;
  readonly latencyMs: number;
}

/** What a page knows and a worker does not. */
export interface PageReport {
  readonly served: readonly ServedSample[];
  /** Syntheses that failed for good. */
  readonly failedSyntheses: number;
  /** Calls of `get` and `getOrSynthesize` that ended with an error, be it after a synthesis; aborted ones are none. */
  readonly failedRequests: number;
  /** Share of the page's JavaScript heap in use, where the browser tells. */
  readonly heapRatio?: number | undefined;
}

/** What an entry belongs to, beside its audio. */
export interface Labels {
  readonly collections?: readonly string[] | undefined;
  readonly pinned?: boolean | undefined;
}

/** What is to be pinned, or no more. */
export type PinTarget = { readonly address: Address } | { readonly collection: string };

/** Asks for a page of entries: all of them, those of a collection, or those whose text or key contains something. */
export interface EntriesRequest {
  readonly type: 'entries';
  readonly limit: number;
  readonly cursor?: string | undefined;
  readonly sort?: EntrySort | undefined;
  readonly collection?: string | undefined;
  readonly search?: string | undefined;
}

/** What a page may ask. Byte buffers are transferred, never cloned. */
export type CacheRequest =
  | { readonly type: 'ping' }
  | { readonly type: 'get'; readonly address: Address }
  | { readonly type: 'has'; readonly address: Address }
  /** Look the spec up; on a miss join its fill. `callId` names this caller until it has its clip or leaves. */
  | { readonly type: 'read'; readonly callId: string; readonly spec: SpeechSpec }
  /** Wait for the fill that a `read` was told is pending. */
  | { readonly type: 'await-fill'; readonly callId: string }
  /**
   * This caller is synthesizing the phrase by the grant of an owner that is gone: grants it anew, unless somebody else
   * has been granted it meanwhile.
   */
  | { readonly type: 'resume-fill'; readonly callId: string; readonly spec: SpeechSpec }
  /** The caller no longer wants the clip. `hasBegun`: it was granted the fill and is synthesizing. */
  | { readonly type: 'leave-fill'; readonly callId: string; readonly hasBegun: boolean }
  /** The synthesis is still under way: extend its lease. */
  | { readonly type: 'renew-fill'; readonly fillId: string }
  /** In order; offset 0 starts over, as after a synthesis that broke off and was retried. */
  | {
      readonly type: 'fill-chunk';
      readonly fillId: string;
      readonly offsetBytes: number;
      readonly chunk: ArrayBuffer;
    }
  | { readonly type: 'fill-complete'; readonly fillId: string; readonly result: FillResult }
  /** With `error`, everyone who waits fails with it; without (the filler gave up), the next one is granted. */
  | { readonly type: 'fill-failed'; readonly fillId: string; readonly error?: ErrorMessage | undefined }
  | {
      readonly type: 'put';
      readonly address: Address;
      readonly bytes: ArrayBuffer;
      readonly result: FillResult;
      readonly durability: Durability;
      readonly labels?: Labels | undefined;
      /** Synthesized for this cache, and counted as paid for. */
      readonly isPaid?: boolean | undefined;
    }
  /** Asks whether another synthesis may be paid for: fails with `SYNTHESIS_FAILED`, reason `budget`, if not. */
  | { readonly type: 'may-synthesize' }
  /** Adds an entry, present or to come, to collections, and pins it if so labelled. */
  | { readonly type: 'label'; readonly address: Address; readonly labels: Labels }
  | { readonly type: 'delete'; readonly address: Address }
  /** Spares what is pinned, unless told otherwise. */
  | { readonly type: 'clear'; readonly pinned?: boolean | undefined }
  /** With `budgetMs` the cleanup stops once that time is used up. */
  | { readonly type: 'cleanup'; readonly budgetMs?: number | undefined }
  | { readonly type: 'configure'; readonly change: ConfigChange }
  /** Starts cleaning up on schedule, or with `isOn: false` stops it. */
  | { readonly type: 'schedule-cleanup'; readonly isOn: boolean }
  | EntriesRequest
  | { readonly type: 'info'; readonly address: Address }
  /** Checks entries from the cursor on, for about `budgetMs`. */
  | { readonly type: 'verify'; readonly budgetMs: number; readonly cursor?: string | undefined }
  | { readonly type: 'pin'; readonly target: PinTarget; readonly isPinned: boolean }
  | {
      readonly type: 'collections';
      readonly limit: number;
      readonly cursor?: string | undefined;
      readonly search?: string | undefined;
    }
  | { readonly type: 'collection'; readonly name: string }
  /** All members live for `ttlMs` from now on, or for their own time to live again. */
  | { readonly type: 'touch-collection'; readonly name: string; readonly ttlMs?: number | undefined }
  | { readonly type: 'delete-collection'; readonly name: string; readonly keepsAudio: boolean }
  /** Everything about one entry, for a bundle; counts as no request and no use. */
  | { readonly type: 'export-entry'; readonly key: string }
  | {
      readonly type: 'import-entry';
      readonly metadata: EntryMetadata;
      readonly bytes: ArrayBuffer;
      readonly labels: Labels;
      /** An entry that is there is replaced. */
      readonly replaces: boolean;
    }
  | { readonly type: 'stats' }
  | ({ readonly type: 'report' } & PageReport)
  /** The page has asked the browser to keep the storage. */
  | { readonly type: 'storage-changed' }
  | { readonly type: 'flush' }
  | { readonly type: 'close' };

/** The type of value each request is answered with. */
export interface AnswerByRequest {
  ping: undefined;
  get: HitAnswer | undefined;
  has: boolean;
  read: HitAnswer | FillGrantedAnswer | FillPendingAnswer;
  'await-fill': HitAnswer | FillGrantedAnswer;
  'resume-fill': FillGrantedAnswer | undefined;
  'leave-fill': undefined;
  'renew-fill': undefined;
  'fill-chunk': undefined;
  /** False: the fill is not this filler's any more, and the audio was not taken. */
  'fill-complete': boolean;
  'fill-failed': undefined;
  /** The key. */
  put: string;
  delete: boolean;
  clear: undefined;
  cleanup: CleanupReport;
  label: undefined;
  configure: CacheConfig;
  'schedule-cleanup': undefined;
  entries: EntriesPage;
  info: EntryInfo | undefined;
  verify: VerifyReport & { readonly cursor?: string | undefined };
  /** What is pinned now of what was meant. */
  pin: Amount;
  collections: CollectionsPage;
  collection: CollectionDetails | undefined;
  /** How many members there are to live longer. */
  'touch-collection': number;
  'delete-collection': CollectionDeletion;
  'export-entry': ExportedEntry | undefined;
  'import-entry': ImportOutcome;
  'may-synthesize': undefined;
  stats: CacheStats;
  report: undefined;
  'storage-changed': undefined;
  flush: undefined;
  close: undefined;
}

/** The value one request type is answered with. */
export type AnswerTo<Request extends CacheRequest> = AnswerByRequest[Request['type']];

/** What a request comes back as. Errors are values here: no carrier between threads keeps all of a thrown one. */
export type Outcome<Value> = { readonly value: Value } | { readonly error: ErrorMessage };

/**
 * The audio was found, or a synthesis that this caller joined completed. The receiver owns `bytes`. Flat and without
 * what can be left out, since every name and nested object costs each hit its share of a microsecond.
 */
export interface HitAnswer extends Omit<ClipMetadata, 'byteLength'> {
  readonly type: 'hit';
  readonly key: string;
  readonly source: ClipSource;
  readonly bytes: ArrayBuffer;
  readonly joined?: true;
}

/** Nobody has it: this caller synthesizes, sends the chunks, and completes or fails the fill. */
export interface FillGrantedAnswer {
  readonly type: 'fill-granted';
  readonly key: string;
  readonly fillId: string;
  /** Why nobody has it; absent when the grant goes on from an earlier one. */
  readonly reason?: MissReason;
}

/** Somebody else is synthesizing it: send `await-fill`. */
export interface FillPendingAnswer {
  readonly type: 'fill-pending';
  readonly key: string;
}

/** What became of an entry of a bundle: it is there now, there was one already, or it is too old. */
export type ImportOutcome = 'stored' | 'kept' | 'expired';

/** An entry as a bundle carries it. The receiver owns the bytes. */
export interface ExportedEntry {
  readonly metadata: EntryMetadata;
  readonly bytes: ArrayBuffer;
  readonly collections: readonly string[];
  readonly pinned: boolean;
}

/** What is known about audio that is to be stored, beside the phrase it is of. */
export interface FillResult {
  /** Length of the whole audio, against which what arrived is checked. */
  readonly byteLength: number;
  readonly contentType: string;
  readonly synthesisMs: number;
  /** Overrides the disk tier's time to live. */
  readonly ttlMs?: number | undefined;
  readonly custom?: JsonObject | undefined;
}

/** What a worker tells without being asked. */
export type CacheEvent =
  | { readonly type: 'snapshot'; readonly stats: CacheStats }
  /** Everybody who wanted this clip has left: a synthesis not yet sent need not be. */
  | { readonly type: 'fill-abandoned'; readonly fillId: string }
  | { readonly type: 'entry-added'; readonly key: string; readonly byteLength: number }
  | { readonly type: 'entry-deleted'; readonly key: string }
  | { readonly type: 'cleared' }
  | {
      readonly type: 'entries-removed';
      readonly tier: TierName;
      readonly reason: RemovalReason;
      readonly entries: number;
      readonly bytes: number;
    }
  /** The configuration was changed while the cache works, by any tab. */
  | { readonly type: 'configured'; readonly config: CacheConfig }
  /** Collections or pins were changed. */
  | { readonly type: 'labels-changed' }
  /** Raised, or over again. */
  | { readonly type: 'alert'; readonly alert: HealthAlert; readonly isRaised: boolean }
  | { readonly type: 'warning'; readonly message: string };

/** What the worker says once it can answer. */
export interface ReadyAnswer {
  readonly protocolVersion: number;
  readonly store: StoreKind;
}

/** How a tab takes part; handed to the worker of the owner. */
export interface Share {
  /** Begins the names of all channels and locks. */
  readonly name: string;
  readonly epoch: string;
  /** There was an owner before, whose grants are to be resumed: nothing is granted anew in the first moments. */
  readonly takesOver: boolean;
}

/** What holds for all tabs, by whichever it was changed: the next owner goes on with it. */
export interface SharedState {
  readonly config: CacheConfig;
  /** The cache cleans up on schedule. */
  readonly isCleanupScheduled: boolean;
}

/** What a worker is opened with. The secret is not part of the configuration, so that no statistic shows it. */
export interface OpenRequest {
  readonly protocolVersion: number;
  readonly config: CacheConfig;
  readonly keySecret?: string | undefined;
  /** The store held something when a page looked last: if the same kind is empty now, somebody has emptied it. */
  readonly heldBefore?: StoreKind | undefined;
  /**
   * What holds instead of `config`, as the tabs before have changed it. Comes over a channel: what is no configuration of
   * this cache is passed over.
   */
  readonly inForce?: SharedState | undefined;
  /** Other tabs use this worker too; without it only the page that started it does. */
  readonly share?: Share | undefined;
}

/** The one object a worker exposes through Comlink. */
export interface CacheEndpoint {
  /**
   * Opens the stores and answers once requests are taken. Comes out as AudioCacheError `INVALID_OPTIONS` when the page
   * speaks another protocol version.
   */
  open(request: OpenRequest, onEvents: (events: readonly CacheEvent[]) => void): Promise<Outcome<ReadyAnswer>>;
  handle<Request extends CacheRequest>(request: Request): Promise<Outcome<AnswerTo<Request>>>;
}
