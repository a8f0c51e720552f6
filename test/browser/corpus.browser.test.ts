/** A thousand real phrases in all languages of the corpus, and two hundred spoken by a real synthesizer. */
import { afterEach, expect, test } from 'vitest';
import { canonicalizeSpec } from '../../core/key';
import { Flite } from '../../demo/flite';
import everyday from '../../demo/phrases/interface.cc0.txt?raw';
import english from '../corpus/en-cc0-phonetic-sobsz.txt?raw';
import assistant from '../corpus/home-assistant-responses.ccby4.tsv?raw';
import taigi from '../corpus/nan-TW-cc0-lkk.txt?raw';
import mandarin from '../corpus/zh-TW-cc0-cvsprint.txt?raw';
import slang from '../corpus/zh-TW-cc0-slang.txt?raw';
import { closeClients, createClient, createOrigin, freshNamespace, sameBytes, wavOf } from './speech';

afterEach(closeClients);

const lines = (text: string) => text.split('\n').filter((line) => line.trim() !== '');
// The file ends its rows where a response itself holds a line break.
const responses = lines(assistant)
  .filter((line) => line.includes('\t'))
  .map((line) => line.split('\t') as [language: string, text: string]);

/** Phrases that differ as the cache sees them. */
function distinct(phrases: readonly string[]): string[] {
  return [...new Map(phrases.map((text) => [canonicalizeSpec({ text }), text])).values()];
}

/** Every n-th of the phrases, so that all of a list is represented. */
function spread(phrases: readonly string[], count: number): string[] {
  return Array.from({ length: count }, (_, index) => phrases[Math.floor((index * phrases.length) / count)] ?? '');
}

test('1,000 real phrases in all languages are synthesized once; then all come from memory, and after a restart from disk', async () => {
  const all = distinct([
    ...lines(english),
    ...responses.map(([, text]) => text),
    ...lines(taigi),
    ...lines(mandarin),
    ...lines(slang),
  ]);
  const phrases = spread(all, 1000);
  expect(new Set(phrases).size).toBe(1000);
  const origin = createOrigin();
  const namespace = freshNamespace();
  const cache = createClient({ namespace, synthesize: origin.synthesize });

  const say = async (client: typeof cache) => Promise.all(phrases.map((text) => client.getOrSynthesize(text)));
  const first = await say(cache);
  expect(first.every((clip) => clip.source === 'origin')).toBe(true);
  const second = await say(cache);
  expect(second.filter((clip) => clip.source === 'memory')).toHaveLength(1000);
  expect(new Set(second.map((clip) => clip.key)).size).toBe(1000);
  expect((await cache.stats()).performance).toMatchObject({ hits: 1000, misses: 1000 });
  await cache.close();

  const reopened = createClient({ namespace, synthesize: origin.synthesize });
  const third = await say(reopened);
  expect(third.filter((clip) => clip.source === 'disk')).toHaveLength(1000);
  for (const [index, clip] of third.entries()) {
    expect(sameBytes(await clip.bytes(), wavOf(phrases[index] ?? ''))).toBe(true);
  }
  expect(origin.asked).toHaveLength(1000);
}, 60_000);

test('200 English phrases spoken by Flite: the second pass is all hits, byte for byte', async () => {
  const spoken = distinct([
    ...lines(english),
    ...responses.filter(([language]) => language === 'en').map(([, text]) => text),
    ...lines(everyday).filter((line) => !line.startsWith('#')),
  ]).slice(0, 200);
  expect(spoken).toHaveLength(200);
  const flite = new Flite();
  let asked = 0;
  const cache = createClient({
    synthesize: async ({ text, speed = 1 }, { signal }) => {
      asked++;
      return { audio: await flite.speak({ text, voice: 'slt', speed }, signal), contentType: 'audio/wav' };
    },
  });
  const first = [];
  for (const text of spoken) first.push(await cache.getOrSynthesize({ text, voice: 'slt' }));
  expect(asked).toBe(200);
  for (const [index, text] of spoken.entries()) {
    const again = await cache.getOrSynthesize({ text, voice: 'slt' });
    expect(again.source).toBe('memory');
    const before = first[index];
    expect(before && sameBytes(await again.bytes(), await before.bytes())).toBe(true);
    // Real speech: at 16 kHz and 16 bit a quarter of a second is 8,000 bytes.
    expect(again.byteLength).toBeGreaterThan(8000);
  }
  const { performance } = await cache.stats();
  expect(performance).toMatchObject({ hits: 200, misses: 200 });
  expect(asked).toBe(200);
}, 120_000);
