/**
 * What an app does with a cache beside speaking: checking it, and carrying entries to another cache and back. Fetched when
 * it is first needed, so that pages that only speak do not carry it.
 */
import { joinAudio } from '../core/bundle/join-audio';
import { openBundle } from '../core/bundle/open-bundle';
import { writeBundle } from '../core/bundle/write-bundle';
import { createHashing } from '../core/hashing';
import { AudioCacheError } from '../core/protocol/audio-cache-error';
import type { AnswerTo, CacheRequest, ExportedEntry } from '../core/protocol/messages';
import type { VerifyReport } from '../core/protocol/values';

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
  /** Only the entries of this collection, in its order. Default: all entries, the one used last first. */
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
  /** Those that this cache does not take: too large for its limits, or pinned where pins do not fit. */
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
  readonly namespace: string;
  readonly nowMs: () => number;
  readonly entriesOnDisk: () => number;
}

/** One question lets the worker work for so long; others have their turn in between all the same. */
const VERIFY_STEP_MS = 50;
const PAGE_ENTRIES = 200;

/** Long work on a cache. */
export class Management {
  readonly #options: ManagementOptions;

  constructor(options: ManagementOptions) {
    this.#options = options;
  }

  /** Checks every entry on disk; damaged ones are removed and named. */
  async verify({ signal, onProgress }: LongOptions): Promise<VerifyReport> {
    const { call, entriesOnDisk } = this.#options;
    const total = entriesOnDisk();
    let report: VerifyReport = { checked: 0, intact: 0, damaged: [], unverifiable: 0 };
    let cursor: string | undefined;
    do {
      const step = await call({ type: 'verify', budgetMs: VERIFY_STEP_MS, cursor }, signal);
      report = {
        checked: report.checked + step.checked,
        intact: report.intact + step.intact,
        damaged: [...report.damaged, ...step.damaged],
        unverifiable: report.unverifiable + step.unverifiable,
      };
      cursor = step.cursor;
      onProgress?.({ done: report.checked, total: Math.max(total, report.checked) });
    } while (cursor !== undefined);
    return report;
  }

  /** The entries as one file, pulled as its reader wants them. */
  exportBundle({ collection, signal, onProgress }: ExportOptions): ReadableStream<Uint8Array<ArrayBuffer>> {
    const { namespace, nowMs } = this.#options;
    const entries = this.#export(collection, signal, onProgress);
    return writeBundle(withLabels(entries), { namespace, createdAtMs: nowMs(), signal });
  }

  /**
   * Stores the entries of a bundle, after all of it was checked.
   * @throws AudioCacheError `BUNDLE_INVALID`: nothing has changed then
   */
  async importBundle(
    source: BundleSource,
    { replace = false, signal, onProgress }: ImportOptions,
  ): Promise<ImportReport> {
    const { call } = this.#options;
    const { verify } = await createHashing();
    const bundle = await openBundle(await asBlob(source), { verify, signal });
    const counts = { imported: 0, kept: 0, refused: 0 };
    for await (const { metadata: given, bytes } of bundle.read()) {
      const { collections, pinned, ...metadata } = given;
      const labels = { collections, pinned };
      try {
        const request = { type: 'import-entry', metadata, bytes, labels, replaces: replace } as const;
        const isStored = await call(request, signal, [bytes]);
        if (isStored) counts.imported++;
        else counts.kept++;
      } catch (error) {
        if (!isRefusal(error)) throw error;
        counts.refused++;
      }
      onProgress?.({ done: counts.imported + counts.kept + counts.refused, total: bundle.entries });
    }
    return counts;
  }

  /**
   * The clips of a collection as one playable file, in the order in which they were added.
   * @throws AudioCacheError `INVALID_OPTIONS` for no such collection, `INVALID_AUDIO` for what cannot be joined
   */
  exportAudio(collection: string, { signal, onProgress }: LongOptions): Promise<Blob> {
    return joinAudio(withContentType(this.#export(collection, signal, onProgress)));
  }

  async *#export(
    collection: string | undefined,
    signal: AbortSignal | undefined,
    onProgress: LongOptions['onProgress'],
  ): AsyncGenerator<ExportedEntry> {
    const { call, entriesOnDisk } = this.#options;
    let done = 0;
    const keys = collection === undefined ? this.#allKeys(signal) : await this.#membersOf(collection, signal);
    const total = Array.isArray(keys) ? keys.length : entriesOnDisk();
    for await (const key of keys) {
      const entry = await call({ type: 'export-entry', key }, signal);
      if (entry !== undefined) yield entry;
      onProgress?.({ done: ++done, total: Math.max(total, done) });
    }
  }

  async *#allKeys(signal: AbortSignal | undefined): AsyncGenerator<string> {
    let cursor: string | undefined;
    do {
      const page = await this.#options.call({ type: 'entries', limit: PAGE_ENTRIES, cursor, sort: 'created' }, signal);
      for (const { key } of page.entries) yield key;
      cursor = page.cursor;
    } while (cursor !== undefined);
  }

  async #membersOf(collection: string, signal: AbortSignal | undefined): Promise<readonly string[]> {
    const details = await this.#options.call({ type: 'collection', name: collection }, signal);
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

/** What a cache does not take is no reason to leave the others. */
function isRefusal(error: unknown): boolean {
  return error instanceof AudioCacheError && (error.code === 'ENTRY_TOO_LARGE' || error.code === 'QUOTA_EXCEEDED');
}
