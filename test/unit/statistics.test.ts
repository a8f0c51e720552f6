import { afterEach, describe, expect, it, vi } from 'vitest';
import type { PageReport } from '../../core/protocol/messages';
import type { HealthAlert } from '../../core/protocol/values';
import { Statistics } from '../../src/statistics';
import { configOf, openCache, say } from '../cache-fixture';
import { FakeClock } from '../fake-clock';

function open() {
  const clock = new FakeClock();
  const reports: PageReport[] = [];
  const statistics = new Statistics({
    config: configOf(),
    workerMode: 'module',
    clock,
    onReport: (report) => reports.push(report),
  });
  return { clock, reports, statistics };
}

const ALERT: HealthAlert = {
  code: 'WORKER_UNAVAILABLE',
  severity: 'critical',
  message: 'There is no worker.',
  sinceMs: 1,
};
const ALONE: HealthAlert = { code: 'TAB_ALONE', severity: 'warning', message: 'Nobody else is here.', sinceMs: 2 };

afterEach(() => {
  vi.unstubAllGlobals();
});

describe('The statistics of a page', () => {
  it('are complete before the worker has said anything, and of the same shape afterwards', async () => {
    const { statistics } = open();
    const { cache } = await openCache();
    expect(Object.keys(statistics.snapshot)).toEqual(Object.keys(cache.stats()));
    expect(Object.keys(statistics.snapshot.performance).sort()).toEqual(Object.keys(cache.stats().performance).sort());
    expect(statistics.snapshot.performance).toMatchObject({ requests: 0, hits: 0 });
  });

  it('are the same object until there is something new', async () => {
    const { statistics } = open();
    const { cache } = await openCache();
    const before = statistics.snapshot;
    expect(statistics.snapshot).toBe(before);
    let changes = 0;
    const stop = statistics.subscribe(() => changes++);
    statistics.update(cache.stats());
    expect(statistics.snapshot).not.toBe(before);
    expect(changes).toBe(1);
    stop();
    statistics.update(cache.stats());
    expect(changes).toBe(1);
  });

  it('report what was served in batches, a moment later', async () => {
    const { clock, reports, statistics } = open();
    statistics.served('memory', 1);
    statistics.served('origin', 300);
    statistics.failedSynthesis();
    statistics.failedRequest();
    statistics.failedRequest();
    expect(reports).toEqual([]);
    await clock.advance(200);
    expect(reports).toEqual([
      {
        served: [
          { source: 'memory', latencyMs: 1 },
          { source: 'origin', latencyMs: 300 },
        ],
        failedSyntheses: 1,
        failedRequests: 2,
      },
    ]);
    await clock.advance(1000);
    statistics.report();
    expect(reports).toHaveLength(1);
    statistics.served('disk', 5);
    await clock.advance(200);
    expect(reports[1]).toEqual({ served: [{ source: 'disk', latencyMs: 5 }], failedSyntheses: 0, failedRequests: 0 });
    statistics.failedRequest();
    await clock.advance(200);
    expect(reports[2]).toEqual({ served: [], failedSyntheses: 0, failedRequests: 1 });
  });

  it('send along how full the heap of the page is, where the browser tells', () => {
    const { reports, statistics } = open();
    vi.stubGlobal('performance', { memory: { usedJSHeapSize: 30, jsHeapSizeLimit: 120 } });
    statistics.report();
    expect(reports).toEqual([]);
    statistics.served('memory', 1);
    statistics.report();
    expect(reports[0]?.heapRatio).toBe(0.25);
    vi.stubGlobal('performance', { memory: { usedJSHeapSize: 0, jsHeapSizeLimit: 0 } });
    statistics.served('memory', 1);
    statistics.report();
    expect(reports[1]?.heapRatio).toBeUndefined();
  });

  it('count lost workers themselves, since a new worker knows nothing of the last', async () => {
    const { statistics } = open();
    const { cache } = await openCache();
    statistics.lostWorker(undefined);
    statistics.update(cache.stats());
    expect(statistics.snapshot.performance.errors.workerLost).toBe(1);
    expect(statistics.snapshot.health.status).toBe('ok');
    expect(statistics.snapshot.runtime.workerMode).toBe('module');
  });

  it('say that nothing is kept when no worker will come any more, and stay true about the past', async () => {
    const { statistics } = open();
    const { cache } = await openCache();
    await say(cache, 'Hello');
    await say(cache, 'Hello');
    statistics.update(cache.stats());
    statistics.lostWorker(ALERT);
    const { performance, tiers, health, runtime } = statistics.snapshot;
    expect(performance).toMatchObject({ hits: 1, misses: 1, errors: { workerLost: 1 } });
    expect(tiers).toMatchObject({ memory: { entries: 0, bytes: 0 }, disk: { entries: 0, bytes: 0 } });
    expect(health).toEqual({ status: 'failing', alerts: [ALERT] });
    expect(runtime).toMatchObject({ workerMode: 'none', store: 'none', owner: false, isCleanupScheduled: false });
  });

  it('add the alerts of the page to those of the worker', async () => {
    const { statistics } = open();
    const { cache } = await openCache();
    const told = cache.stats();
    const warning: HealthAlert = { code: 'QUOTA_LOW', severity: 'warning', message: 'Little is left.', sinceMs: 3 };
    const critical: HealthAlert = { ...warning, code: 'WRITES_FAILING', severity: 'critical' };
    statistics.worksAlone(ALONE);
    expect(statistics.snapshot.health).toEqual({ status: 'degraded', alerts: [ALONE] });
    statistics.update({ ...told, health: { status: 'degraded', alerts: [warning] } });
    expect(statistics.snapshot.health).toEqual({ status: 'degraded', alerts: [warning, ALONE] });
    statistics.update({ ...told, health: { status: 'failing', alerts: [critical] } });
    expect(statistics.snapshot.health).toEqual({ status: 'failing', alerts: [critical, ALONE] });
  });

  it('say so once, however many workers were lost before', () => {
    const { statistics } = open();
    statistics.lostWorker(undefined);
    statistics.lostWorker(undefined);
    statistics.lostWorker(ALERT);
    expect(statistics.snapshot.health.alerts).toEqual([ALERT]);
    expect(statistics.snapshot.performance.errors.workerLost).toBe(3);
  });
});
