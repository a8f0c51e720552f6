/** What was changed for all tabs holds for those that come later, and for every next owner. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PROTOCOL_VERSION } from '../../core/protocol/messages';
import type { CacheStats, ConfigChange } from '../../core/protocol/values';
import { configOf } from '../cache-fixture';
import { OriginFixture, type TabFixture } from '../tab-fixture';

let origin: OriginFixture;

beforeEach(() => {
  origin = new OriginFixture();
});

afterEach(() => origin.close());

async function openTab(given?: Parameters<OriginFixture['tab']>[0]): Promise<TabFixture> {
  const tab = origin.tab(given);
  // The first worker of all compiles its hashes, which takes time that is not the clock's.
  while (tab.role === undefined) await origin.quiet();
  return tab;
}

function configure(tab: TabFixture, change: ConfigChange) {
  return origin.outcomeOf(tab.line.call({ type: 'configure', change }));
}

async function statsOf(tab: TabFixture) {
  const stats = await origin.outcomeOf(tab.line.call({ type: 'stats' }));
  if (stats === 'pending') throw new Error('It should answer');
  return stats;
}

const ends = {
  'is closed': async (owner: TabFixture) => {
    await origin.outcomeOf(owner.line.close());
    owner.line.end(new Error('closed') as never);
  },
  crashes: async (owner: TabFixture) => owner.crash(),
  'is frozen': async (owner: TabFixture) => owner.line.suspend(),
} as const;

describe.each(Object.keys(ends) as (keyof typeof ends)[])('When the owner %s', (how) => {
  async function next(owner: TabFixture, tab: TabFixture): Promise<void> {
    await ends[how](owner);
    await origin.quiet();
    expect(tab.role).toBe('owner');
  }

  it('the next one goes on with the limits that were changed before it was opened', async () => {
    const owner = await openTab();
    await configure(owner, { memory: { maxBytes: 12_345 }, cleanupIntervalMs: 7_000 });
    const late = await openTab({ config: configOf({ cleanupIntervalMs: 60_000 }) });
    await next(owner, late);
    expect((await statsOf(late)).config).toMatchObject({ memory: { maxBytes: 12_345 }, cleanupIntervalMs: 7_000 });
  });

  it('the next one goes on with what was changed in the moment before', async () => {
    const owner = await openTab();
    const second = await openTab();
    await configure(owner, { memory: { maxBytes: 12_345 } });
    await next(owner, second);
    expect((await statsOf(second)).config.memory.maxBytes).toBe(12_345);
  });

  it('the next one leaves the schedule stopped that was stopped in the moment before, or before it was opened', async () => {
    const owner = await openTab();
    const second = await openTab();
    await origin.outcomeOf(second.line.call({ type: 'schedule-cleanup', isOn: false }));
    const third = await openTab();
    await next(owner, second);
    expect((await statsOf(second)).runtime.isCleanupScheduled).toBe(false);
    await next(second, third);
    expect((await statsOf(third)).runtime.isCleanupScheduled).toBe(false);
    await origin.outcomeOf(third.line.call({ type: 'schedule-cleanup', isOn: true }));
    const fourth = await openTab();
    await next(third, fourth);
    expect((await statsOf(fourth)).runtime.isCleanupScheduled).toBe(true);
  });
});

describe('What happened in the moment before the owner is closed', () => {
  it('is told to the other tabs', async () => {
    const owner = await openTab();
    const follower = await openTab();
    await origin.outcomeOf(owner.line.call({ type: 'clear' }));
    expect(follower.events).toEqual([]);
    await ends['is closed'](owner);
    expect(follower.events.map(({ type }) => type)).toEqual(['cleared']);
  });
});

describe('A worker that takes the place of one that hung', () => {
  it('goes on with the limits and the schedule of that one', async () => {
    const tab = await openTab();
    await configure(tab, { memory: { maxBytes: 12_345 } });
    await origin.outcomeOf(tab.line.call({ type: 'schedule-cleanup', isOn: false }));
    tab.hang();
    const lost = expect(tab.line.call({ type: 'stats' })).rejects.toMatchObject({ code: 'WORKER_LOST' });
    await origin.clock.advance(3_000);
    await lost;
    const { config, runtime } = await statsOf(tab);
    expect([config.memory.maxBytes, runtime.isCleanupScheduled]).toEqual([12_345, false]);
  });
});

describe('A change is checked against the configuration in force', () => {
  const price = { perThousandCharacters: 1, currency: 'EUR' };
  const budget = { limit: 5, periodMs: 86_400_000, whenExceeded: 'warn' } as const;

  it('so that a budget may follow its price at once, also from a tab that has neither in its options', async () => {
    const owner = await openTab();
    await configure(owner, { price });
    await configure(owner, { budget });
    const late = await openTab();
    expect(await configure(late, { budget: { ...budget, limit: 6 } })).toMatchObject({ price, budget: { limit: 6 } });
  });

  it('so that of two tabs that contradict each other the second is refused, and changes nothing', async () => {
    const owner = await openTab();
    const second = await openTab();
    await configure(owner, { memory: { highWater: 0.5, lowWater: 0.4 } });
    const refused = second.line.call({ type: 'configure', change: { memory: { lowWater: 0.6 } } });
    await expect(origin.outcomeOf(refused)).rejects.toMatchObject({
      code: 'INVALID_OPTIONS',
      field: 'memory.lowWater',
    });
    expect((await statsOf(owner)).config.memory).toMatchObject({ highWater: 0.5, lowWater: 0.4 });
  });
});

describe('What somebody else says in the name of the owner', () => {
  const config = configOf();

  async function open() {
    const owner = await openTab();
    const follower = await openTab();
    const said = origin.channels.messages.filter(({ name }) => !/:(?:owner|tab:.*)$/.test(name));
    const hall = said[0]?.name ?? '';
    const { epoch } = (said[0]?.data ?? {}) as { epoch?: unknown };
    const forge = async (message: object) => {
      origin.channels
        .of({})(hall)
        .postMessage({ epoch, ...message });
      await origin.quiet();
    };
    return { owner, follower, forge, stats: await statsOf(owner) };
  }

  it.each<readonly [what: string, event: (stats: CacheStats) => object]>([
    ['statistics that are none', () => ({ type: 'snapshot', stats: 7 })],
    ['statistics without tiers', (stats) => ({ type: 'snapshot', stats: { ...stats, tiers: undefined } })],
    [
      'alerts that are none',
      (stats) => ({ type: 'snapshot', stats: { ...stats, health: { status: '', alerts: [null] } } }),
    ],
    ['no list of alerts', (stats) => ({ type: 'snapshot', stats: { ...stats, health: { status: '', alerts: {} } } })],
    [
      'a count that is no number',
      (stats) => ({ type: 'snapshot', stats: { ...stats, performance: { ...stats.performance, hits: Number.NaN } } }),
    ],
    ['no configuration', (stats) => ({ type: 'snapshot', stats: { ...stats, config: 'none' } })],
    [
      'a configuration with something missing',
      (stats) => ({ type: 'snapshot', stats: { ...stats, config: { ...config, memory: {} } } }),
    ],
    ['an alert that says nothing', () => ({ type: 'alert', alert: {}, isRaised: true })],
    ['a warning of nothing', () => ({ type: 'warning' })],
  ])('is passed over by the others, and counted: %s', async (_, event) => {
    const { owner, follower, forge, stats } = await open();
    await forge({ reprise: 'events', events: [event(stats)] });
    expect(follower.events).toEqual([]);
    expect((await statsOf(owner)).performance.errors.ignoredMessages).toBe(1);
  });

  it.each<readonly [what: string, config: object]>([
    ['a limit below zero', { ...config, memory: { ...config.memory, maxBytes: -1 } }],
    ['no cleanup ever', { ...config, cleanupIntervalMs: 0 }],
    ['another namespace', { ...config, namespace: 'q' }],
    ['another rule for keeping text', { ...config, storeText: false }],
    ['a price of nothing', { ...config, price: {} }],
    ['marks that contradict each other', { ...config, disk: { ...config.disk, highWater: 0.5, lowWater: 0.6 } }],
    ['a field nobody knows', { ...config, surprise: 1 }],
    ['nothing', {}],
  ])('does not hold for the next owner: %s', async (_, forged) => {
    for (const how of ['events', 'owner']) {
      const { owner, follower, forge, stats } = await open();
      if (how === 'events') {
        await forge({ reprise: 'events', events: [{ type: 'snapshot', stats: { ...stats, config: forged } }] });
      } else {
        const state = { config: forged, isCleanupScheduled: false };
        await forge({ reprise: 'owner', protocol: PROTOCOL_VERSION, epoch: 'forged', state });
      }
      owner.crash();
      await origin.quiet();
      await origin.clock.advance(600);
      const { config: inForce, runtime } = await statsOf(follower);
      expect([inForce, runtime.isCleanupScheduled, follower.role]).toEqual([config, true, 'owner']);
      origin.close();
      origin = new OriginFixture();
    }
  });

  it('is not mistaken for what the owner says itself, whatever has happened in its cache', async () => {
    const owner = await openTab({ config: configOf({ price: { perThousandCharacters: 1, currency: 'EUR' } }) });
    const follower = await openTab();
    await configure(owner, { memory: { maxEntries: 3 }, disk: { ttlMs: Number.POSITIVE_INFINITY } });
    await origin.outcomeOf(owner.line.call({ type: 'clear' }));
    await origin.clock.advance(300);
    expect(follower.events).toEqual(owner.events);
    const types = new Set(follower.events.map(({ type }) => type));
    expect([...types]).toEqual(expect.arrayContaining(['configured', 'cleared', 'snapshot']));
  });
});
