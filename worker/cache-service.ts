/**
 * The worker's side of the protocol: opens the cache, hands each request to it, and tells the page what happened.
 *
 * No decision about audio is made here; `core/audio-cache.ts` makes them all. Byte buffers of answers are transferred.
 */
import { transfer } from 'comlink';
import { AudioCache } from '../core/audio-cache';
import type { ReadStorage } from '../core/cache-upkeep';
import type { Clock } from '../core/clock';
import { createHashing, type Hashing } from '../core/hashing';
import { assertConsistent, isConfigLike } from '../core/option-rules';
import { AudioCacheError } from '../core/protocol/audio-cache-error';
import { encodeError } from '../core/protocol/encode-error';
import {
  type AnswerTo,
  type CacheEndpoint,
  type CacheEvent,
  type CacheRequest,
  type OpenRequest,
  type Outcome,
  PROTOCOL_VERSION,
  type ReadyAnswer,
} from '../core/protocol/messages';
import type { CacheConfig } from '../core/protocol/values';
import type { AudioStore } from '../core/storage/store';
import { EventBatch } from './event-batch';
import { type TabRuntime, TabService } from './tab-service';

/** Pages see new statistics at most this often. */
const SNAPSHOT_INTERVAL_MS = 250;

/** What the service gets from the runtime it lives in. */
export interface CacheServiceOptions {
  readonly clock: Clock;
  /**
   * Opens the store a configuration asks for; undefined when it asks for none.
   * @throws AudioCacheError `STORE_UNAVAILABLE`: the cache then keeps audio in memory only
   */
  readonly openStore: (
    config: CacheConfig,
    runtime: { readonly clock: Clock; readonly hashing: Hashing; readonly isOwner: boolean },
  ) => Promise<AudioStore | undefined>;
  /** Undefined where tabs cannot share. */
  readonly tabs?: TabRuntime | undefined;
  /** Undefined where the browser says nothing of its storage. */
  readonly readStorage?: ReadStorage | undefined;
}

/** One cache for the page that started this worker and, when that is the owner, for all tabs. */
export class CacheService implements CacheEndpoint {
  readonly #clock: Clock;
  readonly #openStore: CacheServiceOptions['openStore'];
  readonly #tabs: TabRuntime | undefined;
  readonly #readStorage: ReadStorage | undefined;
  #cache: AudioCache | undefined;
  #events: EventBatch | undefined;
  #tabService: TabService | undefined;
  #isSnapshotDue = false;

  constructor({ clock, openStore, tabs, readStorage }: CacheServiceOptions) {
    this.#clock = clock;
    this.#openStore = openStore;
    this.#tabs = tabs;
    this.#readStorage = readStorage;
  }

  async open(request: OpenRequest, onEvents: (events: readonly CacheEvent[]) => void): Promise<Outcome<ReadyAnswer>> {
    try {
      const { protocolVersion, keySecret, heldBefore, inForce, share } = request;
      if (protocolVersion !== PROTOCOL_VERSION) {
        throw new AudioCacheError(
          'INVALID_OPTIONS',
          `The page speaks protocol ${protocolVersion} and this worker ${PROTOCOL_VERSION}; both must come from the same reprise-cache version.`,
        );
      }
      const tell = (events: readonly CacheEvent[]) => {
        onEvents(events);
        this.#tabService?.broadcast(events);
      };
      const events = new EventBatch(tell, this.#clock);
      this.#events = events;
      const isTaken = isConfigLike(inForce?.config, request.config);
      const config = isTaken ? inForce.config : request.config;
      const hashing = await createHashing({ keySecret });
      const opened = await openStoreOrError(() =>
        this.#openStore(config, { clock: this.#clock, hashing, isOwner: share !== undefined }),
      );
      const cache = new AudioCache({
        config,
        hashing,
        clock: this.#clock,
        random: Math.random,
        takesOver: share?.takesOver ?? false,
        // Another kind of store, to which it has fallen back, is not the one that was emptied.
        heldBefore: heldBefore !== undefined && heldBefore === opened.store?.kind,
        readStorage: this.#readStorage,
        emit: (event) => {
          events.add(event);
          // Whoever is the next owner goes on with it, and this one may be gone in a moment.
          if (event.type === 'configured') this.#pushSnapshot();
          else this.#pushSnapshotSoon();
        },
        ...opened,
      });
      this.#cache = cache;
      if (!isTaken || inForce.isCleanupScheduled) cache.startCleanup();
      if (share !== undefined && this.#tabs !== undefined) {
        const handle: CacheEndpoint['handle'] = (request) => this.handle(request);
        const onIgnored = () => cache.noteIgnoredMessage();
        const state = () => {
          const { config, runtime } = cache.stats();
          return { config, isCleanupScheduled: runtime.isCleanupScheduled };
        };
        this.#tabService = new TabService({ ...this.#tabs, share, clock: this.#clock, handle, state, onIgnored });
      }
      return { value: { protocolVersion: PROTOCOL_VERSION, store: cache.stats().runtime.store } };
    } catch (error) {
      return { error: encodeError(error) };
    }
  }

  async handle<Request extends CacheRequest>(request: Request): Promise<Outcome<AnswerTo<Request>>> {
    const cache = this.#cache;
    if (cache === undefined) throw new TypeError('A request came before open');
    this.#pushSnapshotSoon();
    try {
      // Each branch of the dispatch answers its own request type, which the compiler cannot follow through the union.
      return transferBytes({ value: (await this.#dispatch(cache, request)) as AnswerTo<Request> });
    } catch (error) {
      return { error: encodeError(error) };
    }
  }

  /** Not async, and of no type of its own, to spare each hit a promise. */
  #dispatch(cache: AudioCache, request: CacheRequest): unknown {
    switch (request.type) {
      case 'ping':
        return undefined;
      case 'get':
        return cache.get(request.address);
      case 'has':
        return cache.has(request.address);
      case 'read':
        return cache.read(request.callId, request.spec);
      case 'await-fill':
        return cache.awaitFill(request.callId);
      case 'resume-fill':
        return cache.resumeFill(request.callId, request.spec);
      case 'leave-fill':
        return cache.leaveFill(request.callId, request.hasBegun);
      case 'renew-fill':
        return cache.renewFill(request.fillId);
      case 'fill-chunk':
        return cache.appendChunk(request.fillId, request.offsetBytes, request.chunk);
      case 'fill-complete':
        return cache.completeFill(request.fillId, request.result);
      case 'fill-failed':
        return cache.failFill(request.fillId, request.error);
      case 'put':
        return cache.put(request.address, request.bytes, request.result, request.durability, request);
      case 'may-synthesize':
        return cache.assertMaySynthesize();
      case 'label':
        return cache.label(request.address, request.labels);
      case 'delete':
        return cache.delete(request.address);
      case 'clear':
        return cache.clear(request.pinned !== true);
      case 'cleanup':
        return cache.cleanup(request.budgetMs);
      case 'schedule-cleanup':
        if (request.isOn) cache.startCleanup();
        else cache.stopCleanup();
        // As with a change of the configuration: the next owner is to know.
        return this.#pushSnapshot();
      case 'configure':
        assertConsistent(cache.stats().config, request.change);
        return cache.configure(request.change);
      case 'entries':
        return cache.entries(request);
      case 'info':
        return cache.info(request.address);
      case 'verify':
        return cache.verify(request.budgetMs, request.cursor);
      case 'pin':
        return cache.pin(request.target, request.isPinned);
      case 'collections':
        return cache.collections(request.limit, request.cursor, request.search);
      case 'collection':
        return cache.collection(request.name);
      case 'touch-collection':
        return cache.touchCollection(request.name, request.ttlMs);
      case 'delete-collection':
        return cache.deleteCollection(request.name, request.keepsAudio);
      case 'export-entry':
        return cache.exportEntry(request.key);
      case 'import-entry':
        return cache.importEntry(request.metadata, request.bytes, request.labels, request.replaces);
      case 'stats': {
        const stats = cache.stats();
        // Whoever counts events gets the same numbers, and hears of alerts before seeing them.
        this.#events?.flush();
        return stats;
      }
      case 'report':
        return cache.report(request);
      case 'storage-changed':
        return cache.storageChanged();
      case 'flush':
        return cache.flush();
      case 'close':
        // First, so that all hear what has happened and no tab gets the answer of a cache that is being closed.
        this.#events?.flush();
        this.#tabService?.stop();
        return cache.close().finally(() => this.#events?.flush());
      default:
        throw new TypeError(`Unknown request ${JSON.stringify(request satisfies never)}`);
    }
  }

  #pushSnapshotSoon(): void {
    if (this.#isSnapshotDue) return;
    this.#isSnapshotDue = true;
    this.#clock.schedule(() => {
      this.#isSnapshotDue = false;
      this.#pushSnapshot();
    }, SNAPSHOT_INTERVAL_MS);
  }

  /** At once, so that no answer to what happens next comes before numbers from before it. */
  #pushSnapshot(): void {
    if (this.#cache === undefined) return;
    this.#events?.add({ type: 'snapshot', stats: this.#cache.stats() });
    this.#events?.flush();
  }
}

async function openStoreOrError(
  open: () => Promise<AudioStore | undefined>,
): Promise<{ readonly store: AudioStore | undefined; readonly storeError?: AudioCacheError }> {
  try {
    return { store: await open() };
  } catch (error) {
    const storeError =
      error instanceof AudioCacheError
        ? error
        : new AudioCacheError('STORE_UNAVAILABLE', 'The disk store could not be opened.', { cause: error });
    return { store: undefined, storeError };
  }
}

/** Hands the audio of an answer over instead of copying it. */
function transferBytes<Value>(answer: { readonly value: Value }): { readonly value: Value } {
  const { value } = answer;
  if (typeof value !== 'object' || value === null || !('bytes' in value)) return answer;
  return value.bytes instanceof ArrayBuffer ? transfer(answer, [value.bytes]) : answer;
}
