/** What the samples of a benchmark come down to. Medians, since a shared machine makes outliers and no average. */

/** Returns the value that the given share of the samples does not exceed; NaN without samples. */
export function percentile(samples: readonly number[], share: number): number {
  const sorted = Float64Array.from(samples).sort();
  return sorted[Math.min(Math.floor(sorted.length * share), sorted.length - 1)] ?? Number.NaN;
}

/** Returns the middle one of the samples. */
export function median(samples: readonly number[]): number {
  return percentile(samples, 0.5);
}

/** Returns the mean of the middle half: as steady as the median, and finer where a timer ticks coarsely (5 µs). */
export function midmean(samples: readonly number[]): number {
  const sorted = Float64Array.from(samples).sort();
  const middle = sorted.subarray(Math.floor(sorted.length / 4), Math.ceil((sorted.length * 3) / 4));
  return middle.reduce((sum, value) => sum + value, 0) / middle.length;
}

/** How many times as long one thing took as another. */
export interface Ratio {
  /** The median over the rounds of the ratio within each round. */
  readonly ratio: number;
  /** The smallest and the largest round, which tell how far to trust it. */
  readonly lowest: number;
  readonly highest: number;
}

/** Compares two subjects by what each round says of them: what slows a whole round down slows both. */
export function ratioByRound(rounds: readonly number[], baselineRounds: readonly number[]): Ratio {
  const ratios = rounds.map((value, round) => value / (baselineRounds[round] ?? Number.NaN));
  return { ratio: median(ratios), lowest: Math.min(...ratios), highest: Math.max(...ratios) };
}

/** The number with so many significant digits, as a table shows it. */
export function rounded(value: number, digits = 3): number {
  return Number(value.toPrecision(digits));
}
