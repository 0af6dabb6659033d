import type { Spread } from '../config/provider.ts';
import type { LazyRandom } from './lazy-random.ts';

/** Standard normal quantile of 0.95. */
const Z95 = 1.644_853_626_951;

/** Draws from a constant or a log-normal given by median and p95. */
export function drawSpread(spread: Spread, random: LazyRandom): number {
  if (typeof spread === 'number') return spread;
  const { p50, p95 } = spread;
  if (p50 <= 0) return 0;
  return random().logNormal(Math.log(p50), Math.max(0, Math.log(p95 / p50) / Z95));
}

/** The constant, or the median. */
export function middle(spread: Spread): number {
  return typeof spread === 'number' ? spread : spread.p50;
}
