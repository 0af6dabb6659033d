import { formatCount, formatDuration, round } from '../core/units.ts';
import type { ThresholdResult } from '../loadtest/judge.ts';
import { observedText, thresholdName } from '../loadtest/threshold-text.ts';
import type { LoadSummary, MetricFigures, TimeFigures } from '../loadtest/summary.ts';
import { failureWords } from './failure-words.ts';
import { headline, VERDICT_PAINT } from './loadtest-headline.ts';
import { MAIN_METRICS, METRIC_LABELS } from './metric-labels.ts';
import { downsampleMax, heading, paint, plain, sparkline, table } from './text.ts';
import type { Paint, TextStyle } from './text.ts';

/** Columns of the sparklines. */
const SPARK_WIDTH = 60;

/** The report of a load test for a terminal or report.txt. Ends with a line feed. */
export function renderLoadText(summary: LoadSummary, style: TextStyle): string {
  const parts = [
    headline(summary, style),
    counts(summary, style),
    latencies(summary, style),
    overTime(summary, style),
    thresholds(summary, style),
    errors(summary, style),
    validity(summary, style),
    definitions(summary, style),
  ];
  return `${parts.filter((part) => part !== '').join('\n')}\n`;
}

function counts({ counters, rates }: LoadSummary, style: TextStyle): string {
  const { attempts, backoffMs, calls, sessions, tokens, turns } = counters;
  const whole = (value: number | null): string => (value === null ? 'unknown' : formatCount(value));
  const rows = [
    [
      'sessions',
      sessions.intended,
      sessions.started,
      sessions.completed,
      sessions.failed,
      sessions.cut,
      `dropped ${formatCount(sessions.dropped)}`,
    ],
    ['turns', turns.intended, '', turns.completed, turns.failed, turns.cut, ''],
    [
      'LLM calls',
      calls.intended,
      calls.started,
      calls.completed,
      calls.failed,
      calls.cut,
      `truncated ${formatCount(calls.truncated)}, not started ${formatCount(calls.notStarted)}`,
    ],
    [
      'attempts',
      '',
      attempts.sent,
      attempts.ok,
      attempts.failed,
      attempts.cut,
      `429 ${formatCount(attempts.rateLimited)}, retries ${formatCount(attempts.retries)}`,
    ],
  ].map((row) => row.map((cell) => (typeof cell === 'number' ? formatCount(cell) : cell)));
  const perSecond = (value: number | null): string =>
    value === null ? 'unknown' : `${formatCount(value)}/s`;
  return [
    heading('Counts', style),
    table(rows, {
      head: ['', 'intended', 'started', 'completed', 'failed', 'cut', ''],
      align: ['left', 'right', 'right', 'right', 'right', 'right', 'left'],
      colour: style.colour,
    }),
    `  tokens reported: ${whole(tokens.input)} in (${whole(tokens.cacheRead)} from cache), ${whole(tokens.output)} out (${whole(tokens.reasoning)} reasoning)`,
    `  rates: ${perSecond(rates.sessionsStarted)} sessions, ${perSecond(rates.callsCompleted)} calls, ${perSecond(rates.outputTokens)} output tokens` +
      (backoffMs > 0 ? `; ${formatDuration(backoffMs)} spent waiting between attempts` : ''),
    ...(calls.warmUp > 0
      ? [`  ${formatCount(calls.warmUp)} calls of the warm-up are counted and not timed`]
      : []),
  ].join('\n');
}

function latencies({ metrics }: LoadSummary, style: TextStyle): string {
  const rows = MAIN_METRICS.flatMap((metric) => metricRows(METRIC_LABELS[metric], metrics[metric]));
  if (rows.length === 0) return `${heading('Latency', style)}\n  no call was completed`;
  return [
    heading('Latency', style),
    table(rows, {
      head: ['', 'counted from', 'n', 'mean', 'p50', 'p95', '95% interval', 'p99', 'max'],
      align: ['left', 'left'],
      colour: style.colour,
    }),
  ].join('\n');
}

function metricRows(label: string, figures: MetricFigures | undefined): string[][] {
  const rows: string[][] = [];
  const add = (from: string, times: TimeFigures | null | undefined): void => {
    if (times == null) return;
    const { ci95, max, mean, n, p50, p95, p99 } = times;
    rows.push([
      rows.length === 0 ? label : '',
      from,
      formatCount(n),
      ...[mean, p50, p95].map(formatDuration),
      intervalText(ci95.p95),
      ...[p99, max].map(formatDuration),
    ]);
  };
  add('intended start', figures?.fromIntended);
  add('send', figures?.fromSend);
  add('', figures?.value);
  return rows;
}

function intervalText(interval: readonly [number | null, number | null] | null): string {
  if (interval === null) return 'too few';
  const [low, high] = interval;
  if (low === null) return 'unbounded';
  return high === null
    ? `≥ ${formatDuration(low)}`
    : `${formatDuration(low)} – ${formatDuration(high)}`;
}

function overTime({ timeline }: LoadSummary, style: TextStyle): string {
  const { arrived, bucketMs, completed, failed, ttftMs } = timeline;
  if (completed.length < 3) return '';
  const line = (label: string, values: readonly (number | null)[], unit: string): string => {
    const shown =
      values.length > SPARK_WIDTH
        ? downsampleMax(
            values.map((value) => value ?? 0),
            SPARK_WIDTH,
          )
        : values;
    const peak = Math.max(0, ...values.map((value) => value ?? 0));
    return `  ${label.padEnd(12)} ${sparkline(shown)}  peak ${unit === 'ms' ? formatDuration(peak) : `${formatCount((peak * 1000) / bucketMs)}/s`}`;
  };
  return [
    heading(`Over time (${formatDuration(bucketMs)} per step)`, style),
    line('sessions', arrived, '/s'),
    line('calls done', completed, '/s'),
    ...(failed.some((count) => count > 0) ? [line('failed', failed, '/s')] : []),
    ...(ttftMs.some((value) => value !== null) ? [line('mean TTFT', ttftMs, 'ms')] : []),
  ].join('\n');
}

const STATUS_MARK = { pass: '✓', fail: '✗', inconclusive: '?' } as const;

function thresholds({ thresholds: results }: LoadSummary, style: TextStyle): string {
  if (results.length === 0) {
    return `${heading('Thresholds', style)}\n  none: this run measures and does not judge`;
  }
  const rows = results.map((result) => {
    const mark = paint(STATUS_MARK[result.status], VERDICT_PAINT[result.status] as Paint, style);
    return [
      `${mark} ${plain(thresholdName(result), 80)}`,
      result.expr,
      observedText(result.observed, result.unit),
      result.interval === null || result.judge === 'observed' ? '' : rangeText(result),
      `${result.status}: ${result.reason}${result.severity === 'warn' ? ' (warning only)' : ''}`,
    ];
  });
  return [
    heading('Thresholds', style),
    table(rows, {
      head: ['', 'limit', 'observed', '95% interval', ''],
      align: ['left', 'left', 'right', 'right', 'left'],
      colour: style.colour,
    }),
  ].join('\n');
}

function rangeText({ interval, unit }: ThresholdResult): string {
  const [low, high] = interval!;
  if (low === null) return 'unbounded';
  return high === null
    ? `≥ ${observedText(low, unit)}`
    : `${observedText(low, unit)} – ${observedText(high, unit)}`;
}

function errors({ errors: list }: LoadSummary, style: TextStyle): string {
  if (list.length === 0) return '';
  const rows = list
    .slice(0, 10)
    .map(({ count, error }) => [plain(error), formatCount(count), failureWords(error)]);
  if (list.length > 10) rows.push([`${list.length - 10} more kinds`, '', '']);
  const shown = table(rows, { align: ['left', 'right', 'left'], colour: style.colour });
  return [heading('Failed attempts', style), shown].join('\n');
}

const VALIDITY_PAINT = { valid: 'green', degraded: 'yellow', invalid: 'red' } as const;

function validity({ validity: checked }: LoadSummary, style: TextStyle): string {
  const { loopDelayMs, reasons, runDelayMsPerS, sendLagMs, toleranceMs, verdict } = checked;
  const unknown = 'not measured';
  return [
    heading('Is the generator to be believed?', style),
    `  ${paint(verdict, VALIDITY_PAINT[verdict], style)} (it may add ${formatDuration(toleranceMs)} to a latency)`,
    ...reasons.map((reason) => `  - ${reason}`),
    `  send lag p99 ${sendLagMs === null ? unknown : formatDuration(sendLagMs.p99)}, event loop delay p99 ${loopDelayMs === null ? unknown : formatDuration(loopDelayMs.p99)}, waited for a CPU ${runDelayMsPerS === null ? unknown : `${round(runDelayMsPerS, 0)} ms per s`}`,
  ].join('\n');
}

function definitions({ metrics }: LoadSummary, style: TextStyle): string {
  const rows = Object.entries(metrics).flatMap(([metric, figures]) =>
    (figures.fromSend ?? figures.value) == null ? [] : [[metric, figures.definition]],
  );
  if (rows.length === 0) return '';
  return [
    heading('Definitions', style),
    table(rows, { align: ['left', 'left'], colour: style.colour }),
    '  start: the intended start (with every delay of this client, retries and their waits) or the send of the last try',
    '  intervals: 95 %, by batch means in send order; percentiles: HDR histogram, within 0.1 %',
  ].join('\n');
}
