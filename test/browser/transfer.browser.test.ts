/** Between a page and its worker bytes are transferred, never cloned. */
import { afterEach, expect, test } from 'vitest';
import { closeClients, createClient, until, wavOf } from './speech';

afterEach(closeClients);

/** All buffers in a message, however deep. */
function buffersIn(value: unknown): ArrayBuffer[] {
  if (value instanceof ArrayBuffer) return [value];
  if (ArrayBuffer.isView(value)) return [value.buffer as ArrayBuffer];
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap(buffersIn);
}

/** Looks at what the worker posts: a buffer that still has its bytes afterwards was cloned. */
const WORKER_PRELUDE = `
  ${buffersIn.toString().replace(/^.*function buffersIn/s, 'function buffersIn')}
  const post = self.postMessage.bind(self);
  self.postMessage = (message, transfer) => {
    const buffers = buffersIn(message);
    post(message, transfer);
    for (const buffer of buffers) post({ posted: buffer.byteLength === 0 ? 'transferred' : 'cloned' });
  };
`;

/** Starts the real worker and records how each buffer crossed. */
function watchedWorker() {
  const toWorker: string[] = [];
  const toPage: string[] = [];
  const start = () => {
    const blobUrl = (code: string) => URL.createObjectURL(new Blob([code], { type: 'text/javascript' }));
    const main = new URL('../../worker/main.ts', import.meta.url).href;
    const worker = new Worker(blobUrl(`import '${blobUrl(WORKER_PRELUDE)}'; import '${main}';`), { type: 'module' });
    const post = worker.postMessage.bind(worker);
    worker.postMessage = (message: unknown, transfer?: unknown) => {
      const buffers = buffersIn(message);
      post(message, transfer as Transferable[]);
      for (const buffer of buffers) toWorker.push(buffer.byteLength === 0 ? 'transferred' : 'cloned');
    };
    worker.addEventListener('message', ({ data }) => {
      if (data.posted !== undefined) toPage.push(data.posted);
    });
    return worker;
  };
  return { start, toWorker, toPage };
}

test('puts, fills, hits and joined clips cross by transfer in both directions', async () => {
  const { start, toWorker, toPage } = watchedWorker();
  const cache = createClient({
    worker: start,
    synthesize: (spec) => new Response(wavOf(spec.text, 500)).body as never,
  });
  await cache.put('Put.', wavOf('Put.'));
  await cache.get('Put.');
  await Promise.all([cache.getOrSynthesize('Fill.'), cache.getOrSynthesize('Fill.')]);
  await cache.getOrSynthesize('Fill.');
  await until(() => toPage.length >= 3);
  expect(toWorker.length).toBeGreaterThanOrEqual(2);
  expect(new Set(toWorker)).toEqual(new Set(['transferred']));
  expect(new Set(toPage)).toEqual(new Set(['transferred']));
});

test("put leaves the caller's buffer alone, unless told to take it over", async () => {
  const cache = createClient();
  const copied = wavOf('Copied.');
  await cache.put('Copied.', copied);
  expect(copied.byteLength).toBe(wavOf('Copied.').byteLength);
  const handedOver = wavOf('Handed over.');
  await cache.put('Handed over.', handedOver, { transfer: true });
  expect(handedOver.byteLength).toBe(0);
  expect((await cache.get('Handed over.'))?.byteLength).toBe(copied.byteLength);
});
