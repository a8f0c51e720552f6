/**
 * The cache against a plain map, one call after the other and many at once.
 *
 * One after the other, every answer is known. At once, in any order the disk happens to take, this much is: nobody
 * ever hears another phrase or audio nobody made, and when all is quiet memory and disk agree.
 */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createHashing } from '../../core/hashing';
import { audioOf, type CacheFixture, openCache, resultOf } from '../cache-fixture';
import { FakeClock, settle } from '../fake-clock';
import { MemoryStore } from '../memory-store';
import { slowDown } from '../slow-store';

const TEXTS = ['a', 'b', 'c', 'd'];
const MEMORY_TTL_MS = 100_000;
const DISK_TTL_MS = 400_000;
const LIMITS = { memory: { ttlMs: MEMORY_TTL_MS }, disk: { ttlMs: DISK_TTL_MS } };

const hashing = await createHashing();
const text = fc.constantFrom(...TEXTS);
const action = fc.oneof(
  { arbitrary: fc.tuple(fc.constant('get' as const), text), weight: 5 },
  { arbitrary: fc.tuple(fc.constant('say' as const), text), weight: 5 },
  { arbitrary: fc.tuple(fc.constant('put' as const), text), weight: 3 },
  { arbitrary: fc.tuple(fc.constant('delete' as const), text), weight: 2 },
  { arbitrary: fc.tuple(fc.constantFrom('clear', 'cleanup'), text), weight: 1 },
  {
    arbitrary: fc.tuple(fc.constant('wait' as const), fc.constantFrom(0, 1, 5, 30, MEMORY_TTL_MS, DISK_TTL_MS)),
    weight: 4,
  },
);

/**
 * Says what its callers say, each synthesis and each put with audio of its own, which its length tells apart, and
 * checks that nobody hears anything else.
 */
class Session {
  readonly fixture: CacheFixture;
  granted = 0;
  readonly #takesByText = new Map<string, ArrayBuffer[]>();
  #lastNumber = 0;

  constructor(fixture: CacheFixture) {
    this.fixture = fixture;
  }

  /** Resolves to the length of what was found. */
  async get(phrase: string): Promise<number | undefined> {
    const hit = await this.fixture.cache.get({ spec: { text: phrase } });
    return hit && this.#hear(phrase, hit.bytes);
  }

  /** Resolves to the length of what the caller hears, made by itself or by another. */
  async say(phrase: string): Promise<number> {
    const { cache } = this.fixture;
    const callId = `call-${++this.#lastNumber}`;
    const first = await cache.read(callId, { text: phrase });
    const answer = first.type === 'fill-pending' ? await cache.awaitFill(callId) : first;
    if (answer.type === 'hit') return this.#hear(phrase, answer.bytes);
    this.granted++;
    const bytes = this.#make(phrase);
    cache.appendChunk(answer.fillId, 0, bytes.slice(0, 100));
    cache.appendChunk(answer.fillId, 100, bytes.slice(100));
    await cache.completeFill(answer.fillId, resultOf(bytes.byteLength));
    return bytes.byteLength;
  }

  async put(phrase: string): Promise<number> {
    const bytes = this.#make(phrase);
    await this.fixture.cache.put({ spec: { text: phrase } }, bytes.slice(0), resultOf(bytes.byteLength), 'relaxed');
    return bytes.byteLength;
  }

  #make(phrase: string): ArrayBuffer {
    const bytes = audioOf(++this.#lastNumber, 200 + this.#lastNumber);
    this.#takesByText.set(phrase, [...(this.#takesByText.get(phrase) ?? []), bytes]);
    return bytes;
  }

  #hear(phrase: string, bytes: ArrayBuffer): number {
    const take = this.#takesByText.get(phrase)?.find(({ byteLength }) => byteLength === bytes.byteLength);
    expect(bytes).toEqual(take);
    return bytes.byteLength;
  }
}

describe('The cache', () => {
  it('answers one call after the other as a map with expiry would, and its statistics say so', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 60 }), async (actions) => {
        const session = new Session(await openCache({ hashing, config: LIMITS }));
        const { cache, clock, events } = session.fixture;
        const model = new Map<string, { readonly take: number; readonly expiresAtMs: number }>();
        const expected = { hits: 0, misses: 0 };
        for (const [kind, argument] of actions) {
          const phrase = String(argument);
          const held = model.get(phrase);
          const live = held !== undefined && held.expiresAtMs > clock.nowMs() ? held.take : undefined;
          if (kind === 'wait') await clock.advance(Number(argument));
          else if (kind === 'clear') model.clear();
          else if (kind === 'delete') model.delete(phrase);
          if (kind === 'clear' || kind === 'cleanup') await cache[kind]();
          else if (kind === 'delete') expect(await cache.delete({ spec: { text: phrase } })).toBeTypeOf('boolean');
          else if (kind === 'get') expect(await session.get(phrase)).toBe(live);
          else if (kind === 'say' || kind === 'put') {
            const take = await session[kind](phrase);
            if (kind === 'say' && live !== undefined) expect(take).toBe(live);
            else model.set(phrase, { take, expiresAtMs: clock.nowMs() + DISK_TTL_MS });
          }
          if (kind === 'get' || kind === 'say') expected[live === undefined ? 'misses' : 'hits']++;
          await settle();
        }
        const { performance, tiers } = cache.stats();
        expect(performance).toMatchObject({ ...expected, joined: 0, requests: expected.hits + expected.misses });
        expect(performance.tiers.memory.hits + performance.tiers.disk.hits).toBe(expected.hits);
        expect(performance.tiers.memory.misses).toBe(expected.misses + performance.tiers.disk.hits);
        expect(performance.tiers.disk.misses).toBe(expected.misses);
        expect(performance.promotions).toBeLessThanOrEqual(performance.tiers.disk.hits);
        expect(performance.saved.requests).toBe(expected.hits);
        const removed = events.flatMap((event) => (event.type === 'entries-removed' ? [event.entries] : []));
        expect(removed.reduce((sum, entries) => sum + entries, 0)).toBe(
          performance.expirations + performance.evictions,
        );
        expect(tiers.disk.bytes).toBe(session.fixture.disk.usage().bytes);
        for (const [phrase, { take, expiresAtMs }] of model) {
          expect(await session.get(phrase)).toBe(expiresAtMs > clock.nowMs() ? take : undefined);
        }
      }),
      { seed: 14, numRuns: 150 },
    );
  });

  it('mixes nothing up when everybody calls at once, and its tiers agree in the end', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 40 }), fc.infiniteStream(fc.nat(20)), async (actions, delays) => {
        const clock = new FakeClock();
        const disk = new MemoryStore();
        const store = slowDown(disk, clock, () => delays.next().value ?? 0);
        const session = new Session(await openCache({ hashing, clock, store, config: LIMITS }));
        const { cache } = session.fixture;
        // Half of the phrases are on disk, and no longer in memory.
        const calls: Promise<unknown>[] = TEXTS.slice(0, 2).map((phrase) => session.say(phrase));
        await clock.advance(MEMORY_TTL_MS);
        for (const [kind, argument] of actions) {
          const phrase = String(argument);
          if (kind === 'wait') await clock.advance(Math.min(Number(argument), 30));
          else if (kind === 'clear' || kind === 'cleanup') calls.push(cache[kind]());
          else if (kind === 'delete') calls.push(cache.delete({ spec: { text: phrase } }));
          else calls.push(session[kind](phrase));
        }
        await clock.advance(20_000);
        await Promise.all(calls);
        const answered = async (phrase: string) => {
          const answer = session.get(phrase);
          await clock.advance(1000);
          return answer;
        };
        const before = new Map<string, number | undefined>();
        for (const phrase of TEXTS) before.set(phrase, await answered(phrase));
        await clock.advance(MEMORY_TTL_MS);
        for (const phrase of TEXTS) expect(await answered(phrase)).toBe(before.get(phrase));
        expect(cache.stats().performance.errors).toMatchObject({ corrupt: 0, collisions: 0 });
      }),
      { seed: 15, numRuns: 200 },
    );
  });

  it('never pays twice for a phrase that everybody wants at once', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(text, { maxLength: 40 }), fc.infiniteStream(fc.nat(20)), async (phrases, delays) => {
        const clock = new FakeClock();
        const store = slowDown(new MemoryStore(), clock, () => delays.next().value ?? 0);
        const session = new Session(await openCache({ hashing, clock, store }));
        const calls = phrases.map((phrase) => session.say(phrase));
        await clock.advance(20_000);
        await Promise.all(calls);
        expect(session.granted).toBe(new Set(phrases).size);
      }),
      { seed: 16, numRuns: 100 },
    );
  });
});
