import { metricFacts } from '../config/threshold.ts';
import type { Arrivals, LoadedScenario, Threshold } from '../config/scenario.ts';
import { MS_PER_SECOND } from '../core/units.ts';
import { AgentInfraError } from '../errors.ts';
import { describeRate } from './arrival-spec.ts';

/** What a capacity search turns up and down: how sessions arrive, everything else unchanged. */

export type LoadUnit = 'sessions/s' | 'users';

export interface LoadDial {
  readonly unit: LoadUnit;
  /** The scenario's own load. */
  readonly base: number;
  /** Loads are whole numbers. */
  readonly whole: boolean;
}

/** What a load of this scenario is counted in. Throws `config.invalid` where it has no single load. */
export function loadDial({ arrivals, file }: LoadedScenario): LoadDial {
  const base = loadOf(arrivals);
  if (base === undefined) {
    throw new AgentInfraError(
      'config.invalid',
      `${file}: arrivals of kind ${arrivals.kind} have no single load to search for`,
      { hint: 'Use constant, poisson, gamma, burst or users.' },
    );
  }
  const whole = arrivals.kind === 'users';
  return { unit: whole ? 'users' : 'sessions/s', base, whole };
}

export interface TrialSettings {
  readonly load: number;
  /** Sessions start for this long; absent: for as long as in the scenario itself. */
  readonly durationMs?: number | undefined;
  /** Times that length. */
  readonly length: number;
  readonly seed: string;
  readonly thresholds: readonly Threshold[];
}

/**
 * The scenario at another load. Its number of sessions grows with the load, so that a trial lasts as
 * long at any load: the same number of sessions would be over sooner the higher the load is.
 */
export function scenarioAt(scenario: LoadedScenario, trial: TrialSettings): LoadedScenario {
  const { durationMs, length, load, seed, thresholds } = trial;
  const { base } = loadDial(scenario);
  const { duration: own, sessions: ownSessions, ...rest } = scenario;
  const lasts = durationMs ?? own;
  const isTimed = durationMs !== undefined && scenario.budget === undefined;
  const sessions = isTimed ? undefined : sessionsAt(ownSessions, load / base, trial);
  return {
    ...rest,
    seed,
    thresholds: [...thresholds],
    arrivals: arrivalsAt(scenario.arrivals, load),
    ...(lasts === undefined ? {} : { duration: lasts * length }),
    ...(sessions === undefined ? {} : { sessions }),
  };
}

/** With a budget the number of sessions must be known; else it only ends the run. */
function sessionsAt(
  own: number | undefined,
  factor: number,
  { durationMs, length, load }: TrialSettings,
): number | undefined {
  if (durationMs !== undefined) {
    return Math.max(1, Math.round((load * durationMs * length) / MS_PER_SECOND));
  }
  return own === undefined ? undefined : Math.max(1, Math.round(own * factor * length));
}

function arrivalsAt(arrivals: Arrivals, load: number): Arrivals {
  switch (arrivals.kind) {
    case 'constant':
    case 'poisson':
    case 'gamma':
      return { ...arrivals, rate: load };
    case 'burst':
      return { ...arrivals, every: (arrivals.size * MS_PER_SECOND) / load };
    case 'users':
      return { ...arrivals, users: load };
    case 'ramp':
    case 'replay':
      return arrivals;
  }
}

/** How long sessions start in a trial, in ms; null where the target's speed decides it. */
export function startsForMs({ arrivals, duration, sessions }: LoadedScenario): number | null {
  const load = loadOf(arrivals);
  if (arrivals.kind === 'users' || sessions === undefined || load === undefined) {
    return duration ?? null;
  }
  return Math.min(duration ?? Infinity, (sessions * MS_PER_SECOND) / load);
}

function loadOf(arrivals: Arrivals): number | undefined {
  switch (arrivals.kind) {
    case 'constant':
    case 'poisson':
    case 'gamma':
      return arrivals.rate;
    case 'burst':
      return (arrivals.size * MS_PER_SECOND) / arrivals.every;
    case 'users':
      return arrivals.users;
    case 'ramp':
    case 'replay':
      return undefined;
  }
}

/**
 * A threshold that more load can break. One that asks for a number of sessions, or for so many a
 * second, asks for more load: it fails at every load below and says nothing about the target.
 */
export function limitsLoad({ expression, metric }: Threshold): boolean {
  const { aggregate, limit, operator } = expression;
  const counts = aggregate.kind === 'count' || metricFacts(metric).kind === 'counter';
  if (!counts) return true;
  return operator === '<' || operator === '<=' || (operator === '==' && limit === 0);
}

/** `12 sessions/s`, `30 sessions/min`, `1 user`, `40 users`. */
export function loadText(load: number, unit: LoadUnit): string {
  if (unit !== 'users') return describeRate(load);
  return load === 1 ? '1 user' : `${load} users`;
}
