/**
 * A disk store whose failures are counted instead of thrown: a broken disk is a miss or a "not kept", never an error of
 * the read path. A store that says it is lost for good is closed and never asked again.
 */
import { NOTHING } from './amount';
import type { Metrics } from './metrics/metrics';
import type { NowOrLater } from './now-or-later';
import { AudioCacheError } from './protocol/audio-cache-error';
import type { Amount, Entry, StoreKind, StoreReport } from './protocol/values';
import type { AudioStore, Use } from './storage/store';

/** What was being done when a store failed. */
type Work = 'diskReads' | 'diskWrites';

const NO_DISK: StoreReport = { bytesOnDisk: 0, bytesSavedByCompression: 0, damagedRecords: 0 };

/** A store, or none. */
export class GuardedStore {
  readonly #metrics: Metrics;
  readonly #onLost: (error: AudioCacheError) => void;
  #store: AudioStore | undefined;

  /** `onLost` is called once, when the store is lost for good. */
  constructor(store: AudioStore | undefined, metrics: Metrics, onLost: (error: AudioCacheError) => void) {
    this.#store = store;
    this.#metrics = metrics;
    this.#onLost = onLost;
  }

  /** What holds the entries now. */
  get kind(): StoreKind {
    return this.#store?.kind ?? 'none';
  }

  /** Entries and audio bytes held. */
  get usage(): Amount {
    return this.#store?.usage() ?? NOTHING;
  }

  /** What the store tells about its disk. */
  get report(): StoreReport {
    return this.#store?.report() ?? NO_DISK;
  }

  /** Reads an entry, at once where the store can; a failure is counted and becomes a miss. */
  read(key: string): NowOrLater<Entry | undefined> {
    const failed = (error: unknown): undefined => {
      this.#failed('diskReads', error);
    };
    try {
      const entry = this.#store?.read(key);
      return entry instanceof Promise ? entry.catch(failed) : entry;
    } catch (error) {
      return failed(error);
    }
  }

  /** Runs an operation; a failure is counted and becomes `otherwise`, as does a store that is not there. */
  async attempt<Result>(
    work: Work,
    otherwise: Result,
    operation: (store: AudioStore) => Promise<Result>,
  ): Promise<Result> {
    if (this.#store === undefined) return otherwise;
    try {
      return await this.run(work, operation);
    } catch {
      return otherwise;
    }
  }

  /**
   * Runs an operation; a failure is counted and thrown.
   * @throws AudioCacheError `STORE_UNAVAILABLE` also when there is no store; whatever the store says
   */
  async run<Result>(work: Work, operation: (store: AudioStore) => Promise<Result>): Promise<Result> {
    const store = this.#store;
    if (store === undefined) throw noStore();
    try {
      return await operation(store);
    } catch (error) {
      this.#failed(work, error);
      throw error;
    }
  }

  /** Notes a use. */
  touch(key: string, use: Use): void {
    this.#store?.touch(key, use);
  }

  /** Tells the store of another limit. */
  limit(maxBytes: number): void {
    this.#store?.limit(maxBytes);
  }

  /** Keeps entries from eviction and expiry, or no longer. */
  protect(keys: Iterable<string>, isProtected: boolean): void {
    this.#store?.protect(keys, isProtected);
  }

  /** Flushes and lets go of the store. */
  async close(): Promise<void> {
    const store = this.#store;
    this.#store = undefined;
    await store?.close().catch((error: unknown) => this.#failed('diskWrites', error));
  }

  #failed(work: Work, error: unknown): void {
    this.#metrics.errors[work]++;
    this.#metrics.tiers.disk.errors++;
    // A store says this only after its own attempts to reopen have failed.
    if (this.#store === undefined || !(error instanceof AudioCacheError) || error.code !== 'STORE_UNAVAILABLE') return;
    this.#store.close().catch(() => {});
    this.#store = undefined;
    this.#onLost(error);
  }
}

function noStore(): AudioCacheError {
  return new AudioCacheError(
    'STORE_UNAVAILABLE',
    'There is no working disk store, so nothing can be stored durably; stats().health says why.',
  );
}
