/**
 * Finds WebKitGTK's MiniBrowser and starts it: the same engine as Safari's on a platform of its own.
 *
 * Not through WebDriver, although there is one: its automation mode keeps all storage in memory. So the browser is
 * given a URL and nothing else; the page has to report by itself, which Vitest's does.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

/** Off in WebKitGTK unless asked for; without them there is no `navigator.storage`, which Safari has. */
const FEATURES = ['StorageAPI', 'StorageAPIEstimate', 'FileSystem', 'AccessHandle', 'FileSystemWritableStream'];

/** Returns the path of a MiniBrowser, or undefined where it or the X server for it is missing. `REPRISE_WEBKIT` goes first. */
export function findWebKit() {
  if (findXServer() === undefined) return undefined;
  const chosen = process.env.REPRISE_WEBKIT;
  if (chosen) return chosen;
  return libraryFolders()
    .map((folder) => join(folder, 'webkit2gtk-4.1/MiniBrowser'))
    .find((path) => existsSync(path));
}

/**
 * Opens a URL in a browser that nobody sees, with a new profile on disk, and resolves to what ends both.
 * @param {string} executablePath
 * @param {string} url
 */
export async function openWebKit(executablePath, url) {
  const profile = mkdtempSync(join(tmpdir(), 'reprise-webkit-'));
  const screen = await startXServer();
  const browser = spawn(executablePath, [`--features=${FEATURES.map((name) => `+${name}`).join()}`, url], {
    env: {
      ...process.env,
      DISPLAY: screen.display,
      HOME: profile,
      XDG_CACHE_HOME: join(profile, 'cache'),
      XDG_CONFIG_HOME: join(profile, 'config'),
      XDG_DATA_HOME: join(profile, 'data'),
      WEBKIT_DISABLE_COMPOSITING_MODE: '1', // There is no graphics card.
    },
    stdio: 'ignore',
    // A process group of its own: what keeps pages and storage are processes of their own, and all must go at once.
    detached: true,
  });
  const close = () => {
    process.off('exit', close);
    killGroup(browser.pid);
    screen.close();
    rmSync(profile, { recursive: true, force: true, maxRetries: 3 });
  };
  process.on('exit', close);
  try {
    await once(browser, 'spawn');
  } catch (error) {
    close();
    throw error;
  }
  return close;
}

/** @param {number | undefined} leaderPid undefined when it could not be started */
function killGroup(leaderPid) {
  try {
    if (leaderPid !== undefined) process.kill(-leaderPid, 'SIGKILL');
  } catch {
    // All of it has ended by itself.
  }
}

/** Starts an X server without a screen, at the first display that is free. */
async function startXServer() {
  const displayFd = 3;
  const server = spawn(findXServer() ?? 'Xvfb', ['-displayfd', `${displayFd}`, '-nolisten', 'tcp'], {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
  });
  const failure = once(server, 'exit').then(() => {
    throw new Error('Xvfb ended at once.');
  });
  failure.catch(() => {}); // It ends sooner or later.
  const displays = /** @type {import('node:stream').Readable} */ (server.stdio[displayFd]);
  const [display] = await Promise.race([once(displays, 'data'), failure]);
  return { display: `:${String(display).trim()}`, close: () => server.kill() };
}

function findXServer() {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/bin'];
  return folders.map((folder) => join(folder, 'Xvfb')).find((path) => existsSync(path));
}

/** Where Linux distributions keep programs that libraries bring along. */
function libraryFolders() {
  if (process.platform !== 'linux') return [];
  const architectures = readdirSync('/usr/lib').filter((name) => name.endsWith('-linux-gnu'));
  return [...architectures.map((name) => join('/usr/lib', name)), '/usr/libexec', '/usr/lib'];
}
