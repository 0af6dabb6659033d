import {
  parseCount,
  parseDurationMs,
  parseRatePerSecond,
  parseShare,
  round,
} from '../core/units.ts';

/**
 * Thresholds of a scenario: which metric, which value of it, which limit.
 *
 *   expression = aggregate operator limit
 *   aggregate  = "avg" | "min" | "med" | "max" | percentile      (times)
 *              | "rate"                                          (shares and counters)
 *              | "count"                                         (every metric: how many values)
 *              | "value"                                         (ratios)
 *   percentile = "p" number | "p(" number ")"                    (0 < number < 100)
 *   operator   = "<" | "<=" | ">" | ">=" | "==" | "!="
 *   limit      = duration     for times           ("1.5s")
 *              | share        for shares          ("1%" or 0.01)
 *              | rate         for counters' rate  ("10/s")
 *              | count        for count and value ("200", "2k", "1.2")
 *
 * The unit is part of the limit: a bare number where the unit would be a guess is refused.
 */

/** `time` in ms, `share` in 0..1, `counter` counts events over the run, `ratio` is one number. */
type MetricKind = 'time' | 'share' | 'counter' | 'ratio';

interface MetricFacts {
  readonly kind: MetricKind;
  /** The definition published beside the number. "start" is the intended start or the send. */
  readonly definition: string;
  /** False for times that do not depend on the start (gaps inside a stream). */
  readonly twoStarts?: boolean;
}

const METRICS = {
  ttfb: { kind: 'time', definition: 'first byte of the response body − start' },
  ttf_role: { kind: 'time', definition: 'first event with a role − start' },
  ttft: {
    kind: 'time',
    definition: 'first non-empty content, reasoning, tool-call or refusal delta − start',
  },
  ttft_visible: { kind: 'time', definition: 'first non-empty answer text − start' },
  ttf_tool: { kind: 'time', definition: 'first tool-call delta − start' },
  e2e: { kind: 'time', definition: 'terminal event of the stream − start' },
  itl: {
    kind: 'time',
    twoStarts: false,
    definition: '(last token − first token) / (output tokens − 1), one value per call',
  },
  tpot: {
    kind: 'time',
    twoStarts: false,
    definition: '(e2e − ttft) / (output tokens − 1), one value per call',
  },
  icl: {
    kind: 'time',
    twoStarts: false,
    definition: 'gap between consecutive reads that carry tokens, all calls pooled (±1 %)',
  },
  stall: { kind: 'time', twoStarts: false, definition: 'largest such gap of each call' },
  turn: { kind: 'time', definition: 'last step of the turn done − start of the turn' },
  session: { kind: 'time', definition: 'last turn done − start of the session' },
  send_lag: {
    kind: 'time',
    twoStarts: false,
    definition: 'send − intended start of first attempts: the delay that this client adds',
  },
  error_rate: {
    kind: 'share',
    definition: 'calls without a complete answer / calls intended (dropped and skipped included)',
  },
  session_error_rate: {
    kind: 'share',
    definition: 'sessions not completed / sessions intended (dropped included)',
  },
  dropped: { kind: 'share', definition: 'sessions dropped by this client / sessions intended' },
  rate_limited: { kind: 'share', definition: 'attempts answered 429 / attempts' },
  truncated: {
    kind: 'share',
    definition: 'attempts whose stream ended without its terminal event / attempts',
  },
  calls: { kind: 'counter', definition: 'LLM calls with a complete answer' },
  turns: { kind: 'counter', definition: 'turns completed' },
  sessions: { kind: 'counter', definition: 'sessions completed' },
  attempts: { kind: 'counter', definition: 'HTTP requests sent' },
  retries: { kind: 'counter', definition: 'attempts after the first of their call' },
  output_tokens: { kind: 'counter', definition: 'output tokens reported by the target' },
  amplification: { kind: 'ratio', definition: 'attempts / calls started' },
} as const satisfies Record<string, MetricFacts>;

export type MetricName = keyof typeof METRICS;

export const METRIC_NAMES = Object.keys(METRICS) as [MetricName, ...MetricName[]];

export function metricFacts(metric: MetricName): MetricFacts {
  return METRICS[metric];
}

export type Aggregate =
  | { readonly kind: 'avg' | 'min' | 'max' | 'rate' | 'count' | 'value' }
  | { readonly kind: 'quantile'; /** In (0, 1). */ readonly q: number };

export const OPERATORS = ['<=', '>=', '==', '!=', '<', '>'] as const;
export type Operator = (typeof OPERATORS)[number];

export interface ThresholdExpression {
  readonly aggregate: Aggregate;
  readonly operator: Operator;
  /** In the unit of the aggregate: ms, share, per second, or a plain number. */
  readonly limit: number;
}

/** The expression, or what is wrong with it. */
export function parseThreshold(
  metric: MetricName,
  text: string,
): ThresholdExpression | { readonly problem: string } {
  const match = /^\s*([a-z]+(?:\(?[\d.]+\)?)?)\s*(<=|>=|==|!=|<|>)\s*(.+?)\s*$/.exec(text);
  if (match === null) {
    return { problem: `expected "aggregate operator limit" such as "p95 < 1.5s", got "${text}"` };
  }
  const aggregate = parseAggregateOf(metric, match[1]!);
  if ('problem' in aggregate) return aggregate;
  const { parse, expected } = limitOf(metricFacts(metric).kind, aggregate);
  const limit = parse(match[3]!);
  if (limit === undefined) return { problem: `expected ${expected}, got "${match[3]!}"` };
  return { aggregate, operator: match[2] as Operator, limit };
}

/** Which value of a metric (`p95`, `rate`), or what is wrong with it. */
export function parseAggregateOf(
  metric: MetricName,
  text: string,
): Aggregate | { readonly problem: string } {
  const { kind } = metricFacts(metric);
  const aggregate = parseAggregate(text);
  if (aggregate !== undefined && AGGREGATES[kind].includes(aggregate.kind)) return aggregate;
  return { problem: `${metric} offers ${ADVICE[kind]}, got "${text}"` };
}

const AGGREGATES: Readonly<Record<MetricKind, readonly Aggregate['kind'][]>> = {
  time: ['avg', 'min', 'max', 'quantile', 'count'],
  share: ['rate', 'count'],
  counter: ['count', 'rate'],
  ratio: ['value'],
};

const ADVICE: Readonly<Record<MetricKind, string>> = {
  time: 'avg, min, med, max, p95 (any percentile) or count',
  share: 'rate (a share such as 1%) or count',
  counter: 'count or rate (such as 10/s)',
  ratio: 'value',
};

function parseAggregate(text: string): Aggregate | undefined {
  if (text === 'med') return { kind: 'quantile', q: 0.5 };
  const percentile = /^p(?:(\d+(?:\.\d+)?)|\((\d+(?:\.\d+)?)\))$/.exec(text);
  if (percentile !== null) {
    const q = round(Number(percentile[1] ?? percentile[2]) / 100, 12);
    return q > 0 && q < 1 ? { kind: 'quantile', q } : undefined;
  }
  switch (text) {
    case 'avg':
    case 'min':
    case 'max':
    case 'rate':
    case 'count':
    case 'value':
      return { kind: text };
    default:
      return undefined;
  }
}

function limitOf(
  kind: MetricKind,
  aggregate: Aggregate,
): { parse: (text: string) => number | undefined; expected: string } {
  if (aggregate.kind === 'count' || kind === 'ratio') {
    return { parse: parseCount, expected: 'a plain number such as 200 or 2k' };
  }
  if (kind === 'time') {
    return { parse: parseDurationMs, expected: 'a duration with its unit such as 250ms or 1.5s' };
  }
  if (kind === 'share') return { parse: parseShare, expected: 'a share such as 1% or 0.01' };
  return { parse: parseRatePerSecond, expected: 'a rate with its unit such as 10/s or 600/min' };
}

/** Whether a value keeps the limit. */
export function keeps(operator: Operator, value: number, limit: number): boolean {
  switch (operator) {
    case '<':
      return value < limit;
    case '<=':
      return value <= limit;
    case '>':
      return value > limit;
    case '>=':
      return value >= limit;
    case '==':
      return value === limit;
    case '!=':
      return value !== limit;
  }
}
