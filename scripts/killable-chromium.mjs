/** A Chromium of nobody's but ours, without a driver between, so that it can be killed as a power cut or the system would. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { chromiumArgs, ensureChromium } from './chromium.mjs';

/** What a killed browser leaves in its profile to say that it runs, and where. */
const SINGLETON_FILES = ['SingletonLock', 'SingletonCookie', 'SingletonSocket'];

/** Killed processes take some milliseconds to go; where nobody collects the dead, they never do. */
const LOOK_INTERVAL_MS = 10;
const MAX_LOOKS = 200;

/**
 * A running browser with all its processes.
 * @typedef {{ freeze(): void, kill(): Promise<void> }} KillableChromium
 */

/**
 * Starts a Chromium that nobody sees on a page, as the head of a process group of its own.
 * @param {string} profile
 * @param {string} url
 * @returns {KillableChromium}
 */
export function startChromium(profile, url) {
  for (const file of SINGLETON_FILES) rmSync(join(profile, file), { force: true });
  const args = [...chromiumArgs, '--headless', '--no-default-browser-check', `--user-data-dir=${profile}`, url];
  const leader = spawn(ensureChromium(), args, { detached: true, stdio: 'ignore' });
  const exited = once(leader, 'exit');
  const signal = (/** @type {NodeJS.Signals} */ name) => {
    // The group's number is its leader's; 0 would be our own group.
    if (leader.pid !== undefined && leader.pid > 1) process.kill(-leader.pid, name);
  };
  const killNow = () => {
    if (leader.exitCode === null && leader.signalCode === null) signal('SIGKILL');
  };
  const isGroupAlive = () => {
    try {
      process.kill(-(leader.pid ?? Number.NaN), 0);
      return true;
    } catch {
      return false;
    }
  };
  process.once('exit', killNow);
  return {
    /** Not one more instruction is run until it is killed. */
    freeze: () => signal('SIGSTOP'),
    /** SIGKILL to the whole group, as `kill -9` does; resolves once its processes are gone. */
    kill: async () => {
      killNow();
      await exited;
      process.off('exit', killNow);
      for (let look = 0; look < MAX_LOOKS && isGroupAlive(); look++) await delay(LOOK_INTERVAL_MS);
    },
  };
}
