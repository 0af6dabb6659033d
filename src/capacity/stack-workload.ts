import { inputTokens } from '../core/tokens.ts';
import { MS_PER_SECOND } from '../core/units.ts';
import type { Traffic, TrafficSession } from './traffic.ts';

/** What the stack is sized by, measured over the sessions of the workload; the same at every scale. */
export interface StackWorkload {
  readonly turnSecondsP95: number;
  /** Durations of all turns, ascending, in seconds. */
  readonly turnSeconds: readonly number[];
  readonly callsPerTurnP99: number;
  /** p95 over sessions of the most LLM calls in flight at once. */
  readonly fanOut: number;
  /** From the first call of a session to its last answer, mean. */
  readonly sessionSeconds: number;
  /** Null when neither token counts nor bytes per step are known. */
  readonly state: SessionState | null;
  /** Bytes of prompt and of answer per call; null without token counts. */
  readonly promptBytes: number | null;
  readonly answerBytes: number | null;
}

/** The state kept for a session: a fixed part and what each LLM call adds. */
interface SessionState {
  /** At the end of a session, mean over sessions. */
  readonly finalBytes: number;
  readonly finalBytesP99: number;
  /** Growth per LLM call, mean. */
  readonly bytesPerStep: number;
  /** Per call, averaged over the life of the sessions: one read of what is there. */
  readonly readUnits: number;
  /** Per call: one write of what is there then. */
  readonly writeUnits: number;
  /** Bytes read or written by one operation, mean over the life of the sessions. */
  readonly operationBytes: number;
}

export interface StateSizes {
  readonly baseBytes: number;
  /** Undefined: grown to the longest context of the session. */
  readonly bytesPerStep?: number | undefined;
  readonly bytesPerToken: number;
}

/** A database reads in units of 4 KiB and writes in units of 1 KiB (DynamoDB's own). */
const READ_UNIT_BYTES = 4096;
const WRITE_UNIT_BYTES = 1024;

/** @param traffic its sessions are equally likely */
export function stackWorkload(traffic: Traffic, sizes: StateSizes): StackWorkload {
  const { sessions } = traffic;
  const turnSeconds = sessions.flatMap((one) => one.turnMs.map((ms) => ms / MS_PER_SECOND));
  const sorted = turnSeconds.toSorted(ascending);
  const calls = sessions.reduce((sum, session) => sum + session.calls.length, 0);
  return {
    turnSecondsP95: quantile(sorted, 0.95),
    turnSeconds: sorted,
    callsPerTurnP99: quantile(
      sessions.map((one) => one.calls.length / Math.max(1, one.turns)).toSorted(ascending),
      0.99,
    ),
    fanOut: quantile(sessions.map(mostAtOnce).toSorted(ascending), 0.95),
    sessionSeconds: meanOf(sessions.map(spanSeconds)),
    state: sessionState(traffic, sizes),
    promptBytes: traffic.tokensKnown
      ? perCall(sessions, calls, (call) => inputTokens(call.tokens)) * sizes.bytesPerToken
      : null,
    answerBytes: traffic.tokensKnown
      ? perCall(sessions, calls, (call) => call.tokens.output) * sizes.bytesPerToken
      : null,
  };
}

/** Share of turns that take longer than this. */
export function shareLonger({ turnSeconds }: StackWorkload, seconds: number): number {
  if (turnSeconds.length === 0) return 0;
  return turnSeconds.filter((one) => one > seconds).length / turnSeconds.length;
}

function sessionState({ sessions, tokensKnown }: Traffic, sizes: StateSizes): SessionState | null {
  if (!tokensKnown && sizes.bytesPerStep === undefined) return null;
  const finals: number[] = [];
  let grown = 0;
  let steps = 0;
  let bytes = 0;
  let readUnits = 0;
  let writeUnits = 0;
  for (const session of sessions) {
    const count = session.calls.length;
    const growth = stateGrowth(session, sizes);
    finals.push(sizes.baseBytes + growth);
    grown += growth;
    steps += count;
    for (let step = 1; step <= count; step += 1) {
      // A step reads the state that the one before it left, and writes it back longer.
      const before = sizes.baseBytes + (growth * (step - 1)) / count;
      const after = sizes.baseBytes + (growth * step) / count;
      bytes += (before + after) / 2;
      readUnits += Math.max(1, Math.ceil(before / READ_UNIT_BYTES));
      writeUnits += Math.max(1, Math.ceil(after / WRITE_UNIT_BYTES));
    }
  }
  const each = Math.max(1, steps);
  return {
    finalBytes: meanOf(finals),
    finalBytesP99: quantile(finals.toSorted(ascending), 0.99),
    bytesPerStep: grown / each,
    readUnits: readUnits / each,
    writeUnits: writeUnits / each,
    operationBytes: bytes / each,
  };
}

/** What a session adds to its state: per step, or its longest context with the answer. */
function stateGrowth(session: TrafficSession, sizes: StateSizes): number {
  if (sizes.bytesPerStep !== undefined) return sizes.bytesPerStep * session.calls.length;
  let most = 0;
  for (const { tokens } of session.calls)
    most = Math.max(most, inputTokens(tokens) + tokens.output);
  return most * sizes.bytesPerToken;
}

function perCall(
  sessions: readonly TrafficSession[],
  calls: number,
  value: (call: TrafficSession['calls'][number]) => number,
): number {
  let total = 0;
  for (const session of sessions) for (const call of session.calls) total += value(call);
  return calls === 0 ? 0 : total / calls;
}

/** Most calls of a session in flight at one moment. */
function mostAtOnce({ calls }: TrafficSession): number {
  const edges = calls.flatMap(({ offsetMs, durationMs }) => [
    { atMs: offsetMs, change: 1 },
    { atMs: offsetMs + durationMs, change: -1 },
  ]);
  // A call that ends frees its place for one that starts at the same moment.
  edges.sort((a, b) => a.atMs - b.atMs || a.change - b.change);
  let now = 0;
  let most = 0;
  for (const { change } of edges) {
    now += change;
    most = Math.max(most, now);
  }
  return most;
}

function spanSeconds({ calls }: TrafficSession): number {
  let end = 0;
  for (const { offsetMs, durationMs } of calls) end = Math.max(end, offsetMs + durationMs);
  return end / MS_PER_SECOND;
}

/** The smallest value that at least this share does not exceed. */
function quantile(sorted: readonly number[], share: number): number {
  if (sorted.length === 0) return 0;
  return sorted[Math.max(0, Math.ceil(share * sorted.length - 1e-9) - 1)]!;
}

function meanOf(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}

function ascending(a: number, b: number): number {
  return a - b;
}
