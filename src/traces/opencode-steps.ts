import { NO_TOKENS } from '../core/tokens.ts';
import type { Attempt, CallDetails, LlmCall } from '../core/trace.ts';
import type { StepDraft, Thread } from './agent-session.ts';
import type { MessageRecord, PartRecord } from './opencode-record.ts';
import { opencodeUsage, type OpencodeVersion } from './opencode-tokens.ts';

type Call = StepDraft<LlmCall>;

/** What else is known of the message whose steps are built. */
export interface StepsContext {
  readonly thread: Thread;
  readonly version: OpencodeVersion | undefined;
  readonly agent: string | undefined;
  /** Taken by the first call. */
  readonly details: () => CallDetails | undefined;
  /** A task tool of this call started the session of a sub-agent. */
  readonly started: (childId: string, by: Call | undefined) => void;
}

export interface BuiltSteps {
  readonly drafts: readonly StepDraft[];
  /** How many calls took their usage from a step's end; the message repeats the last one's. */
  readonly countedSteps: number;
}

/**
 * The calls of an assistant message and the tools they asked for. Each `step-start` begins a call;
 * one without its `step-finish` that another follows was a try that failed. Messages of before
 * 2025-11 may hold several calls, later ones hold one.
 *
 * Time: the message is created when the request is prepared; the first text or reasoning begins at
 * its first token, and the call ends with its last text or the start of its last tool. Tools have
 * times of their own, which include the wait for an approval.
 */
export function messageSteps(
  message: MessageRecord,
  parts: readonly PartRecord[],
  context: StepsContext,
): BuiltSteps {
  const drafts: StepDraft[] = [];
  const steps = stepsOf(parts);
  const { model, provider } = message;
  const origin = { model, provider, version: context.version };
  let countedSteps = 0;
  let startMs = message.createdMs;
  for (const [index, step] of steps.entries()) {
    const isOnly = steps.length === 1;
    const isLast = index === steps.length - 1;
    const finish = step.parts.findLast((part) => part.step !== undefined)?.step;
    if (finish?.tokens !== undefined) countedSteps += 1;
    const tokens = finish?.tokens ?? (isOnly ? message.tokens : undefined);
    const times = callTimes(step, { startMs, message, isLast });
    const costUsd = finish?.costUsd ?? (isOnly ? message.costUsd : undefined);
    const details = context.details();
    const call = context.thread.call({
      startMs,
      endMs: times.endMs,
      ttftMs: times.ttftMs,
      streamed: true,
      model,
      provider,
      operation: 'chat',
      tokens: tokens === undefined ? NO_TOKENS : opencodeUsage(tokens, origin),
      tokensBasis: tokens === undefined ? 'missing' : 'reported',
      attempts: attemptsOf(step, { startMs, endMs: times.endMs, message, isLast }),
      error: isLast ? message.error : undefined,
      finishReason: finish?.reason ?? (isLast ? message.finish : undefined),
      agent: context.agent,
      details: costUsd === undefined ? details : { ...details, costUsd },
    });
    drafts.push(
      call,
      ...toolSteps(step.parts, { by: call, atMs: times.endMs ?? startMs, context }),
    );
    for (const { endMs } of step.parts) if (endMs !== undefined && endMs > startMs) startMs = endMs;
  }
  return { drafts, countedSteps };
}

/** A message that no call of the model made: the user had a sub-agent started. */
export function taskSteps(
  message: MessageRecord,
  parts: readonly PartRecord[],
  context: StepsContext,
): readonly StepDraft[] {
  return toolSteps(parts, { by: undefined, atMs: message.createdMs, context });
}

interface RawStep {
  readonly parts: PartRecord[];
  /** Tries before the last. */
  failed: number;
}

function stepsOf(parts: readonly PartRecord[]): readonly RawStep[] {
  const steps: RawStep[] = [];
  let open: RawStep = { parts: [], failed: 0 };
  let isBegun = false;
  for (const part of parts) {
    if (part.type === 'step-start' && isBegun) {
      if (isFinished(open)) {
        steps.push(open);
        open = { parts: [], failed: 0 };
      } else open.failed += 1;
    }
    isBegun ||= part.type === 'step-start';
    open.parts.push(part);
  }
  // What stands after the last end (patches, snapshots) belongs to it.
  if (steps.length === 0 || open.parts.some(({ type }) => type === 'step-start')) steps.push(open);
  return steps;
}

function isFinished({ parts }: RawStep): boolean {
  return parts.some(({ type }) => type === 'step-finish');
}

function callTimes(
  { parts, failed }: RawStep,
  at: { readonly startMs: number; readonly message: MessageRecord; readonly isLast: boolean },
): Pick<LlmCall, 'endMs' | 'ttftMs'> {
  const { startMs, message, isLast } = at;
  if (message.isImplied) return {};
  const streamedMs = notBefore(message.streamedMs, startMs);
  const endMs = streamedMs ?? lastOutputMs(parts, startMs) ?? fallbackEndMs();
  const firstMs = notBefore(message.firstTokenMs, startMs) ?? firstOutputMs(parts, startMs);
  // The texts of a try that failed are not the answer's.
  if (failed > 0 || firstMs === undefined || endMs === undefined || firstMs > endMs)
    return { endMs };
  return { endMs, ttftMs: firstMs - startMs };

  function fallbackEndMs(): number | undefined {
    const hasTools = parts.some(({ type }) => type === 'tool');
    return isLast && !hasTools ? notBefore(message.completedMs, startMs) : undefined;
  }
}

/** End of the last text, or start of the last tool. */
function lastOutputMs(parts: readonly PartRecord[], startMs: number): number | undefined {
  let lastMs: number | undefined;
  for (const part of parts) {
    const ms = part.type === 'tool' ? part.startMs : isText(part) ? part.endMs : undefined;
    if (ms !== undefined && ms >= startMs) lastMs = Math.max(lastMs ?? ms, ms);
  }
  return lastMs;
}

function firstOutputMs(parts: readonly PartRecord[], startMs: number): number | undefined {
  let firstMs: number | undefined;
  for (const part of parts) {
    const ms = isText(part) ? notBefore(part.startMs, startMs) : undefined;
    if (ms !== undefined) firstMs = Math.min(firstMs ?? ms, ms);
  }
  return firstMs;
}

function isText({ type }: PartRecord): boolean {
  return type === 'text' || type === 'reasoning';
}

/** Tries known by number only share one start. */
function attemptsOf(
  { parts, failed }: RawStep,
  call: {
    readonly startMs: number;
    readonly endMs: number | undefined;
    readonly message: MessageRecord;
    readonly isLast: boolean;
  },
): readonly Attempt[] {
  const { startMs, endMs, message, isLast } = call;
  const retries = parts.filter(({ type }) => type === 'retry');
  const tries = Array.from({ length: Math.max(failed, retries.length) }, (_, index) => ({
    startMs,
    status: retries[index]?.retryStatus,
    error: retries[index]?.retryStatus?.toString() ?? 'retried',
  }));
  const error = isLast ? message.error : undefined;
  return [...tries, { startMs, endMs, status: isLast ? message.status : undefined, error }];
}

function toolSteps(
  parts: readonly PartRecord[],
  at: { readonly by: Call | undefined; readonly atMs: number; readonly context: StepsContext },
): readonly StepDraft[] {
  const { by, context } = at;
  const drafts: StepDraft[] = [];
  for (const { tool, startMs = at.atMs, endMs } of parts) {
    if (tool === undefined) continue;
    const isDone = tool.status === 'completed' || tool.status === 'error';
    const doneMs = isDone ? notBefore(endMs, startMs) : undefined;
    const draft = context.thread.tool(
      {
        startMs,
        endMs: doneMs,
        name: tool.name,
        durationMs: doneMs === undefined ? undefined : doneMs - startMs,
        error: tool.status === 'error' ? true : undefined,
        argumentsHash: tool.argumentsHash,
      },
      by,
    );
    if (isDone) context.thread.deliver(draft);
    if (tool.childId !== undefined) context.started(tool.childId, by);
    drafts.push(draft);
  }
  return drafts;
}

function notBefore(ms: number | undefined, startMs: number): number | undefined {
  return ms === undefined || ms < startMs ? undefined : ms;
}
