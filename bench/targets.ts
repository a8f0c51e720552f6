/** What a benchmark is held to. A missed target is printed and recorded, and fails nothing: a benchmark is no test. */
import { rounded } from './statistics';

/** One target and how it went, as results files and tables show it. */
export type TargetRow = {
  readonly target: string;
  readonly measured: number;
  readonly limit: number;
  readonly verdict: 'met' | 'MISSED';
};

/** Judges a measured value that may not exceed the limit. */
export function judge(target: string, measured: number, limit: number): TargetRow {
  return { target, measured: rounded(measured), limit, verdict: measured <= limit ? 'met' : 'MISSED' };
}
