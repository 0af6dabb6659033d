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
import { failureWords } from './failure-words.ts';
import { isUnjudged } from './loadtest-headline.ts';
import { thresholdName } from '../loadtest/threshold-text.ts';
import { METRIC_LABELS } from './metric-labels.ts';

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
      ${reasonList(summary)} ${cards(headlineCards(summary))} ${thresholdSection(summary)}
      ${loadFigures(page)} ${latencySection(summary)} ${errorSection(summary)}
      ${runSection(summary)}
      <footer>
        <p>
          Every figure is a fold over samples.jsonl beside this file; nothing here needs a network
          or a script.
        </p>
      </footer>`,
  });
}

const VERDICT_TONES = {
  pass: 'good',
  fail: 'bad',
  inconclusive: 'warn',
} as const satisfies Record<LoadSummary['verdict']['status'], Tone>;

function headline(summary: LoadSummary): string {
  const { silence, thresholds, verdict } = summary;
  if (isUnjudged(summary)) return 'measured, no thresholds';
  switch (verdict.status) {
    case 'pass':
      return thresholds.every(({ status }) => status === 'pass')
        ? 'every threshold held'
        : 'passed, with a warning';
    case 'inconclusive':
      return 'inconclusive';
    case 'fail': {
      const broken = thresholds.filter(
        ({ severity, status }) => severity === 'error' && status === 'fail',
      ).length;
      if (broken > 0) return `${broken} of ${thresholds.length} thresholds broke`;
      return silence === null ? 'failed' : 'the target stopped answering';
    }
  }
}

/** Why it is not a pass; one reason alone stands on the verdict's card. */
function reasonList({ verdict: { reasons, status } }: LoadSummary): Markup | '' {
  if (reasons.length < 2) return '';
  const items = reasons.map((reason) => html`<li>${reason}</li> `);
  return html`<ul class="reasons ${VERDICT_TONES[status]}">
    ${items}
  </ul>`;
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
      value: isUnjudged(summary) ? 'none' : verdict.status,
      detail:
        verdict.reasons.length > 1
          ? `${verdict.reasons.length} reasons, above`
          : (verdict.reasons[0] ?? thresholdCount(summary)),
      tone: isUnjudged(summary) ? 'plain' : VERDICT_TONES[verdict.status],
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

function thresholdCount({ thresholds }: LoadSummary): string {
  if (thresholds.length === 0) return 'no thresholds to judge it by';
  const held = thresholds.filter(({ status }) => status === 'pass').length;
  return `${held} of ${thresholds.length} thresholds held`;
}

function thresholdSection({ thresholds }: LoadSummary): Markup | '' {
  if (thresholds.length === 0) return '';
  const rows = thresholds.map((result) => [
    html`<code>${thresholdName(result)} ${result.expr}</code>`,
    thresholdPill(result),
    observedText(result),
    intervalText(result),
    formatCount(result.n),
  ]);
  return section({
    id: 'thresholds',
    title: 'Thresholds',
    lede: 'A threshold passes only when its whole 95 % interval keeps the limit; no data never passes.',
    body: dataTable(
      [
        { name: 'threshold' },
        { name: 'verdict', isText: true },
        { name: 'observed' },
        { name: '95 % interval' },
        { name: 'observations' },
      ],
      rows,
    ),
  });
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
  const order = Object.keys(METRIC_LABELS);
  const rows = Object.entries(metrics)
    .toSorted(([a], [b]) => order.indexOf(a) - order.indexOf(b))
    .flatMap(([name, figures]) => latencyRows(name, figures));
  return section({
    id: 'latency',
    title: 'Latencies',
    lede: 'From the intended start a late client counts against the result; from the send it does not. A gap between the two is this generator’s doing.',
    body: dataTable(
      [
        { name: 'metric' },
        { name: 'counted from', isText: true },
        ...['n', 'mean', 'p50', 'p90', 'p95', '95 % interval of p95', 'p99', 'max'].map((name) => ({
          name,
        })),
      ],
      rows,
    ),
  });
}

function latencyRows(name: string, figures: MetricFigures): Interpolated[][] {
  const starts = [
    ['intended\u00A0start', figures.fromIntended],
    ['send', figures.fromSend],
    ['', figures.value],
  ] as const;
  const measured = starts.flatMap(([start, times]) => (times == null ? [] : [{ start, times }]));
  const label = name in METRIC_LABELS ? METRIC_LABELS[name as keyof typeof METRIC_LABELS] : name;
  return measured.map(({ start, times }, index) => [
    index === 0
      ? html`<b>${label}</b> <code>${name}</code><small>${figures.definition}</small>`
      : '',
    start,
    formatCount(times.n),
    ...[times.mean, times.p50, times.p90, times.p95].map(formatDuration),
    p95Interval(times),
    ...[times.p99, times.max].map(formatDuration),
  ]);
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
      [{ name: 'error' }, { name: 'what it means', isText: true }, { name: 'attempts' }],
      errors.map(({ error, count }) => [
        html`<code>${error}</code>`,
        failureWords(error),
        formatCount(count),
      ]),
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
      ['duration', `${formatDuration(run.durationMs)}${complete ? '' : ', ended early'}`],
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
