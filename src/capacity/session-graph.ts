import type { SessionSkeleton, StepSkeleton } from '../core/trace.ts';

/**
 * What has to be over before each call of a session starts. The offsets of a `TrafficSession` are
 * those of a system that refuses nothing; with the graph a simulation moves everything that comes
 * after a refused call, as a real client does.
 */
export interface SessionGraph {
  readonly turns: readonly TurnGraph[];
  /** In the order of the session's calls. */
  readonly calls: readonly CallNode[];
  /** How many calls each call waits for. */
  readonly waits: readonly number[];
  /** How many calls each turn has. */
  readonly open: readonly number[];
}

interface TurnGraph {
  /** Its calls: from this index ... */
  readonly firstCall: number;
  /** ... up to, not including, this one. */
  readonly endCall: number;
  /** After the end of the turn before it. */
  readonly thinkMs: number;
  /** From the turn's start to its end if no call took any time. */
  readonly leastMs: number;
  /** Calls and the time that passes between their end and the turn's. */
  readonly ends: readonly Wait[];
}

interface CallNode {
  /** Index of its turn. */
  readonly turn: number;
  /** Earliest start, from the turn's start. */
  readonly leastMs: number;
  /** The call starts `gapMs` after the end of each of these calls, or later. */
  readonly after: readonly Wait[];
  /** Calls that name this one in `after`. */
  readonly before: readonly number[];
}

interface Wait {
  /** Index among the session's calls. */
  readonly call: number;
  readonly gapMs: number;
}

/** Earliest moment something is over: after the turn's start, and after calls. */
interface Moment {
  readonly leastMs: number;
  readonly waits: ReadonlyMap<number, number>;
}

const TURN_START: Moment = { leastMs: 0, waits: new Map() };

/** The graph of a skeleton: its calls in the order of its steps, tool times folded into gaps. */
export function sessionGraph(skeleton: SessionSkeleton): SessionGraph {
  const turns: TurnGraph[] = [];
  const calls: (CallNode & { readonly before: number[] })[] = [];
  for (const [turn, { steps, thinkMs }] of skeleton.turns.entries()) {
    const ends = new Map<string, Moment>();
    const firstCall = calls.length;
    for (const step of steps) {
      const start = latest(step.after.map((id) => ends.get(id) ?? TURN_START));
      ends.set(step.id, endOf(step, start, calls.length));
      if (step.kind !== 'llm') continue;
      for (const call of start.waits.keys()) calls[call]!.before.push(calls.length);
      calls.push({ turn, leastMs: start.leastMs, after: waitsOf(start), before: [] });
    }
    // Steps that others wait for end before those do.
    const inner = new Set(steps.flatMap(({ after }) => after));
    const end = latest([...ends].filter(([id]) => !inner.has(id)).map(([, moment]) => moment));
    turns.push({
      firstCall,
      endCall: calls.length,
      thinkMs: turn === 0 ? 0 : thinkMs,
      leastMs: end.leastMs,
      ends: waitsOf(end),
    });
  }
  return graphOf(turns, calls);
}

/** The graph of calls of which nothing is known but when they start. */
export function freeGraph(offsetsMs: readonly number[]): SessionGraph {
  const endCall = offsetsMs.length;
  return graphOf(
    [{ firstCall: 0, endCall, thinkMs: 0, leastMs: 0, ends: [] }],
    offsetsMs.map((leastMs) => ({ turn: 0, leastMs, after: [], before: [] })),
  );
}

function graphOf(turns: readonly TurnGraph[], calls: readonly CallNode[]): SessionGraph {
  return {
    turns,
    calls,
    waits: calls.map(({ after }) => after.length),
    open: turns.map(({ endCall, firstCall }) => endCall - firstCall),
  };
}

function endOf(step: StepSkeleton, start: Moment, call: number): Moment {
  // Whatever a call waited for lies before its own end.
  if (step.kind === 'llm') return { leastMs: start.leastMs, waits: new Map([[call, 0]]) };
  if (step.durationMs === 0) return start;
  const waits = new Map([...start.waits].map(([of, gapMs]) => [of, gapMs + step.durationMs]));
  return { leastMs: start.leastMs + step.durationMs, waits };
}

function latest(moments: readonly Moment[]): Moment {
  if (moments.length === 0) return TURN_START;
  if (moments.length === 1) return moments[0]!;
  const waits = new Map<number, number>();
  let leastMs = 0;
  for (const moment of moments) {
    leastMs = Math.max(leastMs, moment.leastMs);
    for (const [call, gapMs] of moment.waits) {
      waits.set(call, Math.max(gapMs, waits.get(call) ?? 0));
    }
  }
  return { leastMs, waits };
}

function waitsOf({ waits }: Moment): Wait[] {
  return [...waits].map(([call, gapMs]) => ({ call, gapMs }));
}
