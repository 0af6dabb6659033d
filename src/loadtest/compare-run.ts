import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

import { metricFacts } from '../config/threshold.ts';
import { AgentInfraError, fileReason } from '../errors.ts';
import type { Figure } from './compare-figures.ts';
import { RunFold } from './fold.ts';
import { SAMPLES_FILE } from './job.ts';
import type { ObservedTimes } from './observed-times.ts';
import type { RunSample } from './sample.ts';
import { readSamples, samplesIn } from './samples-file.ts';
import { SessionShares } from './session-shares.ts';
import type { CounterMetric, RunFigure, ShareMetric } from './session-shares.ts';
import type { LoadSummary, TimeFigures } from './summary.ts';
import type { Validity } from './validity.ts';

/** A run as a comparison sees it. */
export interface ComparedRun {
  /** As it was named. */
  readonly path: string;
  /** Of the run itself: the same by whatever path it is read. */
  readonly identity: string;
  readonly facts: RunFacts;
  readonly complete: boolean;
  readonly validity: Validity['verdict'];
  /** By the figure's name; undefined where the run has no such value. */
  readonly figures: ReadonlyMap<string, RunFigure | undefined>;
}

/** What must be equal for two runs to be comparable, and what is shown about them. */
export interface RunFacts {
  readonly scenario: string;
  readonly engine: RunSample['engine'];
  readonly seed: string | number;
  readonly configHash: string;
  readonly workloadHash: string | null;
  readonly host: RunSample['host'];
  readonly target: RunSample['target'];
  readonly load: readonly string[];
  readonly warmUpMs: number;
}

/** Reads a run: its samples, or its summary.json alone, which knows less. */
export async function readComparedRun(
  path: string,
  figures: readonly Figure[],
): Promise<ComparedRun> {
  const summary = summaryIn(path);
  return summary === undefined
    ? fromSamples(path, samplesIn(path), figures)
    : fromSummary(path, summary, figures);
}

/** The summary that was named, or the one in a folder that holds no samples any more. */
function summaryIn(path: string): string | undefined {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found?.isFile() === true) return path.endsWith('.json') ? path : undefined;
  const file = join(path, 'summary.json');
  return existsSync(file) && !existsSync(join(path, SAMPLES_FILE)) ? file : undefined;
}

async function fromSamples(
  path: string,
  file: string,
  figures: readonly Figure[],
): Promise<ComparedRun> {
  const fold = new RunFold();
  let shares = new SessionShares(0);
  await readSamples(file, (sample) => {
    if (sample.type === 'run') shares = new SessionShares(sample.warmUpMs);
    fold.add(sample);
    shares.add(sample);
  });
  const found = new Map<string, RunFigure | undefined>();
  for (const { aggregate, metric, name } of figures) {
    const { kind, twoStarts } = metricFacts(metric);
    if (kind === 'share') found.set(name, shares.share(metric as ShareMetric));
    else if (kind === 'counter') found.set(name, shares.rate(metric as CounterMetric));
    else {
      const start = twoStarts === false ? undefined : 'intended';
      found.set(name, timeFigureOf(fold.times(metric, start), aggregate));
    }
  }
  return comparedRun(path, fold.summary(), found);
}

function timeFigureOf(times: ObservedTimes, aggregate: Figure['aggregate']): RunFigure | undefined {
  const isMean = aggregate.kind === 'avg';
  const q = aggregate.kind === 'quantile' ? aggregate.q : 0.5;
  const value = isMean ? times.meanMs : times.quantileMs(q);
  if (value === undefined) return undefined;
  const interval = isMean ? times.meanInterval() : times.quantileInterval(q);
  return { value, n: times.n, interval: interval ?? UNBOUNDED };
}

/**
 * A summary has no interval of shares: with replicate runs they need none. Its rates count the time in
 * which the run drained, too, and are left out.
 */
function fromSummary(path: string, file: string, figures: readonly Figure[]): ComparedRun {
  const summary = parsedSummary(file);
  const found = new Map<string, RunFigure | undefined>();
  for (const figure of figures) found.set(figure.name, summaryFigure(summary, figure));
  return comparedRun(path, summary, found);
}

function summaryFigure(
  { counters, metrics }: LoadSummary,
  { aggregate, metric }: Figure,
): RunFigure | undefined {
  const { kind } = metricFacts(metric);
  if (kind === 'share') return summaryShare(counters, metric as ShareMetric);
  const found = metrics[metric];
  const times = found?.fromIntended ?? found?.value ?? undefined;
  return times === undefined ? undefined : timeFigure(times, aggregate);
}

function summaryShare(
  { attempts, calls, sessions }: LoadSummary['counters'],
  metric: ShareMetric,
): RunFigure | undefined {
  const share = (part: number, of: number): RunFigure | undefined =>
    of === 0 ? undefined : { value: part / of, n: of, interval: UNBOUNDED };
  switch (metric) {
    case 'error_rate':
      return share(calls.intended - calls.completed, calls.intended);
    case 'session_error_rate':
      return share(sessions.intended - sessions.completed, sessions.intended);
    case 'dropped':
      return share(sessions.dropped, sessions.intended);
    case 'rate_limited':
      return share(attempts.rateLimited, attempts.sent);
    case 'truncated':
      return share(attempts.truncated, attempts.sent);
  }
}

function timeFigure(times: TimeFigures, aggregate: Figure['aggregate']): RunFigure | undefined {
  const { ci95, mean, n, p50, p90, p95, p99 } = times;
  if (aggregate.kind === 'avg') return { value: mean, n, interval: open(ci95.mean) };
  if (aggregate.kind !== 'quantile') return undefined;
  switch (aggregate.q) {
    case 0.5:
      return { value: p50, n, interval: open(ci95.p50) };
    case 0.9:
      return { value: p90, n, interval: UNBOUNDED };
    case 0.95:
      return { value: p95, n, interval: open(ci95.p95) };
    case 0.99:
      return { value: p99, n, interval: open(ci95.p99) };
    default:
      return undefined;
  }
}

function comparedRun(
  path: string,
  { complete, run, validity }: LoadSummary,
  figures: ReadonlyMap<string, RunFigure | undefined>,
): ComparedRun {
  const { configHash, engine, host, load, scenario, seed, startedAt, target, warmUpMs } = run;
  return {
    path,
    identity: [startedAt, seed, configHash, target.url].join(' '),
    facts: {
      scenario,
      engine,
      seed,
      configHash,
      host,
      target,
      load,
      warmUpMs,
      workloadHash: run.workloadHash ?? null,
    },
    complete,
    validity: validity.verdict,
    figures,
  };
}

function parsedSummary(path: string): LoadSummary {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, 'utf8'));
  } catch (thrown) {
    throw new AgentInfraError('trace.unreadable', `${path}: ${fileReason(thrown)}`, { hint: HINT });
  }
  const isSummary =
    typeof value === 'object' &&
    value !== null &&
    'schema' in value &&
    value.schema === 'agent-infra/loadtest-summary';
  if (isSummary) return value as unknown as LoadSummary;
  throw new AgentInfraError('trace.unreadable', `${path} is no summary of a load test`, {
    hint: HINT,
  });
}

const HINT = 'Give the folder of a load-test run, its samples.jsonl or its summary.json.';

const UNBOUNDED = { low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY };

function open(interval: readonly [number | null, number | null] | null): RunFigure['interval'] {
  return interval === null
    ? UNBOUNDED
    : {
        low: interval[0] ?? Number.NEGATIVE_INFINITY,
        high: interval[1] ?? Number.POSITIVE_INFINITY,
      };
}
