import type { Threshold } from '../config/scenario.ts';
import { keeps } from '../config/threshold.ts';
import type { RunFold } from './fold.ts';
import { unitOf } from './judge.ts';
import type { ThresholdResult } from './judge.ts';
import type { ObservedTimes } from './observed-times.ts';
import type { HealthSample } from './sample.ts';
import type { Counters, LoadSummary } from './summary.ts';
import type { TimelineView } from './timeline.ts';

/** A running test at a glance: what the dashboard and the progress lines show. Plain data. */
export interface Progress {
  readonly elapsedMs: number;
  readonly plannedSessions: number | null;
  readonly plannedMs: number | null;
  readonly counters: Counters;
  readonly sessionsRunning: number;
  /** Null when the engine does not say. */
  readonly callsRunning: number | null;
  readonly times: readonly ProgressTimes[];
  readonly errors: LoadSummary['errors'];
  readonly health: HealthSample | null;
  readonly sendLagP99: number | null;
  readonly timeline: TimelineView;
  readonly thresholds: readonly ProgressThreshold[];
}

interface ProgressTimes {
  readonly metric: 'ttft' | 'itl' | 'turn' | 'session';
  readonly intended: ProgressFigures | null;
  readonly send: ProgressFigures | null;
}

export interface ProgressFigures {
  readonly n: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

/** So far, without the interval: a hint while it runs, never a verdict. */
export interface ProgressThreshold {
  readonly metric: string;
  readonly where: Threshold['where'];
  readonly expr: string;
  /** Null before the first. */
  readonly observed: number | null;
  readonly unit: ThresholdResult['unit'];
  /** `not yet`: a count that only the end of the run can reach. */
  readonly state: 'kept' | 'broken' | 'not yet' | 'no data';
}

export interface ProgressPlan {
  /** Calls in flight now; fold and samples know a call only when it has ended. */
  readonly callsRunning?: (() => number) | undefined;
  readonly sessions?: number | undefined;
  readonly durationMs?: number | undefined;
  readonly thresholds: readonly Threshold[];
}

/** The view of a fold at `elapsedMs`; costs some ten histogram look-ups. */
export function progressOf(fold: RunFold, plan: ProgressPlan, elapsedMs: number): Progress {
  const counters = fold.counters();
  const { sessions } = counters;
  const lag = fold.times('send_lag');
  return {
    elapsedMs,
    plannedSessions: plan.sessions ?? null,
    plannedMs: plan.durationMs ?? null,
    // While the run lasts, sessions without an end are running, not cut.
    counters: { ...counters, sessions: { ...sessions, cut: 0 } },
    sessionsRunning: sessions.started - sessions.completed - sessions.failed,
    callsRunning: plan.callsRunning?.() ?? null,
    times: (['ttft', 'itl', 'turn', 'session'] as const).map((metric) => ({
      metric,
      intended: metric === 'itl' ? null : figures(fold.times(metric, 'intended')),
      send: figures(metric === 'itl' ? fold.times(metric) : fold.times(metric, 'send')),
    })),
    errors: fold.errors().slice(0, 5),
    health: fold.health ?? null,
    sendLagP99: lag.quantileMs(0.99) ?? null,
    timeline: fold.timeline(),
    thresholds: plan.thresholds.map((threshold, index) => ({
      metric: threshold.metric,
      where: threshold.where,
      expr: threshold.expr,
      observed: fold.observed(index) ?? null,
      unit: unitOf(threshold),
      state: stateOf(threshold, fold.observed(index)),
    })),
  };
}

function stateOf(threshold: Threshold, observed: number | undefined): ProgressThreshold['state'] {
  if (observed === undefined) return 'no data';
  const { aggregate, limit, operator } = threshold.expression;
  if (keeps(operator, observed, limit)) return 'kept';
  return aggregate.kind === 'count' && observed < limit ? 'not yet' : 'broken';
}

function figures(times: ObservedTimes): ProgressFigures | null {
  const p50 = times.quantileMs(0.5);
  if (p50 === undefined) return null;
  return { n: times.n, p50, p95: times.quantileMs(0.95)!, p99: times.quantileMs(0.99)! };
}
