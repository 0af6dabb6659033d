import { formatCount, formatDuration, formatShare } from '../core/units.ts';
import type { LoadSummary, MetricFigures, TimeFigures } from '../loadtest/summary.ts';
import type { ThresholdResult } from '../loadtest/judge.ts';
import type { LimitLine } from './charts-line.ts';
import {
  inFlightFigure,
  percentileFigure,
  requestsFigure,
  retriesFigure,
  sessionsFigure,
  tokensFigure,
  ttftFigure,
} from './charts-load.ts';
import type { RunCharts } from './charts-run.ts';
import { html, renderPage } from './html.ts';
import type { Interpolated, Markup } from './html.ts';
import { cards, dataTable, facts, pill, section } from './html-parts.ts';
import type { Card, Tone } from './html-parts.ts';

export interface LoadtestPage {
  readonly summary: LoadSummary;
  /** Folded from the run's samples by RunChartFold. */
  readonly charts: RunCharts;
  /** Known limits of the target, to draw. */
  readonly limits?:
    | { readonly requests?: readonly LimitLine[]; readonly tokens?: readonly LimitLine[] }
    | undefined;
}

/** The report of one load test as a self-contained HTML document. */
export function renderLoadtestHtml(page: LoadtestPage): string {
  const { summary } = page;
  const { run } = summary;
  return renderPage({
    title: `${run.scenario}: load test`,
    body: html`<p class="eyebrow">
        <b>agent-infra</b> load test · ${run.startedAt.slice(0, 16).replace('T', ' ')} UTC
      </p>
      <h1>${run.scenario}: ${headline(summary)}</h1>
      <p class="lede">${run.load.join(' · ')}</p>
      ${cards(headlineCards(summary))} ${thresholdSection(summary)} ${loadFigures(page)}
      ${latencySection(summary)} ${errorSection(summary)} ${runSection(summary)}
      <footer>
        <p>
          Every figure is a fold over samples.jsonl beside this file; nothing here needs a network
          or a script.
        </p>
      </footer>`,
  });
}

const VERDICT = {
  pass: { text: 'every threshold held', tone: 'good' },
  fail: { text: 'a threshold broke', tone: 'bad' },
  inconclusive: { text: 'inconclusive', tone: 'warn' },
} as const satisfies Record<LoadSummary['verdict']['status'], { text: string; tone: Tone }>;

function headline(summary: LoadSummary): string {
  const { status } = summary.verdict;
  if (status === 'pass' && summary.thresholds.length === 0) return 'completed, nothing to judge';
  return VERDICT[status].text;
}

function headlineCards(summary: LoadSummary): Card[] {
  const { counters, metrics, verdict } = summary;
  const { attempts, calls, sessions, turns } = counters;
  const ttft = metrics.ttft?.fromIntended;
  const turn = metrics.turn?.fromIntended;
  const refused = attempts.sent === 0 ? null : attempts.rateLimited / attempts.sent;
  return [
    {
      label: 'Verdict',
      value: verdict.status,
      detail: verdict.reasons[0] ?? `${summary.thresholds.length} thresholds`,
      tone: VERDICT[verdict.status].tone,
    },
    {
      label: 'Calls answered',
      value: html`${formatCount(calls.completed)} <small>of ${formatCount(calls.intended)}</small>`,
      detail: `${formatCount(sessions.completed)} of ${formatCount(sessions.intended)} sessions, ${formatCount(turns.completed)} turns`,
      tone: calls.completed === calls.intended ? 'good' : 'warn',
    },
    {
      label: 'Time to first token, p95',
      value: ttft ? formatDuration(ttft.p95) : '–',
      detail: ttft
        ? `median ${formatDuration(ttft.p50)}, from the intended start`
        : 'nothing measured',
    },
    {
      label: 'Turn, p95',
      value: turn ? formatDuration(turn.p95) : '–',
      detail: turn ? `median ${formatDuration(turn.p50)}` : 'nothing measured',
    },
    {
      label: 'Refused with 429',
      value: refused === null ? '–' : formatShare(refused),
      detail: `${formatCount(attempts.rateLimited)} of ${formatCount(attempts.sent)} attempts, ${formatCount(attempts.retries)} retries`,
      tone: refused === null || refused === 0 ? 'plain' : 'warn',
    },
  ];
}

function thresholdSection({ thresholds }: LoadSummary): Markup | '' {
  if (thresholds.length === 0) return '';
  const rows = thresholds.map((result) => [
    html`<code>${whereText(result)} ${result.expr}</code>`,
    observedText(result),
    intervalText(result),
    formatCount(result.n),
    thresholdPill(result),
  ]);
  return section({
    id: 'thresholds',
    title: 'Thresholds',
    lede: 'A threshold passes only when its whole 95 % interval keeps the limit; no data never passes.',
    body: dataTable(
      [
        { name: 'threshold' },
        { name: 'observed' },
        { name: '95 % interval' },
        { name: 'observations' },
        { name: 'verdict' },
      ],
      rows,
    ),
  });
}

function whereText({ metric, where }: ThresholdResult): string {
  const parts = Object.entries(where).flatMap(([key, value]) =>
    value === undefined ? [] : [`${key}=${String(value)}`],
  );
  return parts.length === 0 ? metric : `${metric}{${parts.join(',')}}`;
}

function observedText({ observed, unit }: ThresholdResult): string {
  return observed === null ? '–' : inUnit(observed, unit);
}

function intervalText({ interval, unit }: ThresholdResult): string {
  if (interval === null) return '–';
  const [low, high] = interval;
  const show = (value: number | null): string =>
    value === null ? 'unbounded' : inUnit(value, unit);
  return `${show(low)} to ${show(high)}`;
}

function inUnit(value: number, unit: ThresholdResult['unit']): string {
  switch (unit) {
    case 'ms':
      return formatDuration(value);
    case 'share':
      return formatShare(value);
    case 'perSecond':
      return `${formatCount(value)}/s`;
    case 'count':
      return formatCount(value);
  }
}

function thresholdPill({ status, severity, reason }: ThresholdResult): Interpolated {
  const tones = {
    pass: 'good',
    fail: severity === 'warn' ? 'warn' : 'bad',
    inconclusive: 'warn',
  } as const;
  const note = status === 'pass' ? '' : html`<small>${reason}</small>`;
  return html`${pill(status, tones[status])}${note}`;
}

function loadFigures({ charts, limits }: LoadtestPage): Markup {
  const sessions = sessionsFigure(charts);
  return section({
    id: 'load',
    title: 'The load, and how it was carried',
    body: html`<div class="two">
        ${requestsFigure(charts, limits?.requests ?? [])}${ttftFigure(charts)}${tokensFigure(charts, limits?.tokens ?? [])}${percentileFigure(charts)}${inFlightFigure(charts)}${retriesFigure(charts)}
      </div>
      ${sessions ?? ''}`,
  });
}

function latencySection({ metrics }: LoadSummary): Markup {
  const rows = Object.entries(metrics).flatMap(([name, figures]) => latencyRows(name, figures));
  return section({
    id: 'latency',
    title: 'Latencies',
    lede: 'From the intended start a late client counts against the result; from the send it does not. A gap between the two is this generator’s doing.',
    body: dataTable(
      ['metric', 'n', 'mean', 'p50', 'p90', 'p95', '95 % interval of p95', 'p99', 'max'].map(
        (name) => ({ name }),
      ),
      rows,
    ),
  });
}

function latencyRows(name: string, figures: MetricFigures): Interpolated[][] {
  const starts: [string, TimeFigures | null | undefined][] = [
    ['from intended', figures.fromIntended],
    ['from send', figures.fromSend],
    ['', figures.value],
  ];
  return starts.flatMap(([start, times]) =>
    times === undefined || times === null
      ? []
      : [
          [
            html`${name} ${start}<small>${figures.definition}</small>`,
            formatCount(times.n),
            ...[times.mean, times.p50, times.p90, times.p95].map(formatDuration),
            p95Interval(times),
            ...[times.p99, times.max].map(formatDuration),
          ],
        ],
  );
}

function p95Interval({ ci95: { p95 } }: TimeFigures): string {
  if (p95 === null) return '–';
  const [low, high] = p95;
  return `${formatDuration(low)} to ${high === null ? 'unbounded' : formatDuration(high)}`;
}

function errorSection({ errors }: LoadSummary): Markup | '' {
  if (errors.length === 0) return '';
  return section({
    id: 'errors',
    title: 'Failed attempts',
    body: dataTable(
      [{ name: 'error' }, { name: 'attempts' }],
      errors.map(({ error, count }) => [html`<code>${error}</code>`, formatCount(count)]),
    ),
  });
}

function runSection({ run, tool, validity, complete }: LoadSummary): Markup {
  const tone: Tone =
    validity.verdict === 'valid' ? 'good' : validity.verdict === 'invalid' ? 'bad' : 'warn';
  return section({
    id: 'run',
    title: 'The run',
    body: facts([
      ['generator', html`${pill(validity.verdict, tone)} ${validity.reasons.join('; ')}`],
      ['target', `${run.target.url} (${run.target.dialect}, model ${run.target.model})`],
      ['duration', `${formatDuration(run.durationMs)}${complete ? '' : ', interrupted'}`],
      [
        'engine',
        `${run.engine}${run.timingNotes.length === 0 ? '' : `: ${run.timingNotes.join('; ')}`}`,
      ],
      ['seed', String(run.seed)],
      ['configuration', run.configHash],
      ['host', `${run.host.cores} cores, ${run.host.os}, Node ${run.host.node}`],
      ['tool', `${tool.name} ${tool.version}`],
    ]),
  });
}
