import { formatCount, formatDuration, formatShare, formatUsd, round } from '../core/units.ts';
import type { Summary } from '../workload/workload-profile.ts';
import { forestChart } from './charts-forest.ts';
import type { ForestRow } from './charts-forest.ts';
import type { LimitLine } from './charts-line.ts';
import {
  inFlightFigure,
  percentileFigure,
  requestsFigure,
  sessionsFigure,
  tokensFigure,
  ttftFigure,
} from './charts-load.ts';
import type { RunCharts } from './charts-run.ts';
import { allowedRange } from './demo.ts';
import type { Comparison, DemoPage } from './demo.ts';
import { showDifference, showFigure, showPrediction, showTolerance } from './demo-figures.ts';
import { html, renderPage } from './html.ts';
import type { Interpolated, Markup } from './html.ts';
import { cards, dataTable, facts, figure, pill, section } from './html-parts.ts';
import type { Card, Tone } from './html-parts.ts';
import { breakHeadline, planSection } from './html-plan.ts';

/** The demo's report: what was recorded, planned, forecast and measured, on one page. */
export function renderDemoHtml(page: DemoPage, charts: RunCharts): string {
  const { report } = page;
  return renderPage({
    title: 'agent-infra demo: predicted, then measured',
    body: html`<p class="eyebrow">
        <b>agent-infra</b> demo · ${report.startedAt.slice(0, 16).replace('T', ' ')} UTC ·
        ${report.host.cores} cores · ${formatDuration(report.durationMs)} in all
      </p>
      <h1>${headline(page)}</h1>
      <p class="lede">${ledeOf(page)}</p>
      ${cards(headlineCards(page))} ${loopSection(page)} ${comparisonSection(page)}
      ${loadSection(page, charts)} ${planSection(page.plan)} ${workloadSection(page)}
      ${methodSection(page)}
      <footer>
        <p>
          Everything ran on this machine’s loopback with a simulated provider: no key, no network,
          no prompt text in any file. The raw samples lie beside this page.
        </p>
      </footer>`,
  });
}

function headline({ report }: DemoPage): string {
  const { comparison, held } = report;
  return `${held} of ${comparison.length} predictions held under load`;
}

function ledeOf({ report }: DemoPage): string {
  const { load, recording } = report;
  return (
    `${recording.sessions} recorded agent sessions were enough to forecast what ` +
    `${round(load.sessionsPerSecond, 2)} new sessions a second do to the provider’s limits, before sending one request.`
  );
}

function headlineCards({ plan, report, summary }: DemoPage): Card[] {
  const { comparison, held, missed, notMeasured } = report;
  const cost = plan.scales[0]?.cost;
  const { attempts, calls } = summary.counters;
  const ttft = comparison.find(({ name }) => name.startsWith('Time to first token, p95'));
  return [
    {
      label: 'Predictions',
      value: html`${held} <small>of ${comparison.length} held</small>`,
      detail: `${missed} missed, ${notMeasured} not measured`,
      tone: missed === 0 && notMeasured === 0 ? 'good' : 'warn',
    },
    {
      label: 'First limit to break',
      value: plan.breaksAt === null ? '–' : `${round(plan.breaksAt.scale, 2)}x`,
      detail: breakHeadline(plan),
    },
    {
      label: 'Time to first token, p95',
      value: ttft === undefined ? '–' : showFigure(ttft.measured, ttft.unit),
      detail: ttft === undefined ? '' : `forecast ${showPrediction(ttft)}`,
    },
    {
      label: 'Calls answered',
      value: html`${formatCount(calls.completed)} <small>of ${formatCount(calls.intended)}</small>`,
      detail: `${formatCount(attempts.rateLimited)} attempts refused and retried`,
    },
    {
      label: 'API cost per 1,000 turns',
      value: cost?.perTurn === null || cost === undefined ? '–' : formatUsd(cost.perTurn * 1000),
      detail: 'at the list price of the named model, prompt cache included',
    },
  ];
}

function loopSection({ profile, plan, report }: DemoPage): Markup {
  const { load, recording } = report;
  const steps: [string, Interpolated][] = [
    [
      'Record',
      html`A scripted agent with tools and sub-agents runs behind the recording proxy:
        <b>${recording.sessions} sessions, ${recording.calls} LLM calls</b> in
        ${formatDuration(recording.durationMs)}.`,
    ],
    [
      'Profile',
      html`The trace becomes distributions and session skeletons:
        <b>${callsPerTurn(profile.turns.llmCallsPerTurn)} LLM calls per turn</b>,
        ${profile.cache.realisedHitRate === null ? 'cache unknown' : `${formatShare(profile.cache.realisedHitRate)} of input from cache`}.`,
    ],
    [
      'Plan and forecast',
      html`Limits, cost and stages at 1x, 3x and 10x, and
        <b>${report.forecast.replications} runs in virtual time</b> in
        ${formatDuration(report.forecast.durationMs)}. ${breakHeadline(plan)}.`,
    ],
    [
      'Load-test',
      html`The same workload, resampled, at
        <b>${round(load.sessionsPerSecond, 2)} sessions a second</b> through the gateway for
        ${formatDuration(load.durationMs)}; then compared.`,
    ],
  ];
  return section({
    id: 'loop',
    title: 'What happened',
    body: html`<ol class="steps">
      ${steps.map(
        ([name, text]) =>
          html`<li>
            <h3>${name}</h3>
            <p>${text}</p>
          </li> `,
      )}
    </ol>`,
  });
}

function callsPerTurn(summary: Summary | null): string {
  return summary === null ? 'unknown' : String(round(summary.mean, 2));
}

const TONES = {
  held: 'good',
  missed: 'bad',
  'not measured': 'warn',
} as const satisfies Record<Comparison['verdict'], Tone>;

function comparisonSection({ report }: DemoPage): Markup {
  const { comparison } = report;
  const chart = forestChart({
    title: 'Measured against predicted',
    summary: `${report.held} of ${comparison.length} figures lie inside what the forecast allows`,
    rows: comparison.map(forestRow),
  });
  return section({
    id: 'comparison',
    title: 'Predicted, then measured',
    lede: 'The forecast plays the sessions and arrivals of the test in virtual time. It knows the recorded profile and the provider’s published limits, and nothing of the run. Each band is its 90 % interval, widened by a tolerance that was fixed beforehand; a dot inside the band held.',
    body: html`${figure({ title: '', chart })} ${comparisonTable(comparison)}`,
  });
}

/** Below this a share is told in points: twice nearly nothing is still nearly nothing. */
const SMALLEST_RATIO_SHARE = 0.05;

function forestRow(row: Comparison): ForestRow {
  const { measured, predicted, unit } = row;
  const range = allowedRange(row);
  const centre = predicted?.value ?? 0;
  const isRatio = centre > (unit === 'share' ? SMALLEST_RATIO_SHARE : 0);
  return {
    name: row.name,
    predicted: showFigure(predicted?.value ?? null, unit),
    measured: showFigure(measured, unit),
    ratio: measured === null || !isRatio ? null : measured / centre,
    note: noteOf(row, range),
    allowed: range === null || !isRatio ? [1, 1] : [range[0] / centre, range[1] / centre],
    tone: TONES[row.verdict],
  };
}

function noteOf(row: Comparison, range: readonly [number, number] | null): string {
  if (row.verdict === 'not measured' || range === null) return 'not measured';
  const allowed = `${showFigure(range[0], row.unit)} to ${showFigure(range[1], row.unit)}`;
  return `${row.verdict}: ${showDifference(row)}, ${allowed} allowed`;
}

function comparisonTable(rows: readonly Comparison[]): Markup {
  return html`<details>
    <summary>The numbers and their definitions</summary>
    ${dataTable(
      [
        { name: 'figure' },
        { name: 'forecast (90 % interval)' },
        { name: 'measured' },
        { name: 'off by' },
        { name: 'tolerance' },
        { name: 'verdict' },
      ],
      rows.map((row) => [
        html`${row.name}<small>${row.definition}</small>`,
        showPrediction(row),
        showFigure(row.measured, row.unit),
        showDifference(row),
        showTolerance(row),
        pill(row.verdict, TONES[row.verdict]),
      ]),
    )}
  </details>`;
}

function loadSection({ report }: DemoPage, charts: RunCharts): Markup {
  const { provider } = report;
  const requests: LimitLine[] = [
    {
      name: `limit ${formatCount(provider.requestsPerMinute)} a minute`,
      value: provider.requestsPerMinute,
    },
  ];
  return section({
    id: 'load',
    title: 'The load test',
    lede: `Bursts above the limit empty the provider’s bucket of ${provider.requestBurst} requests; what then comes is refused with 429 and sent again after the wait the provider names.`,
    body: html`<div class="two">
        ${requestsFigure(charts, requests)}${ttftFigure(charts)}${percentileFigure(charts)}${inFlightFigure(charts)}
      </div>
      ${sessionsFigure(charts) ?? ''}
      <details>
        <summary>Tokens over the run</summary>
        ${tokensFigure(charts, [])}
      </details>`,
  });
}

function workloadSection({ profile }: DemoPage): Markup {
  const rows: [string, Summary | null, (value: number) => string][] = [
    ['LLM calls per turn', profile.turns.llmCallsPerTurn, tenth],
    ['tool calls per turn', profile.turns.toolCallsPerTurn, tenth],
    ['calls of one turn in flight at once', profile.concurrency.fanOut, tenth],
    ['turns per session', profile.sessions.turnsPerSession, tenth],
    ['input tokens per call', profile.tokens.input, formatCount],
    ['of them uncached', profile.tokens.uncached, formatCount],
    ['output tokens per call', profile.tokens.output, formatCount],
    ['time to first token', profile.latency.ttftMs, formatDuration],
    ['call, end to end', profile.latency.e2eMs, formatDuration],
    ['turn', profile.turns.durationMs, formatDuration],
    ['wait of the user between turns', profile.sessions.thinkMs, formatDuration],
    ...Object.entries(profile.tools)
      .toSorted(([, a], [, b]) => b.calls - a.calls)
      .slice(0, MOST_TOOLS)
      .map(([name, tool]): [string, Summary | null, (value: number) => string] => [
        `tool ${name}`,
        tool.durationMs,
        formatDuration,
      ]),
  ];
  return section({
    id: 'workload',
    title: 'The workload, as recorded',
    lede: 'What the plan and the load test were made from: shape and sizes, no content.',
    body: dataTable(
      ['', 'n', 'mean', 'p50', 'p90', 'p99', 'max'].map((name) => ({ name })),
      rows.map(([name, summary, show]) =>
        summary === null
          ? [name, '–', '–', '–', '–', '–', '–']
          : [
              name,
              formatCount(summary.n),
              ...[summary.mean, summary.p50, summary.p90, summary.p99, summary.max].map(show),
            ],
      ),
    ),
  });
}

/** Tools listed by name; more would push the rest off the page. */
const MOST_TOOLS = 6;

function tenth(value: number): string {
  return String(round(value, 1));
}

function methodSection({ plan, report, summary }: DemoPage): Markup {
  const { host, load, provider } = report;
  const price = plan.sources.find(({ of }) => of.startsWith('price'));
  return section({
    id: 'method',
    title: 'How the numbers are made',
    body: facts([
      [
        'forecast',
        `the load test’s own engine in virtual time, ${report.forecast.replications} replications; latencies drawn from recorded calls with a prompt of about the same length`,
      ],
      [
        'compared',
        `${formatDuration(load.window.fromMs)} to ${formatDuration(load.window.toMs)} of the run: after the ramp, before arrivals end`,
      ],
      [
        'simulated provider',
        `${provider.model}: ${formatCount(provider.requestsPerMinute)} requests a minute with a bucket of ${provider.requestBurst}, ${formatCount(provider.tokensPerMinute)} input tokens a minute`,
      ],
      ['price', price === undefined ? '–' : `${price.of}, ${price.page}, ${price.date}`],
      ['generator', `${summary.validity.verdict} ${summary.validity.reasons.join('; ')}`],
      [
        'assumed by the plan',
        plan.assumptions.map(({ key, value, why }) => `${key} ${value}: ${why}`).join('; '),
      ],
      ['seed', String(report.seed)],
      ['host', `${host.cores} cores, ${host.os}, Node ${host.node}`],
      ['tool', `${report.tool.name} ${report.tool.version}`],
    ]),
  });
}
