/** Several tabs and one cache: who owns it, and what becomes of a request when that changes. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AudioCacheError } from '../../core/protocol/audio-cache-error';
import { PROTOCOL_VERSION, RESUME_WINDOW_MS } from '../../core/protocol/messages';
import { audioOf, configOf, resultOf } from '../cache-fixture';
import { OriginFixture, type TabFixture } from '../tab-fixture';

const HELLO = { spec: { text: 'Hello' } };

let origin: OriginFixture;

beforeEach(() => {
  origin = new OriginFixture();
});

afterEach(() => origin.close());

function put(tab: TabFixture, take: number, address: { spec: { text: string } } = HELLO) {
  const bytes = audioOf(take);
  const result = resultOf(bytes.byteLength);
  return tab.line.call({ type: 'put', address, bytes, result, durability: 'relaxed' }, { transfer: [bytes] });
}

function get(tab: TabFixture) {
  return tab.line.call({ type: 'get', address: HELLO });
}

/** So many tabs, the first of which is the owner. */
async function openTabs(count: number): Promise<TabFixture[]> {
  const tabs: TabFixture[] = [];
  for (let number = 0; number < count; number++) {
    const tab = origin.tab();
    tabs.push(tab);
    // The first worker of all compiles its hashes, which takes time that is not the clock's.
    while (tab.role === undefined) await origin.quiet();
  }
  return tabs;
}

describe('Tabs of one origin', () => {
  it('share one memory: what one stores is a memory hit in all', async () => {
    const [owner, follower, third] = (await openTabs(3)) as [TabFixture, TabFixture, TabFixture];
    expect([owner.role, follower.role, third.role]).toEqual(['owner', 'follower', 'follower']);
    await origin.outcomeOf(put(follower, 1));
    for (const tab of [owner, follower, third]) {
      expect(await origin.outcomeOf(get(tab))).toMatchObject({ source: 'memory', bytes: audioOf(1) });
    }
  });

  it('hear of the same events and see the same numbers', async () => {
    const [owner, follower] = (await openTabs(2)) as [TabFixture, TabFixture];
    await origin.outcomeOf(put(follower, 1));
    await origin.outcomeOf(get(owner));
    await origin.outcomeOf(owner.line.call({ type: 'delete', address: HELLO }));
    await origin.outcomeOf(follower.line.call({ type: 'clear' }));
    await origin.clock.advance(300);
    await origin.quiet();
    expect(owner.events.map(({ type }) => type)).toEqual(['entry-added', 'entry-deleted', 'cleared', 'snapshot']);
    expect(follower.events).toEqual(owner.events);
  });

  it('get the error of a request as their own worker would give it', async () => {
    const [, follower] = (await openTabs(2)) as [TabFixture, TabFixture];
    const refused = follower.line.call({ type: 'get', address: { key: 'v2_x' } });
    await expect(origin.outcomeOf(refused)).rejects.toMatchObject({ code: 'INVALID_KEY' });
  });

  it('do not share what has another namespace, version, secret or rule for keeping text', async () => {
    const tabs = [
      origin.tab(),
      origin.tab({ config: configOf({ namespace: 'other' }) }),
      origin.tab({ config: configOf({ version: 2 }) }),
      origin.tab({ keySecret: 'x' }),
      origin.tab({ config: configOf({ storeText: false }) }),
    ];
    await origin.quiet();
    expect(tabs.map(({ role }) => role)).toEqual(['owner', 'owner', 'owner', 'owner', 'owner']);
  });

  it('wait for nobody once a request was given up by its deadline', async () => {
    const [owner, follower] = (await openTabs(2)) as [TabFixture, TabFixture];
    origin.channels.kill(owner);
    owner.hang();
    const asked = expect(get(follower)).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    await origin.clock.advance(6_000);
    await asked;
  });
});

describe.each([true, false])('When the owner goes away (followers queue for the lock: %s)', (mayQueue) => {
  beforeEach(() => {
    origin.mayQueue = mayQueue;
  });

  const ends = {
    'is closed': async (owner: TabFixture) => {
      await origin.outcomeOf(owner.line.close());
      owner.line.end(new Error('closed') as never);
    },
    crashes: async (owner: TabFixture) => owner.crash(),
    'is frozen': async (owner: TabFixture) => owner.line.suspend(),
  } as const;

  it.each(Object.keys(ends) as (keyof typeof ends)[])(
    'because it %s, another tab is owner, and no request is lost',
    async (how) => {
      const [owner, second, third] = (await openTabs(3)) as [TabFixture, TabFixture, TabFixture];
      await origin.outcomeOf(put(second, 1));
      const ending = ends[how](owner);
      const asked = [get(second), get(third), put(third, 2, { spec: { text: 'Other' } })];
      await ending;
      // A tab that does not queue notices a crash by the silence.
      if (!mayQueue) await origin.clock.advance(600);
      const answers = await origin.outcomeOf(Promise.all(asked));
      expect(answers).toMatchObject([{ bytes: audioOf(1) }, { bytes: audioOf(1) }, expect.any(String)]);
      expect([second.role, third.role].sort()).toEqual(['follower', 'owner']);
      expect(await origin.outcomeOf(third.line.call({ type: 'has', address: { spec: { text: 'Other' } } }))).toBe(true);
    },
  );

  it('what was acknowledged is readable from the next one', async () => {
    const [owner, second] = (await openTabs(2)) as [TabFixture, TabFixture];
    await origin.outcomeOf(put(owner, 1));
    owner.crash();
    const asked = get(second);
    await origin.clock.advance(600);
    expect(await origin.outcomeOf(asked)).toMatchObject({ source: 'disk', bytes: audioOf(1) });
  });

  it('a tab that waited for somebody’s synthesis has to ask anew', async () => {
    const [owner, second, third] = (await openTabs(3)) as [TabFixture, TabFixture, TabFixture];
    const spec = { text: 'New' };
    const granted = await origin.outcomeOf(second.line.call({ type: 'read', callId: 'second', spec }));
    expect(granted).toMatchObject({ type: 'fill-granted' });
    await origin.outcomeOf(third.line.call({ type: 'read', callId: 'third', spec }));
    const waiting = third.line.call({ type: 'await-fill', callId: 'third' }, { isPatient: true });
    owner.crash();
    const lost = expect(waiting).rejects.toMatchObject({ code: 'WORKER_LOST' });
    await origin.clock.advance(600);
    await lost;
  });

  it('a follower waits for the lock in its queue, or only while there is nobody to follow', async () => {
    const [owner, second, third] = (await openTabs(3)) as [TabFixture, TabFixture, TabFixture];
    const waiting = () => [second, third].filter((tab) => origin.locks.isQueued(tab)).length;
    expect(waiting()).toBe(mayQueue ? 2 : 0);
    owner.line.suspend();
    await origin.quiet();
    expect(waiting()).toBe(mayQueue ? 1 : 0);
  });

  it('a follower whose owner is slow waits for the lock no more than before', async () => {
    const [owner, second] = (await openTabs(2)) as [TabFixture, TabFixture];
    const release = origin.holdWorkers();
    const asked = get(second);
    await origin.clock.advance(300);
    expect(origin.locks.isQueued(second)).toBe(mayQueue);
    release();
    expect(await origin.outcomeOf(asked)).toBeUndefined();
    expect(origin.locks.isQueued(second)).toBe(mayQueue);
    expect([owner.role, second.role]).toEqual(['owner', 'follower']);
  });

  it('a tab that is frozen and comes back goes on as a follower, with what it asked meanwhile', async () => {
    const [owner, second] = (await openTabs(2)) as [TabFixture, TabFixture];
    await origin.outcomeOf(put(second, 1));
    owner.line.suspend();
    const asked = get(owner);
    await origin.quiet();
    expect(second.role).toBe('owner');
    owner.line.resume();
    expect(await origin.outcomeOf(asked)).toMatchObject({ bytes: audioOf(1) });
    expect(owner.role).toBe('follower');
  });

  it('a frozen follower keeps what it asked until it is back', async () => {
    const [, second] = (await openTabs(2)) as [TabFixture, TabFixture];
    await origin.outcomeOf(put(second, 1));
    second.line.suspend();
    const asked = get(second);
    expect(await origin.outcomeOf(asked)).toBe('pending');
    second.line.resume();
    expect(await origin.outcomeOf(asked)).toMatchObject({ bytes: audioOf(1) });
  });

  it('a frozen follower is told that a change it had asked for is lost, and does not make it again', async () => {
    const [owner, second] = (await openTabs(2)) as [TabFixture, TabFixture];
    const clearing = second.line.call({ type: 'clear' }, { isPatient: true });
    const lost = expect(clearing).rejects.toMatchObject({ code: 'WORKER_LOST' });
    second.line.suspend();
    await lost;
    await origin.outcomeOf(put(owner, 1));
    second.line.resume();
    expect(await origin.outcomeOf(get(second))).toMatchObject({ bytes: audioOf(1) });
  });

  it('whoever is closed meanwhile hears that, whatever it waits for', async () => {
    const [, second, third] = (await openTabs(3)) as [TabFixture, TabFixture, TabFixture];
    const spec = { text: 'New' };
    await origin.outcomeOf(second.line.call({ type: 'read', callId: 'second', spec }));
    await origin.outcomeOf(third.line.call({ type: 'read', callId: 'third', spec }));
    const waiting = third.line.call({ type: 'await-fill', callId: 'third' }, { isPatient: true });
    const ended = expect(waiting).rejects.toMatchObject({ code: 'WORKER_LOST' });
    const closed = new AudioCacheError('CLOSED', 'closed');
    third.line.end(closed);
    await ended;
    await expect(third.line.call({ type: 'ping' })).rejects.toBe(closed);
  });

  it('asks for the lock anew after a quarter of a second of silence', async () => {
    const [owner, second] = (await openTabs(2)) as [TabFixture, TabFixture];
    // Frozen with its lock, as the back/forward cache does it: it hears and says nothing.
    origin.channels.kill(owner);
    owner.hang();
    const asked = get(second);
    await origin.clock.advance(240);
    origin.locks.kill(owner);
    await origin.clock.advance(20);
    expect(await origin.outcomeOf(asked)).toBeUndefined();
    expect(second.role).toBe('owner');
  });
});

describe('An owner whose worker hangs', () => {
  it('hears of it from a tab that waits, and starts another worker, which answers', async () => {
    const [owner, second] = (await openTabs(2)) as [TabFixture, TabFixture];
    await origin.outcomeOf(put(second, 1));
    owner.hang();
    const asked = get(second);
    await origin.clock.advance(2_000);
    expect(await origin.outcomeOf(asked)).toMatchObject({ source: 'disk', bytes: audioOf(1) });
    expect(owner.losses).toMatchObject([{ code: 'WORKER_LOST' }]);
    expect([owner.role, second.role]).toEqual(['owner', 'follower']);
  });

  it('is left alone while a tab waits for a long synthesis', async () => {
    const [owner, second, third] = (await openTabs(3)) as [TabFixture, TabFixture, TabFixture];
    const spec = { text: 'New' };
    await origin.outcomeOf(second.line.call({ type: 'read', callId: 'second', spec }));
    await origin.outcomeOf(third.line.call({ type: 'read', callId: 'third', spec }));
    const waiting = third.line.call({ type: 'await-fill', callId: 'third' }, { isPatient: true });
    await origin.clock.advance(30_000);
    expect(await origin.outcomeOf(waiting)).toBe('pending');
    expect(owner.losses).toEqual([]);
    const said = origin.channels.messages.map(({ data }) => (data as { reprise?: string }).reprise);
    expect(said).not.toContain('unanswered');
  });
});

describe('A synthesis that was granted to another tab', () => {
  const spec = { text: 'New' };

  async function twoThatWant() {
    const [owner, filler, waiter] = (await openTabs(3)) as [TabFixture, TabFixture, TabFixture];
    const granted = await origin.outcomeOf(filler.line.call({ type: 'read', callId: 'filler', spec }));
    if (granted === 'pending' || granted.type !== 'fill-granted') throw new Error('It should be granted');
    await origin.outcomeOf(waiter.line.call({ type: 'read', callId: 'waiter', spec }));
    const waiting = waiter.line.call({ type: 'await-fill', callId: 'waiter' }, { isPatient: true });
    // Where the owner goes, too, nobody looks at it.
    waiting.catch(() => {});
    await origin.quiet();
    return { owner, filler, waiter, waiting, fillId: granted.fillId };
  }

  it('goes to the next one who waits when that tab crashes', async () => {
    const { filler, waiting } = await twoThatWant();
    filler.crash();
    expect(await origin.outcomeOf(waiting)).toMatchObject({ type: 'fill-granted' });
  });

  it('goes to the next one when that tab is frozen', async () => {
    const { filler, waiting } = await twoThatWant();
    filler.line.suspend();
    expect(await origin.outcomeOf(waiting)).toMatchObject({ type: 'fill-granted' });
  });

  it('goes to the next one when that tab never shows that it is at work', async () => {
    const [, filler, waiter] = (await openTabs(3)) as [TabFixture, TabFixture, TabFixture];
    void filler.line.call({ type: 'read', callId: 'filler', spec }).catch(() => {});
    await Promise.resolve();
    // It is gone before it hears the answer.
    origin.channels.kill(filler);
    await origin.quiet();
    await origin.outcomeOf(waiter.line.call({ type: 'read', callId: 'waiter', spec }));
    const waiting = waiter.line.call({ type: 'await-fill', callId: 'waiter' }, { isPatient: true });
    expect(await origin.outcomeOf(waiting)).toBe('pending');
    await origin.clock.advance(3_000);
    expect(await origin.outcomeOf(waiting)).toMatchObject({ type: 'fill-granted' });
  });

  it('goes to the next one when that tab gives up before it begins, and leaves no lock behind', async () => {
    const { filler, waiting } = await twoThatWant();
    await origin.outcomeOf(filler.line.call({ type: 'leave-fill', callId: 'filler', hasBegun: false }));
    expect(await origin.outcomeOf(waiting)).toMatchObject({ type: 'fill-granted' });
    expect(origin.locks.held.filter((name) => name.includes(':fill:'))).toHaveLength(1);
  });

  it('stays with it as long as it takes, and its clip goes to all', async () => {
    const { filler, waiting, fillId } = await twoThatWant();
    await origin.clock.advance(60_000);
    const audio = audioOf(1);
    await origin.outcomeOf(filler.line.call({ type: 'fill-chunk', fillId, offsetBytes: 0, chunk: audio }));
    const completed = filler.line.call({ type: 'fill-complete', fillId, result: resultOf(1000) });
    expect(await origin.outcomeOf(completed)).toBe(true);
    expect(await origin.outcomeOf(waiting)).toMatchObject({ source: 'origin', joined: true, bytes: audioOf(1) });
    expect(origin.locks.held.filter((name) => name.includes(':fill:'))).toEqual([]);
  });

  it('is granted to it again by the next owner, before anybody else', async () => {
    const { owner, filler, waiter } = await twoThatWant();
    owner.crash();
    await origin.quiet();
    const again = filler.line.call({ type: 'resume-fill', callId: 'again', spec });
    expect(await origin.outcomeOf(again)).toMatchObject({ type: 'fill-granted' });
    const late = waiter.line.call({ type: 'resume-fill', callId: 'late', spec });
    expect(await origin.outcomeOf(late)).toBeUndefined();
    const asking = waiter.line.call({ type: 'read', callId: 'anew', spec });
    await origin.clock.advance(RESUME_WINDOW_MS);
    expect(await origin.outcomeOf(asking)).toMatchObject({ type: 'fill-pending' });
  });
});

describe('A message that is none of ours', () => {
  const agent = {};

  async function ownerAndFollower() {
    const [owner, follower] = (await openTabs(2)) as [TabFixture, TabFixture];
    const hall = origin.channels.messages.find(({ name }) => !/:(?:owner|tab:.*)$/.test(name))?.name ?? '';
    const ownTab = origin.channels.messages.find(({ name }) => name.includes(':tab:'))?.name ?? '';
    const epoch = origin.channels.messages
      .map(({ data }) => (data as { epoch?: string }).epoch)
      .find((value) => value !== undefined);
    return { owner, follower, hall, ownTab, epoch };
  }

  const post = (name: string, message: unknown) => origin.channels.of(agent)(name).postMessage(message);

  it.each([
    'text',
    null,
    {},
    { reprise: 'request' },
    { reprise: 'nonsense', tabId: 'x' },
    { reprise: 'hello', tabId: '' },
    {
      reprise: 'request',
      protocol: PROTOCOL_VERSION,
      epoch: 'another',
      tabId: 'x',
      requestId: 1,
      request: { type: 'ping' },
    },
    { reprise: 'request', protocol: PROTOCOL_VERSION, tabId: 'x', requestId: 1, request: { type: 'clear' } },
    { reprise: 'filling', epoch: 'another', tabId: 'x', fillId: 'y' },
  ])('is ignored and counted by the owner: %j', async (message) => {
    const { owner, follower, hall } = await ownerAndFollower();
    await origin.outcomeOf(put(follower, 1));
    post(`${hall}:owner`, message);
    const stats = await origin.outcomeOf(owner.line.call({ type: 'stats' }));
    expect(stats).toMatchObject({ performance: { errors: { ignoredMessages: 1 } }, tiers: { memory: { entries: 1 } } });
  });

  it.each([
    { type: 'nonsense' },
    { type: 'put', address: HELLO, bytes: 'no buffer', result: resultOf(1), durability: 'relaxed' },
    { type: 'fill-chunk', fillId: 'x', offsetBytes: 0, chunk: new Uint8Array(3) },
    { type: 'get' },
    { type: 'report', served: [{}], failedSyntheses: 0 },
    'text',
  ])('is ignored by the owner also in a request of its own epoch: %j', async (request) => {
    const { owner, hall, epoch } = await ownerAndFollower();
    post(`${hall}:owner`, { reprise: 'request', protocol: PROTOCOL_VERSION, epoch, tabId: 'x', requestId: 1, request });
    const stats = await origin.outcomeOf(owner.line.call({ type: 'stats' }));
    expect(stats).toMatchObject({ performance: { errors: { ignoredMessages: 1 } } });
  });

  it('does not close the cache of all tabs, whoever asks for that', async () => {
    const { owner, hall, epoch } = await ownerAndFollower();
    await origin.outcomeOf(put(owner, 1));
    const request = { type: 'close' };
    post(`${hall}:owner`, { reprise: 'request', protocol: PROTOCOL_VERSION, epoch, tabId: 'x', requestId: 1, request });
    await origin.quiet();
    expect(await origin.outcomeOf(get(owner))).toMatchObject({ source: 'memory' });
  });

  it.each([
    'text',
    { reprise: 'answer', epoch: 'another', requestId: 1, outcome: { value: 1 } },
    { reprise: 'answer', requestId: 1, outcome: { value: 1 } },
    { reprise: 'alive', epoch: 'another' },
  ])('is ignored and counted by a follower: %j', async (message) => {
    const { follower, ownTab } = await ownerAndFollower();
    post(ownTab, message);
    await origin.quiet();
    expect(follower.ignored).toBe(1);
  });

  it('answers no request whose id it has guessed wrong', async () => {
    const { follower, ownTab, epoch } = await ownerAndFollower();
    post(ownTab, { reprise: 'answer', epoch, requestId: 99, outcome: { value: 'forged' } });
    await origin.quiet();
    expect(follower.ignored).toBe(1);
  });

  it.each([
    7,
    { reprise: 'events', epoch: 'x', events: ['text'] },
    { reprise: 'events', epoch: 'another', events: [] },
  ])('is ignored in the hall, and counted once for all tabs: %j', async (message) => {
    const { owner, follower, hall } = await ownerAndFollower();
    post(hall, message);
    await origin.quiet();
    const stats = await origin.outcomeOf(owner.line.call({ type: 'stats' }));
    expect(stats).toMatchObject({ performance: { errors: { ignoredMessages: 1 } } });
    expect(follower.events).toEqual([]);
  });

  it('does not part a follower from its owner by saying that there is another one', async () => {
    const { owner, follower, hall } = await ownerAndFollower();
    await origin.outcomeOf(put(owner, 1));
    post(hall, { reprise: 'owner', protocol: PROTOCOL_VERSION, epoch: 'forged' });
    expect(await origin.outcomeOf(get(follower))).toMatchObject({ source: 'memory', bytes: audioOf(1) });
  });
});

describe('A tab that cannot share', () => {
  it('works alone, on a database, where there are no locks', async () => {
    const tab = origin.tab({ platform: undefined });
    await origin.outcomeOf(put(tab, 1));
    const stats = await origin.outcomeOf(tab.line.call({ type: 'stats' }));
    expect(stats).toMatchObject({ config: { disk: { store: 'indexeddb' } } });
    expect(tab.role).toBe('alone');
    expect(tab.reasonsAlone).toEqual([expect.stringContaining('Web Locks')]);
  });

  it('works alone when the locks are refused, as in a sandboxed frame', async () => {
    const request = () => Promise.reject(new DOMException('denied', 'SecurityError'));
    const locks = { request } as unknown as LockManager;
    const tab = origin.tab({ platform: { locks, openChannel: origin.channels.of({}), mayQueue: true } });
    expect(await origin.outcomeOf(put(tab, 1))).toEqual(expect.any(String));
    expect(tab.role).toBe('alone');
  });

  it('works alone, and says so, when another tab runs another protocol', async () => {
    const [owner] = await openTabs(1);
    const { name } = origin.channels.messages[0] ?? { name: '' };
    owner?.crash();
    // An owner of another version, with the lock of all.
    const agent = {};
    void origin.locks.of(agent).request(`${name}:owner`, () => new Promise<void>(() => {}));
    const hall = origin.channels.of(agent)(name);
    origin.channels
      .of(agent)(`${name}:owner`)
      .addEventListener('message', () => {
        hall.postMessage({ reprise: 'owner', protocol: PROTOCOL_VERSION - 1, epoch: 'old' });
      });
    const tab = origin.tab();
    const asked = put(tab, 1);
    expect(await origin.outcomeOf(asked)).toEqual(expect.any(String));
    expect(tab.role).toBe('alone');
    expect(tab.reasonsAlone).toEqual([expect.stringContaining(`protocol ${PROTOCOL_VERSION - 1}`)]);
  });

  it('is told by an owner that it speaks another protocol', async () => {
    await openTabs(1);
    const { name } = origin.channels.messages[0] ?? { name: '' };
    const agent = {};
    const heard: unknown[] = [];
    origin.channels
      .of(agent)(`${name}:tab:old`)
      .addEventListener('message', ({ data }) => heard.push(data));
    const request = { reprise: 'request', protocol: 1, epoch: 'x', tabId: 'old', requestId: 1, request: { type: 'x' } };
    origin.channels.of(agent)(`${name}:owner`).postMessage({ reprise: 'hello', protocol: 1, tabId: 'old' });
    origin.channels.of(agent)(`${name}:owner`).postMessage(request);
    await origin.quiet();
    expect(heard).toEqual([expect.objectContaining({ reprise: 'owner', protocol: PROTOCOL_VERSION })]);
  });
});
