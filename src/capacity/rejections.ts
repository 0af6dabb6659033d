import { Heap } from '../core/heap.ts';
import { randomStreams } from '../core/random.ts';
import type { Random } from '../core/random.ts';
import { mean, meanInterval } from '../core/statistics.ts';
import { MS_PER_MINUTE, MS_PER_SECOND } from '../core/units.ts';
import { retryDelayMs } from '../mechanisms/backoff.ts';
import type { RetryPolicy } from '../mechanisms/backoff.ts';
import { createProviderLimit } from '../mechanisms/provider-limit.ts';
import type { Enforcements, LimitValues } from '../mechanisms/provider-limit.ts';
import type { Amounts, RateLimit, Reservation } from '../mechanisms/rate-limit.ts';
import { admissionDebit, debit } from './debit.ts';
import type { Estimate } from './demand.ts';
import type { LimitPool } from './limits.ts';
import type { Dimension } from './limit.ts';
import { callVolume, meanDemand } from './mean-demand.ts';
import type { PlanInput } from './plan-input.ts';
import { trafficMeans } from './traffic.ts';

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
/** Bounds of the simulated time: a whole minute's window, not more than an hour. */
const LEAST_MINUTES = 1;
const MOST_MINUTES = 60;
/** The end of the ring is played before its start, so that buckets are not full at time 0. */
const WARM_UP_MS = 2 * MS_PER_MINUTE;
/**
 * Above this many calls a minute a smaller copy is simulated: limits and load divided alike. Its
 * bursts are relatively a little larger (by 0.6 % of the minute at this size), never smaller.
 */
const MOST_CALLS_PER_MINUTE = 30_000;
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
    const known = overload(load, options.retry);
    return { provider, model, documented: known, pessimistic: known };
  }
  const run = (enforcement: Enforcements): RejectionFigures =>
    figures(input, pool, scale, values, enforcement, options);
  return { provider, model, documented: run({}), pessimistic: run(PESSIMISTIC) };
}

function loadOf(input: PlanInput, pool: LimitPool, name: Dimension, scale: number): number {
  const demand = pool.routes.reduce((sum, route) => sum + (meanDemand(input, route, name) ?? 0), 0);
  return (demand * scale) / pool.limits[name]!;
}

/**
 * A limiter that is never idle admits 1 of `load` calls, however often they are tried. With r
 * retries and each attempt rejected with probability p that is 1 - p^(r+1) = 1/load.
 */
export function overload(load: number, retry: RetryPolicy): RejectionFigures {
  const tries = retriesOf(retry) + 1;
  const failed = 1 - 1 / load;
  const rejected = failed ** (1 / tries);
  let attempts = 0;
  for (let attempt = 0; attempt < tries; attempt += 1) attempts += rejected ** attempt;
  const exactly = (value: number): Estimate => ({ value, low: value, high: value });
  return {
    firstAttempt: exactly(rejected),
    failed: exactly(failed),
    attempts: exactly(attempts),
  };
}

function retriesOf(retry: RetryPolicy): number {
  const random = randomStreams('retries')('count');
  for (let attempt = 1; ; attempt += 1) {
    const failed = { attempt, status: 429, headers: {}, nowEpochMs: 0 };
    if (retryDelayMs(retry, failed, random) === undefined) return attempt - 1;
  }
}

function isUsable(input: PlanInput, name: (typeof SHORT_LIMITS)[number]): boolean {
  return input.traffic.tokensKnown || name === 'rpm' || name === 'rps' || name === 'concurrency';
}

function figures(
  input: PlanInput,
  pool: LimitPool,
  scale: number,
  values: LimitValues,
  enforcement: Enforcements,
  options: RejectionOptions,
): RejectionFigures {
  const streams = randomStreams(input.seed);
  const perMinute = onlineCallsPerMinute(input, pool) * scale;
  const thinning = Math.max(1, perMinute / MOST_CALLS_PER_MINUTE);
  const smaller: LimitValues = Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, value! / thinning]),
  );
  const runs = Array.from({ length: options.replications ?? REPLICATIONS }, (_, replication) => {
    // The same calls for both enforcements and, up to the length of the ring, for every scale.
    const ring = buildRing(
      input,
      pool,
      scale / thinning,
      options.calls ?? CALLS,
      streams(`plan/429/${replication}`),
    );
    const limiter = createProviderLimit(pool.routes[0]!.rule.rule, smaller, -WARM_UP_MS, {
      enforcement,
    });
    return play(ring, limiter, options.retry, streams(`plan/429-retry/${replication}`));
  });
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

/** One simulated stretch of time: calls in order of their start, times on a ring. */
interface Ring {
  readonly lengthMs: number;
  readonly calls: readonly RingCall[];
}

interface RingCall {
  readonly atMs: number;
  readonly durationMs: number;
  readonly reserve: Amounts;
  readonly settle: Amounts;
}

function buildRing(
  input: PlanInput,
  pool: LimitPool,
  scale: number,
  calls: number,
  random: Random,
): Ring {
  const { traffic, volume } = input;
  const means = trafficMeans(traffic);
  const whole = onlineShare(pool);
  const callsPerMinute = onlineCallsPerMinute(input, pool) * scale;
  const minutes = Math.min(
    MOST_MINUTES,
    Math.max(LEAST_MINUTES, Math.ceil(calls / callsPerMinute)),
  );
  const lengthMs = minutes * MS_PER_MINUTE;
  const sessionsPerMs = (volume.turnsPerMinute * scale) / means.turnsPerSession / MS_PER_MINUTE;
  const amounts = amountsOf(input, pool);
  const found: RingCall[] = [];
  for (let atMs = 0; ;) {
    atMs += random.exponential(1 / sessionsPerMs);
    if (atMs >= lengthMs) break;
    const session = random.integer(traffic.sessions.length);
    for (const [index, call] of traffic.sessions[session]!.calls.entries()) {
      if (whole < 1 && random.uniform() >= whole) continue;
      found.push({
        atMs: (atMs + call.offsetMs) % lengthMs,
        durationMs: call.durationMs,
        ...amounts(session, index),
      });
    }
  }
  return { lengthMs, calls: found.toSorted((a, b) => a.atMs - b.atMs) };
}

function onlineShare(pool: LimitPool): number {
  return pool.routes.reduce((sum, route) => sum + route.share * (1 - route.batchShare), 0);
}

function onlineCallsPerMinute({ volume, traffic }: PlanInput, pool: LimitPool): number {
  return callVolume(volume, traffic).perMinute * onlineShare(pool);
}

type CallAmounts = Pick<RingCall, 'reserve' | 'settle'>;

function amountsOf(
  input: PlanInput,
  pool: LimitPool,
): (session: number, call: number) => CallAmounts {
  const known = new Map<string, CallAmounts>();
  const [route] = pool.routes;
  return (session, call) => {
    const key = `${session}/${call}`;
    const cached = known.get(key);
    if (cached !== undefined) return cached;
    const { tokens } = input.traffic.sessions[session]!.calls[call]!;
    const one = { tokens, maxOutputTokens: route!.maxOutputTokens };
    const { requests: _requests, ...settle } = debit(route!.rule, one);
    const made = { reserve: { ...admissionDebit(route!.rule, one), inFlight: 1 }, settle };
    known.set(key, made);
    return made;
  };
}

interface Counts {
  calls: number;
  firstRejected: number;
  failed: number;
  attempts: number;
}

type Event =
  | {
      readonly kind: 'attempt';
      readonly call: RingCall;
      readonly attempt: number;
      readonly isCounted: boolean;
    }
  | { readonly kind: 'done'; readonly call: RingCall; readonly reservation: Reservation };

function play(ring: Ring, limiter: RateLimit, retry: RetryPolicy, random: Random): Counts {
  // Requests are never given back, so their limits need no look at when a call ends.
  const settles = limiter.dimensions.some(({ unit }) => unit !== 'requests');
  const counts: Counts = { calls: 0, firstRejected: 0, failed: 0, attempts: 0 };
  const events = new Heap<Event>();
  const attempt = (nowMs: number, event: Event & { readonly kind: 'attempt' }): void => {
    const { call, isCounted } = event;
    const weight = isCounted ? 1 : 0;
    counts.attempts += weight;
    const decision = limiter.reserve(nowMs, call.reserve);
    if (decision.admitted) {
      if (settles)
        events.push(nowMs + call.durationMs, {
          kind: 'done',
          call,
          reservation: decision.reservation,
        });
      return;
    }
    if (event.attempt === 1) counts.firstRejected += weight;
    const failed = { attempt: event.attempt, status: 429, headers: {}, nowEpochMs: 0 };
    const delayMs = retryDelayMs(retry, failed, random);
    if (delayMs === undefined) counts.failed += weight;
    else events.push(nowMs + delayMs, { ...event, attempt: event.attempt + 1 });
  };
  const runUntil = (endMs: number): void => {
    for (;;) {
      const atMs = events.peekKey();
      if (atMs === undefined || atMs > endMs) return;
      const event = events.pop()!;
      if (event.kind === 'attempt') attempt(atMs, event);
      else limiter.settle(atMs, event.reservation, event.call.settle);
    }
  };
  const start = (call: RingCall, atMs: number, isCounted: boolean): void => {
    runUntil(atMs);
    if (isCounted) counts.calls += 1;
    attempt(atMs, { kind: 'attempt', call, attempt: 1, isCounted });
  };
  for (const call of ring.calls) {
    const before = call.atMs - ring.lengthMs;
    if (before >= -WARM_UP_MS) start(call, before, false);
  }
  for (const call of ring.calls) start(call, call.atMs, true);
  runUntil(Number.POSITIVE_INFINITY);
  return counts;
}
