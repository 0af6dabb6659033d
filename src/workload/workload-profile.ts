import type { SessionSkeleton } from '../core/trace.ts';

/**
 * The workload profile: what `profile` writes and what `plan` and `loadtest` read. The same object
 * is printed by `profile --json` (without skeletons) and stored as YAML (`kind: WorkloadProfile`).
 * Unknown is `null` (JSON has no undefined), never 0. Consumers ignore fields they do not know.
 */
export interface WorkloadProfile {
  readonly schema: 'agent-infra/workload-profile';
  readonly schemaVersion: '1.0';
  readonly name: string;
  readonly source: ProfileSource;
  readonly window: {
    readonly start: string | null;
    readonly end: string | null;
    readonly durationSeconds: number;
  };
  readonly sessions: {
    readonly count: number | null;
    readonly durationMs: Summary | null;
    readonly turnsPerSession: Summary | null;
    /** Wait of the user between turns. */
    readonly thinkMs: Summary | null;
  };
  readonly turns: {
    readonly count: number | null;
    readonly llmCallsPerTurn: Summary | null;
    readonly toolCallsPerTurn: Summary | null;
    readonly durationMs: Summary | null;
  };
  readonly calls: {
    readonly count: number;
    readonly attempts: number;
    readonly errors: number;
    /** Share of calls whose tokens were estimated, and whose tokens are unknown. */
    readonly tokensEstimated: number;
    readonly tokensMissing: number;
  };
  /** Calls and tokens by model, largest first. */
  readonly models: readonly ModelShare[];
  readonly tokens: {
    readonly input: Summary | null;
    readonly uncached: Summary | null;
    readonly cacheRead: Summary | null;
    readonly cacheWrite: Summary | null;
    readonly output: Summary | null;
    readonly reasoning: Summary | null;
  };
  readonly latency: {
    readonly e2eMs: Summary | null;
    readonly ttftMs: Summary | null;
    /** Per call: (end - first token) / (output - 1). */
    readonly itlMs: Summary | null;
  };
  readonly tools: Readonly<Record<string, ToolProfile>>;
  readonly state: { readonly reads: number; readonly writes: number };
  readonly arrivals: ArrivalProfile;
  readonly concurrency: {
    readonly calls: { readonly mean: number; readonly peak: number } | null;
    readonly sessions: { readonly mean: number; readonly peak: number } | null;
    /** Most LLM calls of one turn in flight at once. */
    readonly fanOut: Summary | null;
  };
  readonly cache: {
    /** Tokens read from the provider's cache over all input tokens, as the source reports. */
    readonly realisedHitRate: number | null;
    /** What prefix reuse would allow with an unlimited cache, when the trace has prefix hashes. */
    readonly potentialHitRate: number | null;
  };
  readonly warnings: readonly string[];
  /** A sample of sessions to replay; empty when the trace has none. */
  readonly skeletons: readonly SessionSkeleton[];
}

export interface ProfileSource {
  readonly format: string;
  readonly files: readonly string[];
  readonly records: {
    readonly read: number;
    readonly used: number;
    readonly skipped: readonly { readonly reason: string; readonly count: number }[];
    readonly duplicatesSuppressed: number;
  };
}

/** Population figures; percentiles are linear-interpolated (type 7). */
export interface Summary {
  readonly n: number;
  readonly sum: number;
  readonly mean: number;
  /** Population standard deviation. */
  readonly std: number;
  readonly min: number;
  readonly p50: number;
  readonly p90: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
  /** 95 % intervals by batch means in order of arrival; null when there are too few values; an unbounded end is null. */
  readonly ci95: {
    readonly mean: readonly [number, number] | null;
    readonly p95: readonly [number, number | null] | null;
  };
  /** False when the percentiles come from a sketch (relative error ≤ 0.1 %) instead of all values. */
  readonly exact: boolean;
}

export interface ModelShare {
  readonly model: string;
  readonly calls: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
}

export interface ToolProfile {
  readonly calls: number;
  readonly errors: number;
  readonly durationMs: Summary | null;
}

export interface ArrivalProfile {
  readonly ratePerSecond: number;
  /** Coefficient of variation of inter-arrival times (population). */
  readonly iatCv: number | null;
  /** Index of dispersion of counts in tumbling windows of 1, 10 and 60 s. */
  readonly idc: {
    readonly s1: number | null;
    readonly s10: number | null;
    readonly s60: number | null;
  };
  readonly rpm: PeakRate;
  readonly tpm: {
    readonly allIn: PeakRate;
    readonly uncached: PeakRate;
    readonly output: PeakRate;
  };
}

/** Per minute. Tumbling minutes start at the first arrival; sliding windows are (t-60 s, t]. */
export interface PeakRate {
  readonly mean: number;
  readonly peakTumbling: number;
  readonly peakSliding: number;
}
