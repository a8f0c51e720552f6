import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { FileDirectory } from '../../core/storage/random-access-file';
import { openNodeDirectory } from '../../node/node-file';

/** What `node:fs` was asked to do, in order: `fsync` of what, `write` of how much. */
const calls = vi.hoisted(() => [] as string[]);
/** At most so many bytes are read or written at once. */
const limits = vi.hoisted(() => ({ bytesPerCall: Number.POSITIVE_INFINITY }));

vi.mock('node:fs', async (importOriginal) => {
  const fs = await importOriginal<typeof import('node:fs')>();
  const pathByDescriptor = new Map<number, string>();
  const shortened = (byteLength: number) => Math.min(byteLength, limits.bytesPerCall);
  return {
    ...fs,
    openSync: (path: string, flags: number, mode?: number) => {
      const descriptor = fs.openSync(path, flags, mode);
      pathByDescriptor.set(descriptor, path);
      return descriptor;
    },
    fsyncSync: (descriptor: number) => {
      calls.push(`fsync ${pathByDescriptor.get(descriptor)}`);
      fs.fsyncSync(descriptor);
    },
    fdatasyncSync: (descriptor: number) => {
      calls.push(`fdatasync ${pathByDescriptor.get(descriptor)}`);
      fs.fdatasyncSync(descriptor);
    },
    readSync: (descriptor: number, target: Uint8Array, start: number, byteLength: number, offset: number) =>
      fs.readSync(descriptor, target, start, shortened(byteLength), offset),
    writeSync: (descriptor: number, source: Uint8Array, start: number, byteLength: number, offset: number) =>
      fs.writeSync(descriptor, source, start, shortened(byteLength), offset),
  };
});

let parent = '';
let folder = '';
let directory: FileDirectory;

beforeEach(async () => {
  limits.bytesPerCall = Number.POSITIVE_INFINITY;
  parent = mkdtempSync(join(tmpdir(), 'reprise-node-file-'));
  folder = join(parent, 'cache', 'reader');
  calls.length = 0;
  directory = await openNodeDirectory(folder);
});
afterEach(() => rmSync(parent, { recursive: true, force: true }));

const modeOf = (path: string) => statSync(path).mode & 0o777;
const bytesOf = (...bytes: number[]) => Uint8Array.from(bytes);

describe('a directory of the machine', () => {
  it('is created with its parents for this user alone, and its name survives power loss', () => {
    expect(modeOf(folder)).toBe(0o700);
    expect(modeOf(join(parent, 'cache'))).toBe(0o700);
    expect(calls).toEqual([`fsync ${folder}`, `fsync ${join(parent, 'cache')}`, `fsync ${parent}`]);
  });

  it('keeps its mode and what lies in it when it is there already', async () => {
    chmodSync(folder, 0o750);
    writeFileSync(join(folder, 'a'), 'x');
    const again = await openNodeDirectory(folder);
    expect(modeOf(folder)).toBe(0o750);
    expect(await again.list()).toEqual(['a']);
  });

  it('cannot be opened where a file is in the way', async () => {
    writeFileSync(join(parent, 'taken'), '');
    await expect(openNodeDirectory(join(parent, 'taken'))).rejects.toMatchObject({ code: 'EEXIST' });
  });

  it('lists files, and no folders', async () => {
    mkdirSync(join(folder, 'a folder'));
    (await directory.open('b')).close();
    (await directory.open('a')).close();
    expect([...(await directory.list())].sort()).toEqual(['a', 'b']);
  });

  it('creates a file for this user alone, whose name survives power loss at once', async () => {
    calls.length = 0;
    (await directory.open('new')).close();
    expect(modeOf(join(folder, 'new'))).toBe(0o600);
    expect(calls).toEqual([`fsync ${join(folder, 'new')}`, `fsync ${folder}`]);
    expect(directory.nameDurableAfterMs).toBe(0);
  });

  it('opens a file that is there as it is, without syncing anything', async () => {
    writeFileSync(join(folder, 'old'), 'abc');
    calls.length = 0;
    const file = await directory.open('old');
    expect(file.size()).toBe(3);
    expect(calls).toEqual([]);
    file.close();
  });

  it('removes a file, and does not mind that it is gone', async () => {
    (await directory.open('a')).close();
    await directory.remove('a');
    await directory.remove('a');
    expect(await directory.list()).toEqual([]);
  });
});

describe('a file of the machine', () => {
  it('holds at every offset what was written there, with zeros between', async () => {
    const file = await directory.open('a');
    expect(file.write(bytesOf(1, 2, 3), 0)).toBe(3);
    expect(file.write(bytesOf(9), 5)).toBe(1);
    expect(file.size()).toBe(6);
    const target = new Uint8Array(4);
    expect(file.read(target, 2)).toBe(4);
    expect(target).toEqual(bytesOf(3, 0, 0, 9));
    file.close();
    expect([...readFileSync(join(folder, 'a'))]).toEqual([1, 2, 3, 0, 0, 9]);
  });

  it('reads fewer bytes at its end, and none behind it', async () => {
    const file = await directory.open('a');
    file.write(bytesOf(1, 2, 3), 0);
    expect(file.read(new Uint8Array(8), 1)).toBe(2);
    expect(file.read(new Uint8Array(8), 3)).toBe(0);
    expect(file.read(new Uint8Array(8), 100)).toBe(0);
    file.close();
  });

  it('reads on where the system gave only part, and tells how much of a write it took', async () => {
    const file = await directory.open('a');
    file.write(bytesOf(1, 2, 3, 4, 5), 0);
    limits.bytesPerCall = 2;
    const target = new Uint8Array(5);
    expect(file.read(target, 0)).toBe(5);
    expect(target).toEqual(bytesOf(1, 2, 3, 4, 5));
    expect(file.write(bytesOf(7, 8, 9), 0)).toBe(2);
    file.close();
  });

  it('writes and reads the part of a buffer that a view names', async () => {
    const file = await directory.open('a');
    file.write(bytesOf(0, 1, 2, 3).subarray(1, 3), 0);
    const target = new Uint8Array(4);
    file.read(target.subarray(2), 0);
    expect(target).toEqual(bytesOf(0, 0, 1, 2));
    file.close();
  });

  it('is cut, and extended with zeros', async () => {
    const file = await directory.open('a');
    file.write(bytesOf(1, 2, 3), 0);
    file.truncate(1);
    file.truncate(3);
    const target = new Uint8Array(3);
    file.read(target, 0);
    expect(target).toEqual(bytesOf(1, 0, 0));
    file.close();
  });

  it('is synced by a flush', async () => {
    const file = await directory.open('a');
    calls.length = 0;
    file.flush();
    expect(calls).toEqual([`fdatasync ${join(folder, 'a')}`]);
    file.close();
  });

  it('closes twice, and is never mistaken for the file that got its number', async () => {
    const file = await directory.open('a');
    file.close();
    const other = await directory.open('b');
    file.close();
    expect(() => file.write(bytesOf(1), 0)).toThrow(TypeError);
    expect(other.write(bytesOf(2), 0)).toBe(1);
    other.close();
  });
});
