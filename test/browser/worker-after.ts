/** The cache's worker in a world that a test has changed. */

/** No directory can be had, as in a private window of Firefox. */
export const NO_OPFS = `StorageManager.prototype.getDirectory = () =>
  Promise.reject(new DOMException('denied', 'SecurityError'));`;

/** Older versions are deleted at once instead of some seconds after the start. */
export const DELETING_SOON = `const { setTimeout: wait } = self;
  self.setTimeout = (callback, delayMs) => wait(callback, delayMs === 5_000 ? 0 : delayMs);`;

/** Starts the real worker after this code ran in it. */
export function workerAfter(prelude: string): () => Worker {
  const blobUrl = (code: string) => URL.createObjectURL(new Blob([code], { type: 'text/javascript' }));
  const main = new URL('../../worker/main.ts', import.meta.url).href;
  return () => new Worker(blobUrl(`import '${blobUrl(prelude)}'; import '${main}';`), { type: 'module' });
}
