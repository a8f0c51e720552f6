/** Measures keys (`key.ts`) and posts the times. Without WebAssembly the keys must come out the same. */
import { measureBatches } from '../batches';
import { createCanonicalSubject, createKeySubjects, type KeySubject } from '../key-subjects';
import { seededRandom } from '../seeded-random';
import type { KeyTimes } from './key';

const subjects = await createKeySubjects();
await verify(subjects);
const all = [...subjects, createCanonicalSubject(subjects[0]?.specs ?? [])];
const times = await measureBatches(all, { rounds: 61, warmUpRounds: 15, random: seededRandom(2) });
postMessage(Object.fromEntries(all.map(({ name }) => [name, times.microseconds(name)])) satisfies KeyTimes);

/** Each way with WebAssembly against the same way without it: two implementations that share nothing. */
async function verify(ways: readonly KeySubject[]): Promise<void> {
  const spec = { text: 'Your table is ready.' };
  for (const keySecret of new Set(ways.map(({ hashing }) => hashing.keySecret))) {
    const same = ways.filter(({ hashing }) => hashing.keySecret === keySecret);
    const keys = new Set(await Promise.all(same.map(({ keyOf }) => keyOf(spec))));
    if (keys.size !== 1) throw new Error('The keys of one spec differ');
  }
}
