/** The turns of a page's life: hidden, unloading, frozen for the back/forward cache and restored. */
import { afterEach, expect, test, vi } from 'vitest';
import { closeClients, createClient, until, wavOf } from './speech';

afterEach(async () => {
  vi.restoreAllMocks();
  await closeClients();
});

/** Starts real workers and records what they are asked and when they end. */
function watchedWorkers() {
  const workers: { readonly requests: string[]; isTerminated: boolean }[] = [];
  const start = () => {
    const worker = new Worker(new URL('../../worker/main.ts', import.meta.url), { type: 'module' });
    const seen = { requests: [] as string[], isTerminated: false };
    workers.push(seen);
    const post = worker.postMessage.bind(worker);
    worker.postMessage = (message: { argumentList?: { value?: { type?: string } }[] }, ...rest: never[]) => {
      const type = message.argumentList?.[0]?.value?.type;
      if (type !== undefined) seen.requests.push(type);
      post(message, ...rest);
    };
    const terminate = worker.terminate.bind(worker);
    worker.terminate = () => {
      seen.isTerminated = true;
      terminate();
    };
    return worker;
  };
  return { start, workers };
}

function hide(state: 'hidden' | 'visible'): void {
  vi.spyOn(document, 'visibilityState', 'get').mockReturnValue(state);
  document.dispatchEvent(new Event('visibilitychange'));
}

test('a page that is hidden flushes and cleans up; one that becomes visible does not', async () => {
  const { start, workers } = watchedWorkers();
  const cache = createClient({ worker: start });
  await cache.put('Here.', wavOf('Here.'));
  hide('visible');
  await cache.has('x');
  expect(workers[0]?.requests).not.toContain('flush');
  hide('hidden');
  await cache.has('x');
  const requests = workers[0]?.requests ?? [];
  expect(requests.slice(requests.indexOf('flush'))).toEqual(['flush', 'cleanup', 'has']);
});

test('a page that unloads flushes and cleans up', async () => {
  const { start, workers } = watchedWorkers();
  const cache = createClient({ worker: start });
  await cache.has('x');
  dispatchEvent(new Event('beforeunload'));
  await cache.has('x');
  expect(workers[0]?.requests).toEqual(expect.arrayContaining(['flush', 'cleanup']));
});

test('a page frozen for the back/forward cache lets its worker go, and starts another when it is restored', async () => {
  const { start, workers } = watchedWorkers();
  const cache = createClient({ worker: start });
  await cache.put('Still here.', wavOf('Still here.'));
  dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }));
  expect(workers[0]?.isTerminated).toBe(true);
  dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }));
  expect((await cache.get('Still here.'))?.source).toBe('disk');
  expect(workers).toHaveLength(2);
});

test('a page that Chromium freezes in the background lets its worker go, and is served again when it is resumed', async () => {
  const { start, workers } = watchedWorkers();
  const cache = createClient({ worker: start });
  await cache.put('Still here.', wavOf('Still here.'));
  document.dispatchEvent(new Event('freeze'));
  expect(workers[0]?.isTerminated).toBe(true);
  const asked = cache.get('Still here.');
  document.dispatchEvent(new Event('resume'));
  expect((await asked)?.source).toBe('disk');
});

test('a page that goes away for good lets its worker go, too: another tab can have the stores at once', async () => {
  const { start, workers } = watchedWorkers();
  const cache = createClient({ worker: start });
  await cache.has('x');
  dispatchEvent(new PageTransitionEvent('pagehide', { persisted: false }));
  expect(workers[0]?.isTerminated).toBe(true);
});

test('a closed client listens to the page no more', async () => {
  const { start, workers } = watchedWorkers();
  const cache = createClient({ worker: start });
  await cache.has('x');
  await cache.close();
  dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }));
  hide('hidden');
  await until(() => workers[0]?.isTerminated === true);
  expect(workers).toHaveLength(1);
  expect(workers[0]?.requests).not.toContain('flush');
});
