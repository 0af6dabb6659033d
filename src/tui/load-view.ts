import { formatCount, formatDuration } from '../core/units.ts';
import type { Progress, ProgressFigures, ProgressThreshold } from '../loadtest/progress.ts';
import { thresholdName } from '../report/loadtest-text.ts';
import { bar, downsampleMax, plain, sparkline } from '../report/text.ts';

/** A running load test as rows of words: everything the dashboard shows, nothing about how. */
export interface LoadView {
  readonly title: string;
  readonly elapsed: string;
  /** What happens or can be done now. */
  readonly note: string;
  /** Share done in 0..1; null when the run's length is unknown. */
  readonly done: number | null;
  readonly progressBar: string;
  readonly progressText: string;
  readonly counts: readonly Row[];
  readonly times: readonly TimeRow[];
  readonly sparks: readonly SparkRow[];
  readonly thresholds: readonly ThresholdRow[];
  readonly errors: readonly Row[];
  readonly health: string;
  readonly healthTone: Tone;
  /** Blank lines between the parts: 0 where the terminal is short. */
  readonly gap: 0 | 1;
}

export type Tone = 'good' | 'warn' | 'bad' | 'plain';

export interface Row {
  readonly label: string;
  readonly value: string;
  readonly tone: Tone;
}

export interface TimeRow {
  readonly key: string;
  readonly label: string;
  readonly from: string;
  readonly p50: string;
  readonly p95: string;
  readonly p99: string;
}

interface SparkRow {
  readonly label: string;
  readonly line: string;
  readonly now: string;
}

export interface ThresholdRow {
  readonly text: string;
  readonly state: ProgressThreshold['state'] | 'more';
}

/** Widths the layout is made for; a narrower terminal gets the narrow one. */
export const NARROW_COLUMNS = 80;

/** Send lag from which a laptop's run is worth a look: the floor of the validity check, in ms. */
const NOTICEABLE_LAG_MS = 5;
const BAD_LAG_MS = 25;

const METRIC_LABELS = {
  ttft: 'first token',
  itl: 'inter-token',
  turn: 'user turn',
  session: 'session',
} as const;

/** The view of one moment, cut to `columns` and `rows` of the terminal. */
export function loadView(
  name: string,
  progress: Progress,
  { columns, rows }: { readonly columns: number; readonly rows: number },
  note = 'Ctrl-C stops and reports',
): LoadView {
  return fitted(wholeView(name, progress, columns, note), columns, rows);
}

/** Title, progress bar and the line about this client. */
const FRAME_ROWS = 3;

/**
 * ink clears the whole terminal, scrollback included, for a frame that is not lower than it: blank
 * lines go first, then thresholds that are kept, then sparks, then errors.
 */
function fitted(view: LoadView, columns: number, rows: number): LoadView {
  const facts = factRows(view, columns);
  const parts = [facts, view.sparks.length, view.thresholds.length, view.errors.length];
  const gaps = parts.filter((height) => height > 0).length + 1 + (columns > NARROW_COLUMNS ? 0 : 1);
  const room = rows - 1 - FRAME_ROWS;
  const needed = parts.reduce((sum, height) => sum + height, 0);
  if (needed + gaps <= room) return view;
  const errors = view.errors.slice(0, Math.max(0, room - facts));
  const sparksFit = facts + errors.length + view.sparks.length + LEAST_THRESHOLDS <= room;
  const sparks = sparksFit ? view.sparks : [];
  const left = Math.max(0, room - facts - sparks.length - errors.length);
  return { ...view, gap: 0, errors, sparks, thresholds: mostTelling(view.thresholds, left) };
}

/** Sparks make way when fewer thresholds than this could be shown. */
const LEAST_THRESHOLDS = 2;

/** Counts and times: side by side on a wide terminal; counts in two columns above times else. */
function factRows({ counts: { length }, times }: LoadView, columns: number): number {
  const timesRows = 1 + Math.max(1, times.length);
  return columns > NARROW_COLUMNS ? Math.max(length, timesRows) : Math.ceil(length / 2) + timesRows;
}

/** At most `most` rows, the broken first; the last says how many are not shown. */
function mostTelling(rows: readonly ThresholdRow[], most: number): readonly ThresholdRow[] {
  if (rows.length <= most) return rows;
  if (most === 0) return [];
  const sorted = rows.toSorted(
    (a, b) => Number(b.state === 'broken') - Number(a.state === 'broken'),
  );
  const shown = sorted.slice(0, most - 1);
  const broken = sorted.slice(most - 1).filter(({ state }) => state === 'broken').length;
  const text = `${sorted.length - shown.length} more thresholds, ${broken} of them broken so far`;
  return [...shown, { text, state: 'more' }];
}

function wholeView(name: string, progress: Progress, columns: number, note: string): LoadView {
  const width = Math.max(40, Math.min(columns, 160));
  const done = doneShare(progress);
  const barWidth = width - 24;
  return {
    title: plain(name),
    elapsed: formatDuration(progress.elapsedMs),
    note: plain(note, 60),
    done,
    progressBar: done === null ? '' : bar(done, 1, barWidth).padEnd(barWidth, '░'),
    progressText: progressText(progress),
    counts: counts(progress),
    times: progress.times.flatMap(({ intended, metric, send }) => [
      ...timeRow(`${metric}/intended`, METRIC_LABELS[metric], 'intended start', intended),
      ...timeRow(
        `${metric}/send`,
        intended === null ? METRIC_LABELS[metric] : '',
        metric === 'itl' ? '' : 'send',
        send,
      ),
    ]),
    sparks: sparks(progress, width - 34),
    thresholds: progress.thresholds.map((threshold) => ({
      text: `${thresholdName(threshold)} ${plain(threshold.expr)}`,
      state: threshold.state,
    })),
    errors: progress.errors.map(({ count, error }) => ({
      label: plain(error),
      value: formatCount(count),
      tone: 'bad',
    })),
    ...health(progress),
    gap: 1,
  };
}

function doneShare({ counters, elapsedMs, plannedMs, plannedSessions }: Progress): number | null {
  const ended = counters.sessions.completed + counters.sessions.failed + counters.sessions.dropped;
  if (plannedSessions !== null && plannedSessions > 0) return Math.min(1, ended / plannedSessions);
  return plannedMs === null ? null : Math.min(1, elapsedMs / plannedMs);
}

function progressText({ counters, plannedSessions }: Progress): string {
  const { completed, dropped, failed } = counters.sessions;
  const ended = formatCount(completed + failed + dropped);
  return plannedSessions === null
    ? `${ended} sessions`
    : `${ended} of ${formatCount(plannedSessions)}`;
}

function counts({ callsRunning, counters, sessionsRunning }: Progress): Row[] {
  const { attempts, calls, sessions } = counters;
  const failed = calls.failed + calls.truncated;
  const bad = (value: number): Tone => (value > 0 ? 'bad' : 'plain');
  const row = (label: string, value: number, tone: Tone = 'plain'): Row => ({
    label,
    value: formatCount(value),
    tone,
  });
  return [
    row('sessions running', sessionsRunning),
    ...(callsRunning === null ? [] : [row('calls in flight', callsRunning)]),
    row('calls done', calls.completed, calls.completed > 0 ? 'good' : 'plain'),
    row('calls failed', failed, bad(failed)),
    row('answered 429', attempts.rateLimited, attempts.rateLimited > 0 ? 'warn' : 'plain'),
    row('retries', attempts.retries),
    row('sessions dropped', sessions.dropped, bad(sessions.dropped)),
  ];
}

function timeRow(
  key: string,
  label: string,
  from: string,
  figures: ProgressFigures | null,
): TimeRow[] {
  if (figures === null) return [];
  const [p50, p95, p99] = [figures.p50, figures.p95, figures.p99].map(formatDuration);
  return [{ key, label, from, p50: p50!, p95: p95!, p99: p99! }];
}

function sparks({ timeline }: Progress, width: number): SparkRow[] {
  const perSecond = (values: readonly number[]): number =>
    ((values.at(-2) ?? values.at(-1) ?? 0) * 1000) / timeline.bucketMs;
  const line = (values: readonly number[]): string =>
    sparkline(downsampleMax(values.slice(-240), Math.max(10, width)));
  const ttft = timeline.ttftMs.map((value) => value ?? 0);
  const lastTtft = timeline.ttftMs.findLast((value) => value !== null);
  return [
    {
      label: 'sessions started',
      line: line(timeline.arrived),
      now: `${formatCount(perSecond(timeline.arrived))}/s`,
    },
    {
      label: 'calls done',
      line: line(timeline.completed),
      now: `${formatCount(perSecond(timeline.completed))}/s`,
    },
    {
      label: 'mean first token',
      line: line(ttft),
      now: lastTtft == null ? 'none yet' : formatDuration(lastTtft),
    },
  ];
}

function health({
  health: reading,
  sendLagP99,
}: Progress): Pick<LoadView, 'health' | 'healthTone'> {
  const parts = [
    `send lag p99 ${sendLagP99 === null ? 'unknown' : formatDuration(sendLagP99)}`,
    ...(reading?.loopDelayP99 == null
      ? []
      : [`loop delay p99 ${formatDuration(reading.loopDelayP99)}`]),
    ...(reading?.cpu == null ? [] : [`${reading.cpu.toFixed(2)} cores`]),
    ...(reading?.rssMb == null ? [] : [`${Math.round(reading.rssMb)} MB`]),
  ];
  const worst = Math.max(sendLagP99 ?? 0, reading?.loopDelayP99 ?? 0);
  const tone = worst > BAD_LAG_MS ? 'bad' : worst > NOTICEABLE_LAG_MS ? 'warn' : 'good';
  return { health: parts.join(' · '), healthTone: tone };
}
