/**
 * The read and the write path, in tier order. Start here.
 *
 * A request goes memory -> disk -> a synthesis already under way -> the origin, and what comes back is kept in the
 * tiers it passed. The tiers never call each other: this file alone knows their order. A tier that fails counts the
 * failure and the path goes on. The origin itself is not here but where its function lives (a page, a Node program):
 * this class grants the fill of a key to one caller and takes the audio from it.
 *
 * Longer than other files on purpose: the two paths are read together.
 *
 * Invariants: entries are immutable, a new one replaces a whole old one; every caller gets bytes of its own; only
 * complete and admitted audio is stored; and whatever an operation awaits, it looks again before it acts on what it
 * saw before.
 */
import { type AudioCandidate, admit, isPlayable, REFUSAL_TEXTS, type Refusal, SNIFF_BYTES } from './admission';
import { NOTHING, sum } from './amount';
import { type AudioCacheOptions, CacheParts } from './cache-parts';
import type { Clock } from './clock';
import { concatenate } from './concatenate';
import type { DiskTier } from './disk-tier';
import { createGiveWay } from './give-way';
import type { Hashing } from './hashing';
import { createIdPrefix } from './id-prefix';
import { Identifier, type Identity, type SpecIdentity } from './identity';
import type { Labels } from './labels';
import type { MemoryTier } from './memory-tier';
import type { Metrics } from './metrics/metrics';
import { type NowOrLater, proceed } from './now-or-later';
import { Promotions } from './promotions';
import { AudioCacheError, decodeError, type ErrorMessage } from './protocol/audio-cache-error';
import {
  type Address,
  type CacheEvent,
  type EntriesRequest,
  type ExportedEntry,
  FILL_LEASE_MS,
  type FillGrantedAnswer,
  type FillPendingAnswer,
  type FillResult,
  type HitAnswer,
  type ImportOutcome,
  type Labels as LabelsOfEntry,
  type PageReport,
  type PinTarget,
  RESUME_WINDOW_MS,
} from './protocol/messages';
import type {
  Amount,
  CacheConfig,
  CacheStats,
  CleanupReport,
  ClipSource,
  CollectionDeletion,
  CollectionDetails,
  CollectionsPage,
  ConfigChange,
  Durability,
  EntriesPage,
  Entry,
  EntryInfo,
  EntryMetadata,
  EntryOrigin,
  SpeechSpec,
  VerifyReport,
} from './protocol/values';
import { type CompletedFill, SingleFlight } from './single-flight';

/** The last moment that JavaScript has a date for (ECMA-262, "Time Values"). */
const MAX_DATE_MS = 8.64e15;

/** What a put may say beside the audio. */
export interface PutExtras {
  readonly labels?: LabelsOfEntry | undefined;
  /** The audio was synthesized for this cache, and is counted as paid for. */
  readonly isPaid?: boolean | undefined;
}

/** Memory, disk and the syntheses under way, behind one key. */
export class AudioCache {
  readonly #parts: CacheParts;
  readonly #hashing: Hashing;
  readonly #clock: Clock;
  readonly #emit: (event: CacheEvent) => void;
  readonly #metrics: Metrics;
  readonly #memory: MemoryTier;
  readonly #disk: DiskTier;
  readonly #labels: Labels;
  readonly #identifier: Identifier;
  readonly #promotions: Promotions;
  readonly #fills: SingleFlight<Entry>;
  /** While grants of the worker before may still be resumed. */
  #resuming: Promise<void> | undefined;
  /** Callers of `read` whose phrase is still being looked up. */
  readonly #lookingUp = new Set<string>();

  constructor(options: AudioCacheOptions) {
    const { config, hashing, clock, random, takesOver, emit } = options;
    const parts = new CacheParts(options);
    this.#parts = parts;
    this.#hashing = hashing;
    this.#clock = clock;
    this.#emit = emit;
    this.#metrics = parts.metrics;
    this.#memory = parts.memory;
    this.#disk = parts.disk;
    this.#labels = parts.labels;
    this.#identifier = new Identifier(hashing, config.speedMode);
    this.#promotions = new Promotions({ clock, promote: (key) => this.#promote(key) });
    this.#fills = new SingleFlight({
      clock,
      idPrefix: createIdPrefix(random),
      leaseMs: FILL_LEASE_MS,
      onAbandoned: (fillId) => emit({ type: 'fill-abandoned', fillId }),
    });
    if (!takesOver) return;
    this.#resuming = new Promise<void>((resolve) => {
      clock.schedule(() => resolve(), RESUME_WINDOW_MS);
    }).then(() => {
      this.#resuming = undefined;
    });
  }

  // ---------------------------------------------------------------------------------------------- the read path

  /** Returns the clip, or undefined on a miss. The caller owns the bytes. */
  async get(address: Address): Promise<HitAnswer | undefined> {
    const identifying = this.#identifier.identify(address);
    const { key, canonical } = identifying instanceof Promise ? await identifying : identifying;
    const looked = this.#lookUp(key, canonical);
    const found = looked instanceof Promise ? await looked : looked;
    if (found !== undefined) return this.#serve(found.entry, found.source);
    this.#metrics.miss(this.#parts.departures.reasonFor(key), this.#clock.nowMs());
    return undefined;
  }

  /** Returns the clip, or makes the caller part of its synthesis: the one who does it, or one who waits for it. */
  async read(callId: string, spec: SpeechSpec): Promise<HitAnswer | FillGrantedAnswer | FillPendingAnswer> {
    this.#lookingUp.add(callId);
    let hasLeft = false;
    let identity: SpecIdentity;
    let found: Found | undefined;
    try {
      const identifying = this.#identifier.identifySpec(spec);
      identity = identifying instanceof Promise ? await identifying : identifying;
      const looked = this.#lookUp(identity.key, identity.canonical);
      found = looked instanceof Promise ? await looked : looked;
      if (found === undefined && this.#resuming !== undefined) {
        await this.#resuming;
        // What was resumed may have completed, and gone to disk alone.
        found = await this.#lookUp(identity.key, identity.canonical);
      }
    } finally {
      hasLeft = !this.#lookingUp.delete(callId);
    }
    if (found !== undefined) return this.#serve(found.entry, found.source);
    // Granted now, the fill would have nobody to answer for it.
    if (hasLeft) throw new Error('The caller no longer waits for this clip');
    const { key, canonical } = identity;
    const joined = this.#fills.join({ key, canonical, spec }, callId);
    if (joined.type === 'pending') return { type: 'fill-pending', key };
    return this.#grant(key, joined.fillId, callId);
  }

  /** Notes that a phrase is to be paid for, and says why; refuses it when there is no money left. */
  #grant(key: string, fillId: string, callId: string): FillGrantedAnswer {
    const nowMs = this.#clock.nowMs();
    const reason = this.#parts.departures.reasonFor(key);
    this.#metrics.miss(reason, nowMs);
    if (!this.#parts.spending.mayStart(nowMs)) {
      // Whoever waits for the same phrase is refused as well.
      const error = budgetExceeded();
      this.#fills.fail(fillId, error);
      this.#fills.leave(callId, false);
      throw error;
    }
    return { type: 'fill-granted', key, fillId, reason };
  }

  /** Waits for the synthesis that `read` called pending; the caller may be the next to do it. */
  async awaitFill(callId: string): Promise<HitAnswer | FillGrantedAnswer> {
    const waiting = this.#fills.wait(callId);
    if (waiting === undefined)
      throw new AudioCacheError('WORKER_LOST', 'The worker that this call waited for is gone.');
    const outcome = await waiting;
    if (outcome.type === 'granted') {
      const key = this.#fills.keyOf(outcome.fillId);
      if (key === undefined) throw new TypeError(`Fill ${outcome.fillId} was granted and is unknown`);
      return this.#grant(key, outcome.fillId, callId);
    }
    const { metadata } = outcome.result;
    this.#metrics.joinedFill(metadata, this.#clock.nowMs());
    return { ...answerFor(outcome.result, 'origin'), joined: true };
  }

  /** Grants a synthesis that goes on from before this cache was opened; undefined when another one is under way here. */
  async resumeFill(callId: string, spec: SpeechSpec): Promise<FillGrantedAnswer | undefined> {
    const { key, canonical } = await this.#identifier.identifySpec(spec);
    const joined = this.#fills.join({ key, canonical, spec }, callId);
    if (joined.type === 'granted') return { type: 'fill-granted', key, fillId: joined.fillId };
    this.#fills.leave(callId, false);
    return undefined;
  }

  /** Memory, then what is on its way to disk, then disk, from where it goes up to memory soon. */
  #lookUp(key: string, canonical: string | undefined): NowOrLater<Found | undefined> {
    this.#promotions.giveWay();
    const held = this.#inMemory(key);
    this.#metrics.lookedUp('memory', held !== undefined, this.#clock.nowMs());
    return held ?? proceed(this.#disk.get(key, canonical), (stored) => this.#fromDisk(key, stored));
  }

  #fromDisk(key: string, stored: Entry | undefined): Found | undefined {
    // If the disk had to be waited for, a synthesis may have completed meanwhile.
    if (stored === undefined) {
      const held = this.#inMemory(key);
      if (held !== undefined) this.#metrics.lookedUp('memory', true, this.#clock.nowMs());
      return held;
    }
    const isWantedAbove =
      this.#memory.canHold(stored.bytes.byteLength) && this.#memory.peek(key, this.#clock.nowMs()) === undefined;
    if (isWantedAbove && this.#promotions.noteRead(key)) {
      this.#keepInMemory({ ...stored, bytes: stored.bytes.slice(0) });
    }
    return { entry: stored, source: 'disk' };
  }

  /** Brings up what was read from disk a moment ago, unless that has happened by now. */
  async #promote(key: string): Promise<void> {
    if (this.#memory.peek(key, this.#clock.nowMs()) !== undefined) return;
    const stored = await this.#disk.reread(key);
    if (stored !== undefined) this.#keepInMemory(stored);
  }

  #keepInMemory(entry: Entry): void {
    if (this.#memory.put(entry, this.#clock.nowMs(), this.#endOf(entry.metadata))) this.#metrics.promotions++;
  }

  /** When an entry ends, as of now. */
  #endOf({ key, expiresAtMs }: EntryMetadata): number {
    return this.#disk.isKept(key) ? Number.POSITIVE_INFINITY : expiresAtMs;
  }

  #inMemory(key: string): Found | undefined {
    const entry = this.#memory.get(key, this.#clock.nowMs()) ?? this.#disk.held(key);
    return entry && { entry, source: 'memory' };
  }

  #serve(entry: Entry, source: ClipSource): HitAnswer {
    this.#metrics.hit(entry.metadata, this.#clock.nowMs());
    return answerFor(entry, source);
  }

  // --------------------------------------------------------------------------------------------- the write path

  /** Takes a piece of audio of a fill. From a filler whose lease ran out it is dropped. */
  appendChunk(fillId: string, offsetBytes: number, chunk: ArrayBuffer): void {
    this.#fills.append(fillId, offsetBytes, chunk);
  }

  /**
   * Ends a fill: the audio goes to everybody who waits and, if admitted, into memory and on its way to disk. Resolves
   * to false when the fill is not this filler's (any more), who may then put the audio.
   */
  async completeFill(fillId: string, result: FillResult): Promise<boolean> {
    const fill = this.#fills.collect(fillId);
    if (fill === undefined) return false;
    try {
      await this.#takeAudio(fillId, fill, result);
    } catch (error) {
      this.#fills.fail(fillId, error);
    }
    return true;
  }

  async #takeAudio(fillId: string, { subject, chunks }: CompletedFill, result: FillResult): Promise<void> {
    const bytes = concatenate(chunks.map((chunk) => new Uint8Array(chunk)));
    const admission = admit(this.#candidate(bytes, subject.spec, result));
    this.#notePaid(subject.spec, result);
    if ('contentType' in admission) {
      const entry = await this.#createEntry(subject, bytes, admission.contentType, result, 'synthesis');
      // The write is not awaited: nobody waits for the disk to hear a clip. Until then a killed worker loses the entry.
      void this.#keep(entry, 'relaxed');
      this.#fills.settle(fillId, entry);
      return;
    }
    this.#metrics.errors.refused++;
    if (!isPlayable(admission.refusal)) throw invalidAudio(admission.refusal);
    this.#fills.settle(fillId, await this.#createEntry(subject, bytes, result.contentType, result, 'synthesis'));
  }

  /** Counts what a synthesis has cost. */
  #notePaid(spec: SpeechSpec | undefined, { synthesisMs }: FillResult): void {
    const characters = spec?.text.length ?? 0;
    this.#metrics.synthesized({ characters, synthesisMs }, this.#clock.nowMs());
    const { price, budget } = this.#parts.config;
    if (price === undefined || budget === undefined) return;
    this.#parts.spending.spend((characters / 1000) * price.perThousandCharacters, this.#clock.nowMs());
    this.#parts.state.changed();
  }

  /** Ends a fill without audio: with an error everybody who waits fails, without one the next of them is granted. */
  failFill(fillId: string, error: ErrorMessage | undefined): void {
    if (error === undefined) this.#fills.abandon(fillId);
    else this.#fills.fail(fillId, decodeError(error));
  }

  /** Keeps a fill granted to a filler that is still at work. */
  renewFill(fillId: string): void {
    this.#fills.renew(fillId);
  }

  /** A caller of `read` no longer wants its clip. */
  leaveFill(callId: string, hasBegun: boolean): void {
    this.#lookingUp.delete(callId);
    this.#fills.leave(callId, hasBegun);
  }

  /**
   * Stores audio from elsewhere and takes over its bytes. Resolves once it is as safe as asked.
   * @throws AudioCacheError `INVALID_KEY`, `INVALID_AUDIO`, `ENTRY_TOO_LARGE`; for durable puts and pinned ones
   * `STORE_UNAVAILABLE`, `QUOTA_EXCEEDED`
   */
  async put(
    address: Address,
    bytes: ArrayBuffer,
    result: FillResult,
    durability: Durability,
    { labels, isPaid = false }: PutExtras = {},
  ): Promise<string> {
    const identity = await this.#identifier.identify(address);
    const admission = admit(this.#candidate(bytes, identity.spec, result));
    if ('refusal' in admission) {
      if (admission.refusal === 'too-large') throw this.#entryTooLarge(bytes.byteLength);
      throw invalidAudio(admission.refusal);
    }
    const origin = isPaid ? 'synthesis' : 'put';
    const entry = await this.#createEntry(identity, bytes, admission.contentType, result, origin);
    if (isPaid) this.#notePaid(identity.spec, result);
    // First, since a pin that does not fit is to change nothing, and what is written unpinned may go at once. What is pinned
    // already is not to be lost for something larger that does not fit.
    const isLabelled = labels !== undefined || this.#labels.isPinned(identity.key);
    const takeBack = isLabelled ? await this.#labels.label(identity.key, labels ?? {}, bytes.byteLength) : undefined;
    const written = this.#keep(entry, durability === 'durable' ? 'durable' : 'relaxed', labels?.pinned);
    if (durability === 'memory' && !labels?.pinned) return identity.key;
    try {
      await written;
    } catch (error) {
      await takeBack?.();
      throw error;
    }
    return identity.key;
  }

  /**
   * Stores an entry of a bundle and takes over its bytes; `kept`: there is one under its key that is not to be replaced, which
   * then gets its labels all the same.
   * @throws AudioCacheError `INVALID_KEY`, `INVALID_AUDIO`, `ENTRY_TOO_LARGE`, `STORE_UNAVAILABLE`, `QUOTA_EXCEEDED`
   */
  async importEntry(
    given: EntryMetadata,
    bytes: ArrayBuffer,
    labels: LabelsOfEntry,
    replaces: boolean,
  ): Promise<ImportOutcome> {
    const { key } = await this.#identifier.identify({ key: given.key });
    if (bytes.byteLength > this.#parts.config.maxEntryBytes) throw this.#entryTooLarge(bytes.byteLength);
    const isIntact = this.#hashing.verify(bytes, given.checksum) !== 'mismatch';
    if (!isIntact || bytes.byteLength !== given.byteLength) {
      throw new AudioCacheError('INVALID_AUDIO', 'Not imported: the audio is not what its checksum says.');
    }
    const isThere = await this.has({ key });
    const isStored = !isThere || replaces;
    if (isStored && given.expiresAtMs <= this.#clock.nowMs() && !labels.pinned) return 'expired';
    const takeBack = await this.#labels.label(key, labels, isStored ? bytes.byteLength : undefined);
    if (!isStored) return 'kept';
    const spec = this.#parts.config.storeText ? given.spec : undefined;
    const entry = { metadata: { ...given, key, spec, origin: 'bundle' }, bytes } as const;
    try {
      await this.#keep(entry, 'relaxed', this.#disk.kind !== 'none');
      return 'stored';
    } catch (error) {
      await takeBack();
      throw error;
    }
  }

  /**
   * Puts an entry into memory and on its way to disk; resolves once it is there, or cannot be, and rejects then if it is
   * required to be.
   */
  #keep(entry: Entry, durability: Exclude<Durability, 'memory'>, isRequired?: boolean): Promise<boolean> {
    const { key, byteLength } = entry.metadata;
    this.#parts.departures.forget(key);
    const isInMemory = this.#memory.put(entry, this.#clock.nowMs(), this.#endOf(entry.metadata));
    if (isInMemory) this.#metrics.tiers.memory.puts++;
    const written = this.#disk.put(entry, durability, isRequired);
    // Not everybody waits for it.
    written.catch(() => {});
    if (isInMemory || this.#disk.kind !== 'none') this.#emit({ type: 'entry-added', key, byteLength });
    return written;
  }

  async #createEntry(
    { key, canonical, spec }: Identity,
    bytes: ArrayBuffer,
    contentType: string,
    result: FillResult,
    origin: EntryOrigin,
  ): Promise<Entry> {
    const createdAtMs = this.#clock.nowMs();
    const expiresAtMs = createdAtMs + (result.ttlMs ?? this.#parts.config.disk.ttlMs);
    const fingerprint = canonical === undefined ? undefined : await this.#hashing.fingerprint(canonical);
    const metadata: EntryMetadata = {
      key,
      contentType,
      byteLength: bytes.byteLength,
      createdAtMs,
      // Beyond what a date can be, it is never.
      expiresAtMs: expiresAtMs > MAX_DATE_MS ? Number.POSITIVE_INFINITY : expiresAtMs,
      characters: spec?.text.length ?? 0,
      synthesisMs: result.synthesisMs,
      checksum: this.#hashing.checksum(bytes),
      fingerprint,
      spec: this.#parts.config.storeText ? spec : undefined,
      custom: result.custom,
      ttlMs: result.ttlMs,
      origin,
    };
    return { metadata, bytes };
  }

  #candidate(
    bytes: ArrayBuffer,
    spec: SpeechSpec | undefined,
    { byteLength, contentType }: FillResult,
  ): AudioCandidate {
    return {
      head: new Uint8Array(bytes, 0, Math.min(SNIFF_BYTES, bytes.byteLength)),
      byteLength: bytes.byteLength,
      declaredType: contentType,
      announcedLength: byteLength,
      format: spec?.format,
      maxEntryBytes: this.#parts.config.maxEntryBytes,
    };
  }

  // ------------------------------------------------------------------------------------------------- management

  /** True when memory or disk holds an unexpired entry. Counts as no request and as no access. */
  async has(address: Address): Promise<boolean> {
    const { key } = await this.#identifier.identify(address);
    if (this.#memory.peek(key, this.#clock.nowMs()) !== undefined) return true;
    return (await this.#disk.getMetadata(key)) !== undefined;
  }

  /** Removes an entry from memory and disk, pinned or not; resolves to whether there was one. */
  async delete(address: Address): Promise<boolean> {
    // Without waiting where `get` does not wait either: one that is asked for after this call is not to overtake it.
    const identifying = this.#identifier.identify(address);
    const { key } = identifying instanceof Promise ? await identifying : identifying;
    const wasInMemory = this.#memory.delete(key);
    // Both begun before either is waited for: what comes after this call is not to be forgotten by it.
    const [wasOnDisk] = await Promise.all([this.#disk.delete(key), this.#labels.forget(key)]);
    if (!wasInMemory && !wasOnDisk) return false;
    this.#parts.departures.note(key, 'deleted');
    this.#emit({ type: 'entry-deleted', key });
    return true;
  }

  /** Removes every entry from memory and disk, or with `sparesPins` all that are not pinned. */
  async clear(sparesPins = true): Promise<void> {
    this.#memory.clear();
    await Promise.all([this.#disk.clear(sparesPins), this.#labels.forgetAll(sparesPins)]);
    this.#emit({ type: 'cleared' });
  }

  /** Removes what has expired and evicts down to the low-water marks; with a budget, for about that long. */
  cleanup(budgetMs?: number): Promise<CleanupReport> {
    return this.#parts.upkeep.cleanup(budgetMs);
  }

  /** Cleans up on schedule from now on. */
  startCleanup(): void {
    this.#parts.upkeep.start();
  }

  /** Cleans up when asked, and above the high-water marks, only. */
  stopCleanup(): void {
    this.#parts.upkeep.stop();
  }

  /** Changes limits and the like; resolves to the whole configuration. What is above a lower limit goes soon. */
  configure(change: ConfigChange): CacheConfig {
    return this.#parts.configure(change);
  }

  /** A page of entries. */
  entries(request: EntriesRequest): Promise<EntriesPage> {
    return this.#parts.overview.entries(request);
  }

  /** All that is known about an entry; undefined when neither memory nor disk holds it. */
  async info(address: Address): Promise<EntryInfo | undefined> {
    const { key } = await this.#identifier.identify(address);
    return this.#parts.overview.info(key);
  }

  /** Checks entries on disk from the cursor on, for about `budgetMs`; damaged ones are never served again. */
  verify(
    budgetMs: number,
    cursor: string | undefined,
  ): Promise<VerifyReport & { readonly cursor?: string | undefined }> {
    return this.#parts.upkeep.verify(budgetMs, cursor);
  }

  /** Adds an entry, present or to come, to collections, and pins it, as labelled. @throws as `Labels.label` */
  async label(address: Address, labels: LabelsOfEntry): Promise<void> {
    const { key } = await this.#identifier.identify(address);
    await this.#labels.label(key, labels);
  }

  /** Pins an entry or a collection, or takes that back; resolves to what of it is pinned now. @throws as `Labels.pin` */
  async pin(target: PinTarget, isPinned: boolean): Promise<Amount> {
    if ('collection' in target) return this.#labels.pinCollection(target.collection, isPinned);
    const { key } = await this.#identifier.identify(target.address);
    return this.#labels.pin(key, isPinned);
  }

  /** A page of collections, by name. */
  collections(limit: number, cursor?: string, search?: string): Promise<CollectionsPage> {
    return this.#labels.collections(limit, cursor, search);
  }

  /** A collection with its members. */
  collection(name: string): Promise<CollectionDetails | undefined> {
    return this.#labels.collection(name);
  }

  /** All members live for `ttlMs` from now on, or for their own time again; resolves to how many there are. */
  async touchCollection(name: string, ttlMs: number | undefined): Promise<number> {
    return this.#disk.extend((await this.#labels.membersOf(name)) ?? [], ttlMs);
  }

  /**
   * Deletes the audio of a collection that nothing else holds, unless it is to be kept, and then forgets the collection: cut off
   * in between, it is there to be deleted again.
   */
  async deleteCollection(name: string, keepsAudio: boolean): Promise<CollectionDeletion> {
    const keys = (await this.#labels.membersOf(name)) ?? [];
    const giveWay = createGiveWay(this.#clock);
    let deleted = NOTHING;
    for (const key of keepsAudio ? [] : keys) {
      await giveWay();
      // Looked at now, since it may have been pinned or added elsewhere meanwhile.
      if (this.#labels.isHeldBeside(key, name)) continue;
      const byteLength = (await this.#parts.overview.info(key))?.byteLength ?? 0;
      if (await this.delete({ key })) deleted = sum(deleted, { entries: 1, bytes: byteLength });
    }
    const isForgotten = await this.#labels.forgetCollection(name);
    return { existed: isForgotten || keys.length > 0, deleted };
  }

  /** Everything about an entry, with bytes that are the caller's; counted neither as a request nor as a use. */
  async exportEntry(key: string): Promise<ExportedEntry | undefined> {
    const held = this.#memory.peek(key, this.#clock.nowMs())?.entry;
    const entry = held === undefined ? await this.#disk.peek(key) : { ...held, bytes: held.bytes.slice(0) };
    const labels = { collections: this.#labels.collectionsOf(key), pinned: this.#labels.isPinned(key) };
    return entry && { ...entry, ...labels };
  }

  /**
   * Resolves if another synthesis may be paid for.
   * @throws AudioCacheError `SYNTHESIS_FAILED` with the reason `budget`
   */
  assertMaySynthesize(): void {
    if (!this.#parts.spending.mayStart(this.#clock.nowMs())) throw budgetExceeded();
  }

  /** Notes what pages know and workers do not. */
  report({ served, failedSyntheses, failedRequests, heapRatio }: PageReport): void {
    for (const { source, latencyMs } of served) this.#metrics.latencies[source].record(latencyMs);
    this.#metrics.errors.synthesis += failedSyntheses;
    this.#metrics.failedRequests(failedRequests, this.#clock.nowMs());
    this.#parts.overview.noteHeap(heapRatio);
  }

  /** Somebody wrote into a channel of the tabs what is no message. */
  noteIgnoredMessage(): void {
    this.#metrics.errors.ignoredMessages++;
  }

  /** The browser was asked to keep the storage. */
  storageChanged(): Promise<void> {
    return this.#parts.upkeep.readStorage();
  }

  /** How well the cache works and what it holds. */
  stats(): CacheStats {
    return this.#parts.overview.stats();
  }

  /** Resolves once everything accepted so far survives power loss, as far as there is a working store. */
  async flush(): Promise<void> {
    this.#memory.reportUses();
    await this.#saveState('durable');
    await this.#disk.flush();
  }

  /** Finishes what was begun, writes what is pending and lets go of the store. */
  async close(): Promise<void> {
    this.#parts.upkeep.stop();
    this.#memory.reportUses();
    await this.#saveState('relaxed');
    await this.#disk.close();
    this.#memory.clear();
  }

  // ----------------------------------------------------------------------------------------------------- inside

  /** Writes what is kept beside the entries, if it has changed; a disk that fails says so elsewhere. */
  async #saveState(durability: 'relaxed' | 'durable'): Promise<void> {
    if (this.#parts.state.hasChanged || this.#parts.config.keepTotals)
      await this.#parts.state.save(durability).catch(() => {});
  }

  #entryTooLarge(byteLength: number): AudioCacheError {
    return new AudioCacheError(
      'ENTRY_TOO_LARGE',
      `The audio has ${byteLength} bytes and an entry may have ${this.#parts.config.maxEntryBytes}; raise maxEntryBytes or split the text.`,
    );
  }
}

interface Found {
  readonly entry: Entry;
  readonly source: 'memory' | 'disk';
}

/**
 * The entry as one caller gets it: a copy, since a decoder detaches the buffer it is given. What comes from disk is the
 * caller's already.
 */
function answerFor(entry: Entry, source: ClipSource): HitAnswer {
  const { key, contentType, createdAtMs, expiresAtMs, characters, synthesisMs, custom } = entry.metadata;
  const bytes = source === 'disk' ? entry.bytes : entry.bytes.slice(0);
  const answer = {
    type: 'hit',
    key,
    source,
    bytes,
    contentType,
    createdAtMs,
    expiresAtMs,
    characters,
    synthesisMs,
  } as const;
  return custom === undefined ? answer : { ...answer, custom };
}

function budgetExceeded(): AudioCacheError {
  const message =
    'The budget is spent, so nothing more is synthesized in this period; cached clips still play. Raise it with configure({ budget }).';
  return new AudioCacheError('SYNTHESIS_FAILED', message, { reason: 'budget', attempts: 0 });
}

function invalidAudio(refusal: Refusal): AudioCacheError {
  return new AudioCacheError('INVALID_AUDIO', `Not stored: the audio ${REFUSAL_TEXTS[refusal]}.`);
}
