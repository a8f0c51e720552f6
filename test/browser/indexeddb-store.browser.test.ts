/** What only a real IndexedDB does, and only Chromium lets a test provoke: run out of quota. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../core/clock';
import type { AudioCacheError } from '../../core/protocol/audio-cache-error';
import { openIndexedDbStore } from '../../worker/indexeddb-store';
import { entryOf, keyOf } from '../stored-entries';

interface StorageBuckets {
  open(name: string, options: { readonly quota: number }): Promise<{ readonly indexedDB: IDBFactory }>;
  delete(name: string): Promise<void>;
}
// Chromium's own, and not among TypeScript's types yet. A bucket's quota is enforced like an origin's.
const { storageBuckets } = navigator as { readonly storageBuckets?: StorageBuckets };

describe.runIf(storageBuckets)('IndexedDbStore over quota', () => {
  beforeEach(async () => {
    const bucket = await storageBuckets?.open('small', { quota: 2_000_000 });
    vi.stubGlobal('indexedDB', bucket?.indexedDB);
  });
  afterEach(async () => {
    vi.unstubAllGlobals();
    await storageBuckets?.delete('small');
  });

  /** Writes entries until one is refused; resolves to how many there are, and how the last one was refused. */
  const fill = async (store: Awaited<ReturnType<typeof openIndexedDbStore>>, byteLength: number) => {
    for (let id = 0; ; id++) {
      const refusal = await store.write(entryOf(id, { byteLength }), 1000 + id, 'relaxed').catch((error) => error);
      if (refusal !== undefined) return { count: id, refusal: refusal as AudioCacheError }; // Checked by the caller.
    }
  };

  it.each([10_000, 100_000])('refuses a write of %i bytes whole, and still evicts', async (byteLength) => {
    const store = await openIndexedDbStore({ name: 'quota', clock: systemClock });
    const { count, refusal } = await fill(store, byteLength);
    expect(refusal).toMatchObject({ code: 'QUOTA_EXCEEDED', cause: { name: 'QuotaExceededError' } });
    expect(store.usage()).toEqual({ entries: count, bytes: count * byteLength });
    expect(await store.read(keyOf(count))).toBeUndefined();

    // Chromium leaves a request of a refused transaction unanswered every few times, so once would prove little.
    for (let attempt = 0; attempt < 5; attempt++) {
      await expect(store.write(entryOf(count, { byteLength }), 5000, 'relaxed')).rejects.toMatchObject({
        code: 'QUOTA_EXCEEDED',
      });
    }
    store.touch(keyOf(0), { accessedAtMs: 5000 });
    expect(await store.evict(3 * byteLength, 100)).toMatchObject({ entries: 3, bytes: 3 * byteLength });
    expect(store.usage()).toEqual({ entries: count - 3, bytes: (count - 3) * byteLength });
    expect((await store.list({ limit: 1_000 })).entries).toHaveLength(count - 3);
    await store.clear();
    expect(store.usage()).toEqual({ entries: 0, bytes: 0 });
    await store.close().catch(() => {});
  });

  it('takes writes again after an eviction of audio that has files of its own', async () => {
    const store = await openIndexedDbStore({ name: 'quota', clock: systemClock });
    const { count } = await fill(store, 100_000);
    await store.evict(300_000, 100);
    await store.write(entryOf(500, { byteLength: 100_000 }), 5000, 'relaxed');
    expect(store.usage()).toEqual({ entries: count - 2, bytes: (count - 2) * 100_000 });
    await store.close();
  });
});
