/** A browser that gives the cache far less room than the cache was told it may take. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CampaignSite, serveCampaign } from '../../scripts/campaign-site.mjs';
import { chromiumWithQuota, type DrivenPage, firefoxWithQuota } from './quota-browsers';

const KIB = 1024;
const MIB = 1024 * KIB;
const QUOTA_BYTES = 20 * MIB;
const PHRASES = 200;
const CLIP_BYTES = 200 * KIB;
/** Far above the quota. */
const CACHE = { namespace: 'quota', maxBytes: 1024 * MIB };

let site: CampaignSite;
beforeAll(async () => {
  site = await serveCampaign();
});
afterAll(() => site.close());

/** Opens the campaign's page, which has nothing to do but lend its functions. */
async function openPage(page: DrivenPage): Promise<DrivenPage> {
  await page.goto(site.invite(() => ({})));
  return page;
}

/** Puts or asks for phrases, in turn. Resolves to the calls that failed or gave other bytes than the phrase's. */
function speak(page: DrivenPage, firstId: number) {
  return page.evaluate(
    async ({ wish, firstId, count, clipBytes }) => {
      const { openCache, knownAudio, firstDifference } = repriseCampaign;
      const cache = openCache(wish);
      const wrong: string[] = [];
      for (let id = firstId; id < firstId + count; id++) {
        const { bytes, contentType } = knownAudio(id, 1, clipBytes);
        const phrase = `Phrase ${id}`;
        try {
          if (id % 2 === 0) await cache.put(phrase, bytes.slice().buffer, { contentType });
          const clip = await cache.getOrSynthesize(phrase, {
            synthesize: async () => new Response(bytes, { headers: { 'content-type': contentType } }),
          });
          if (firstDifference(new Uint8Array(await clip.bytes()), bytes) !== -1) wrong.push(`${phrase}: other bytes`);
        } catch (error) {
          wrong.push(`${phrase}: ${error}`);
        }
      }
      await cache.flush();
      const { tiers, performance, runtime } = await cache.stats();
      await cache.close();
      return { wrong, disk: tiers.disk, store: runtime.store, evictions: performance.tiers.disk.evictions };
    },
    { wish: CACHE, firstId, count: PHRASES, clipBytes: CLIP_BYTES },
  );
}

/** Reads all phrases below the number. Resolves to those held, and to those of them that are not what they were. */
function readBack(page: DrivenPage, count: number) {
  return page.evaluate(
    async ({ wish, count, clipBytes }) => {
      const { openCache, knownAudio, firstDifference } = repriseCampaign;
      const cache = openCache(wish);
      const held: number[] = [];
      const wrong: number[] = [];
      for (let id = 0; id < count; id++) {
        const clip = await cache.get(`Phrase ${id}`);
        if (clip === undefined) continue;
        held.push(id);
        const expected = knownAudio(id, 1, clipBytes).bytes;
        if (firstDifference(new Uint8Array(await clip.bytes()), expected) !== -1) wrong.push(id);
      }
      const { tiers, performance } = await cache.stats();
      await cache.close();
      return { held, wrong, disk: tiers.disk, corrupt: performance.errors.corrupt };
    },
    { wish: CACHE, count, clipBytes: CLIP_BYTES },
  );
}

const browsers = [chromiumWithQuota(), firefoxWithQuota()].filter((browser) => browser !== undefined);

for (const browser of browsers) {
  describe.sequential(`a cache to which ${browser.name} gives a fraction of its limit`, () => {
    let page: DrivenPage;
    let expectedEntries = 0;
    afterAll(() => browser.dispose());

    test('answers every call with the right audio, and lets old entries go', async () => {
      page = await openPage(await browser.open(QUOTA_BYTES, site.origin));
      const { wrong, disk, store, evictions } = await speak(page, 0);
      expect(wrong).toEqual([]);
      expect(store).toBe('opfs');
      expect(evictions).toBeGreaterThan(0);
      expect(disk.entries).toBeGreaterThan(0);
      expect(disk.bytesOnDisk).toBeLessThanOrEqual(QUOTA_BYTES);
    });

    test('holds the latest phrases after a reload, each as it was', async () => {
      const { held, wrong, corrupt, disk } = await readBack(await openPage(page), PHRASES);
      expect(wrong).toEqual([]);
      expect(corrupt).toBe(0);
      expect(held).toContain(PHRASES - 1);
      expect(disk.entries).toBe(held.length);
      expectedEntries = held.length;
    });

    const { lift } = browser;
    if (lift !== undefined) {
      test('keeps all that is new as soon as there is room', async () => {
        await lift(site.origin);
        const { wrong, disk } = await speak(await openPage(page), PHRASES);
        expectedEntries += PHRASES;
        expect(wrong).toEqual([]);
        expect(disk.entries).toBe(expectedEntries);
        expect(disk.bytesOnDisk).toBeGreaterThan(QUOTA_BYTES);
      });
    }

    test('holds the same in a browser opened again, and keeps what is new there', async () => {
      page = await openPage(await browser.open(undefined, site.origin));
      const before = await readBack(page, 2 * PHRASES);
      expect(before.wrong).toEqual([]);
      expect(before.held).toHaveLength(expectedEntries);
      const { wrong } = await speak(page, 2 * PHRASES);
      expect(wrong).toEqual([]);
      const after = await readBack(page, 3 * PHRASES);
      expect(after.wrong).toEqual([]);
      expect(after.held).toHaveLength(expectedEntries + PHRASES);
    });
  });
}
