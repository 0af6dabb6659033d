import { randomStreams } from '../core/random.ts';
import { mean, sampleStd, tQuantile } from '../core/statistics.ts';
import { MS_PER_MINUTE } from '../core/units.ts';
import { createProviderLimit } from '../mechanisms/provider-limit.ts';
import { buildRun } from './call-ring.ts';
import type { Estimate } from './demand.ts';
import { play } from './limiter-run.ts';
import type { Counts } from './limiter-run.ts';
import type { LimitPool } from './limits.ts';
import type { PlanInput } from './plan-input.ts';
import { clientRules, shortLimits } from './rejections.ts';
import type { RejectionOptions } from './rejections.ts';

/** A load test to come. */
export interface PlannedRun {
  /** Multiple of the plan's target. */
  readonly scale: number;
  /** Sessions start for this long. */
  readonly durationMs: number;
  /** Calls first sent before this do not count. */
  readonly warmUpMs: number;
}

/**
 * What one run will show, each with the interval in which 95 % of single runs lie: wider than the
 * interval of the mean, because the run has its own luck with its sessions.
 */
export interface RunForecast {
  readonly provider: string;
  readonly model: string;
  readonly runs: number;
  /** Calls first sent after the warm-up and before the last session starts. */
  readonly calls: Estimate;
  /** Share of those whose first attempt gets a 429. */
  readonly firstAttempt: Estimate;
  /** Share of attempts that get a 429. */
  readonly rejected: Estimate;
  /** Share of calls that fail after all retries. */
  readonly failed: Estimate;
}

/** Enough runs for a standard deviation known to about a tenth. */
const RUNS = 60;

/** Fixed windows of a minute start at any moment of a run: so does the run in theirs. */
const LONGEST_WINDOW_MS = MS_PER_MINUTE;

/**
 * Forecasts a run that starts with no sessions and full buckets, as a load test does; sessions
 * arrive as a Poisson process. Undefined when the pool has no short-term limits.
 */
export function forecastRun(
  input: PlanInput,
  pool: LimitPool,
  planned: PlannedRun,
  options: RejectionOptions,
): RunForecast | undefined {
  const values = shortLimits(input, pool);
  if (values === undefined) return undefined;
  const { model, provider, rule } = pool.routes[0]!;
  const streams = randomStreams(input.seed);
  const runs = Array.from({ length: options.replications ?? RUNS }, (_, run): Counts => {
    const load = buildRun(input, pool, planned, streams(`plan/run/${run}`));
    const phaseMs = streams(`plan/run-phase/${run}`).uniform() * LONGEST_WINDOW_MS;
    const limiter = createProviderLimit(rule.rule, values, -planned.warmUpMs, {
      windowStartMs: phaseMs,
    });
    return play(load, limiter, clientRules(pool, options), streams(`plan/run-retry/${run}`));
  });
  const share = (part: (run: Counts) => number, whole: (run: Counts) => number): Estimate =>
    nextShare(
      runs.map((run) => (whole(run) === 0 ? 0 : part(run) / whole(run))),
      mean(runs.map(whole)),
    );
  const calls = (run: Counts): number => run.calls;
  return {
    provider,
    model,
    runs: runs.length,
    calls: nextRun(runs.map(calls)),
    firstAttempt: share((run) => run.firstRejected, calls),
    rejected: share(
      (run) => run.rejected,
      (run) => run.attempts,
    ),
    failed: share((run) => run.failed, calls),
  };
}

/** A share of `of` things moves in steps of one of them: no interval is finer. */
function nextShare(values: readonly number[], of: number): Estimate {
  const { high, low, value } = nextRun(values);
  const step = of === 0 ? 1 : 1 / of;
  return {
    value,
    low: Math.max(0, Math.min(low, value - step)),
    high: Math.min(1, Math.max(high, value + step)),
  };
}

/** 95 % prediction interval for one more value: t with n - 1 degrees, s·√(1 + 1/n). */
function nextRun(values: readonly number[]): Estimate {
  const value = mean(values);
  const half =
    tQuantile(0.975, values.length - 1) * sampleStd(values) * Math.sqrt(1 + 1 / values.length);
  return { value, low: Math.max(0, value - half), high: value + half };
}
