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
import { CacheOverview } from './cache-overview';
import type { Clock } from './clock';
import { concatenate } from './concatenate';
import { DiskTier } from './disk-tier';
import type { Hashing } from './hashing';
import { createIdPrefix } from './id-prefix';
import { Identifier, type Identity, type SpecIdentity } from './identity';
import { MemoryTier } from './memory-tier';
import { Metrics } from './metrics/metrics';
import { Promotions } from './promotions';
import { AudioCacheError, decodeError, type ErrorMessage } from './protocol/audio-cache-error';
import {
  type Address,
  type CacheEvent,
  FILL_LEASE_MS,
  type FillGrantedAnswer,
  type FillPendingAnswer,
  type FillResult,
  type HitAnswer,
  type MetricsAnswer,
  type ServedSample,
} from './protocol/messages';
import type {
  CacheConfig,
  CacheStats,
  CleanupReport,
  ClipSource,
  Durability,
  EntriesPage,
  Entry,
  EntryInfo,
  EntryMetadata,
  SpeechSpec,
} from './protocol/values';
import { type CompletedFill, SingleFlight } from './single-flight';
import type { AudioStore } from './storage/store';

/** What a cache is made of. */
export interface AudioCacheOptions {
  readonly config: CacheConfig;
  readonly hashing: Hashing;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Undefined: memory only. */
  readonly store: AudioStore | undefined;
  /** Why there is no store, when there should be one. */
  readonly storeError?: AudioCacheError | undefined;
  readonly emit: (event: CacheEvent) => void;
}

/** Memory, disk and the syntheses under way, behind one key. */
export class AudioCache {
  readonly #config: CacheConfig;
  readonly #hashing: Hashing;
  readonly #clock: Clock;
  readonly #emit: (event: CacheEvent) => void;
  readonly #metrics: Metrics;
  readonly #memory: MemoryTier;
  readonly #disk: DiskTier;
  readonly #fills: SingleFlight<Entry>;
  readonly #overview: CacheOverview;
  readonly #identifier: Identifier;
  readonly #promotions: Promotions;
  /** Callers of `read` whose phrase is still being looked up. */
  readonly #lookingUp = new Set<string>();

  constructor({ config, hashing, clock, random, store, storeError, emit }: AudioCacheOptions) {
    const nowMs = clock.nowMs();
    this.#config = config;
    this.#hashing = hashing;
    this.#clock = clock;
    this.#emit = emit;
    this.#identifier = new Identifier(hashing, config.speedMode);
    this.#metrics = new Metrics(nowMs);
    this.#memory = new MemoryTier(config.memory, nowMs, {
      onRemoval: (reason, { entries, bytes }) => {
        if (reason === 'expired') this.#metrics.tiers.memory.expirations += entries;
        else this.#metrics.tiers.memory.evictions += entries;
        emit({ type: 'entries-removed', tier: 'memory', reason, entries, bytes });
      },
      onUse: (key, usedAtMs) => this.#disk.touch(key, usedAtMs),
    });
    const fallBackToMemory = (error: AudioCacheError) => {
      emit({ type: 'warning', message: this.#overview.noteLostStore(error) });
    };
    this.#disk = new DiskTier({
      store,
      config: config.disk,
      hashing,
      clock,
      metrics: this.#metrics,
      onRemoval: (reason, amount) => emit({ type: 'entries-removed', tier: 'disk', reason, ...amount }),
      onLost: (error) => fallBackToMemory(error),
    });
    this.#overview = new CacheOverview({
      config,
      clock,
      metrics: this.#metrics,
      memory: this.#memory,
      disk: this.#disk,
    });
    this.#promotions = new Promotions({ clock, promote: (key) => this.#promote(key) });
    this.#fills = new SingleFlight({
      clock,
      idPrefix: createIdPrefix(random),
      leaseMs: FILL_LEASE_MS,
      onAbandoned: (fillId) => emit({ type: 'fill-abandoned', fillId }),
    });
    if (storeError !== undefined) fallBackToMemory(storeError);
  }

  // ---------------------------------------------------------------------------------------------- the read path

  /** Returns the clip, or undefined on a miss. The caller owns the bytes. */
  async get(address: Address): Promise<HitAnswer | undefined> {
    const { key, canonical } = await this.#identifier.identify(address);
    const looked = this.#lookUp(key, canonical);
    const found = looked instanceof Promise ? await looked : looked;
    if (found !== undefined) return this.#serve(found.entry, found.source);
    this.#metrics.miss(this.#clock.nowMs());
    return undefined;
  }

  /** Returns the clip, or makes the caller part of its synthesis: the one who does it, or one who waits for it. */
  async read(callId: string, spec: SpeechSpec): Promise<HitAnswer | FillGrantedAnswer | FillPendingAnswer> {
    this.#lookingUp.add(callId);
    let hasLeft = false;
    let identity: SpecIdentity;
    let found: Found | undefined;
    try {
      identity = await this.#identifier.identifySpec(spec);
      const looked = this.#lookUp(identity.key, identity.canonical);
      found = looked instanceof Promise ? await looked : looked;
    } finally {
      hasLeft = !this.#lookingUp.delete(callId);
    }
    if (found !== undefined) return this.#serve(found.entry, found.source);
    // Granted now, the fill would have nobody to answer for it.
    if (hasLeft) throw new Error('The caller no longer waits for this clip');
    const { key, canonical } = identity;
    const joined = this.#fills.join({ key, canonical, spec }, callId);
    if (joined.type === 'pending') return { type: 'fill-pending', key };
    this.#metrics.miss(this.#clock.nowMs());
    return { type: 'fill-granted', key, fillId: joined.fillId };
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
      this.#metrics.miss(this.#clock.nowMs());
      return { type: 'fill-granted', key, fillId: outcome.fillId };
    }
    const { metadata } = outcome.result;
    this.#metrics.joinedFill(metadata);
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
  #lookUp(key: string, canonical: string | undefined): Found | undefined | Promise<Found | undefined> {
    this.#promotions.giveWay();
    const held = this.#inMemory(key);
    this.#metrics.lookedUp('memory', held !== undefined, this.#clock.nowMs());
    return held ?? this.#lookUpOnDisk(key, canonical);
  }

  async #lookUpOnDisk(key: string, canonical: string | undefined): Promise<Found | undefined> {
    const stored = await this.#disk.get(key, canonical);
    // While the disk was read a synthesis may have completed.
    if (stored === undefined) return this.#inMemory(key);
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
    if (this.#memory.put(entry, this.#clock.nowMs())) this.#metrics.promotions++;
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
    if ('contentType' in admission) {
      const entry = await this.#createEntry(subject, bytes, admission.contentType, result);
      // The write is not awaited: nobody waits for the disk to hear a clip. Until then a killed worker loses the entry.
      void this.#keep(entry, 'relaxed');
      this.#fills.settle(fillId, entry);
      return;
    }
    this.#metrics.errors.refused++;
    if (!isPlayable(admission.refusal)) throw invalidAudio(admission.refusal);
    this.#fills.settle(fillId, await this.#createEntry(subject, bytes, result.contentType, result));
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
   * @throws AudioCacheError `INVALID_KEY`, `INVALID_AUDIO`, `ENTRY_TOO_LARGE`; for durable puts `STORE_UNAVAILABLE`,
   * `QUOTA_EXCEEDED`
   */
  async put(address: Address, bytes: ArrayBuffer, result: FillResult, durability: Durability): Promise<string> {
    const identity = await this.#identifier.identify(address);
    const admission = admit(this.#candidate(bytes, identity.spec, result));
    if ('refusal' in admission) {
      if (admission.refusal === 'too-large') throw this.#entryTooLarge(bytes.byteLength);
      throw invalidAudio(admission.refusal);
    }
    const entry = await this.#createEntry(identity, bytes, admission.contentType, result);
    const written = this.#keep(entry, durability === 'durable' ? 'durable' : 'relaxed');
    if (durability !== 'memory') await written;
    return identity.key;
  }

  /** Puts an entry into memory and on its way to disk; resolves once it is there, or cannot be. */
  #keep(entry: Entry, durability: Exclude<Durability, 'memory'>): Promise<boolean> {
    const { key, byteLength } = entry.metadata;
    const isInMemory = this.#memory.put(entry, this.#clock.nowMs());
    if (isInMemory) this.#metrics.tiers.memory.puts++;
    const written = this.#disk.put(entry, durability);
    if (isInMemory || this.#disk.kind !== 'none') this.#emit({ type: 'entry-added', key, byteLength });
    return written;
  }

  async #createEntry(
    { key, canonical, spec }: Identity,
    bytes: ArrayBuffer,
    contentType: string,
    result: FillResult,
  ): Promise<Entry> {
    const createdAtMs = this.#clock.nowMs();
    const fingerprint = canonical === undefined ? undefined : await this.#hashing.fingerprint(canonical);
    const metadata: EntryMetadata = {
      key,
      contentType,
      byteLength: bytes.byteLength,
      createdAtMs,
      expiresAtMs: createdAtMs + (result.ttlMs ?? this.#config.disk.ttlMs),
      characters: spec?.text.length ?? 0,
      synthesisMs: result.synthesisMs,
      checksum: this.#hashing.checksum(bytes),
      fingerprint,
      spec: this.#config.storeText ? spec : undefined,
      custom: result.custom,
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
      maxEntryBytes: this.#config.maxEntryBytes,
    };
  }

  // ------------------------------------------------------------------------------------------------- management

  /** True when memory or disk holds an unexpired entry. Counts as no request and as no access. */
  async has(address: Address): Promise<boolean> {
    const { key } = await this.#identifier.identify(address);
    if (this.#memory.peek(key, this.#clock.nowMs()) !== undefined) return true;
    return (await this.#disk.getMetadata(key)) !== undefined;
  }

  /** Removes an entry from memory and disk; resolves to whether there was one. */
  async delete(address: Address): Promise<boolean> {
    const { key } = await this.#identifier.identify(address);
    const wasInMemory = this.#memory.delete(key);
    const wasOnDisk = await this.#disk.delete(key);
    if (wasInMemory || wasOnDisk) this.#emit({ type: 'entry-deleted', key });
    return wasInMemory || wasOnDisk;
  }

  /** Removes every entry from memory and disk. */
  async clear(): Promise<void> {
    this.#memory.clear();
    await this.#disk.clear();
    this.#emit({ type: 'cleared' });
  }

  /** Removes what has expired and evicts down to the low-water marks; with a budget, for that long on disk. */
  async cleanup(budgetMs?: number): Promise<CleanupReport> {
    const memory = this.#memory.cleanup(this.#clock.nowMs());
    const { complete, ...disk } = await this.#disk.cleanup(budgetMs);
    return { memory, disk, complete };
  }

  /** Entries by last access, latest first. */
  entries(limit: number, cursor?: string): Promise<EntriesPage> {
    return this.#overview.entries(limit, cursor);
  }

  /** All that is known about an entry; undefined when neither memory nor disk holds it. */
  async info(address: Address): Promise<EntryInfo | undefined> {
    const { key } = await this.#identifier.identify(address);
    return this.#overview.info(key);
  }

  /** Notes how long clips took as their callers saw it, and how many syntheses failed for good. */
  report(served: readonly ServedSample[], failedSyntheses: number): void {
    for (const { source, latencyMs } of served) this.#metrics.latencies[source].record(latencyMs);
    this.#metrics.errors.synthesis += failedSyntheses;
  }

  /** Somebody wrote into a channel of the tabs what is no message. */
  noteIgnoredMessage(): void {
    this.#metrics.errors.ignoredMessages++;
  }

  /** How well the cache works and what it holds. */
  stats(): CacheStats {
    return this.#overview.stats();
  }

  /** Everything that is exported to a monitoring system. */
  metrics(): MetricsAnswer {
    return { stats: this.stats(), histograms: this.#metrics.histograms() };
  }

  /** Resolves once everything accepted so far survives power loss, as far as there is a working store. */
  flush(): Promise<void> {
    return this.#disk.flush();
  }

  /** Writes what is pending and lets go of the store. */
  async close(): Promise<void> {
    await this.#disk.close();
    this.#memory.clear();
  }

  // ----------------------------------------------------------------------------------------------------- inside

  #entryTooLarge(byteLength: number): AudioCacheError {
    return new AudioCacheError(
      'ENTRY_TOO_LARGE',
      `The audio has ${byteLength} bytes and an entry may have ${this.#config.maxEntryBytes}; raise maxEntryBytes or split the text.`,
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

function invalidAudio(refusal: Refusal): AudioCacheError {
  return new AudioCacheError('INVALID_AUDIO', `Not stored: the audio ${REFUSAL_TEXTS[refusal]}.`);
}
