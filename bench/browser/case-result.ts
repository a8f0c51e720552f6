/** What a case found, in the shape the runner prints and keeps. */
import type { BatchTimes } from '../batches';
import { rounded } from '../statistics';
import type { TargetRow } from '../targets';
import type { TurnTimes } from './turns';

/** The rows of a case's table, and how its targets went. */
export interface CaseResult {
  readonly rows: readonly Readonly<Record<string, string | number>>[];
  readonly targets: readonly TargetRow[];
}

/**
 * One row a subject: percentiles in microseconds over all its calls, and how many times as long as the baseline it
 * took, with the lowest and highest round.
 */
export function rowsOf(caseName: string, times: TurnTimes, baseline: string): CaseResult['rows'] {
  return times.names.map((subject) => {
    const { ratio, lowest, highest } = times.ratio(subject, baseline);
    return {
      case: caseName,
      subject,
      p50Us: rounded(times.percentileUs(subject, 0.5)),
      p95Us: rounded(times.percentileUs(subject, 0.95)),
      p99Us: rounded(times.percentileUs(subject, 0.99)),
      ratio: rounded(ratio),
      lowestRatio: rounded(lowest),
      highestRatio: rounded(highest),
      calls: times.calls(subject),
    };
  });
}

/** One row a subject: microseconds per operation in its middle round, and how many times as long as the baseline. */
export function batchRowsOf(caseName: string, times: BatchTimes, baseline: string): CaseResult['rows'] {
  return times.names.map((subject) => {
    const { ratio, lowest, highest } = times.ratio(subject, baseline);
    return {
      case: caseName,
      subject,
      microseconds: rounded(times.microseconds(subject)),
      ratio: rounded(ratio),
      lowestRatio: rounded(lowest),
      highestRatio: rounded(highest),
    };
  });
}
