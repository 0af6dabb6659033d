import type { Estimate } from '../capacity/demand.ts';
import type { RunForecast } from '../capacity/rejections-run.ts';
import { formatCount, formatDuration, formatShare, round } from '../core/units.ts';
import { paint, plain, table } from './text.ts';
import type { TextStyle } from './text.ts';

/** What a run showed, by the same definitions as its forecast. */
export interface MeasuredRun {
  readonly calls: number;
  /** Null when no call counts. */
  readonly firstAttempt: number | null;
  readonly rejected: number | null;
  readonly failed: number | null;
}

export interface Prediction {
  readonly schema: 'agent-infra/plan-predict';
  readonly schemaVersion: '1.0';
  readonly tool: string;
  readonly plan: string;
  readonly scale: number;
  readonly durationMs: number;
  readonly warmUpMs: number;
  /** Sessions that the load test has to start per second. */
  readonly sessionsPerSecond: number;
  readonly forecast: RunForecast;
  readonly measured: MeasuredRun | null;
  /** Whether every measured share lies in its interval; null when nothing was measured. */
  readonly agrees: boolean | null;
}

const ROWS = ['firstAttempt', 'rejected', 'failed'] as const;

const NAMES = {
  firstAttempt: 'calls whose first attempt gets a 429',
  rejected: 'attempts that get a 429',
  failed: 'calls that fail after all retries',
} as const satisfies Record<(typeof ROWS)[number], string>;

/** Whether a run lies where 95 % of runs were forecast to lie, in every share. No data is no. */
export function liesWithin(forecast: RunForecast, measured: MeasuredRun): boolean {
  return ROWS.every((row) => isWithin(forecast[row], measured[row]));
}

/** A forecast of one load test, and what it showed when it has been run. */
export function predictionText(prediction: Prediction, style: TextStyle): string {
  const { forecast, measured } = prediction;
  const number = (value: Estimate): string =>
    `${formatCount(value.value)} (${formatCount(value.low)} to ${formatCount(value.high)})`;
  const rows = [
    ['calls', number(forecast.calls), measured === null ? '' : formatCount(measured.calls), ''],
    ...ROWS.map((row) => [
      NAMES[row],
      interval(forecast[row]),
      measured === null ? '' : share(measured[row]),
      measured === null ? '' : mark(isWithin(forecast[row], measured[row]), style),
    ]),
  ];
  const { durationMs, scale, sessionsPerSecond, warmUpMs } = prediction;
  const head = ['', 'predicted, 95 % of runs', measured === null ? '' : 'measured', ''];
  const align = ['left', 'right', 'right', 'left'] as const;
  return [
    paint(
      `${plain(prediction.plan, 80)} at ${scale}x: ${plain(forecast.provider)} ${plain(forecast.model)}`,
      'bold',
      style,
    ),
    `  a run of ${formatDuration(durationMs)} from its start, the first ${formatDuration(warmUpMs)} not counted, ${round(sessionsPerSecond, 3)} sessions/s`,
    table(rows, { head, align, ...style }),
    paint(`  from ${forecast.runs} simulated runs`, 'dim', style),
    '',
  ].join('\n');
}

function interval({ high, low, value }: Estimate): string {
  const text = (part: number): string => formatShare(round(part, 4));
  return `${text(value)} (${text(low)} to ${text(high)})`;
}

function share(value: number | null): string {
  return value === null ? '?' : formatShare(round(value, 4));
}

function isWithin({ high, low }: Estimate, value: number | null): boolean {
  return value !== null && value >= low && value <= high;
}

function mark(agrees: boolean, style: TextStyle): string {
  return agrees ? paint('agrees', 'green', style) : paint('differs', 'red', style);
}
