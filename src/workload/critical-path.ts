import type { LlmCall, Step, Turn } from '../core/trace.ts';

/** Where the time of a turn goes, in milliseconds. */
export type PathShare =
  /** Waiting in the model's queue, where the source tells it; not in ttftMs. */
  | 'queueMs'
  | 'ttftMs'
  | 'decodeMs'
  /** LLM calls whose first token time is unknown. */
  | 'llmMs'
  | 'toolMs'
  /** A human was asked and a tool waited, where the source tells it; not in toolMs. */
  | 'approvalMs'
  | 'stateMs'
  /** From a call's first attempt to its last one. */
  | 'retryMs'
  /** No step runs: the agent's own work, queues the trace does not show, approvals. */
  | 'gapMs';

export interface CriticalPath {
  readonly totalMs: number;
  /** Sums to totalMs. */
  readonly shares: Readonly<Record<PathShare, number>>;
}

/**
 * The chain of steps that decides when the turn ends: from the step that ends last, back to the
 * dependency that ends last (without known dependencies, to the step that ended last before it),
 * down to the turn's start. Null when no step's end is known.
 */
export function criticalPath(turn: Turn): CriticalPath | null {
  const timed = inOrderOfEnd(turn.steps);
  const last = timed.at(-1);
  if (last === undefined || last.endMs <= turn.startMs) return null;
  const shares = {
    queueMs: 0,
    ttftMs: 0,
    decodeMs: 0,
    llmMs: 0,
    toolMs: 0,
    approvalMs: 0,
    stateMs: 0,
    retryMs: 0,
    gapMs: 0,
  };
  const byId = new Map<string, TimedStep>();
  for (const one of timed) byId.set(one.id, one);
  // Everything from `edge` on is already explained.
  let edge = last.endMs;
  let step: TimedStep | undefined = last;
  while (step !== undefined) {
    const start = Math.max(turn.startMs, Math.min(step.startMs, edge));
    addStep(shares, step, start, edge);
    edge = start;
    step = before(step, timed, byId);
    if (step === undefined) break;
    const end = Math.min(step.endMs, edge);
    shares.gapMs += edge - end;
    edge = end;
  }
  shares.gapMs += Math.max(0, edge - turn.startMs);
  return { totalMs: last.endMs - Math.min(turn.startMs, edge), shares };
}

type TimedStep = Step & { readonly endMs: number };

function isTimed(step: Step): step is TimedStep {
  return step.endMs !== undefined && step.endMs >= step.startMs;
}

/** Without the steps whose end is unknown. Steps mostly end in their order, so a sort is rare. */
function inOrderOfEnd(steps: readonly Step[]): readonly TimedStep[] {
  const timed: TimedStep[] = [];
  let isAscending = true;
  for (const step of steps) {
    if (!isTimed(step)) continue;
    if (timed.length > 0 && step.endMs < timed.at(-1)!.endMs) isAscending = false;
    timed.push(step);
  }
  return isAscending ? timed : timed.toSorted((a, b) => a.endMs - b.endMs);
}

/**
 * Only steps that started earlier count, so the walk always ends.
 * @param sorted by end
 */
function before(
  step: TimedStep,
  sorted: readonly TimedStep[],
  byId: ReadonlyMap<string, TimedStep>,
): TimedStep | undefined {
  let latest: TimedStep | undefined;
  for (const id of step.after) {
    const named = byId.get(id);
    if (named === undefined || !(named.startMs < step.startMs)) continue;
    if (latest === undefined || named.endMs > latest.endMs) latest = named;
  }
  if (latest !== undefined) return latest;
  let index = countEndedBy(sorted, step.startMs) - 1;
  while (index >= 0 && sorted[index]!.startMs >= step.startMs) index -= 1;
  return sorted[index];
}

function countEndedBy(sorted: readonly TimedStep[], timeMs: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle]!.endMs <= timeMs) low = middle + 1;
    else high = middle;
  }
  return low;
}

function addStep(
  shares: Record<PathShare, number>,
  step: TimedStep,
  start: number,
  end: number,
): void {
  switch (step.kind) {
    case 'llm':
      addCall(shares, step, start, end);
      return;
    case 'tool': {
      const approvalMs = Math.min(end - start, step.humanWaitMs ?? 0);
      shares.approvalMs += approvalMs;
      shares.toolMs += end - start - approvalMs;
      return;
    }
    case 'state':
      shares.stateMs += end - start;
      return;
  }
}

function addCall(
  shares: Record<PathShare, number>,
  call: LlmCall,
  start: number,
  end: number,
): void {
  const lastTry = Math.min(end, Math.max(start, call.attempts.at(-1)?.startMs ?? start));
  shares.retryMs += lastTry - start;
  if (call.ttftMs === undefined) {
    shares.llmMs += end - lastTry;
    return;
  }
  // Sources count the first token from the last attempt or from the call; the later one fits in.
  const firstToken = Math.min(end, Math.max(lastTry, start + call.ttftMs));
  const queueMs = Math.min(firstToken - lastTry, call.details?.queueMs ?? 0);
  shares.queueMs += queueMs;
  shares.ttftMs += firstToken - lastTry - queueMs;
  shares.decodeMs += end - firstToken;
}
