/**
 * The bytes of one file on a disk whose cache may lose power: what was written since the last flush may be gone, and a
 * disk says in which way only afterwards. Sectors are never torn; bytes flushed and left alone since are never lost.
 *
 * A whole second image of the file would make every write twice as dear: kept are only the sectors of the last flush
 * that were changed since.
 */

/** What power loss does to bytes that were written, cut off or extended and not flushed. */
export type UnflushedFate =
  /** The file is as it was at the last flush. */
  | 'lost'
  /** The file has its new length, and zeros where its new bytes should be: ext4 after an allocation without data. */
  | 'zeroed'
  /** A number of changed sectors, counted from the front, reached the disk; the others did not. */
  | 'prefix'
  /** Every changed sector went its own way, and the length did too. */
  | 'scattered';

/** All there are. */
export const UNFLUSHED_FATES: readonly UnflushedFate[] = ['lost', 'zeroed', 'prefix', 'scattered'];

/** What a disk writes whole or not at all. */
const SECTOR_BYTES = 512;
/** Room for the first writes; it doubles from there. */
const INITIAL_CAPACITY_BYTES = 4_096;

type Origin = 'flushed' | 'written' | 'zero';

/** Growable bytes that know what of them is safe. */
export class FlushableBytes {
  #bytes = new Uint8Array(0);
  #byteLength = 0;
  #flushedByteLength = 0;
  /** Shortest length since the last flush: what lay beyond was cut off, even if the file is longer again. */
  #shortestByteLength = 0;
  /** Sectors of the last flush, by number, that were changed or cut off since. */
  readonly #flushedSectorByNumber = new Map<number, Uint8Array>();
  #hasFlushFailed = false;

  /** Length in bytes. */
  get byteLength(): number {
    return this.#byteLength;
  }

  /** Copies into `target` what there is from the offset; returns how much that was. */
  read(target: Uint8Array, offsetBytes: number): number {
    const found = this.#bytes.subarray(offsetBytes, Math.min(this.#byteLength, offsetBytes + target.byteLength));
    target.set(found);
    return found.byteLength;
  }

  /** Writes all of `source`, extending the file. */
  write(source: Uint8Array, offsetBytes: number): void {
    const endBytes = offsetBytes + source.byteLength;
    this.#keepFlushed(Math.min(offsetBytes, this.#byteLength), endBytes);
    this.#reserve(endBytes);
    this.#bytes.set(source, offsetBytes);
    this.#byteLength = Math.max(this.#byteLength, endBytes);
  }

  /** Cuts the file, or extends it with zeros. */
  resize(byteLength: number): void {
    this.#keepFlushed(Math.min(byteLength, this.#byteLength), Number.POSITIVE_INFINITY);
    this.#reserve(byteLength);
    this.#bytes.fill(0, byteLength);
    this.#byteLength = byteLength;
    this.#shortestByteLength = Math.min(this.#shortestByteLength, byteLength);
    if (byteLength === 0) this.#hasFlushFailed = false;
  }

  /**
   * A flush failed: what was not safe never will be, though later flushes succeed, until the file is emptied. Linux
   * forgets which pages it could not write once it has said so.
   */
  failFlush(): void {
    this.#hasFlushFailed = true;
  }

  /** Makes all of it safe. */
  flush(): void {
    if (this.#hasFlushFailed) return;
    this.#flushedSectorByNumber.clear();
    this.#flushedByteLength = this.#byteLength;
    this.#shortestByteLength = this.#byteLength;
  }

  /** The same bytes once more, as safe as these. */
  copy(): FlushableBytes {
    const copy = new FlushableBytes();
    copy.#bytes = this.toBytes();
    copy.#byteLength = this.#byteLength;
    copy.#flushedByteLength = this.#flushedByteLength;
    copy.#shortestByteLength = this.#shortestByteLength;
    copy.#hasFlushFailed = this.#hasFlushFailed;
    // Kept sectors are never written to.
    for (const [number, sector] of this.#flushedSectorByNumber) copy.#flushedSectorByNumber.set(number, sector);
    return copy;
  }

  /** A copy of the bytes. */
  toBytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#byteLength);
  }

  /** What is found once power is back, all of it safe now. */
  afterPowerLoss(fate: UnflushedFate, random: () => number): FlushableBytes {
    const longestByteLength = Math.max(this.#byteLength, this.#flushedByteLength);
    const image = new Uint8Array(longestByteLength);
    const originOf = this.#originOf(fate, random);
    let keptEndBytes = 0;
    for (let startBytes = 0; startBytes < longestByteLength; startBytes += SECTOR_BYTES) {
      const number = startBytes / SECTOR_BYTES;
      const origin = this.#isChanged(number) ? originOf(number) : 'flushed';
      if (origin === 'written') keptEndBytes = Math.min(this.#byteLength, startBytes + SECTOR_BYTES);
      image.set(this.#sector(number, origin).subarray(0, longestByteLength - startBytes), startBytes);
    }
    const found = new FlushableBytes();
    found.write(image.subarray(0, this.#lengthAfter(fate, keptEndBytes, random)), 0);
    found.flush();
    return found;
  }

  /** Where each changed sector's bytes come from. */
  #originOf(fate: UnflushedFate, random: () => number): (sector: number) => Origin {
    if (fate === 'lost') return () => 'flushed';
    if (fate === 'zeroed') return () => 'zero';
    if (fate === 'scattered') {
      const origins: readonly Origin[] = ['flushed', 'written', 'zero'];
      return () => origins[Math.floor(random() * origins.length)] ?? 'flushed';
    }
    const lastSector = Math.ceil(Math.max(this.#byteLength, this.#flushedByteLength) / SECTOR_BYTES);
    const changed = Array.from({ length: lastSector }, (_, number) => number).filter((number) =>
      this.#isChanged(number),
    );
    const firstLost = changed[Math.floor(random() * (changed.length + 1))] ?? Number.POSITIVE_INFINITY;
    return (sector) => (sector < firstLost ? 'written' : 'flushed');
  }

  #lengthAfter(fate: UnflushedFate, keptEndBytes: number, random: () => number): number {
    if (fate === 'lost') return this.#flushedByteLength;
    if (fate === 'zeroed') return this.#byteLength;
    if (fate === 'prefix') return Math.max(this.#flushedByteLength, keptEndBytes);
    const between = this.#flushedByteLength + Math.floor(random() * (this.#byteLength - this.#flushedByteLength));
    return [this.#flushedByteLength, this.#byteLength, between][Math.floor(random() * 3)] ?? between;
  }

  #isChanged(sector: number): boolean {
    return this.#flushedSectorByNumber.has(sector) || (sector + 1) * SECTOR_BYTES > this.#flushedByteLength;
  }

  #sector(number: number, origin: Origin): Uint8Array {
    const startBytes = number * SECTOR_BYTES;
    const sector = new Uint8Array(SECTOR_BYTES);
    if (origin === 'written') {
      sector.set(this.#bytes.subarray(startBytes, Math.min(startBytes + SECTOR_BYTES, this.#byteLength)));
      return sector;
    }
    const kept = this.#flushedSectorByNumber.get(number) ?? this.#bytes.subarray(startBytes, startBytes + SECTOR_BYTES);
    // Bytes that were flushed and not cut off since are there even where a whole new sector was not.
    const lengthBytes = origin === 'zero' ? this.#shortestByteLength : this.#flushedByteLength;
    sector.set(kept.subarray(0, Math.max(0, Math.min(SECTOR_BYTES, lengthBytes - startBytes))));
    return sector;
  }

  /** Keeps the flushed sectors of a range that is about to change. */
  #keepFlushed(fromBytes: number, toBytes: number): void {
    const endBytes = Math.min(toBytes, this.#flushedByteLength);
    for (let number = Math.floor(fromBytes / SECTOR_BYTES); number * SECTOR_BYTES < endBytes; number++) {
      if (this.#flushedSectorByNumber.has(number)) continue;
      this.#flushedSectorByNumber.set(number, this.#bytes.slice(number * SECTOR_BYTES, (number + 1) * SECTOR_BYTES));
    }
  }

  #reserve(byteLength: number): void {
    if (byteLength <= this.#bytes.byteLength) return;
    const capacityBytes = Math.max(byteLength, this.#bytes.byteLength * 2, INITIAL_CAPACITY_BYTES);
    const larger = new Uint8Array(capacityBytes);
    larger.set(this.#bytes.subarray(0, this.#byteLength));
    this.#bytes = larger;
  }
}
