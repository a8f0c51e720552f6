/**
 * `npm run bench:browser`: runs bench/browser in Chromium and in Firefox, one after the other, and keeps the numbers in
 * bench/results. `--browser=chromium` or `--browser=firefox` runs it in that one only.
 *
 * The page, bench/browser/index.html, posts to `/report` what it would say on its way (a string), at the end its result
 * (an object), or what went wrong: so all that is needed of a browser is that it opens a URL. Each field of the result
 * that is an array of rows (objects of strings and numbers) is printed as a table under the field's name. Arguments that
 * do not begin with `--` reach the page as `?only=NAME`, once each. The page is built for production, cross-origin
 * isolated (or timers are too coarse), and its storage is on disk in a new profile.
 */
import { EventEmitter, once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { fail, install, root } from './install.mjs';
import { useMemoryOnce } from './used-memory.mjs';

install();

const { build, preview } = await import('vite');
const { chromium } = await import('playwright-core');
const { chromiumArgs, ensureChromium } = await import('./chromium.mjs');
const { findFirefox, launchFirefox } = await import('./firefox.mjs');

/** The case that takes several tabs, and so is driven from outside. */
const TABS = 'tabs';
/** Far above what the benchmarks take; a page that never answers ends the run. */
const TIMEOUT_MS = 60 * 60_000;

/**
 * What the page posts.
 * @typedef {{ progress?: string, result?: Record<string, unknown>, error?: string }} Report
 */

/**
 * What opens the page by a browser's name on the command line. Resolves to undefined where there is no such browser.
 * @type {Record<string, (url: string, profile: string) => Promise<OpenBrowser | undefined>>}
 * @typedef {{ version: string, close: () => Promise<unknown> }} OpenBrowser
 */
const openByBrowser = { chromium: openInChromium, firefox: openInFirefox };

const folder = mkdtempSync(join(tmpdir(), 'reprise-bench-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));

const args = process.argv.slice(2);
const names = args.filter((arg) => !arg.startsWith('--'));
const chosen = args.filter((arg) => arg.startsWith('--browser=')).map((arg) => arg.slice('--browser='.length));
const browsers = chosen.length > 0 ? chosen : Object.keys(openByBrowser);

/** Emits `report`. */
const page = new EventEmitter();
page.on('report', ({ progress }) => progress !== undefined && console.log(progress));

try {
  const url = new URL(await serveBenchmarks(join(folder, 'site')));
  for (const name of names) url.searchParams.append('only', name);
  const hasCases = names.length === 0 || names.some((name) => name !== TABS);
  const hasTabs = names.length === 0 || names.includes(TABS);
  useMemoryOnce();
  for (const browser of browsers) {
    if (hasCases) await runIn(browser, url.href);
    if (hasTabs) await runTabs(browser);
  }
} catch (error) {
  fail(error);
}
process.exit(); // The server would keep it alive.

/**
 * Runs the cases of the page in one browser.
 * @param {string} browser
 * @param {string} url
 */
async function runIn(browser, url) {
  const open = openByBrowser[browser] ?? fail(`There is no benchmark in ${browser}.`);
  const outcome = outcomeOfPage();
  const opened = await open(url, join(folder, browser));
  if (opened === undefined) {
    console.log(`not run: ${browser} is not installed`);
    if (chosen.length > 0) process.exitCode = 1;
    return;
  }
  const { version, close } = opened;
  console.log(`\n${version}`);
  const result = await outcome.finally(close);
  print(result);
  if (names.length === 0) writeResult(`browser-${browser}`, { machine: describeMachine(version), ...result });
}

/**
 * Measures several tabs in one browser, and prints that.
 * @param {string} browser
 */
async function runTabs(browser) {
  console.log(`${TABS} …`);
  const { measureTabs } = await import('./bench-tabs.mjs');
  const result = await measureTabs(browser);
  if (result === undefined) {
    console.log(`not run: ${browser} is not installed`);
    return;
  }
  const { version, ...rest } = result;
  print(rest);
  writeResult(`tabs-${browser}`, { machine: describeMachine(version), ...rest });
}

/** @param {Readonly<Record<string, unknown>>} result */
function print(result) {
  for (const [title, rows] of Object.entries(result)) {
    if (!Array.isArray(rows) || rows.length === 0) continue;
    console.log(`\n${title}`);
    console.table(rows);
  }
}

/**
 * Resolves to the next result that the page posts.
 * @returns {Promise<Record<string, unknown>>}
 * @throws Error what the page says went wrong, or that it says nothing
 */
async function outcomeOfPage() {
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  for (;;) {
    /** @type {Report[]} */
    const [report] = await once(page, 'report', { signal });
    if (report?.error !== undefined) throw new Error(report.error);
    if (report?.result !== undefined) return report.result;
  }
}

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
    plugins: [
      {
        name: 'reprise:bench-report',
        configurePreviewServer: (/** @type {import('vite').PreviewServer} */ { middlewares }) => {
          middlewares.use('/report', (request, response) => {
            json(request).then((report) => page.emit('report', report));
            response.end();
          });
        },
      },
    ],
  };
  await build(config);
  const headers = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' };
  const server = await preview({ ...config, preview: { host: 'localhost', port: 24_800, headers } });
  return server.resolvedUrls?.local[0] ?? fail('The benchmarks could not be served.');
}

/**
 * @param {string} url
 * @param {string} profile
 */
async function openInChromium(url, profile) {
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: ensureChromium(),
    headless: true,
    args: chromiumArgs,
  });
  const tab = await context.newPage();
  tab.on('crash', () => page.emit('report', { error: 'The page crashed.' }));
  await tab.goto(url);
  return { version: `Chromium ${context.browser()?.version()}`, close: () => context.close() };
}

/**
 * Its profile is made by whoever launches it.
 * @param {string} url
 */
async function openInFirefox(url) {
  const executablePath = findFirefox();
  if (executablePath === undefined) return undefined;
  const browser = await launchFirefox(executablePath);
  const tab = await browser.newPage();
  await tab.goto(url);
  const version = (await browser.version()).replace(/^firefox\//i, 'Firefox ');
  return { version, close: () => browser.close() };
}

/** @param {string} version */
function describeMachine(version) {
  return {
    date: new Date().toISOString(),
    browser: version,
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    platform: `${process.platform} ${process.arch}`,
  };
}

/**
 * @param {string} name
 * @param {object} result
 */
function writeResult(name, result) {
  const file = `bench/results/${name}.json`;
  mkdirSync(join(root, 'bench/results'), { recursive: true });
  writeFileSync(join(root, file), `${JSON.stringify(result, null, 2)}\n`);
  console.log(`\nKept in ${file}`);
}
