import { addTokens, NO_TOKENS } from '../core/tokens.ts';
import type { TokenRecord } from '../core/tokens.ts';
import type { LlmSkeleton, SessionSkeleton, StepSkeleton } from '../core/trace.ts';
import { MS_PER_SECOND } from '../core/units.ts';
import { sessionGraph } from './session-graph.ts';
import type { SessionGraph } from './session-graph.ts';

/**
 * What the planner resamples: a finite pool of whole sessions, each a list of LLM calls with their
 * offsets. Whole sessions keep what averages lose: fan-out, retries of thought, growing prompts.
 */
export interface Traffic {
  /** Every session is drawn with the same probability. Never empty. */
  readonly sessions: readonly TrafficSession[];
  /** False when the workload gives no token counts: token limits and prices are then unknown. */
  readonly tokensKnown: boolean;
}

export interface TrafficSession {
  readonly turns: number;
  /** Sum of the durations of its turns, without the user's thinking. */
  readonly busyMs: number;
  /** Duration of each turn, without the user's thinking. */
  readonly turnMs: readonly number[];
  readonly calls: readonly TrafficCall[];
  /** What each call waits for; a simulation of refusals moves what comes after them. */
  readonly graph: SessionGraph;
}

interface TrafficCall {
  /** From the session's start. */
  readonly offsetMs: number;
  readonly durationMs: number;
  readonly tokens: TokenRecord;
}

/** Estimates how long a call takes when the workload does not say. */
export interface CallTiming {
  readonly firstTokenMs: number;
  readonly perOutputTokenMs: number;
}

/**
 * Latency of a hosted model when nothing was measured: first token after 800 ms, then 60 tokens
 * per second. Middle of what public dashboards show for large hosted models in 2026; an
 * assumption that every plan using it lists.
 */
export const ASSUMED_TIMING: CallTiming = { firstTokenMs: 800, perOutputTokenMs: 1000 / 60 };

/** Lays the steps of each session on a time line: a step starts when all it waits for are done. */
export function trafficFromSkeletons(
  skeletons: readonly SessionSkeleton[],
  options: { readonly timing: CallTiming; readonly tokensKnown: boolean },
): Traffic {
  return {
    sessions: skeletons.map((skeleton) => layOut(skeleton, options.timing)),
    tokensKnown: options.tokensKnown,
  };
}

/** Means over the pool, per session, turn and call. */
export interface TrafficMeans {
  readonly turnsPerSession: number;
  readonly callsPerTurn: number;
  readonly callSeconds: number;
  readonly turnSeconds: number;
  /** Mean tokens of one call. */
  readonly tokens: TokenRecord;
}

/** Computed once per traffic: a plan asks for them hundreds of times. */
export function trafficMeans(traffic: Traffic): TrafficMeans {
  const known = knownMeans.get(traffic);
  if (known !== undefined) return known;
  const means = computeMeans(traffic);
  knownMeans.set(traffic, means);
  return means;
}

const knownMeans = new WeakMap<Traffic, TrafficMeans>();

function computeMeans({ sessions }: Traffic): TrafficMeans {
  let turns = 0;
  let calls = 0;
  let callMs = 0;
  let busyMs = 0;
  let tokens = NO_TOKENS;
  for (const session of sessions) {
    turns += session.turns;
    busyMs += session.busyMs;
    calls += session.calls.length;
    for (const call of session.calls) {
      callMs += call.durationMs;
      tokens = addTokens(tokens, call.tokens);
    }
  }
  return {
    turnsPerSession: turns / sessions.length,
    callsPerTurn: calls / turns,
    callSeconds: calls === 0 ? 0 : callMs / calls / MS_PER_SECOND,
    turnSeconds: busyMs / turns / MS_PER_SECOND,
    tokens: calls === 0 ? NO_TOKENS : scaleTokens(tokens, 1 / calls),
  };
}

export function scaleTokens(tokens: TokenRecord, factor: number): TokenRecord {
  return {
    uncached: tokens.uncached * factor,
    cacheRead: tokens.cacheRead * factor,
    cacheWrite5m: tokens.cacheWrite5m * factor,
    cacheWrite1h: tokens.cacheWrite1h * factor,
    output: tokens.output * factor,
    reasoning: tokens.reasoning * factor,
  };
}

function layOut(skeleton: SessionSkeleton, timing: CallTiming): TrafficSession {
  const calls: TrafficCall[] = [];
  const turnMs: number[] = [];
  let now = 0;
  let busyMs = 0;
  for (const [index, turn] of skeleton.turns.entries()) {
    if (index > 0) now += turn.thinkMs;
    const started = now;
    const ends = new Map<string, number>();
    let turnEnd = started;
    for (const step of turn.steps) {
      let start = started;
      for (const id of step.after) start = Math.max(start, ends.get(id) ?? started);
      const durationMs = stepDurationMs(step, timing);
      if (step.kind === 'llm') calls.push({ offsetMs: start, durationMs, tokens: step.tokens });
      ends.set(step.id, start + durationMs);
      turnEnd = Math.max(turnEnd, start + durationMs);
    }
    busyMs += turnEnd - started;
    turnMs.push(turnEnd - started);
    now = turnEnd;
  }
  return {
    turns: skeleton.turns.length,
    busyMs,
    turnMs,
    calls,
    graph: sessionGraph(skeleton),
  };
}

function stepDurationMs(step: StepSkeleton, timing: CallTiming): number {
  return step.kind === 'llm' ? callDurationMs(step, timing) : step.durationMs;
}

function callDurationMs(call: LlmSkeleton, timing: CallTiming): number {
  if (call.durationMs !== undefined) return call.durationMs;
  return (call.ttftMs ?? timing.firstTokenMs) + call.tokens.output * timing.perOutputTokenMs;
}
