/**
 * The built demo, served as `npm start` serves it, in a real Chromium with a profile on disk.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, chromium, type Page } from 'playwright-core';
import { chromiumArgs, ensureChromium } from '../../scripts/chromium.mjs';
import { serveDemo } from '../../scripts/demo.mjs';
import type { AudioCacheClient } from '../../src/audio-cache-client';

declare global {
  /** What the demo lends to tests and the console. */
  var repriseDemo: { readonly cache: AudioCacheClient };
}

/** A person's machine: a server, a profile that outlives the browser, and one browser at a time. */
export interface Machine {
  readonly url: string;
  /** Opens the browser on the demo; an open one is closed first, as a person would. */
  openBrowser(): Promise<Page>;
  closeBrowser(): Promise<void>;
  /** Ends everything and removes the profile. */
  dispose(): Promise<void>;
}

/** Sets up a machine whose browser has never seen the demo. */
export async function createMachine(): Promise<Machine> {
  const server = await serveDemo(20_000 + Math.floor(Math.random() * 20_000));
  const profile = mkdtempSync(join(tmpdir(), 'reprise-e2e-'));
  let context: BrowserContext | undefined;
  const closeBrowser = async () => {
    await context?.close();
    context = undefined;
  };
  return {
    url: server.url,
    openBrowser: async () => {
      await closeBrowser();
      context = await chromium.launchPersistentContext(profile, {
        executablePath: ensureChromium(),
        headless: true,
        args: [...chromiumArgs, '--autoplay-policy=no-user-gesture-required'],
        viewport: { width: 1280, height: 900 },
      });
      const page = context.pages()[0] ?? (await context.newPage());
      await page.goto(server.url);
      return page;
    },
    closeBrowser,
    dispose: async () => {
      await closeBrowser();
      await server.close();
      rmSync(profile, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}

/** Presses Speak and resolves to where the clip came from, as the page shows it. */
export async function speak(page: Page): Promise<string | null> {
  await untilTaken(page, () => page.click('#speak'));
  return page.getAttribute('#result', 'data-source');
}

/** Does something and resolves once it has added a take to the list, which makes all its lines anew. */
export async function untilTaken(page: Page, act: () => Promise<unknown>): Promise<void> {
  const before = await page.evaluateHandle(() => document.querySelector('#takes')?.firstElementChild);
  await act();
  await page.waitForFunction((first) => document.querySelector('#takes')?.firstElementChild !== first, before);
}
