import { formatCount, formatCounted, formatDuration, formatShare, round } from '../core/units.ts';
import type { Summary } from '../workload/summary.ts';
import type { WorkloadProfile } from '../workload/workload-profile.ts';
import { arrivalsSection, thinned } from './profile-arrivals.ts';
import { cacheSection } from './profile-cache.ts';
import { clientSection, repeatSection, usageSection } from './profile-clients.ts';
import { coverageSection } from './profile-coverage.ts';
import { statedLines } from './profile-stated.ts';
import { structureSection, timeSection } from './profile-structure.ts';
import { bar, barTable, fits, heading, notes, paint, plain, table, wrapSentences } from './text.ts';
import type { TextStyle } from './text.ts';

/** Tools named in the report; the rest is one line. */
const MOST_TOOLS = 12;
const BAR_WIDTH = 16;

/** The profile as a terminal report: warnings first, unknown parts left out or said to be unknown. */
export function profileText(
  profile: WorkloadProfile,
  style: TextStyle = { colour: false },
): string {
  const sections = [
    title(profile, style),
    warnings(profile, style),
    tokenSection(profile, style),
    latencySection(profile, style),
    usageSection(profile, style),
    arrivalsSection(profile, style),
    clientSection(profile, style),
    turnSection(profile, style),
    toolSection(profile, style),
    timeSection(profile, style),
    structureSection(profile, style),
    cacheSection(profile, style),
    repeatSection(profile, style),
    modelSection(profile, style),
    coverageSection(profile, style),
  ];
  return wrapSentences(`${sections.filter((section) => section !== '').join('\n')}\n`, style);
}

function title(profile: WorkloadProfile, style: TextStyle): string {
  const { window, calls, sessions, turns, usage } = profile;
  const counts = [
    sessions.count === null ? undefined : counted(sessions.count, 'session'),
    turns.count === null ? undefined : counted(turns.count, 'turn'),
    usage != null && calls.count === 0
      ? 'no single calls, only usage totals'
      : counted(calls.count, 'LLM call'),
    profile.arrivals === null
      ? undefined
      : `over ${formatDuration(window.durationSeconds * 1000)}${window.start === null ? '' : ` from ${window.start}`}`,
  ].filter((part) => part !== undefined);
  const attempts =
    calls.attempts > calls.count ? `${formatCount(calls.attempts)} attempts` : undefined;
  const errors =
    calls.errors === 0
      ? undefined
      : `${formatCount(calls.errors)} failed (${formatShare(calls.errors / calls.count)})`;
  const { format, page, date } = profile.source;
  const trouble = [attempts, errors].filter((part) => part !== undefined).join(', ');
  const name = paint(plain(profile.name, 80), 'bold', style);
  const about = [format, page, date]
    .filter((part) => part !== undefined)
    .map((part) => plain(part, 120))
    .join(', ');
  const beside = `${name}  ${paint(about, 'dim', style)}`;
  const first = fits(beside, style) ? beside : [name, ...notes([about], style)].join('\n');
  return `${first}\n${counts.join(' · ')}${trouble === '' ? '' : `; ${trouble}`}`;
}

function counted(count: number, noun: string): string {
  return `${count.toLocaleString('en-US')} ${noun}${count === 1 ? '' : 's'}`;
}

function warnings(profile: WorkloadProfile, style: TextStyle): string {
  return profile.warnings
    .map((warning) => paint(`! ${plain(warning, 500)}`, 'yellow', style))
    .join('\n');
}

const SUMMARY_HEAD = [
  '',
  'n',
  'mean',
  '95 %',
  'p50',
  'p90',
  'p95',
  'p99',
  'max',
  '95 % interval of p95',
];

/** Columns left out, one after another, until the table fits the terminal. */
const DISPENSABLE = ['p99', 'n', '95 %', 'p90', 'mean', 'max'];

/** As many columns as the terminal has room for. */
function summaryTable(rows: readonly (readonly string[])[], style: TextStyle): string {
  let left: readonly string[] = SUMMARY_HEAD;
  for (const name of ['', ...DISPENSABLE]) {
    left = left.filter((column) => column === '' || column !== name);
    const cells = (row: readonly string[]): string[] =>
      row.filter((_, index) => left.includes(SUMMARY_HEAD[index]!));
    const text = table(rows.map(cells), { head: cells(SUMMARY_HEAD), colour: style.colour });
    if (fits(text, style)) return text;
  }
  const cells = (row: readonly string[]): string[] =>
    row.filter((_, index) => left.includes(SUMMARY_HEAD[index]!));
  const { colour, columns } = style;
  return table(rows.map(cells), { head: cells(SUMMARY_HEAD), colour, columns });
}

/** One line of a summary table; unknown metrics give no line. */
function summaryRow(
  name: string,
  summary: Summary | null,
  format: (value: number) => string,
): string[][] {
  if (summary === null) return [];
  const { n, mean, p50, p90, p95, p99, max, ci95 } = summary;
  const interval =
    ci95.p95 === null
      ? 'too few'
      : ci95.p95[1] === null
        ? `${format(ci95.p95[0])} or more`
        : `${format(ci95.p95[0])} to ${format(ci95.p95[1])}`;
  const percentiles = [p50, p90, p95, p99, max].map(format);
  return [[name, formatCount(n), format(mean), halfWidth(summary), ...percentiles, interval]];
}

/** Half the 95 % interval of the mean, as a share of it. */
function halfWidth({ mean, ci95 }: Summary): string {
  if (ci95.mean === null || mean === 0) return '';
  const share = (ci95.mean[1] - ci95.mean[0]) / 2 / mean;
  return share > MOST_SHARE ? `>±${formatShare(MOST_SHARE)}` : `±${formatShare(round(share, 2))}`;
}

/** An interval wider than this says no more than that it is wide. */
const MOST_SHARE = 9.99;

function tokenSection(profile: WorkloadProfile, style: TextStyle): string {
  const { tokens, calls } = profile;
  const rows = [
    ...summaryRow('input', tokens.input, formatCount),
    ...(tokens.cacheRead === null && tokens.cacheWrite === null
      ? []
      : [
          ...summaryRow('  uncached', tokens.uncached, formatCount),
          ...summaryRow('  cache read', tokens.cacheRead, formatCount),
          ...summaryRow('  cache write', tokens.cacheWrite, formatCount),
        ]),
    ...summaryRow('output', tokens.output, formatCount),
    ...summaryRow('  reasoning', tokens.reasoning, formatCount),
  ];
  if (calls.count === 0) return '';
  if (rows.length === 0) {
    return `${heading('Tokens per LLM call', style)}\n  unknown: the source reports no token counts`;
  }
  const remarks = [
    ...(calls.tokensEstimated > 0 ? [`${formatShare(calls.tokensEstimated)} estimated`] : []),
    ...enoughLines(profile, ['input', 'output']),
  ];
  return [
    heading('Tokens per LLM call', style),
    summaryTable(rows, style),
    ...fitLines(tokens),
    ...statedLines(profile),
    ...notes(remarks, style),
  ].join('\n');
}

const FAMILIES = {
  exponential: 'exponential',
  gamma: 'a gamma distribution',
  weibull: 'a Weibull distribution',
  lognormal: 'log-normal',
} as const;

function fitLines({ inputFit, outputFit }: WorkloadProfile['tokens']): string[] {
  return (
    [
      ['input', inputFit],
      ['output', outputFit],
    ] as const
  ).flatMap(([name, fit]) => {
    if (fit == null) return [];
    const { family, fit: quality, ks, tail } = fit;
    const end =
      tail === null
        ? ''
        : `; its largest 5 % fall off with exponent ${round(tail.alpha, 1)}${tail.alpha < 2 ? ' (heavy: a longer trace brings larger ones)' : ''}`;
    return [
      `  ${name}: closest to ${FAMILIES[family]}, a ${quality} fit (KS ${round(ks, 3)})${thinned(fit)}${end}`,
    ];
  });
}

type Metric = NonNullable<WorkloadProfile['precision']>[number]['metric'];

/** How many more calls would settle the percentiles that are not. */
function enoughLines({ precision }: WorkloadProfile, metrics: readonly Metric[]): string[] {
  return (precision ?? []).flatMap(({ metric, moreCallsForP95: more }) =>
    !metrics.includes(metric) || more === null || more === 0
      ? []
      : [
          `p95 of ${METRIC_NAMES[metric]}: ${formatCounted(more, 'more call')} would bring it within ±10 %`,
        ],
  );
}

const METRIC_NAMES = {
  input: 'input',
  output: 'output',
  e2eMs: 'call time',
  ttftMs: 'time to first token',
} as const;

function latencySection(profile: WorkloadProfile, style: TextStyle): string {
  const { latency } = profile;
  const rows = [
    ...summaryRow('whole call', latency.e2eMs, formatDuration),
    ...summaryRow('first token (TTFT)', latency.ttftMs, formatDuration),
    ...summaryRow('per token after (ITL)', latency.itlMs, formatDuration),
  ];
  if (rows.length === 0) return '';
  return [
    heading('Latency', style),
    summaryTable(rows, style),
    ...notes(enoughLines(profile, ['e2eMs', 'ttftMs']), style),
  ].join('\n');
}

function turnSection(profile: WorkloadProfile, style: TextStyle): string {
  const { sessions, turns, concurrency } = profile;
  if (sessions.count === null) return '';
  const rows = [
    ...summaryRow('LLM calls per turn', turns.llmCallsPerTurn, formatCount),
    ...summaryRow('tool calls per turn', turns.toolCallsPerTurn, formatCount),
    ...summaryRow('LLM calls at once in a turn', concurrency.fanOut, formatCount),
    ...summaryRow('turn time', turns.durationMs, formatDuration),
    ...summaryRow('turns per session', sessions.turnsPerSession, formatCount),
    ...summaryRow('user wait between turns', sessions.thinkMs, formatDuration),
    ...summaryRow('session time', sessions.durationMs, formatDuration),
  ];
  return [
    heading('Turns and sessions', style),
    summaryTable(rows, style),
    ...stateLines(profile),
  ].join('\n');
}

function stateLines({ state }: WorkloadProfile): string[] {
  const { reads, writes, sizes } = state;
  if (reads + writes === 0) return [];
  const size = (what: string, summary: Summary | null): string | undefined =>
    summary === null
      ? undefined
      : `${what} ${formatCount(summary.p50)} (p95 ${formatCount(summary.p95)})`;
  const parts = [
    size('characters per read p50', sizes?.readSize ?? null),
    size('per write', sizes?.writeSize ?? null),
    size('written per session', sizes?.writtenPerSession ?? null),
    size('growth of what a session reads', sizes?.readGrowth ?? null),
    size('records per operation', sizes?.records ?? null),
  ].filter((part) => part !== undefined);
  return [
    `  state: ${formatCount(reads)} reads, ${formatCount(writes)} writes${parts.length === 0 ? '' : `; ${parts.join(', ')}`}`,
  ];
}

function toolSection({ tools }: WorkloadProfile, style: TextStyle): string {
  const all = Object.entries(tools);
  if (all.length === 0) return '';
  const most = Math.max(...all.map(([, { calls }]) => calls));
  const named = (width: number): string[][] =>
    all
      .slice(0, MOST_TOOLS)
      .map(([name, { calls, errors, durationMs }]) => [
        plain(name, 32),
        bar(calls, most, width),
        formatCount(calls),
        errors === 0 ? '' : formatShare(errors / calls),
        durationMs === null ? '?' : formatDuration(durationMs.p50),
        durationMs === null ? '?' : formatDuration(durationMs.p95),
      ]);
  const rest = all.slice(MOST_TOOLS);
  let others = 0;
  for (const [, { calls }] of rest) others += calls;
  const more =
    rest.length === 0 ? [] : [[`${rest.length} more`, '', formatCount(others), '', '', '']];
  const head = ['', '', 'calls', 'failed', 'p50', 'p95'];
  const align = ['left', 'left', 'right', 'right', 'right', 'right'] as const;
  const rows = (width: number): string[][] => [...named(width), ...more];
  return `${heading('Tools', style)}\n${barTable(rows, BAR_WIDTH, { head, align }, style)}`;
}

function modelSection({ models }: WorkloadProfile, style: TextStyle): string {
  if (models.length === 0) return '';
  let calls = 0;
  for (const model of models) calls += model.calls;
  const rows = (width: number): string[][] =>
    models
      .slice(0, MOST_TOOLS)
      .map((model) => [
        plain(model.model, 40),
        bar(model.calls, calls, width),
        formatShare(model.calls / calls),
        formatCount(model.inputTokens),
        formatCount(model.outputTokens),
      ]);
  const head = ['', '', 'calls', 'input', 'output'];
  const align = ['left', 'left', 'right', 'right', 'right'] as const;
  return `${heading('Models', style)}\n${barTable(rows, BAR_WIDTH, { head, align }, style)}`;
}
