import type { Summary } from './summary.ts';

/** Maps a share in [0, 1] to a value. */
export type QuantileFunction = (share: number) => number;

/**
 * A distribution with exactly the summary's minimum, p10, p50, p90, p95, p99, maximum and mean.
 * Between two percentiles x(s) = low + (high - low) s^g; one bend g for all segments makes the mean right:
 * mean = A + B / (g + 1), A and B the means of the lower ends and of the widths.
 */
export function quantileFunction(summary: Summary): QuantileFunction;
export function quantileFunction(summary: Summary | null): QuantileFunction | null;
export function quantileFunction(summary: Summary | null): QuantileFunction | null {
  if (summary === null) return null;
  const { min, p10, p50, p90, p95, p99, max } = summary;
  // Profiles of earlier versions and hand-written ones have no p10.
  const isOld = p10 === undefined;
  const shares = [0, ...(isOld ? [] : [0.1]), 0.5, 0.9, 0.95, 0.99, 1];
  const values = [min, ...(isOld ? [] : [p10]), p50, p90, p95, p99, max];
  const bend = meanBend(shares, values, summary.mean);
  return (share) => {
    if (share >= 1) return max;
    let segment = 0;
    while (share >= shares[segment + 1]!) segment += 1;
    const low = values[segment]!;
    const width = shares[segment + 1]! - shares[segment]!;
    const position = Math.max(0, share - shares[segment]!) / width;
    return low + (values[segment + 1]! - low) * position ** bend;
  };
}

function meanBend(shares: readonly number[], values: readonly number[], mean: number): number {
  let lower = 0;
  let widths = 0;
  for (let segment = 0; segment + 1 < shares.length; segment += 1) {
    const weight = shares[segment + 1]! - shares[segment]!;
    lower += weight * values[segment]!;
    widths += weight * (values[segment + 1]! - values[segment]!);
  }
  const bend = widths / (mean - lower) - 1;
  // Rounded figures of a hand-written profile may admit no such mean; straight lines then.
  return Number.isFinite(bend) && bend > 0 ? bend : 1;
}
