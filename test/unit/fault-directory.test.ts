import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../bench/seeded-random';
import { FakeClock } from '../fake-clock';
import { FaultDirectory, type FaultDirectoryOptions, type PowerLoss } from '../fault-directory';
import { FAULTS, type IoOperation } from '../fault-plan';
import { UNFLUSHED_FATES } from '../flushable-bytes';

const MINUTE_MS = 60_000;

function makeDirectory(given: Partial<FaultDirectoryOptions> = {}) {
  const clock = new FakeClock();
  return { clock, directory: new FaultDirectory({ clock, nameDurableAfterMs: MINUTE_MS, ...given }) };
}

const filled = (byte: number, byteLength: number): Uint8Array => new Uint8Array(byteLength).fill(byte);

/** A file that has aged, with 1,000 flushed bytes 1 and so many more bytes 2 that are not flushed. */
async function halfFlushed(unflushedBytes: number) {
  const { clock, directory } = makeDirectory();
  const file = await directory.open('a');
  await clock.advance(MINUTE_MS);
  file.write(filled(1, 1_000), 0);
  file.flush();
  file.write(filled(2, unflushedBytes), 1_000);
  return { directory, file };
}

describe('A directory with faults, while nothing is wrong', () => {
  it('reads what was written, as far as the file goes', async () => {
    const { directory } = makeDirectory();
    const file = await directory.open('a');
    expect(file.write(filled(7, 10), 5_000)).toBe(10);
    expect(file.size()).toBe(5_010);
    const target = filled(9, 20);
    expect(file.read(target, 4_995)).toBe(15);
    expect([...target]).toEqual([...filled(0, 5), ...filled(7, 10), ...filled(9, 5)]);
    file.truncate(5_003);
    file.truncate(5_006);
    expect(file.read(target, 5_000)).toBe(6);
    expect([...target.subarray(0, 6)]).toEqual([7, 7, 7, 0, 0, 0]);
  });

  it('lets nobody open or remove a file that is open', async () => {
    const { directory } = makeDirectory();
    const file = await directory.open('a');
    await expect(directory.open('a')).rejects.toMatchObject({ name: 'NoModificationAllowedError' });
    await expect(directory.remove('a')).rejects.toMatchObject({ name: 'NoModificationAllowedError' });
    file.close();
    file.close();
    expect(() => file.size()).toThrow();
    await directory.remove('a');
    await directory.remove('a');
    expect(await directory.list()).toEqual([]);
  });

  it('counts operations and bytes written', async () => {
    const { directory } = makeDirectory();
    const file = await directory.open('a');
    file.write(filled(1, 10), 0);
    file.write(filled(1, 10), 0);
    file.flush();
    expect(directory.operations).toMatchObject({ open: 1, write: 1, overwrite: 1, flush: 1, read: 0 });
    expect([directory.operationCount, directory.bytesWritten, directory.byteLength]).toEqual([4, 20, 10]);
  });

  it('copies to a directory of its own', async () => {
    const { directory } = makeDirectory();
    directory.setBytes('a', filled(1, 10));
    const copy = directory.copy();
    copy.flipBit('a', 3, 1);
    expect([copy.bytesOf('a')[3], directory.bytesOf('a')[3]]).toEqual([3, 1]);
  });
});

describe('Power loss', () => {
  it.each(UNFLUSHED_FATES)('never costs flushed bytes of a file with an old name (%s)', async (unflushed) => {
    for (let seed = 1; seed <= 50; seed++) {
      const { directory } = await halfFlushed(seed * 100);
      directory.losePower(seededRandom(seed), { unflushed });
      expect([...directory.bytesOf('a').subarray(0, 1_000)], `seed ${seed}`).toEqual([...filled(1, 1_000)]);
    }
  });

  it('does to bytes that were not flushed what it is told', async () => {
    const lose = async (unflushed: PowerLoss['unflushed'], random = seededRandom(5)) => {
      const { directory } = await halfFlushed(5_000);
      directory.losePower(random, { ...(unflushed && { unflushed }) });
      return directory.bytesOf('a');
    };
    expect(await lose('lost')).toEqual(filled(1, 1_000));
    const zeroed = await lose('zeroed');
    expect([zeroed.byteLength, zeroed.filter((byte) => byte === 0).byteLength]).toEqual([6_000, 5_000]);
    const prefix = await lose('prefix', () => 0.5);
    expect([prefix.byteLength, prefix.filter((byte) => byte === 2).byteLength]).toEqual([3_584, 2_584]);
    const scattered = await lose('scattered');
    for (let startBytes = 1_024; startBytes < scattered.byteLength; startBytes += 512) {
      expect(new Set(scattered.subarray(startBytes, startBytes + 512)).size, `sector at ${startBytes}`).toBe(1);
    }
  });

  it('takes what a failed flush left behind, whatever later flushes say', async () => {
    const { directory, file } = await halfFlushed(500);
    directory.faults.plan({ fault: 'EIO', atOperation: 1, operations: ['flush'] });
    expect(() => file.flush()).toThrow();
    file.flush();
    directory.losePower(seededRandom(1), { unflushed: 'lost' });
    expect(directory.bytesOf('a').byteLength).toBe(1_000);
  });

  it('may undo overwriting and cutting off, and may not', async () => {
    const { directory, file } = await halfFlushed(0);
    file.write(filled(3, 512), 0);
    file.truncate(600);
    const outcomes = new Set<string>();
    for (let seed = 1; seed <= 50; seed++) {
      const copy = await halfFlushed(0);
      copy.file.write(filled(3, 512), 0);
      copy.file.truncate(600);
      copy.directory.losePower(seededRandom(seed));
      const found = copy.directory.bytesOf('a');
      outcomes.add(`${found[0]} ${found.byteLength <= 600 ? 'cut' : 'whole'}`);
    }
    expect(outcomes).toEqual(new Set(['1 whole', '1 cut', '3 cut', '3 whole']));
    expect(directory.bytesOf('a').byteLength).toBe(600);
  });

  it('takes files with young names, and gives back what was removed as recently', async () => {
    const { directory, clock } = makeDirectory();
    (await directory.open('old')).write(filled(1, 10), 0);
    directory.setBytes('removed', filled(1, 10));
    await clock.advance(MINUTE_MS);
    const young = await directory.open('young');
    young.write(filled(1, 10), 0);
    young.flush();
    await directory.remove('removed');
    directory.losePower(seededRandom(1), { areYoungNamesLost: true });
    expect(directory.names).toEqual(['old', 'removed']);
    expect(directory.bytesOf('removed')).toEqual(filled(1, 10));
    expect(() => young.size()).toThrow();
    await directory.open('old');
  });

  it('leaves names alone that are old enough, or are durable at once', async () => {
    const { directory, clock } = makeDirectory();
    directory.setBytes('removed', filled(1, 10));
    await clock.advance(MINUTE_MS);
    await directory.open('kept');
    await directory.remove('removed');
    await clock.advance(MINUTE_MS);
    directory.losePower(seededRandom(1), { areYoungNamesLost: true });
    expect(directory.names).toEqual(['kept']);

    const synced = makeDirectory({ nameDurableAfterMs: 0 }).directory;
    await synced.open('kept');
    synced.losePower(seededRandom(1), { areYoungNamesLost: true });
    expect(synced.names).toEqual(['kept']);
  });
});

describe('A killed process', () => {
  it('loses nothing it wrote, and lets go of its files', async () => {
    const { directory } = makeDirectory();
    const file = await directory.open('a');
    file.write(filled(1, 10), 0);
    directory.kill();
    expect(() => file.write(filled(2, 10), 0)).toThrow();
    file.close();
    const again = await directory.open('a');
    expect([again.size(), directory.bytesOf('a')]).toEqual([10, filled(1, 10)]);
  });

  it('tears the write it is killed in at any byte', async () => {
    const { directory } = makeDirectory();
    const file = await directory.open('a');
    directory.killInWrite(2, () => 4);
    file.write(filled(1, 10), 0);
    expect(directory.kills).toBe(0);
    expect(() => file.write(filled(2, 10), 10)).toThrow();
    expect([directory.kills, directory.bytesOf('a').byteLength]).toEqual([1, 14]);
    expect(() => file.flush()).toThrow();
  });
});

describe('A fault', () => {
  const doAll = async (directory: FaultDirectory): Promise<readonly string[]> => {
    const outcomes: string[] = [];
    const attempt = async (operation: () => unknown) => {
      try {
        outcomes.push(String(await operation()));
      } catch (error) {
        outcomes.push((error as Error & { code?: string }).name);
      }
    };
    const file = await directory.open('a');
    await attempt(() => file.write(filled(1, 10), 0));
    await attempt(() => file.flush());
    await attempt(() => file.write(filled(1, 10), 5));
    await attempt(() => file.read(filled(0, 4), 0));
    return outcomes;
  };

  it.each([
    ['ENOSPC', 1, false, ['QuotaExceededError', 'undefined', '10', '4']],
    ['ENOSPC', 2, true, ['10', 'QuotaExceededError', 'QuotaExceededError', '4']],
    ['EIO', 4, false, ['10', 'undefined', '10', 'InvalidStateError']],
    ['EIO', 3, true, ['10', 'undefined', 'InvalidStateError', 'InvalidStateError']],
    ['short', 2, false, ['10', 'undefined', '5', '4']],
    ['zero', 1, true, ['0', 'undefined', '0', '0']],
  ] as const)('%s from operation %i strikes what it can strike', async (fault, atOperation, isPersistent, expected) => {
    const { directory } = makeDirectory();
    const operations: IoOperation[] = ['write', 'flush', 'read'];
    directory.faults.plan({ fault, atOperation, isPersistent, operations });
    expect(await doAll(directory)).toEqual(expected);
    expect(FAULTS).toContain(fault);
  });

  it('looks as Node shows it in a directory of Node’s', async () => {
    const { directory } = makeDirectory({ kind: 'file' });
    directory.faults.plan({ fault: 'ENOSPC', atOperation: 1 });
    await expect(directory.open('a')).rejects.toMatchObject({ name: 'Error', code: 'ENOSPC' });
  });

  it('can be a full disk, as each browser shows it', async () => {
    const full = async (overflow: 'throw' | 'zero' | 'short') => {
      const file = await makeDirectory({ maxBytes: 15, overflow }).directory.open('a');
      file.write(filled(1, 10), 0);
      return () => file.write(filled(1, 10), 8);
    };
    expect(await full('throw')).toThrow(expect.objectContaining({ name: 'QuotaExceededError' }));
    expect((await full('zero'))()).toBe(0);
    expect((await full('short'))()).toBe(7);
  });
});
