import type { Summary } from './summary.ts';
import type { Precision } from './workload-profile.ts';

/** Below this no percentile of a workload is worth planning on. */
export const ENOUGH_CALLS = 100;
/** A p95 within ±10 % is good enough to plan with. */
const TARGET_HALF_WIDTH = 0.1;

/** How well the p95 of a metric is known; undefined when it was never measured. */
export function precisionOf(
  metric: Precision['metric'],
  summary: Summary | null,
): Precision | undefined {
  if (summary === null) return undefined;
  const { n, p95, ci95 } = summary;
  const [low, high] = ci95.p95 ?? [null, null];
  const isBounded = low !== null && high !== null && p95 > 0;
  const halfWidth = isBounded ? Math.max(high - p95, p95 - low) / p95 : null;
  return {
    metric,
    p95RelativeHalfWidth: halfWidth,
    moreCallsForP95: halfWidth === null ? null : moreCalls(n, halfWidth),
  };
}

/** Intervals shrink with the square root of the number of calls. */
function moreCalls(n: number, halfWidth: number): number {
  const needed = Math.ceil(n * (halfWidth / TARGET_HALF_WIDTH) ** 2);
  return Math.max(0, ENOUGH_CALLS - n, needed - n);
}
