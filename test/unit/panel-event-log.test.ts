import { describe, expect, it } from 'vitest';
import { AudioCacheError } from '../../core/protocol/audio-cache-error';
import { describeEvent, isTold } from '../../src/panel/event-line';

const KEY = `v1_${'0123456789abcdef'.repeat(4)}`;

describe('events in words', () => {
  it('names a served clip by its phrase, with source and latency', () => {
    const served = {
      type: 'served',
      key: KEY,
      source: 'memory',
      latencyMs: 0.2,
      byteLength: 1,
      joined: false,
      missReason: undefined,
    } as const;
    expect(describeEvent({ ...served, text: 'Timer set.' })).toEqual(['memory', 'Timer set.', '200 µs']);
  });

  it('names it by its key when the phrase is unknown, and says when it was joined', () => {
    const served = {
      type: 'served',
      key: KEY,
      source: 'origin',
      latencyMs: 438,
      byteLength: 1,
      joined: true,
      missReason: undefined,
    } as const;
    expect(describeEvent({ ...served, text: undefined })).toEqual(['origin', '0123456789… (joined)', '438 ms']);
  });

  it('says why a phrase had to be made again, and nothing of one that is new', () => {
    const served = {
      type: 'served',
      key: KEY,
      source: 'origin',
      latencyMs: 438,
      byteLength: 1,
      joined: false,
      text: 'Hi.',
    } as const;
    expect(describeEvent({ ...served, missReason: 'evicted' })[1]).toBe('Hi. (evicted)');
    expect(describeEvent({ ...served, missReason: 'new' })[1]).toBe('Hi.');
  });

  it('tells a miss, and of other operations only those that no event tells of', () => {
    const operation = { type: 'operation', key: undefined, latencyMs: 1, byteLength: undefined } as const;
    const miss = { ...operation, name: 'get', isFound: false } as const;
    expect(describeEvent(miss)).toEqual(['miss', '', '1 ms']);
    expect(isTold(miss)).toBe(true);
    // The panel asks these itself, once a second.
    for (const name of ['stats', 'entries', 'collections', 'put', 'delete']) {
      expect(isTold({ ...operation, name, isFound: undefined })).toBe(false);
    }
  });

  it('tells an alert by its severity, and when it is over', () => {
    const alert = { code: 'QUOTA_LOW', severity: 'warning', message: 'Little room is left.', sinceMs: 0 } as const;
    const line = 'QUOTA_LOW: Little room is left.';
    expect(describeEvent({ type: 'alert', alert, isRaised: true })).toEqual(['warning', line]);
    expect(describeEvent({ type: 'alert', alert, isRaised: false })).toEqual(['over', line]);
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
