/**
 * Makes a checkout ready to run: the right Node, and the packages that package-lock.json names.
 *
 * Every other script calls this before it imports anything from node_modules, so this file uses Node's built-ins only
 * and syntax that old versions of Node can at least parse. npm keeps a list of what it installed; comparing it with the
 * lock costs milliseconds and, unlike a time stamp, also sees an interrupted install or one for another branch.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as util from 'node:util';

/** The repository's folder. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Installs what is missing. Ends the process with a message when Node is too old or npm fails. */
export function install() {
  if (!isNodeSupported(process.versions.node)) {
    fail(`Reprise needs Node 20.19 or newer (or 22.12 or newer); this is Node ${process.versions.node}.`);
  }
  if (isInstalled()) return;
  console.log('Installing packages …');
  // NODE_ENV=production would leave the tools out. On Windows npm is a shell script.
  const args = ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'];
  const npm = spawnSync('npm', args, { cwd: root, stdio: 'inherit', shell: process.platform === 'win32' });
  if (npm.status !== 0) fail('`npm ci` failed; see above.');
}

/**
 * Ends the process with a message instead of a stack trace.
 * @param {unknown} reason
 * @returns {never}
 */
export function fail(reason) {
  // Rolldown colours its messages even where nobody can see colours.
  console.error(reason instanceof Error ? util.stripVTControlCharacters(reason.message) : reason);
  process.exit(1);
}

/** @param {string} version */
function isNodeSupported(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major === 20) return minor >= 19;
  if (major === 22) return minor >= 12;
  return major > 22;
}

/** True when each locked package is installed as locked; packages for other platforms are optional and may be absent. */
function isInstalled() {
  try {
    const installedByPath = readPackages('node_modules/.package-lock.json');
    return Object.entries(readPackages('package-lock.json')).every(([path, locked]) => {
      const installed = installedByPath[path];
      if (installed === undefined) return path === '' || locked.optional === true;
      return installed.version === locked.version && installed.integrity === locked.integrity;
    });
  } catch {
    return false; // No list: nothing was installed, or not by npm.
  }
}

/**
 * @param {string} lockFile
 * @returns {Record<string, { version?: string, integrity?: string, optional?: boolean }>} by path
 */
function readPackages(lockFile) {
  return JSON.parse(readFileSync(join(root, lockFile), 'utf8')).packages;
}
