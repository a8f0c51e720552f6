/**
 * Picks the disk store: OPFS where its handles really work, else IndexedDB.
 *
 * A browser's word is not enough: WebKitGTK has `createSyncAccessHandle`, and it rejects. So something is written and
 * read back. OPFS that cannot be used, a newer format on it included, is left as it is, and IndexedDB takes its place.
 * Only when another tab holds OPFS nothing takes its place: with two tabs on two stores each would keep what the other
 * has deleted.
 */
import type { Clock } from '../core/clock';
import type { Hashing } from '../core/hashing';
import { AudioCacheError } from '../core/protocol/audio-cache-error';
import type { CacheConfig } from '../core/protocol/values';
import { type LogStore, openLogStore } from '../core/storage/log-store';
import type { FileDirectory } from '../core/storage/random-access-file';
import type { AudioStore } from '../core/storage/store';
import { earlierDatabase } from './earlier-database';
import { openIndexedDbStore } from './indexeddb-store';
import { openMigratingStore } from './migrating-store';
import { deleteOlderVersionsSoon } from './older-versions';
import { openOpfsDirectory } from './opfs-file';
import { engineLockName, type HeldLock, inUseLockName, takeLock } from './store-lock';
import { databaseName, namespacePath, versionDirectoryName } from './store-names';

/** A worker that was just terminated holds its locks for another 30 to 110 ms; a tab that is alone, for good. */
const ENGINE_LOCK_WAIT_MS = 500;
/** An owner then waits longer: whoever holds the engine is on its way out, however busy the machine is. */
const OWNER_LOCK_WAIT_MS = 3_000;
/** Only a deletion holds this lock alone, for some milliseconds. */
const IN_USE_LOCK_WAIT_MS = 1_000;
const PROBE_FILE = 'probe';
const PROBE_BYTES = 64;
/** Share of the limit that may lie in both stores while entries are moved, and the most it may be. */
const SUPERFLUOUS_SHARE = 1 / 32;
const MAX_SUPERFLUOUS_BYTES = 8 * 1024 * 1024;

/** What a store gets from the worker it lives in. */
export interface DiskStoreRuntime {
  readonly clock: Clock;
  readonly hashing: Hashing;
  /** This worker serves all tabs that agree with its page: none of them holds the engine for good. */
  readonly isOwner: boolean;
}

/**
 * Opens the store a configuration asks for; undefined when it asks for none.
 * @throws AudioCacheError `STORE_UNAVAILABLE`: no store works here, or another tab has the one that does
 */
export async function openDiskStore(config: CacheConfig, runtime: DiskStoreRuntime): Promise<AudioStore | undefined> {
  const { namespace, version, disk } = config;
  if (disk.store === 'none') return undefined;
  const { clock, isOwner } = runtime;
  // Asked for together with the next one, since each takes a message to the browser and back.
  const engine = disk.store === 'indexeddb' ? Promise.resolve(undefined) : takeEngine(config, isOwner, clock);
  // Whoever needs it hears why it was refused.
  engine.catch(() => {});
  // Nobody can be kept from deleting this version without Web Locks, but nobody deletes without them either.
  const inUse = await takeLock(
    inUseLockName(namespace, version),
    { mode: 'shared', waitMs: IN_USE_LOCK_WAIT_MS },
    clock,
  ).catch(() => ({ release: () => {} }));
  if (inUse === undefined) {
    engine.then((held) => held?.release()).catch(() => {});
    throw unavailable('This version of the cache is being deleted; reload the page.');
  }
  const cancelDeletion = deleteOlderVersionsSoon(config, clock);
  const onClosed = () => {
    cancelDeletion();
    inUse.release();
  };
  try {
    return await openPreferred(config, runtime, engine, onClosed);
  } catch (error) {
    onClosed();
    throw error;
  }
}

/** Takes the lock of the engine; resolves to undefined when somebody else is going to keep it. */
async function takeEngine(
  { namespace, version }: CacheConfig,
  isOwner: boolean,
  clock: Clock,
): Promise<HeldLock | undefined> {
  const name = engineLockName(namespace, version);
  const taken = await takeLock(name, { mode: 'exclusive', waitMs: ENGINE_LOCK_WAIT_MS }, clock);
  if (taken !== undefined || !isOwner) return taken;
  // Tabs with another secret, or other rules, have an owner of their own, which stays.
  const { held = [] } = await navigator.locks.query();
  const owners = held.filter((lock) => lock.name?.startsWith(`${name}:tabs-`) && lock.name.endsWith(':owner'));
  if (owners.length > 1) return undefined;
  return takeLock(name, { mode: 'exclusive', waitMs: OWNER_LOCK_WAIT_MS }, clock);
}

async function openPreferred(
  config: CacheConfig,
  runtime: DiskStoreRuntime,
  taking: Promise<HeldLock | undefined>,
  onClosed: () => void,
): Promise<AudioStore> {
  const { namespace, version, disk } = config;
  const { clock } = runtime;
  const openFallback = () => openIndexedDbStore({ name: databaseName(namespace, version), clock, onClosed });
  if (disk.store === 'indexeddb') return openFallback();
  // Beside the wait for the lock; whoever has that finds out whether it succeeded.
  const directory = openOpfsDirectory([...namespacePath(namespace), versionDirectoryName(version)], clock);
  directory.catch(() => {});
  try {
    const engine = await taking;
    if (engine !== undefined) return await openOpfs(config, runtime, { engine, opening: directory }, onClosed);
  } catch (error) {
    if (disk.store === 'opfs') throw error;
    return openFallback();
  }
  throw unavailable(
    'Another tab holds the disk cache, or another client of this page that was not closed; close it and reload.',
  );
}

async function openOpfs(
  { namespace, version, disk }: CacheConfig,
  { clock, hashing }: DiskStoreRuntime,
  files: { readonly engine: HeldLock; readonly opening: Promise<FileDirectory> },
  onClosed: () => void,
): Promise<AudioStore> {
  const { engine } = files;
  const database = earlierDatabase(databaseName(namespace, version), clock);
  // Beside the log, so that the slower of the two is all that is waited for.
  const opening = database.openExisting();
  try {
    const directory = await files.opening;
    const log = await probed(
      directory,
      openLogStore({ directory, clock, hashing, random: Math.random, maxBytes: disk.maxBytes }),
    );
    return await openMigratingStore({
      log,
      database,
      earlierStore: await opening,
      clock,
      maxSuperfluousBytes: Math.min(disk.maxBytes * SUPERFLUOUS_SHARE, MAX_SUPERFLUOUS_BYTES),
      onClosed: () => {
        engine.release();
        onClosed();
      },
    });
  } catch (error) {
    engine.release();
    await (await opening)?.close();
    throw error;
  }
}

/** The log that is being opened, if handles of the directory really work; otherwise nothing of it stays open. */
async function probed(directory: FileDirectory, opening: Promise<LogStore>): Promise<LogStore> {
  const [working, opened] = await Promise.allSettled([probe(directory), opening]);
  if (working.status === 'fulfilled' && opened.status === 'fulfilled') return opened.value;
  if (opened.status === 'fulfilled') await opened.value.close();
  // What is wrong with the handles says more than what the log made of it.
  throw working.status === 'rejected' ? working.reason : (opened as PromiseRejectedResult).reason;
}

/**
 * Resolves if a handle really writes and reads. Its file stays, since overwriting needs no room: a quota that is full
 * must not make OPFS look broken.
 * @throws AudioCacheError `STORE_UNAVAILABLE`
 */
async function probe(directory: FileDirectory): Promise<void> {
  try {
    const file = await directory.open(PROBE_FILE);
    try {
      const written = crypto.getRandomValues(new Uint8Array(PROBE_BYTES));
      const read = new Uint8Array(PROBE_BYTES);
      // Chromium before 108 and Safari before 16.4 answer with promises.
      const isTaken = file.write(written, 0) === PROBE_BYTES && file.size() === PROBE_BYTES;
      if (isTaken && file.read(read, 0) === PROBE_BYTES && read.every((byte, index) => byte === written[index])) return;
    } finally {
      file.close();
    }
  } catch (error) {
    throw unavailable('The browser opens no files here.', error);
  }
  throw unavailable('The browser takes files here and does not keep what is written to them.');
}

function unavailable(message: string, cause?: unknown): AudioCacheError {
  return new AudioCacheError('STORE_UNAVAILABLE', message, cause === undefined ? {} : { cause });
}
