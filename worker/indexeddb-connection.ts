/**
 * One connection to the database, reopened when it is lost.
 *
 * Browsers drop IndexedDB connections underneath a page (Safari's server process dies, the user clears data, another
 * tab upgrades), after which every call on the handle fails for good. The remedy that holds is to drop the handle,
 * reopen and repeat (react-native-onyx#780), a bounded number of times. Nothing here knows what the operations do;
 * they must be safe to repeat, which a transaction that sets absolute values is.
 */
import { openDB } from 'idb';
import type { Clock } from '../core/clock';
import { AudioCacheError } from '../core/protocol/audio-cache-error';
import { type AudioDatabase, type AudioSchema, createSchema, SCHEMA_VERSION } from './indexeddb-schema';

/** Opening takes some ten milliseconds; what takes this long waits for another tab or hangs (Safari, WebKit 226547). */
const OPEN_DEADLINE_MS = 3_000;
/** The longest operation, clearing a full database, takes seconds; without an end one would stop all that come after. */
const OPERATION_DEADLINE_MS = 30_000;
/** How often an operation is repeated on a new connection. */
const MAX_HEALS = 3;
/** Failures that opening anew cannot mend. */
const LASTING_ERRORS: ReadonlySet<string> = new Set(['DataCloneError', 'SecurityError', 'VersionError']);

/** Runs operations on a database that is opened on first use. */
export class IndexedDbConnection {
  readonly #name: string;
  readonly #clock: Clock;
  /** The handle in use, perhaps still opening; undefined once it is lost. */
  #handle: Promise<AudioDatabase> | undefined;
  #isClosed = false;

  constructor(name: string, clock: Clock) {
    this.#name = name;
    this.#clock = clock;
  }

  /**
   * Resolves to the operation's result. An operation that fails with its connection is repeated on a new one, at most
   * three times; what it had changed before was rolled back with its transaction, unless the connection broke between
   * the commit and the news of it.
   * @throws AudioCacheError `STORE_UNAVAILABLE`, `QUOTA_EXCEEDED`, `CLOSED`
   */
  async run<Result>(operation: (database: AudioDatabase) => Promise<Result>): Promise<Result> {
    for (let heals = 0; ; heals++) {
      if (this.#isClosed) throw new AudioCacheError('CLOSED', 'The store is closed.');
      const handle = this.#acquire();
      try {
        return await this.#bounded(operation(await handle));
      } catch (error) {
        if (isQuotaExceeded(error)) {
          throw new AudioCacheError('QUOTA_EXCEEDED', 'The browser allows no more data here.', { cause: error });
        }
        if (!mayHeal(error)) throw error;
        this.#drop(handle);
        if (heals === MAX_HEALS) {
          throw unavailable('IndexedDB stopped answering; closing and reopening the browser usually helps.', error);
        }
      }
    }
  }

  /** Closes the connection once the transactions under way are over; operations after this reject with `CLOSED`. */
  close(): void {
    this.#isClosed = true;
    if (this.#handle !== undefined) this.#drop(this.#handle);
  }

  async #bounded<Result>(operation: Promise<Result>): Promise<Result> {
    let cancel = () => {};
    const deadline = new Promise<never>((_, reject) => {
      cancel = this.#clock.schedule(
        () => reject(new DOMException(`no end after ${OPERATION_DEADLINE_MS} ms`, 'TimeoutError')),
        OPERATION_DEADLINE_MS,
      );
    });
    try {
      return await Promise.race([operation, deadline]);
    } finally {
      cancel();
    }
  }

  #acquire(): Promise<AudioDatabase> {
    if (this.#handle !== undefined) return this.#handle;
    const handle = openBounded(this.#name, this.#clock, () => this.#drop(handle));
    handle.catch(() => this.#drop(handle));
    this.#handle = handle;
    return handle;
  }

  #drop(handle: Promise<AudioDatabase>): void {
    if (this.#handle === handle) this.#handle = undefined;
    handle.then(
      (database) => database.close(),
      () => {},
    );
  }
}

/**
 * Opens the database, or gives up at the deadline: a handle that comes later is closed unused. `onLost` is called when
 * the handle must not be used any longer: the browser ended it, or another tab waits to upgrade or delete.
 */
async function openBounded(name: string, clock: Clock, onLost: () => void): Promise<AudioDatabase> {
  if (typeof indexedDB === 'undefined') {
    throw unavailable('There is no IndexedDB here; use a page or worker with an origin of its own (no data: URL).');
  }
  let isBlocked = false;
  let isLate = false;
  let cancelDeadline = () => {};
  const deadline = new Promise<never>((_, reject) => {
    cancelDeadline = clock.schedule(() => {
      isLate = true;
      const reason = isBlocked
        ? 'Another tab holds an older version of the database open; close it.'
        : `IndexedDB did not open within ${OPEN_DEADLINE_MS} ms; closing and reopening the browser usually helps.`;
      reject(unavailable(reason));
    }, OPEN_DEADLINE_MS);
  });
  try {
    const opening = openDB<AudioSchema>(name, SCHEMA_VERSION, {
      upgrade: createSchema,
      // Only noted: the tab in the way was told as well, and may be about to close its connection.
      blocked: () => {
        isBlocked = true;
      },
      blocking: onLost,
      terminated: onLost,
    });
    opening.then(
      (database) => {
        if (isLate) database.close();
      },
      () => {},
    );
    return await Promise.race([opening, deadline]);
  } catch (error) {
    throw mayHeal(error) ? error : explainOpenFailure(error);
  } finally {
    cancelDeadline();
  }
}

function explainOpenFailure(error: unknown): unknown {
  if (!(error instanceof DOMException)) return error;
  switch (error.name) {
    case 'VersionError':
      return unavailable(
        'A newer version of Reprise wrote this database, so it is left alone; reload the page.',
        error,
      );
    case 'SecurityError':
      return unavailable('The browser forbids IndexedDB here; allow this site to store data.', error);
    default:
      // While opening this is no full quota, which evicting could mend, but a full disk (Expensify App#87866).
      return unavailable('IndexedDB could not be opened for lack of room; free some on the disk.', error);
  }
}

/** True when the failure may lie in the connection, so that a new one is worth a try. */
function mayHeal(error: unknown): boolean {
  return error instanceof DOMException && !LASTING_ERRORS.has(error.name) && !isQuotaExceeded(error);
}

/** Chromium reports a disk that is full as `DataError` "Failed to write blobs"; Firefox goes by the code 22. */
function isQuotaExceeded(error: unknown): boolean {
  if (!(error instanceof DOMException)) return false;
  if (error.name === 'QuotaExceededError' || error.code === DOMException.QUOTA_EXCEEDED_ERR) return true;
  return error.name === 'DataError' && /failed to write blobs/i.test(error.message);
}

function unavailable(message: string, cause?: unknown): AudioCacheError {
  return new AudioCacheError('STORE_UNAVAILABLE', message, cause === undefined ? {} : { cause });
}
