import { sortedNumbers } from '../core/sorted-numbers.ts';
import {
  batchMeansInterval,
  populationStd,
  quantileInterval,
  quantileSorted,
} from '../core/statistics.ts';

/** Population figures; percentiles are linear-interpolated (type 7). */
export interface Summary {
  readonly n: number;
  readonly sum: number;
  readonly mean: number;
  /** Population standard deviation. */
  readonly std: number;
  readonly min: number;
  /** Absent in profiles of earlier versions. */
  readonly p10?: number | undefined;
  readonly p50: number;
  readonly p90: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
  /** 95 % intervals by batch means in order of arrival; null when there are too few values; an unbounded end is null. */
  readonly ci95: {
    readonly mean: readonly [number, number] | null;
    readonly p95: readonly [number, number | null] | null;
  };
  /** False when the percentiles come from a sketch (relative error ≤ 0.1 %) instead of all values. */
  readonly exact: boolean;
}

/**
 * Exact summary of all values; null when there are none.
 * @param ordered values in order of arrival (the intervals need the order); all finite
 */
export function summarise(ordered: Float64Array): Summary | null {
  const n = ordered.length;
  if (n === 0) return null;
  const sorted = sortedNumbers(ordered);
  let sum = 0;
  for (const value of ordered) sum += value;
  const p95 = quantileSorted(sorted, 0.95);
  return {
    n,
    sum,
    mean: sum / n,
    std: populationStd(ordered),
    min: sorted[0]!,
    p10: quantileSorted(sorted, 0.1),
    p50: quantileSorted(sorted, 0.5),
    p90: quantileSorted(sorted, 0.9),
    p95,
    p99: quantileSorted(sorted, 0.99),
    max: sorted[n - 1]!,
    ci95: intervals(ordered, sorted, p95),
    exact: true,
  };
}

function intervals(ordered: Float64Array, sorted: Float64Array, p95: number): Summary['ci95'] {
  const ofMean = batchMeansInterval(ordered);
  const ofP95 = quantileInterval(ordered, 0.95, 0.95, sorted);
  return {
    mean: ofMean === undefined ? null : [ofMean.low, ofMean.high],
    // The interval works on order statistics, the point estimate interpolates: keep it inside.
    p95:
      ofP95 === undefined
        ? null
        : [
            Math.min(ofP95.low, p95),
            ofP95.high === Number.POSITIVE_INFINITY ? null : Math.max(ofP95.high, p95),
          ],
  };
}
