/**
 * Three kinds of test, one after the other since they share two cores and timing matters to the later ones: `unit` in
 * Node, `browser` inside a real Chromium, `e2e` in Node driving a Chromium against the built demo.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { playwright } from '@vitest/browser-playwright';
import { defineConfig } from 'vitest/config';
import { chromiumArgs, findChromium } from './scripts/chromium.mjs';

// A profile on disk, because in-memory storage is not what a cache meets; a new one, because leftovers would lie.
const profile = mkdtempSync(join(tmpdir(), 'reprise-profile-'));
process.on('exit', () => rmSync(profile, { recursive: true, force: true, maxRetries: 3 }));

const executablePath = findChromium();

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts'],
          sequence: { groupOrder: 0 },
        },
      },
      {
        optimizeDeps: { include: ['comlink', 'fast-check', 'hash-wasm', 'idb', '@bjorn3/browser_wasi_shim'] },
        test: {
          name: 'browser',
          include: ['test/browser/**/*.browser.test.ts'],
          sequence: { groupOrder: 1 },
          // A persistent profile can be opened once only.
          fileParallelism: false,
          testTimeout: 20_000,
          browser: {
            enabled: true,
            headless: true,
            screenshotFailures: false,
            provider: playwright({
              launchOptions: {
                args: [...chromiumArgs, '--autoplay-policy=no-user-gesture-required'],
                ...(executablePath === undefined ? {} : { executablePath }),
              },
              persistentContext: profile,
            }),
            instances: [{ browser: 'chromium' }],
          },
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          sequence: { groupOrder: 2 },
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
