/** Browsers that can be told how much room a website has, each over one profile that outlives it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, chromium, type Page } from 'playwright-core';
import type { Browser } from 'puppeteer-core';
import { chromiumArgs, ensureChromium } from '../../scripts/chromium.mjs';
import { findFirefox, launchFirefox } from '../../scripts/firefox.mjs';

/** The two things that both drivers' pages do. */
export interface DrivenPage {
  goto(url: string): Promise<unknown>;
  evaluate<Argument, Result>(run: (argument: Argument) => Promise<Result>, argument: Argument): Promise<Result>;
}

/** A browser with a quota. */
export interface QuotaBrowser {
  readonly name: string;
  /** Closes the open browser and opens the next one; without a number the quota is the browser's own. */
  open(quotaBytes: number | undefined, origin: string): Promise<DrivenPage>;
  /** Gives the open page all the room there is. Undefined where that takes a restart. */
  readonly lift?: (origin: string) => Promise<void>;
  /** Closes the browser and removes its profile. */
  dispose(): Promise<void>;
}

/** Chromium, whose DevTools override the quota of an origin for as long as they are attached. */
export function chromiumWithQuota(): QuotaBrowser {
  const profile = mkdtempSync(join(tmpdir(), 'reprise-quota-'));
  let context: BrowserContext | undefined;
  let page: Page | undefined;
  const override = async (origin: string, quotaBytes: number | undefined) => {
    const session = await page?.context().newCDPSession(page);
    await session?.send('Storage.overrideQuotaForOrigin', {
      origin,
      ...(quotaBytes === undefined ? {} : { quotaSize: quotaBytes }),
    });
  };
  return {
    name: 'Chromium',
    open: async (quotaBytes, origin) => {
      await context?.close();
      context = await chromium.launchPersistentContext(profile, {
        executablePath: ensureChromium(),
        headless: true,
        args: chromiumArgs,
      });
      page = await context.newPage();
      await override(origin, quotaBytes);
      // It can do more than what is asked of it here, by the same names.
      return page as DrivenPage;
    },
    lift: (origin) => override(origin, undefined),
    dispose: async () => {
      await context?.close();
      rmSync(profile, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}

/** A website gets a fifth of what Firefox gives them all. */
const FIREFOX_SHARE = 5;

/** Firefox, which is told at its start; undefined on a machine without it, which `npm test` says. */
export function firefoxWithQuota(): QuotaBrowser | undefined {
  const executablePath = findFirefox();
  if (executablePath === undefined) return undefined;
  const profile = mkdtempSync(join(tmpdir(), 'reprise-quota-'));
  let browser: Browser | undefined;
  return {
    name: 'Firefox',
    open: async (quotaBytes) => {
      await browser?.close();
      const limitKib = quotaBytes === undefined ? -1 : (quotaBytes * FIREFOX_SHARE) / 1024;
      browser = await launchFirefox(executablePath, {
        profile,
        prefs: { 'dom.quotaManager.temporaryStorage.fixedLimit': limitKib },
      });
      // It can do more than what is asked of it here, by the same names.
      return (await browser.newPage()) as unknown as DrivenPage;
    },
    dispose: async () => {
      await browser?.close();
      rmSync(profile, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}
