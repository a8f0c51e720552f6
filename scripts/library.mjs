/**
 * Builds the published package into dist/: readable page entries, the worker as one file, and declarations.
 *
 * Page entries leave every dependency to the consumer's bundler, which then has one copy of each. The worker cannot:
 * it is started by URL, so it carries all it needs and imports nothing.
 */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'vite';
import { emitDeclarations } from './declarations.mjs';
import { root } from './install.mjs';

/** The page entries by their name in dist/. */
const pageEntries = { index: 'src/index.ts', panel: 'src/panel/index.ts' };

/** How the sources name the worker, and how dist/index.js does. */
const workerSource = `'../worker/main.ts'`;
const workerFile = `'./worker.js'`;
const workerPlaceholder = 'REPRISE_WORKER_FILE';

/** Builds everything anew; rejects with the first mistake found. */
export async function buildLibrary() {
  rmSync(join(root, 'dist'), { recursive: true, force: true });
  await buildPageEntries();
  await buildWorker();
  emitDeclarations();
}

async function buildPageEntries() {
  const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  await build({
    ...common,
    plugins: [keepWorkerUrl],
    build: {
      ...common.build,
      minify: false,
      lib: { entry: pageEntries, formats: ['es'] },
      rolldownOptions: { external: Object.keys(dependencies), output: { chunkFileNames: '[name].js' } },
    },
  });
}

async function buildWorker() {
  await build({
    ...common,
    build: {
      ...common.build,
      lib: { entry: { worker: 'worker/main.ts' }, formats: ['es'] },
      // Vite spares the white space of ES libraries for the consumer's tree shaking; nobody shakes a worker.
      rolldownOptions: { output: { minify: true, codeSplitting: false } },
    },
  });
}

/** @type {import('vite').InlineConfig} */
const common = {
  root,
  configFile: false,
  publicDir: false,
  logLevel: 'warn',
  build: { outDir: 'dist', emptyOutDir: false, target: 'es2022' },
};

/**
 * Keeps `new Worker(new URL('./worker.js', import.meta.url), …)` one expression in dist/index.js, which is what
 * consumers' bundlers look for. Vite would look for it too and inline the worker as a `data:` URL, so the file's name
 * hides behind an identifier while Vite works.
 * @type {import('vite').Plugin}
 */
const keepWorkerUrl = {
  name: 'reprise:keep-worker-url',
  enforce: 'pre',
  transform: (code) => code.replaceAll(workerSource, workerPlaceholder),
  generateBundle(_options, bundle) {
    for (const chunk of Object.values(bundle)) {
      if (chunk.type === 'chunk') chunk.code = chunk.code.replaceAll(workerPlaceholder, workerFile);
    }
  },
};
