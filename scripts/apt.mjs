/** Installs the system's packages where that needs no question: on Debian and its like, for root (a CI container). */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

/** True for root, who may install packages and gets no sandbox from Chromium. */
export const isRoot = process.getuid?.() === 0;

/**
 * Tries to install, with the package lists there are, and fetches fresh ones only if that fails. Does nothing where it
 * would have to ask; whoever calls this looks whether the program is there afterwards.
 * @param {string} name what the packages are for, as people call it
 * @param {readonly string[]} packages
 */
export function installWithApt(name, packages) {
  if (!isRoot || !existsSync('/usr/bin/apt-get')) return;
  console.log(`Installing ${name} …`);
  const install = ['install', '-y', '-qq', '--no-install-recommends', ...packages];
  if (apt(install, 'ignore') || (apt(['update', '-qq'], 'inherit') && apt(install, 'inherit'))) return;
  console.error(`apt-get could not install ${name}; see above.`);
}

/**
 * @param {string[]} args
 * @param {'ignore' | 'inherit'} messages what becomes of apt's error messages; the rest is not shown
 */
function apt(args, messages) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  return spawnSync('apt-get', args, { env, stdio: ['ignore', 'ignore', messages] }).status === 0;
}
