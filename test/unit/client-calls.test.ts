/** A whole client over a worker in this process: what its calls take, log, and wait for. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { AudioCacheClientOptions } from '../../src/index';
import { AudioCacheClient } from '../../src/index';
import { audioOf } from '../cache-fixture';
import { OriginFixture } from '../tab-fixture';

let origin: OriginFixture;
const clients: AudioCacheClient[] = [];

beforeEach(() => {
  origin = new OriginFixture();
  gate = new Gate();
  // Each client works alone, with a worker of its own.
  vi.stubGlobal('navigator', {});
});

afterEach(async () => {
  vi.useRealTimers();
  gate.release();
  for (const client of clients.splice(0)) await client.close();
  origin.close();
  vi.unstubAllGlobals();
});

/** What holds back every message to a worker until it is released. */
class Gate {
  #held: (() => void)[] | undefined;

  hold(): void {
    this.#held ??= [];
  }

  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const send of held) send();
  }

  before(worker: Worker): Worker {
    const post = worker.postMessage.bind(worker);
    const postMessage = (message: unknown, transfer: Transferable[]) => {
      if (this.#held === undefined) post(message, transfer);
      else this.#held.push(() => post(message, transfer));
    };
    return Object.assign(worker, { postMessage });
  }
}

let gate: Gate;

function open(options: AudioCacheClientOptions = {}): AudioCacheClient {
  const cache = new AudioCacheClient({
    worker: () => gate.before(origin.startWorker({}, () => false)),
    onWarning: () => {},
    synthesize: async () => audioOf(1),
    ...options,
  });
  clients.push(cache);
  return cache;
}

describe('A call', () => {
  it('that is given an option of another one is refused, and does nothing', async () => {
    const cache = open();
    await cache.put('Kept.', audioOf(1), { contentType: 'audio/mpeg' });
    const wrong = { collection: 'book' } as never;
    const calls: Record<string, () => Promise<unknown>> = {
      get: () => cache.get('Kept.', wrong),
      has: () => cache.has('Kept.', wrong),
      delete: () => cache.delete('Kept.', wrong),
      clear: () => cache.clear(wrong),
      cleanup: () => cache.cleanup(wrong),
      pin: () => cache.pin('Kept.', wrong),
      unpin: () => cache.unpin('Kept.', wrong),
      info: () => cache.info('Kept.', wrong),
      flush: () => cache.flush(wrong),
      stats: () => cache.stats(wrong),
      metrics: () => cache.metrics(wrong),
      collection: () => cache.collection('book', wrong),
      collections: () => cache.collections(wrong),
      configure: () => cache.configure({}, wrong),
      startCleanup: () => cache.startCleanup(wrong),
      stopCleanup: () => cache.stopCleanup(wrong),
      put: () => cache.put('Other.', audioOf(2), wrong),
      getOrSynthesize: () => cache.getOrSynthesize('Other.', wrong),
      regenerate: () => cache.regenerate('Kept.', wrong),
      touchCollection: () => cache.touchCollection('book', wrong),
      deleteCollection: () => cache.deleteCollection('book', wrong),
      verify: () => cache.verify(wrong),
      importBundle: () => cache.importBundle(new ArrayBuffer(0), wrong),
      exportAudio: () => cache.exportAudio('book', wrong),
    };
    for (const [name, call] of Object.entries(calls)) {
      await expect(call(), name).rejects.toMatchObject({ code: 'INVALID_OPTIONS', field: 'collection' });
    }
    expect(await cache.has('Kept.')).toBe(true);
    expect(await cache.has('Other.')).toBe(false);
  });

  it('that is given what is no name of a collection is refused', async () => {
    const cache = open();
    for (const name of ['', 'x'.repeat(201), 7 as never, undefined as never]) {
      for (const call of [
        () => cache.collection(name),
        () => cache.touchCollection(name),
        () => cache.deleteCollection(name),
        () => cache.exportAudio(name),
        () => cache.pin({ collection: name }),
        () => cache.unpin({ collection: name }),
      ]) {
        await expect(call()).rejects.toMatchObject({ code: 'INVALID_OPTIONS', field: 'collection' });
      }
    }
  });
});

describe('Two changes of the configuration one right after the other', () => {
  it('are taken when the second needs the first', async () => {
    const cache = open();
    await cache.configure({ price: { perThousandCharacters: 1 } });
    expect(await cache.configure({ budget: { limit: 5 } })).toMatchObject({ budget: { limit: 5 } });
  });
});

describe('The log', () => {
  it('begins with what a client finds out while it is made', async () => {
    const lines: string[] = [];
    open({ logLevel: 'info', log: (level, line) => lines.push(`${level} ${line}`) });
    await vi.waitFor(() => expect(lines.length).toBeGreaterThan(1));
    expect(lines.slice(0, 2)).toEqual([
      'info this tab is now alone',
      expect.stringMatching(/^warn alert raised TAB_ALONE: /),
    ]);
  });

  it('has the key of each operation where the caller or the answer names it', async () => {
    const lines: string[] = [];
    const cache = open({ logLevel: 'debug', log: (level, line) => level === 'debug' && lines.push(line) });
    const key = await cache.put('Hello.', audioOf(1), { contentType: 'audio/mpeg' });
    const missing = `v1_${'a'.repeat(64)}`;
    await cache.has({ key });
    await cache.has({ key: missing });
    await cache.info('Hello.');
    await cache.info('Nothing.');
    await cache.get({ key: missing });
    await cache.pin({ key });
    await cache.delete({ key });
    await cache.delete('Nothing.');
    await cache.flush();
    await vi.waitFor(() => expect(lines).toHaveLength(10));
    const [short, shortMissing] = [key.slice(0, 11), missing.slice(0, 11)];
    const told = lines.map((line) => line.replace(/ [\d.]+ ms/, ''));
    expect(told).toEqual([
      `put ${short} 1000 bytes`,
      `has ${short}`,
      `has ${shortMissing} miss`,
      `info ${short}`,
      'info miss',
      `get ${shortMissing} miss`,
      `pin ${short}`,
      `delete ${short}`,
      'delete miss',
      'flush',
    ]);
  });

  it('has a line at error for each operation that failed, and none for one that was aborted', async () => {
    const lines: string[] = [];
    const cache = open({ logLevel: 'error', log: (level, line) => lines.push(`${level} ${line}`) });
    await expect(cache.delete({ key: 'v2_x' })).rejects.toMatchObject({ code: 'INVALID_KEY' });
    await expect(cache.pin({ collection: 'none' })).rejects.toMatchObject({ code: 'INVALID_OPTIONS' });
    await expect(cache.get({ key: 'v2_x' })).rejects.toMatchObject({ code: 'INVALID_KEY' });
    await expect(cache.has('Hello.', { signal: AbortSignal.abort() })).rejects.toThrow();
    await vi.waitFor(() => expect(lines).toHaveLength(3));
    expect(lines).toEqual([
      expect.stringMatching(/^error failed delete v2_x INVALID_KEY: /),
      expect.stringMatching(/^error failed pin INVALID_OPTIONS: /),
      expect.stringMatching(/^error failed INVALID_KEY: /),
    ]);
  });
});

describe('A phrase that is to be labelled', () => {
  const labels = { collections: ['book'] };

  it('is labelled by the time its caller has it', async () => {
    const cache = open();
    await cache.getOrSynthesize('Hello.', labels);
    expect(await cache.info('Hello.')).toMatchObject(labels);
    await cache.regenerate('Hello.', { collections: ['again'] });
    expect(await cache.info('Hello.')).toMatchObject({ collections: ['book', 'again'] });
  });

  it('plays after a second at the latest while the disk hangs, and is labelled once it can be', async () => {
    const cache = open();
    await cache.getOrSynthesize('Hello.');
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    let clip: unknown;
    cache.on('served', () => gate.hold());
    void cache.getOrSynthesize('Hello.', labels).then((served) => {
      clip = served;
    });
    await origin.quiet();
    await vi.advanceTimersByTimeAsync(950);
    await origin.quiet();
    expect(clip).toBeUndefined();
    await vi.advanceTimersByTimeAsync(100);
    await origin.quiet();
    expect(clip).toMatchObject({ source: 'memory' });
    gate.release();
    expect(await cache.info('Hello.')).toMatchObject(labels);
  });

  it('is waited for no longer than its caller wants', async () => {
    const cache = open();
    await cache.getOrSynthesize('Hello.');
    cache.on('served', () => gate.hold());
    const stop = new AbortController();
    const said = cache.getOrSynthesize('Hello.', { ...labels, signal: stop.signal });
    const aborted = expect(said).rejects.toMatchObject({ name: 'AbortError' });
    await origin.quiet();
    stop.abort();
    await aborted;
  });
});
