/** The checks that are no tests, each a name and whether it passes, and how a list of them is run and reported. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './install.mjs';
import { runNode, runTool } from './tools.mjs';

/**
 * @typedef {object} Check
 * @property {string} name
 * @property {() => boolean | Promise<boolean>} run says why on the console when it fails
 */

/**
 * What can be checked without building: lint, format, imports between folders, and types, by each folder's own libs.
 * @type {readonly Check[]}
 */
export const staticChecks = [
  {
    name: 'lint, format and imports between folders',
    run: () => runTool('biome', ['check', '--log-level=warn', '--error-on-warnings']),
  },
  ...typedFolders().map((folder) => ({ name: `types in ${folder}/`, run: () => runTool('tsc', ['-p', folder]) })),
];

/**
 * What is checked of the built package.
 * @type {readonly Check[]}
 */
export const packageChecks = [
  { name: 'size budgets', run: () => runNode('scripts/sizes.mjs', []) },
  { name: 'what is published', run: () => runNode('scripts/published.mjs', []) },
];

/**
 * Runs all of them, whatever fails on the way, and returns how many passed and failed.
 * @param {readonly Check[]} checks
 */
export async function runChecks(checks) {
  let passed = 0;
  for (const { name, run } of checks) {
    const isPassed = await hasPassed(run);
    if (isPassed) passed++;
    console.log(`${isPassed ? '✓' : '✗'} ${name}`);
  }
  return { passed, failed: checks.length - passed };
}

/** @param {Check['run']} run */
async function hasPassed(run) {
  try {
    return await run();
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return false;
  }
}

/**
 * Each folder with a tsconfig and something to check by it, and in it each folder of another runtime. The root's own is
 * `.`: configuration and scripts.
 */
function typedFolders() {
  const folders = foldersIn('.')
    .flatMap((folder) => [folder, ...foldersIn(folder)])
    .filter((folder) => existsSync(join(root, folder, 'tsconfig.json')))
    .filter((folder) => readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).some(isSource));
  return [...folders, '.'];
}

/** @param {string} folder */
function foldersIn(folder) {
  return readdirSync(join(root, folder), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== 'node_modules')
    .map(({ name }) => join(folder, name));
}

/** @param {string} file */
function isSource(file) {
  return file.endsWith('.ts') && !file.includes('node_modules');
}
