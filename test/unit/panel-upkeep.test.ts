import { describe, expect, it } from 'vitest';
import { fileName } from '../../src/panel/actions';
import { describeCleanup } from '../../src/panel/upkeep';

const NONE = { entries: 0, bytes: 0 };
const NOTHING = { memory: { expired: NONE, evicted: NONE }, disk: { expired: NONE, evicted: NONE }, complete: true };

describe('a cleanup in words', () => {
  it('says what went, from where and why', () => {
    const report = {
      ...NOTHING,
      memory: { expired: NONE, evicted: { entries: 2, bytes: 2048 } },
      disk: { expired: { entries: 1200, bytes: 1024 * 1024 }, evicted: NONE },
    };
    expect(describeCleanup(report)).toBe('Removed 2 evicted from memory (2 KB), 1,200 expired from disk (1 MB).');
  });

  it('says that there was nothing, or that there is more', () => {
    expect(describeCleanup(NOTHING)).toBe('There was nothing to remove.');
    expect(describeCleanup({ ...NOTHING, complete: false })).toMatch(/There is more to do/);
  });
});

describe('the name of a file', () => {
  it.each([
    [['reader', 'book-42/ch-3'], 'reader-book-42-ch-3.zip'],
    [['../../etc/passwd', undefined], 'etc-passwd.zip'],
    [['Größe 本'], 'Größe-本.zip'],
    [['"\\/:*?'], 'audio.zip'],
  ])('of %j is %s', (parts, name) => {
    expect(fileName('zip', ...parts)).toBe(name);
  });

  it('is never too long for a file system', () => {
    expect(fileName('zip', 'x'.repeat(200))).toHaveLength(84);
  });
});
