/** The main promise, in a real Chromium: a phrase is synthesized once. */
import { afterEach, expect, test } from 'vitest';
import { closeClients, createClient, createOrigin, freshNamespace, sameBytes, until, wavOf } from './speech';

afterEach(closeClients);

test('a phrase comes from the origin first, then from memory, then from disk, byte for byte the same', async () => {
  const origin = createOrigin();
  const namespace = freshNamespace();
  const first = createClient({ namespace, synthesize: origin.synthesize });

  const spoken = await first.getOrSynthesize({ text: 'Your table is ready.', voice: 'Alloy' });
  expect(spoken.source).toBe('origin');
  expect(spoken.contentType).toBe('audio/wav');
  const again = await first.getOrSynthesize({ text: 'Your table is ready.', voice: 'alloy' });
  expect(again.source).toBe('memory');
  expect(again.key).toBe(spoken.key);
  await first.close();

  const second = createClient({ namespace, synthesize: origin.synthesize });
  const later = await second.getOrSynthesize({ text: 'Your table is ready.', voice: 'alloy' });
  expect(later.source).toBe('disk');
  await until(() => second.getSnapshot().performance.promotions === 1);
  const promoted = await second.get({ text: 'Your table is ready.', voice: 'alloy' });
  expect(promoted?.source).toBe('memory');

  const expected = wavOf('Your table is ready.');
  for (const clip of [spoken, again, later, promoted]) {
    expect(clip && sameBytes(await clip.bytes(), expected)).toBe(true);
  }
  expect(origin.asked).toEqual(['Your table is ready.']);
});

test('fifty concurrent requests for one phrase cost one synthesis', async () => {
  const origin = createOrigin();
  origin.hold();
  const cache = createClient({ synthesize: origin.synthesize });
  const requests = Array.from({ length: 50 }, () => cache.getOrSynthesize('One bill.'));
  await until(() => origin.asked.length > 0);
  origin.release();
  const clips = await Promise.all(requests);

  expect(origin.asked).toEqual(['One bill.']);
  expect(clips.filter((clip) => !clip.joined)).toHaveLength(1);
  const buffers = await Promise.all(clips.map((clip) => clip.bytes({ transfer: true })));
  expect(new Set(buffers).size).toBe(50);
  for (const buffer of buffers) expect(sameBytes(buffer, wavOf('One bill.'))).toBe(true);
  const { performance } = await cache.stats();
  expect(performance).toMatchObject({ misses: 1, joined: 49, saved: { requests: 49 } });
});

test.each([0, 1, 2])(
  'when caller %i of three aborts, the other two get the clip from the one synthesis',
  async (leaver) => {
    const origin = createOrigin();
    origin.hold();
    const cache = createClient({ synthesize: origin.synthesize });
    const controllers = [new AbortController(), new AbortController(), new AbortController()];
    const requests = controllers.map(({ signal }) => cache.getOrSynthesize('Three of us.', { signal }));
    const settled = Promise.allSettled(requests);
    await until(() => origin.asked.length > 0);
    // Both others have joined once the worker has answered a request sent after theirs.
    await cache.has('anything');
    const reason = new Error('changed my mind');
    controllers[leaver]?.abort(reason);
    await expect(requests[leaver]).rejects.toBe(reason);
    origin.release();

    const outcomes = await settled;
    expect(outcomes.filter((outcome) => outcome.status === 'fulfilled')).toHaveLength(2);
    expect(origin.asked).toEqual(['Three of us.']);
    expect((await cache.get('Three of us.'))?.source).toBe('memory');
  },
);

test('a synthesis that everybody left is completed and kept, since it is paid for', async () => {
  const origin = createOrigin();
  origin.hold();
  const cache = createClient({ synthesize: origin.synthesize });
  const controller = new AbortController();
  const request = cache.getOrSynthesize('Paid for.', { signal: controller.signal });
  await until(() => origin.asked.length > 0);
  controller.abort();
  await expect(request).rejects.toHaveProperty('name', 'AbortError');
  const added = new Promise((resolve) => cache.on('entry-added', resolve));
  origin.release();
  await added;
  expect((await cache.getOrSynthesize('Paid for.')).source).toBe('memory');
  expect(origin.asked).toHaveLength(1);
});

test("with fill: 'abort' a synthesis that everybody left is cancelled, and the next caller starts anew", async () => {
  const signals: AbortSignal[] = [];
  const cache = createClient({
    fill: 'abort',
    synthesize: (spec, { signal }) => {
      signals.push(signal);
      return signals.length > 1 ? wavOf(spec.text) : new Promise<never>(() => {});
    },
  });
  const controller = new AbortController();
  const request = cache.getOrSynthesize('Never mind.', { signal: controller.signal });
  await until(() => signals.length > 0);
  controller.abort();
  await expect(request).rejects.toHaveProperty('name', 'AbortError');
  await until(() => signals[0]?.aborted === true);
  expect((await cache.getOrSynthesize('Never mind.')).source).toBe('origin');
});

test('a synthesis still waiting for its turn is dropped when its last caller leaves', async () => {
  const origin = createOrigin();
  origin.hold();
  const cache = createClient({ synthesize: origin.synthesize, maxConcurrentSyntheses: 1 });
  const first = cache.getOrSynthesize('First.');
  await until(() => origin.asked.length > 0);
  const controller = new AbortController();
  const second = cache.getOrSynthesize('Second.', { signal: controller.signal });
  await cache.has('anything');
  controller.abort();
  await expect(second).rejects.toHaveProperty('name', 'AbortError');
  await cache.has('anything');
  origin.release();
  await first;
  expect((await cache.getOrSynthesize('Third.')).source).toBe('origin');
  expect(origin.asked).toEqual(['First.', 'Third.']);
});

test('a clip can be heard as it is synthesized, and is kept when whole', async () => {
  const text = 'As it comes.';
  const whole = new Uint8Array(wavOf(text));
  let send: (chunk: Uint8Array) => void = () => {};
  let end = () => {};
  const cache = createClient({
    synthesize: () =>
      new Response(
        new ReadableStream({
          start: (controller) => {
            send = (chunk) => controller.enqueue(chunk);
            end = () => controller.close();
            send(whole.slice(0, 100));
          },
        }),
        { headers: { 'content-type': 'audio/wav' } },
      ),
  });
  const clip = await cache.getOrSynthesize(text, { streaming: true });
  const reader = clip.stream().getReader();
  expect((await reader.read()).value).toEqual(whole.slice(0, 100));
  expect(await cache.has(text)).toBe(false);
  send(whole.slice(100));
  end();
  expect((await reader.read()).value).toEqual(whole.slice(100));
  expect((await reader.read()).done).toBe(true);
  expect(sameBytes(await clip.bytes(), whole.buffer)).toBe(true);
  const kept = await cache.get(text);
  expect(kept && sameBytes(await kept.bytes(), whole.buffer)).toBe(true);
});
