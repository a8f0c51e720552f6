import { describe, expect, it } from 'vitest';
import { BARS_WIDTH, latencyBarsPath } from '../../src/panel/latency-bars';

describe('bars of a latency histogram', () => {
  it('are as high as their share of the fullest, from left to right', () => {
    // Four buckets and what is beyond: 2, 8, 0, 0 and none.
    const path = latencyBarsPath({ cumulative: [2, 10, 10, 10], count: 10, sumMs: 0 });
    expect(path).toBe('M0.0 100v-25.0h57.6v25.0zM72.0 100v-100.0h57.6v100.0z');
    expect(BARS_WIDTH).toBe(360);
  });

  it('can be seen however few they stand for', () => {
    expect(latencyBarsPath({ cumulative: [1, 100_001], count: 100_001, sumMs: 0 })).toContain('M0.0 100v-4.0');
  });

  it('have one for what was longer than every bound', () => {
    expect(latencyBarsPath({ cumulative: [0, 0, 0], count: 5, sumMs: 0 })).toBe('M270.0 100v-100.0h72.0v100.0z');
  });

  it('are none without samples', () => {
    expect(latencyBarsPath({ cumulative: [0, 0], count: 0, sumMs: 0 })).toBe('');
  });
});
