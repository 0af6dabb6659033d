import { sortedNumbers } from '../core/sorted-numbers.ts';
import { MS_PER_MINUTE, MS_PER_SECOND, US_PER_MS } from '../core/units.ts';
import { fitArrivals } from './arrival-fit.ts';
import { arrivalPattern } from './arrival-pattern.ts';
import { dayShape } from './day-shape.ts';
import { summarise } from './summary.ts';
import type { Summary } from './summary.ts';
import { windowPeak, windowPeaks } from './window-peaks.ts';
import type { ArrivalProfile, PeakRate, Timeline } from './workload-profile.ts';

/** Calls, or one-second bins of calls, sorted by start; times in whole microseconds from the first. */
export interface SortedCalls {
  readonly startUs: Float64Array;
  /** Calls per entry when the entries are bins; absent when each entry is one call. */
  readonly calls?: Float64Array | undefined;
  /** Start of the first entry since the Unix epoch, when the trace has a calendar. */
  readonly epochMs?: number | undefined;
  /** Tokens per call on the three bases of a rate limit; unknown is 0 here. */
  readonly allIn: Float64Array;
  readonly uncached: Float64Array;
  readonly output: Float64Array;
}

const US_PER_MINUTE = MS_PER_MINUTE * US_PER_MS;
const US_PER_SECOND = MS_PER_SECOND * US_PER_MS;

/** Most buckets of the timeline: one terminal line, and a day in 12-minute steps. */
const TIMELINE_BUCKETS = 120;

/** Arrival figures of at least one call. Windows start at the first call; the last partial window counts. */
export function profileArrivals(calls: SortedCalls): ArrivalProfile {
  const { startUs } = calls;
  const weights = calls.calls ?? new Float64Array(startUs.length).fill(1);
  const gapsMs = calls.calls === undefined ? gaps(startUs) : new Float64Array(0);
  return {
    ...rates(calls, weights),
    ...dispersion(startUs, weights),
    ...gapFigures(summarise(gapsMs)),
    tickMs: tickMs(gapsMs),
    model: fitArrivals(gapsMs),
    pattern:
      calls.calls === undefined
        ? arrivalPattern(
            startUs.map((start) => start / US_PER_MS),
            'calls',
          )
        : null,
    day: calls.epochMs === undefined ? null : dayShapeFrom(calls.epochMs, startUs, weights),
    peaks: shortPeaks(calls, weights),
    timeline: timeline(calls, weights),
  };
}

function dayShapeFrom(
  epochMs: number,
  startUs: Float64Array,
  weights: Float64Array,
): ArrivalProfile['day'] {
  return dayShape(
    startUs.map((start) => epochMs + start / US_PER_MS),
    weights,
  );
}

function shortPeaks(calls: SortedCalls, weights: Float64Array): ArrivalProfile['peaks'] {
  const { startUs, allIn, uncached, output } = calls;
  const amounts = { calls: weights, allIn, uncached, output };
  return { s1: windowPeaks(startUs, amounts, 1), s10: windowPeaks(startUs, amounts, 10) };
}

function rates(
  calls: SortedCalls,
  weights: Float64Array,
): Pick<ArrivalProfile, 'ratePerSecond' | 'rpm' | 'tpm'> {
  const minutes = effectiveSpanUs(calls.startUs.at(-1)!) / US_PER_MINUTE;
  const peaks = (amounts: Float64Array): PeakRate => {
    const { tumbling, sliding } = windowPeak(calls.startUs, amounts, US_PER_MINUTE);
    return { mean: sumOf(amounts) / minutes, peakTumbling: tumbling, peakSliding: sliding };
  };
  return {
    ratePerSecond: sumOf(weights) / minutes / 60,
    rpm: peaks(weights),
    tpm: {
      allIn: peaks(calls.allIn),
      uncached: peaks(calls.uncached),
      output: peaks(calls.output),
    },
  };
}

function dispersion(
  startUs: Float64Array,
  weights: Float64Array,
): Pick<ArrivalProfile, 'idc' | 'peakToMean' | 'burstFactor'> {
  const counts = (seconds: number): WindowCounts =>
    windowCounts(startUs, weights, seconds * US_PER_SECOND);
  const [s1, s10, s60] = [counts(1), counts(10), counts(60)];
  return {
    idc: { s1: s1.idc, s10: s10.idc, s60: s60.idc },
    peakToMean: { s1: s1.peakToMean, s10: s10.peakToMean, s60: s60.peakToMean },
    burstFactor: s10.p99ToMean,
  };
}

/** The figures that follow from the gaps between consecutive calls. */
export function gapFigures(
  iatMs: Summary | null,
): Pick<ArrivalProfile, 'iatMs' | 'iatCv' | 'burstiness'> {
  if (iatMs === null || iatMs.mean === 0) return { iatMs, iatCv: null, burstiness: null };
  const { mean, std } = iatMs;
  return { iatMs, iatCv: std / mean, burstiness: (std - mean) / (std + mean) };
}

/** A trace whose calls all start at once says nothing about its rate; one minute is assumed (and warned about). */
function effectiveSpanUs(spanUs: number): number {
  return spanUs > 0 ? spanUs : US_PER_MINUTE;
}

interface WindowCounts {
  /** Variance over mean of the counts; null with fewer than two windows. */
  readonly idc: number | null;
  readonly peakToMean: number | null;
  readonly p99ToMean: number | null;
}

function windowCounts(
  startUs: Float64Array,
  weights: Float64Array,
  windowUs: number,
): WindowCounts {
  const windows = Math.floor(startUs.at(-1)! / windowUs) + 1;
  if (windows < 2) return { idc: null, peakToMean: null, p99ToMean: null };
  // Only windows with calls are visited, so an idle year costs nothing.
  const counts = new Float64Array(startUs.length);
  let last = -1;
  let current = -1;
  for (let index = 0; index < startUs.length; index += 1) {
    const window = Math.floor(startUs[index]! / windowUs);
    if (window !== current) last += 1;
    counts[last]! += weights[index]!;
    current = window;
  }
  const busy = counts.subarray(0, last + 1);
  const mean = sumOf(weights) / windows;
  let squares = (windows - busy.length) * mean * mean;
  let peak = 0;
  for (let index = 0; index < busy.length; index += 1) {
    const count = busy[index]!;
    squares += (count - mean) * (count - mean);
    peak = Math.max(peak, count);
  }
  const sorted = sortedNumbers(busy);
  return {
    idc: squares / windows / mean,
    peakToMean: peak / mean,
    p99ToMean: quantileWithZeros(sorted, windows, 0.99) / mean,
  };
}

/** Type-7 quantile of `total` values of which all but the given sorted ones are zero. */
function quantileWithZeros(sorted: Float64Array, total: number, q: number): number {
  const zeros = total - sorted.length;
  const at = (rank: number): number => (rank < zeros ? 0 : sorted[rank - zeros]!);
  const position = (total - 1) * q;
  const below = Math.floor(position);
  const low = at(below);
  return low + (at(Math.min(below + 1, total - 1)) - low) * (position - below);
}

function gaps(startUs: Float64Array): Float64Array {
  const result = new Float64Array(Math.max(0, startUs.length - 1));
  for (let index = 0; index < result.length; index += 1) {
    result[index] = (startUs[index + 1]! - startUs[index]!) / US_PER_MS;
  }
  return result;
}

/** Rounded timestamps: this share of zero gaps is taken as the sign of a tick. */
const TICK_ZERO_SHARE = 0.3;
/** Fewer gaps than this cannot show a tick. */
const TICK_MIN_GAPS = 50;
/** A clock does not change in mid-trace, so the first gaps show it. */
const TICK_MAX_GAPS = 100_000;
/** Jitter of one tick (Mooncake: 2,999 to 3,001 ms), and the share of gaps that must keep to it. */
const TICK_JITTER = 0.01;
const TICK_MIN_SHARE = 0.9;

/**
 * The step of rounded timestamps: many calls at the same instant, and all other gaps whole
 * multiples of the smallest. Undetected steps below 100 ms do not matter to any figure here.
 */
export function tickMs(allGapsMs: Float64Array): number | null {
  const gapsMs = allGapsMs.subarray(0, TICK_MAX_GAPS);
  if (gapsMs.length < TICK_MIN_GAPS) return null;
  const positive = gapsMs.filter((gap) => gap > 0).toSorted();
  // Gaps of a jittered tick can be as short as the jitter; they are zero gaps in disguise.
  const zeros = gapsMs.length - positive.length;
  const tick = smallestFrequent(positive);
  if (tick === null || tick < 100) return null;
  let small = zeros;
  let whole = 0;
  for (const gap of positive) {
    const steps = Math.round(gap / tick);
    if (steps === 0) small += 1;
    else if (Math.abs(gap - steps * tick) <= TICK_JITTER * tick) whole += 1;
  }
  if (small < TICK_ZERO_SHARE * gapsMs.length) return null;
  return whole >= TICK_MIN_SHARE * (gapsMs.length - small) ? Math.round(tick) : null;
}

/** Median of the positive gaps within twice the typical smallest one. */
function smallestFrequent(sortedPositive: Float64Array): number | null {
  const { length } = sortedPositive;
  if (length === 0) return null;
  const typical = sortedPositive[Math.floor(length / 2)]!;
  const near = sortedPositive.filter((gap) => gap > typical * 0.9 && gap < typical * 1.1);
  return near[Math.floor(near.length / 2)] ?? null;
}

function timeline({ startUs, allIn }: SortedCalls, weights: Float64Array): Timeline {
  const bucketSeconds = timelineBucketSeconds(startUs.at(-1)! / US_PER_SECOND);
  const buckets = Math.floor(startUs.at(-1)! / (bucketSeconds * US_PER_SECOND)) + 1;
  const calls = Array.from({ length: buckets }, () => 0);
  const tokens = Array.from({ length: buckets }, () => 0);
  for (let index = 0; index < startUs.length; index += 1) {
    const bucket = Math.floor(startUs[index]! / (bucketSeconds * US_PER_SECOND));
    calls[bucket]! += weights[index]!;
    tokens[bucket]! += allIn[index]!;
  }
  return { bucketSeconds, calls, tokens };
}

/** The smallest round bucket that keeps the timeline within its size. */
export function timelineBucketSeconds(spanSeconds: number): number {
  const round = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21_600, 43_200];
  const least = spanSeconds / (TIMELINE_BUCKETS - 1);
  const day = 86_400;
  return round.find((seconds) => seconds >= least) ?? Math.ceil(least / day) * day;
}

function sumOf(values: Float64Array): number {
  let sum = 0;
  for (let index = 0; index < values.length; index += 1) sum += values[index]!;
  return sum;
}
