/** What `npm run test:tabs` does at length, for a minute. How it is counted: scripts/tab-chaos.mjs. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openChromium, openFirefox } from '../../scripts/tab-browsers.mjs';
import { runTabChaos } from '../../scripts/tab-chaos.mjs';
import { serveTabs, type TabSite } from '../../scripts/tab-site.mjs';

let site: TabSite;

beforeAll(async () => {
  site = await serveTabs();
});

afterAll(() => site?.close());

test.each([
  ['Chromium', openChromium, 60, 200],
  // In Firefox each of them takes three times as long.
  ['Firefox', openFirefox, 0, 80],
] as const)(
  'five tabs of %s in trouble lose nothing, hear nothing wrong and pay for nothing twice',
  {
    timeout: 240_000,
  },
  async (_, open, seconds, minOperations) => {
    const browser = await open();
    // `npm test` says so.
    if (browser === undefined) return;
    try {
      const report = await runTabChaos({ browser, site, seconds, minOperations, seed: 4 });
      expect(report.problems).toEqual([]);
      expect(report).toMatchObject({ failed: 0, wrong: 0, lost: 0 });
      // One that died at work is paid for once more. It is hardly ever in the moments between what is heard and what is on disk.
      expect(report.extraSyntheses).toBeLessThanOrEqual(report.troubles);
      expect(report.heardBefore).toBeLessThanOrEqual(report.troubles / 10);
      // A campaign that has met no trouble would show nothing.
      expect(report.operations).toBeGreaterThanOrEqual(5 * minOperations);
      expect(report.troubles).toBeGreaterThan(10);
    } finally {
      await browser.close();
    }
  },
);
