/** A disk tier that is missing, broken or damaged: playback goes on, and statistics say so. */
import { openDB } from 'idb';
import { afterEach, describe, expect, test } from 'vitest';
import { damageLastByte } from './disk-content';
import { closeClients, createClient, createOrigin, freshNamespace, sameBytes, until, wavOf } from './speech';
import { NO_OPFS, workerAfter } from './worker-after';

afterEach(closeClients);

describe.each([
  ['missing', `Object.defineProperty(self, 'indexedDB', { value: undefined });`],
  ['forbidden', `IDBFactory.prototype.open = () => { throw new DOMException('denied', 'SecurityError'); };`],
  [
    'unable to open',
    `IDBFactory.prototype.open = () => { throw new DOMException('Internal error', 'UnknownError'); };`,
  ],
])('without OPFS and with IndexedDB %s', (_, prelude) => {
  test('audio is kept in memory only, with one warning, and stats() say so', async () => {
    const warnings: string[] = [];
    const origin = createOrigin();
    const cache = createClient({
      worker: workerAfter(NO_OPFS + prelude),
      synthesize: origin.synthesize,
      onWarning: (message) => warnings.push(message),
    });
    await cache.getOrSynthesize('In memory.');
    expect((await cache.getOrSynthesize('In memory.')).source).toBe('memory');
    await cache.put('Put too.', wavOf('Put too.'));
    expect((await cache.entries()).entries.map((entry) => entry.spec?.text)).toEqual(['Put too.', 'In memory.']);
    const stats = await cache.stats();
    expect(stats.runtime.store).toBe('none');
    expect(stats.tiers).toMatchObject({ memory: { entries: 2 }, disk: { entries: 0, maxBytes: 0 } });
    expect(stats.health).toMatchObject({ status: 'degraded', alerts: [{ code: 'STORE_FALLBACK' }] });
    expect(warnings).toHaveLength(1);
    await expect(cache.put('x', wavOf('x'), { durability: 'durable' })).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
    });
    expect(await cache.delete('In memory.')).toBe(true);
    expect(await cache.has('In memory.')).toBe(false);
  });
});

test.each([
  ['indexeddb', `IDBObjectStore.prototype.put = () => { throw new DOMException('no room', 'QuotaExceededError'); };`],
  [
    'opfs',
    // The small writes that tell whether files work at all succeed.
    `const { write } = FileSystemSyncAccessHandle.prototype;
     FileSystemSyncAccessHandle.prototype.write = function (bytes, options) {
       if (bytes.byteLength > 300) throw new DOMException('no room', 'QuotaExceededError');
       return write.call(this, bytes, options);
     };`,
  ],
] as const)(
  'when every write to %s fails, clips play and are kept in memory, and stats() say so',
  async (store, prelude) => {
    const cache = createClient({
      disk: { store },
      worker: workerAfter(prelude),
      synthesize: (spec) => wavOf(spec.text),
    });
    for (const text of ['One.', 'Two.', 'Three.']) {
      expect((await cache.getOrSynthesize(text)).source).toBe('origin');
      expect((await cache.getOrSynthesize(text)).source).toBe('memory');
    }
    await cache.flush();
    const { performance, health, runtime } = await cache.stats();
    expect(runtime.store).toBe(store);
    expect(performance.errors.diskWrites).toBeGreaterThanOrEqual(3);
    expect(health.alerts).toMatchObject([{ code: 'WRITES_FAILING' }]);
    await expect(cache.put('x', wavOf('x'), { durability: 'durable' })).rejects.toMatchObject({
      code: 'QUOTA_EXCEEDED',
    });
  },
);

async function damageInIndexedDb(namespace: string, key: string): Promise<void> {
  const database = await openDB(`reprise:${namespace}:v1`);
  const audio: ArrayBuffer = await database.get('audio', key);
  const damaged = new Uint8Array(audio.slice(0));
  damaged[100] = (damaged[100] ?? 0) ^ 1;
  await database.put('audio', damaged.buffer, key);
  database.close();
}

test.each([
  ['indexeddb', damageInIndexedDb],
  ['opfs', damageLastByte],
] as const)(
  'an entry damaged in %s is never played: it is dropped, counted, and synthesized again',
  async (store, damage) => {
    const namespace = freshNamespace();
    const origin = createOrigin();
    const options = { namespace, disk: { store }, synthesize: origin.synthesize };
    const first = createClient(options);
    const { key } = await first.getOrSynthesize('Fragile.');
    await first.close();
    await damage(namespace, key);

    const second = createClient(options);
    const clip = await second.getOrSynthesize('Fragile.');
    expect(clip.source).toBe('origin');
    expect(sameBytes(await clip.bytes(), wavOf('Fragile.'))).toBe(true);
    expect(origin.asked).toHaveLength(2);
    await second.flush();
    const { performance, tiers } = await second.stats();
    // By the disk tier, which compares checksums, or by a store that could not make sense of the bytes.
    expect(performance.errors.corrupt + tiers.disk.damagedRecords).toBe(1);
    expect(tiers.disk.entries).toBe(1);
  },
);

test('a strict policy that forbids WebAssembly changes neither keys nor what is found', async () => {
  const namespace = freshNamespace();
  const withoutWasm = workerAfter(`WebAssembly.compile = WebAssembly.instantiate = async () => { throw new
    WebAssembly.CompileError("Refused to compile: 'wasm-unsafe-eval' is not allowed"); };`);
  const strict = createClient({ namespace, worker: withoutWasm, synthesize: (spec) => wavOf(spec.text) });
  const spoken = await strict.getOrSynthesize({ text: 'Hello world', voice: 'Alloy ' });
  expect(spoken.key).toBe('v1_3817f69ebd6a710412cadc69450380a17e94dfcfb023ea6d90b24e7d06221bd3');
  await strict.close();
  const relaxed = createClient({ namespace });
  const found = await relaxed.get({ text: 'Hello world', voice: 'alloy' });
  expect(found?.source).toBe('disk');
});

test('a session that was cut off is cleaned up soon after the next start', async () => {
  const namespace = freshNamespace();
  const first = createClient({ namespace });
  for (let index = 0; index < 20; index++) await first.put(`Phrase ${index}`, wavOf(`Phrase ${index}`), { ttlMs: 1 });
  await first.close();
  const second = createClient({ namespace });
  await second.has('anything');
  await until(
    () => second.getSnapshot().tiers.disk.entries === 0 && second.getSnapshot().performance.expirations === 20,
  );
});
