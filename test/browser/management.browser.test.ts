/** Collections, pins, checks, bundles, limits at run time: what an app does with its cache beside speaking. */
import { afterEach, expect, test } from 'vitest';
import type { AudioCacheClient } from '../../src/audio-cache-client';
import { damageLastByte, textOnDisk } from './disk-content';
import { closeClients, createClient, createOrigin, freshNamespace, sameBytes, until, wavOf } from './speech';

afterEach(closeClients);

/** A book of so many sentences, downloaded. */
async function download(cache: AudioCacheClient, count: number): Promise<readonly string[]> {
  const sentences = Array.from({ length: count }, (_, index) => `Sentence ${index}.`);
  for (const text of sentences) await cache.getOrSynthesize(text, { collections: ['book'] });
  return sentences;
}

test('a book is downloaded, pinned, and complete after a restart', async () => {
  const namespace = freshNamespace();
  const { synthesize } = createOrigin();
  const first = createClient({ namespace, synthesize });
  const sentences = await download(first, 5);
  expect((await first.pin({ collection: 'book' })).entries).toBe(5);
  await first.close();
  const cache = createClient({ namespace });
  const { collections } = await cache.collections();
  expect(collections).toMatchObject([{ name: 'book', pinned: true, entries: 5, missing: 0, complete: true }]);
  for (const text of sentences) expect((await cache.get(text))?.source).toBe('disk');
  await cache.clear();
  expect((await cache.stats()).tiers.disk.pinned.entries).toBe(5);
  await cache.clear({ pinned: true });
  expect((await cache.stats()).tiers.disk.entries).toBe(0);
});

test('a phrase that is there already joins a collection when it is asked for', async () => {
  const { synthesize } = createOrigin();
  const cache = createClient({ synthesize });
  await cache.getOrSynthesize('Hello.');
  await cache.getOrSynthesize('Hello.', { collections: ['greetings'], pinned: true });
  expect(await cache.info('Hello.')).toMatchObject({ collections: ['greetings'], pinned: true });
});

test('a pin that does not fit is refused, and a phrase that was to be pinned plays all the same', async () => {
  // Pins are weighed by what they take on the disk, and MP3 is stored as it is.
  const long = (text: string) => {
    const bytes = new Uint8Array(900_000).fill(text.charCodeAt(0));
    bytes.set([0x49, 0x44, 0x33]);
    return bytes.buffer;
  };
  const contentType = 'audio/mpeg';
  const warnings: string[] = [];
  const cache = createClient({
    // Four of them stay below the high-water mark, and above the low one, which is where pins end.
    disk: { maxBytes: 4.6 * long('x').byteLength },
    onWarning: (message) => warnings.push(message),
  });
  for (const text of ['a', 'b', 'c']) await cache.put(text, long(text), { pinned: true, contentType });
  await expect(cache.put('d', long('d'), { pinned: true, contentType })).rejects.toMatchObject({
    code: 'QUOTA_EXCEEDED',
  });
  expect(await cache.has('d')).toBe(false);
  const sayLong = async () => new Response(long('d'), { headers: { 'content-type': contentType } });
  const clip = await cache.getOrSynthesize('d', { pinned: true, synthesize: sayLong });
  expect(clip.source).toBe('origin');
  expect(warnings).toEqual([expect.stringContaining('does not fit')]);
  expect((await cache.info('d'))?.pinned).toBe(false);
});

test('a phrase is synthesized anew and replaced, and served as it was until then', async () => {
  let take = 0;
  const cache = createClient({
    synthesize: async () => new Response(wavOf(`take ${++take}`), { headers: { 'content-type': 'audio/wav' } }),
  });
  const heard = async () => (await cache.get('Again.'))?.bytes();
  await cache.getOrSynthesize('Again.');
  const regenerating = cache.regenerate('Again.');
  expect(sameBytes((await heard()) as ArrayBuffer, wavOf('take 1'))).toBe(true);
  expect((await regenerating).source).toBe('origin');
  expect(sameBytes((await heard()) as ArrayBuffer, wavOf('take 2'))).toBe(true);
  await cache.flush();
  expect((await cache.entries()).entries).toHaveLength(1);
});

test('a phrase whose new synthesis fails stays as it was', async () => {
  let isBroken = false;
  const cache = createClient({
    synthesize: async () => {
      if (isBroken) return new Response('no', { status: 400 });
      return new Response(wavOf('fine'), { headers: { 'content-type': 'audio/wav' } });
    },
  });
  await cache.getOrSynthesize('Kept.');
  isBroken = true;
  await expect(cache.regenerate('Kept.')).rejects.toMatchObject({ code: 'SYNTHESIS_FAILED', status: 400 });
  expect(await cache.has('Kept.')).toBe(true);
});

test('a check of all records finds the damaged one, and says how far it is', async () => {
  const namespace = freshNamespace();
  const first = createClient({ namespace });
  for (let index = 0; index < 30; index++) await first.put(`Phrase ${index}`, wavOf(`Phrase ${index}`));
  await first.close();
  await damageLastByte(namespace);
  const cache = createClient({ namespace });
  const seen: number[] = [];
  const report = await cache.verify({ onProgress: ({ done }) => seen.push(done) });
  expect(report).toMatchObject({ checked: 30, intact: 29, unverifiable: 0 });
  expect(report.damaged).toHaveLength(1);
  expect(seen.at(-1)).toBe(30);
  expect(await cache.verify()).toMatchObject({ checked: 29, intact: 29, damaged: [] });
});

test('entries go from one cache to another as one file, labels and all', async () => {
  const { synthesize } = createOrigin();
  const cache = createClient({ synthesize });
  const sentences = await download(cache, 4);
  await cache.put('Alone.', wavOf('Alone.'), { pinned: true, custom: { words: [1, 2] } });
  const bundle = await new Response(await cache.exportBundle()).blob();
  const other = createClient();
  const seen: number[] = [];
  const report = await other.importBundle(bundle, { onProgress: ({ done }) => seen.push(done) });
  expect(report).toEqual({ imported: 5, kept: 0, refused: 0 });
  expect(seen).toEqual([1, 2, 3, 4, 5]);
  for (const text of sentences) {
    expect(sameBytes((await (await other.get(text))?.bytes()) as ArrayBuffer, wavOf(text))).toBe(true);
  }
  expect(await other.info('Alone.')).toMatchObject({ pinned: true, custom: { words: [1, 2] }, origin: 'bundle' });
  expect(await other.collection('book')).toMatchObject({ entries: 4, complete: true });
  expect(await other.importBundle(await bundle.arrayBuffer())).toEqual({ imported: 0, kept: 5, refused: 0 });
});

test('a bundle of one collection holds its entries alone', async () => {
  const { synthesize } = createOrigin();
  const cache = createClient({ synthesize });
  await download(cache, 3);
  await cache.put('Alone.', wavOf('Alone.'));
  const other = createClient();
  const stream = await cache.exportBundle({ collection: 'book' });
  expect(await other.importBundle(stream)).toMatchObject({ imported: 3 });
  expect(await other.has('Alone.')).toBe(false);
});

test('a damaged, truncated or foreign bundle is refused and changes nothing', async () => {
  const cache = createClient();
  await cache.put('Here.', wavOf('Here.'));
  const bundle = new Uint8Array(await new Response(await cache.exportBundle()).arrayBuffer());
  const other = createClient();
  const damaged = bundle.slice();
  damaged[Math.floor(damaged.length / 3)] = (damaged[Math.floor(damaged.length / 3)] ?? 0) ^ 1;
  for (const wrong of [damaged, bundle.slice(0, -10), new TextEncoder().encode('not a bundle'), new Uint8Array(0)]) {
    await expect(other.importBundle(new Blob([wrong]))).rejects.toMatchObject({ code: 'BUNDLE_INVALID' });
  }
  expect((await other.entries()).entries).toEqual([]);
});

test('an export that is aborted ends with the reason', async () => {
  const cache = createClient();
  for (let index = 0; index < 20; index++) await cache.put(`Phrase ${index}`, wavOf(`Phrase ${index}`));
  const stop = new AbortController();
  const stream = await cache.exportBundle({
    signal: stop.signal,
    onProgress: ({ done }) => done === 5 && stop.abort(),
  });
  await expect(new Response(stream).blob()).rejects.toThrow();
});

test('a collection of WAV files becomes one that plays from the first to the last', async () => {
  const { synthesize } = createOrigin();
  const cache = createClient({ synthesize });
  await download(cache, 3);
  const file = await cache.exportAudio('book');
  expect(file.type).toBe('audio/wav');
  const context = new OfflineAudioContext(1, 8000, 8000);
  const decoded = await context.decodeAudioData(await file.arrayBuffer());
  expect(decoded.duration).toBeCloseTo(3 * 0.05, 3);
  await expect(cache.exportAudio('none')).rejects.toMatchObject({ code: 'INVALID_OPTIONS' });
});

test('limits are changed while the cache works, and contradictions refused before anything happens', async () => {
  const size = wavOf('x').byteLength;
  const cache = createClient();
  for (let index = 0; index < 10; index++) await cache.put(`Phrase ${index}`, wavOf('x'));
  for (const [change, field] of [
    [{ disk: { lowWater: 0.95 } }, 'disk.lowWater'],
    [{ memory: { ttlMs: -1 } }, 'memory.ttlMs'],
    [{ disk: { maxBytes: 1 } }, 'disk.maxBytes'],
    [{ budget: { limit: 1 } }, 'budget'],
    [{ price: { perThousandCharacters: -1 } }, 'price.perThousandCharacters'],
  ] as const) {
    await expect(cache.configure(change)).rejects.toMatchObject({ code: 'INVALID_OPTIONS', field });
  }
  const config = await cache.configure({ memory: { maxBytes: 5 * size } });
  expect(config.memory.maxBytes).toBe(5 * size);
  await until(() => cache.getSnapshot().tiers.memory.entries === 4);
  expect(cache.getSnapshot().config.memory.maxBytes).toBe(5 * size);
});

test('limits that were changed hold for a tab that is opened later, also once it is the owner', async () => {
  const namespace = freshNamespace();
  const first = createClient({ namespace });
  await first.configure({ price: { perThousandCharacters: 1 } });
  await first.configure({ budget: { limit: 5 }, memory: { maxEntries: 7 } });
  await first.stopCleanup();
  const late = createClient({ namespace });
  expect(await late.configure({ budget: { limit: 6 } })).toMatchObject({ memory: { maxEntries: 7 } });
  expect(late.getSnapshot().runtime.role).toBe('follower');
  await first.close();
  const { config, runtime } = await late.stats();
  expect(runtime).toMatchObject({ role: 'owner', isCleanupScheduled: false });
  expect(config).toMatchObject({
    memory: { maxEntries: 7 },
    budget: { limit: 6 },
    price: { perThousandCharacters: 1 },
  });
});

test('whatever is wrong with a call is refused by name before anything is asked', async () => {
  const cache = createClient();
  const refused: readonly (readonly [() => Promise<unknown>, string])[] = [
    [() => cache.entries({ sort: 'age' as never }), 'sort'],
    [() => cache.entries({ limit: 0 }), 'limit'],
    [() => cache.put('a', wavOf('a'), { collections: [''] }), 'collections'],
    [() => cache.put('a', wavOf('a'), { collections: ['x'.repeat(201)] }), 'collections'],
    [() => cache.put('a', wavOf('a'), { ttlMs: -5 }), 'ttlMs'],
    [() => cache.verify({ onProgress: 7 as never }), 'onProgress'],
    [() => cache.exportBundle({ collection: '' }), 'collection'],
    [() => cache.pin({ collection: 'none' }), 'collection'],
    [() => cache.pin({ collection: '' }), 'collection'],
    [() => cache.clear({ collection: 'book' } as never), 'collection'],
    [() => cache.get('a', { pinned: true } as never), 'pinned'],
    [() => cache.exportAudio('x'.repeat(201)), 'collection'],
  ];
  for (const [call, field] of refused) {
    await expect(call(), field).rejects.toMatchObject({ code: 'INVALID_OPTIONS', field });
  }
  expect(await cache.has('a')).toBe(false);
});

test('without stored texts no text is anywhere on disk, nor in what is exported', async () => {
  const namespace = freshNamespace();
  const { synthesize } = createOrigin();
  const cache = createClient({ namespace, synthesize, storeText: false });
  await cache.getOrSynthesize('A secret sentence.', { collections: ['c'], pinned: true });
  await cache.flush();
  const bundle = await new Response(await cache.exportBundle()).text();
  expect((await cache.entries({ search: 'secret' })).entries).toEqual([]);
  await cache.close();
  const disk = await textOnDisk(namespace);
  expect(disk.length).toBeGreaterThan(100);
  for (const text of [disk, bundle]) expect(text).not.toContain('secret');
});

test('asking the browser to keep the storage answers yes or no, and the statistics say which', async () => {
  const cache = createClient();
  const isPersisted = await cache.persist();
  expect(isPersisted).toBe(await navigator.storage.persisted());
  expect(await cache.persist()).toBe(isPersisted);
  await until(() => cache.getSnapshot().tiers.disk.persisted === isPersisted);
  const { estimate } = (await cache.stats()).tiers.disk;
  expect(estimate?.quotaBytes).toBeGreaterThan(0);
});

test('the log has a line for each operation at debug, none when silent, and texts only where they are stored', async () => {
  const lines: string[] = [];
  const log = (level: string, line: string) => lines.push(`${level} ${line}`);
  const { synthesize } = createOrigin();
  const cache = createClient({ synthesize, logLevel: 'debug', log, storeText: false });
  await cache.getOrSynthesize('Hello.');
  await cache.get('Hello.');
  await cache.get('Nothing.');
  await cache.put('Put.', wavOf('Put.'));
  await cache.delete('Put.');
  await until(() => lines.some((line) => line.includes('deleted')) && lines.some((line) => line.includes('delete ')));
  const size = wavOf('Put.').byteLength;
  expect(lines).toContainEqual(
    expect.stringMatching(new RegExp(`^debug served v1_\\w{8} origin [\\d.]+ ms ${size} bytes$`)),
  );
  expect(lines).toContainEqual(expect.stringMatching(/^debug served v1_\w{8} memory [\d.]+ ms \d+ bytes$/));
  expect(lines).toContainEqual(expect.stringMatching(/^debug get miss [\d.]+ ms$/));
  expect(lines).toContainEqual(expect.stringMatching(new RegExp(`^debug put v1_\\w{8} [\\d.]+ ms ${size} bytes$`)));
  expect(lines.join('\n')).not.toContain('Hello');
  const spoken: string[] = [];
  const telling = createClient({ synthesize, logLevel: 'debug', log: (_, line) => spoken.push(line) });
  await telling.getOrSynthesize('Hello.');
  await until(() => spoken.some((line) => line.includes('served')));
  expect(spoken.join('\n')).toContain('"Hello."');
  const silent: string[] = [];
  const quiet = createClient({ synthesize, log: (_, line) => silent.push(line) });
  await quiet.getOrSynthesize('Hello.');
  expect(silent).toEqual([]);
});

test('what failed is logged at error, with what it was and the key it was about', async () => {
  const lines: string[] = [];
  const cache = createClient({ logLevel: 'error', log: (level, line) => lines.push(`${level} ${line}`) });
  await expect(cache.info({ key: 'v2_x' })).rejects.toMatchObject({ code: 'INVALID_KEY' });
  await until(() => lines.length > 0);
  expect(lines).toEqual([expect.stringMatching(/^error failed info v2_x INVALID_KEY: /)]);
});

test('an exceeded budget is an alert, and refuses new phrases where that was asked for', async () => {
  const { synthesize, asked } = createOrigin();
  const alerts: string[] = [];
  const cache = createClient({
    synthesize,
    price: { perThousandCharacters: 100, currency: 'EUR' },
    budget: { limit: 1, whenExceeded: 'refuse' },
  });
  cache.onAlert(({ code }, isRaised) => alerts.push(`${isRaised ? '+' : '-'}${code}`));
  await cache.getOrSynthesize('Twelve chars');
  await expect(cache.getOrSynthesize('Too much.')).rejects.toMatchObject({
    code: 'SYNTHESIS_FAILED',
    reason: 'budget',
  });
  expect((await cache.get('Twelve chars'))?.source).toBe('memory');
  expect(asked).toEqual(['Twelve chars']);
  await cache.stats();
  expect(alerts).toEqual(['+BUDGET_EXCEEDED']);
  expect(cache.getSnapshot().performance).toMatchObject({
    spent: { requests: 1, characters: 12 },
    budget: { isExceeded: true },
  });
  await cache.configure({ budget: { limit: 100 } });
  await cache.stats();
  expect(alerts).toEqual(['+BUDGET_EXCEEDED', '-BUDGET_EXCEEDED']);
  await cache.getOrSynthesize('Too much.');
});

test('a disk that the browser has emptied is told of once, and the cache works on', async () => {
  const namespace = freshNamespace();
  const first = createClient({ namespace });
  await first.put('Gone.', wavOf('Gone.'));
  await until(() => first.getSnapshot().tiers.disk.entries === 1);
  await first.close();
  const root = await navigator.storage.getDirectory();
  const reprise = await root.getDirectoryHandle('reprise');
  await reprise.removeEntry(`n-${namespace}`, { recursive: true });
  for (const { name = '' } of await indexedDB.databases()) {
    if (name.includes(namespace)) indexedDB.deleteDatabase(name);
  }
  const warnings: string[] = [];
  const open = () => createClient({ namespace, onWarning: (message) => warnings.push(message) });
  const second = open();
  expect(await second.get('Gone.')).toBeUndefined();
  expect(warnings).toEqual([expect.stringContaining('has removed all audio')]);
  expect((await second.stats()).health.alerts).toMatchObject([{ code: 'STORE_EMPTIED' }]);
  await second.put('New.', wavOf('New.'));
  await second.close();
  const third = open();
  expect((await third.get('New.'))?.source).toBe('disk');
  expect(warnings).toHaveLength(1);
});

test.each<readonly [how: string, empty: (cache: AudioCacheClient) => Promise<unknown>]>([
  ['clearing it', (cache) => cache.clear({ pinned: true })],
  ['deleting the last entry', (cache) => cache.delete('Gone.')],
  ['deleting its collection', (cache) => cache.deleteCollection('book')],
])('a disk that was emptied on purpose is not taken for one that the browser has emptied: by %s', async (_, empty) => {
  const namespace = freshNamespace();
  const warnings: string[] = [];
  const open = () => createClient({ namespace, onWarning: (message) => warnings.push(message) });
  const note = () => localStorage.getItem(`reprise:${namespace}:v1:held`);
  const first = open();
  await first.put('Gone.', wavOf('Gone.'), { collections: ['book'] });
  await until(() => note() === 'opfs');
  await empty(first);
  expect(note()).toBeNull();
  await first.close();
  expect(await open().has('Gone.')).toBe(false);
  expect(warnings).toEqual([]);
});

test('a cache in memory only says nothing about what is on the disk', async () => {
  const namespace = freshNamespace();
  const first = createClient({ namespace });
  await first.put('Kept.', wavOf('Kept.'));
  const note = () => localStorage.getItem(`reprise:${namespace}:v1:held`);
  await until(() => note() === 'opfs');
  await first.close();
  const inMemory = createClient({ namespace, disk: { store: 'none' } });
  await inMemory.put('Other.', wavOf('Other.'));
  await inMemory.clear();
  await until(() => inMemory.getSnapshot().performance.tiers.memory.puts === 1);
  expect(note()).toBe('opfs');
});
