/**
 * Reads and writes of which nothing goes unnoticed: platforms report a full disk in four ways (an exception by name, by
 * code, a short write, a write of zero bytes), and everything else that fails as whatever they like.
 */
import { AudioCacheError } from '../protocol/audio-cache-error';
import type { RandomAccessFile } from './random-access-file';

/** `NS_ERROR_DOM_QUOTA_EXCEEDED_ERR`, `NS_ERROR_FILE_NO_DEVICE_SPACE` and `NS_ERROR_FILE_DISK_FULL` come out of Firefox raw. */
const FULL = /quota|ENOSPC|EDQUOT|NO_DEVICE_SPACE|DISK_FULL|no space left/i;
/** `DOMException.QUOTA_EXCEEDED_ERR`. */
const LEGACY_QUOTA_CODE = 22;

/**
 * Writes all of the bytes. After a failure some of them may be there.
 * @throws AudioCacheError `QUOTA_EXCEEDED` when there is no room, `STORE_UNAVAILABLE` for any other reason
 */
export function writeWhole(file: RandomAccessFile, bytes: Uint8Array, offsetBytes: number): void {
  const written = attempt('write', () => file.write(bytes, offsetBytes));
  if (written === bytes.byteLength) return;
  throw new AudioCacheError('QUOTA_EXCEEDED', `The disk took ${written} of ${bytes.byteLength} bytes; it is full.`);
}

/**
 * Fills the target; false when the file ends before.
 * @throws AudioCacheError `STORE_UNAVAILABLE`
 */
export function readWhole(file: RandomAccessFile, target: Uint8Array, offsetBytes: number): boolean {
  return attempt('read', () => file.read(target, offsetBytes)) === target.byteLength;
}

/**
 * Brings all that was written to safety.
 * @throws AudioCacheError `QUOTA_EXCEEDED`, `STORE_UNAVAILABLE`: what the file holds must be read to be known
 */
export function flushFile(file: RandomAccessFile): void {
  attempt('flush', () => file.flush());
}

/** Cuts a file; @throws as `flushFile` */
export function truncateFile(file: RandomAccessFile, byteLength: number): void {
  attempt('truncate', () => file.truncate(byteLength));
}

/** Makes of anything that a platform threw an AudioCacheError. */
export function toStoreError(error: unknown, operation: string): AudioCacheError {
  if (error instanceof AudioCacheError) return error;
  // Platforms throw DOMExceptions, Node's errors, and in Firefox objects that are neither.
  const { name = '', message = '', code = '' } = (error ?? {}) as { name?: unknown; message?: unknown; code?: unknown };
  const isFull = code === LEGACY_QUOTA_CODE || FULL.test(`${name} ${message} ${code}`);
  return isFull
    ? new AudioCacheError('QUOTA_EXCEEDED', 'There is no room on the disk for more audio.', { cause: error })
    : new AudioCacheError('STORE_UNAVAILABLE', `The audio on disk could not be accessed (${operation}).`, {
        cause: error,
      });
}

/** Whether it failed for lack of room. */
export function isFullDisk(error: unknown): boolean {
  return error instanceof AudioCacheError && error.code === 'QUOTA_EXCEEDED';
}

function attempt<Result>(operation: string, run: () => Result): Result {
  try {
    return run();
  } catch (error) {
    throw toStoreError(error, operation);
  }
}
