/** Figures as a person reads them: plain English text, three digits or so. Pure. */
import type { EntryInfo } from '../../core/protocol/values';

type Units = readonly (readonly [size: number, name: string])[];

const NUMBER = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const DATE = new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeStyle: 'short' });
const BYTES: Units = [
  [1, 'B'],
  [2 ** 10, 'KB'],
  [2 ** 20, 'MB'],
  [2 ** 30, 'GB'],
];
const AGES: Units = [
  [1000, 's'],
  [60_000, 'min'],
  [3_600_000, 'h'],
  [86_400_000, 'd'],
];
const TIMES: Units = [[0.001, 'µs'], [1, 'ms'], ...AGES];

/** An integer with thousands separators. */
export function formatCount(count: number): string {
  return NUMBER.format(count);
}

/** So many clips, in words. */
export function formatClips(count: number): string {
  return `${formatCount(count)} ${count === 1 ? 'clip' : 'clips'}`;
}

/** A share of 0 to 1 in percent, rounded down: 100 % is all of them. Undefined is a dash. */
export function formatShare(share: number | undefined): string {
  if (share === undefined) return '–';
  const parts = share > 0.99 || share < 0.01 ? 10 : 1;
  // 0.29 * 100 is a little less than 29.
  return `${Math.floor(share * 100 * parts + 1e-9) / parts} %`;
}

/** Bytes; a KB is 1024 of them. */
export function formatBytes(bytes: number): string {
  return inLargestUnit(bytes, BYTES);
}

/**
 * A span of time in the largest unit that fits. Below a millisecond in steps of 10 µs: the clocks of browsers are no
 * finer than 5 µs, mostly 100 µs, and what they could not see is `< 100 µs`.
 */
export function formatTime(ms: number): string {
  return ms < 0.005 ? '< 100 µs' : inLargestUnit(ms < 1 ? Math.round(ms * 100) / 100 : ms, TIMES);
}

/** How long ago something was, in whole units. A clock that went back gives zero. */
export function formatAge(ageMs: number): string {
  return inLargestUnit(Math.max(0, ageMs), AGES);
}

/** A moment, as a date with a time; without an end it is `never`. */
export function formatMoment(atMs: number): string {
  return Number.isFinite(atMs) ? DATE.format(atMs) : 'never';
}

/** Money, to the cent; of amounts below a tenth, two digits that mean something. */
export function formatMoney(amount: number, currency: string): string {
  const zeros = amount === 0 ? 0 : Math.max(0, -1 - Math.floor(Math.log10(Math.abs(amount))));
  const digits = Math.min(2 + zeros, 20);
  const format = { style: 'currency', currency, minimumFractionDigits: 2, maximumFractionDigits: digits } as const;
  return new Intl.NumberFormat('en', format).format(amount);
}

/** The first digits of a key, without its prefix `v1_`. */
export function shortKey(key: string): string {
  return `${key.slice(3, 13)}…`;
}

/** What an entry is called: its phrase where it is kept, else the short key. */
export function entryTitle(entry: Pick<EntryInfo, 'key' | 'spec'>): string {
  return entry.spec?.text ?? shortKey(entry.key);
}

/** One decimal below ten, none above; the smallest unit is never divided. */
function inLargestUnit(value: number, units: Units): string {
  const [smallest = [1, '']] = units;
  // 999.6 ms would print as four digits: it is a second.
  const [size, name] = units.findLast((unit) => value >= unit[0] * 0.9995) ?? smallest;
  const count = value / size;
  const isFine = units !== AGES && size > smallest[0] && count < 9.95;
  return `${isFine ? Number(count.toFixed(1)) : formatCount(count)} ${name}`;
}
