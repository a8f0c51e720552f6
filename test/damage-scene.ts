/**
 * A store that has been through everything, and the truth about it: for tests that damage copies of its files and look
 * what is served afterwards.
 */
import { pick, seededRandom } from '../bench/seeded-random';
import type { Entry } from '../core/protocol/values';
import { isSame, type LogStoreFixture, openFixture, openTier, reclaimAll, soundEntry } from './log-store-fixture';
import { keyOf } from './stored-entries';

/** Files, and what is to be found in them. */
export interface DamageScene {
  readonly fixture: LogStoreFixture;
  /** By key; undefined for what was removed. */
  readonly truth: ReadonlyMap<string, Entry | undefined>;
  /** What was replaced by the truth. */
  readonly replaced: readonly Entry[];
}

/** What a scene is made of. */
export interface DamageSceneOptions {
  readonly seed: number;
  /** About 2,300 bytes each on disk. */
  readonly entries: number;
  /** How the store was left: a killed one has written no last checkpoint. */
  readonly end: 'closed' | 'killed';
}

/** Fills a store with entries that are then partly replaced, removed, evicted, compacted and followed by others. */
export async function makeScene({ seed, entries, end }: DamageSceneOptions): Promise<DamageScene> {
  const random = seededRandom(seed);
  const fixture = await openFixture();
  const truth = new Map<string, Entry | undefined>();
  const replaced: Entry[] = [];
  let version = 0;
  const write = async (id: number): Promise<void> => {
    const before = truth.get(keyOf(id));
    if (before !== undefined) replaced.push(before);
    const entry = soundEntry(id, { version: ++version, byteLength: 200 + Math.floor(random() * 3_600) });
    await fixture.store.write(entry, fixture.clock.nowMs(), 'relaxed');
    truth.set(keyOf(id), entry);
    await fixture.clock.advance(5);
  };
  const remove = async (key: string): Promise<void> => {
    await fixture.store.remove(key);
    truth.set(key, undefined);
  };
  const change = async (firstId: number, count: number): Promise<void> => {
    for (let id = firstId; id < firstId + count; id++) await write(id);
    for (let times = 0; times < count / 10; times++) {
      await write(firstId + Math.floor(random() * count));
      await remove(keyOf(firstId + Math.floor(random() * count)));
      fixture.store.touch(pick([...truth.keys()], random), { accessedAtMs: fixture.clock.nowMs() });
    }
  };

  await change(0, entries * 0.4);
  await fixture.reopen();
  await change(entries * 0.4, entries * 0.4);
  await fixture.store.evict(20_000, 20);
  await reclaimAll(fixture.store);
  await fixture.reopen();
  // What stands in neither checkpoint when the store is killed.
  await change(entries * 0.8, entries * 0.2);
  await fixture.store.flush();
  for (const key of truth.keys()) if (!fixture.store.has(key)) truth.set(key, undefined);
  if (end === 'closed') await fixture.close();
  else fixture.directory.kill();
  return { fixture, truth, replaced };
}

/** What was found under the keys of a scene. */
export interface Findings {
  /** Exactly as it should be, nothing where nothing should be included. */
  readonly right: readonly string[];
  readonly missing: readonly string[];
  /** What was stored under the key before the truth was. */
  readonly outdated: readonly string[];
  /** Anything else that was found: damaged, mixed up, or removed long ago. */
  readonly wrong: readonly string[];
}

/** Opens the files as they are now and reads every key through a disk tier, as the cache does. */
export async function findIn(
  fixture: LogStoreFixture,
  { truth, replaced }: Omit<DamageScene, 'fixture'>,
): Promise<Findings> {
  await fixture.open();
  const { tier } = openTier(fixture);
  const keys = { right: [] as string[], missing: [] as string[], outdated: [] as string[], wrong: [] as string[] };
  for (const [key, entry] of truth) {
    const found = await tier.get(key, undefined);
    if (isSame(found, entry)) keys.right.push(key);
    else if (found === undefined) keys.missing.push(key);
    else keys[entry !== undefined && replaced.some((each) => isSame(found, each)) ? 'outdated' : 'wrong'].push(key);
  }
  await tier.close();
  return keys;
}

/** A copy of the files in which one was cut. */
export function cutCopy(fixture: LogStoreFixture, fileName: string, byteLength: number): LogStoreFixture {
  const copy = fixture.copy();
  copy.directory.setBytes(fileName, copy.directory.bytesOf(fileName).subarray(0, byteLength));
  return copy;
}

/** About so many of the items, chosen by chance. */
export function sample<Item>(items: readonly Item[], count: number, random: () => number): readonly Item[] {
  return items.filter(() => random() < count / items.length);
}
