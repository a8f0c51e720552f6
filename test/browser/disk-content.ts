/** What lies on this origin's disk, seen and changed behind the cache's back. Files must not be open in any worker. */

/** Opens a directory below the origin's root; undefined when it is not there. */
export async function findDirectory(...path: readonly string[]): Promise<FileSystemDirectoryHandle | undefined> {
  try {
    let directory = await navigator.storage.getDirectory();
    for (const name of path) directory = await directory.getDirectoryHandle(name);
    return directory;
  } catch (error) {
    if (error instanceof DOMException && error.name === 'NotFoundError') return undefined;
    throw error;
  }
}

/** All files of a version, by name; none when it has no directory. */
export async function filesOf(namespace: string, version = 1): Promise<ReadonlyMap<string, FileSystemFileHandle>> {
  const directory = await findDirectory('reprise', `n-${namespace}`, `v${version}`);
  const files = new Map<string, FileSystemFileHandle>();
  for await (const [name, handle] of directory?.entries() ?? []) {
    // What is no directory is a file.
    if (handle.kind === 'file') files.set(name, handle as FileSystemFileHandle);
  }
  return files;
}

/** All that a version keeps in files, as text; what is no text in it does not matter. */
export async function textOnDisk(namespace: string): Promise<string> {
  const files = [...(await filesOf(namespace)).values()];
  const texts = await Promise.all(files.map(async (file) => (await file.getFile()).text()));
  return texts.join('\n');
}

/** Damages the last byte of the longest file: of the audio stored last, while there is one segment with records. */
export async function damageLastByte(namespace: string): Promise<void> {
  let longest: { readonly handle: FileSystemFileHandle; readonly file: File } | undefined;
  for (const [name, handle] of await filesOf(namespace)) {
    const file = await handle.getFile();
    if (name.endsWith('.segment') && file.size > (longest?.file.size ?? 0)) longest = { handle, file };
  }
  if (longest === undefined) throw new Error('There is nothing on disk');
  const { handle, file } = longest;
  const [last = 0] = new Uint8Array(await file.slice(file.size - 1).arrayBuffer());
  const writable = await handle.createWritable({ keepExistingData: true });
  await writable.write({ type: 'write', position: file.size - 1, data: Uint8Array.of(last ^ 1) });
  await writable.close();
}

/** Names of the databases of a namespace. */
export async function databasesOf(namespace: string): Promise<readonly string[]> {
  const databases = await indexedDB.databases();
  return databases.flatMap(({ name }) => (name?.startsWith(`reprise:${namespace}:`) ? [name] : []));
}

/** Writes a file of a version, as some other version of the library would. */
export async function writeFileOf(namespace: string, name: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  let directory = await navigator.storage.getDirectory();
  for (const each of ['reprise', `n-${namespace}`, 'v1']) {
    directory = await directory.getDirectoryHandle(each, { create: true });
  }
  const writable = await (await directory.getFileHandle(name, { create: true })).createWritable();
  await writable.write(bytes);
  await writable.close();
}

/** Resolves when the condition holds; looks again after every task. The test's own time limit ends a wait in vain. */
export async function untilDisk(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise(requestAnimationFrame);
}
