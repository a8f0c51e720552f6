/** Which locks a worker holds, whatever store it ended with: others wait for them, and delete by them. */
import { proxy, wrap } from 'comlink';
import { afterEach, expect, test } from 'vitest';
import { type CacheEndpoint, PROTOCOL_VERSION } from '../../core/protocol/messages';
import type { DiskConfig } from '../../core/protocol/values';
import { configOf } from '../cache-fixture';
import { untilDisk } from './disk-content';
import { freshNamespace } from './speech';
import { NO_OPFS, workerAfter } from './worker-after';

const workers: Worker[] = [];

afterEach(() => {
  for (const worker of workers.splice(0)) worker.terminate();
});

/** Starts a worker that outlives its cache, and opens one in it. */
async function openIn(namespace: string, disk: Partial<DiskConfig>, prelude = ''): Promise<CacheEndpoint> {
  const worker = workerAfter(prelude)();
  workers.push(worker);
  // Comlink's types split promises of unions; what runs is the endpoint's own methods.
  const endpoint = wrap<CacheEndpoint>(worker) as unknown as CacheEndpoint;
  const config = configOf({ namespace, disk });
  await endpoint.open(
    { protocolVersion: PROTOCOL_VERSION, config },
    proxy(() => {}),
  );
  return endpoint;
}

async function locksOf(namespace: string): Promise<readonly string[]> {
  const { held = [] } = await navigator.locks.query();
  return held.flatMap(({ name, mode }) => (name?.includes(namespace) ? [`${name} ${mode}`] : [])).sort();
}

test.each([
  ['opfs', 'there is one', '', ['v1 exclusive', 'v1:in-use shared']],
  ['auto', 'there is OPFS', '', ['v1 exclusive', 'v1:in-use shared']],
  ['auto', 'there is no OPFS', NO_OPFS, ['v1:in-use shared']],
  ['indexeddb', 'there is OPFS', '', ['v1:in-use shared']],
  ['opfs', 'there is none', NO_OPFS, []],
  ['none', 'there is OPFS', '', []],
] as const)(
  'a cache that asks for %s where %s holds its locks until it is closed',
  async (store, _, prelude, expected) => {
    const namespace = freshNamespace();
    const endpoint = await openIn(namespace, { store }, prelude);
    expect(await locksOf(namespace)).toEqual(expected.map((lock) => `reprise:${namespace}:${lock}`));
    await endpoint.handle({ type: 'close' });
    await untilDisk(async () => (await locksOf(namespace)).length === 0);
  },
);

test('a cache that is refused the disk holds no lock', async () => {
  const namespace = freshNamespace();
  await openIn(namespace, {});
  const before = await locksOf(namespace);
  await openIn(namespace, {});
  expect(await locksOf(namespace)).toEqual(before);
});
