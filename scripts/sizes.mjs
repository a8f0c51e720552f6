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

/** From the design: budgets in KB by file in dist/. */
const budgets = [
  { part: 'page entry', file: 'index.js', maxKb: 8 },
  { part: 'worker', file: 'worker.js', maxKb: 24 },
  { part: 'panel', file: 'panel.js', maxKb: 6 },
];

/** A consumer's production build of one entry; the worker it names is a file of its own and not counted. */
const rows = [];
for (const { part, file, maxKb } of budgets) {
  const code = await minifiedCode(file);
  const kb = gzipSync(code, { level: 9 }).byteLength / 1024;
  rows.push({ part, minifiedKb: code.length / 1024, kb, maxKb, ok: kb <= maxKb });
}

console.log('  gzip KB  budget  minified KB');
for (const { part, minifiedKb, kb, maxKb, ok } of rows) {
  const numbers = `${kb.toFixed(1).padStart(9)}${String(maxKb).padStart(8)}${minifiedKb.toFixed(1).padStart(13)}`;
  console.log(`${numbers}  ${part}${ok ? '' : '  OVER BUDGET'}`);
}
process.exitCode = rows.every(({ ok }) => ok) ? 0 : 1;

/** @param {string} file */
async function minifiedCode(file) {
  const path = join(root, 'dist', file);
  if (file === 'worker.js') return readFileSync(path); // Already as it is shipped.
  const result = await build({
    root,
    configFile: false,
    publicDir: false,
    logLevel: 'warn',
    build: {
      write: false,
      modulePreload: false,
      rolldownOptions: { input: path, preserveEntrySignatures: 'strict', output: { codeSplitting: false } },
    },
  });
  const output = 'output' in result ? result.output : [];
  return Buffer.from(output.flatMap((chunk) => (chunk.type === 'chunk' && chunk.isEntry ? [chunk.code] : [])).join(''));
}
