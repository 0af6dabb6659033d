import type { Random } from '../core/random.ts';
import { MS_PER_MINUTE, MS_PER_SECOND } from '../core/units.ts';
import type { Amounts } from '../mechanisms/rate-limit.ts';
import { admissionDebit, debit } from './debit.ts';
import type { LimitPool } from './limits.ts';
import { callVolume } from './mean-demand.ts';
import type { PlanInput, Route } from './plan-input.ts';
import { trafficMeans } from './traffic.ts';
import type { TrafficSession } from './traffic.ts';

/** Bounds of the simulated time: a whole minute's window, not more than an hour. */
const LEAST_MINUTES = 1;
const MOST_MINUTES = 60;

/** One simulated stretch of time: calls in order of their start, times on a ring. */
export interface Ring {
  readonly lengthMs: number;
  readonly calls: readonly RingCall[];
}

export interface RingCall {
  readonly atMs: number;
  readonly durationMs: number;
  readonly reserve: Amounts;
  readonly settle: Amounts;
}

/**
 * Calls of a stretch long enough for about `calls` of them.
 * @param scale of the load; the same random stream gives the same calls
 */
export function buildRing(
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
      const { reserve, settle } = amounts(session, index);
      const ringMs = (atMs + call.offsetMs) % lengthMs;
      found.push({ atMs: ringMs, durationMs: call.durationMs, reserve, settle });
    }
  }
  return { lengthMs, calls: inOrder(found) };
}

/** Microseconds and position packed into one double, so that sorting needs no comparison function. */
const POSITIONS = 2 ** 20;

function inOrder(calls: readonly RingCall[]): RingCall[] {
  if (calls.length > POSITIONS) return calls.toSorted((a, b) => a.atMs - b.atMs);
  const keys = Float64Array.from(
    calls,
    ({ atMs }, position) => Math.floor(atMs * MS_PER_SECOND) * POSITIONS + position,
  ).toSorted();
  return Array.from(keys, (key) => calls[key % POSITIONS]!);
}

function onlineShare(pool: LimitPool): number {
  return pool.routes.reduce((sum, route) => sum + route.share * (1 - route.batchShare), 0);
}

/** Calls per minute of the pool at 1x that need an answer now. */
export function onlineCallsPerMinute({ volume, traffic }: PlanInput, pool: LimitPool): number {
  return callVolume(volume, traffic).perMinute * onlineShare(pool);
}

type CallAmounts = Pick<RingCall, 'reserve' | 'settle'>;

function amountsOf(
  input: PlanInput,
  pool: LimitPool,
): (session: number, call: number) => CallAmounts {
  const [route] = pool.routes;
  const known: (readonly CallAmounts[] | undefined)[] = [];
  return (session, call) => {
    const amounts = known[session] ?? sessionAmounts(input.traffic.sessions[session]!, route!);
    known[session] = amounts;
    return amounts[call]!;
  };
}

function sessionAmounts(session: TrafficSession, route: Route): CallAmounts[] {
  return session.calls.map(({ tokens }) => {
    const one = { tokens, maxOutputTokens: route.maxOutputTokens };
    const { requests: _requests, ...settle } = debit(route.rule, one);
    return { reserve: { ...admissionDebit(route.rule, one), inFlight: 1 }, settle };
  });
}
