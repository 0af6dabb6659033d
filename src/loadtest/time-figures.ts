import { metricFacts, METRIC_NAMES } from '../config/threshold.ts';
import type { MetricName } from '../config/threshold.ts';
import type { Interval } from '../core/statistics.ts';
import { round } from '../core/units.ts';
import type { ObservedTimes } from './observed-times.ts';
import type { LoadSummary, MetricFigures, TimeFigures } from './summary.ts';
import type { RunView } from './view.ts';

/** Every time metric of a view, with its definition. */
export function metricsOf(view: RunView): LoadSummary['metrics'] {
  const figures: Partial<Record<MetricName, MetricFigures>> = {};
  for (const metric of METRIC_NAMES) {
    const { kind, definition, twoStarts } = metricFacts(metric);
    if (kind !== 'time') continue;
    figures[metric] = {
      definition,
      unit: 'ms',
      ...(twoStarts === false
        ? { value: timeFigures(view.times(metric)) }
        : {
            fromIntended: timeFigures(view.times(metric, 'intended')),
            fromSend: timeFigures(view.times(metric, 'send')),
          }),
    };
  }
  return figures;
}

/** The figures of one series; null without data, never zeros. */
function timeFigures(times: ObservedTimes): TimeFigures | null {
  const { maxMs, meanMs, minMs, n } = times;
  if (maxMs === undefined || meanMs === undefined || minMs === undefined) return null;
  const quantile = (q: number): number => round(times.quantileMs(q)!, 3);
  const mean = times.meanInterval();
  return {
    n,
    mean: round(meanMs, 3),
    min: round(minMs, 3),
    p50: quantile(0.5),
    p90: quantile(0.9),
    p95: quantile(0.95),
    p99: quantile(0.99),
    max: round(maxMs, 3),
    ci95: {
      mean: mean === undefined ? null : [round(mean.low, 3), round(mean.high, 3)],
      p50: pair(times.quantileInterval(0.5)),
      p95: pair(times.quantileInterval(0.95)),
      p99: pair(times.quantileInterval(0.99)),
    },
    histogram: times.encode(),
  };
}

function pair(interval: Interval | undefined): readonly [number, number | null] | null {
  if (interval === undefined) return null;
  return [round(interval.low, 3), Number.isFinite(interval.high) ? round(interval.high, 3) : null];
}
