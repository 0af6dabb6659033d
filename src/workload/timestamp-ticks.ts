import { MS_PER_SECOND } from '../core/units.ts';
import type { ArrivalProfile } from './workload-profile.ts';

/**
 * Takes back the figures that rounded timestamps make up: counts in windows shorter than the tick
 * describe the clock, not the traffic.
 */
export function withoutArtefacts(arrivals: ArrivalProfile | null): {
  readonly arrivals: ArrivalProfile | null;
  readonly warnings: readonly string[];
} {
  const tickMs = arrivals?.tickMs ?? null;
  if (arrivals === null || tickMs === null) return { arrivals, warnings: [] };
  const isHonest = (windowSeconds: number): boolean => windowSeconds * MS_PER_SECOND >= tickMs;
  const keep = <T>(windowSeconds: number, value: T): T | null =>
    isHonest(windowSeconds) ? value : null;
  const refused = [1, 10, 60].filter((seconds) => !isHonest(seconds));
  return {
    arrivals: {
      ...arrivals,
      idc: {
        s1: keep(1, arrivals.idc.s1),
        s10: keep(10, arrivals.idc.s10),
        s60: keep(60, arrivals.idc.s60),
      },
      peakToMean: {
        s1: keep(1, arrivals.peakToMean?.s1 ?? null),
        s10: keep(10, arrivals.peakToMean?.s10 ?? null),
        s60: keep(60, arrivals.peakToMean?.s60 ?? null),
      },
      peaks: {
        s1: keep(1, arrivals.peaks?.s1 ?? null),
        s10: keep(10, arrivals.peaks?.s10 ?? null),
      },
      burstFactor: keep(10, arrivals.burstFactor ?? null),
      model: null,
      // Turns of a rounded clock fall together as much as calls do.
      pattern: null,
    },
    warnings: [
      `Timestamps are rounded to ${tickMs / MS_PER_SECOND} s: gaps between arrivals and their CV describe the clock` +
        (refused.length === 0
          ? '.'
          : `, and burst figures for windows of ${refused.join(', ')} s are refused.`),
    ],
  };
}
