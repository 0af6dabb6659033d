/** Something with a beginning and an end; an unknown end counts as the beginning. */
export interface Interval {
  readonly startMs: number;
  readonly endMs: number;
}

/**
 * A join of more than this many keeps the ones that ended last: they are what the join waits for,
 * and two wide stages after one another would need their product in edges.
 */
const WIDEST_JOIN = 64;

/**
 * For each interval the ones it directly follows: B is after A when A ended before B started and
 * nothing that started after A's end had ended by then. Overlapping intervals are parallel.
 * O(n log n + edges). Intervals without times (NaN) follow one another in the order given.
 */
export function directPredecessors(intervals: readonly Interval[]): readonly (readonly number[])[] {
  if (intervals.some(({ startMs }) => Number.isNaN(startMs))) {
    return intervals.map((_, index) => (index === 0 ? [] : [index - 1]));
  }
  const byEnd = intervals
    .map((interval, index) => ({ ...interval, index }))
    .toSorted((a, b) => a.endMs - b.endMs || a.startMs - b.startMs);
  const latestStart = new Float64Array(byEnd.length);
  for (const [at, { startMs }] of byEnd.entries()) {
    latestStart[at] = at === 0 ? startMs : Math.max(latestStart[at - 1]!, startMs);
  }
  return intervals.map(({ startMs }) => {
    const ended = countEnded(byEnd, startMs);
    if (ended === 0) return [];
    const covered = latestStart[ended - 1]!;
    const direct: number[] = [];
    for (let at = ended - 1; at >= 0 && direct.length < WIDEST_JOIN; at -= 1) {
      const before = byEnd[at]!;
      if (before.endMs < covered) break;
      if (before.endMs > covered || before.startMs === covered) direct.push(before.index);
    }
    return direct.toReversed();
  });
}

/** How many intervals, in order of their ends, began before and ended by `timeMs`. */
function countEnded(byEnd: readonly Interval[], timeMs: number): number {
  let low = 0;
  let high = byEnd.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const { startMs, endMs } = byEnd[middle]!;
    // Intervals of no length at `timeMs` itself are parallel, else two of them would wait for each other.
    if (endMs < timeMs || (endMs === timeMs && startMs < timeMs)) low = middle + 1;
    else high = middle;
  }
  return low;
}
