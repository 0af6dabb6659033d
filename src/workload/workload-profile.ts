import type { SessionSkeleton } from '../core/trace.ts';
import type { ArrivalModelFit } from './arrival-fit.ts';
import type { ArrivalPattern } from './arrival-pattern.ts';
import type { CacheProfile } from './cacheability.ts';
import type { ClientProfile } from './clients.ts';
import type { DayShape } from './day-shape.ts';
import type { LengthFit } from './length-fit.ts';
import type { RepeatProfile } from './repeats.ts';
import type { StateSizes } from './state-size.ts';
import type { StatedFigures } from './stated.ts';
import type { StructureProfile } from './structure.ts';
import type { Summary } from './summary.ts';
import type { UsageProfile } from './usage-windows.ts';
import type { WindowPeaks } from './window-peaks.ts';

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
    /** Embedding calls; counted nowhere else. */
    readonly embeddings?: number | undefined;
  };
  /** How well the percentiles are known, and how many more calls would settle them. */
  readonly precision?: readonly Precision[] | undefined;
  /** Calls and tokens by model, largest first. */
  readonly models: readonly ModelShare[];
  readonly tokens: {
    readonly input: Summary | null;
    readonly uncached: Summary | null;
    readonly cacheRead: Summary | null;
    readonly cacheWrite: Summary | null;
    readonly output: Summary | null;
    readonly reasoning: Summary | null;
    /** Distributions that come closest to the counts; null with too few calls or a sketch. */
    readonly inputFit?: LengthFit | null | undefined;
    readonly outputFit?: LengthFit | null | undefined;
    /** Rank correlation of input and output over calls. */
    readonly spearmanInputOutput?: number | null | undefined;
  };
  readonly latency: {
    readonly e2eMs: Summary | null;
    readonly ttftMs: Summary | null;
    /** Per call: (end - first token) / (output - 1). */
    readonly itlMs: Summary | null;
  };
  readonly tools: Readonly<Record<string, ToolProfile>>;
  readonly state: {
    readonly reads: number;
    readonly writes: number;
    /** Null when the source tells no sizes. */
    readonly sizes?: StateSizes | null | undefined;
  };
  /** Null when the source has no common clock (no times, or times relative to each session). */
  readonly arrivals: ArrivalProfile | null;
  readonly concurrency: {
    readonly calls: { readonly mean: number; readonly peak: number } | null;
    readonly sessions: { readonly mean: number; readonly peak: number } | null;
    /** Most LLM calls of one turn in flight at once. */
    readonly fanOut: Summary | null;
  };
  readonly cache: CacheProfile;
  /** Shape of sessions: context growth, loops, critical path; null when the trace has no sessions. */
  readonly structure?: StructureProfile | null | undefined;
  /** Load by client (user, key, tenant), without names; null when the source names none. */
  readonly clients?: ClientProfile | null | undefined;
  /** Prompts and messages that came before; null when the source holds none. */
  readonly repeats?: RepeatProfile | null | undefined;
  /** Costs and sizes that the source states itself; null when it states none. */
  readonly stated?: StatedFigures | null | undefined;
  /** Totals of providers' usage exports; null without one. */
  readonly usage?: UsageProfile | null | undefined;
  readonly warnings: readonly string[];
  /** A sample of sessions to replay; empty when the trace has none. */
  readonly skeletons: readonly SessionSkeleton[];
}

export interface ProfileSource {
  readonly format: string;
  /** Where the traces come from: a page, a system, a team. */
  readonly page?: string | undefined;
  /** When they were recorded or published (ISO, YYYY-MM-DD), where the traces themselves do not say. */
  readonly date?: string | undefined;
  readonly files: readonly string[];
  readonly records: {
    readonly read: number;
    readonly used: number;
    readonly skipped: readonly { readonly reason: string; readonly count: number }[];
    readonly duplicatesSuppressed: number;
    readonly duplicates?:
      | readonly { readonly reason: string; readonly count: number }[]
      | undefined;
  };
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
    /** Input (cached or not) plus output. */
    readonly allIn: PeakRate;
    /** Input that no cache served: uncached plus cache writes. */
    readonly uncached: PeakRate;
    readonly output: PeakRate;
  };
  /** Peaks in windows of 1 and 10 s, per window; null where the timestamps are coarser. */
  readonly peaks?:
    | { readonly s1: WindowPeaks | null; readonly s10: WindowPeaks | null }
    | undefined;
  /** Gaps between consecutive arrivals in milliseconds. */
  readonly iatMs?: Summary | null | undefined;
  /** Largest window count over the mean count, for windows of 1, 10 and 60 s. */
  readonly peakToMean?:
    | { readonly s1: number | null; readonly s10: number | null; readonly s60: number | null }
    | undefined;
  /** Goh-Barabasi burstiness (s-m)/(s+m) of the gaps: -1 periodic, 0 Poisson, 1 bursty. */
  readonly burstiness?: number | null | undefined;
  /** 99th percentile of the 10 s rate over the mean rate. */
  readonly burstFactor?: number | null | undefined;
  /** Step of the timestamps when they are rounded (3,000 for Mooncake), else null. */
  readonly tickMs?: number | null | undefined;
  /** Calls and tokens over time, at most 120 equal buckets from the first arrival. */
  readonly timeline?: Timeline | undefined;
  readonly model?: ArrivalModelFit | null | undefined;
  readonly pattern?: ArrivalPattern | null | undefined;
  /** Null for traces of less than two days or 240 calls. */
  readonly day?: DayShape | null | undefined;
}

export interface Timeline {
  readonly bucketSeconds: number;
  readonly calls: readonly number[];
  readonly tokens: readonly number[];
}

export interface Precision {
  readonly metric: 'input' | 'output' | 'e2eMs' | 'ttftMs';
  /** Half the 95 % interval of the p95 over the p95; null when the data cannot bound it. */
  readonly p95RelativeHalfWidth: number | null;
  /** Further calls until the p95 is known within ±10 %, by the 1/sqrt(n) law; null when unknown. */
  readonly moreCallsForP95: number | null;
}

export type { ArrivalPattern } from './arrival-pattern.ts';
export type { Summary } from './summary.ts';

/** Per minute. Tumbling minutes start at the first arrival; sliding windows are (t-60 s, t]. */
export interface PeakRate {
  readonly mean: number;
  readonly peakTumbling: number;
  readonly peakSliding: number;
}
