/**
 * Finds the Chromium that the browser tests and benchmarks run in, and installs it where that needs no question.
 *
 * The system's browser is used instead of a downloaded one, so that a checkout needs nothing but npm and, on Debian as
 * root (a CI container), apt. A missing browser is an error everywhere: browser tests are never skipped in silence.
 */
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { chromium } from 'playwright-core';
import { installWithApt, isRoot } from './apt.mjs';

/** Keep Chromium quiet and off the network. */
export const chromiumArgs = [
  ...(isRoot ? ['--no-sandbox'] : []),
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Returns the path of a Chromium or Chrome, or undefined. `REPRISE_CHROMIUM` goes before everything. */
export function findChromium() {
  const chosen = process.env.REPRISE_CHROMIUM;
  if (chosen) return chosen;
  return [...systemPaths(), chromium.executablePath()].find((path) => existsSync(path));
}

/**
 * Returns the path of a Chromium; on Debian and its like, root gets one installed.
 * @throws Error that says what to install
 */
export function ensureChromium() {
  const found = findChromium();
  if (found === undefined) installWithApt('Chromium', ['chromium']);
  const path = found ?? findChromium();
  if (path !== undefined && existsSync(path)) return path;
  if (path !== undefined) throw new Error(`REPRISE_CHROMIUM names ${path}, which does not exist.`);
  throw new Error(
    'The browser tests need Chromium or Google Chrome. Install one of them (Debian: `apt-get install chromium`),\n' +
      'or run `npx playwright-core install chromium`, or set REPRISE_CHROMIUM to the path of one.',
  );
}

/** Where browsers usually are, those that surely run first (Ubuntu's `chromium-browser` may be a stub for a snap). */
function systemPaths() {
  if (process.platform === 'darwin') {
    return ['Chromium.app/Contents/MacOS/Chromium', 'Google Chrome.app/Contents/MacOS/Google Chrome'].flatMap((app) => [
      join('/Applications', app),
      join(process.env.HOME ?? '', 'Applications', app),
    ]);
  }
  if (process.platform === 'win32') {
    const folders = ['PROGRAMFILES', 'PROGRAMFILES(X86)', 'LOCALAPPDATA'].map((name) => process.env[name] ?? '');
    return ['Google\\Chrome\\Application\\chrome.exe', 'Chromium\\Application\\chrome.exe'].flatMap((program) =>
      folders.map((folder) => join(folder, program)),
    );
  }
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/bin', '/usr/local/bin', '/snap/bin'];
  const programs = ['chromium', 'google-chrome', 'google-chrome-stable', 'chromium-browser'];
  return programs.flatMap((program) => folders.map((folder) => join(folder, program)));
}
