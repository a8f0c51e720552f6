/**
 * A small ext4 disk in a file, mounted through a loop device. What its file holds is what a real disk would hold: bytes
 * still waiting in the system's memory are not in it. So a copy of the file, mounted, is what a power cut leaves.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

/** A disk in a folder of its own: `image`, mounted at `mount`. */
export class LoopDisk {
  /** @type {string} */
  mount;
  /** @type {string} */
  #image;
  #isMounted = false;

  /** @param {string} folder where the image and the mount point are, made if they are not there */
  constructor(folder) {
    this.mount = join(folder, 'mount');
    this.#image = join(folder, 'disk.img');
    mkdirSync(this.mount, { recursive: true });
  }

  /**
   * Makes an empty disk and mounts it.
   * @param {number} megabytes
   * @throws Error what the machine does not allow
   */
  create(megabytes) {
    run('truncate', ['-s', `${megabytes}M`, this.#image]);
    run('mkfs.ext4', ['-q', '-F', this.#image]);
    this.#attach();
  }

  /**
   * Puts in this place what the other disk would hold if its power went now, and mounts it.
   * @param {LoopDisk} running
   */
  copyFrom(running) {
    run('cp', ['--sparse=always', running.#image, this.#image]);
    this.#attach();
  }

  /** Lets go of the disk, if it is mounted; one still in use goes with its last user. */
  unmount() {
    if (!this.#isMounted) return;
    spawnSync('umount', ['--lazy', this.mount]);
    this.#isMounted = false;
  }

  #attach() {
    // ext4 repairs itself from its journal, as after a power cut.
    run('mount', ['-o', 'loop', this.#image, this.mount]);
    this.#isMounted = true;
  }
}

/**
 * @param {string} program
 * @param {string[]} args
 */
function run(program, args) {
  const { status, error, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program}: ${(error?.message ?? stderr).trim()}`);
}
