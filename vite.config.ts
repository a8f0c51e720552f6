/**
 * How the published package is built: readable page entries, and with `--mode worker` the worker as one file.
 *
 * Page entries leave every dependency to the consumer's bundler, which then has one copy of each. The worker cannot:
 * it is started by URL, so it carries all it needs and imports nothing. `npm run build` runs both and adds the
 * declarations; the demo and the tests have configurations of their own.
 */
import { defineConfig, type Plugin } from 'vite';
import packageJson from './package.json' with { type: 'json' };

/** How the sources name the worker, and how dist/index.js does. */
const WORKER_SOURCE = `'../worker/main.ts'`;
const WORKER_FILE = `'./worker.js'`;
const WORKER_PLACEHOLDER = 'REPRISE_WORKER_FILE';

/**
 * Keeps `new Worker(new URL('./worker.js', import.meta.url), …)` one expression in dist/index.js, which is what
 * consumers' bundlers look for. Vite would look for it too and inline the worker as a `data:` URL, so the file's name
 * hides behind an identifier while Vite works.
 */
const keepWorkerUrl: Plugin = {
  name: 'reprise:keep-worker-url',
  enforce: 'pre',
  transform: (code) => code.replaceAll(WORKER_SOURCE, WORKER_PLACEHOLDER),
  generateBundle(_options, bundle) {
    for (const chunk of Object.values(bundle)) {
      if (chunk.type === 'chunk') chunk.code = chunk.code.replaceAll(WORKER_PLACEHOLDER, WORKER_FILE);
    }
  },
};

const dependencies = Object.keys(packageJson.dependencies);

const common = { outDir: 'dist', emptyOutDir: false, target: 'es2022' } as const;

export default defineConfig(({ mode }) =>
  mode === 'worker'
    ? {
        publicDir: false,
        build: {
          ...common,
          lib: { entry: { worker: 'worker/main.ts' }, formats: ['es'] },
          // Vite spares the white space of ES libraries for the consumer's tree shaking; nobody shakes a worker.
          rolldownOptions: { output: { minify: true, codeSplitting: false } },
        },
      }
    : {
        publicDir: false,
        plugins: [keepWorkerUrl],
        build: {
          ...common,
          minify: false,
          lib: { entry: { index: 'src/index.ts', panel: 'src/panel/index.ts' }, formats: ['es'] },
          rolldownOptions: {
            external: (id) => dependencies.some((name) => id === name || id.startsWith(`${name}/`)),
            output: { chunkFileNames: '[name].js' },
          },
        },
      },
);
