import type { Plan } from '../capacity/plan.ts';
import type { LoadSummary } from '../loadtest/summary.ts';
import type { HostFacts } from '../system.ts';
import type { WorkloadProfile } from '../workload/workload-profile.ts';

/** What the demo found: written as summary.json (without the parts that have files of their own). */
export interface DemoReport {
  readonly schema: 'agent-infra/demo';
  readonly schemaVersion: '1.0';
  readonly tool: { readonly name: string; readonly version: string };
  readonly startedAt: string;
  readonly durationMs: number;
  readonly seed: string | number;
  readonly host: HostFacts;
  readonly recording: DemoRecording;
  readonly provider: DemoProvider;
  readonly load: DemoLoad;
  /** How the forecast was made. */
  readonly forecast: { readonly replications: number; readonly durationMs: number };
  readonly comparison: readonly Comparison[];
  readonly held: number;
  readonly missed: number;
  readonly notMeasured: number;
}

export interface DemoRecording {
  readonly sessions: number;
  readonly turns: number;
  readonly calls: number;
  readonly toolCalls: number;
  readonly failures: number;
  readonly durationMs: number;
}

/** The limits that the simulated provider enforces and publishes. */
interface DemoProvider {
  readonly model: string;
  readonly requestsPerMinute: number;
  readonly requestBurst: number;
  readonly tokensPerMinute: number;
}

interface DemoLoad {
  readonly sessionsPerSecond: number;
  readonly durationMs: number;
  /** The part of the run that is compared. */
  readonly window: { readonly fromMs: number; readonly toMs: number };
}

export type FigureUnit = 'perMinute' | 'ms' | 'share';

/** One predicted and measured figure with the tolerance that was set beforehand. */
export interface Comparison {
  readonly name: string;
  readonly definition: string;
  readonly unit: FigureUnit;
  /** Median and 90 % interval of the forecast. */
  readonly predicted: {
    readonly value: number;
    readonly low: number;
    readonly high: number;
  } | null;
  readonly measured: number | null;
  /** Added to the interval on both sides: relative for rates and times, in points for shares. */
  readonly tolerance: number;
  readonly verdict: 'held' | 'missed' | 'not measured';
}

/** Everything the demo's page shows. */
export interface DemoPage {
  readonly report: DemoReport;
  readonly profile: WorkloadProfile;
  readonly plan: Plan;
  readonly summary: LoadSummary;
}

/** Judges one figure. No data on either side is "not measured", never held. */
export function compare(row: Omit<Comparison, 'verdict'>): Comparison {
  const range = allowedRange(row);
  if (range === null || row.measured === null) return { ...row, verdict: 'not measured' };
  const isInside = row.measured >= range[0] && row.measured <= range[1];
  return { ...row, verdict: isInside ? 'held' : 'missed' };
}

/** The forecast's interval widened by the tolerance; null without a forecast. */
export function allowedRange({
  predicted,
  tolerance,
  unit,
}: Omit<Comparison, 'verdict'>): readonly [number, number] | null {
  if (predicted === null) return null;
  const { high, low } = predicted;
  return unit === 'share'
    ? [Math.max(0, low - tolerance), Math.min(1, high + tolerance)]
    : [low * (1 - tolerance), high * (1 + tolerance)];
}
