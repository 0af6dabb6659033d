import { randomStreams } from '../core/random.ts';
import { mean, meanInterval } from '../core/statistics.ts';
import { MS_PER_SECOND } from '../core/units.ts';
import type { RetryPolicy } from '../mechanisms/backoff.ts';
import { createProviderLimit } from '../mechanisms/provider-limit.ts';
import type { Enforcements, LimitValues } from '../mechanisms/provider-limit.ts';
import { buildRing, onlineCallsPerMinute } from './call-ring.ts';
import type { Estimate } from './demand.ts';
import type { Dimension } from './limit.ts';
import { overload, play, WARM_UP_MS } from './limiter-run.ts';
import type { Counts } from './limiter-run.ts';
import type { LimitPool } from './limits.ts';
import { meanDemand } from './mean-demand.ts';
import type { PlanInput } from './plan-input.ts';

/**
 * How many calls a provider turns away: the pool's calls against the provider's own limiter (the
 * one the simulated provider runs), event by event, retries included. Calls do not wait for each
 * other's retries, so a rejected call never thins out the load behind it: slightly pessimistic.
 */
export interface Rejections {
  readonly provider: string;
  readonly model: string;
  /** As the provider documents its windows (a bucket of a minute where it says nothing). */
  readonly documented: RejectionFigures;
  /** Requests per minute enforced in every single second, as several providers reserve to do. */
  readonly pessimistic: RejectionFigures;
}

export interface RejectionFigures {
  /** Share of calls whose first attempt got a 429. */
  readonly firstAttempt: Estimate;
  /** Share of calls that failed after all retries. */
  readonly failed: Estimate;
  /** Attempts per call. */
  readonly attempts: Estimate;
}

export interface RejectionOptions {
  readonly retry: RetryPolicy;
  readonly replications?: number | undefined;
  /** Calls of one replication; decides how many minutes are simulated. */
  readonly calls?: number | undefined;
}

const REPLICATIONS = 10;
const CALLS = 8000;
/**
 * Above this many calls a minute a smaller copy is simulated: limits and load divided alike. Its
 * bursts are relatively a little larger (by 0.7 % of the minute at this size), never smaller.
 */
const MOST_CALLS_PER_MINUTE = 20_000;
/** Load above which the limiter is never idle and `overload` is exact enough. */
const OVERLOADED = 2;

const PESSIMISTIC: Enforcements = { rpm: { kind: 'fixed', windowMs: MS_PER_SECOND } };

/** Limits that reject within minutes; days and months are judged by their volumes. */
const SHORT_LIMITS = ['rpm', 'rps', 'tpm', 'itpm', 'otpm', 'uncachedTpm', 'concurrency'] as const;

/** Rejections of one limit pool at one scale; undefined when the pool has no short-term limits. */
export function simulateRejections(
  input: PlanInput,
  pool: LimitPool,
  scale: number,
  options: RejectionOptions,
): Rejections | undefined {
  const names = SHORT_LIMITS.filter(
    (name) => pool.limits[name] !== undefined && isUsable(input, name),
  );
  if (names.length === 0) return undefined;
  const values: LimitValues = Object.fromEntries(names.map((name) => [name, pool.limits[name]]));
  const { provider, model } = pool.routes[0]!;
  const load = Math.max(...names.map((name) => loadOf(input, pool, name, scale)));
  if (load > OVERLOADED) {
    const shares = overload(load, options.retry);
    const known: RejectionFigures = {
      firstAttempt: exactly(shares.firstAttempt),
      failed: exactly(shares.failed),
      attempts: exactly(shares.attempts),
    };
    return { provider, model, documented: known, pessimistic: known };
  }
  const runs = Array.from({ length: options.replications ?? REPLICATIONS }, (_, replication) =>
    runBoth(input, pool, scale, values, { ...options, replication }),
  );
  return {
    provider,
    model,
    documented: figures(runs.map((run) => run.documented)),
    pessimistic: figures(runs.map((run) => run.pessimistic)),
  };
}

/** The same calls against both enforcements. */
function runBoth(
  input: PlanInput,
  pool: LimitPool,
  scale: number,
  values: LimitValues,
  { retry, calls, replication }: RejectionOptions & { readonly replication: number },
): { readonly documented: Counts; readonly pessimistic: Counts } {
  const streams = randomStreams(input.seed);
  const perMinute = onlineCallsPerMinute(input, pool) * scale;
  const thinning = Math.max(1, perMinute / MOST_CALLS_PER_MINUTE);
  const smaller: LimitValues = Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, value! / thinning]),
  );
  const arrivals = streams(`plan/429/${replication}`);
  const ring = buildRing(input, pool, scale / thinning, calls ?? CALLS, arrivals);
  const run = (enforcement: Enforcements): Counts => {
    const { rule } = pool.routes[0]!.rule;
    const limiter = createProviderLimit(rule, smaller, -WARM_UP_MS, { enforcement });
    return play(ring, limiter, retry, streams(`plan/429-retry/${replication}`));
  };
  return { documented: run({}), pessimistic: run(PESSIMISTIC) };
}

function loadOf(input: PlanInput, pool: LimitPool, name: Dimension, scale: number): number {
  const demand = pool.routes.reduce((sum, route) => sum + (meanDemand(input, route, name) ?? 0), 0);
  return (demand * scale) / pool.limits[name]!;
}

function exactly(value: number): Estimate {
  return { value, low: value, high: value };
}

function isUsable(input: PlanInput, name: (typeof SHORT_LIMITS)[number]): boolean {
  return input.traffic.tokensKnown || name === 'rpm' || name === 'rps' || name === 'concurrency';
}

function figures(runs: readonly Counts[]): RejectionFigures {
  const over = (pick: (run: Counts) => number): Estimate => {
    const shares = runs.map((run) => (run.calls === 0 ? 0 : pick(run) / run.calls));
    const { low, high } = meanInterval(shares);
    return { value: mean(shares), low: Math.max(0, low), high };
  };
  return {
    firstAttempt: over((run) => run.firstRejected),
    failed: over((run) => run.failed),
    attempts: over((run) => run.attempts),
  };
}
