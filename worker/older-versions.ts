/**
 * Deletes what older versions of a namespace have left, once nobody uses it. Never a newer version, which another tab
 * may have been updated to already, and never what it cannot be sure of: where it cannot look or lock, all of it stays.
 * What fails is tried again after the next start.
 */
import type { Clock } from '../core/clock';
import type { CacheConfig } from '../core/protocol/values';
import { databaseNames, deleteDatabase } from './earlier-database';
import { openOpfsDirectory } from './opfs-file';
import { inUseLockName, takeLock } from './store-lock';
import { databaseName, namespacePath, versionDirectoryName } from './store-names';

/** The first seconds belong to the page. */
const DELETE_AFTER_MS = 5_000;

/** The namespace, and the version that is in use. */
export type VersionInUse = Pick<CacheConfig, 'namespace' | 'version'>;

/** Deletes unused older versions a few seconds from now, unless the returned function is called before. */
export function deleteOlderVersionsSoon(current: VersionInUse, clock: Clock): () => void {
  return clock.schedule(() => {
    deleteOlderVersions(current, clock).catch(() => {});
  }, DELETE_AFTER_MS);
}

/**
 * Deletes all older versions of the namespace that nobody uses now.
 * @throws whatever the platform says where it has no Web Locks, or refuses
 */
export async function deleteOlderVersions({ namespace, version }: VersionInUse, clock: Clock): Promise<void> {
  const directories = await versionDirectories(namespace);
  const databases = await databaseNames().catch((): readonly string[] => []);
  for (const older of olderVersions(version, directories, databases, namespace)) {
    // Held until the deletion is over, so that a tab of that version waits for its end instead of using half of it.
    const lock = await takeLock(inUseLockName(namespace, older), { mode: 'exclusive', waitMs: 0 }, clock);
    if (lock === undefined) continue;
    try {
      if (directories.includes(versionDirectoryName(older))) await deleteVersionDirectory(namespace, older);
      if (databases.includes(databaseName(namespace, older))) await deleteDatabase(databaseName(namespace, older));
    } finally {
      lock.release();
    }
  }
}

/** Versions below the present one of which there is anything. */
function olderVersions(
  version: number,
  directories: readonly string[],
  databases: readonly string[],
  namespace: string,
): readonly number[] {
  const numbers = [...directories, ...databases].map((name) => Number(/v(\d+)$/.exec(name)?.[1]));
  const isThere = (older: number) =>
    directories.includes(versionDirectoryName(older)) || databases.includes(databaseName(namespace, older));
  return [...new Set(numbers)].filter((older) => older < version && isThere(older));
}

/** Names of all that lies in the namespace's directory; nothing is created by looking. */
async function versionDirectories(namespace: string): Promise<readonly string[]> {
  const directory = await openNamespace(namespace).catch(() => undefined);
  const names: string[] = [];
  for await (const [name, handle] of directory?.entries() ?? []) if (handle.kind === 'directory') names.push(name);
  return names;
}

async function openNamespace(namespace: string): Promise<FileSystemDirectoryHandle> {
  let directory = await navigator.storage.getDirectory();
  for (const name of namespacePath(namespace)) directory = await directory.getDirectoryHandle(name);
  return directory;
}

async function deleteVersionDirectory(namespace: string, version: number): Promise<void> {
  const name = versionDirectoryName(version);
  const files = await openOpfsDirectory([...namespacePath(namespace), name]);
  for (const fileName of await files.list()) {
    const file = await files.open(fileName);
    // Chromium counts a removed file's bytes as used after a restart unless it was cut before.
    file.truncate(0);
    file.close();
  }
  const parent = await openNamespace(namespace);
  await parent.removeEntry(name, { recursive: true });
}
