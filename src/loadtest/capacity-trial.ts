import { keeps, OPERATORS } from '../config/threshold.ts';
import { formatDuration, MS_PER_MINUTE, MS_PER_SECOND, round } from '../core/units.ts';
import type { SearchTrial, TrialStep } from './capacity-search.ts';
import type { ThresholdResult } from './judge.ts';
import { risingTail } from './rising-tail.ts';
import type { LoadSummary } from './summary.ts';
import type { TimelineView } from './timeline.ts';
import { observedText, thresholdName } from './threshold-text.ts';
import type { Validity } from './validity.ts';

/** One trial of a capacity search: a whole load test, and what it says about its load. */
export interface CapacityTrial extends SearchTrial {
  /** From 1. */
  readonly number: number;
  readonly step: TrialStep;
  /** Folder of the run, from the search's own. */
  readonly folder: string;
  readonly seed: string;
  readonly durationMs: number;
  readonly achieved: {
    readonly sessionsPerSecond: number | null;
    /** LLM calls answered completely, while sessions were starting. */
    readonly callsPerMinute: number | null;
  };
  /** The figure of the first threshold on a time; the p95 of ttft when there is none. */
  readonly latency: TrialLatency | null;
  /** Calls without a complete answer, of those intended. */
  readonly errorShare: number | null;
  /** Attempts answered 429. */
  readonly rateLimitedShare: number | null;
  /** Most over its limit first. */
  readonly broken: readonly BrokenThreshold[];
  readonly validity: Validity['verdict'];
  /** Why it did not hold, in words. */
  readonly reasons: readonly string[];
}

interface TrialLatency {
  readonly name: string;
  readonly ms: number;
  readonly interval: readonly [number | null, number | null] | null;
}

export interface BrokenThreshold {
  /** `ttft (from send) p95 < 2s`. */
  readonly threshold: string;
  readonly observed: number | null;
  readonly limit: number;
  readonly unit: ThresholdResult['unit'];
}

export interface TrialPlace {
  readonly number: number;
  readonly step: TrialStep;
  readonly load: number;
  readonly folder: string;
  readonly seed: string;
  /** How long sessions were to start, in ms; null where the target's speed decided it. */
  readonly startsForMs: number | null;
}

/** What a finished run says about its load. */
export function judgeTrial(summary: LoadSummary, place: TrialPlace): CapacityTrial {
  const { startsForMs, ...where } = place;
  const { attempts, calls, sessions } = summary.counters;
  const judged = judge(summary, startsForMs);
  const windowMs = startsForMs ?? summary.run.durationMs;
  return {
    ...where,
    ...judged,
    durationMs: summary.run.durationMs,
    achieved: {
      sessionsPerSecond:
        windowMs > 0 ? round((sessions.started * MS_PER_SECOND) / windowMs, 4) : null,
      callsPerMinute: callsPerMinute(summary, windowMs),
    },
    latency: latencyOf(summary),
    errorShare: shareOf(calls.intended - calls.completed, calls.intended),
    rateLimitedShare: shareOf(attempts.rateLimited, attempts.sent),
    broken: judged.outcome === 'broken' || judged.leans === 'broken' ? brokenOf(summary) : [],
    validity: summary.validity.verdict,
  };
}

function judge(
  summary: LoadSummary,
  startsForMs: number | null,
): Pick<CapacityTrial, 'outcome' | 'leans' | 'reasons'> {
  const { silence, thresholds, timeline, validity, verdict } = summary;
  const isInvalid = validity.verdict === 'invalid';
  // Sessions that this client dropped count as errors; of times, what it added has been taken off.
  const isOwnFault = isInvalid && validity.dropped > 0 && silence === null;
  const isTimeBroken = thresholds.some(
    ({ severity, status, unit }) => severity === 'error' && status === 'fail' && unit === 'ms',
  );
  if (verdict.status === 'fail' && (isTimeBroken || !isOwnFault)) {
    return { outcome: 'broken', leans: null, reasons: verdict.reasons };
  }
  if (isInvalid) return { outcome: 'saturated', leans: null, reasons: validity.reasons };
  const rising = risingTail(startingPart(timeline, startsForMs));
  if (verdict.status === 'inconclusive') {
    const lean = leanOf(summary);
    // What still grows only looks as if it held.
    const leans = lean === 'held' && rising !== undefined ? null : lean;
    return { outcome: 'open', leans, reasons: verdict.reasons };
  }
  if (rising === undefined) return { outcome: 'held', leans: null, reasons: [] };
  const [from, to] = rising.map((ms) => formatDuration(ms));
  const reason = `time to first token was still rising, from ${from} to ${to}: run longer`;
  return { outcome: 'open', leans: null, reasons: [reason] };
}

/** The side of the figures themselves; null when one of them is missing, or nothing was answered. */
function leanOf({ counters, thresholds }: LoadSummary): CapacityTrial['leans'] {
  const binding = thresholds.filter(({ severity }) => severity === 'error');
  // A count of nothing is 0, which is no data either.
  if (binding.some(({ n, observed }) => observed === null || n === 0)) return null;
  if (binding.some(isOver)) return 'broken';
  return counters.calls.completed === 0 ? null : 'held';
}

function isOver({ expr, limit, observed }: ThresholdResult): boolean {
  const operator = OPERATORS.find((each) => expr.includes(each))!;
  return observed !== null && !keeps(operator, observed, limit);
}

/** Time to first token per bucket while sessions were starting; draining says nothing about the load. */
function startingPart(
  { bucketMs, ttftMs }: TimelineView,
  startsForMs: number | null,
): readonly (number | null)[] {
  const buckets = startsForMs === null ? ttftMs.length : Math.floor(startsForMs / bucketMs);
  return ttftMs.slice(0, buckets);
}

/** Over whole buckets after the warm-up, while sessions were starting; the whole run when it has none. */
function callsPerMinute({ rates, run, timeline }: LoadSummary, windowMs: number): number | null {
  const { bucketMs, completed } = timeline;
  const first = Math.ceil(run.warmUpMs / bucketMs);
  const end = Math.min(completed.length, Math.floor(windowMs / bucketMs));
  if (end - first < LEAST_BUCKETS) {
    const { callsCompleted } = rates;
    return callsCompleted === null
      ? null
      : round((callsCompleted * MS_PER_MINUTE) / MS_PER_SECOND, 1);
  }
  const calls = completed.slice(first, end).reduce((sum, each) => sum + each, 0);
  return round((calls * MS_PER_MINUTE) / ((end - first) * bucketMs), 1);
}

/** Fewer seconds than this are no rate. */
const LEAST_BUCKETS = 3;

function latencyOf({ metrics, thresholds }: LoadSummary): TrialLatency | null {
  const timed = thresholds.find(({ severity, unit }) => severity === 'error' && unit === 'ms');
  if (timed !== undefined) {
    const { interval, observed } = timed;
    return observed === null ? null : { name: figureName(timed), ms: observed, interval };
  }
  const ttft = metrics.ttft?.fromIntended ?? null;
  return ttft === null ? null : { name: 'ttft p95', ms: ttft.p95, interval: ttft.ci95.p95 };
}

/** `ttft (from send) p95`. */
function figureName(result: ThresholdResult): string {
  return `${thresholdName(result)} ${result.expr.split(/[<>=!]/)[0]!.trim()}`;
}

function brokenOf({ thresholds }: LoadSummary): BrokenThreshold[] {
  return thresholds
    .filter((each) => each.severity === 'error' && (each.status === 'fail' || isOver(each)))
    .toSorted((a, b) => excess(b) - excess(a))
    .map((result) => ({
      threshold: `${thresholdName(result)} ${result.expr}`,
      observed: result.observed,
      limit: result.limit,
      unit: result.unit,
    }));
}

/** Times over the limit; a limit of 0 is broken without measure. */
function excess({ limit, observed }: ThresholdResult): number {
  if (observed === null) return 0;
  return limit === 0 ? Infinity : observed / limit;
}

/** `ttft p95 < 2s: 3.1 s`. */
export function brokenText({ observed, threshold, unit }: BrokenThreshold): string {
  return `${threshold}: ${observedText(observed, unit)}`;
}

function shareOf(part: number, of: number): number | null {
  return of === 0 ? null : round(part / of, 6);
}
