/**
 * `npm run test:tabs -- --minutes N` (1 unless told): five tabs in trouble in Chromium, then in Firefox where there is
 * one; `--seed S` repeats the operations, `--browser=firefox` runs one only. Exit code 1 if anything failed, was wrong or lost, or was synthesized more
 * often than tabs died. How it is counted: scripts/tab-chaos.mjs.
 */
import { parseArgs } from 'node:util';
import { fail, install } from './install.mjs';

install();

const { openChromium, openFirefox } = await import('./tab-browsers.mjs');
const { serveTabs } = await import('./tab-site.mjs');
const { runTabChaos } = await import('./tab-chaos.mjs');

try {
  const { values } = parseArgs({
    options: { minutes: { type: 'string' }, seed: { type: 'string' }, browser: { type: 'string' } },
  });
  const seed = Number(values.seed ?? Date.now() % 1_000_000);
  const seconds = Number(values.minutes ?? 1) * 60;
  console.log(`seed ${seed}`);
  const site = await serveTabs();
  const openers = { chromium: openChromium, firefox: openFirefox };
  for (const [name, open] of Object.entries(openers)) {
    if (values.browser !== undefined && values.browser !== name) continue;
    const browser = await open();
    if (browser === undefined) {
      console.log('not run: Firefox is not installed');
      continue;
    }
    const { problems, ...counts } = await runTabChaos({ browser, site, seconds, minOperations: 200, seed });
    await browser.close();
    for (const problem of problems) console.log(`  ${problem}`);
    console.log(browser.name, counts);
    if (problems.length > 0 || counts.extraSyntheses > counts.troubles) process.exitCode = 1;
  }
  await site.close();
} catch (error) {
  fail(error);
}
process.exit();
