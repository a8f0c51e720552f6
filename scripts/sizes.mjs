/**
 * Holds the size budgets: what a page downloads, minified and compressed by gzip, bundled with all it needs.
 *
 * Measured on the built package the way a consumer's bundler ships it. 1 KB is 1,024 bytes.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'vite';
import { root } from './install.mjs';

/**
 * Budgets in KB. The page entry is what a page pays to read a cache; the rest of the page's code is loaded beside it by a
 * client that has a synthesizer, else when it is first needed. The worker is measured as it is shipped, with its
 * WebAssembly.
 */
const budgets = { 'page entry': 11, 'page, loaded when needed': 9, worker: 48, panel: 6 };

const page = await chunksOf('index.js');
/** @type {Record<keyof typeof budgets, string | Buffer>} */
const codeByPart = {
  'page entry': page
    .filter((chunk) => !chunk.isDynamic)
    .map((chunk) => chunk.code)
    .join(''),
  'page, loaded when needed': page
    .filter((chunk) => chunk.isDynamic)
    .map((chunk) => chunk.code)
    .join(''),
  worker: readFileSync(join(root, 'dist', 'worker.js')),
  panel: (await chunksOf('panel.js')).map((chunk) => chunk.code).join(''),
};

const rows = Object.entries(budgets).map(([part, maxKb]) => {
  const code = codeByPart[/** @type {keyof typeof budgets} */ (part)];
  const kb = gzipSync(code, { level: 9 }).byteLength / 1024;
  return { part, minifiedKb: code.length / 1024, kb, maxKb, ok: kb <= maxKb };
});

console.log('  gzip KB  budget  minified KB');
for (const { part, minifiedKb, kb, maxKb, ok } of rows) {
  const numbers = `${kb.toFixed(1).padStart(9)}${String(maxKb).padStart(8)}${minifiedKb.toFixed(1).padStart(13)}`;
  console.log(`${numbers}  ${part}${ok ? '' : '  OVER BUDGET'}`);
}
process.exitCode = rows.every(({ ok }) => ok) ? 0 : 1;

/**
 * A consumer's production build of one entry: what is loaded with it, and what it loads later. The worker it names is a
 * file of its own and not counted.
 * @param {string} file
 */
async function chunksOf(file) {
  const result = await build({
    root,
    configFile: false,
    publicDir: false,
    logLevel: 'warn',
    build: {
      write: false,
      // As a library, because an application build adds Vite's own preload helper to what is measured.
      lib: { entry: join(root, 'dist', file), formats: ['es'] },
      rolldownOptions: { output: { minify: true } },
    },
  });
  const output = [result].flat().flatMap((bundle) => ('output' in bundle ? bundle.output : []));
  const chunks = output.flatMap((chunk) => (chunk.type === 'chunk' ? [chunk] : []));
  const isWorker = (/** @type {string} */ name) => name.includes('worker');
  const entry = chunks.find((chunk) => chunk.isEntry);
  /** Entry and what it imports statically. */
  const atOnce = new Set([entry?.fileName, ...(entry?.imports ?? [])]);
  return chunks
    .filter((chunk) => !isWorker(chunk.fileName))
    .map((chunk) => ({ code: chunk.code, isDynamic: !atOnce.has(chunk.fileName) }));
}
