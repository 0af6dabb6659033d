import type { Random } from '../core/random.ts';
import { MS_PER_MINUTE } from '../core/units.ts';
import type { LimitPool } from './limits.ts';
import { callVolume } from './mean-demand.ts';
import type { PlanInput } from './plan-input.ts';
import { firstCalls, playedSession } from './played-session.ts';
import type { PlayedCall, PlayedSession } from './played-session.ts';
import { callShare } from './routing.ts';
import { trafficMeans } from './traffic.ts';

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
  readonly session: PlayedSession;
  /** When the session started or would have started. */
  readonly startMs: number;
  /** No call is sent before this. */
  readonly beginMs: number;
  /** Calls whose undisturbed start lies in [fromMs, toMs) are played; those before are over. */
  readonly fromMs: number;
  readonly toMs: number;
  /** All played calls have indices from `first` on ... */
  readonly first: number;
  /** ... up to, not including, `end`. */
  readonly end: number;
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
    for (const [lap, { all, warm }] of lapsOf(session, atMs, { lengthMs, warmUpMs })) {
      const startMs = atMs - lap * lengthMs;
      parts.push(part(session, startMs, 0, lengthMs, all));
      if (warm === undefined) continue;
      parts.push(part(session, startMs - lengthMs, -warmUpMs, 0, warm));
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
    const session = draw();
    const all = { first: 0, end: session.calls.length };
    parts.push(part(session, atMs, -run.warmUpMs, Number.POSITIVE_INFINITY, all));
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

function part(
  session: PlayedSession,
  startMs: number,
  fromMs: number,
  toMs: number,
  { end, first }: Range,
): SessionPart {
  return { session, startMs, beginMs: Math.max(startMs, fromMs), fromMs, toMs, first, end };
}

/** Draws sessions of the traffic, each call of the pool with its amounts. */
function sessionDrawer(input: PlanInput, pool: LimitPool, random: Random): () => PlayedSession {
  const { traffic } = input;
  const { routes } = pool;
  const [only] = routes;
  const sessions = traffic.sessions.length;
  if (routes.length === 1 && only!.selection === undefined && onlineShare(pool) >= 1) {
    return () => playedSession(traffic, only!, random.integer(sessions));
  }
  const firstCall = firstCalls(traffic);
  const others: (readonly PlayedCall[] | undefined)[] = [];
  return () => {
    const index = random.integer(sessions);
    const played = routes.map((route) => playedSession(traffic, route, index));
    const first = firstCall[index]!;
    const session = played[0]!;
    const elsewhere = (others[index] ??= session.calls.map((call) => ({
      ...call,
      amounts: undefined,
    })));
    const calls = elsewhere.map((call, position) => {
      let left = random.uniform();
      for (let route = 0; route < routes.length; route += 1) {
        const one = routes[route]!;
        left -= callShare(one, first + position) * (1 - one.batchShare);
        if (left < 0) return played[route]!.calls[position]!;
      }
      return call;
    });
    return { ...session, calls };
  };
}

interface Range {
  first: number;
  end: number;
}

interface Lap {
  /** Its calls ... */
  readonly all: Range;
  /** ... and those that are played before the ring's start as well. */
  warm: Range | undefined;
}

/** How often a session that starts at `atMs` passes the ring's end before each of its calls. */
function lapsOf(
  { calls, lastOffsetMs }: PlayedSession,
  atMs: number,
  { lengthMs, warmUpMs }: { readonly lengthMs: number; readonly warmUpMs: number },
): readonly (readonly [number, Lap])[] {
  if (atMs + lastOffsetMs < lengthMs && calls.length > 0) {
    const all = { first: 0, end: calls.length };
    // The most common cases: nothing lies in the ring's last stretch, or all of a short ring does.
    if (atMs + lastOffsetMs < lengthMs - warmUpMs - 1) return [[0, { all, warm: undefined }]];
    if (warmUpMs === lengthMs) return [[0, { all, warm: all }]];
  }
  const laps = new Map<number, Lap>();
  for (let call = 0; call < calls.length; call += 1) {
    const passed = Math.floor((atMs + calls[call]!.offsetMs) / lengthMs);
    let lap = laps.get(passed);
    if (lap === undefined) {
      lap = { all: { first: call, end: call + 1 }, warm: undefined };
      laps.set(passed, lap);
    }
    lap.all.end = call + 1;
    // The same sum as where it is played, so that both agree to the last digit.
    const beforeMs = atMs - passed * lengthMs - lengthMs + calls[call]!.offsetMs;
    if (beforeMs < -warmUpMs || beforeMs >= 0) continue;
    if (lap.warm === undefined) lap.warm = { first: call, end: call + 1 };
    else lap.warm.end = call + 1;
  }
  return [...laps];
}
