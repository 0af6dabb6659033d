import type { Percentiles, Spread } from '../config/provider.ts';
import type { LazyRandom } from './lazy-random.ts';

/** Standard normal quantiles of 0.9, 0.95 and 0.99. */
const Z90 = 1.281_551_565_545;
const Z95 = 1.644_853_626_951;
const Z99 = 2.326_347_874_041;

/** Draws from a constant, a log-normal given by median and p95, or one bent at p90 and p99. */
export function drawSpread(spread: Spread, random: LazyRandom): number {
  if (typeof spread === 'number') return spread;
  const { p50, p95 } = spread;
  if (p50 <= 0) return 0;
  if (spread.p90 === undefined && spread.p99 === undefined) {
    return random().logNormal(Math.log(p50), Math.max(0, Math.log(p95 / p50) / Z95));
  }
  return quantile(spread, random().normal());
}

/**
 * The value at a normal score: the logarithm is linear between the given percentiles, and goes on
 * with the outermost slope beyond them. Exact at each percentile.
 */
function quantile({ p50, p90, p95, p99 }: Percentiles, score: number): number {
  const points = [
    { z: 0, value: p50 },
    ...(p90 === undefined ? [] : [{ z: Z90, value: p90 }]),
    { z: Z95, value: p95 },
    ...(p99 === undefined ? [] : [{ z: Z99, value: p99 }]),
  ];
  let index = 1;
  while (index < points.length - 1 && score > points[index]!.z) index += 1;
  const [left, right] = [points[index - 1]!, points[index]!];
  const share = (score - left.z) / (right.z - left.z);
  return left.value * (right.value / left.value) ** share;
}

/** The constant, or the median. */
export function middle(spread: Spread): number {
  return typeof spread === 'number' ? spread : spread.p50;
}
