import { randomStreams } from '../core/random.ts';
import { mean, meanInterval } from '../core/statistics.ts';
import { MS_PER_SECOND } from '../core/units.ts';
import type { RetryPolicy } from '../mechanisms/backoff.ts';
import { createProviderLimit } from '../mechanisms/provider-limit.ts';
import type { Enforcements, LimitName, LimitValues } from '../mechanisms/provider-limit.ts';
import type { RateLimit } from '../mechanisms/rate-limit.ts';
import { buildRing, onlineCallsPerMinute } from './call-ring.ts';
import { loadBySecond, refusesNothing } from './calm-load.ts';
import type { Estimate } from './demand.ts';
import type { Dimension } from './limit.ts';
import { play } from './limiter-run.ts';
import type { ClientRules, Counts } from './limiter-run.ts';
import type { LimitPool } from './limits.ts';
import { meanDemand } from './mean-demand.ts';
import type { PlanInput } from './plan-input.ts';

/**
 * How many calls a provider turns away: the pool's sessions against the provider's own limiter
 * (the one the simulated provider runs), event by event. A refused call is tried again when the
 * provider's hint or the client's back-off says, what waits for it in its session moves with it,
 * and a call that fails for good ends its turn: the behaviour of the load test's engine.
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
  /** Share of attempts that got a 429: what a provider's own dashboard shows. */
  readonly rejected: Estimate;
}

export interface RejectionOptions {
  readonly retry: RetryPolicy;
  readonly replications?: number | undefined;
  /** Calls of one replication; decides how many minutes are simulated. */
  readonly calls?: number | undefined;
  /** Whether refused clients are told when to come back. Default: as the provider's rule does. */
  readonly hints?: 'none' | undefined;
  /** What a call that failed for good does. Default: it ends its turn, as in a load test. */
  readonly onFailure?: ClientRules['onFailure'] | undefined;
}

const REPLICATIONS = 10;
const CALLS = 8000;
/**
 * Above this many calls a minute a smaller copy is simulated: limits and load divided alike. Its
 * bursts are relatively a little larger (by 1 % of the minute at this size), never smaller.
 */
const MOST_CALLS_PER_MINUTE = 10_000;

/** The reading that several providers reserve for themselves. */
export const PESSIMISTIC: Enforcements = { rpm: { kind: 'fixed', windowMs: MS_PER_SECOND } };

/** Limits that reject within minutes; days and months are judged by their volumes. */
const SHORT_LIMITS = ['rpm', 'rps', 'tpm', 'itpm', 'otpm', 'uncachedTpm', 'concurrency'] as const;

/** Rejections of one limit pool at one scale; undefined when the pool has no short-term limits. */
export function simulateRejections(
  input: PlanInput,
  pool: LimitPool,
  scale: number,
  options: RejectionOptions,
): Rejections | undefined {
  const values = shortLimits(input, pool);
  if (values === undefined) return undefined;
  const { provider, model } = pool.routes[0]!;
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

/** The limits of a pool that can refuse within minutes; undefined when there are none. */
export function shortLimits(input: PlanInput, pool: LimitPool): LimitValues | undefined {
  const names = SHORT_LIMITS.filter(
    (name) => pool.limits[name] !== undefined && isUsable(input, name),
  );
  if (names.length === 0) return undefined;
  return Object.fromEntries(names.map((name) => [name, pool.limits[name]]));
}

/** The client of a pool: what it is told when refused and what it does then. */
export function clientRules(pool: LimitPool, options: RejectionOptions): ClientRules {
  return {
    retry: options.retry,
    hints: options.hints ?? pool.routes[0]!.rule.rule,
    onFailure: options.onFailure ?? 'end-turn',
  };
}

/** The same sessions against both enforcements. */
function runBoth(
  input: PlanInput,
  pool: LimitPool,
  scale: number,
  values: LimitValues,
  options: RejectionOptions & { readonly replication: number },
): { readonly documented: Counts; readonly pessimistic: Counts } {
  const { calls, replication } = options;
  const streams = randomStreams(input.seed);
  const perMinute = onlineCallsPerMinute(input, pool) * scale;
  const thinning = Math.max(1, perMinute / MOST_CALLS_PER_MINUTE);
  const smaller: LimitValues = Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, value! / thinning]),
  );
  const arrivals = streams(`plan/429/${replication}`);
  const load = buildRing(input, pool, scale / thinning, calls ?? CALLS, arrivals);
  const { rule } = pool.routes[0]!.rule;
  const limiterOf = (enforcement: Enforcements): RateLimit =>
    createProviderLimit(rule, smaller, -load.warmUpMs, { enforcement });
  const share = (name: Dimension): number => loadOf(input, pool, name, scale);
  const units = limiterOf({}).dimensions.map(({ name, unit = name }) => unit);
  const seconds = SHORT_LIMITS.some((name) => values[name] !== undefined && share(name) >= 1)
    ? undefined
    : loadBySecond(load, units);
  const run = (enforcement: Enforcements): Counts => {
    if (seconds !== undefined && refusesNothing(limiterOf(enforcement), seconds)) {
      const { calls } = seconds;
      return { calls, attempts: calls, firstRejected: 0, rejected: 0, failed: 0 };
    }
    const limiter = limiterOf(enforcement);
    drainFullest(limiter, smaller, -load.warmUpMs, share);
    return play(
      load,
      limiter,
      clientRules(pool, options),
      streams(`plan/429-retry/${replication}`),
    );
  };
  const documented = run({});
  const isSame = values.rpm === undefined;
  return { documented, pessimistic: isSame ? documented : run(PESSIMISTIC) };
}

/**
 * A bucket that is asked for more than its refill has no credit left: after a minute of credit
 * at a load of 1.1 that takes ten minutes, so it starts empty instead of waiting for it. Only the
 * fullest does: what it refuses never reaches the others.
 */
function drainFullest(
  limiter: RateLimit,
  values: LimitValues,
  nowMs: number,
  load: (name: Dimension) => number,
): void {
  let fullest: { readonly load: number; readonly drain: () => void } | undefined;
  for (const { meter, name } of limiter.dimensions) {
    const own = load(name as Dimension);
    if (name === 'concurrency' || own < Math.max(1, fullest?.load ?? 0)) continue;
    fullest = {
      load: own,
      drain: () => meter.force(nowMs, values[name as LimitName]!),
    };
  }
  fullest?.drain();
}

function loadOf(input: PlanInput, pool: LimitPool, name: Dimension, scale: number): number {
  const demand = pool.routes.reduce((sum, route) => sum + (meanDemand(input, route, name) ?? 0), 0);
  return (demand * scale) / pool.limits[name]!;
}

function isUsable(input: PlanInput, name: (typeof SHORT_LIMITS)[number]): boolean {
  return input.traffic.tokensKnown || name === 'rpm' || name === 'rps' || name === 'concurrency';
}

function figures(runs: readonly Counts[]): RejectionFigures {
  const over = (pick: (run: Counts) => number, of: 'calls' | 'attempts'): Estimate => {
    const shares = runs.map((run) => (run[of] === 0 ? 0 : pick(run) / run[of]));
    const { low, high } = meanInterval(shares);
    return { value: mean(shares), low: Math.max(0, low), high };
  };
  return {
    firstAttempt: over((run) => run.firstRejected, 'calls'),
    failed: over((run) => run.failed, 'calls'),
    attempts: over((run) => run.attempts, 'calls'),
    rejected: over((run) => run.rejected, 'attempts'),
  };
}
