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
 * Budgets in KB. The page entry is what a page pays to read a cache; what synthesizes is loaded beside it by a client that has
 * a synthesizer, else with the first phrase; the rest (limits and collections, bundles, Prometheus) when it is first called, most
 * of it for reading ZIP files. The worker is measured as it is shipped, with its WebAssembly.
 */
const budgets = {
  'page entry': 13.5,
  'page, loaded with a synthesizer': 8,
  'page, loaded for management': 37,
  worker: 64,
  panel: 14,
};

const page = await chunksOf('index.js');
/** @param {string} group */
const codeOf = (group) =>
  page
    .filter((chunk) => chunk.group === group)
    .map((chunk) => chunk.code)
    .join('');
/** @type {Record<keyof typeof budgets, string | Buffer>} */
const codeByPart = {
  'page entry': codeOf('entry'),
  'page, loaded with a synthesizer': codeOf('synthesizer'),
  'page, loaded for management': codeOf('management'),
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
  const chunkByName = new Map(chunks.map((chunk) => [chunk.fileName, chunk]));
  /** @type {Map<string, string>} */
  const groupByName = new Map();
  /** @type {(names: readonly string[], group: string) => void} */
  const assign = (names, group) => {
    for (const name of names) {
      const chunk = chunkByName.get(name);
      if (chunk === undefined || groupByName.has(name)) continue;
      groupByName.set(name, group);
      assign(chunk.imports, group);
    }
  };
  // What several parts need counts for the first that loads it.
  const isSynthesizer = (/** @type {string} */ name) => /^(syntheses|origin-audio)/.test(name);
  assign(
    chunks.filter((chunk) => chunk.isEntry).map((chunk) => chunk.fileName),
    'entry',
  );
  assign([...chunkByName.keys()].filter(isSynthesizer), 'synthesizer');
  assign([...chunkByName.keys()], 'management');
  return chunks
    .filter((chunk) => !isWorker(chunk.fileName))
    .map((chunk) => ({ code: chunk.code, group: groupByName.get(chunk.fileName) }));
}
