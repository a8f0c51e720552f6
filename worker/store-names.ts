/**
 * Where the data of a namespace and version lie. A namespace holds neither slash nor colon, but may be `.` or `..`,
 * which no directory can be called.
 */

/** Names the IndexedDB database. */
export function databaseName(namespace: string, version: number): string {
  return `reprise:${namespace}:v${version}`;
}

/** The directory that holds the directories of all versions, as a path below the origin's root. */
export function namespacePath(namespace: string): readonly string[] {
  return ['reprise', `n-${namespace}`];
}

/** Names the directory of a version. */
export function versionDirectoryName(version: number): string {
  return `v${version}`;
}
