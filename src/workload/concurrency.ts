import { ExactSum } from '../core/exact-sum.ts';
import { sortedNumbers } from '../core/sorted-numbers.ts';

export interface Concurrency {
  /** Time average from the first start to the last end. */
  readonly mean: number;
  readonly peak: number;
}

/**
 * Sweep over intervals [start, end): an end at the same instant as a start comes first, so
 * back-to-back intervals do not overlap. Intervals of no length hold nothing.
 * @returns null when there is no interval
 */
export function concurrency(starts: Float64Array, ends: Float64Array): Concurrency | null {
  if (starts.length === 0) return null;
  const opening = new Float64Array(starts.length);
  const closing = new Float64Array(starts.length);
  const busy = new ExactSum();
  let count = 0;
  for (let index = 0; index < starts.length; index += 1) {
    if (!(ends[index]! > starts[index]!)) continue;
    opening[count] = starts[index]!;
    closing[count] = ends[index]!;
    count += 1;
    busy.add(ends[index]! - starts[index]!);
  }
  const sortedStarts = sortedNumbers(opening.subarray(0, count));
  const sortedEnds = sortedNumbers(closing.subarray(0, count));
  if (sortedStarts.length === 0) return { mean: 0, peak: 0 };
  const span = sortedEnds.at(-1)! - sortedStarts[0]!;
  return { mean: busy.value / span, peak: peakOverlap(sortedStarts, sortedEnds) };
}

/** Largest overlap of a few intervals, for example the LLM calls of one turn. */
export function maxOverlap(intervals: readonly (readonly [number, number])[]): number {
  const proper = intervals.filter(([start, end]) => end > start);
  return peakOverlap(
    Float64Array.from(proper, ([start]) => start).toSorted(),
    Float64Array.from(proper, ([, end]) => end).toSorted(),
  );
}

function peakOverlap(sortedStarts: Float64Array, sortedEnds: Float64Array): number {
  let peak = 0;
  let ended = 0;
  for (let started = 0; started < sortedStarts.length; started += 1) {
    while (ended < sortedEnds.length && sortedEnds[ended]! <= sortedStarts[started]!) ended += 1;
    peak = Math.max(peak, started + 1 - ended);
  }
  return peak;
}
