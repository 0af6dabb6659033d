import { wilsonInterval } from '../core/statistics.ts';
import type { Summary } from './summary.ts';
import type { WorkloadProfile } from './workload-profile.ts';

export type MetricUnit = 'tokens' | 'count' | 'ms' | 'share' | 'perMinute' | 'ratio';

/** One figure of two profiles. */
export interface MetricDifference {
  readonly metric: string;
  readonly unit: MetricUnit;
  readonly before: number | null;
  readonly after: number | null;
  /** 95 % intervals; null for a figure of the whole trace and with not enough data, an unbounded end is null. */
  readonly beforeInterval: readonly [number, number | null] | null;
  readonly afterInterval: readonly [number, number | null] | null;
  /** after / before - 1; null when either is unknown or before is 0. */
  readonly change: number | null;
  /**
   * higher, lower: the 95 % intervals do not meet. unclear: they do, or cannot be bounded.
   * single: a figure of the whole trace without an interval. unknown: one side does not have it.
   */
  readonly verdict: 'higher' | 'lower' | 'unclear' | 'single' | 'unknown';
}

interface Metric {
  readonly metric: string;
  readonly unit: MetricUnit;
  readonly of: (profile: WorkloadProfile) => Estimate | null;
}

interface Estimate {
  readonly value: number;
  /** Undefined: a figure of the whole trace. Null: not enough data. */
  readonly interval?: readonly [number, number | null] | null;
}

/** The figures a plan depends on, in the order of the report. */
const METRICS: readonly Metric[] = [
  ...summaryMetrics('input', 'tokens', ({ tokens }) => tokens.input),
  ...summaryMetrics('output', 'tokens', ({ tokens }) => tokens.output),
  ...summaryMetrics('call time', 'ms', ({ latency }) => latency.e2eMs),
  ...summaryMetrics('time to first token', 'ms', ({ latency }) => latency.ttftMs),
  ...summaryMetrics('LLM calls per turn', 'count', ({ turns }) => turns.llmCallsPerTurn),
  ...summaryMetrics('tool calls per turn', 'count', ({ turns }) => turns.toolCallsPerTurn),
  ...summaryMetrics('turn time', 'ms', ({ turns }) => turns.durationMs),
  ...summaryMetrics('turns per session', 'count', ({ sessions }) => sessions.turnsPerSession),
  single('LLM calls per minute', 'perMinute', ({ arrivals }) => arrivals?.rpm.mean),
  single('peak calls per minute', 'perMinute', ({ arrivals }) => arrivals?.rpm.peakSliding),
  single('peak tokens per minute', 'perMinute', ({ arrivals }) => arrivals?.tpm.allIn.peakSliding),
  single('CV of gaps', 'ratio', ({ arrivals }) => arrivals?.iatCv),
  single('cache hit rate', 'share', ({ cache }) => cache.realisedHitRate),
  single('possible cache hit rate', 'share', ({ cache }) => cache.potentialHitRate),
  single(
    'possible hits from other sessions',
    'share',
    ({ cache }) => cache.prefix?.bySession?.others,
  ),
  single('input bill, 5 min cache', 'share', ({ cache }) => cache.lifetimes?.all.bill?.m5),
  single('input bill, 1 h cache', 'share', ({ cache }) => cache.lifetimes?.all.bill?.h1),
  { metric: 'failed calls', unit: 'share', of: failedShare },
];

/** Compares the figures two profiles share. Intervals that do not meet are a cautious test: they miss small changes. */
export function diffProfiles(before: WorkloadProfile, after: WorkloadProfile): MetricDifference[] {
  return METRICS.map(({ metric, unit, of }) => {
    const [a, b] = [of(before), of(after)];
    return {
      metric,
      unit,
      before: a?.value ?? null,
      after: b?.value ?? null,
      beforeInterval: a?.interval ?? null,
      afterInterval: b?.interval ?? null,
      change: a === null || b === null || a.value === 0 ? null : b.value / a.value - 1,
      verdict: verdict(a, b),
    };
  });
}

function failedShare({ calls: { count, errors } }: WorkloadProfile): Estimate | null {
  if (count === 0) return null;
  const { low, high } = wilsonInterval(errors, count);
  return { value: errors / count, interval: [low, high] };
}

function verdict(a: Estimate | null, b: Estimate | null): MetricDifference['verdict'] {
  if (a === null || b === null) return 'unknown';
  if (a.interval === undefined || b.interval === undefined) return 'single';
  if (a.interval === null || b.interval === null) return 'unclear';
  const [lowA, highA] = a.interval;
  const [lowB, highB] = b.interval;
  if (highA !== null && lowB > highA) return 'higher';
  if (highB !== null && highB < lowA) return 'lower';
  return 'unclear';
}

function summaryMetrics(
  name: string,
  unit: MetricUnit,
  of: (profile: WorkloadProfile) => Summary | null,
): Metric[] {
  return (['mean', 'p95'] as const).map((figure) => ({
    metric: `${name}, ${figure}`,
    unit,
    of: (profile) => {
      const summary = of(profile);
      return summary === null ? null : { value: summary[figure], interval: summary.ci95[figure] };
    },
  }));
}

function single(
  metric: string,
  unit: MetricUnit,
  of: (profile: WorkloadProfile) => number | null | undefined,
): Metric {
  return {
    metric,
    unit,
    of: (profile) => {
      const value = of(profile);
      return value == null ? null : { value };
    },
  };
}
