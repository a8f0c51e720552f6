/**
 * Kinds of test, one after the other since they share two cores and timing matters to the later ones: `unit` in Node,
 * `browser` inside a real Chromium, `firefox` and `webkit` inside those where the machine has them, `e2e` in Node
 * driving a Chromium against the built demo. What stores must do in every engine lies in test/engines.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { playwright } from '@vitest/browser-playwright';
import { defineConfig, type TestProjectConfiguration } from 'vitest/config';
import type { BrowserProviderOption } from 'vitest/node';
import { chromiumArgs, findChromium } from './scripts/chromium.mjs';
import { browserProvider, engines } from './scripts/engines.mjs';

// A profile on disk, because in-memory storage is not what a cache meets; a new one, because leftovers would lie.
const profile = mkdtempSync(join(tmpdir(), 'reprise-profile-'));
process.on('exit', () => rmSync(profile, { recursive: true, force: true, maxRetries: 3 }));

const executablePath = findChromium();

/** What must hold in every engine. */
const ENGINE_TESTS = 'test/engines/**/*.browser.test.ts';

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts'],
          // Some simulate thousands of crashes; what hangs still ends.
          testTimeout: 30_000,
          sequence: { groupOrder: 0 },
        },
      },
      browserProject({
        name: 'browser',
        include: ['test/browser/**/*.browser.test.ts', ENGINE_TESTS],
        groupOrder: 1,
        browser: 'chromium',
        provider: playwright({
          launchOptions: {
            args: [...chromiumArgs, '--autoplay-policy=no-user-gesture-required'],
            ...(executablePath === undefined ? {} : { executablePath }),
          },
          persistentContext: profile,
        }),
      }),
      ...engines.flatMap((engine, index) => {
        const { project: name, find } = engine;
        const path = find();
        if (path === undefined) return []; // `npm test` says so.
        const provider = browserProvider(engine, path);
        return browserProject({ name, include: [ENGINE_TESTS], groupOrder: 2 + index, browser: name, provider });
      }),
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          sequence: { groupOrder: 2 + engines.length },
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});

interface BrowserProjectOptions {
  readonly name: string;
  readonly include: string[];
  readonly groupOrder: number;
  readonly browser: 'chromium' | 'firefox' | 'webkit';
  readonly provider: BrowserProviderOption;
}

/** Tests that run inside a browser, with all that these have in common. */
function browserProject({ name, include, groupOrder, browser, provider }: BrowserProjectOptions) {
  return {
    optimizeDeps: {
      include: [
        'comlink',
        'fast-check',
        'hash-wasm',
        'idb',
        '@bjorn3/browser_wasi_shim',
        '@zip.js/zip.js/lib/zip-core-reader.js',
      ],
    },
    test: {
      name,
      include,
      sequence: { groupOrder },
      // A persistent profile can be opened once only.
      fileParallelism: false,
      testTimeout: 20_000,
      browser: { enabled: true, headless: true, screenshotFailures: false, provider, instances: [{ browser }] },
    },
  } satisfies TestProjectConfiguration;
}
