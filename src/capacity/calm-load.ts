import { MS_PER_SECOND } from '../core/units.ts';
import { CLOCK_SLACK_MS } from '../mechanisms/meter.ts';
import type { RateLimit } from '../mechanisms/rate-limit.ts';
import type { SessionLoad } from './call-ring.ts';

/**
 * A load by the second, as it comes when nothing is refused. Every window of the limits is whole
 * seconds, and seconds begin where windows do.
 */
export interface LoadBySecond {
  readonly fromMs: number;
  /** First attempts that count, from time 0 on. */
  readonly calls: number;
  /** Per unit, what is debited in each second: reservations, and what calls turn out to use beyond. */
  readonly debits: ReadonlyMap<string, Float64Array>;
  /** Calls that end in each second. */
  readonly ends: Int32Array;
}

/** @param units what the limits count */
export function loadBySecond(load: SessionLoad, units: readonly string[]): LoadBySecond {
  const fromMs = -load.warmUpMs;
  const seconds = Math.ceil((load.endMs - fromMs) / MS_PER_SECOND) + 1;
  const ends = new Int32Array(seconds);
  const debits = new Map(units.map((unit) => [unit, new Float64Array(seconds)]));
  const columns = [...debits];
  let count = 0;
  // As the windows do it: a call within the clock's slack before a second is in it.
  const second = (atMs: number): number =>
    Math.floor((atMs - fromMs + CLOCK_SLACK_MS) / MS_PER_SECOND);
  for (const { end: endCall, first, fromMs: least, session, startMs, toMs } of load.parts) {
    for (let call = first; call < endCall; call += 1) {
      const { amounts, durationMs, offsetMs } = session.calls[call]!;
      const atMs = startMs + offsetMs;
      if (amounts === undefined || atMs < least || atMs >= toMs || atMs >= load.endMs) continue;
      if (atMs >= 0) count += 1;
      const start = second(atMs);
      const end = Math.min(seconds - 1, second(atMs + durationMs));
      ends[end]! += 1;
      for (const [unit, debit] of columns) {
        const reserved = amounts.reserve[unit];
        if (reserved === undefined) continue;
        debit[start]! += reserved;
        const more = (amounts.settle?.[unit] ?? reserved) - reserved;
        if (more > 0) debit[end]! += more;
      }
    }
  }
  return { fromMs, calls: count, debits, ends };
}

/**
 * Whether the limiter certainly refuses nothing of a load, so that nothing of it need be played.
 * Errs to the safe side: each second's debits must fit into what was free at its beginning, without
 * the refill of that second and without what calls give back.
 * @param limiter made at the load's beginning; it is used up
 */
export function refusesNothing(limiter: RateLimit, load: LoadBySecond): boolean {
  return limiter.dimensions.every(({ meter, name, unit = name }) => {
    const debits = load.debits.get(unit);
    if (debits === undefined) return false;
    const isHeld = unit === 'inFlight';
    for (let second = 0; second < debits.length; second += 1) {
      const debit = debits[second]!;
      const ends = isHeld ? load.ends[second]! : 0;
      if (debit === 0 && ends === 0) continue;
      const beginMs = load.fromMs + second * MS_PER_SECOND;
      // What is left must not be a debt: nothing more would pass then.
      meter.force(beginMs, debit);
      if (meter.waitMs(beginMs, 0) > 0) return false;
      // Debited at its end, a second leaves the least behind: a full bucket wastes refill before.
      meter.give(beginMs, debit, beginMs);
      const endMs = beginMs + MS_PER_SECOND - 2 * CLOCK_SLACK_MS;
      meter.force(endMs, debit);
      if (ends > 0) meter.give(endMs, ends);
    }
    return true;
  });
}
