import { mean, sampleStd, tCdf, tQuantile } from './statistics.ts';
import type { Interval } from './statistics.ts';

/**
 * The difference of two estimates with its uncertainty: candidate minus baseline, of logarithms where
 * a ratio is meant. The two sides may be uneven: a quantile's interval reaches further up than down.
 */
export interface Difference {
  readonly estimate: number;
  /** Standard errors below and above the estimate; Infinity where the data bound nothing. */
  readonly errorDown: number;
  readonly errorUp: number;
  readonly degreesOfFreedom: number;
}

/** One side of a difference: a value and what a run says about its uncertainty. */
export interface Uncertain {
  readonly value: number;
  /** 95 % interval by batch means. */
  readonly interval: Interval;
}

/** Power that the smallest detectable effect is stated for (Cohen 1988). */
const POWER = 0.8;

/**
 * From one run on each side, each with a 95 % interval from `batches` batch means: the square-root
 * rule for the limits of a difference (MOVER; Zou and Donner 2008, Statistics in Medicine 27), degrees
 * of freedom after Welch and Satterthwaite.
 */
export function differenceOfIntervals(
  baseline: Uncertain,
  candidate: Uncertain,
  batches: number,
): Difference {
  const df = batches - 1;
  const t = tQuantile(0.975, df);
  const errors = ({ interval: { high, low }, value }: Uncertain) => ({
    down: (value - low) / t,
    up: (high - value) / t,
  });
  const [a, b] = [errors(baseline), errors(candidate)];
  const [varA, varB] = [a, b].map(({ down, up }) => ((down + up) / 2) ** 2) as [number, number];
  return {
    estimate: candidate.value - baseline.value,
    errorDown: Math.hypot(b.down, a.up),
    errorUp: Math.hypot(b.up, a.down),
    degreesOfFreedom: satterthwaite([varA, varB], [df, df]),
  };
}

/**
 * From replicate runs, one value each (Welch's t). A side with a single run has no spread of its own:
 * it is given the other side's. Undefined when both have only one.
 * @param least smallest variance of one side's mean that can be believed; 0 for none
 */
export function differenceOfReplicates(
  baseline: readonly number[],
  candidate: readonly number[],
  least: readonly [number, number] = [0, 0],
): Difference | undefined {
  const [m, n] = [baseline.length, candidate.length];
  if (Math.max(m, n) < 2) return undefined;
  const [spreadA, spreadB] = [spreadOf(baseline) ?? spreadOf(candidate)!, spreadOf(candidate)];
  const varA = Math.max(spreadA / m, least[0]);
  const varB = Math.max((spreadB ?? spreadA) / n, least[1]);
  const error = Math.sqrt(varA + varB);
  // With one run on a side, the other alone says how far runs lie apart.
  const df = Math.min(m, n) < 2 ? Math.max(m, n) - 1 : satterthwaite([varA, varB], [m - 1, n - 1]);
  return {
    estimate: mean(candidate) - mean(baseline),
    errorDown: error,
    errorUp: error,
    degreesOfFreedom: df,
  };
}

/** Limits at a confidence; infinite where the data bound nothing. */
export function differenceInterval(difference: Difference, confidence = 0.95): Interval {
  const { degreesOfFreedom, errorDown, errorUp, estimate } = difference;
  const t = tQuantile(1 - (1 - confidence) / 2, degreesOfFreedom);
  return { low: estimate - t * errorDown, high: estimate + t * errorUp };
}

/** Two-sided p of no difference, by the error on the side that faces 0. */
export function differenceP({
  degreesOfFreedom,
  errorDown,
  errorUp,
  estimate,
}: Difference): number {
  if (estimate === 0) return 1;
  const error = estimate > 0 ? errorDown : errorUp;
  if (!Number.isFinite(error)) return 1;
  if (error === 0) return 0;
  return 2 * (1 - tCdf(Math.abs(estimate) / error, degreesOfFreedom));
}

/**
 * The smallest true difference that such data show four times in five (two-sided at 5 %): the
 * t-quantiles of level and power times the standard error. Infinity where nothing is bounded.
 */
export function detectableDifference({ degreesOfFreedom, errorDown, errorUp }: Difference): number {
  const error = Math.max(errorDown, errorUp);
  return error * (tQuantile(0.975, degreesOfFreedom) + tQuantile(POWER, degreesOfFreedom));
}

/**
 * p values adjusted for the number of tests, in the same order: those at most 0.05 hold 5 % false
 * alarms at most, in expectation (Benjamini and Hochberg 1995).
 */
export function benjaminiHochberg(ps: readonly number[]): number[] {
  const order = ps.map((_, index) => index).toSorted((a, b) => ps[a]! - ps[b]!);
  const adjusted = ps.map(() => 1);
  let least = 1;
  for (let rank = order.length; rank >= 1; rank -= 1) {
    const index = order[rank - 1]!;
    least = Math.min(least, (ps[index]! * ps.length) / rank);
    adjusted[index] = least;
  }
  return adjusted;
}

function spreadOf(values: readonly number[]): number | undefined {
  return values.length < 2 ? undefined : sampleStd(values) ** 2;
}

/** Degrees of freedom of a sum of variances; the smaller side's where one is unbounded or both are 0. */
function satterthwaite(
  [varA, varB]: readonly [number, number],
  [dfA, dfB]: readonly [number, number],
): number {
  const df = (varA + varB) ** 2 / (varA ** 2 / dfA + varB ** 2 / dfB);
  return Number.isFinite(df) ? df : Math.min(dfA, dfB);
}
