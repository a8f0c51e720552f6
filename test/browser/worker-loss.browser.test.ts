/** A worker that dies, hangs or never starts: playback goes on. */
import { afterEach, expect, test } from 'vitest';
import { closeClients, createClient, createOrigin, sameBytes, until, wavOf } from './speech';

afterEach(closeClients);

/** Starts real workers and keeps hold of them, so that a test can kill the current one. */
function workerFactory() {
  const workers: Worker[] = [];
  const start = () => {
    const worker = new Worker(new URL('../../worker/main.ts', import.meta.url), { type: 'module' });
    workers.push(worker);
    return worker;
  };
  return { start, workers, kill: () => workers.at(-1)?.terminate() };
}

test('a read that was lost with its worker is answered by the next worker, from disk', async () => {
  const { start, workers, kill } = workerFactory();
  const origin = createOrigin();
  const cache = createClient({ worker: start, synthesize: origin.synthesize });
  await cache.put('Still here.', wavOf('Still here.'));
  kill();
  const clip = await cache.get('Still here.');
  expect(clip?.source).toBe('disk');
  expect(clip && sameBytes(await clip.bytes(), wavOf('Still here.'))).toBe(true);
  expect(workers).toHaveLength(2);
  expect((await cache.stats()).performance.errors.workerLost).toBe(1);
});

test('getOrSynthesize finds in the next worker what the lost one had stored', async () => {
  const { start, kill } = workerFactory();
  const origin = createOrigin();
  const cache = createClient({ worker: start, synthesize: origin.synthesize });
  await cache.put('On disk.', wavOf('On disk.'));
  kill();
  expect((await cache.getOrSynthesize('On disk.')).source).toBe('disk');
  expect(origin.asked).toEqual([]);
});

test('a worker terminated during a synthesis costs nobody the clip, nor a second synthesis', async () => {
  const { start, kill } = workerFactory();
  const origin = createOrigin();
  origin.hold();
  const cache = createClient({ worker: start, synthesize: origin.synthesize });
  const requests = Array.from({ length: 5 }, () => cache.getOrSynthesize('In the middle.'));
  await until(() => origin.asked.length > 0);
  await cache.has('anything');
  kill();
  // Those who wait learn of the loss before the synthesis ends.
  await until(() => cache.getSnapshot().performance.errors.workerLost > 0);
  origin.release();
  for (const clip of await Promise.all(requests)) {
    expect(sameBytes(await clip.bytes(), wavOf('In the middle.'))).toBe(true);
  }
  expect(origin.asked).toEqual(['In the middle.']);
});

test('what was synthesized while the worker was lost is kept by the next one', async () => {
  const { start, kill } = workerFactory();
  const origin = createOrigin();
  origin.hold();
  const cache = createClient({ worker: start, synthesize: origin.synthesize });
  const filler = cache.getOrSynthesize('Kept after all.');
  await until(() => origin.asked.length > 0);
  kill();
  const joiner = cache.getOrSynthesize('Kept after all.');
  await until(() => cache.getSnapshot().performance.errors.workerLost > 0);
  origin.release();
  await Promise.all([filler, joiner]);
  await until(() => cache.getSnapshot().tiers.disk.entries === 1);
  expect((await cache.get('Kept after all.'))?.source).toBe('memory');
  expect(origin.asked).toHaveLength(1);
});

test('other calls that were lost with their worker reject with WORKER_LOST, and later ones work', async () => {
  const { start, kill } = workerFactory();
  const cache = createClient({ worker: start });
  await cache.put('One.', wavOf('One.'));
  kill();
  await expect(cache.put('Two.', wavOf('Two.'))).rejects.toMatchObject({ code: 'WORKER_LOST' });
  await cache.put('Three.', wavOf('Three.'));
  expect(await cache.has('One.')).toBe(true);
});

test('a worker that hangs is replaced', async () => {
  const hanging = URL.createObjectURL(new Blob(['for (;;) {}'], { type: 'text/javascript' }));
  let starts = 0;
  const cache = createClient({
    worker: () => {
      starts++;
      const real = new URL('../../worker/main.ts', import.meta.url);
      return starts === 1 ? new Worker(hanging) : new Worker(real, { type: 'module' });
    },
    callTimeoutMs: 1000,
    synthesize: (spec) => wavOf(spec.text),
  });
  // The first call is answered from the page once its deadline has passed; nobody waits for the handshake's.
  const clip = await cache.getOrSynthesize('Without a cache.');
  expect(clip.source).toBe('origin');
  expect(clip.key).toMatch(/^v1_[0-9a-f]{64}$/);
  await until(() => cache.getSnapshot().tiers.disk.entries === 1);
  expect(starts).toBe(2);
  expect((await cache.get('Without a cache.'))?.key).toBe(clip.key);
});

test.each([
  ['a script that is not there', () => new Worker('/no-such-worker.js', { type: 'module' })],
  ['a script that throws', () => new Worker(URL.createObjectURL(new Blob(['throw new Error("broken")'])))],
  [
    'a browser that refuses workers',
    () => {
      throw new DOMException('refused', 'SecurityError');
    },
  ],
])('with %s phrases are synthesized on the page, and one warning and stats() say so', async (_, worker) => {
  const origin = createOrigin();
  const warnings: string[] = [];
  const cache = createClient({
    worker,
    synthesize: origin.synthesize,
    onWarning: (message) => warnings.push(message),
  });
  const alerts: string[] = [];
  cache.onAlert(({ code }) => alerts.push(code));
  const clips = await Promise.all([cache.getOrSynthesize('Speak anyway.'), cache.getOrSynthesize('Speak anyway.')]);
  for (const clip of clips) expect(sameBytes(await clip.bytes(), wavOf('Speak anyway.'))).toBe(true);
  expect(origin.asked).toEqual(['Speak anyway.']);
  await until(() => warnings.length > 0);
  expect(cache.getSnapshot().runtime).toMatchObject({ workerMode: 'none', store: 'none' });
  const stats = await cache.stats();
  expect(stats.runtime).toMatchObject({ workerMode: 'none', store: 'none' });
  expect(stats.health).toMatchObject({ status: 'failing', alerts: [{ code: 'WORKER_UNAVAILABLE' }] });
  expect(alerts).toEqual(['WORKER_UNAVAILABLE']);
  await expect(cache.get('Speak anyway.')).rejects.toMatchObject({ code: 'WORKER_LOST' });
  await expect(cache.put('x', wavOf('x'))).rejects.toMatchObject({ code: 'WORKER_LOST' });
  expect(warnings).toHaveLength(1);
});

test('a worker of another protocol version is refused clearly and not tried again', async () => {
  let starts = 0;
  const stranger = URL.createObjectURL(
    new Blob(
      [
        `onmessage = ({ data }) => {
           if (data.path?.[0] === 'open') postMessage({ id: data.id, type: 'RAW', value: { error: {
             name: 'AudioCacheError', code: 'INVALID_OPTIONS', message: 'protocol 1 and 99', context: {} } } });
         };`,
      ],
      { type: 'text/javascript' },
    ),
  );
  const warnings: string[] = [];
  const cache = createClient({
    worker: () => {
      starts++;
      return new Worker(stranger);
    },
    synthesize: (spec) => wavOf(spec.text),
    onWarning: (message) => warnings.push(message),
  });
  expect((await cache.getOrSynthesize('Alone.')).source).toBe('origin');
  await until(() => warnings.length > 0);
  expect(warnings[0]).toContain('protocol 1 and 99');
  expect(starts).toBe(1);
});
