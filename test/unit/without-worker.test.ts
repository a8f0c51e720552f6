/** Where there are no workers at all, as on a server that renders pages, phrases are still spoken. */
import { expect, test } from 'vitest';
import { AudioCacheClient } from '../../src/index';

const AUDIO = new TextEncoder().encode('ID3 some sound');

test('a client made in Node synthesizes every phrase itself, and says so once', async () => {
  const warnings: string[] = [];
  let asked = 0;
  const cache = new AudioCacheClient({
    onWarning: (message) => warnings.push(message),
    synthesize: async () => {
      asked++;
      return AUDIO;
    },
  });
  const spec = { text: 'Hello world', voice: 'Alloy ' };
  const [clip, joined] = await Promise.all([cache.getOrSynthesize(spec), cache.getOrSynthesize(spec)]);
  expect(clip.key).toBe('v1_3817f69ebd6a710412cadc69450380a17e94dfcfb023ea6d90b24e7d06221bd3');
  expect(new Uint8Array(await clip.bytes())).toEqual(AUDIO);
  expect([clip.joined, joined.joined]).toEqual([false, true]);
  expect(asked).toBe(1);
  expect(warnings).toHaveLength(1);
  expect(cache.getSnapshot().runtime.workerMode).toBe('none');
  await expect(cache.getOrSynthesize('')).rejects.toMatchObject({ code: 'INVALID_SPEC', field: 'text' });
  await cache.close();
});
