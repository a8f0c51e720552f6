/**
 * Files of the origin private file system, held open through synchronous access handles.
 *
 * A handle is the fastest way to a disk that a browser has, and it is exclusive: while a worker holds one, nobody else
 * can open that file. Never `readwrite-unsafe`, which would let two workers write into each other's segments.
 */
import { type Clock, systemClock } from '../core/clock';
import { AudioCacheError } from '../core/protocol/audio-cache-error';
import type { FileDirectory, RandomAccessFile } from '../core/storage/random-access-file';

/**
 * Chromium's `flush` syncs a file's bytes, not the database that maps its name to them: after a simulated power loss
 * all files created seconds before were gone, none of those created 40 s before (Chromium 156, Firefox 153).
 */
const NAME_DURABLE_AFTER_MS = 60_000;
/** The handles of a worker that was just terminated are let go some 30 to 110 ms later. */
const BUSY_RETRY_MS = 10;
const MAX_BUSY_RETRIES = 50;

/**
 * Opens the directory at the path below the origin's root, creating what is missing on the way.
 * @throws AudioCacheError `STORE_UNAVAILABLE`: there is no OPFS here, or it refuses
 */
export async function openOpfsDirectory(path: readonly string[], clock: Clock = systemClock): Promise<FileDirectory> {
  try {
    let directory = await navigator.storage.getDirectory();
    for (const name of path) directory = await directory.getDirectoryHandle(name, { create: true });
    return new OpfsDirectory(directory, clock);
  } catch (error) {
    // No `navigator.storage` in an insecure context, a `SecurityError` in a private window.
    throw new AudioCacheError('STORE_UNAVAILABLE', 'The browser gives this page no file system.', { cause: error });
  }
}

class OpfsDirectory implements FileDirectory {
  readonly kind = 'opfs';
  readonly nameDurableAfterMs = NAME_DURABLE_AFTER_MS;
  readonly #directory: FileSystemDirectoryHandle;
  readonly #clock: Clock;

  constructor(directory: FileSystemDirectoryHandle, clock: Clock) {
    this.#directory = directory;
    this.#clock = clock;
  }

  async list(): Promise<readonly string[]> {
    const names: string[] = [];
    for await (const [name, handle] of this.#directory.entries()) {
      if (handle.kind === 'file') names.push(name);
    }
    return names;
  }

  async open(name: string): Promise<RandomAccessFile> {
    const file = await this.#directory.getFileHandle(name, { create: true });
    for (let retries = 0; ; retries++) {
      try {
        return new OpfsFile(await file.createSyncAccessHandle());
      } catch (error) {
        if (!isBusy(error) || retries === MAX_BUSY_RETRIES) throw error;
        await new Promise<void>((resolve) => {
          this.#clock.schedule(resolve, BUSY_RETRY_MS);
        });
      }
    }
  }

  async remove(name: string): Promise<void> {
    try {
      await this.#directory.removeEntry(name);
    } catch (error) {
      if (!(error instanceof DOMException) || error.name !== 'NotFoundError') throw error;
    }
  }
}

class OpfsFile implements RandomAccessFile {
  readonly #handle: FileSystemSyncAccessHandle;

  constructor(handle: FileSystemSyncAccessHandle) {
    this.#handle = handle;
  }

  read(target: Uint8Array<ArrayBuffer>, offsetBytes: number): number {
    return this.#handle.read(target, { at: offsetBytes });
  }

  write(source: Uint8Array<ArrayBuffer>, offsetBytes: number): number {
    return this.#handle.write(source, { at: offsetBytes });
  }

  truncate(byteLength: number): void {
    this.#handle.truncate(byteLength);
  }

  flush(): void {
    this.#handle.flush();
  }

  size(): number {
    return this.#handle.getSize();
  }

  close(): void {
    this.#handle.close();
  }
}

/** Whether somebody else holds it: `NoModificationAllowedError` in Chromium, Firefox, `InvalidStateError` in WebKit. */
function isBusy(error: unknown): boolean {
  return (
    error instanceof DOMException && (error.name === 'NoModificationAllowedError' || error.name === 'InvalidStateError')
  );
}
