/**
 * What an app does with a cache beside speaking: limits, pins and collections, checking it, and carrying entries to another
 * cache and back. Fetched when it is first needed, so that pages that only speak do not carry it. What each call means, and
 * how it fails, stands at the method of `AudioCacheClient` that it is called by.
 */
import { AudioCacheError } from '../core/protocol/audio-cache-error';
import type { Address, AnswerTo, CacheRequest, ExportedEntry } from '../core/protocol/messages';
import type {
  Amount,
  CacheConfig,
  CollectionDeletion,
  CollectionDetails,
  CollectionsPage,
  VerifyReport,
} from '../core/protocol/values';
import type { AbortableOptions, SpeechInput } from './audio-cache-client';
import { checkCallOptions, checkCollectionName, signalIn } from './call-options';
import { type ConfigureOptions, resolveChange } from './config-change';

/** What to pin: an entry, or a collection with all that will ever be in it. */
export type PinInput = SpeechInput | { readonly collection: string };

/** Options of `collections`. */
export interface CollectionsOptions extends AbortableOptions {
  /** 1 to 1,000. Default 50. */
  readonly limit?: number | undefined;
  /** From the page before. */
  readonly cursor?: string | undefined;
  /** Only those whose name contains this in any case. */
  readonly search?: string | undefined;
}

/** Options of `touchCollection`. */
export interface TouchCollectionOptions extends AbortableOptions {
  /** So long all members live from now on, instead of for their own time to live again. */
  readonly ttlMs?: number | undefined;
}

/** Options of `deleteCollection`. */
export interface DeleteCollectionOptions extends AbortableOptions {
  /** Forget the collection and leave its audio. Default false. */
  readonly keepAudio?: boolean | undefined;
}

/** How far something long has come. */
export interface Progress {
  readonly done: number;
  readonly total: number;
}

/** Options of what goes through many entries. */
export interface LongOptions {
  /** Ends the work; it rejects with the signal's reason, and what is done by then stays done. */
  readonly signal?: AbortSignal | undefined;
  /** Called now and then, and at the end. */
  readonly onProgress?: ((progress: Progress) => void) | undefined;
}

/** Options of `exportBundle`. */
export interface ExportOptions extends LongOptions {
  /** Only the entries of this collection, in its order. Default: all entries, the one stored last first. */
  readonly collection?: string | undefined;
}

/** Options of `importBundle`. */
export interface ImportOptions extends LongOptions {
  /** Take the bundle's entry where there is one already. Default false: keep what is there. */
  readonly replace?: boolean | undefined;
}

/** What an import did. */
export interface ImportReport {
  /** Entries of the bundle that are stored now. */
  readonly imported: number;
  /** Those that were there already, and stayed. Their collections and pins were taken all the same. */
  readonly kept: number;
  /** Those that this cache does not take: expired, too large for its limits, or pinned where pins do not fit. */
  readonly refused: number;
}

/** What a bundle is imported from. */
export type BundleSource = Blob | ArrayBuffer | ReadableStream<Uint8Array<ArrayBuffer>> | Response;

/** How the cache is asked. */
export interface ManagementOptions {
  readonly call: <Request extends CacheRequest>(
    request: Request,
    signal: AbortSignal | undefined,
    transfer?: Transferable[],
  ) => Promise<AnswerTo<Request>>;
  /** The same for what changes nothing, asked once more of the next worker if one is lost. */
  readonly read: <Request extends CacheRequest>(
    request: Request,
    signal: AbortSignal | undefined,
  ) => Promise<AnswerTo<Request>>;
  readonly locate: (input: SpeechInput) => Address;
  readonly config: () => CacheConfig;
  readonly nowMs: () => number;
  readonly entriesOnDisk: () => number;
}

/** One question lets the worker work for so long; others have their turn in between all the same. */
const VERIFY_STEP_MS = 50;
const PAGE_ENTRIES = 200;

/** The calls of a client that are not about speaking. */
export class Management {
  readonly #options: ManagementOptions;
  #persisting: Promise<boolean> | undefined;

  constructor(options: ManagementOptions) {
    this.#options = options;
  }

  async scheduleCleanup(isOn: boolean, options: AbortableOptions | undefined): Promise<void> {
    await this.#options.call({ type: 'schedule-cleanup', isOn }, signalIn(options));
  }

  configure(change: ConfigureOptions, options: AbortableOptions | undefined): Promise<CacheConfig> {
    return this.#options.call({ type: 'configure', change: resolveChange(change) }, signalIn(options));
  }

  persist(): Promise<boolean> {
    this.#persisting ??= askToPersist().then((isPersisted) => {
      this.#options.call({ type: 'storage-changed' }, undefined).catch(() => {});
      return isPersisted;
    });
    return this.#persisting;
  }

  pin(input: PinInput, isPinned: boolean, options: AbortableOptions | undefined): Promise<Amount> {
    const { call, locate } = this.#options;
    const isCollection = typeof input === 'object' && input !== null && 'collection' in input;
    const target = isCollection ? { collection: input.collection } : { address: locate(input) };
    if (isCollection) checkCollectionName(input.collection);
    return call({ type: 'pin', target, isPinned }, signalIn(options));
  }

  collections(options: CollectionsOptions): Promise<CollectionsPage> {
    checkCallOptions(options, ['limit', 'cursor', 'search']);
    const { limit = 50, signal, ...wanted } = options;
    return this.#options.read({ type: 'collections', limit, ...wanted }, signal);
  }

  collection(name: string, options: AbortableOptions | undefined): Promise<CollectionDetails | undefined> {
    checkCollectionName(name);
    return this.#options.read({ type: 'collection', name }, signalIn(options));
  }

  touchCollection(name: string, options: TouchCollectionOptions): Promise<number> {
    checkCollectionName(name);
    checkCallOptions(options, ['ttlMs']);
    return this.#options.call({ type: 'touch-collection', name, ttlMs: options.ttlMs }, options.signal);
  }

  deleteCollection(name: string, options: DeleteCollectionOptions): Promise<CollectionDeletion> {
    checkCollectionName(name);
    checkCallOptions(options, ['keepAudio']);
    const { keepAudio: keepsAudio = false, signal } = options;
    return this.#options.call({ type: 'delete-collection', name, keepsAudio }, signal);
  }

  async verify(options: LongOptions): Promise<VerifyReport> {
    checkCallOptions(options, ['onProgress']);
    const { signal, onProgress } = options;
    const { read, entriesOnDisk } = this.#options;
    const total = entriesOnDisk();
    let report: VerifyReport = { checked: 0, intact: 0, damaged: [], unreadable: 0, unverifiable: 0 };
    let cursor: string | undefined;
    do {
      const step = await read({ type: 'verify', budgetMs: VERIFY_STEP_MS, cursor }, signal);
      report = {
        checked: report.checked + step.checked,
        intact: report.intact + step.intact,
        damaged: [...report.damaged, ...step.damaged],
        unreadable: report.unreadable + step.unreadable,
        unverifiable: report.unverifiable + step.unverifiable,
      };
      cursor = step.cursor;
      onProgress?.({ done: report.checked, total: Math.max(total, report.checked) });
    } while (cursor !== undefined);
    return report;
  }

  async exportBundle(options: ExportOptions): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
    checkCallOptions(options, ['collection', 'onProgress']);
    const { collection, signal, onProgress } = options;
    const { config, nowMs } = this.#options;
    const { writeBundle } = await import('../core/bundle/write-bundle');
    const entries = this.#export(collection, signal, onProgress);
    return writeBundle(withLabels(entries), { namespace: config().namespace, createdAtMs: nowMs(), signal });
  }

  async importBundle(source: BundleSource, options: ImportOptions): Promise<ImportReport> {
    checkCallOptions(options, ['replace', 'onProgress']);
    const { replace = false, signal, onProgress } = options;
    const { call } = this.#options;
    const [{ createChecksums }, { openBundle }] = await Promise.all([
      import('../core/checksums'),
      import('../core/bundle/open-bundle'),
    ]);
    const { verify } = await createChecksums();
    const bundle = await openBundle(await asBlob(source), { verify, signal });
    const counts = { imported: 0, kept: 0, refused: 0 };
    for await (const { metadata: given, bytes } of bundle.read()) {
      const { collections, pinned, ...metadata } = given;
      const labels = { collections, pinned };
      try {
        const request = { type: 'import-entry', metadata, bytes, labels, replaces: replace } as const;
        const outcome = await call(request, signal, [bytes]);
        if (outcome === 'stored') counts.imported++;
        else if (outcome === 'kept') counts.kept++;
        else counts.refused++;
      } catch (error) {
        if (!isRefusal(error)) throw error;
        counts.refused++;
      }
      onProgress?.({ done: counts.imported + counts.kept + counts.refused, total: bundle.entries });
    }
    return counts;
  }

  async exportAudio(collection: string, options: LongOptions): Promise<Blob> {
    checkCollectionName(collection);
    checkCallOptions(options, ['onProgress']);
    const { signal, onProgress } = options;
    const { joinAudio } = await import('../core/bundle/join-audio');
    return joinAudio(withContentType(this.#export(collection, signal, onProgress)));
  }

  async *#export(
    collection: string | undefined,
    signal: AbortSignal | undefined,
    onProgress: LongOptions['onProgress'],
  ): AsyncGenerator<ExportedEntry> {
    const { read, entriesOnDisk } = this.#options;
    let done = 0;
    const keys = collection === undefined ? this.#allKeys(signal) : await this.#membersOf(collection, signal);
    const total = Array.isArray(keys) ? keys.length : entriesOnDisk();
    for await (const key of keys) {
      const entry = await read({ type: 'export-entry', key }, signal);
      if (entry !== undefined) yield entry;
      onProgress?.({ done: ++done, total: Math.max(total, done) });
    }
  }

  async *#allKeys(signal: AbortSignal | undefined): AsyncGenerator<string> {
    let cursor: string | undefined;
    do {
      const page = await this.#options.read({ type: 'entries', limit: PAGE_ENTRIES, cursor, sort: 'created' }, signal);
      for (const { key } of page.entries) yield key;
      cursor = page.cursor;
    } while (cursor !== undefined);
  }

  async #membersOf(collection: string, signal: AbortSignal | undefined): Promise<readonly string[]> {
    const details = await this.#options.read({ type: 'collection', name: collection }, signal);
    if (details !== undefined) return details.keys;
    throw new AudioCacheError('INVALID_OPTIONS', `There is no collection ${JSON.stringify(collection)}.`, {
      field: 'collection',
    });
  }
}

async function* withLabels(entries: AsyncIterable<ExportedEntry>) {
  for await (const { metadata, bytes, collections, pinned } of entries) {
    const labels = { ...(collections.length > 0 ? { collections } : {}), ...(pinned ? { pinned } : {}) };
    yield { metadata: { ...metadata, ...labels }, bytes };
  }
}

async function* withContentType(entries: AsyncIterable<ExportedEntry>) {
  for await (const { metadata, bytes } of entries) yield { bytes, contentType: metadata.contentType };
}

/** A bundle is read from its end first, so all of it has to be at hand; the browser keeps large ones on disk. */
function asBlob(source: BundleSource): Promise<Blob> | Blob {
  if (source instanceof Blob) return source;
  if (source instanceof Response) return source.blob();
  return source instanceof ArrayBuffer ? new Blob([source]) : new Response(source).blob();
}

/** What a cache may say to an entry that it does not take. */
const REFUSALS: ReadonlySet<string> = new Set(['ENTRY_TOO_LARGE', 'QUOTA_EXCEEDED', 'STORE_UNAVAILABLE']);

/** What a cache does not take is no reason to leave the others. */
function isRefusal(error: unknown): boolean {
  return error instanceof AudioCacheError && REFUSALS.has(error.code);
}

async function askToPersist(): Promise<boolean> {
  // Typed as always there; it is not in insecure contexts.
  const { storage } = navigator as { readonly storage?: StorageManager };
  if (storage?.persist === undefined) return false;
  try {
    return (await storage.persisted()) || (await storage.persist());
  } catch {
    return false;
  }
}
