/** What can be done with a clip. */
import { afterEach, expect, test, vi } from 'vitest';
import type { Clip } from '../../src/clip';
import { closeClients, createClient, sameBytes, wavOf } from './speech';

afterEach(async () => {
  vi.restoreAllMocks();
  await closeClients();
});

const TEXT = 'A short sound.';

async function clipOf(durationMs = 50): Promise<Clip> {
  return createClient({ synthesize: () => wavOf(TEXT, durationMs) }).getOrSynthesize(TEXT);
}

test('bytes are copies, and with transfer the buffer of the clip itself', async () => {
  const clip = await clipOf();
  const first = await clip.bytes();
  new Uint8Array(first).fill(0);
  expect(sameBytes(await clip.bytes(), wavOf(TEXT))).toBe(true);
  expect(await clip.bytes({ transfer: true })).toBe(await clip.bytes({ transfer: true }));
});

test('a clip is a blob, a URL and a stream of its audio', async () => {
  const clip = await clipOf();
  const blob = await clip.blob();
  expect(blob.type).toBe('audio/wav');
  expect(sameBytes(await blob.arrayBuffer(), wavOf(TEXT))).toBe(true);
  const url = await clip.url();
  expect(await clip.url()).toBe(url);
  expect(sameBytes(await (await fetch(url)).arrayBuffer(), wavOf(TEXT))).toBe(true);
  expect(sameBytes(await new Response(clip.stream()).arrayBuffer(), wavOf(TEXT))).toBe(true);
  clip.release();
  await expect(fetch(url)).rejects.toThrow();
});

test('decoding leaves the clip usable', async () => {
  const clip = await clipOf();
  const context = new OfflineAudioContext(1, 8000, 8000);
  const decoded = await clip.decode(context);
  expect(decoded.duration).toBeCloseTo(0.05, 2);
  expect((await clip.decode(context)).length).toBe(decoded.length);
  expect(sameBytes(await clip.bytes(), wavOf(TEXT))).toBe(true);
});

test('playing resolves when the sound ends', async () => {
  const clip = await clipOf(60);
  const play = vi.spyOn(HTMLMediaElement.prototype, 'play');
  await clip.play({ volume: 0 });
  expect(play.mock.contexts[0]).toMatchObject({ ended: true, currentTime: expect.closeTo(0.06, 2) });
});

test('stop ends the sound and its play resolves; an aborted play rejects with the reason', async () => {
  const clip = await clipOf(60_000);
  const playing = clip.play({ volume: 0 });
  await clip.url();
  await new Promise(requestAnimationFrame);
  clip.stop();
  await playing;

  const controller = new AbortController();
  const aborted = clip.play({ volume: 0, signal: controller.signal });
  await clip.url();
  controller.abort(new Error('enough'));
  await expect(aborted).rejects.toThrow('enough');
});

test('a clip the browser cannot play rejects as the platform does', async () => {
  const cache = createClient({
    synthesize: () => ({ audio: new Uint8Array(500).fill(255), contentType: 'audio/mpeg' }),
  });
  const clip = await cache.getOrSynthesize(TEXT);
  await expect(clip.play()).rejects.toHaveProperty('name', 'NotSupportedError');
});

test("with speedMode 'playback' another speed is a hit, and the player applies it", async () => {
  const speeds: (number | undefined)[] = [];
  const cache = createClient({
    speedMode: 'playback',
    synthesize: (spec) => {
      speeds.push(spec.speed);
      return wavOf(spec.text, 400);
    },
  });
  const slow = await cache.getOrSynthesize({ text: TEXT, speed: 1 });
  const fast = await cache.getOrSynthesize({ text: TEXT, speed: 4 });
  expect([slow.source, fast.source]).toEqual(['origin', 'memory']);
  expect(speeds).toEqual([undefined]);
  const play = vi.spyOn(HTMLMediaElement.prototype, 'play');
  await fast.play({ volume: 0 });
  expect(play.mock.contexts[0]).toMatchObject({ playbackRate: 4, preservesPitch: true });
});

test.each(['stop', 'release'] as const)('%s in the same breath as play leaves it silent', async (end) => {
  const clip = await clipOf(60_000);
  const play = vi.spyOn(HTMLMediaElement.prototype, 'play');
  const playing = clip.play({ volume: 0 });
  clip[end]();
  await playing;
  expect(play).not.toHaveBeenCalled();
});
