/**
 * Browsers with many tabs over one profile on disk, and what can happen to a tab: it is closed, it crashes, it is
 * reloaded, it is navigated away into the back/forward cache and comes back.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { chromiumArgs, ensureChromium } from './chromium.mjs';
import { findFirefox, launchFirefox } from './firefox.mjs';

/**
 * @typedef {import('../test/tabs/tab-page').TabPage} TabPage
 */

/**
 * A tab that can be told what to do. `crash` is undefined where it would take the other tabs with it, `collectGarbage`
 * where the driver cannot ask for it.
 * @typedef {object} DrivenTab
 * @property {<Name extends keyof TabPage>(name: Name, ...args: Parameters<TabPage[Name]>) => Promise<Awaited<ReturnType<TabPage[Name]>>>} ask
 * calls a method of the page
 * @property {(url: string) => Promise<unknown>} goto
 * @property {() => Promise<unknown>} back
 * @property {() => Promise<unknown>} reload
 * @property {() => Promise<unknown>} close
 * @property {(() => Promise<unknown>) | undefined} crash
 * @property {(() => Promise<unknown>) | undefined} collectGarbage that of its process, frozen pages included
 */

/**
 * `goesBack`: its driver is still in control of a page that came back from the back/forward cache, again and again.
 * @typedef {{ readonly name: string, readonly version: string, readonly goesBack: boolean, openTab(url: string): Promise<DrivenTab>, close(): Promise<void> }} TabBrowser
 */

/** Starts a Chromium that nobody sees, with its back/forward cache as people have it. @returns {Promise<TabBrowser>} */
export async function openChromium() {
  const profile = mkdtempSync(join(tmpdir(), 'reprise-tabs-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: ensureChromium(),
    headless: true,
    args: chromiumArgs,
    ignoreDefaultArgs: ['--disable-back-forward-cache'],
  });
  return {
    name: 'Chromium',
    version: `Chromium ${context.browser()?.version()}`,
    goesBack: true,
    openTab: async (url) => {
      const page = await context.newPage();
      await page.goto(url);
      return {
        ask: asker((call) => page.evaluate(callPage, call)),
        goto: (target) => page.goto(target),
        back: () => page.goBack({ waitUntil: 'commit' }),
        reload: () => page.reload(),
        close: () => page.close(),
        crash: async () => {
          const crashed = page.waitForEvent('crash');
          const session = await context.newCDPSession(page);
          // It never answers.
          session.send('Page.crash').catch(() => {});
          await crashed;
        },
        collectGarbage: async () => {
          await page.requestGC();
          // What it sets off runs in turns of its own: until there is nothing left to do.
          await page.evaluate(() => new Promise((resolve) => Reflect.get(globalThis, 'requestIdleCallback')(resolve)));
        },
      };
    },
    close: async () => {
      await context.close();
      rmSync(profile, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}

/**
 * Starts a Firefox that nobody sees; undefined on a machine without one, which `npm test` says. Its tabs of one origin
 * share a process, so that none can crash alone.
 * @returns {Promise<TabBrowser | undefined>}
 */
export async function openFirefox() {
  const executablePath = findFirefox();
  if (executablePath === undefined) return undefined;
  // Driven, it keeps no page in its back/forward cache unless told.
  const browser = await launchFirefox(executablePath, { prefs: { 'fission.bfcacheInParent': true } });
  // Its driver loses its way when tabs are opened and closed at once.
  let last = Promise.resolve(/** @type {unknown} */ (undefined));
  const inTurn = (/** @type {() => Promise<unknown>} */ run) => {
    last = last.then(run, run);
    return last;
  };
  return {
    name: 'Firefox',
    version: (await browser.version()).replace(/^firefox\//i, 'Firefox '),
    goesBack: false,
    openTab: async (url) => {
      /** @type {import('puppeteer-core').Page | undefined} */
      let opened;
      await inTurn(async () => {
        opened = await browser.newPage();
        await opened.goto(url);
      });
      const page = opened;
      if (page === undefined) throw new Error('No tab could be opened');
      return {
        ask: asker((call) => page.evaluate(callPage, call)),
        goto: (target) => inTurn(() => page.goto(target)),
        // The driver waits for a page to load, which one from the back/forward cache does not.
        back: () => page.evaluate(() => void setTimeout(() => Reflect.get(globalThis, 'history').back())),
        reload: () => inTurn(() => page.reload()),
        close: () => inTurn(() => page.close()),
        crash: undefined,
        collectGarbage: undefined,
      };
    },
    close: () => browser.close(),
  };
}

/**
 * @typedef {{ readonly name: string, readonly args: readonly unknown[] }} PageCall
 */

/**
 * Types a driver's way of calling the page as the page's methods are.
 * @param {(call: PageCall) => Promise<unknown>} evaluate
 */
function asker(evaluate) {
  const ask = (/** @type {string} */ name, /** @type {readonly unknown[]} */ ...args) => evaluate({ name, args });
  // What the method of this name returns; the compiler cannot follow it through the browser.
  return /** @type {DrivenTab['ask']} */ (ask);
}

/**
 * Runs in the page, which has put its methods there.
 * @param {PageCall} call
 */
function callPage({ name, args }) {
  return Promise.resolve(Reflect.get(globalThis, 'repriseTab')[name](...args));
}
