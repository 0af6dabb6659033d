import type { Threshold } from '../config/scenario.ts';
import { metricFacts } from '../config/threshold.ts';
import type { MetricName } from '../config/threshold.ts';
import { round } from '../core/units.ts';

/** Metrics that the generated script measures. k6 sees no tokens, so the rest cannot be judged there. */
const K6_TIMES: readonly MetricName[] = ['ttfb', 'ttft', 'e2e', 'turn', 'session'];
const NOT_IN_K6: readonly MetricName[] = ['amplification'];

/**
 * A scenario's thresholds in k6's own language, so that the script fails by itself. k6 judges the
 * figure alone; our report judges its interval too. A metric without samples passes in k6
 * (k6#4283), hence the count of completed calls.
 */
export function k6Thresholds(
  thresholds: readonly Threshold[],
): Readonly<Record<string, readonly string[]>> {
  const result: Record<string, string[]> = { agent_calls: ['count>0'] };
  for (const threshold of thresholds) {
    const expression = k6Expression(threshold);
    if (expression === undefined) continue;
    const list = (result[expression.metric] ??= []);
    if (!list.includes(expression.text)) list.push(expression.text);
  }
  return result;
}

/** Thresholds that k6 cannot check; our own report still does where it has the data. */
export function notInK6(thresholds: readonly Threshold[]): readonly Threshold[] {
  return thresholds.filter(
    (threshold) => threshold.severity === 'error' && k6Expression(threshold) === undefined,
  );
}

function k6Expression(threshold: Threshold): { metric: string; text: string } | undefined {
  const { expression, metric, severity, where } = threshold;
  const { aggregate, limit, operator } = expression;
  const { kind } = metricFacts(metric);
  const isTime = kind === 'time';
  if (severity === 'warn' || NOT_IN_K6.includes(metric)) return undefined;
  if (isTime && (!K6_TIMES.includes(metric) || aggregate.kind === 'count')) return undefined;
  if (kind === 'share' && aggregate.kind === 'count') return undefined;
  // A threshold for a model or turn has its own denominators in the error rates.
  const tags = Object.entries({ model: where.model, turn: where.turn }).filter(
    ([, value]) => value !== undefined,
  );
  if (tags.length > 0 && (metric === 'error_rate' || metric === 'session')) return undefined;
  const start = isTime ? `_${where.from ?? 'intended'}` : '';
  const selector = tags.length === 0 ? '' : `{${tags.map((tag) => tag.join(':')).join(',')}}`;
  const what =
    aggregate.kind === 'quantile' ? `p(${round(aggregate.q * 100, 10)})` : aggregate.kind;
  return { metric: `agent_${metric}${start}${selector}`, text: `${what}${operator}${limit}` };
}
