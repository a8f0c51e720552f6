import { describe, expect, it } from 'vitest';
import { Metrics } from '../../core/metrics/metrics';
import type { ClipMetadata } from '../../core/protocol/values';

const NOW_MS = Date.UTC(2025, 5, 18, 12);
const CLIP: ClipMetadata = {
  contentType: 'audio/mpeg',
  byteLength: 1000,
  createdAtMs: NOW_MS,
  expiresAtMs: NOW_MS + 1000,
  characters: 20,
  synthesisMs: 350,
};

describe('The counters of a cache', () => {
  it('start at zero, with no rate at all', () => {
    const summary = new Metrics(NOW_MS).summary(NOW_MS);
    expect(summary).toMatchObject({ requests: 0, hits: 0, misses: 0, joined: 0, evictions: 0, promotions: 0 });
    expect(Object.values(summary.hitRate)).toEqual([undefined, undefined, undefined, undefined]);
    expect(summary.errors).toEqual({
      corrupt: 0,
      collisions: 0,
      diskReads: 0,
      diskWrites: 0,
      refused: 0,
      synthesis: 0,
      workerLost: 0,
      ignoredMessages: 0,
    });
  });

  it('count a request once, as hit, miss or joined', () => {
    const metrics = new Metrics(NOW_MS);
    metrics.hit(CLIP, NOW_MS);
    metrics.hit(CLIP, NOW_MS);
    metrics.hit(CLIP, NOW_MS);
    metrics.miss(NOW_MS);
    metrics.joinedFill(CLIP);
    const { requests, hits, misses, joined, hitRate } = metrics.summary(NOW_MS);
    expect({ requests, hits, misses, joined }).toEqual({ requests: 5, hits: 3, misses: 1, joined: 1 });
    expect(hitRate).toEqual({ last1Min: 0.75, last5Min: 0.75, last15Min: 0.75, allTime: 0.75 });
  });

  it('count what hits and joins saved', () => {
    const metrics = new Metrics(NOW_MS);
    metrics.hit(CLIP, NOW_MS);
    metrics.joinedFill(CLIP);
    metrics.miss(NOW_MS);
    expect(metrics.summary(NOW_MS).saved).toEqual({ requests: 2, characters: 40, synthesisMs: 350 });
  });

  it('keep the tiers apart', () => {
    const metrics = new Metrics(NOW_MS);
    metrics.lookedUp('memory', false, NOW_MS);
    metrics.lookedUp('disk', true, NOW_MS);
    metrics.tiers.memory.evictions += 2;
    metrics.tiers.disk.evictions += 3;
    metrics.tiers.disk.expirations += 4;
    const { tiers, tierHitRate, evictions, expirations } = metrics.summary(NOW_MS + 30_000);
    expect(tiers.memory).toMatchObject({ hits: 0, misses: 1, evictions: 2 });
    expect(tiers.disk).toMatchObject({ hits: 1, misses: 0, evictions: 3, expirations: 4 });
    expect(tierHitRate.memory.last1Min).toBe(0);
    expect(tierHitRate.disk.last1Min).toBe(1);
    expect(tierHitRate.remote.last1Min).toBeUndefined();
    expect({ evictions, expirations }).toEqual({ evictions: 5, expirations: 4 });
  });

  it('are handed out as a copy', () => {
    const metrics = new Metrics(NOW_MS);
    const before = metrics.summary(NOW_MS);
    metrics.errors.corrupt++;
    metrics.tiers.disk.puts++;
    metrics.hit(CLIP, NOW_MS);
    expect(before).toEqual(new Metrics(NOW_MS).summary(NOW_MS));
    expect(structuredClone(before)).toEqual(before);
  });
});
