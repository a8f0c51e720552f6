/** The published API of the page. */
export {
  AudioCacheError,
  type AudioCacheErrorCode,
  type ErrorContext,
  type SynthesisFailure,
} from '../core/protocol/audio-cache-error';
export type {
  Amount,
  CacheConfig,
  CacheStats,
  CleanupReport,
  ClipMetadata,
  ClipSource,
  DiskConfig,
  DiskState,
  Durability,
  EntriesPage,
  EntryInfo,
  EntryMetadata,
  HealthAlert,
  HitRates,
  JsonObject,
  JsonValue,
  LatencySummary,
  MemoryConfig,
  SpeechSpec,
  StoreKind,
  StoreReport,
  TierName,
  TierState,
} from '../core/protocol/values';
export type { BackoffPolicy, RetryOptions } from '../core/retry';
export {
  type AbortableOptions,
  AudioCacheClient,
  type CleanupOptions,
  type EntriesOptions,
  type GetOrSynthesizeOptions,
  type PutOptions,
  type SpeechInput,
} from './audio-cache-client';
export type { ClientEvent, ClientEventMap, FailedEvent, OwnerChangedEvent, ServedEvent } from './client-events';
export type { Clip, PlayOptions } from './clip';
export type { AudioCacheClientOptions, WorkerSource } from './options';
export type { AudioSource, SynthesisResult, Synthesize } from './origin-audio';
