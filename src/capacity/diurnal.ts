/** What the shape of a day says about its busiest hour. */
export interface DayLoad {
  /** So many hours at the busiest hour's rate carry the day's traffic. */
  readonly equivalentHours: number;
  /** Share of the day's traffic in its busiest hour. */
  readonly peakHourShare: number;
  /** 0 to 23: the first of the busiest hours. */
  readonly peakHour: number;
  /** Each hour over the busiest one. */
  readonly loads: readonly number[];
}

/**
 * @param hours load of each hour of a day, in any unit; 24 values, not all 0
 * @returns undefined when there is no load at all
 */
export function dayLoad(hours: readonly number[]): DayLoad | undefined {
  const most = Math.max(...hours);
  if (!(most > 0)) return undefined;
  let sum = 0;
  for (const load of hours) sum += load;
  return {
    equivalentHours: sum / most,
    peakHourShare: most / sum,
    peakHour: hours.indexOf(most),
    loads: hours.map((load) => load / most),
  };
}
