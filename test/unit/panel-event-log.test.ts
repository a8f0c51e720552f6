import { describe, expect, it } from 'vitest';
import { AudioCacheError } from '../../core/protocol/audio-cache-error';
import { describeEvent } from '../../src/panel/event-line';

const KEY = `v1_${'0123456789abcdef'.repeat(4)}`;

describe('event log', () => {
  it('names a served clip by its phrase, with source and latency', () => {
    const served = {
      type: 'served',
      key: KEY,
      source: 'memory',
      latencyMs: 0.2,
      byteLength: 1,
      joined: false,
    } as const;
    expect(describeEvent({ ...served, text: 'Timer set.' })).toEqual(['memory', 'Timer set.', '200 µs']);
  });

  it('names it by its key when the phrase is unknown, and says when it was joined', () => {
    const served = { type: 'served', key: KEY, source: 'origin', latencyMs: 438, byteLength: 1, joined: true } as const;
    expect(describeEvent({ ...served, text: undefined })).toEqual(['origin', '0123456789… (joined)', '438 ms']);
  });

  it('says in words why a call failed', () => {
    const error = new AudioCacheError('SYNTHESIS_FAILED', 'The service answered 503.');
    expect(describeEvent({ type: 'failed', error })).toEqual(['failed', 'The service answered 503.']);
  });

  it('says what left a tier, why and how much', () => {
    const removed = { type: 'entries-removed', tier: 'disk', reason: 'evicted', entries: 1200, bytes: 2048 } as const;
    expect(describeEvent(removed)).toEqual(['evicted', '1,200 from disk', '2 KB']);
  });

  it('notes entries that came and went', () => {
    expect(describeEvent({ type: 'entry-added', key: KEY, byteLength: 41_984 })).toEqual([
      'added',
      '0123456789…',
      '41 KB',
    ]);
    expect(describeEvent({ type: 'entry-deleted', key: KEY })).toEqual(['deleted', '0123456789…']);
    expect(describeEvent({ type: 'cleared' })).toEqual(['cleared', 'all entries']);
  });
});
