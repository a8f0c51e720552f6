/**
 * What a cache remembers beside its entries, across restarts: pins and collections, and what has been spent and counted.
 * One note of the store, written as a whole, since all of it together is small; several changes at once share a write.
 */
import type { Clock } from './clock';
import { isObject } from './protocol/is-object';
import type { JsonValue } from './protocol/values';

/** The form of the note. Another one is not read, and replaced with the next change. */
const NOTE_VERSION = 1;
/** What nobody waits for is written after this time. */
const WRITE_DELAY_MS = 1_000;

type Durability = 'relaxed' | 'durable';

/** What the state is made of. */
export interface KeptStateOptions {
  readonly clock: Clock;
  readonly read: () => Promise<Uint8Array<ArrayBuffer> | undefined>;
  /** May reject: the former note is then still there. */
  readonly write: (bytes: Uint8Array<ArrayBuffer>, durability: Durability) => Promise<void>;
  /** Each part as it is now, by name; undefined where there is nothing to keep. */
  readonly parts: Readonly<Record<string, () => JsonValue | undefined>>;
}

/** The parts of the state, and when they are written. */
export class KeptState {
  readonly #options: KeptStateOptions;
  #writing: Promise<void> | undefined;
  /** A write that begins after the present one, for all who asked meanwhile. */
  #next: Promise<void> | undefined;
  #nextDurability: Durability | undefined;
  #cancel: (() => void) | undefined;

  constructor(options: KeptStateOptions) {
    this.#options = options;
  }

  /** Resolves to the parts as they were kept last, unchecked; none when there is no note, or a damaged one. */
  async load(): Promise<Readonly<Record<string, unknown>>> {
    const bytes = await this.#options.read();
    if (bytes === undefined) return {};
    try {
      const note: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: false }));
      return isObject(note) && note.version === NOTE_VERSION && isObject(note.parts) ? note.parts : {};
    } catch {
      return {};
    }
  }

  /** Something has changed that is to be kept, soon. */
  changed(): void {
    this.#cancel ??= this.#options.clock.schedule(() => {
      this.#cancel = undefined;
      // The next change, or the next start of the cache, tries again.
      this.save('relaxed').catch(() => {});
    }, WRITE_DELAY_MS);
  }

  /** Whether a change waits to be written. */
  get hasChanged(): boolean {
    return this.#cancel !== undefined;
  }

  /**
   * Writes everything as it is now.
   * @throws AudioCacheError `STORE_UNAVAILABLE`, `QUOTA_EXCEEDED`
   */
  save(durability: Durability): Promise<void> {
    this.#cancel?.();
    this.#cancel = undefined;
    if (this.#writing === undefined) {
      const writing = this.#write(durability).finally(() => {
        this.#writing = undefined;
      });
      this.#writing = writing;
      return writing;
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

  async #write(durability: Durability): Promise<void> {
    const parts = Object.fromEntries(Object.entries(this.#options.parts).map(([name, part]) => [name, part()]));
    await this.#options.write(new TextEncoder().encode(JSON.stringify({ version: NOTE_VERSION, parts })), durability);
  }
}
