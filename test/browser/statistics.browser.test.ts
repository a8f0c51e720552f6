/** What the cache tells about itself: statistics, events, metrics, entries. */
import { openDB } from 'idb';
import { afterEach, expect, test } from 'vitest';
import { textOnDisk } from './disk-content';
import { closeClients, createClient, createOrigin, freshNamespace, until, wavOf } from './speech';

afterEach(closeClients);

test('statistics count what was asked, found, saved and held', async () => {
  const origin = createOrigin();
  const cache = createClient({ synthesize: origin.synthesize });
  await cache.getOrSynthesize('Twelve chars');
  await cache.getOrSynthesize('Twelve chars');
  await cache.get('Twelve chars');
  await cache.get('not there');
  await cache.flush();
  const { performance, tiers, runtime, health } = await cache.stats();
  expect(performance).toMatchObject({ requests: 4, hits: 2, misses: 2, joined: 0, promotions: 0 });
  expect(performance.hitRate).toMatchObject({ last1Min: 0.5, last5Min: 0.5, last15Min: 0.5, allTime: 0.5 });
  expect(performance.tierHitRate.memory.allTime).toBe(0.5);
  expect(performance.tierHitRate.disk.allTime).toBe(0);
  expect(performance.saved).toMatchObject({ requests: 2, characters: 24 });
  expect(performance.latencyMs).toMatchObject({ memory: { count: 2 }, origin: { count: 1 }, disk: { count: 0 } });
  expect(performance.latencyMs.memory.p50).toBeGreaterThan(0);
  const bytes = wavOf('Twelve chars').byteLength;
  expect(tiers).toMatchObject({ memory: { entries: 1, bytes }, disk: { entries: 1, bytes } });
  expect(runtime).toMatchObject({ owner: true, workerMode: 'module', store: 'opfs' });
  expect(health).toEqual({ status: 'ok', alerts: [] });
});

test('a promotion from disk to memory is counted', async () => {
  const namespace = freshNamespace();
  const first = createClient({ namespace });
  await first.put('Up.', wavOf('Up.'));
  await first.close();
  const second = createClient({ namespace });
  await second.get('Up.');
  await until(() => second.getSnapshot().performance.promotions === 1);
  await second.get('Up.');
  const { performance } = await second.stats();
  expect(performance.promotions).toBe(1);
  expect(performance.tiers).toMatchObject({ memory: { hits: 1, misses: 1 }, disk: { hits: 1, misses: 0 } });
});

test('eviction is counted by tier and told as an event; memory never holds more than its limit', async () => {
  const size = wavOf('x').byteLength;
  const cache = createClient({ memory: { maxBytes: size * 10 } });
  const removed: number[] = [];
  cache.on('entries-removed', ({ tier, reason, entries }) => {
    expect([tier, reason]).toEqual(['memory', 'evicted']);
    removed.push(entries);
  });
  for (let index = 0; index < 30; index++) {
    await cache.put(`Phrase ${index}`, wavOf('x'));
    expect((await cache.stats()).tiers.memory.bytes).toBeLessThanOrEqual(size * 10);
  }
  const { performance, tiers } = await cache.stats();
  const evicted = removed.reduce((total, entries) => total + entries, 0);
  expect(performance.tiers.memory.evictions).toBe(evicted);
  expect(evicted + tiers.memory.entries).toBe(30);
  expect(tiers.disk.entries).toBe(30);
});

test('the disk tier is held under its limit, oldest use first', async () => {
  const size = wavOf('x').byteLength;
  const cache = createClient({ memory: { maxEntries: 1 }, disk: { maxBytes: size * 20 } });
  for (let index = 0; index < 60; index++) {
    await cache.put(`Phrase ${index}`, wavOf('x'));
    expect((await cache.stats()).tiers.disk.bytes).toBeLessThanOrEqual(size * 20);
  }
  expect(await cache.has('Phrase 0')).toBe(false);
  expect(await cache.has('Phrase 59')).toBe(true);
});

test('getSnapshot is the same object until something changed, and subscribers are told', async () => {
  const cache = createClient({ synthesize: (spec) => wavOf(spec.text) });
  const before = cache.getSnapshot();
  expect(cache.getSnapshot()).toBe(before);
  expect(before.performance.requests).toBe(0);
  let told = 0;
  const unsubscribe = cache.subscribe(() => {
    told++;
  });
  await cache.getOrSynthesize('Tell me.');
  await until(() => cache.getSnapshot().performance.latencyMs.origin.count === 1);
  expect(cache.getSnapshot()).not.toBe(before);
  expect(told).toBeGreaterThan(0);
  unsubscribe();
  const toldBefore = told;
  await cache.stats();
  expect(told).toBe(toldBefore);
});

test('every clip served is told with its source, time and size', async () => {
  const cache = createClient({ synthesize: (spec) => wavOf(spec.text) });
  const served: unknown[] = [];
  const stop = cache.on('served', (event) => served.push(event));
  const clip = await cache.getOrSynthesize('Heard.');
  await cache.get({ key: clip.key });
  stop();
  await cache.get('Heard.');
  const common = { type: 'served', key: clip.key, byteLength: clip.byteLength, joined: false };
  expect(served).toMatchObject([
    { ...common, source: 'origin', text: 'Heard.', latencyMs: expect.any(Number) },
    { ...common, source: 'memory', text: undefined },
  ]);
});

test('adding, deleting and clearing are told as events', async () => {
  const cache = createClient();
  const events: string[] = [];
  for (const type of ['entry-added', 'entry-deleted', 'cleared'] as const) cache.on(type, () => events.push(type));
  await cache.put('A.', wavOf('A.'));
  expect(await cache.delete('A.')).toBe(true);
  expect(await cache.delete('A.')).toBe(false);
  await cache.put('B.', wavOf('B.'));
  await cache.clear();
  await until(() => events.length === 4);
  expect(events).toEqual(['entry-added', 'entry-deleted', 'entry-added', 'cleared']);
  expect((await cache.stats()).tiers).toMatchObject({ memory: { entries: 0 }, disk: { entries: 0 } });
});

test('entries are listed by last use, a page at a time, and info tells about one', async () => {
  const cache = createClient();
  for (const text of ['One.', 'Two.', 'Three.']) {
    await cache.put(text, wavOf(text), { custom: { length: text.length } });
    // A put takes less than a millisecond, and entries used at the same time come in the order of their keys.
    const putAtMs = Date.now();
    await until(() => Date.now() > putAtMs);
  }
  await cache.flush();
  const first = await cache.entries({ limit: 2 });
  const second = await cache.entries({ limit: 2, cursor: first.cursor });
  const texts = [...first.entries, ...second.entries].map((entry) => entry.spec?.text);
  expect(texts).toEqual(['Three.', 'Two.', 'One.']);
  expect(second.cursor).toBeUndefined();
  expect(await cache.info('Two.')).toMatchObject({
    contentType: 'audio/wav',
    byteLength: wavOf('Two.').byteLength,
    characters: 4,
    tiers: ['memory', 'disk'],
    custom: { length: 4 },
    checksum: { kind: 'xxh64' },
  });
  expect(await cache.info('Four.')).toBeUndefined();
});

test('with storeText: false no text is kept, in memory or on disk', async () => {
  const namespace = freshNamespace();
  const cache = createClient({ namespace, storeText: false, synthesize: (spec) => wavOf(spec.text) });
  const { key } = await cache.getOrSynthesize('Nobody must know.');
  await cache.put('Nor this.', wavOf('Nor this.'));
  await cache.flush();
  expect(JSON.stringify(await cache.entries())).not.toMatch(/Nobody must know|Nor this/);
  expect((await cache.entries()).entries).toHaveLength(2);
  await cache.close();
  const text = await textOnDisk(namespace);
  expect(text).toContain('audio/wav');
  expect(text).not.toMatch(/Nobody must know|Nor this/);
  // Second copies, which files as new as these need.
  const database = await openDB(`reprise:${namespace}:v1`);
  const metadata: unknown[] = await database.getAll('metadata');
  database.close();
  expect(metadata).toContainEqual(expect.objectContaining({ key }));
  expect(JSON.stringify(metadata)).not.toMatch(/Nobody must know|Nor this/);
});

test('cleanup resolves to what it removed, by tier and reason', async () => {
  const cache = createClient();
  await cache.put('Stays.', wavOf('Stays.'));
  await cache.put('Goes.', wavOf('Goes.'), { ttlMs: 1 });
  const report = await cache.cleanup();
  expect(report.complete).toBe(true);
  expect(report.disk.expired.entries).toBe(1);
  expect(report.disk.evicted.entries).toBe(0);
  expect(await cache.has('Stays.')).toBe(true);
  expect(await cache.get('Goes.')).toBeUndefined();
});

test('metrics are Prometheus text', async () => {
  const cache = createClient({ synthesize: (spec) => wavOf(spec.text) });
  await cache.getOrSynthesize('Scrape me.');
  await cache.getOrSynthesize('Scrape me.');
  const text = await cache.metrics();
  expect(text).toContain('reprise_requests_total{outcome="hit"} 1\n');
  expect(text).toContain('reprise_requests_total{outcome="miss"} 1\n');
  expect(text).toContain('reprise_clip_latency_seconds_count{source="memory"} 1\n');
});

test('two namespaces, two versions and another secret do not see each other', async () => {
  const namespace = freshNamespace();
  const one = createClient({ namespace });
  await one.put('Mine.', wavOf('Mine.'));
  const others = [createClient({ namespace: freshNamespace() }), createClient({ namespace, version: 2 })];
  for (const other of others) expect(await other.has('Mine.')).toBe(false);
  expect(await one.has('Mine.')).toBe(true);
  await one.close();
  // One client at a time has the disk of a cache.
  const secretive = createClient({ namespace, keySecret: 'secret' });
  expect(await secretive.has('Mine.')).toBe(false);
  expect((await secretive.stats()).tiers.disk.entries).toBe(1);
});
