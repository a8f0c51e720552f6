/** Builds the demo and serves what was built, as a user's own site would be. */
import { join } from 'node:path';
import { build, preview } from 'vite';
import { root } from './install.mjs';

const config = { root: join(root, 'demo'), logLevel: /** @type {const} */ ('warn') };

/** Builds demo/dist on top of the package in dist/, which must be there. */
export async function buildDemo() {
  await build(config);
}

/**
 * Serves demo/dist on localhost, at `firstPort` or the next free port after it, and resolves once it answers.
 * @param {number} firstPort
 * @returns {Promise<{ readonly url: string, close(): Promise<void> }>}
 */
export async function serveDemo(firstPort) {
  const server = await preview({ ...config, preview: { host: 'localhost', port: firstPort, strictPort: false } });
  const address = server.httpServer.address();
  if (address === null || typeof address === 'string') throw new TypeError('A server without a port.');
  const url = `http://localhost:${address.port}/`;
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`The demo answers ${answer.status} at ${url}`);
  return { url, close: () => server.close() };
}
