import type { Threshold } from '../config/scenario.ts';
import { wilsonInterval } from '../core/statistics.ts';
import { MS_PER_SECOND } from '../core/units.ts';
import type { Evidence } from './judge.ts';
import type { ObservedTimes } from './observed-times.ts';
import type { RunView } from './view.ts';

/** Totals that only the whole run knows. */
export interface RunTotals {
  readonly sessionsIntended: number;
  readonly sessionsDropped: number;
  readonly callsIntended: number;
  readonly durationMs: number;
}

/**
 * The evidence a view has for a threshold.
 * @param detail `figure` leaves out the intervals of times, which sort thousands of values
 */
export function evidenceFor(
  threshold: Threshold,
  view: RunView,
  totals: RunTotals,
  detail: 'full' | 'figure' = 'full',
): Evidence {
  const { aggregate } = threshold.expression;
  const { calls, attempts, sessions, turns, tokens } = view;
  const whole = threshold.where.model === undefined && threshold.where.turn === undefined;
  const share = (part: number, of: number): Evidence =>
    aggregate.kind === 'count' ? { n: of, observed: part } : shareEvidence(part, of);
  const counter = (n: number): Evidence => counterEvidence(n, aggregate.kind, totals);
  const { metric } = threshold;
  switch (metric) {
    case 'error_rate': {
      // A part of the run knows only the calls that ended; the whole run knows all it intended.
      const ended = calls.completed + calls.failed + calls.truncated;
      const of = whole ? totals.callsIntended : ended;
      return share(of - calls.completed, of);
    }
    case 'session_error_rate':
      return share(totals.sessionsIntended - sessions.completed, totals.sessionsIntended);
    case 'dropped':
      return share(totals.sessionsDropped, totals.sessionsIntended);
    case 'rate_limited':
      return share(attempts.rateLimited, attempts.sent);
    case 'truncated':
      return share(attempts.truncated, attempts.sent);
    case 'calls':
      return counter(calls.completed);
    case 'turns':
      return counter(turns.completed);
    case 'sessions':
      return counter(sessions.completed);
    case 'attempts':
      return counter(attempts.sent);
    case 'retries':
      return counter(attempts.retries);
    case 'output_tokens':
      return tokens.attemptsWithUsage === 0
        ? { n: 0, observed: undefined }
        : counter(tokens.output);
    case 'amplification':
      return calls.started === 0
        ? { n: 0, observed: undefined }
        : { n: calls.started, observed: attempts.sent / calls.started };
    case 'ttfb':
    case 'ttf_role':
    case 'ttft':
    case 'ttft_visible':
    case 'ttf_tool':
    case 'e2e':
    case 'turn':
    case 'session':
      return timeEvidence(
        view.times(metric, threshold.where.from ?? 'intended'),
        threshold,
        detail,
      );
    case 'itl':
    case 'tpot':
    case 'icl':
    case 'stall':
    case 'send_lag':
      return timeEvidence(view.times(metric), threshold, detail);
  }
}

function shareEvidence(part: number, of: number): Evidence {
  if (of === 0) return { n: 0, observed: undefined };
  return { n: of, observed: part / of, interval: wilsonInterval(part, of) };
}

/** A counter of 0 is an observation once anything has happened at all. */
function counterEvidence(n: number, kind: string, totals: RunTotals): Evidence {
  if (totals.durationMs <= 0) return { n: 0, observed: undefined };
  const observed = kind === 'rate' ? (n * MS_PER_SECOND) / totals.durationMs : n;
  return { n: Math.max(n, totals.sessionsIntended), observed };
}

function timeEvidence(
  times: ObservedTimes,
  { expression }: Threshold,
  detail: 'full' | 'figure',
): Evidence {
  const { aggregate } = expression;
  const { n } = times;
  switch (aggregate.kind) {
    case 'quantile':
      return {
        n,
        observed: times.quantileMs(aggregate.q),
        interval: detail === 'full' ? times.quantileInterval(aggregate.q) : undefined,
      };
    case 'avg':
      return {
        n,
        observed: times.meanMs,
        interval: detail === 'full' ? times.meanInterval() : undefined,
      };
    case 'min':
      return { n, observed: times.minMs };
    case 'max':
      return { n, observed: times.maxMs };
    case 'count':
      return { n: Math.max(n, 1), observed: n };
    case 'rate':
    case 'value':
      return { n: 0, observed: undefined };
  }
}
