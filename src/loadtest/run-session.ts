import { runCall } from './run-call.ts';
import { sampleTime } from './sample.ts';
import { nowIn, waitUntil } from './session-context.ts';
import type { SessionContext } from './session-context.ts';
import type { LlmStep, ScriptTurn, SessionScript } from './session-script.ts';

export interface SessionResult {
  readonly ok: boolean;
  /** When it ended. */
  readonly end: number;
}

/** Plays one session to its end. Never rejects. */
export async function runSession(
  script: SessionScript,
  intended: number,
  context: SessionContext,
): Promise<SessionResult> {
  const start = nowIn(context);
  let outcome: 'ok' | 'failed' | 'cut' = 'ok';
  let turnIntended = intended;
  for (const [number, turn] of script.turns.entries()) {
    if (number > 0) turnIntended += turn.thinkMs;
    if (!(await waitUntil(turnIntended, context))) {
      outcome = 'cut';
      break;
    }
    const result = await runTurn(script.index, number, turn, turnIntended, context);
    turnIntended = result.plannedEnd;
    if (result.outcome !== 'ok') outcome = result.outcome;
    if (result.outcome === 'cut') break;
    if (result.outcome === 'failed' && context.onFailure === 'end-session') break;
  }
  const end = nowIn(context);
  context.sink({
    type: 'session',
    session: script.index,
    outcome,
    intended: sampleTime(intended),
    start: sampleTime(start),
    end: sampleTime(end),
  });
  return { ok: outcome === 'ok', end };
}

interface TurnResult {
  readonly outcome: 'ok' | 'failed' | 'cut';
  /** When the last step was due to end: observed for calls, planned for waits. */
  readonly plannedEnd: number;
}

type StepResult = TurnResult & { readonly sent?: number | undefined };

/** Runs the step graph of a turn: each step starts when those it waits for are done. */
async function runTurn(
  session: number,
  number: number,
  turn: ScriptTurn,
  intended: number,
  context: SessionContext,
): Promise<TurnResult> {
  const start = nowIn(context);
  let broken = false;
  const results: Promise<StepResult>[] = [];
  for (const step of turn.steps) {
    const waits = step.after.map((index) => results[index]!);
    results.push(
      (async (): Promise<StepResult> => {
        const before = await Promise.all(waits);
        const from = Math.max(intended, ...before.map(({ plannedEnd }) => plannedEnd));
        const cut = context.signal.aborted || before.some(({ outcome }) => outcome === 'cut');
        if (cut) return { outcome: 'cut', plannedEnd: from };
        if (broken) return { outcome: 'failed', plannedEnd: from };
        if (step.kind === 'wait') {
          const plannedEnd = from + step.waitMs;
          const reached = await waitUntil(plannedEnd, context);
          return { outcome: reached ? 'ok' : 'cut', plannedEnd };
        }
        const result = await timedCall(step, session, number, from, context);
        if (result.outcome === 'failed' && context.onFailure !== 'continue') broken = true;
        return result;
      })(),
    );
  }
  const steps = await Promise.all(results);
  const outcome = worst(steps);
  const plannedEnd = Math.max(intended, ...steps.map((step) => step.plannedEnd));
  const sent = Math.min(...steps.map((step) => step.sent ?? Infinity));
  context.sink({
    type: 'turn',
    session,
    turn: number,
    outcome,
    intended: sampleTime(intended),
    start: sampleTime(start),
    ...(Number.isFinite(sent) ? { sent: sampleTime(sent) } : {}),
    end: sampleTime(nowIn(context)),
  });
  return { outcome, plannedEnd };
}

async function timedCall(
  step: LlmStep,
  session: number,
  turn: number,
  intended: number,
  context: SessionContext,
): Promise<StepResult> {
  context.running.calls += 1;
  const call = await runCall(step, { session, turn, intended }, context);
  context.running.calls -= 1;
  return { outcome: call.outcome, plannedEnd: call.end, sent: call.sent };
}

function worst(steps: readonly StepResult[]): TurnResult['outcome'] {
  if (steps.some(({ outcome }) => outcome === 'cut')) return 'cut';
  return steps.some(({ outcome }) => outcome === 'failed') ? 'failed' : 'ok';
}
