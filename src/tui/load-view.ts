import { formatCount, formatDuration, MS_PER_SECOND } from '../core/units.ts';
import type { Progress, ProgressFigures, ProgressThreshold } from '../loadtest/progress.ts';
import { observedText, thresholdName } from '../loadtest/threshold-text.ts';
import { failureWords } from '../report/failure-words.ts';
import { bar, columnChart, downsampleMax, plain } from '../report/text.ts';

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
  /** Of the whole run, one figure a second until there are too many. */
  readonly values: readonly number[];
  /** Drawn over the height of the view. */
  readonly lines: readonly string[];
  readonly now: string;
  readonly peak: string;
  readonly tone: Tone;
}

export interface ThresholdRow {
  readonly text: string;
  /** The figure so far. */
  readonly observed: string;
  readonly state: ProgressThreshold['state'] | 'more';
}

/** Code and meaning of a failure, beside its count on the narrowest terminal. */
const MOST_ERROR_LETTERS = 48;

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
  if (needed + gaps <= room) return taller(view, room - needed - gaps);
  const errors = view.errors.slice(0, Math.max(0, room - facts));
  const sparksFit = facts + errors.length + view.sparks.length + LEAST_THRESHOLDS <= room;
  const sparks = sparksFit ? view.sparks : [];
  const left = Math.max(0, room - facts - sparks.length - errors.length);
  return { ...view, gap: 0, errors, sparks, thresholds: mostTelling(view.thresholds, left) };
}

/** Lines of a spark where there is room for more than one. */
const MOST_SPARK_LINES = 4;

/** Spends the lines that are left on the sparks. */
function taller(view: LoadView, spare: number): LoadView {
  const { sparks } = view;
  if (sparks.length === 0) return view;
  // With an empty line between two charts.
  const left = spare - (sparks.length - 1);
  const height = Math.min(MOST_SPARK_LINES, 1 + Math.floor(left / sparks.length));
  if (height <= 1) return view;
  return {
    ...view,
    sparks: sparks.map((spark) => ({ ...spark, lines: columnChart(spark.values, height) })),
  };
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
  return [...shown, { text, observed: '', state: 'more' }];
}

function wholeView(name: string, progress: Progress, columns: number, note: string): LoadView {
  const width = Math.max(40, Math.min(columns, 160));
  const done = doneShare(progress);
  const text = progressText(progress);
  const barWidth = Math.min(columns, width) - text.length - 2;
  return {
    title: plain(name, Math.max(8, Math.floor(width / 3))),
    elapsed: formatDuration(Math.round(progress.elapsedMs / MS_PER_SECOND) * MS_PER_SECOND),
    note: plain(note, 60),
    done,
    progressBar: done === null ? '' : bar(done, 1, barWidth).padEnd(barWidth, '░'),
    progressText: text,
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
      text: plain(`${thresholdName(threshold)} ${threshold.expr}`, 80),
      observed: threshold.observed === null ? '' : observedText(threshold.observed, threshold.unit),
      state: threshold.state,
    })),
    errors: progress.errors.map(({ count, error }) => ({
      label: plain([error, failureWords(error)].filter(Boolean).join(': '), MOST_ERROR_LETTERS),
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
    : `${ended} of ${formatCount(plannedSessions)} sessions`;
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

/** Columns a second may take while the run is short. */
const MOST_STRETCH = 3;

function sparks({ timeline }: Progress, width: number): SparkRow[] {
  const rate = (count: number): string =>
    `${formatCount((count * MS_PER_SECOND) / timeline.bucketMs)}/s`;
  const spark = (
    label: string,
    all: readonly (number | null)[],
    format: (value: number) => string,
    tone: Tone = 'plain',
  ): SparkRow => {
    // The last bucket is not full yet: it would always fall.
    const known = all.length > 3 ? all.slice(0, -1) : all;
    const fitting = downsampleMax(
      known.map((value) => value ?? 0),
      Math.max(10, width),
    );
    const stretch = Math.min(MOST_STRETCH, Math.max(1, Math.floor(width / fitting.length)));
    const values = fitting.flatMap((value) => Array.from({ length: stretch }, () => value));
    const last = known.findLast((value) => value !== null);
    return {
      label,
      values,
      lines: columnChart(values, 1),
      now: last == null ? 'none yet' : format(last),
      peak: `peak ${format(Math.max(0, ...fitting))}`,
      tone,
    };
  };
  const { arrived, completed, failed, ttftMs } = timeline;
  return [
    spark('sessions started', arrived, rate),
    spark('calls done', completed, rate, 'good'),
    ...(failed.some((count) => count > 0) ? [spark('attempts failed', failed, rate, 'bad')] : []),
    spark('mean first token', ttftMs, formatDuration),
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
