import type { Arrivals } from '../config/scenario.ts';
import { formatDuration, MS_PER_MINUTE, MS_PER_SECOND, round } from '../core/units.ts';
import type { ArrivalSpec } from '../mechanisms/arrivals.ts';

/** Arrivals of an open loop, as the mechanism wants them. */
export function arrivalSpec(arrivals: Exclude<Arrivals, { kind: 'users' }>): ArrivalSpec {
  switch (arrivals.kind) {
    case 'constant':
    case 'poisson':
      return { kind: arrivals.kind, perSecond: arrivals.rate };
    case 'gamma':
      return { kind: 'gamma', perSecond: arrivals.rate, cv: arrivals.cv };
    case 'ramp':
      return {
        kind: 'ramp',
        fromPerSecond: arrivals.from,
        toPerSecond: arrivals.to,
        durationMs: arrivals.over,
      };
    case 'burst':
      return { kind: 'burst', size: arrivals.size, everyMs: arrivals.every };
    case 'replay':
      return { kind: 'replay', atMs: arrivals.at };
  }
}

/** In words, for run headers. */
export function describeArrivals(arrivals: Arrivals): string {
  switch (arrivals.kind) {
    case 'constant':
      return `open loop, one session every ${formatDuration(MS_PER_SECOND / arrivals.rate)}`;
    case 'poisson':
      return `open loop, Poisson arrivals, ${describeRate(arrivals.rate)}`;
    case 'gamma':
      return `open loop, gamma arrivals (cv ${arrivals.cv}), ${describeRate(arrivals.rate)}`;
    case 'ramp':
      return `open loop, ramp from ${describeRate(arrivals.from)} to ${describeRate(arrivals.to)} over ${formatDuration(arrivals.over)}`;
    case 'burst':
      return `open loop, bursts of ${arrivals.size} sessions every ${formatDuration(arrivals.every)}`;
    case 'replay':
      return `open loop, ${arrivals.at.length} recorded arrivals`;
    case 'users': {
      const ramp = arrivals.rampUp === 0 ? '' : `, started over ${formatDuration(arrivals.rampUp)}`;
      return `closed loop, ${arrivals.users} users${ramp}`;
    }
  }
}

/** `12 sessions/s`; below one a second by the minute. */
export function describeRate(perSecond: number): string {
  return perSecond >= 1
    ? `${round(perSecond, 2)} sessions/s`
    : `${round((perSecond * MS_PER_MINUTE) / MS_PER_SECOND, 2)} sessions/min`;
}
