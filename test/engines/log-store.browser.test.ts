/** The store contract on the log over the origin private file system, where an engine has handles that work. */
import { afterAll, expect, test } from 'vitest';
import { server } from 'vitest/browser';
import { remoteStoresOf } from '../remote-store';
import { describeStoreContract } from '../store-contract';

const worker = new Worker(new URL('../worker/log-store-worker.ts', import.meta.url), { type: 'module' });
const openStore = remoteStoresOf(worker, 'opfs');
afterAll(() => worker.terminate());

// WebKitGTK has `createSyncAccessHandle`, which rejects with NotSupportedError.
if (server.browser === 'webkit') {
  test('a log store says STORE_UNAVAILABLE where handles exist and do not work', async () => {
    await expect(openStore('anywhere')).rejects.toMatchObject({
      name: 'AudioCacheError',
      code: 'STORE_UNAVAILABLE',
      cause: { name: 'NotSupportedError' },
    });
  });
} else {
  describeStoreContract('LogStore in OPFS', openStore, { severalWriters: false });
}
