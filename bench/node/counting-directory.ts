/**
 * A directory that counts the bytes written into its files. Its flush waits for no disk: it changes no number, and takes
 * more time than everything else together.
 */
import type { FileDirectory, RandomAccessFile } from '../../core/storage/random-access-file';

/** Counts around another directory. */
export class CountingDirectory implements FileDirectory {
  readonly kind: FileDirectory['kind'];
  readonly nameDurableAfterMs: number;
  readonly #directory: FileDirectory;
  #writtenBytes = 0;

  constructor(directory: FileDirectory) {
    this.#directory = directory;
    this.kind = directory.kind;
    this.nameDurableAfterMs = directory.nameDurableAfterMs;
  }

  /** Bytes that all files together have taken so far. */
  get writtenBytes(): number {
    return this.#writtenBytes;
  }

  list(): Promise<readonly string[]> {
    return this.#directory.list();
  }

  async open(name: string): Promise<RandomAccessFile> {
    const file = await this.#directory.open(name);
    return {
      read: (target, offsetBytes) => file.read(target, offsetBytes),
      write: (source, offsetBytes) => {
        const taken = file.write(source, offsetBytes);
        this.#writtenBytes += taken;
        return taken;
      },
      truncate: (byteLength) => file.truncate(byteLength),
      flush: () => {},
      size: () => file.size(),
      close: () => file.close(),
    };
  }

  remove(name: string): Promise<void> {
    return this.#directory.remove(name);
  }
}
