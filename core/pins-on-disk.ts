/**
 * The books of what is pinned: how much of the disk it takes, and whether more fits.
 *
 * Pins are weighed by what their records take on the disk, as the limit is. They may take up to the low-water mark, or cleaning
 * up could never reach it. What was pinned before it was there, and then does not fit, is kept as any other entry.
 */
import { AudioCacheError } from './protocol/audio-cache-error';
import type { Amount } from './protocol/values';
import type { EntrySummary } from './storage/store';

/** What a pinned entry takes. */
export type PinnedSize = Pick<EntrySummary, 'byteLength' | 'bytesOnDisk'>;

const NO_SIZE: PinnedSize = { byteLength: 0, bytesOnDisk: 0 };
/** What an entry takes beside its audio, before that is known: its record's head, the metadata in it, and padding. */
const RECORD_OVERHEAD_BYTES = 512;

/** What audio that is not written yet will take, about. */
export function sizeOf(byteLength: number): PinnedSize {
  return { byteLength, bytesOnDisk: byteLength + RECORD_OVERHEAD_BYTES };
}

/** What the books are kept by. */
export interface PinsOnDiskOptions {
  readonly isPinned: (key: string) => boolean;
  /** Bytes of the disk that pins may take, as of now. */
  readonly capacityBytes: () => number;
}

/** Pinned entries that are there or about to be. */
export class PinsOnDisk {
  readonly #options: PinsOnDiskOptions;
  readonly #sizeByKey = new Map<string, PinnedSize>();
  readonly #unpinnableKeys = new Set<string>();
  /** Sums over `#sizeByKey`. */
  #audioBytes = 0;
  #bytesOnDisk = 0;

  constructor(options: PinsOnDiskOptions) {
    this.#options = options;
  }

  /** How many there are, and their audio bytes. */
  get amount(): Amount {
    return { entries: this.#sizeByKey.size, bytes: this.#audioBytes };
  }

  /** What they take on the disk. */
  get bytesOnDisk(): number {
    return this.#bytesOnDisk;
  }

  /** Whether an entry is kept whatever comes: it is pinned, and fits. */
  isKept(key: string): boolean {
    return this.#options.isPinned(key) && !this.#unpinnableKeys.has(key);
  }

  /** What a pinned entry takes on the disk; 0 for others. */
  bytesOf(key: string): number {
    return this.#sizeByKey.get(key)?.bytesOnDisk ?? 0;
  }

  /** Notes what a pinned entry takes; undefined: it is gone, or pinned no more. */
  note(key: string, size: PinnedSize | undefined): void {
    const before = this.#sizeByKey.get(key) ?? NO_SIZE;
    const { byteLength, bytesOnDisk } = size ?? NO_SIZE;
    this.#audioBytes += byteLength - before.byteLength;
    this.#bytesOnDisk += bytesOnDisk - before.bytesOnDisk;
    if (size === undefined) this.#sizeByKey.delete(key);
    else this.#sizeByKey.set(key, { byteLength, bytesOnDisk });
  }

  /** Forgets all that is not pinned any more. */
  forgetOthers(): void {
    for (const key of [...this.#sizeByKey.keys()]) if (!this.isKept(key)) this.note(key, undefined);
  }

  /** Asked to be pinned anew, a key is tried anew. */
  giveAnotherChance(key: string): void {
    this.#unpinnableKeys.delete(key);
  }

  /** An entry is about to be written. False: it is pinned and does not fit, and is kept as any other from now on. */
  admit(key: string, byteLength: number): boolean {
    if (!this.isKept(key)) return true;
    if (this.#fits(sizeOf(byteLength).bytesOnDisk - this.bytesOf(key))) return true;
    this.#unpinnableKeys.add(key);
    this.note(key, undefined);
    return false;
  }

  /**
   * Returns if pins may take so much more.
   * @throws AudioCacheError `QUOTA_EXCEEDED`
   */
  assertFits(addedBytes: number): void {
    if (this.#fits(addedBytes)) return;
    const leftBytes = Math.max(0, Math.floor(this.#options.capacityBytes() - this.#bytesOnDisk));
    throw new AudioCacheError(
      'QUOTA_EXCEEDED',
      `Pinning ${addedBytes} more bytes does not fit: pins may take another ${leftBytes}, up to disk.maxBytes x disk.lowWater. Nothing was removed; raise disk.maxBytes or unpin something.`,
    );
  }

  #fits(addedBytes: number): boolean {
    return addedBytes <= 0 || this.#bytesOnDisk + addedBytes <= this.#options.capacityBytes();
  }
}
