import { MS_PER_SECOND, US_PER_MS } from '../core/units.ts';

/** Largest amount in a window: tumbling from the first call, and sliding over (t - window, t]. */
export interface WindowPeak {
  readonly tumbling: number;
  readonly sliding: number;
}

/** Peaks of calls and tokens in windows of one length; amounts per window, not per minute. */
export interface WindowPeaks {
  readonly calls: WindowPeak;
  readonly allIn: WindowPeak;
  readonly uncached: WindowPeak;
  readonly output: WindowPeak;
}

/**
 * Peaks in short windows: what a provider that enforces by the second sees of a limit per minute.
 * @param startUs ascending, from the first call
 */
export function windowPeaks(
  startUs: Float64Array,
  amounts: Readonly<Record<keyof WindowPeaks, Float64Array>>,
  windowSeconds: number,
): WindowPeaks {
  const windowUs = windowSeconds * MS_PER_SECOND * US_PER_MS;
  return {
    calls: windowPeak(startUs, amounts.calls, windowUs),
    allIn: windowPeak(startUs, amounts.allIn, windowUs),
    uncached: windowPeak(startUs, amounts.uncached, windowUs),
    output: windowPeak(startUs, amounts.output, windowUs),
  };
}

/** One pass; amounts are whole numbers, so that adding and taking away leaves no rounding. */
export function windowPeak(
  startUs: Float64Array,
  amounts: Float64Array,
  windowUs: number,
): WindowPeak {
  let tumbling = 0;
  let sliding = 0;
  let current = 0;
  let inCurrent = 0;
  let inSliding = 0;
  let oldest = 0;
  for (let index = 0; index < startUs.length; index += 1) {
    const start = startUs[index]!;
    const amount = amounts[index]!;
    const own = Math.floor(start / windowUs);
    inCurrent = own === current ? inCurrent + amount : amount;
    current = own;
    inSliding += amount;
    while (startUs[oldest]! <= start - windowUs) inSliding -= amounts[oldest++]!;
    tumbling = Math.max(tumbling, inCurrent);
    sliding = Math.max(sliding, inSliding);
  }
  return { tumbling, sliding };
}
