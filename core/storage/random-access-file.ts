/**
 * The synchronous port of the disk engine: files of bytes, and the directory they lie in. Drivers are
 * `worker/opfs-file.ts` and `node/node-file.ts`.
 *
 * As thin as the platforms allow, so that nothing is promised that one of them breaks: a write may be short or zero
 * without an error (a full disk in Chromium, quota in Firefox), so its return value says how much was taken, and
 * whoever calls compares. What platforms throw is translated by `core/storage/checked-io.ts`, not here.
 */

/** One open file, held by nobody else. */
export interface RandomAccessFile {
  /** Reads into all of `target` from `offsetBytes`; returns how many bytes there were, fewer at the end of the file. */
  read(target: Uint8Array, offsetBytes: number): number;

  /**
   * Writes all of `source` at `offsetBytes`, extending the file; returns how many bytes were taken, which may be fewer.
   * What was taken survives a killed process at once, and power loss after `flush`.
   */
  write(source: Uint8Array, offsetBytes: number): number;

  /** Cuts the file, or extends it with zeros. */
  truncate(byteLength: number): void;

  /** Returns once what was written survives power loss, provided that the file's name does. */
  flush(): void;

  /** Length of the file in bytes. */
  size(): number;

  /** Lets go of the file. Closing twice is fine. */
  close(): void;
}

/** A flat directory that belongs to one store alone. */
export interface FileDirectory {
  /** What kind of store lies on it. */
  readonly kind: 'opfs' | 'file';

  /**
   * After this time the name of a new file survives power loss; 0 where creating one waits for that. Browsers sync a
   * file's bytes on request but the table of its name only when the system gets around to it.
   */
  readonly nameDurableAfterMs: number;

  /** Names of all files. */
  list(): Promise<readonly string[]>;

  /** Opens a file, creating an empty one if it is not there. Rejects while somebody else holds it. */
  open(name: string): Promise<RandomAccessFile>;

  /** Removes a closed file; one that is not there is no error. */
  remove(name: string): Promise<void>;
}
