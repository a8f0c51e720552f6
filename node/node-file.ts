/**
 * Files in a folder of the machine, through `node:fs`: for Node and for Electron's main process.
 *
 * Synchronous, like the port: a read or write of a cached page takes microseconds, a trip through the thread pool many
 * times that. Nothing here keeps a second process out, since Node has no file locks: whoever opens a directory sees to
 * it that nobody else does.
 */
import {
  closeSync,
  constants,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { FileDirectory, RandomAccessFile } from '../core/storage/random-access-file';

/** Nobody but the user may look: phrases are personal. */
const DIRECTORY_MODE = 0o700;
const FILE_MODE = 0o600;

/**
 * Opens the folder, creating it and its parents for this user alone; one that exists keeps its mode. The caller sees to
 * it that no other process and no other store uses it.
 * @throws whatever `node:fs` says, with its `code`
 */
export async function openNodeDirectory(path: string): Promise<FileDirectory> {
  const folder = resolve(path);
  const firstCreated = mkdirSync(folder, { recursive: true, mode: DIRECTORY_MODE });
  // The names of new folders stand in their parents. The folder itself is synced too, for the name of a file whose
  // creator was killed before it could do so.
  let synced = folder;
  syncFolder(synced);
  while (firstCreated !== undefined && synced !== dirname(firstCreated)) {
    synced = dirname(synced);
    syncFolder(synced);
  }
  return new NodeDirectory(folder);
}

class NodeDirectory implements FileDirectory {
  readonly kind = 'file';
  readonly nameDurableAfterMs = 0;
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async list(): Promise<readonly string[]> {
    const entries = readdirSync(this.#folder, { withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map((entry) => entry.name);
  }

  /** Resolves once the name of a new file survives power loss, which is why it need not age. */
  async open(name: string): Promise<RandomAccessFile> {
    const path = join(this.#folder, name);
    const created = createFile(path);
    if (created === undefined) return new NodeFile(openSync(path, constants.O_RDWR));
    try {
      fsyncSync(created);
      syncFolder(this.#folder);
    } catch (error) {
      closeSync(created);
      throw error;
    }
    return new NodeFile(created);
  }

  async remove(name: string): Promise<void> {
    try {
      unlinkSync(join(this.#folder, name));
    } catch (error) {
      if (!hasCode(error, 'ENOENT')) throw error;
    }
  }
}

class NodeFile implements RandomAccessFile {
  /** Undefined once closed: the system may have given the number to another file since. */
  #descriptor: number | undefined;

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  read(target: Uint8Array, offsetBytes: number): number {
    const descriptor = this.#open();
    let done = 0;
    while (done < target.byteLength) {
      const taken = readSync(descriptor, target, done, target.byteLength - done, offsetBytes + done);
      if (taken === 0) break;
      done += taken;
    }
    return done;
  }

  write(source: Uint8Array, offsetBytes: number): number {
    return writeSync(this.#open(), source, 0, source.byteLength, offsetBytes);
  }

  truncate(byteLength: number): void {
    ftruncateSync(this.#open(), byteLength);
  }

  flush(): void {
    // With the length, which is what tells it from nothing at all; the other times may be lost.
    fdatasyncSync(this.#open());
  }

  size(): number {
    return fstatSync(this.#open()).size;
  }

  close(): void {
    const descriptor = this.#descriptor;
    this.#descriptor = undefined;
    if (descriptor !== undefined) closeSync(descriptor);
  }

  #open(): number {
    if (this.#descriptor === undefined) throw new TypeError('The file was closed');
    return this.#descriptor;
  }
}

/** Creates an empty file and returns its descriptor; undefined when there is one already. */
function createFile(path: string): number | undefined {
  try {
    return openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, FILE_MODE);
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return undefined;
    throw error;
  }
}

/** Makes the names in a folder survive power loss. Windows cannot, and need not: NTFS journals them. */
function syncFolder(folder: string): void {
  if (process.platform === 'win32') return;
  const descriptor = openSync(folder, constants.O_RDONLY);
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
