import { mean, tQuantile } from '../core/statistics.ts';

/** Buckets of the second half that a trend needs at least. */
const LEAST_POINTS = 5;
/** One-sided confidence that the slope is above 0, if the buckets were independent, which they are not: strict. */
const CONFIDENCE = 0.999;
/**
 * Rise over the half, as a share of its mean. A queue that has grown steadily from the start doubles
 * over the second half, which is 2/3 of that half's mean; noise is allowed a good part of that.
 */
const LEAST_RISE = 0.4;

/**
 * Is a series still rising at its end? An open load above what the target can serve never settles:
 * its queue, and with it the time to first token, grows as long as the trial lasts, so that any
 * threshold holds in a trial that is short enough. A line is fitted through the second half (the
 * first may warm up) and must rise significantly, and by an amount that matters.
 * @param values per equal span of time; null where nothing was measured
 * @returns the fitted line's first and last value, or undefined when it does not rise
 */
export function risingTail(
  values: readonly (number | null)[],
): readonly [number, number] | undefined {
  const points = values
    .map((value, at) => ({ at, value }))
    .slice(Math.floor(values.length / 2))
    .filter((point): point is { at: number; value: number } => point.value !== null);
  const count = points.length;
  if (count < LEAST_POINTS) return undefined;
  const atMean = mean(points.map(({ at }) => at));
  const centre = mean(points.map(({ value }) => value));
  let spread = 0;
  let covariance = 0;
  for (const { at, value } of points) {
    spread += (at - atMean) ** 2;
    covariance += (at - atMean) * (value - centre);
  }
  const slope = covariance / spread;
  const fitted = (at: number): number => centre + slope * (at - atMean);
  let residual = 0;
  for (const { at, value } of points) residual += (value - fitted(at)) ** 2;
  const error = Math.sqrt(residual / (count - 2) / spread);
  const [first, last] = [fitted(points[0]!.at), fitted(points.at(-1)!.at)];
  const isCertain = slope > tQuantile(CONFIDENCE, count - 2) * error;
  return isCertain && last - first > LEAST_RISE * centre ? [first, last] : undefined;
}
