import { Heap } from '../core/heap.ts';
import { randomStreams } from '../core/random.ts';
import { mean, meanInterval } from '../core/statistics.ts';
import { createProviderLimit } from '../mechanisms/provider-limit.ts';
import type { Enforcements, LimitValues } from '../mechanisms/provider-limit.ts';
import type { Amounts, RateLimit, Reservation } from '../mechanisms/rate-limit.ts';
import { buildRing, onlineCallsPerMinute } from './call-ring.ts';
import type { SessionLoad } from './call-ring.ts';
import type { Estimate } from './demand.ts';
import { dimensionsOf } from './limit.ts';
import type { LimitPool } from './limits.ts';
import { meanDemand } from './mean-demand.ts';
import type { PlanInput } from './plan-input.ts';
import { PESSIMISTIC, shortLimits } from './rejections.ts';
import type { Rejections } from './rejections.ts';
import { SessionPlay } from './session-play.ts';

/**
 * What calls wait when the client knows the provider's limits and sends each call only once there
 * is room, in the order they come: nothing is refused, and what follows in a session comes later.
 */
export interface Queueing {
  readonly provider: string;
  readonly model: string;
  /** Under the documented windows; null: more is asked than is granted, the queue has no end. */
  readonly documented: Waits | null;
  /** Requests per minute enforced in every second. */
  readonly pessimistic: Waits | null;
}

export interface Waits {
  /** Share of calls that wait at all. */
  readonly waiting: Estimate;
  readonly meanMs: Estimate;
  readonly p95Ms: Estimate;
}

export interface QueueOptions {
  readonly replications?: number | undefined;
  /** Calls of one replication; decides how many minutes are simulated. */
  readonly calls?: number | undefined;
}

/** As many as of the refusals' simulation: enough for a t-interval of the mean and the p95. */
const REPLICATIONS = 10;
/** Of one replication: its p95 then rests on 400 calls beyond it. */
const CALLS = 8000;
/** Above this many calls a minute a smaller copy is simulated, as for refusals. */
const MOST_CALLS_PER_MINUTE = 10_000;

/** Rounding may leave a little missing at the very moment that was promised. */
const LEAST_WAIT_MS = 0.01;

const NOTHING: Estimate = { value: 0, low: 0, high: 0 };
const NO_WAITS: Waits = { waiting: NOTHING, meanMs: NOTHING, p95Ms: NOTHING };

/** The waits of a pool whose refusals are known: where nothing is refused, nobody waits. */
export function queueFor(
  input: PlanInput,
  pool: LimitPool,
  refused: Rejections,
  scale: number,
  options: QueueOptions,
): Queueing {
  const waits = (enforcement: 'documented' | 'pessimistic'): Waits | null => {
    if (refused[enforcement].firstAttempt.high === 0) return NO_WAITS;
    return simulateQueue(input, pool, { scale, enforcement }, options) ?? null;
  };
  const { model, provider } = refused;
  const documented = waits('documented');
  // Without RPM there is no second to enforce it in.
  const isSame = pool.limits.rpm === undefined;
  return { provider, model, documented, pessimistic: isSame ? documented : waits('pessimistic') };
}

/** Waits of one limit pool at one scale; null without end; undefined without short-term limits. */
export function simulateQueue(
  input: PlanInput,
  pool: LimitPool,
  at: { readonly scale: number; readonly enforcement?: 'documented' | 'pessimistic' | undefined },
  options: QueueOptions = {},
): Waits | null | undefined {
  const values = shortLimits(input, pool);
  if (values === undefined) return undefined;
  const { scale } = at;
  if (isOverloaded(input, pool, values, scale)) return null;
  const thinning = Math.max(1, (onlineCallsPerMinute(input, pool) * scale) / MOST_CALLS_PER_MINUTE);
  const smaller: LimitValues = Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, value! / thinning]),
  );
  const enforcement: Enforcements = at.enforcement === 'pessimistic' ? PESSIMISTIC : {};
  const { rule } = pool.routes[0]!.rule;
  const streams = randomStreams(input.seed);
  const runs = Array.from({ length: options.replications ?? REPLICATIONS }, (_, replication) => {
    const arrivals = streams(`plan/429/${replication}`);
    const load = buildRing(input, pool, scale / thinning, options.calls ?? CALLS, arrivals);
    const limiter = createProviderLimit(rule, smaller, -load.warmUpMs, { enforcement });
    return waitsOf(load, limiter).toSorted((a, b) => a - b);
  });
  return {
    waiting: estimated(runs, (waits) => waits.filter((wait) => wait > 0).length / waits.length),
    meanMs: estimated(runs, mean),
    p95Ms: estimated(runs, (waits) => waits[Math.ceil(0.95 * waits.length) - 1]!),
  };
}

function isOverloaded(
  input: PlanInput,
  pool: LimitPool,
  values: LimitValues,
  scale: number,
): boolean {
  return dimensionsOf(values).some((name) => {
    const demand = pool.routes.map((route) => meanDemand(input, route, name) ?? 0);
    return demand.reduce((sum, one) => sum + one, 0) * scale >= values[name]!;
  });
}

/** What happens next to a call; the queue itself is looked at under the place QUEUE. */
const ASK = 1;
const OVER = 0;
const QUEUE = -1;

/** Waits in ms of the calls that are sent between time 0 and the end of the load. */
function waitsOf(load: SessionLoad, limiter: RateLimit): number[] {
  const waits: number[] = [];
  // Places of calls, or QUEUE.
  const events = new Heap<number>();
  const sessions = new SessionPlay(load.parts, 'end-turn', (place, atMs) => {
    nexts[place] = ASK;
    events.push(atMs, place);
  });
  const nexts = new Int8Array(sessions.size);
  const reservations: (Reservation | undefined)[] = [];
  const queue: { readonly place: number; readonly sinceMs: number }[] = [];
  let head = 0;
  /** When the head of the queue is looked at again without anything else happening. */
  let roomAtMs = Number.POSITIVE_INFINITY;
  let begun = 0;
  for (;;) {
    const nowMs = events.peekKey() ?? Number.POSITIVE_INFINITY;
    if (begun < load.parts.length && load.parts[begun]!.beginMs <= nowMs) {
      sessions.begin(begun);
      begun += 1;
      continue;
    }
    if (nowMs >= load.endMs) break;
    const place = events.pop()!;
    if (place === QUEUE) {
      if (nowMs >= roomAtMs) roomAtMs = Number.POSITIVE_INFINITY;
    } else if (nexts[place] === ASK) queue.push({ place, sinceMs: nowMs });
    else over(nowMs, place);
    sendAll(nowMs);
  }
  // Who still waits at the end has waited so long at least.
  for (const { sinceMs } of queue.slice(head)) waits.push(load.endMs - sinceMs);
  return waits;

  function over(nowMs: number, place: number): void {
    const reservation = reservations[place];
    const amounts = sessions.callAt(place).amounts?.settle;
    reservations[place] = undefined;
    if (reservation !== undefined && amounts !== undefined) {
      limiter.settle(nowMs, reservation, amounts);
    }
    sessions.finish(place, nowMs, 'ok');
  }

  function sendAll(nowMs: number): void {
    while (head < queue.length) {
      const { place, sinceMs } = queue[head]!;
      const { amounts, durationMs } = sessions.callAt(place);
      const waitMs = amounts === undefined ? 0 : roomIn(limiter, nowMs, amounts.reserve);
      if (waitMs === Number.POSITIVE_INFINITY) {
        // Larger than the limit itself: it can never pass.
        head += 1;
        sessions.finish(place, nowMs, 'failed');
        continue;
      }
      if (waitMs > 0) {
        lookAgain(nowMs + Math.max(LEAST_WAIT_MS, waitMs));
        return;
      }
      head += 1;
      const decision = amounts === undefined ? undefined : limiter.reserve(nowMs, amounts.reserve);
      if (decision?.admitted === true) reservations[place] = decision.reservation;
      if (amounts !== undefined && nowMs >= 0) waits.push(nowMs - sinceMs);
      nexts[place] = OVER;
      events.push(nowMs + durationMs, place);
    }
  }

  function lookAgain(atMs: number): void {
    if (!(atMs < roomAtMs)) return;
    roomAtMs = atMs;
    events.push(atMs, QUEUE);
  }
}

/** Time until every dimension has room, without asking for it: asking may count when refused. */
function roomIn(limiter: RateLimit, nowMs: number, amounts: Amounts): number {
  let waitMs = 0;
  for (const { meter, name, unit } of limiter.dimensions) {
    const amount = amounts[unit ?? name];
    if (amount !== undefined) waitMs = Math.max(waitMs, meter.waitMs(nowMs, amount));
  }
  return waitMs;
}

function estimated(runs: readonly number[][], pick: (waits: number[]) => number): Estimate {
  const values = runs.map((waits) => (waits.length === 0 ? 0 : pick(waits)));
  const { low, high } = meanInterval(values);
  return { value: mean(values), low: Math.max(0, low), high };
}
