/**
 * The browser engines the tests run in beside Chromium, and how Vitest starts them.
 *
 * A machine without one of them still tests the rest: `npm test` says at its end which engine did not run. Vitest has a
 * provider for browsers that Playwright builds; real ones need no more than a URL opened, since its page runs the tests
 * and reports over a WebSocket.
 */
import { defineBrowserProvider } from '@vitest/browser';
import { installWithApt } from './apt.mjs';
import { findFirefox, launchFirefox } from './firefox.mjs';
import { findWebKit, openWebKit } from './webkit.mjs';

/**
 * @typedef {object} Engine
 * @property {'firefox' | 'webkit'} project Vitest's name of its tests
 * @property {string} name as people call it
 * @property {readonly string[]} packages Debian's
 * @property {() => string | undefined} find returns the path of a browser
 * @property {(executablePath: string, url: string) => Promise<() => unknown>} open opens a URL in a browser with a new
 * profile on disk and resolves to what closes it
 */

/** @type {readonly Engine[]} */
export const engines = [
  {
    project: 'firefox',
    name: 'Firefox',
    packages: ['firefox-esr'],
    find: findFirefox,
    open: async (executablePath, url) => {
      const browser = await launchFirefox(executablePath);
      const [page = await browser.newPage()] = await browser.pages();
      await page.goto(url, { timeout: 0 });
      return () => browser.close();
    },
  },
  {
    project: 'webkit',
    name: 'WebKitGTK',
    packages: ['webkit2gtk-driver', 'xvfb'],
    find: findWebKit,
    open: openWebKit,
  },
];

/**
 * Installs the engine where that needs no question; returns why it cannot run, or undefined when it can.
 * @param {Engine} engine
 */
export function installEngine({ name, packages, find }) {
  if (find() === undefined) installWithApt(name, packages);
  return find() === undefined ? `${name} is not installed (apt-get install ${packages.join(' ')})` : undefined;
}

/**
 * Makes a provider of Vitest that runs tests in the engine. It can open pages and nothing else: no clicks, no
 * screenshots, no mocked modules.
 * @param {Engine} engine
 * @param {string} executablePath
 */
export function browserProvider({ project, open }, executablePath) {
  return defineBrowserProvider({
    name: project,
    providerFactory: () => {
      /** @type {Map<string, Promise<() => unknown>>} */
      const openBySession = new Map();
      const closeSession = async (/** @type {string} */ sessionId) => {
        const opening = openBySession.get(sessionId);
        openBySession.delete(sessionId);
        const close = await opening?.catch(() => {});
        await close?.();
      };
      return {
        name: project,
        supportsParallelism: false,
        getCommandsContext: () => ({}),
        openPage: async (sessionId, url) => {
          await closeSession(sessionId);
          const opening = open(executablePath, url);
          openBySession.set(sessionId, opening);
          await opening;
        },
        close: async () => {
          await Promise.all([...openBySession.keys()].map(closeSession));
        },
      };
    },
  });
}
