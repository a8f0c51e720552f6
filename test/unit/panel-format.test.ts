import { describe, expect, it } from 'vitest';
import {
  entryTitle,
  formatAge,
  formatBytes,
  formatMoment,
  formatMoney,
  formatShare,
  formatTime,
  shortKey,
} from '../../src/panel/format';

const KEY = `v1_${'0123456789abcdef'.repeat(4)}`;

describe('formatTime', () => {
  it.each([
    [0, '< 100 µs'],
    [0.004, '< 100 µs'],
    [0.0849, '80 µs'],
    [0.2, '200 µs'],
    [0.9949, '990 µs'],
    [0.999, '1 ms'],
    [1.83, '1.8 ms'],
    [9.96, '10 ms'],
    [438.4, '438 ms'],
    [999.4, '999 ms'],
    [999.7, '1 s'],
    [1620, '1.6 s'],
    [90_000, '1.5 min'],
    [7_200_000, '2 h'],
  ])('shows %d ms as %s', (ms, text) => {
    expect(formatTime(ms)).toBe(text);
  });
});

describe('formatBytes', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1024, '1 KB'],
    [41_984, '41 KB'],
    [104_857_600, '100 MB'],
    [1_073_741_824, '1 GB'],
    [1_288_490_189, '1.2 GB'],
    [5 * 2 ** 40, '5,120 GB'],
  ])('shows %d bytes as %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });
});

describe('formatShare', () => {
  it('says 100 % only when it was all of them', () => {
    expect(formatShare(1)).toBe('100 %');
    expect(formatShare(0.99999)).toBe('99.9 %');
  });

  it('keeps whole percents whole', () => {
    for (let percent = 0; percent <= 100; percent += 1) expect(formatShare(percent / 100)).toBe(`${percent} %`);
  });

  it('is a dash when nothing was asked', () => {
    expect(formatShare(undefined)).toBe('–');
  });
});

describe('formatAge', () => {
  it.each([
    [-5000, '0 s'],
    [400, '0 s'],
    [12_300, '12 s'],
    [372_000, '6 min'],
    [7_300_000, '2 h'],
    [400_000_000, '5 d'],
  ])('shows %d ms as %s', (ms, text) => {
    expect(formatAge(ms)).toBe(text);
  });
});

describe('formatMoney', () => {
  it.each([
    [0, '$0.00'],
    [1234.5, '$1,234.50'],
    [0.8, '$0.80'],
    [0.0234, '$0.023'],
    [0.000301, '$0.0003'],
  ])('shows %d as %s', (amount, text) => {
    expect(formatMoney(amount, 'USD')).toBe(text);
  });
});

describe('formatMoment', () => {
  it('is never where there is no end', () => {
    expect(formatMoment(Number.POSITIVE_INFINITY)).toBe('never');
    expect(formatMoment(Date.parse('2026-05-04T03:02:00'))).toMatch(/^May 4, 2026, 3:02\sAM$/);
  });
});

describe('entryTitle', () => {
  it('is the phrase where it is kept', () => {
    expect(entryTitle({ key: KEY, spec: { text: 'Your table is ready.' } })).toBe('Your table is ready.');
  });

  it('is the short key otherwise', () => {
    expect(entryTitle({ key: KEY })).toBe('0123456789…');
    expect(shortKey(KEY)).toBe('0123456789…');
  });
});
