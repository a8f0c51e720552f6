/**
 * The demo is built as a user's site is: against the published package in dist/. While developing (`npm run dev`) the
 * same names lead to the sources instead, so that a change shows at once.
 */
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

const file = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig(({ command }) => ({
  base: './',
  resolve: {
    alias:
      command === 'serve'
        ? [
            { find: /^reprise-cache$/, replacement: file('../src/index.ts') },
            { find: /^reprise-cache\/panel$/, replacement: file('../src/panel/index.ts') },
          ]
        : [],
  },
  // Found only once the worker runs, which would reload the page in the middle of the first phrase.
  optimizeDeps: { include: ['comlink', 'hash-wasm', 'idb'] },
  server: { fs: { allow: ['..'] } },
}));
