/** The published API of the page. */
export {
  AudioCacheError,
  type AudioCacheErrorCode,
  type ErrorContext,
  type SynthesisFailure,
} from '../core/protocol/audio-cache-error';
export type {
  AlertCode,
  Amount,
  BudgetConfig,
  BudgetState,
  CacheConfig,
  CachePerformance,
  CacheStats,
  CleanupReport,
  ClipMetadata,
  ClipSource,
  CollectionDeletion,
  CollectionDetails,
  CollectionInfo,
  CollectionsPage,
  DiskConfig,
  DiskState,
  Durability,
  EntriesPage,
  EntryInfo,
  EntryMetadata,
  EntryOrigin,
  EntrySort,
  EvictionReason,
  HealthAlert,
  HealthConfig,
  HistogramCounts,
  HitRates,
  JsonObject,
  JsonValue,
  LatencySummary,
  MemoryConfig,
  MissReason,
  PriceConfig,
  Savings,
  SpeechSpec,
  StorageEstimate,
  StoreKind,
  StoreReport,
  TierName,
  TierState,
  VerifyReport,
} from '../core/protocol/values';
export type { BackoffPolicy, RetryOptions } from '../core/retry';
export {
  type AbortableOptions,
  AudioCacheClient,
  type CleanupOptions,
  type ClearOptions,
  type EntriesOptions,
  type GetOrSynthesizeOptions,
  type LabelOptions,
  type PutOptions,
  type SpeechInput,
} from './audio-cache-client';
export type {
  ClientEvent,
  ClientEventMap,
  FailedEvent,
  OperationEvent,
  OwnerChangedEvent,
  ServedEvent,
} from './client-events';
export type { Clip, PlayOptions } from './clip';
export type { ConfigureOptions } from './config-change';
export type {
  BundleSource,
  CollectionsOptions,
  DeleteCollectionOptions,
  ExportOptions,
  ImportOptions,
  ImportReport,
  LongOptions,
  PinInput,
  Progress,
  TouchCollectionOptions,
} from './management';
export type { LogLevel, LogWriter } from './operation-log';
export type { AudioCacheClientOptions, WorkerSource } from './options';
export type { AudioSource, SynthesisResult, Synthesize } from './origin-audio';
