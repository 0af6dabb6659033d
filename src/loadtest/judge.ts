import type { Threshold } from '../config/scenario.ts';
import { keeps, metricFacts } from '../config/threshold.ts';
import type { Operator } from '../config/threshold.ts';
import type { Interval } from '../core/statistics.ts';
import { clientErrorMs } from './validity.ts';
import type { Validity } from './validity.ts';

/** What a run says about one threshold. */
export interface Evidence {
  /** Observations behind the figure. */
  readonly n: number;
  readonly observed: number | undefined;
  /** 95 % interval; undefined where the figure is exact or the run cannot give one. */
  readonly interval?: Interval | undefined;
}

type ThresholdStatus = 'pass' | 'fail' | 'inconclusive';

export interface ThresholdResult {
  readonly metric: string;
  readonly where: Threshold['where'];
  readonly expr: string;
  readonly severity: Threshold['severity'];
  readonly judge: Threshold['judge'];
  readonly status: ThresholdStatus;
  readonly observed: number | null;
  /** An end that the run cannot bound is null. */
  readonly interval: readonly [number | null, number | null] | null;
  readonly limit: number;
  readonly unit: 'ms' | 'share' | 'perSecond' | 'count';
  readonly n: number;
  /** Why, in words. */
  readonly reason: string;
}

/**
 * Judges one threshold. No data is inconclusive, never a pass. With `judge: interval` a figure
 * that comes from a sample must keep the limit over its whole 95 % interval to pass, and break it
 * over the whole interval to fail. Figures that are exact for the run (min, max, counts, rates of
 * counters) and the operators == and != are judged as observed.
 *
 * A run whose generator is not to be believed (validity "invalid") passes nothing. A broken time
 * limit stays broken only if it is still broken after everything this client may have added is
 * taken off: a late client can only make times longer. A count that an interrupted run has not
 * reached is open.
 */
export function judgeThreshold(
  threshold: Threshold,
  evidence: Evidence,
  { complete, validity }: RunCondition,
): ThresholdResult {
  const judgement = discounted(threshold, evidence, validity);
  const { status, reason } = complete ? judgement : openCount(threshold, evidence, judgement);
  const { metric, where, expr, severity, judge } = threshold;
  const { interval, observed, n } = evidence;
  return {
    metric,
    where,
    expr,
    severity,
    judge,
    status,
    observed: observed ?? null,
    interval: interval === undefined ? null : [finite(interval.low), finite(interval.high)],
    limit: threshold.expression.limit,
    unit: unitOf(threshold),
    n,
    reason,
  };
}

export interface RunCondition {
  readonly validity: Validity;
  /** The run ended by itself. */
  readonly complete: boolean;
}

interface Judgement {
  readonly status: ThresholdStatus;
  readonly reason: string;
}

function discounted(threshold: Threshold, evidence: Evidence, validity: Validity): Judgement {
  const judgement = judgeEvidence(threshold, evidence);
  if (validity.verdict !== 'invalid' || judgement.status === 'inconclusive') return judgement;
  if (judgement.status === 'pass') {
    return { status: 'inconclusive', reason: 'the generator was not able to apply this load' };
  }
  if (unitOf(threshold) !== 'ms') return judgement;
  const { aggregate } = threshold.expression;
  const taken = clientErrorMs(validity, {
    fromIntended: threshold.where.from !== 'send',
    quantile: aggregate.kind === 'quantile' ? aggregate.q : 1,
  });
  const again = judgeEvidence(threshold, {
    ...evidence,
    observed: evidence.observed === undefined ? undefined : evidence.observed - taken,
    interval: evidence.interval && {
      low: evidence.interval.low - taken,
      high: evidence.interval.high - taken,
    },
  });
  if (again.status === 'fail') return judgement;
  return { status: 'inconclusive', reason: 'broken, but by no more than this client was late' };
}

function openCount(threshold: Threshold, { observed }: Evidence, judgement: Judgement): Judgement {
  const { aggregate, limit } = threshold.expression;
  const isOpen = aggregate.kind === 'count' && observed !== undefined && observed < limit;
  if (judgement.status !== 'fail' || !isOpen) return judgement;
  return { status: 'inconclusive', reason: 'the run ended before it could be reached' };
}

function judgeEvidence(threshold: Threshold, { n, observed, interval }: Evidence): Judgement {
  const { operator, limit } = threshold.expression;
  if (n === 0 || observed === undefined || Number.isNaN(observed)) {
    return { status: 'inconclusive', reason: 'no data' };
  }
  const exact = threshold.judge === 'observed' || isExact(threshold);
  if (exact) {
    return keeps(operator, observed, limit)
      ? { status: 'pass', reason: 'as observed' }
      : { status: 'fail', reason: 'as observed' };
  }
  if (interval === undefined) return { status: 'inconclusive', reason: `too few values (${n})` };
  return judgeInterval(operator, limit, interval, n);
}

function judgeInterval(
  operator: Operator,
  limit: number,
  { low, high }: Interval,
  n: number,
): Judgement {
  const lowKeeps = keeps(operator, low, limit);
  const highKeeps = keeps(operator, high, limit);
  if (lowKeeps && highKeeps) return { status: 'pass', reason: 'the whole interval keeps it' };
  if (!lowKeeps && !highKeeps) return { status: 'fail', reason: 'the whole interval breaks it' };
  const open = !Number.isFinite(high) || !Number.isFinite(low);
  const reason = open
    ? `its ${n.toLocaleString('en-US')} values are too few, or too uneven over the run, to bound it: run longer`
    : 'the interval straddles the limit: run longer';
  return { status: 'inconclusive', reason };
}

function isExact({ metric, expression }: Threshold): boolean {
  const { operator, aggregate, limit } = expression;
  if (operator === '==' || operator === '!=') return true;
  const { kind } = metricFacts(metric);
  if (kind === 'counter' || kind === 'ratio') return true;
  if (kind === 'share') {
    // "never" and "always" are statements about this run: no sample could prove them in general.
    return aggregate.kind === 'count' || limit === 0 || limit === 1;
  }
  return aggregate.kind === 'min' || aggregate.kind === 'max' || aggregate.kind === 'count';
}

/** What a threshold's figure is counted in. */
export function unitOf({ metric, expression }: Threshold): ThresholdResult['unit'] {
  if (expression.aggregate.kind === 'count') return 'count';
  const { kind } = metricFacts(metric);
  if (kind === 'time') return 'ms';
  if (kind === 'share') return 'share';
  return kind === 'counter' ? 'perSecond' : 'count';
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
