import { sortedNumbers } from '../core/sorted-numbers.ts';
import { fitArrivals, ksDistance } from './arrival-fit.ts';
import type { ArrivalModelFit } from './arrival-fit.ts';

/** The distribution whose shape comes closest to the token counts of calls, and that of their tail. */
export interface LengthFit extends ArrivalModelFit {
  readonly tail: ParetoTail | null;
}

/** P(X > x) = (from / x)^alpha for the largest 5 %. */
interface ParetoTail {
  /** Below 2 the variance, below 1 the mean is not bounded: the next outlier decides. */
  readonly alpha: number;
  readonly from: number;
  readonly ks: number;
}

/** The tail is the largest 5 %, as long as that is this many values. */
const TAIL_SHARE = 0.05;
const LEAST_TAIL = 50;

/**
 * Maximum-likelihood fits (arrival-fit.ts) and Hill's estimator of the tail (Hill 1975).
 * @returns null with too few values, or when all are equal
 */
export function fitLengths(values: Float64Array): LengthFit | null {
  const fit = fitArrivals(values);
  return fit === null ? null : { ...fit, tail: paretoTail(sortedNumbers(values)) };
}

function paretoTail(sorted: Float64Array): ParetoTail | null {
  const count = Math.floor(TAIL_SHARE * sorted.length);
  if (count < LEAST_TAIL) return null;
  const tail = sorted.subarray(sorted.length - count);
  const from = sorted[sorted.length - count - 1]!;
  if (from <= 0 || tail.at(-1) === from) return null;
  let logs = 0;
  for (const value of tail) logs += Math.log(value / from);
  const alpha = count / logs;
  return { alpha, from, ks: ksDistance(tail, (value) => 1 - (from / value) ** alpha) };
}
