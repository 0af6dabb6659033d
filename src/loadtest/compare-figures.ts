import { METRIC_NAMES, metricFacts, parseAggregateOf } from '../config/threshold.ts';
import type { Aggregate, MetricName } from '../config/threshold.ts';
import { nearest } from '../config/nearest.ts';
import { parseShare } from '../core/units.ts';

/** One number of a run that is compared: `ttft p95`. */
export interface Figure {
  readonly metric: MetricName;
  readonly aggregate: Aggregate;
  /** As written, for people and JSON. */
  readonly name: string;
  /** `ratio`: compared by its logarithm. `points`: shares, compared as they are. */
  readonly scale: 'ratio' | 'points';
  readonly better: 'lower' | 'higher';
}

/** A regression that fails a comparison: `ttft p95 10%`. */
export interface RegressionLimit {
  readonly figure: Figure;
  /** Worse by more than this: a share of the baseline, or percentage points of a share. */
  readonly limit: number;
  readonly text: string;
}

/** Always compared, where a run has them. */
export const USUAL_FIGURES: readonly Figure[] = [
  'ttft p50',
  'ttft p95',
  'itl p95',
  'e2e p95',
  'turn p50',
  'turn p95',
  'session p95',
  'error_rate rate',
  'rate_limited rate',
  'calls rate',
  'output_tokens rate',
].map((name) => figureOf(name) as Figure);

/**
 * A limit on a regression, in the words of thresholds:
 *
 *   regression = metric aggregate limit          ("ttft p95 10%", "error_rate rate 1%")
 *   aggregate  = "avg" | "med" | percentile      (times)
 *              | "rate"                          (shares and counters)
 *   limit      = share                           of the baseline; percentage points where the
 *                                                metric is a share itself
 */
export function parseRegressionLimit(text: string): RegressionLimit | { readonly problem: string } {
  const words = text.trim().split(/\s+/);
  if (words.length !== 3) {
    return { problem: `expected "metric aggregate limit" such as "ttft p95 10%", got "${text}"` };
  }
  const figure = figureOf(words.slice(0, 2).join(' '));
  if ('problem' in figure) return figure;
  const limit = parseShare(words[2]!);
  if (limit === undefined) return { problem: `expected a share such as 10%, got "${words[2]!}"` };
  return { figure, limit, text: words.join(' ') };
}

function figureOf(name: string): Figure | { readonly problem: string } {
  const [word = '', value = ''] = name.split(' ');
  const metric = METRIC_NAMES.find((each) => each === word);
  if (metric === undefined) {
    const close = nearest(word, METRIC_NAMES);
    const meant = close === undefined ? '' : `, did you mean ${close}?`;
    return { problem: `unknown metric "${word}"${meant}` };
  }
  const aggregate = parseAggregateOf(metric, value);
  if ('problem' in aggregate) return aggregate;
  const { kind } = metricFacts(metric);
  if (kind === 'ratio' || !['quantile', 'avg', 'rate'].includes(aggregate.kind)) {
    return {
      problem: `${metric} ${value} has no interval to compare by: use avg, med or a percentile of a time, or the rate of a share or counter`,
    };
  }
  return {
    metric,
    aggregate,
    name,
    scale: kind === 'share' ? 'points' : 'ratio',
    better:
      kind === 'counter' && metric !== 'attempts' && metric !== 'retries' ? 'higher' : 'lower',
  };
}
