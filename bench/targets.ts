/** What a benchmark is held to. A missed target is printed and recorded, and fails nothing: a benchmark is no test. */
import { rounded } from './statistics';

/** One target and how it went, as results files and tables show it. */
export type TargetRow = {
  readonly target: string;
  readonly measured: number;
  /** Which side of the limit is the good one. */
  readonly bound: 'at most' | 'at least';
  readonly limit: number;
  readonly verdict: 'met' | 'MISSED';
};

/** Judges a measured value that may not exceed the limit. */
export function judge(target: string, measured: number, limit: number): TargetRow {
  const verdict = measured <= limit ? 'met' : 'MISSED';
  return { target, measured: rounded(measured), bound: 'at most', limit, verdict };
}

/** Judges a measured value that may not fall short of the limit. */
export function judgeAtLeast(target: string, measured: number, limit: number): TargetRow {
  const verdict = measured >= limit ? 'met' : 'MISSED';
  return { target, measured: rounded(measured), bound: 'at least', limit, verdict };
}
