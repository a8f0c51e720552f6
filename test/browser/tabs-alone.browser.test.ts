/** Where tabs cannot share: no Web Locks, as in an insecure context or an old browser. */
import { afterEach, expect, test, vi } from 'vitest';
import { closeClients, createClient, freshNamespace, wavOf } from './speech';
import { workerAfter } from './worker-after';

const NO_LOCKS = `Object.defineProperty(WorkerNavigator.prototype, 'locks', { value: undefined });`;

afterEach(async () => {
  vi.restoreAllMocks();
  await closeClients();
});

/** A client of a tab in such a browser. */
function createLonelyClient(namespace: string, warnings: string[] = []) {
  return createClient({ namespace, worker: workerAfter(NO_LOCKS), onWarning: (message) => warnings.push(message) });
}

test('each tab works alone on IndexedDB, says so once, and finds on disk what another one has stored', async () => {
  vi.spyOn(navigator, 'locks', 'get').mockReturnValue(undefined as never);
  const namespace = freshNamespace();
  const warnings: string[] = [];
  const [first, second] = [createLonelyClient(namespace, warnings), createLonelyClient(namespace)];
  await first.put('For both.', wavOf('For both.'));
  expect((await second.get('For both.'))?.source).toBe('disk');
  const { runtime, health } = await first.stats();
  expect(runtime).toMatchObject({ role: 'alone', owner: true, store: 'indexeddb' });
  expect(health).toMatchObject({ status: 'degraded', alerts: [{ code: 'TAB_ALONE' }] });
  expect(warnings).toEqual([health.alerts[0]?.message]);
  expect(warnings[0]).toContain('Web Locks');
});
