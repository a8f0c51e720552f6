/** Finds Firefox and starts it, driven over WebDriver BiDi. Playwright's Firefox is a build of its own; this is the real one. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { launch } from 'puppeteer-core';

/** Returns the path of a Firefox, or undefined. `REPRISE_FIREFOX` goes before everything. */
export function findFirefox() {
  const chosen = process.env.REPRISE_FIREFOX;
  if (chosen) return chosen;
  return systemPaths().find((path) => existsSync(path));
}

/**
 * Starts a Firefox that nobody sees. Without a profile it gets a new one on disk, which goes when this process does.
 * @param {string} executablePath
 * @param {{ readonly profile?: string, readonly prefs?: Readonly<Record<string, unknown>> }} [options]
 */
export function launchFirefox(executablePath, { profile, prefs = {} } = {}) {
  return launch({
    browser: 'firefox',
    executablePath,
    headless: true,
    userDataDir: profile ?? createProfile(),
    // Times are rounded otherwise, so that websites cannot measure; we have to.
    extraPrefsFirefox: {
      'privacy.reduceTimerPrecision': false,
      'privacy.reduceTimerPrecision.unconditional': false,
      ...prefs,
    },
  });
}

function createProfile() {
  const profile = mkdtempSync(join(tmpdir(), 'reprise-firefox-'));
  process.on('exit', () => rmSync(profile, { recursive: true, force: true, maxRetries: 3 }));
  return profile;
}

function systemPaths() {
  if (process.platform === 'darwin') {
    const app = 'Applications/Firefox.app/Contents/MacOS/firefox';
    return [join('/', app), join(process.env.HOME ?? '', app)];
  }
  if (process.platform === 'win32') {
    const folders = ['PROGRAMFILES', 'PROGRAMFILES(X86)'].map((name) => process.env[name] ?? '');
    return folders.map((folder) => join(folder, 'Mozilla Firefox\\firefox.exe'));
  }
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/bin', '/usr/local/bin', '/snap/bin'];
  return ['firefox-esr', 'firefox'].flatMap((program) => folders.map((folder) => join(folder, program)));
}
