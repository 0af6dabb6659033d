import type { Random } from '../core/random.ts';
import { MS_PER_MINUTE } from '../core/units.ts';
import type { Amounts } from '../mechanisms/rate-limit.ts';
import { admissionDebit, debit } from './debit.ts';
import type { LimitPool } from './limits.ts';
import { callVolume } from './mean-demand.ts';
import type { PlanInput, Route } from './plan-input.ts';
import { callShare, routeTokens } from './routing.ts';
import { freeGraph } from './session-graph.ts';
import type { SessionGraph } from './session-graph.ts';
import { trafficMeans } from './traffic.ts';
import type { TrafficSession } from './traffic.ts';

/** Bounds of the simulated time: a whole minute's window, not more than an hour. */
const LEAST_MINUTES = 1;
const MOST_MINUTES = 60;

/** The end of the ring is played before its start, so that buckets are not full at time 0. */
const WARM_UP_MS = 2 * MS_PER_MINUTE;

/** Sessions to play against a limiter. Times run from -`warmUpMs` (not counted) to `endMs`. */
export interface SessionLoad {
  readonly warmUpMs: number;
  readonly endMs: number;
  /** In the order of their begin. */
  readonly parts: readonly SessionPart[];
}

/** A session, or the part of it that falls into the simulated time. */
export interface SessionPart {
  /** When the session started or would have started. */
  readonly startMs: number;
  /** No call is sent before this. */
  readonly beginMs: number;
  /** Calls whose undisturbed start lies in [fromMs, toMs) are played; those before are over. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly graph: SessionGraph;
  readonly calls: readonly PlayedCall[];
  /** Largest offset of a call. */
  readonly lastOffsetMs: number;
}

export interface PlayedCall {
  /** Undisturbed start, from the session's. */
  readonly offsetMs: number;
  readonly durationMs: number;
  /** Undefined for a call that another provider answers, or the batch interface. */
  readonly amounts: CallAmounts | undefined;
}

interface CallAmounts {
  readonly reserve: Amounts;
  /** Undefined when the end of the call changes nothing that was reserved. */
  readonly settle: Amounts | undefined;
}

/**
 * A stretch of the busy period long enough for about `calls` calls, as a ring: what runs past its
 * end continues at its start, so that sessions of any length are there from the first moment.
 * @param scale of the load; the same random stream gives the same sessions
 */
export function buildRing(
  input: PlanInput,
  pool: LimitPool,
  scale: number,
  calls: number,
  random: Random,
): SessionLoad {
  const callsPerMinute = onlineCallsPerMinute(input, pool) * scale;
  const minutes = Math.min(
    MOST_MINUTES,
    Math.max(LEAST_MINUTES, Math.ceil(calls / callsPerMinute)),
  );
  const lengthMs = minutes * MS_PER_MINUTE;
  const warmUpMs = Math.min(WARM_UP_MS, lengthMs);
  const parts: SessionPart[] = [];
  const draw = sessionDrawer(input, pool, random);
  const meanGapMs = 1 / sessionsPerMs(input, scale);
  for (let atMs = 0; ;) {
    atMs += random.exponential(meanGapMs);
    if (atMs >= lengthMs) break;
    const session = draw();
    for (const lap of lapsOf(session.calls, atMs, lengthMs)) {
      const startMs = atMs - lap * lengthMs;
      parts.push(part(startMs, 0, lengthMs, session));
      const before = startMs - lengthMs;
      if (session.calls.some(({ offsetMs }) => isWithin(before + offsetMs, -warmUpMs, 0))) {
        parts.push(part(before, -warmUpMs, 0, session));
      }
    }
  }
  parts.sort((a, b) => a.beginMs - b.beginMs);
  return { warmUpMs, endMs: lengthMs, parts };
}

/** The sessions of a run that starts with nothing: a load test of this length at this scale. */
export function buildRun(
  input: PlanInput,
  pool: LimitPool,
  run: { readonly scale: number; readonly durationMs: number; readonly warmUpMs: number },
  random: Random,
): SessionLoad {
  const parts: SessionPart[] = [];
  const draw = sessionDrawer(input, pool, random);
  const meanGapMs = 1 / sessionsPerMs(input, run.scale);
  const endMs = run.durationMs - run.warmUpMs;
  for (let atMs = -run.warmUpMs; ;) {
    atMs += random.exponential(meanGapMs);
    if (atMs >= endMs) break;
    parts.push(part(atMs, -run.warmUpMs, Number.POSITIVE_INFINITY, draw()));
  }
  return { warmUpMs: run.warmUpMs, endMs, parts };
}

/** Calls per minute of the pool at 1x that need an answer now. */
export function onlineCallsPerMinute({ volume, traffic }: PlanInput, pool: LimitPool): number {
  return callVolume(volume, traffic).perMinute * onlineShare(pool);
}

function onlineShare(pool: LimitPool): number {
  return pool.routes.reduce((sum, route) => sum + route.share * (1 - route.batchShare), 0);
}

function sessionsPerMs({ traffic, volume }: PlanInput, scale: number): number {
  const { turnsPerSession } = trafficMeans(traffic);
  return (volume.turnsPerMinute * scale) / turnsPerSession / MS_PER_MINUTE;
}

type DrawnSession = Pick<SessionPart, 'graph' | 'calls' | 'lastOffsetMs'>;

function part(startMs: number, fromMs: number, toMs: number, session: DrawnSession): SessionPart {
  const { calls, graph, lastOffsetMs } = session;
  return { startMs, beginMs: Math.max(startMs, fromMs), fromMs, toMs, graph, calls, lastOffsetMs };
}

/** Draws sessions of the traffic, each call of the pool with its amounts. */
function sessionDrawer(input: PlanInput, pool: LimitPool, random: Random): () => DrawnSession {
  const { sessions } = input.traffic;
  const { routes } = pool;
  const [only] = routes;
  const takesAll = routes.length === 1 && only!.selection === undefined && onlineShare(pool) >= 1;
  const known: (readonly DrawnSession[] | undefined)[] = [];
  const firstCall = firstCalls(sessions);
  return () => {
    const index = random.integer(sessions.length);
    const played = (known[index] ??= routes.map((route) => playedSession(sessions[index]!, route)));
    const session = played[0]!;
    if (takesAll) return session;
    const calls = session.calls.map((call, position) => {
      let left = random.uniform();
      for (const [route, one] of routes.entries()) {
        left -= callShare(one, firstCall[index]! + position) * (1 - one.batchShare);
        if (left < 0) return played[route]!.calls[position]!;
      }
      return { ...call, amounts: undefined };
    });
    return { ...session, calls };
  };
}

/** Index of each session's first call among the calls of the traffic. */
function firstCalls(sessions: readonly TrafficSession[]): number[] {
  let next = 0;
  return sessions.map(({ calls }) => {
    const first = next;
    next += calls.length;
    return first;
  });
}

function playedSession(session: TrafficSession, route: Route): DrawnSession {
  const calls = session.calls.map(({ durationMs, offsetMs, tokens }) => {
    const one = {
      tokens: routeTokens(route, tokens),
      maxOutputTokens: route.maxOutputTokens,
    };
    const { requests: _requests, ...settle } = debit(route.rule, one);
    const reserve = { ...admissionDebit(route.rule, one), inFlight: 1 };
    const isFinal =
      route.limits.concurrency === undefined &&
      Object.entries(settle).every(([unit, used]) => reserve[unit as keyof typeof settle] === used);
    const amounts = { reserve, settle: isFinal ? undefined : settle };
    return { offsetMs, durationMs, amounts };
  });
  // Calls that were taken out of a session leave the rest without its order.
  const isWhole = session.graph.calls.length === calls.length;
  const graph = isWhole ? session.graph : freeGraph(calls.map(({ offsetMs }) => offsetMs));
  let lastOffsetMs = 0;
  for (const { offsetMs } of calls) lastOffsetMs = Math.max(lastOffsetMs, offsetMs);
  return { graph, calls, lastOffsetMs };
}

/** How often a session that starts at `atMs` passes the ring's end before each of its calls. */
function lapsOf(calls: readonly PlayedCall[], atMs: number, lengthMs: number): Set<number> {
  const laps = new Set<number>();
  for (const { offsetMs } of calls) laps.add(Math.floor((atMs + offsetMs) / lengthMs));
  return laps;
}

function isWithin(value: number, from: number, to: number): boolean {
  return value >= from && value < to;
}
