/**
 * Serves the page of the campaigns (test/campaign), built once for production, and answers what it says: the messages of
 * test/campaign/messages.ts. A campaign outlives its browsers, so all it knows is kept here, in this process.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { build, preview } from 'vite';
import { root } from './install.mjs';

/**
 * @typedef {import('../test/campaign/messages').CacheWish} CacheWish
 * @typedef {import('../test/campaign/messages').Finding} Finding
 * @typedef {import('../test/campaign/messages').Message} Message
 * @typedef {import('../test/campaign/messages').Operation} Operation
 * @typedef {import('../test/campaign/messages').Plan} Plan
 */

/**
 * What answers one opened page. Answers may take their time; what a killed page said last may arrive after its death.
 * @typedef {(message: Message) => unknown} Answer
 */

/**
 * The served page. `invite` gives the URL under which a browser's page is answered so; no two lives of a browser share one.
 * @typedef {{ readonly origin: string, invite(answer: Answer): string, close(): Promise<void> }} CampaignSite
 */

/**
 * Builds the page and serves it on localhost.
 * @returns {Promise<CampaignSite>}
 */
export async function serveCampaign() {
  const outDir = mkdtempSync(join(tmpdir(), 'reprise-campaign-'));
  /** @type {Answer[]} */
  const answers = [];
  const config = {
    root: join(root, 'test/campaign'),
    configFile: /** @type {const} */ (false),
    logLevel: /** @type {const} */ ('warn'),
    build: { outDir, emptyOutDir: true, target: 'es2022' },
    // All workers are modules, as the published one is.
    worker: { format: /** @type {const} */ ('es') },
    plugins: [
      {
        name: 'reprise:campaign',
        configurePreviewServer: (/** @type {import('vite').PreviewServer} */ { middlewares }) => {
          middlewares.use('/campaign', (request, response) => {
            const life = Number(new URLSearchParams(request.url?.split('?')[1]).get('life'));
            json(request)
              .then((message) => answers[life]?.(/** @type {Message} */ (message)))
              .then((answer) => response.end(JSON.stringify(answer ?? null)))
              // Killed in the middle of a sentence.
              .catch(() => response.destroy());
          });
        },
      },
    ],
  };
  await build(config);
  const port = 20_000 + Math.floor(Math.random() * 20_000);
  const server = await preview({ ...config, preview: { host: 'localhost', port } });
  const origin = new URL(server.resolvedUrls?.local[0] ?? '').origin;
  return {
    origin,
    invite: (answer) => `${origin}/?life=${answers.push(answer) - 1}`,
    close: async () => {
      await server.close();
      rmSync(outDir, { recursive: true, force: true });
    },
  };
}
