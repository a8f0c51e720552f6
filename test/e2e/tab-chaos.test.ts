/** What `npm run test:tabs` does at length, for a minute. How it is counted: scripts/tab-chaos.mjs. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openChromium, openFirefox } from '../../scripts/tab-browsers.mjs';
import { runTabChaos } from '../../scripts/tab-chaos.mjs';
import { serveTabs, type TabSite } from '../../scripts/tab-site.mjs';

const MIN_OPERATIONS = 200;

let site: TabSite;

beforeAll(async () => {
  site = await serveTabs();
});

afterAll(() => site?.close());

test.each([
  ['Chromium', openChromium, 60],
  ['Firefox', openFirefox, 30],
] as const)(
  'five tabs of %s in trouble lose nothing, hear nothing wrong and pay for nothing twice',
  {
    timeout: 240_000,
  },
  async (_, open, seconds) => {
    const browser = await open();
    // `npm test` says so.
    if (browser === undefined) return;
    try {
      const report = await runTabChaos({ browser, site, seconds, minOperations: MIN_OPERATIONS, seed: 4 });
      expect(report.problems).toEqual([]);
      expect(report).toMatchObject({ failed: 0, wrong: 0, lost: 0 });
      // One that died at work is paid for once more.
      expect(report.extraSyntheses).toBeLessThanOrEqual(report.troubles);
      // A campaign that has met no trouble would show nothing.
      expect(report.operations).toBeGreaterThanOrEqual(5 * MIN_OPERATIONS);
      expect(report.troubles).toBeGreaterThan(20);
    } finally {
      await browser.close();
    }
  },
);
