/**
 * `npm run bench:browser`: runs bench/browser in Chromium and keeps the numbers in bench/results.
 *
 * The page, bench/browser/index.html, sets `window.benchResult` to a promise of a plain object. Each of its fields that
 * is an array of rows (objects of strings and numbers) is printed as a table under the field's name. Arguments that do
 * not begin with `--` reach the page as `?only=NAME`, once each. The page is built for production, cross-origin
 * isolated (timers of 5 µs), and its storage is on disk in a profile of its own.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fail, install, root } from './install.mjs';

install();

const { build, preview } = await import('vite');
const { chromium } = await import('playwright-core');
const { chromiumArgs, ensureChromium } = await import('./chromium.mjs');

/** Far above what the benchmarks take; a page that never answers ends the run. */
const TIMEOUT_MS = 30 * 60_000;

const folder = mkdtempSync(join(tmpdir(), 'reprise-bench-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));

try {
  const url = new URL(await serveBenchmarks(join(folder, 'site')));
  const names = process.argv.slice(2).filter((arg) => !arg.startsWith('--'));
  for (const name of names) url.searchParams.append('only', name);
  const { result, browserVersion } = await measure(url.href, join(folder, 'profile'));
  for (const [title, rows] of Object.entries(result)) {
    if (!Array.isArray(rows) || rows.length === 0) continue;
    console.log(`\n${title}`);
    console.table(rows);
  }
  if (names.length === 0) writeResult({ machine: describeMachine(browserVersion), ...result });
} catch (error) {
  fail(error);
}
process.exit(); // The server would keep it alive.

/**
 * Builds the page into `outDir` and returns the URL it is served at.
 * @param {string} outDir
 */
async function serveBenchmarks(outDir) {
  const config = {
    root: join(root, 'bench/browser'),
    configFile: /** @type {const} */ (false),
    logLevel: /** @type {const} */ ('warn'),
    build: { outDir, emptyOutDir: true, target: 'es2022' },
    // All workers are modules, as the published one is.
    worker: { format: /** @type {const} */ ('es') },
  };
  await build(config);
  const headers = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' };
  const server = await preview({ ...config, preview: { host: 'localhost', port: 24_800, headers } });
  return server.resolvedUrls?.local[0] ?? fail('The benchmarks could not be served.');
}

/**
 * @param {string} url
 * @param {string} profile
 * @returns {Promise<{ result: Record<string, unknown>, browserVersion: string }>}
 */
async function measure(url, profile) {
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: ensureChromium(),
    headless: true,
    args: chromiumArgs,
  });
  try {
    const page = await context.newPage();
    page.on('console', (message) => console.log(message.text()));
    /** @type {Promise<never>} */
    const failure = new Promise((_resolve, reject) => {
      page.on('pageerror', reject);
      page.on('crash', () => reject(new Error('The page crashed.')));
      setTimeout(reject, TIMEOUT_MS, new Error('The page gave no result.')).unref();
    });
    failure.catch(() => {}); // It may come before anyone waits for it.
    await page.goto(url);
    const isSet = 'window.benchResult !== undefined';
    await Promise.race([page.waitForFunction(isSet), failure]);
    const result = await Promise.race([page.evaluate('window.benchResult'), failure]);
    return {
      result: /** @type {Record<string, unknown>} */ (result),
      browserVersion: context.browser()?.version() ?? '',
    };
  } finally {
    await context.close();
  }
}

/** @param {string} browserVersion */
function describeMachine(browserVersion) {
  return {
    date: new Date().toISOString(),
    browser: `Chromium ${browserVersion}`,
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    platform: `${process.platform} ${process.arch}`,
  };
}

/** @param {object} result */
function writeResult(result) {
  mkdirSync(join(root, 'bench/results'), { recursive: true });
  writeFileSync(join(root, 'bench/results/browser-chromium.json'), `${JSON.stringify(result, null, 2)}\n`);
  console.log('\nKept in bench/results/browser-chromium.json');
}
