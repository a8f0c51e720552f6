/**
 * A store that fails and dawdles on request, around any other store.
 *
 * Held operations come in two kinds, because races differ by it: one held *before* has not happened yet, one held
 * *after* has happened and merely was not answered yet.
 */

import type { NowOrLater } from '../core/now-or-later';
import { AudioCacheError, type AudioCacheErrorCode } from '../core/protocol/audio-cache-error';
import type { Amount, Durability, Entry, StoreReport } from '../core/protocol/values';
import type {
  AudioStore,
  EntrySummary,
  ListOptions,
  Reclaimed,
  Removed,
  StoredMetadata,
  StoredPage,
  Use,
} from '../core/storage/store';

/** The operations that can be made to fail or to wait. */
export type StoreOperation =
  | 'read'
  | 'readMetadata'
  | 'write'
  | 'remove'
  | 'clear'
  | 'removeExpired'
  | 'evict'
  | 'list'
  | 'survey'
  | 'readNote'
  | 'writeNote'
  | 'flush'
  | 'close';

interface Hold {
  readonly operation: StoreOperation;
  readonly when: 'before' | 'after';
  readonly released: Promise<void>;
}

/** The wrapped store, with faults. */
export class FaultyStore implements AudioStore {
  readonly #store: AudioStore;
  readonly #readNow: ((key: string) => Entry | undefined) | undefined;
  readonly #failures: { readonly operation: StoreOperation; readonly error: Error; timesLeft: number }[] = [];
  readonly #holds = new Set<Hold>();
  /** Every operation that was called, in order. */
  readonly calls: StoreOperation[] = [];
  /** The arguments of every `evict`. */
  readonly evictions: { readonly bytes: number; readonly maxEntries: number }[] = [];
  /** Every `touch`. */
  readonly touches: (Use & { readonly key: string })[] = [];
  /** Every `protect`. */
  readonly protections: { readonly keys: readonly string[]; readonly isProtected: boolean }[] = [];
  /** The most audio bytes ever held after a write. */
  highestBytes = 0;

  /** `readNow` answers reads at once that are not to wait, as the disk engine does; those that are to fail throw. */
  constructor(store: AudioStore, readNow?: (key: string) => Entry | undefined) {
    this.#store = store;
    this.#readNow = readNow;
  }

  get kind(): AudioStore['kind'] {
    return this.#store.kind;
  }

  /** Makes the next calls of the operation fail, with nothing changed. */
  fail(operation: StoreOperation, code: AudioCacheErrorCode | Error, times = 1): void {
    const error = code instanceof Error ? code : new AudioCacheError(code, `The test made ${operation} fail.`);
    this.#failures.push({ operation, error, timesLeft: times });
  }

  /** Lets calls of the operation wait until the returned function is called. */
  hold(operation: StoreOperation, when: 'before' | 'after' = 'before'): () => void {
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const hold: Hold = { operation, when, released };
    this.#holds.add(hold);
    return () => {
      this.#holds.delete(hold);
      release();
    };
  }

  /** How often an operation was called. */
  countOf(operation: StoreOperation): number {
    return this.calls.filter((called) => called === operation).length;
  }

  read(key: string): NowOrLater<Entry | undefined> {
    if (this.#readNow !== undefined && this.#holdOf('read') === undefined) {
      this.#begin('read');
      return this.#readNow(key);
    }
    return this.#run('read', async () => this.#store.read(key));
  }

  readMetadata(key: string): Promise<StoredMetadata | undefined> {
    return this.#run('readMetadata', () => this.#store.readMetadata(key));
  }

  write(entry: Entry, accessedAtMs: number, durability: Exclude<Durability, 'memory'>): Promise<void> {
    return this.#run('write', async () => {
      await this.#store.write(entry, accessedAtMs, durability);
      this.highestBytes = Math.max(this.highestBytes, this.#store.usage().bytes);
    });
  }

  remove(key: string): Promise<number | undefined> {
    return this.#run('remove', () => this.#store.remove(key));
  }

  clear(sparesProtected?: boolean): Promise<Amount> {
    return this.#run('clear', () => this.#store.clear(sparesProtected));
  }

  touch(key: string, use: Use): void {
    this.touches.push({ key, ...use });
    this.#store.touch(key, use);
  }

  removeExpired(nowMs: number, maxEntries: number): Promise<Removed> {
    return this.#run('removeExpired', () => this.#store.removeExpired(nowMs, maxEntries));
  }

  evict(bytes: number, maxEntries: number): Promise<Removed> {
    this.evictions.push({ bytes, maxEntries });
    return this.#run('evict', () => this.#store.evict(bytes, maxEntries));
  }

  list(options: ListOptions): Promise<StoredPage> {
    return this.#run('list', () => this.#store.list(options));
  }

  survey(keys: readonly string[]): Promise<readonly (EntrySummary | undefined)[]> {
    return this.#run('survey', () => this.#store.survey(keys));
  }

  protect(keys: Iterable<string>, isProtected: boolean): void {
    const all = [...keys];
    this.protections.push({ keys: all, isProtected });
    this.#store.protect(all, isProtected);
  }

  limit(maxBytes: number): void {
    this.#store.limit(maxBytes);
  }

  readNote(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    return this.#run('readNote', () => this.#store.readNote());
  }

  writeNote(bytes: Uint8Array<ArrayBuffer>, durability: Exclude<Durability, 'memory'>): Promise<void> {
    return this.#run('writeNote', () => this.#store.writeNote(bytes, durability));
  }

  usage(): Amount {
    return this.#store.usage();
  }

  reclaim(isUrgent?: boolean): Promise<Reclaimed> {
    return this.#store.reclaim(isUrgent);
  }

  report(): StoreReport {
    return this.#store.report();
  }

  flush(): Promise<void> {
    return this.#run('flush', () => this.#store.flush());
  }

  close(): Promise<void> {
    return this.#run('close', () => this.#store.close());
  }

  #holdOf(operation: StoreOperation): Hold | undefined {
    return [...this.#holds].find((hold) => hold.operation === operation);
  }

  /** Notes a call, and fails if it is to. */
  #begin(operation: StoreOperation): void {
    this.calls.push(operation);
    const failure = this.#failures.find((planned) => planned.operation === operation && planned.timesLeft > 0);
    if (failure === undefined) return;
    failure.timesLeft--;
    throw failure.error;
  }

  async #run<Result>(operation: StoreOperation, perform: () => Promise<Result>): Promise<Result> {
    this.#begin(operation);
    const hold = this.#holdOf(operation);
    if (hold?.when === 'before') await hold.released;
    const result = await perform();
    if (hold?.when === 'after') await hold.released;
    return result;
  }
}
