/**
 * Opens the files of a store and brings the index to where it was: the latest checkpoint, then what the log says since.
 *
 * What is opened: the segment the checkpoint ended in, and files it does not know; all others stay closed.
 * Without a checkpoint that is surely the latest every file is looked into, since any may hold another segment by now.
 * Reads only, but for an incomplete record at the very end, which is cut off.
 */
import type { Hashing } from '../hashing';
import { readWhole, toStoreError } from './checked-io';
import type { CheckpointFiles } from './checkpoint-files';
import { type EntryIndex, NONE } from './entry-index';
import { FILE_HEADER_BYTES } from './file-header';
import { keyOfWords } from './key-words';
import { isSegmentFile, type Log, readFileHeader, type Spare } from './log';
import type { FileDirectory, RandomAccessFile } from './random-access-file';
import { decodeRemovals, decodeTouches, keyWordsOf } from './record';
import type { Segment, SegmentState } from './segment';
import { runScan, type ScannedRecord, scanRecords } from './segment-scan';

/** What is recovered, and into what. */
export interface RecoveryOptions {
  readonly directory: FileDirectory;
  readonly hashing: Pick<Hashing, 'verify' | 'xxh64'>;
  readonly nowMs: () => number;
  readonly checkpoints: CheckpointFiles;
  readonly log: Log;
  readonly index: EntryIndex;
}

/** A record that a younger one took the place of. */
export interface Replaced {
  readonly key: string;
  readonly segment: Segment;
  readonly offsetBytes: number;
  /** Where the younger one lies. */
  readonly bySegmentId: number;
}

/** What recovery found. */
export interface Recovered {
  readonly replaced: readonly Replaced[];
  readonly damagedRecords: number;
  /** Of the checkpoint that counts; 0 without one. */
  readonly generation: number;
  /** Up to where the checkpoint goes. */
  readonly logSegmentId: number;
}

interface FoundFile {
  readonly state?: SegmentState;
  readonly spare?: Spare;
  /** Open when the segment is to be read. */
  readonly file?: RandomAccessFile;
  readonly isDamaged?: boolean;
}

/**
 * Recovers into an empty log and an empty index.
 * @throws AudioCacheError `STORE_UNAVAILABLE`: the files cannot be read, or a newer version of the library wrote them
 */
export async function recover(options: RecoveryOptions): Promise<Recovered> {
  const { directory, checkpoints, log, index } = options;
  try {
    const [{ checkpoint: latest, isLatest }, allNames] = await Promise.all([checkpoints.open(), directory.list()]);
    const names = allNames.filter(isSegmentFile);
    // Power loss has taken a file that the checkpoint points into: what its entries were before is in the log only.
    const isWhole = latest?.segments.every(({ fileName }) => names.includes(fileName));
    const checkpoint = isWhole ? latest : undefined;
    const logSegmentId = checkpoint?.logSegmentId ?? 0;
    const knownByName = new Map(checkpoint?.segments.map((state) => [state.fileName, state]));
    const found = await lookInto(names, async (name) => {
      const known = knownByName.get(name);
      return isLatest && known !== undefined && known.segmentId < logSegmentId
        ? { state: known }
        : identify(options, name, known);
    });
    const states = found.flatMap(({ state, file }) => (state === undefined ? [] : [{ state, file }]));
    states.sort((a, b) => a.state.segmentId - b.state.segmentId);
    log.beginAfter(latest?.logSegmentId ?? 0);
    for (const { state, file } of states) log.adopt(state, file);
    for (const { spare } of found) if (spare !== undefined) log.adoptSpare(spare);

    checkpoint?.loadInto(index, (segmentId) => log.segment(segmentId) !== undefined);
    for (let slot = index.oldest; slot !== NONE; slot = index.newerThan(slot)) {
      log.segment(index.segmentId(slot))?.addLive(index.headBytes(slot) + index.bodyBytes(slot));
    }

    const replaced: Replaced[] = [];
    let damagedRecords = found.filter(({ isDamaged }) => isDamaged).length;
    const tail = log.segments.filter(({ segmentId }) => segmentId >= logSegmentId);
    for (const segment of tail) {
      const fromBytes = segment.segmentId === logSegmentId ? (checkpoint?.logOffset ?? 0) : FILE_HEADER_BYTES;
      damagedRecords += replay(
        options,
        segment,
        Math.max(fromBytes, FILE_HEADER_BYTES),
        segment === tail.at(-1),
        replaced,
      );
      // A killed process left it to the system to write; the next flush must see to it.
      log.noteUnflushed(segment);
    }
    const last = tail.at(-1);
    if (last !== undefined) log.resume(last);
    return { replaced, damagedRecords, generation: latest?.generation ?? 0, logSegmentId };
  } catch (error) {
    throw toStoreError(error, 'open');
  }
}

/** Looks into files, several at once; when one fails, lets go of the others. */
async function lookInto(
  names: readonly string[],
  look: (name: string) => Promise<FoundFile>,
): Promise<readonly FoundFile[]> {
  const looked = await Promise.allSettled(names.map(look));
  const found = looked.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
  const failure = looked.find((each) => each.status === 'rejected');
  if (failure === undefined) return found;
  for (const { file } of found) file?.close();
  throw failure.reason;
}

/** Finds out what a file is. */
async function identify(
  { directory, hashing, nowMs }: RecoveryOptions,
  fileName: string,
  known: SegmentState | undefined,
): Promise<FoundFile> {
  const file = await directory.open(fileName);
  try {
    const header = readFileHeader(file, hashing.xxh64);
    if (header !== undefined && header.segmentId !== 0) {
      const isKnown = known?.segmentId === header.segmentId;
      return { file, state: { ...header, fileName, endBytes: isKnown ? known.endBytes : FILE_HEADER_BYTES } };
    }
    const hasContent = file.size() > FILE_HEADER_BYTES;
    // Both copies of the header are damaged, but the checkpoint knows what stood there.
    if (header === undefined && hasContent && known !== undefined) return { file, state: known };
    file.close();
    // A file without a header was being created when its writer died; when that was is not known, so it is young.
    const fileCreatedAtMs = header?.fileCreatedAtMs ?? nowMs();
    return { spare: { fileName, fileCreatedAtMs }, isDamaged: header === undefined && hasContent };
  } catch (error) {
    file.close();
    throw error;
  }
}

/** Applies the records of a segment to the index; returns how many stretches were damaged. */
function replay(
  { hashing, log, index }: RecoveryOptions,
  segment: Segment,
  fromBytes: number,
  isLast: boolean,
  replaced: Replaced[],
): number {
  const { file } = segment;
  if (file === undefined) return 0;
  const fileBytes = file.size();
  const scan = scanRecords({ seal: hashing.xxh64, salt: segment.salt, fromBytes, fileBytes }, (record) =>
    apply(record),
  );
  const { endBytes, damagedStretches } = runScan(scan, (target, offsetBytes) => file.read(target, offsetBytes));
  segment.endAt(Math.max(endBytes, isLast ? 0 : fileBytes), isLast);
  return damagedStretches;

  function apply(record: ScannedRecord): void {
    const { header, head, offsetBytes, recordBytes } = record;
    switch (header.kind) {
      case 'entry': {
        const words = keyWordsOf(head);
        const { bodyBytes, audioBytes } = header;
        const location = {
          segmentId: segment.segmentId,
          offsetBytes,
          headBytes: head.byteLength,
          bodyBytes,
          audioBytes,
        };
        const slot = index.find(words);
        if (slot !== NONE) {
          // Power loss can leave a head and not its body, which must not cost what the entry was before.
          if (!isBodyIntact(record)) return;
          const old = log.segment(index.segmentId(slot));
          const place = { offsetBytes: index.offsetBytes(slot), bySegmentId: segment.segmentId };
          if (old !== undefined) replaced.push({ key: keyOfWords(words), segment: old, ...place });
          forget(words);
        }
        index.add(words, location, header);
        segment.addLive(recordBytes);
        return;
      }
      case 'removals':
        for (const { words } of decodeRemovals(head)) forget(words);
        return;
      case 'touches':
        for (const { words, ...use } of decodeTouches(head)) {
          const slot = index.find(words);
          if (slot === NONE) continue;
          index.setUse(slot, { ...use, accessedAtMs: Math.max(use.accessedAtMs, index.accessedAtMs(slot)) });
        }
        return;
      default:
        throw new TypeError(`Unknown kind ${header.kind satisfies never}`);
    }
  }

  function isBodyIntact({ header, head, offsetBytes }: ScannedRecord): boolean {
    if (header.bodyChecksum === undefined) return true;
    const body = new Uint8Array(header.bodyBytes);
    return (
      segment.file !== undefined &&
      readWhole(segment.file, body, offsetBytes + head.byteLength) &&
      hashing.verify(body.buffer, header.bodyChecksum) !== 'mismatch'
    );
  }

  function forget(words: Uint32Array): void {
    const slot = index.find(words);
    if (slot === NONE) return;
    log.segment(index.segmentId(slot))?.addLive(-(index.headBytes(slot) + index.bodyBytes(slot)));
    index.delete(slot);
  }
}
