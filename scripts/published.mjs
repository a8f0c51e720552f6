/**
 * Checks the built package as a consumer gets it: every exported file is there, the worker stands alone, the worker's
 * URL can be found by bundlers, TypeScript finds the types in both ways of resolving, and npm packs nothing else.
 */
import { execSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseSync } from 'vite';
import { root } from './install.mjs';
import { runTool } from './tools.mjs';

const consumer = `
import { AudioCacheClient } from 'reprise-cache';
import * as panel from 'reprise-cache/panel';
export const used = [AudioCacheClient, panel];
`;

const problems = [
  ...missingExports(),
  ...dependentWorker(),
  ...hiddenWorkerUrl(),
  ...unresolvedTypes(),
  ...packedFiles(),
];
for (const problem of problems) console.error(problem);
process.exitCode = problems.length === 0 ? 0 : 1;

function missingExports() {
  const { main, types, exports } = JSON.parse(read('package.json'));
  /** @type {(target: unknown) => string[]} */
  const files = (target) => (typeof target === 'string' ? [target] : Object.values(target ?? {}).flatMap(files));
  return [main, types, ...files(exports)]
    .filter((file) => !existsSync(join(root, file)))
    .map((file) => `${file} is exported, but not there`);
}

function dependentWorker() {
  const { module } = parseSync('worker.js', read('dist/worker.js'));
  const count = module.staticImports.length + module.dynamicImports.length + module.staticExports.length;
  return count === 0 ? [] : ['dist/worker.js imports or exports; it must be one file that stands alone'];
}

function hiddenWorkerUrl() {
  const code = read('dist/index.js');
  const isFound = code.includes(`new Worker(new URL('./worker.js', import.meta.url), {`);
  const isIgnored = /@vite-ignore|webpackIgnore/.test(code);
  return isFound && !isIgnored ? [] : ['dist/index.js does not name the worker so that bundlers find it'];
}

/** A consumer with each way of resolving modules; library checks are on, so every declaration file is read. */
function unresolvedTypes() {
  const folder = mkdtempSync(join(tmpdir(), 'reprise-consumer-'));
  try {
    mkdirSync(join(folder, 'node_modules'));
    symlinkSync(root, join(folder, 'node_modules/reprise-cache'), 'junction');
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
    writeFileSync(join(folder, 'consumer.ts'), consumer);
    return ['NodeNext', 'Bundler'].flatMap((moduleResolution) => {
      const module = moduleResolution === 'NodeNext' ? 'NodeNext' : 'ESNext';
      const compilerOptions = { module, moduleResolution, target: 'ES2022', strict: true, noEmit: true, types: [] };
      writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions }));
      if (runTool('tsc', ['-p', folder])) return [];
      return [`A consumer with moduleResolution ${moduleResolution} cannot use the types`];
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** npm's own word on what it would publish. */
function packedFiles() {
  const pack = 'npm pack --dry-run --json --ignore-scripts';
  const [{ files }] = JSON.parse(execSync(pack, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
  const paths = files.map((/** @type {{ path: string }} */ file) => file.path);
  const expected = ['package.json', 'README.md', 'LICENSE'];
  const surplus = paths.filter(
    (/** @type {string} */ path) => !expected.includes(path) && !/^(?:dist|docs)\//.test(path),
  );
  const missing = expected.filter((path) => !paths.includes(path));
  return [
    ...surplus.map((/** @type {string} */ path) => `${path} would be published`),
    ...missing.map((path) => `${path} would not be published`),
  ];
}

/** @param {string} file */
function read(file) {
  return readFileSync(join(root, file), 'utf8');
}
