import type { LatencyHistogram } from '../core/histogram.ts';
import { formatCount, formatDuration, formatShare, MS_PER_MINUTE } from '../core/units.ts';
import type { AttemptSample } from '../loadtest/sample.ts';
import { laneChart } from './charts-lanes.ts';
import type { LaneBar } from './charts-lanes.ts';
import { legend, lineChart } from './charts-line.ts';
import type { LimitLine, Series } from './charts-line.ts';
import type { DrawnSession, RunBucket, RunCharts } from './charts-run.ts';
import type { Point } from './charts-scale.ts';
import { html } from './html.ts';
import type { Markup } from './html.ts';
import { dataTable, figure } from './html-parts.ts';

/** The figures of a load test, each with its legend and the numbers folded away below. */

/** Requests per minute as sent, refused ones below, against the provider's limit. */
export function requestsFigure(run: RunCharts, limits: readonly LimitLine[]): Markup {
  const perMinute = MS_PER_MINUTE / run.bucketMs;
  const series: Series[] = [
    line('sent', 's1', run, (bucket) => bucket.sent * perMinute, 'area'),
    line('completed', 's3', run, (bucket) => bucket.completed * perMinute),
    line('refused with 429', 's2', run, (bucket) => bucket.refused * perMinute, 'dashed'),
  ];
  const refused = sum(run.buckets, (bucket) => bucket.refused);
  const failed = sum(run.buckets, (bucket) => bucket.failed);
  const sent = sum(run.buckets, (bucket) => bucket.sent);
  if (failed > 0) {
    series.push(
      line('failed otherwise', 's4', run, (bucket) => bucket.failed * perMinute, 'dashed'),
    );
  }
  return figure({
    title: 'Requests per minute over the run',
    legend: legend(
      series,
      limits.map(({ name }) => name),
    ),
    chart: timeChart(run, {
      title: 'Requests per minute over the run',
      summary: `${formatCount(sent)} requests sent, ${formatCount(refused)} refused with 429, ${formatCount(failed)} failed otherwise`,
      series,
      limits,
      yLabel: `requests per minute, in windows of ${formatDuration(run.bucketMs)}`,
    }),
    table: bucketTable(run),
  });
}

/** Tokens per minute of finished calls. */
export function tokensFigure(run: RunCharts, limits: readonly LimitLine[]): Markup {
  const perMinute = MS_PER_MINUTE / run.bucketMs;
  const series = [line('input + output', 's4', run, ({ tokens }) => tokens * perMinute, 'area')];
  const total = sum(run.buckets, (bucket) => bucket.tokens);
  return figure({
    title: 'Tokens per minute over the run',
    legend: legend(
      series,
      limits.map(({ name }) => name),
    ),
    chart: timeChart(run, {
      title: 'Tokens per minute over the run',
      summary: `${formatCount(total)} tokens in all`,
      series,
      limits,
      yLabel: 'tokens per minute, when the call ended',
    }),
  });
}

/** What is held open at once: calls by gateway and provider, sessions by the agents. */
export function inFlightFigure(run: RunCharts): Markup {
  const series: Series[] = [
    line('LLM calls in flight', 's1', run, ({ inFlight }) => inFlight, 'area'),
    line('sessions running', 's5', run, ({ sessionsRunning }) => sessionsRunning, 'dashed'),
  ];
  const most = Math.max(0, ...run.buckets.map(({ inFlight }) => inFlight));
  return figure({
    title: 'Calls in flight and sessions running',
    legend: legend(series),
    chart: timeChart(run, {
      title: 'Calls in flight and sessions running',
      summary: `at most ${most} calls at the end of a window`,
      series,
      yLabel: 'at the end of each window',
    }),
  });
}

/** First attempts and retries: what refusals add to the load. */
export function retriesFigure(run: RunCharts): Markup {
  const perMinute = MS_PER_MINUTE / run.bucketMs;
  const series: Series[] = [
    line('first attempts', 's1', run, ({ sent, retries }) => (sent - retries) * perMinute),
    line('retries', 's2', run, ({ retries }) => retries * perMinute, 'area'),
  ];
  const retries = sum(run.buckets, (bucket) => bucket.retries);
  return figure({
    title: 'First attempts and retries',
    legend: legend(series),
    chart: timeChart(run, {
      title: 'First attempts and retries',
      summary: `${retries} retries in all`,
      series,
      yLabel: 'attempts per minute',
    }),
  });
}

/** Time to first token over the run, median and 95th percentile per window. */
export function ttftFigure(run: RunCharts): Markup {
  const points = (pick: (bucket: RunBucket) => number | undefined): Point[] =>
    run.buckets.flatMap((bucket, index) => {
      const y = pick(bucket);
      return y === undefined ? [] : [{ x: middle(index, run), y }];
    });
  const series: Series[] = [
    { name: 'p95', colour: 's2', points: points((bucket) => bucket.ttftP95Ms), style: 'dashed' },
    { name: 'median', colour: 's1', points: points((bucket) => bucket.ttftP50Ms) },
  ];
  return figure({
    title: 'Time to first token over the run',
    legend: legend(series),
    chart: timeChart(run, {
      title: 'Time to first token over the run',
      summary: quantilesInWords(run.ttft.intended),
      series,
      yLabel: 'from the intended start',
      yFormat: axisDuration,
    }),
  });
}

const QUANTILES = [0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999] as const;

/** The whole distribution on a 1/(1 − q) axis, from both starts: a gap is delay by the client. */
export function percentileFigure(run: RunCharts): Markup {
  const { intended, send } = run.ttft;
  const curve = (histogram: LatencyHistogram): Point[] =>
    QUANTILES.filter((q) => q === 0 || histogram.count * (1 - q) >= 1).flatMap((q) => {
      const y = histogram.quantileMs(q);
      return y === undefined ? [] : [{ x: -Math.log10(1 - q), y }];
    });
  const series: Series[] = [
    { name: 'from the intended start', colour: 's2', points: curve(intended), style: 'dashed' },
    { name: 'from the send', colour: 's1', points: curve(send) },
  ];
  const names = new Map(
    [0, 0.5, 0.9, 0.99, 0.999].map((q) => [-Math.log10(1 - q), percentName(q)]),
  );
  return figure({
    title: 'Time to first token by percentile',
    legend: legend(series),
    chart: lineChart({
      title: 'Time to first token by percentile',
      summary: quantilesInWords(intended),
      series,
      width: 480,
      xLabel: 'share of calls that were faster',
      yLabel: '',
      xTicks: [...names.keys()],
      xFormat: (value) => names.get(value) ?? '',
      yFormat: axisDuration,
    }),
    table: dataTable(
      [{ name: 'percentile' }, { name: 'from intended start' }, { name: 'from send' }],
      QUANTILES.map((q) => [percentName(q), duration(intended, q), duration(send, q)]),
    ),
  });
}

/** Sessions as swim lanes: the median one, the slowest one, and those with most refusals. */
export function sessionsFigure(run: RunCharts): Markup | undefined {
  const drawn = chooseSessions(run.sessions);
  if (drawn.length === 0) return undefined;
  const lanes = drawn.map(({ name, session }) => ({
    name,
    bars: session.attempts.flatMap((attempt) => barsOf(attempt, session.startMs)),
  }));
  const key = [
    { name: 'waiting for the first token', className: 'soft' },
    { name: 'streaming', className: 'fill' },
  ].map(
    ({ name, className }) =>
      html`<li class="s1">
        <svg width="16" height="10" aria-hidden="true">
          <rect class="${className}" width="16" height="10" rx="2" /></svg
        >${name}
      </li> `,
  );
  return figure({
    title: 'Sessions as they ran',
    note: 'Each bar is one LLM call; calls of one turn that overlap are its fan-out; gaps are tools and thinking.',
    legend: html`<ul class="legend">
      ${key}
      <li class="bad">
        <svg width="16" height="10" aria-hidden="true">
          <rect class="fill" width="16" height="10" rx="2" /></svg
        >refused or failed
      </li>
    </ul>`,
    chart: laneChart({
      title: 'Sessions as they ran',
      summary: drawn
        .map(({ name, session }) => `${name}: ${formatDuration(session.endMs - session.startMs)}`)
        .join('; '),
      lanes,
      xFormat: axisDuration,
      xLabel: 'since the session was due to start',
    }),
  });
}

function barsOf(attempt: AttemptSample, startMs: number): LaneBar[] {
  const { sent, firstToken, end } = attempt;
  if (sent === undefined) return [];
  const [from, to] = [sent - startMs, end - startMs];
  if (attempt.outcome !== 'ok') {
    return [
      {
        from,
        to,
        colour: 'bad',
        name: `${attempt.error ?? attempt.outcome} after ${formatDuration(to - from)}`,
      },
    ];
  }
  const first = firstToken === undefined ? to : firstToken - startMs;
  const name = `first token after ${formatDuration(first - from)}, done after ${formatDuration(to - from)}`;
  return [{ from, to, softUntil: first, colour: 's1', name }];
}

interface NamedSession {
  readonly name: string;
  readonly session: DrawnSession;
}

function chooseSessions(sessions: readonly DrawnSession[]): NamedSession[] {
  const byLength = sessions.toSorted((a, b) => a.endMs - a.startMs - (b.endMs - b.startMs));
  if (byLength.length === 0) return [];
  const trouble = ({ attempts }: DrawnSession): number =>
    attempts.filter(({ outcome }) => outcome !== 'ok').length;
  const chosen: NamedSession[] = [
    { name: 'shortest', session: byLength[0]! },
    { name: 'median', session: byLength[Math.floor(byLength.length / 2)]! },
    { name: 'longest', session: byLength.at(-1)! },
  ];
  const troubled = sessions.toSorted((a, b) => trouble(b) - trouble(a))[0]!;
  if (trouble(troubled) > 0) chosen.push({ name: 'most refused', session: troubled });
  return chosen.filter(
    ({ session }, index) => chosen.findIndex((each) => each.session === session) === index,
  );
}

interface TimeChart {
  readonly title: string;
  readonly summary: string;
  readonly series: readonly Series[];
  readonly limits?: readonly LimitLine[];
  readonly yLabel: string;
  readonly yFormat?: (value: number) => string;
}

function timeChart(run: RunCharts, chart: TimeChart): Markup {
  const shades = run.warmUpMs > 0 ? [{ from: 0, to: run.warmUpMs, name: 'warm-up' }] : [];
  return lineChart({
    ...chart,
    shades,
    width: 480,
    xDomain: [0, run.durationMs],
    xLabel: 'since the start of the run',
    xFormat: axisDuration,
    yFormat: chart.yFormat ?? formatCount,
  });
}

/** The origin needs no unit. */
function axisDuration(ms: number): string {
  return ms === 0 ? '0' : formatDuration(ms);
}

function line(
  name: string,
  colour: Series['colour'],
  run: RunCharts,
  pick: (bucket: RunBucket) => number,
  style?: Series['style'],
): Series {
  const points = run.buckets.map((bucket, index) => ({ x: middle(index, run), y: pick(bucket) }));
  return { name, colour, style, points };
}

function middle(index: number, run: RunCharts): number {
  return (index + 0.5) * run.bucketMs;
}

function bucketTable(run: RunCharts): Markup {
  const columns = ['from', 'sent', 'completed', '429', 'in flight', 'tokens'];
  return dataTable(
    columns.map((name) => ({ name })),
    run.buckets.map((bucket, index) => [
      formatDuration(index * run.bucketMs),
      bucket.sent,
      bucket.completed,
      bucket.refused,
      bucket.inFlight,
      formatCount(bucket.tokens),
    ]),
    `Counts per ${formatDuration(run.bucketMs)}`,
  );
}

function quantilesInWords(histogram: LatencyHistogram): string {
  if (histogram.count === 0) return 'no call was completed';
  return [0.5, 0.95, 0.99].map((q) => `${percentName(q)} ${duration(histogram, q)}`).join(', ');
}

function duration(histogram: LatencyHistogram, q: number): string {
  const ms = histogram.quantileMs(q);
  return ms === undefined ? '–' : formatDuration(ms);
}

function percentName(q: number): string {
  return q === 0 ? 'min' : formatShare(q);
}

function sum<T>(items: readonly T[], pick: (item: T) => number): number {
  let total = 0;
  for (const item of items) total += pick(item);
  return total;
}
