import { cacheAt } from './caching.ts';
import type { DemandSimulation } from './demand.ts';
import { dimensionsOf } from './limit.ts';
import type { Dimension } from './limit.ts';
import { limitPools, poolMean, simulatedPeak } from './limits.ts';
import type { PlanInput } from './plan-input.ts';

/** The load of each hour of a day. */
export interface HoursOfDay {
  /** Relative to the busiest hour, 24 values from midnight on. */
  readonly loads: readonly number[];
  /** Whose midnight: a measured trace is told in UTC, a plan in its own time. */
  readonly zone: 'UTC' | 'own';
}

/** One hour at one scale: the limit that is nearest. */
interface HourUse {
  /** 0 to 23. */
  readonly hour: number;
  /** Mean and busiest minute of the hour over the limit; null when no limit can be judged. */
  readonly mean: number | null;
  readonly peak: number | null;
  /** The limit that the busiest minute uses most. */
  readonly dimension: Dimension | null;
}

export interface DayUse {
  readonly scale: number;
  readonly zone: HoursOfDay['zone'];
  readonly hours: readonly HourUse[];
  /** Hours whose mean is above a limit, and those whose busiest minute alone is. */
  readonly over: number;
  readonly bursts: number;
}

/** Limits of a minute or less (and of spend in ten): what an hour can break by itself. */
const LONGER: ReadonlySet<Dimension> = new Set(['rpd', 'tpd', 'spendPerMonth', 'tokensPerMonth']);

/**
 * Utilisation hour by hour. An hour at a share x of the busy period's rate is the plan at the
 * scale s·x: its mean follows, and its busiest minute is m·sx + c·√(sx) as at every scale.
 */
export function hoursOfDay(
  input: PlanInput,
  simulation: DemandSimulation,
  scale: number,
): DayUse | null {
  const { day } = input;
  if (day === undefined) return null;
  const hours = day.loads.map((load, hour) => hourUse(input, simulation, scale * load, hour));
  const over = hours.filter(({ mean }) => (mean ?? 0) > 1).length;
  const above = hours.filter(({ peak }) => (peak ?? 0) > 1).length;
  return { scale, zone: day.zone, hours, over, bursts: above - over };
}

function hourUse(
  input: PlanInput,
  simulation: DemandSimulation,
  scale: number,
  hour: number,
): HourUse {
  const at = cacheAt(input, scale);
  let use: HourUse = { hour, mean: null, peak: null, dimension: null };
  for (const pool of limitPools(at)) {
    for (const dimension of dimensionsOf(pool.limits)) {
      const perScale = poolMean(at, pool, dimension);
      if (perScale === null || LONGER.has(dimension)) continue;
      const limit = pool.limits[dimension]!;
      const point = simulatedPeak(simulation, pool.key, dimension, scale);
      const excess =
        point === undefined
          ? 0
          : Math.max(0, point.peak - perScale * point.scale) * Math.sqrt(scale / point.scale);
      const mean = (perScale * scale) / limit;
      const peak = mean + excess / limit;
      use = {
        hour,
        mean: Math.max(mean, use.mean ?? 0),
        peak: Math.max(peak, use.peak ?? 0),
        dimension: peak > (use.peak ?? -1) ? dimension : use.dimension,
      };
    }
  }
  return use;
}
