import type { Amounts } from '../mechanisms/rate-limit.ts';
import { countedCalls } from './counted-calls.ts';
import type { CountedCalls } from './counted-calls.ts';
import type { Route } from './plan-input.ts';
import { freeGraph } from './session-graph.ts';
import type { SessionGraph } from './session-graph.ts';
import type { Traffic, TrafficSession } from './traffic.ts';

/** A session of the traffic as it is played against a limiter. */
export interface PlayedSession {
  readonly graph: SessionGraph;
  readonly calls: readonly PlayedCall[];
  /** Undisturbed start of each turn, from the session's. */
  readonly turnOffsetMs: readonly number[];
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

/** Session `index` of the traffic when the route takes all its calls; always the same object. */
export function playedSession(traffic: Traffic, route: Route, index: number): PlayedSession {
  const counted = countedCalls(traffic, route);
  const endsMatter = route.limits.concurrency !== undefined;
  let known = knownSessions.get(counted);
  if (known === undefined) {
    known = { first: firstCalls(traffic), open: [], closed: [] };
    knownSessions.set(counted, known);
  }
  const sessions = endsMatter ? known.open : known.closed;
  return (sessions[index] ??= build(traffic.sessions[index]!, counted, {
    first: known.first[index]!,
    endsMatter,
  }));
}

/** Index of each session's first call among the calls of the traffic. */
export function firstCalls({ sessions }: Traffic): number[] {
  let next = 0;
  return sessions.map(({ calls }) => {
    const first = next;
    next += calls.length;
    return first;
  });
}

interface KnownSessions {
  readonly first: readonly number[];
  /** With every end settled, for limits on calls in flight ... */
  readonly open: (PlayedSession | undefined)[];
  /** ... and only where the end changes something. */
  readonly closed: (PlayedSession | undefined)[];
}

const knownSessions = new WeakMap<CountedCalls, KnownSessions>();

function build(
  session: TrafficSession,
  counted: CountedCalls,
  { endsMatter, first }: { readonly first: number; readonly endsMatter: boolean },
): PlayedSession {
  const settled = counted.settled();
  const admissions = counted.admissions();
  const calls = session.calls.map(({ durationMs, offsetMs }, position): PlayedCall => {
    const call = first + position;
    const settle = {
      tokens: settled.tokens[call]!,
      inputTokens: settled.inputTokens[call]!,
      outputTokens: settled.outputTokens[call]!,
      uncachedTokens: settled.uncachedTokens[call]!,
    };
    const reserve = {
      requests: 1,
      tokens: admissions.tokens[call]!,
      inputTokens: admissions.inputTokens[call]!,
      outputTokens: admissions.outputTokens[call]!,
      uncachedTokens: admissions.uncachedTokens[call]!,
      inFlight: 1,
    };
    const isFinal =
      !endsMatter &&
      settle.tokens === reserve.tokens &&
      settle.inputTokens === reserve.inputTokens &&
      settle.outputTokens === reserve.outputTokens &&
      settle.uncachedTokens === reserve.uncachedTokens;
    return { offsetMs, durationMs, amounts: { reserve, settle: isFinal ? undefined : settle } };
  });
  // Calls that were taken out of a session leave the rest without its order.
  const isWhole = session.graph.calls.length === calls.length;
  const graph = isWhole ? session.graph : freeGraph(calls.map(({ offsetMs }) => offsetMs));
  let lastOffsetMs = 0;
  for (const { offsetMs } of calls) lastOffsetMs = Math.max(lastOffsetMs, offsetMs);
  return { graph, calls, turnOffsetMs: turnOffsets(graph, calls), lastOffsetMs };
}

function turnOffsets(graph: SessionGraph, calls: readonly PlayedCall[]): number[] {
  const offsets: number[] = [];
  let atMs = 0;
  for (const { ends, leastMs, thinkMs } of graph.turns) {
    atMs += thinkMs;
    offsets.push(atMs);
    let endMs = atMs + leastMs;
    for (const { call, gapMs } of ends) {
      const { durationMs, offsetMs } = calls[call]!;
      endMs = Math.max(endMs, offsetMs + durationMs + gapMs);
    }
    atMs = endMs;
  }
  return offsets;
}
