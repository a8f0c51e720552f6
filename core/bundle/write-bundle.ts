/**
 * Writes a bundle as it is read: the next entry is asked for once the one before has gone out, so that no more than one
 * entry's audio is in memory, however large the bundle and however slow its reader.
 */
import { extensionOf } from './audio-format';
import { type BundleEntry, bundleInvalid } from './bundle';
import { checkMetadata } from './bundle-metadata';
import { MANIFEST_FILE, ManifestDraft } from './manifest';
import { type ZipContent, zipFiles } from './zip-writer';

/** What a bundle says about itself. */
export interface BundleOrigin {
  /** Of the cache that the entries are from. */
  readonly namespace: string;
  readonly createdAtMs: number;
  /** Ends the stream with its reason. */
  readonly signal?: AbortSignal | undefined;
}

/** Digits of the key in a file's name: enough to find it by. */
const KEY_DIGITS = 8;

/**
 * Returns the bundle as a stream of bytes. Entries are pulled as the reader wants them, none before its first read; the
 * iteration is ended (`return()`) when the reader cancels, the signal aborts or something fails. The bytes of an entry
 * are only read, and are the caller's again once the next is asked for.
 *
 * The stream fails with the signal's reason, with what `entries` throws, and with an AudioCacheError `BUNDLE_INVALID` at
 * an entry that `openBundle` would refuse.
 */
export function writeBundle(
  entries: AsyncIterable<BundleEntry>,
  about: BundleOrigin,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const { signal } = about;
  const pieces = zipFiles(filesOf(entries, about), about.createdAtMs);
  let abort = () => {};
  const forgetSignal = () => signal?.removeEventListener('abort', abort);
  const end = async () => {
    forgetSignal();
    // Runs once what is under way has ended; what has not begun never does.
    await pieces.return(undefined);
  };
  return new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      start(controller) {
        abort = () => {
          controller.error(signal?.reason);
          // The reader has its reason; that the entries could not be ended helps nobody.
          end().catch(() => {});
        };
        if (signal?.aborted) abort();
        else signal?.addEventListener('abort', abort);
      },
      async pull(controller) {
        const { done, value } = await pieces.next().catch((error: unknown) => {
          forgetSignal();
          throw error;
        });
        if (signal?.aborted) return;
        if (!done) return controller.enqueue(value);
        forgetSignal();
        controller.close();
      },
      cancel: end,
    },
    // Nothing is read ahead.
    { highWaterMark: 0 },
  );
}

/** The files of a bundle in their order. */
async function* filesOf(entries: AsyncIterable<BundleEntry>, about: BundleOrigin): AsyncGenerator<ZipContent, void> {
  const draft = new ManifestDraft();
  const keys = new Set<string>();
  for await (const { metadata: given, bytes } of entries) {
    const number = draft.count + 1;
    const metadata = checkMetadata(given, `Entry ${number} to be bundled`);
    const { key, byteLength, contentType } = metadata;
    if (byteLength !== bytes.byteLength) {
      throw bundleInvalid(`Entry ${number} to be bundled has ${bytes.byteLength} bytes, not ${byteLength} as it says.`);
    }
    if (keys.has(key)) throw bundleInvalid(`Entry ${number} to be bundled has the key of an earlier one, ${key}.`);
    keys.add(key);
    const content = new Uint8Array(bytes);
    const digits = key.slice(key.indexOf('_') + 1).slice(0, KEY_DIGITS);
    const name = `audio/${String(number).padStart(6, '0')}-${digits}.${extensionOf(contentType, content)}`;
    yield { name, content };
    draft.add({ file: name, metadata });
  }
  yield { name: MANIFEST_FILE, content: draft.finish(about) };
}
