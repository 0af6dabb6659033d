import { MS_PER_DAY, MS_PER_HOUR } from '../core/units.ts';

/** Load by hour of the day. */
export interface DayShape {
  /** Mean calls in each hour of the day, UTC, 24 values. */
  readonly callsPerHour: readonly number[];
  readonly peakHourUtc: number;
  /** Busiest hour of the day over the mean hour. */
  readonly peakToMean: number;
  readonly days: number;
}

/** Two full days, so that every hour is seen at least twice. */
const LEAST_SPAN_MS = 2 * MS_PER_DAY;
/** Ten for each hour of the day: fewer make a shape out of chance (a Poisson count of 10 varies by 32 %). */
const LEAST_CALLS = 240;

/**
 * Calls by hour of the day; each hour is divided by how often the trace contains it.
 * @param startMs since the Unix epoch, ascending
 * @param weights calls per entry
 * @returns null for traces of less than two days or 240 calls
 */
export function dayShape(startMs: Float64Array, weights?: Float64Array): DayShape | null {
  const first = startMs[0] ?? 0;
  const last = startMs.at(-1) ?? 0;
  const spanMs = last - first;
  if (spanMs < LEAST_SPAN_MS) return null;
  const calls = Array.from({ length: 24 }, () => 0);
  let all = 0;
  for (const [index, start] of startMs.entries()) {
    const weight = weights?.[index] ?? 1;
    calls[hourOf(start)]! += weight;
    all += weight;
  }
  if (all < LEAST_CALLS) return null;
  const callsPerHour = calls.map((count, hour) => count / hoursSeen(hour, first, last));
  let sum = 0;
  for (const count of callsPerHour) sum += count;
  const peak = Math.max(...callsPerHour);
  return {
    callsPerHour,
    peakHourUtc: callsPerHour.indexOf(peak),
    peakToMean: peak / (sum / 24),
    days: spanMs / MS_PER_DAY,
  };
}

function hourOf(ms: number): number {
  return Math.floor(ms / MS_PER_HOUR) % 24;
}

/** How many times the hour lies between two instants, parts counted as parts. */
function hoursSeen(hour: number, firstMs: number, lastMs: number): number {
  const upTo = (ms: number): number => {
    const days = Math.floor(ms / MS_PER_DAY);
    const into = (ms - days * MS_PER_DAY) / MS_PER_HOUR - hour;
    return days + Math.min(1, Math.max(0, into));
  };
  return upTo(lastMs) - upTo(firstMs);
}
