/**
 * Empties one segment: what lives in it is written to the end of the log, so that the file can be given back. In steps
 * of a few milliseconds, between which everything else goes on.
 *
 * Removals that somebody asked for are kept as long as a segment exists that may hold a record they make invalid:
 * without checkpoints the index is rebuilt from the log alone, and what was deleted must not come back then. Killed at
 * any moment: the records are there once or twice, which is the same. The segment is given up only after the copies are
 * safe from power loss, which in a browser takes a file of some age, unless the originals lie in a young one themselves.
 */
import type { ChecksumVerdict } from '../checksums';
import type { Checksum } from '../protocol/values';
import { readWhole } from './checked-io';
import { type EntryIndex, NONE } from './entry-index';
import { FILE_HEADER_BYTES } from './file-header';
import type { Log } from './log';
import {
  decodeRemovals,
  encodeRemovals,
  keyWordsOf,
  type RecordHeader,
  type RemovalItem,
  removalsBytes,
  type Seal,
  setRecordUse,
} from './record';
import type { Segment } from './segment';
import { type ReadRequest, type ScanEnd, scanRecords } from './segment-scan';

/** A step copies about as much, some 2 ms in a browser. */
const STEP_BYTES = 1024 * 1024;
/** What a head that was found counts for in a step, beside what is copied: it is read, hashed and looked up. */
const FOUND_RECORD_COST_BYTES = 1_024;
/** Items of one removal record. */
export const REMOVALS_PER_RECORD = 1_000;

/** What a compaction works on. */
export interface CompactionOptions {
  readonly log: Log;
  readonly index: EntryIndex;
  readonly seal: Seal;
  /** Entries used before this are evicted instead of copied, unless they are protected. */
  readonly evictUsedBeforeMs: number;
  /**
   * A flush failed, and nobody knows what the file holds: bodies are checked too, nothing is evicted, and a file that
   * is too young for the copies is better than none.
   */
  readonly isRescue: boolean;
  readonly verify: (bytes: ArrayBuffer, checksum: Checksum) => ChecksumVerdict;
  /** An entry is to be forgotten: it was damaged, or not worth copying. */
  readonly onGone: (slot: number, reason: 'damaged' | 'evicted') => void;
}

interface Found {
  readonly header: RecordHeader;
  readonly head: Uint8Array;
  readonly offsetBytes: number;
}

/** The emptying of one segment. */
export class Compaction {
  readonly victim: Segment;
  readonly #options: CompactionOptions;
  readonly #scan: Generator<ReadRequest, ScanEnd, Uint8Array>;
  #found: Found[] = [];
  readonly #removals: RemovalItem[] = [];
  #isUnreadable = false;
  /** What the scan asks for, or how it ended. */
  #next: IteratorResult<ReadRequest, ScanEnd>;

  constructor(victim: Segment, options: CompactionOptions) {
    this.victim = victim;
    this.#options = options;
    this.#scan = scanRecords(
      { seal: options.seal, salt: victim.salt, fromBytes: FILE_HEADER_BYTES, fileBytes: victim.endBytes },
      ({ header, head, offsetBytes }) => this.#found.push({ header, head: head.slice(), offsetBytes }),
    );
    this.#next = this.#scan.next();
  }

  /**
   * Copies some more. `done`: nothing in the segment lives any more, or somebody else has given it back; `blocked`:
   * there is no file yet that copies are safe in; `unreadable`: the disk fails to read the segment, of which nothing is
   * given up.
   * @throws AudioCacheError `QUOTA_EXCEEDED`, `STORE_UNAVAILABLE`: what was not copied is where it was
   */
  async step(): Promise<'more' | 'done' | 'blocked' | 'unreadable'> {
    if (this.#isGone) return 'done';
    const file = await this.victim.open();
    // Records that are dead cost their share, too: their heads are read and hashed.
    let workedBytes = 0;
    while (workedBytes < STEP_BYTES) {
      if (this.#isGone) return 'done';
      for (const found of this.#found.splice(0)) {
        const recordBytes = found.head.byteLength + found.header.bodyBytes;
        const { kind, isEviction } = found.header;
        workedBytes += FOUND_RECORD_COST_BYTES;
        if (kind === 'removals' && !isEviction) this.#removals.push(...decodeRemovals(found.head));
        if (kind !== 'entry' || this.#slotOf(found) === NONE) continue;
        if (!(await this.#hasRoomFor(recordBytes))) return 'blocked';
        if (this.#isGone) return 'done';
        workedBytes += this.#move(found);
        if (this.#isUnreadable) return 'unreadable';
      }
      if (this.#next.done) {
        this.#dropUnreadable();
        return (await this.#keepRemovals()) ? 'done' : 'blocked';
      }
      const { offsetBytes, byteLength } = this.#next.value;
      const target = new Uint8Array(byteLength);
      try {
        this.#next = this.#scan.next(target.subarray(0, file.read(target, offsetBytes)));
      } catch {
        return 'unreadable';
      }
      workedBytes += byteLength;
    }
    return 'more';
  }

  /** Whether the segment was given back while something was waited for, by `clear` for instance. */
  get #isGone(): boolean {
    return this.#options.log.segment(this.victim.segmentId) !== this.victim;
  }

  /** The slot of a record that lives. */
  #slotOf({ head, offsetBytes }: Found): number {
    const { index } = this.#options;
    const slot = index.find(keyWordsOf(head));
    const isHere =
      slot !== NONE && index.segmentId(slot) === this.victim.segmentId && index.offsetBytes(slot) === offsetBytes;
    return isHere ? slot : NONE;
  }

  /** Copies a record, unless it is dead by now, and returns its size. Nothing can happen in between: no waiting here. */
  #move(found: Found): number {
    const { log, index, evictUsedBeforeMs, isRescue, verify, onGone } = this.#options;
    const { header, head, offsetBytes } = found;
    const slot = this.#slotOf(found);
    const { file } = this.victim;
    if (slot === NONE || file === undefined) return 0;
    if (index.accessedAtMs(slot) < evictUsedBeforeMs && !index.isProtected(slot)) {
      onGone(slot, 'evicted');
      return 0;
    }
    const body = new Uint8Array(header.bodyBytes);
    let isRead: boolean;
    try {
      isRead = readWhole(file, body, offsetBytes + head.byteLength);
    } catch {
      this.#isUnreadable = true;
      return 0;
    }
    const isDamaged = isRescue && header.bodyChecksum && verify(body.buffer, header.bodyChecksum) === 'mismatch';
    if (!isRead || isDamaged) {
      onGone(slot, 'damaged');
      return 0;
    }
    setRecordUse(head, index.useOf(slot));
    const position = log.append(head, body);
    const recordBytes = head.byteLength + header.bodyBytes;
    this.victim.addLive(-recordBytes);
    log.segment(position.segmentId)?.addLive(recordBytes);
    const { bodyBytes, audioBytes } = header;
    index.move(slot, { ...position, headBytes: head.byteLength, bodyBytes, audioBytes });
    return recordBytes;
  }

  /** Waits until a copy can be written to a file that is as safe as needed; false when there is none. */
  async #hasRoomFor(recordBytes: number): Promise<boolean> {
    const { log, isRescue } = this.#options;
    // What lies in a young file itself was never called safe.
    const needsOldName = !isRescue && log.isNameDurable(this.victim);
    // Asked again after each wait: meanwhile others have written.
    while (!log.hasRoomFor(recordBytes) || (needsOldName && !log.isActiveDurable)) {
      if (await log.makeDurableRoomFor(recordBytes)) continue;
      if (needsOldName) return false;
      await log.makeRoomFor(recordBytes);
    }
    return true;
  }

  /** What the index expects here and the scan did not find has a damaged head. */
  #dropUnreadable(): void {
    const { index, onGone } = this.#options;
    for (let slot = index.oldest; this.victim.liveBytes > 0 && slot !== NONE; ) {
      const newer = index.newerThan(slot);
      if (index.segmentId(slot) === this.victim.segmentId) onGone(slot, 'damaged');
      slot = newer;
    }
    // Removals that were kept here are being written again.
    this.victim.addLive(-this.victim.liveBytes);
  }

  /** Writes again the removals that are still needed: of keys that are not there, as long as an older segment is. */
  async #keepRemovals(): Promise<boolean> {
    const { log, index } = this.#options;
    const others = log.segments.filter((segment) => segment !== this.victim);
    const oldestId = others[0]?.segmentId ?? Number.POSITIVE_INFINITY;
    const isNeeded = ({ words, segmentId }: RemovalItem) => index.find(words) === NONE && segmentId >= oldestId;
    const needed = this.#removals.filter(isNeeded);
    for (let start = 0; start < needed.length; start += REMOVALS_PER_RECORD) {
      const items = needed.slice(start, start + REMOVALS_PER_RECORD);
      if (!(await this.#hasRoomFor(removalsBytes(items.length)))) return false;
      if (this.#isGone) return true;
      // A key may have been written while room was made.
      const kept = items.filter(isNeeded);
      if (kept.length === 0) continue;
      const { segmentId } = log.append(encodeRemovals(kept, false));
      // Not dead as long as it is needed: nothing is gained by moving it once more.
      log.segment(segmentId)?.addLive(removalsBytes(kept.length));
    }
    return true;
  }
}
