import type { MetricName } from '../config/threshold.ts';
import type { EncodedHistogram } from '../core/histogram.ts';
import type { ThresholdResult } from './judge.ts';
import type { RunSample } from './sample.ts';
import type { Silence } from './silence.ts';
import type { TimelineView } from './timeline.ts';
import type { Validity } from './validity.ts';

/** summary.json: the fold of a run's samples. Consumers ignore fields they do not know. */
export interface LoadSummary {
  readonly schema: 'agent-infra/loadtest-summary';
  readonly schemaVersion: '1.0';
  readonly tool: RunSample['tool'];
  readonly run: {
    readonly scenario: string;
    readonly engine: RunSample['engine'];
    readonly startedAt: string;
    readonly durationMs: number;
    readonly seed: string | number;
    readonly configHash: string;
    /** What was sent, whatever the target; null in older samples. */
    readonly workloadHash: string | null;
    readonly host: RunSample['host'];
    readonly target: RunSample['target'];
    readonly load: readonly string[];
    readonly timingNotes: readonly string[];
    readonly warmUpMs: number;
  };
  /** False when the run was interrupted or its end is missing (killed). */
  readonly complete: boolean;
  /** What ended it early; null when nothing did, or when nobody could say (killed). */
  readonly stopped: 'SIGINT' | 'SIGTERM' | 'budget' | null;
  readonly verdict: Verdict;
  readonly counters: Counters;
  /** Per second over the whole run. */
  readonly rates: {
    readonly sessionsStarted: number | null;
    readonly callsCompleted: number | null;
    readonly outputTokens: number | null;
  };
  readonly metrics: Readonly<Partial<Record<MetricName, MetricFigures>>>;
  /** Failed and truncated attempts by code, most first. */
  readonly errors: readonly { readonly error: string; readonly count: number }[];
  /** The target died: nothing was answered any more at the end of the run. */
  readonly silence: Silence | null;
  readonly thresholds: readonly ThresholdResult[];
  readonly validity: Validity;
  readonly timeline: TimelineView;
}

export interface Verdict {
  readonly status: 'pass' | 'fail' | 'inconclusive';
  readonly reasons: readonly string[];
}

export interface Counters {
  readonly sessions: {
    readonly intended: number;
    readonly started: number;
    readonly completed: number;
    readonly failed: number;
    readonly dropped: number;
    /** Still running when the run ended. */
    readonly cut: number;
  };
  readonly turns: {
    readonly intended: number;
    readonly completed: number;
    readonly failed: number;
    readonly cut: number;
  };
  readonly calls: {
    readonly intended: number;
    readonly started: number;
    readonly completed: number;
    readonly failed: number;
    readonly truncated: number;
    readonly cut: number;
    /** Dropped with their session, or not reached after a failure. */
    readonly notStarted: number;
    /** Meant to start during the warm-up: without latencies here. */
    readonly warmUp: number;
  };
  readonly attempts: {
    readonly sent: number;
    readonly ok: number;
    readonly rateLimited: number;
    readonly failed: number;
    readonly truncated: number;
    readonly cut: number;
    readonly retries: number;
  };
  readonly tokens: {
    readonly input: number | null;
    readonly cacheRead: number | null;
    readonly output: number | null;
    readonly reasoning: number | null;
  };
  /** Time that sessions spent waiting between attempts. */
  readonly backoffMs: number;
}

export interface MetricFigures {
  readonly definition: string;
  readonly unit: 'ms';
  /** From the intended start: with every delay of this client. */
  readonly fromIntended?: TimeFigures | null;
  /** From the send. */
  readonly fromSend?: TimeFigures | null;
  /** Where the start does not matter. */
  readonly value?: TimeFigures | null;
}

export interface TimeFigures {
  readonly n: number;
  readonly mean: number;
  readonly min: number;
  readonly p50: number;
  readonly p90: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
  /** 95 % intervals by batch means; null when the run is too short, an end it cannot bound is null. */
  readonly ci95: {
    readonly mean: readonly [number, number] | null;
    readonly p50: readonly [number, number | null] | null;
    readonly p95: readonly [number, number | null] | null;
    readonly p99: readonly [number, number | null] | null;
  };
  /** Merges exactly with those of other machines. */
  readonly histogram: EncodedHistogram;
}
