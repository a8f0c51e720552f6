/**
 * What a cache remembers beside its entries, across restarts: pins and collections, and what has been spent and counted.
 * One note of the store, written as a whole, since all of it together is small; several changes at once share a write.
 *
 * It is never written before it was read, or what was kept would be overwritten by what has happened since; and not at all as
 * long as it cannot be read.
 */
import type { Clock } from './clock';
import { isObject } from './protocol/is-object';
import type { JsonValue } from './protocol/values';

/** The form of the note. Another one is not read, and replaced with the next change. */
const NOTE_VERSION = 1;
/** What nobody waits for is written after this time. */
const WRITE_DELAY_MS = 1_000;
/** A disk that fails to read the note is asked so many times in all, at this distance. */
const READ_ATTEMPTS = 4;
const READ_DELAY_MS = 1_000;
/** A write that failed is tried again after this time, unless something else brings it about before. */
const RETRY_DELAY_MS = 30_000;

type Durability = 'relaxed' | 'durable';

/** The parts as they were kept, unchecked. */
export type KeptParts = Readonly<Record<string, unknown>>;

/** What the state is made of. */
export interface KeptStateOptions {
  readonly clock: Clock;
  /** Undefined: there is none, or it is damaged. Rejects when the disk fails. */
  readonly read: () => Promise<Uint8Array<ArrayBuffer> | undefined>;
  /** May reject: the former note is then still there. */
  readonly write: (bytes: Uint8Array<ArrayBuffer>, durability: Durability) => Promise<void>;
  /** Each part as it is now, by name; undefined where there is nothing to keep. */
  readonly parts: Readonly<Record<string, () => JsonValue | undefined>>;
  /** Takes in what was kept, before anything is written. */
  readonly onLoaded: (parts: KeptParts) => void;
}

/** The parts of the state, and when they are written. */
export class KeptState {
  /** Resolves once what was kept has been taken in, or cannot be read. */
  readonly loaded: Promise<void>;
  readonly #options: KeptStateOptions;
  #isReadable = false;
  #writing: Promise<void> | undefined;
  /** A write that begins after the present one, for all who asked meanwhile. */
  #next: Promise<void> | undefined;
  #nextDurability: Durability | undefined;
  #cancel: (() => void) | undefined;

  constructor(options: KeptStateOptions) {
    this.#options = options;
    this.loaded = this.#load();
  }

  /** Something has changed that is to be kept, soon. */
  changed(): void {
    this.#writeAfter(WRITE_DELAY_MS);
  }

  /** Whether a change waits to be written. */
  get hasChanged(): boolean {
    return this.#cancel !== undefined;
  }

  /**
   * Writes everything as it is now. If that fails it is tried again with the next change, `flush` or `close`.
   * @throws AudioCacheError `STORE_UNAVAILABLE`, `QUOTA_EXCEEDED`
   */
  async save(durability: Durability): Promise<void> {
    await this.loaded;
    this.#cancel?.();
    this.#cancel = undefined;
    if (!this.#isReadable) return;
    if (this.#writing === undefined) {
      this.#writing = this.#write(durability).finally(() => {
        this.#writing = undefined;
      });
      return this.#writing;
    }
    this.#nextDurability = durability === 'durable' ? 'durable' : (this.#nextDurability ?? 'relaxed');
    this.#next ??= this.#writing
      .catch(() => {})
      .then(() => {
        const next = this.#nextDurability ?? 'relaxed';
        this.#next = undefined;
        this.#nextDurability = undefined;
        return this.save(next);
      });
    return this.#next;
  }

  async #load(): Promise<void> {
    // So that whoever made this is complete by the time it is told.
    await undefined;
    for (let attempt = 1; attempt <= READ_ATTEMPTS && !this.#isReadable; attempt++) {
      try {
        const parts = partsOf(await this.#options.read());
        this.#isReadable = true;
        this.#options.onLoaded(parts);
      } catch {
        if (attempt < READ_ATTEMPTS) await this.#delay(READ_DELAY_MS);
      }
    }
  }

  #writeAfter(delayMs: number): void {
    this.#cancel ??= this.#options.clock.schedule(() => {
      this.#cancel = undefined;
      this.save('relaxed').catch(() => {});
    }, delayMs);
  }

  #delay(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.#options.clock.schedule(() => resolve(), delayMs);
    });
  }

  async #write(durability: Durability): Promise<void> {
    const parts = Object.fromEntries(Object.entries(this.#options.parts).map(([name, part]) => [name, part()]));
    const bytes = new TextEncoder().encode(JSON.stringify({ version: NOTE_VERSION, parts }));
    try {
      await this.#options.write(bytes, durability);
    } catch (error) {
      this.#writeAfter(RETRY_DELAY_MS);
      throw error;
    }
  }
}

/** The parts in a note; none of one that is damaged or of another form. */
function partsOf(bytes: Uint8Array<ArrayBuffer> | undefined): KeptParts {
  if (bytes === undefined) return {};
  try {
    const note: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: false }));
    return isObject(note) && note.version === NOTE_VERSION && isObject(note.parts) ? note.parts : {};
  } catch {
    return {};
  }
}
