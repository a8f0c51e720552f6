/** The log as whoever has no synchronous files reads it, a service worker for instance, while the engine has it open. */
import { afterEach, expect, test } from 'vitest';
import { createHashing } from '../../core/hashing';
import { decodeFileHeader, FILE_HEADER_BYTES } from '../../core/storage/file-header';
import { keyOfWords } from '../../core/storage/key-words';
import { decodeMetadata, keyWordsOf } from '../../core/storage/record';
import { type ReadRequest, type ScanEnd, type ScannedRecord, scanRecords } from '../../core/storage/segment-scan';
import { namespacePath, versionDirectoryName } from '../../worker/store-names';
import { closeClients, createClient, freshNamespace, sameBytes, wavOf } from './speech';

afterEach(closeClients);

test('what is stored can be found and read asynchronously, by page or service worker', async () => {
  const namespace = freshNamespace();
  const cache = createClient({ namespace, disk: { store: 'opfs' } });
  const key = await cache.put('Read elsewhere.', wavOf('Read elsewhere.'), { custom: { voice: 'x' } });
  await cache.put('Another one.', wavOf('Another one.'));

  const { xxh64 } = await createHashing();
  const found = new Map<string, { readonly file: File; readonly record: ScannedRecord }>();
  for (const file of await filesOf([...namespacePath(namespace), versionDirectoryName(1)])) {
    const header = decodeFileHeader(xxh64, await bytesOf(file, 0, FILE_HEADER_BYTES));
    if (header === undefined || header.segmentId === 0) continue;
    const range = { seal: xxh64, salt: header.salt, fromBytes: FILE_HEADER_BYTES, fileBytes: file.size };
    const scan = scanRecords(range, (record) => {
      found.set(keyOfWords(keyWordsOf(record.head)), { file, record: { ...record, head: record.head.slice() } });
    });
    await answer(scan, (offsetBytes, byteLength) => bytesOf(file, offsetBytes, byteLength));
  }

  expect(found.size).toBe(2);
  const { file, record } = found.get(key) ?? {};
  if (file === undefined || record === undefined) throw new Error('The entry was not found');
  expect(decodeMetadata(record.header, record.head)).toMatchObject({ key, custom: { voice: 'x' } });
  const body = await bytesOf(file, record.offsetBytes + record.head.byteLength, record.header.bodyBytes);
  expect(sameBytes(body.slice().buffer, wavOf('Read elsewhere.'))).toBe(true);
});

async function filesOf(path: readonly string[]): Promise<readonly File[]> {
  let directory = await navigator.storage.getDirectory();
  for (const name of path) directory = await directory.getDirectoryHandle(name);
  const files: File[] = [];
  for await (const handle of directory.values()) {
    if (handle.kind === 'file' && handle.name.endsWith('.segment')) files.push(await handle.getFile());
  }
  return files;
}

async function bytesOf(file: File, offsetBytes: number, byteLength: number): Promise<Uint8Array> {
  return new Uint8Array(await file.slice(offsetBytes, offsetBytes + byteLength).arrayBuffer());
}

/** Gives a scan what it asks for, in its own time. */
async function answer(
  scan: Generator<ReadRequest, ScanEnd, Uint8Array>,
  read: (offsetBytes: number, byteLength: number) => Promise<Uint8Array>,
): Promise<void> {
  let step = scan.next();
  while (!step.done) step = scan.next(await read(step.value.offsetBytes, step.value.byteLength));
}
