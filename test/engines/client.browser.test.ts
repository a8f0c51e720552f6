/** The published client, its real worker and a real disk, in every engine. */
import { afterEach, expect, test } from 'vitest';
import { server } from 'vitest/browser';
import type { StoreKind } from '../../core/protocol/values';
import { closeClients, createClient, freshNamespace, wavOf } from '../browser/speech';

/** What holds the disk tier, unless told otherwise: OPFS where its synchronous handles work. */
const storeByEngine: Readonly<Record<string, StoreKind>> = {
  chromium: 'opfs',
  firefox: 'opfs',
  webkit: 'indexeddb',
};

afterEach(closeClients);

test('twenty phrases outlive their client on disk, byte for byte', async () => {
  const namespace = freshNamespace();
  const phrases = Array.from({ length: 20 }, (_, index) => `Train ${index} leaves from platform ${index % 7}.`);
  const writer = createClient({ namespace });
  await Promise.all(phrases.map((text) => writer.put(text, wavOf(text))));
  await writer.close();

  const reader = createClient({ namespace });
  for (const text of phrases) {
    const clip = await reader.get(text);
    expect(clip?.source, text).toBe('disk');
    expect(new Uint8Array((await clip?.bytes()) ?? new ArrayBuffer(0)), text).toEqual(new Uint8Array(wavOf(text)));
  }
  const { runtime, tiers, health } = await reader.stats();
  expect(runtime.store).toBe(storeByEngine[server.browser]);
  expect(tiers.disk.entries).toBe(20);
  expect(health).toEqual({ status: 'ok', alerts: [] });
});
