/**
 * Question: what does the engine add to a bare read of the same bytes from one open file?
 *
 * The bare read into a new buffer is what the target is about: a cache has to hand out a buffer that the caller owns.
 * Into a buffer that is used again it is faster, since a new one is made of pages that the system has to clear first.
 */

import { createHashing, type Hashing } from '../../core/hashing';
import type { Entry } from '../../core/protocol/values';
import type { LogStore } from '../../core/storage/log-store';
import { type BatchSubject, measureBatches } from '../batches';
import { batchRowsOf, type CaseResult } from '../browser/case-result';
import { seededRandom } from '../seeded-random';
import { verifyStored } from '../stored-entry';
import { judge, type TargetRow } from '../targets';
import { createEntries, emptyAndClose, openBenchStore } from './bench-store';

const KIB = 1024;
const SIZES = [
  { label: '16 KiB', byteLength: 16 * KIB },
  { label: '100 KiB', byteLength: 100 * KIB },
];
const ENTRIES = 500;
const READS_PER_BATCH = 50;
const LIMIT_RATIO = 1.3;

const BARE = 'bare read, new buffer';
const VERIFIED = 'LogStore.read, checksum verified';

/** Measures all sizes. */
export async function measureRead(): Promise<CaseResult> {
  const hashing = await createHashing();
  const rows: CaseResult['rows'][number][] = [];
  const targets: TargetRow[] = [];
  for (const { label, byteLength } of SIZES) {
    const entries = await createEntries(ENTRIES, byteLength, hashing);
    const store = await openBenchStore(`read-${byteLength}`, hashing);
    for (const entry of entries) await store.write(entry, Date.now(), 'relaxed');
    await store.flush();
    for (const entry of entries) verifyStored(await store.read(entry.metadata.key), entry);
    const bare = await writeBareFile(`read-${byteLength}`, entries);
    const times = await measureBatches(subjectsOf({ entries, store, bare, hashing, byteLength }), {
      rounds: 61,
      warmUpRounds: 15,
      random: seededRandom(byteLength),
    });
    rows.push(...batchRowsOf(label, times, BARE));
    targets.push(
      judge(`${label} inside the worker: ${VERIFIED} / ${BARE}`, times.ratio(VERIFIED, BARE).ratio, LIMIT_RATIO),
    );
    bare.truncate(0);
    bare.close();
    await emptyAndClose(store);
  }
  return { rows, targets };
}

function subjectsOf({
  entries,
  store,
  bare,
  hashing,
  byteLength,
}: {
  readonly entries: readonly Entry[];
  readonly store: LogStore;
  readonly bare: FileSystemSyncAccessHandle;
  readonly hashing: Hashing;
  readonly byteLength: number;
}): readonly BatchSubject[] {
  const random = seededRandom(byteLength);
  const keyOf = (index: number) => entries[index]?.metadata.key ?? '';
  const verify = ({ bytes, metadata }: Entry) => {
    if (hashing.verify(bytes, metadata.checksum) !== 'match') throw new Error('The checksum does not match');
  };
  const readEntry = async (index: number): Promise<Entry> => {
    const entry = await store.read(keyOf(index));
    if (entry?.bytes.byteLength !== byteLength) throw new Error('The entry is not there');
    return entry;
  };
  const reused = new Uint8Array(byteLength);
  const readBare = (index: number, target: Uint8Array<ArrayBuffer>) => {
    if (bare.read(target, { at: index * byteLength }) !== byteLength) throw new Error('The file is too short');
  };
  const subject = (name: string, read: (index: number) => unknown): BatchSubject => ({
    name,
    operations: READS_PER_BATCH,
    run: async () => {
      for (let count = 0; count < READS_PER_BATCH; count++) {
        const reading = read(Math.floor(random() * entries.length));
        // Awaiting what is no promise would cost a turn of the queue.
        if (reading instanceof Promise) await reading;
      }
    },
  });
  return [
    subject(BARE, (index) => readBare(index, new Uint8Array(byteLength))),
    subject('bare read, the same buffer each time', (index) => readBare(index, reused)),
    subject('LogStore.read', readEntry),
    subject(VERIFIED, async (index) => verify(await readEntry(index))),
    subject('checksum of audio in memory', (index) => {
      const entry = entries[index];
      if (entry !== undefined) verify(entry);
    }),
  ];
}

/** One file with nothing but the audio of all entries, kept open. */
async function writeBareFile(name: string, entries: readonly Entry[]): Promise<FileSystemSyncAccessHandle> {
  const root = await navigator.storage.getDirectory();
  const file = await root.getFileHandle(`bare-${name}`, { create: true });
  const handle = await file.createSyncAccessHandle();
  let offsetBytes = 0;
  for (const { bytes } of entries) offsetBytes += handle.write(bytes, { at: offsetBytes });
  handle.flush();
  return handle;
}
