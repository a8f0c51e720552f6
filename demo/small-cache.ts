/**
 * A second cache with a limit of a few megabytes, beside the one of the phrases, so that its limit can be met in a moment
 * and nothing of the person's is thrown out by that. Everything here goes through the public API.
 */
import { AudioCacheClient, AudioCacheError, type CleanupReport, type Clip, type Synthesize } from 'reprise-cache';
import { windOf } from './tones';

const MIB = 1024 * 1024;
/** The largest clip that it takes. */
const MAX_ENTRY_BYTES = MIB / 2;
/** What the disk tier of the small cache may take. */
export const SMALL_LIMIT_BYTES = 8 * MIB;
const CLIP_SECONDS = 2;
/** Far more than fit: something is wrong when the limit is not met by then. */
const MAX_CLIPS = 1000;
const COLLECTION = 'wind';
const PINNED_COLLECTION = 'pinned wind';
const LAST_WORDS = 'There is no room left on the disk, and you hear me all the same.';

/** What filling did. */
export interface Filling {
  readonly put: number;
  readonly evicted: number;
}

/** The small cache; opened when it is first needed. */
export class SmallCache {
  readonly #synthesize: Synthesize;
  #client: AudioCacheClient | undefined;
  /** No clip has the name of another, in this tab or in one before. */
  readonly #run = Date.now().toString(36);
  #clips = 0;

  constructor(synthesize: Synthesize) {
    this.#synthesize = synthesize;
  }

  get client(): AudioCacheClient {
    this.#client ??= new AudioCacheClient({
      namespace: 'demo-small',
      maxEntryBytes: MAX_ENTRY_BYTES,
      memory: { maxBytes: 2 * MIB },
      disk: { maxBytes: SMALL_LIMIT_BYTES },
      health: { minHitRate: 0 },
      synthesize: this.#synthesize,
      onWarning: () => {}, // The panel's log shows them.
    });
    return this.#client;
  }

  /** Puts clips in until the disk tier has evicted some, and tells after each how many there are. */
  async fill(signal: AbortSignal, onPut: (put: number) => void): Promise<Filling> {
    await this.#giveRoomBack();
    let evicted = 0;
    const unlisten = this.client.on('entries-removed', ({ tier, reason, entries }) => {
      if (tier === 'disk' && reason === 'evicted') evicted += entries;
    });
    try {
      let put = 0;
      while (evicted === 0 && put < MAX_CLIPS) {
        signal.throwIfAborted();
        await this.#put({ collections: [COLLECTION] });
        onPut(++put);
      }
      // What is being evicted while nobody waits for it is counted, too.
      await this.client.cleanup();
      await this.client.stats();
      return { put, evicted };
    } finally {
      unlisten();
    }
  }

  /** Gives all unpinned clips a millisecond to live, and cleans up behind it. */
  async expire(): Promise<CleanupReport> {
    await this.client.touchCollection(COLLECTION, { ttlMs: 1 });
    return this.client.cleanup();
  }

  /** Fills the limit with pinned clips, which nothing may evict, until the cache refuses one; resolves to how many fit. */
  async fillWithPins(signal: AbortSignal, onPut: (put: number) => void): Promise<number> {
    await this.#giveRoomBack();
    for (let put = 0; put < MAX_CLIPS; put++) {
      signal.throwIfAborted();
      try {
        await this.#put({ collections: [PINNED_COLLECTION], pinned: true });
      } catch (error) {
        if (error instanceof AudioCacheError && error.code === 'QUOTA_EXCEEDED') return put;
        throw error;
      }
      onPut(put + 1);
    }
    return MAX_CLIPS;
  }

  /** Lowers the limit far below what the pinned clips take, which nothing may remove: no further clip can be stored. */
  async takeRoomAway(): Promise<void> {
    await this.client.configure({ disk: { maxBytes: MAX_ENTRY_BYTES } });
  }

  /** A phrase asked for while nothing more can be stored. */
  sayLastWords(signal: AbortSignal): Promise<Clip> {
    const spec = { text: LAST_WORDS, voice: 'slt', speed: 1, provider: 'flite', format: 'wav', sampleRate: 16_000 };
    return this.client.getOrSynthesize(spec, { signal });
  }

  /** Deletes everything, pinned or not, and gives the room back. */
  async empty(): Promise<void> {
    await this.#giveRoomBack();
    for (const name of [COLLECTION, PINNED_COLLECTION]) await this.client.deleteCollection(name);
    await this.client.clear({ pinned: true });
  }

  async #giveRoomBack(): Promise<void> {
    await this.client.configure({ disk: { maxBytes: SMALL_LIMIT_BYTES } });
  }

  async #put(labels: { readonly collections: readonly string[]; readonly pinned?: boolean }): Promise<void> {
    const text = `Wind ${++this.#clips} of ${this.#run}`;
    await this.client.put({ text, voice: 'wind' }, windOf(CLIP_SECONDS), { transfer: true, ...labels });
  }
}
