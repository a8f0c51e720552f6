import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { PROTOCOL_VERSION } from '../../core/protocol/messages';
import type { StoreKind } from '../../core/protocol/values';
import { HeldBefore } from '../../src/held-before';
import { CacheService } from '../../worker/cache-service';
import { configOf } from '../cache-fixture';
import { FakeClock } from '../fake-clock';
import { MemoryStore } from '../memory-store';

let kept: Map<string, string>;

beforeEach(() => {
  kept = new Map();
  vi.stubGlobal('localStorage', {
    getItem: (name: string) => kept.get(name) ?? null,
    setItem: (name: string, value: string) => void kept.set(name, value),
    removeItem: (name: string) => void kept.delete(name),
  });
});

afterEach(() => vi.unstubAllGlobals());

const noteOf = (config = configOf()) => new HeldBefore(config);

describe('The note of what a store held', () => {
  it('names the kind of store, also to the next page', () => {
    noteOf().note('opfs', 3);
    expect(noteOf().read()).toBe('opfs');
    noteOf().note('indexeddb', 1);
    expect(noteOf().read()).toBe('indexeddb');
    expect(noteOf(configOf({ namespace: 'other' })).read()).toBeUndefined();
  });

  it('is taken back at once when the last entries may have been removed', () => {
    const note = noteOf();
    note.note('opfs', 3);
    note.removed(2);
    expect(note.read()).toBe('opfs');
    note.removed(1);
    expect(note.read()).toBeUndefined();
    note.note('opfs', 3);
    note.removed();
    expect(note.read()).toBeUndefined();
  });

  it('is taken back also by a page that has not heard yet how many there are', () => {
    noteOf().note('opfs', 3);
    const next = noteOf();
    next.removed(1);
    expect(next.read()).toBeUndefined();
    next.note('opfs', 2);
    expect(next.read()).toBe('opfs');
  });

  it('is left alone by a page whose cache is in memory only', () => {
    noteOf().note('opfs', 3);
    const { disk } = configOf();
    const inMemory = noteOf(configOf({ disk: { ...disk, store: 'none' } }));
    inMemory.removed();
    inMemory.note('none', 0);
    const fallenBack = noteOf();
    fallenBack.note('none', 0);
    fallenBack.removed();
    expect(noteOf().read()).toBe('opfs');
  });

  it('says nothing where nothing can be noted, or something else was', () => {
    kept.set('reprise:test:v1:held', 'something else');
    expect(noteOf().read()).toBeUndefined();
    vi.stubGlobal('localStorage', undefined);
    const note = noteOf();
    note.note('opfs', 3);
    expect(note.read()).toBeUndefined();
  });
});

describe('A store found empty', () => {
  it.each<readonly [heldBefore: StoreKind | undefined, isTold: boolean]>([
    ['indexeddb', true],
    ['opfs', false],
    [undefined, false],
  ])('was emptied if the same kind held something before: %s', async (heldBefore, isTold) => {
    const store = Object.assign(new MemoryStore(), { kind: 'indexeddb' });
    const service = new CacheService({ clock: new FakeClock(), openStore: async () => store });
    const warnings: unknown[] = [];
    await service.open({ protocolVersion: PROTOCOL_VERSION, config: configOf(), heldBefore }, (events) => {
      warnings.push(...events.filter(({ type }) => type === 'warning'));
    });
    expect(warnings.length > 0).toBe(isTold);
    await service.handle({ type: 'close' });
  });
});
