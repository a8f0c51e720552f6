/**
 * Serves the page of the tests with several tabs (test/tabs), built once for production, and speaks for all of them: what
 * is synthesized is made and counted here, where it also counts for a tab that has died since.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { build, createServer as createVite, preview } from 'vite';
import { root } from './install.mjs';

/**
 * The served page. `syntheses` counts by text; `speechMs` is how long each takes.
 * @typedef {{ readonly url: string, readonly elsewhere: string, readonly syntheses: Map<string, number>, speechMs: number, close(): Promise<void> }} TabSite
 */

/**
 * Builds the page and serves it on localhost; `isIsolated`: in a way that lets it measure its memory and short times.
 * @param {{ readonly isIsolated?: boolean }} [options]
 * @returns {Promise<TabSite>}
 */
export async function serveTabs({ isIsolated = false } = {}) {
  const outDir = mkdtempSync(join(tmpdir(), 'reprise-tabs-'));
  /** @type {Map<string, number>} */
  const syntheses = new Map();
  const { audioOfText } = await loadSpoken();
  const config = {
    root: join(root, 'test/tabs'),
    configFile: /** @type {const} */ (false),
    logLevel: /** @type {const} */ ('warn'),
    build: { outDir, emptyOutDir: true, target: 'es2022' },
    // All workers are modules, as the published one is.
    worker: { format: /** @type {const} */ ('es') },
    plugins: [
      {
        name: 'reprise:speech',
        configurePreviewServer: (/** @type {import('vite').PreviewServer} */ { middlewares }) => {
          middlewares.use('/elsewhere', (_request, response) => {
            response.setHeader('Content-Type', 'text/html');
            response.end('<!doctype html><title>Elsewhere</title><link rel="icon" href="data:,">');
          });
          middlewares.use('/speech', (request, response) => {
            const text = new URLSearchParams(request.url?.split('?')[1]).get('text') ?? '';
            syntheses.set(text, (syntheses.get(text) ?? 0) + 1);
            void delay(site.speechMs).then(() => {
              response.setHeader('Content-Type', 'audio/mpeg');
              response.end(audioOfText(text));
            });
          });
        },
      },
    ],
  };
  await build(config);
  const isolation = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' };
  const headers = isIsolated ? isolation : {};
  const server = await preview({ ...config, preview: { host: 'localhost', port: await freePort(), headers } });
  const origin = new URL(server.resolvedUrls?.local[0] ?? '').origin;
  const site = {
    url: `${origin}/`,
    elsewhere: `${origin}/elsewhere`,
    syntheses,
    speechMs: 0,
    close: async () => {
      await server.close();
      rmSync(outDir, { recursive: true, force: true });
    },
  };
  return site;
}

/** The page and this server make the same audio of a text. @returns {Promise<typeof import('../test/tabs/spoken')>} */
async function loadSpoken() {
  const vite = await createVite({
    root,
    configFile: false,
    logLevel: 'error',
    server: { middlewareMode: true, ws: false, watch: null },
    appType: 'custom',
    optimizeDeps: { noDiscovery: true },
  });
  try {
    // What a module of ours exports is typed where it is written.
    return /** @type {typeof import('../test/tabs/spoken')} */ (await vite.ssrLoadModule('/test/tabs/spoken.ts'));
  } finally {
    await vite.close();
  }
}

/** @returns {Promise<number>} */
function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer().on('error', reject);
    server.listen(0, 'localhost', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
