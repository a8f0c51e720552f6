/** Runs the command line tools among the packages, by Node itself: no shell, the same on every platform. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { root } from './install.mjs';

const fileByTool = {
  biome: '@biomejs/biome/bin/biome',
  tsc: 'typescript/bin/tsc',
  vitest: 'vitest/vitest.mjs',
};

/**
 * Runs a tool in the repository's folder and returns whether it succeeded. Its output goes to ours.
 * @param {keyof typeof fileByTool} tool
 * @param {readonly string[]} args
 * @param {{ timeoutMs?: number }} [options] after `timeoutMs` the tool is killed, which is no success
 */
export function runTool(tool, args, { timeoutMs } = {}) {
  return runNode(join('node_modules', fileByTool[tool]), args, { timeoutMs });
}

/**
 * Runs a script, given by its path in the repository, in a Node of its own.
 * @param {string} script
 * @param {readonly string[]} args
 * @param {{ timeoutMs?: number | undefined, nodeArgs?: readonly string[] }} [options]
 */
export function runNode(script, args, { timeoutMs, nodeArgs = [] } = {}) {
  const { status } = spawnSync(process.execPath, [...nodeArgs, script, ...args], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    ...(timeoutMs === undefined ? {} : { timeout: timeoutMs, killSignal: 'SIGKILL' }),
  });
  return status === 0;
}
