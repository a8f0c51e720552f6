/**
 * `npm run bench`: runs the benchmarks of bench/node; `npm run bench -- NAME…` only those whose file name has one of
 * the names in it. Arguments that begin with `--` are passed on to the benchmarks.
 *
 * A benchmark is a module `bench/node/*.bench.ts` that measures when it is loaded and prints what it found. It runs
 * alone, in a production build and in a Node of its own started in the repository's folder, with `globalThis.gc`.
 */
import { readdirSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fail, install, root } from './install.mjs';
import { useMemoryOnce } from './used-memory.mjs';

install();

const { build } = await import('vite');
const { runNode } = await import('./tools.mjs');

/** Inside the repository, so that the built benchmarks find its packages. */
const outDir = '.tmp/bench-node';

const args = process.argv.slice(2);
const names = args.filter((arg) => !arg.startsWith('--'));
const files = readdirSync(join(root, 'bench/node'))
  .filter((file) => file.endsWith('.bench.ts'))
  .filter((file) => names.length === 0 || names.some((name) => file.includes(name)));
if (files.length === 0) fail(`No benchmark in bench/node is named like ${names.join(' or ')}.`);

process.on('exit', () => rmSync(join(root, outDir), { recursive: true, force: true }));

try {
  await build({
    root,
    configFile: false,
    publicDir: false,
    logLevel: 'warn',
    build: { ssr: true, outDir, rolldownOptions: { input: files.map((file) => `bench/node/${file}`) } },
  });
  useMemoryOnce();
  for (const file of files) {
    const name = basename(file, '.ts');
    console.log(`\n${name}`);
    const options = args.filter((arg) => arg.startsWith('--'));
    if (!runNode(join(outDir, `${name}.js`), options, { nodeArgs: ['--expose-gc'] })) process.exitCode = 1;
  }
} catch (error) {
  fail(error);
}
