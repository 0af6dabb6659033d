import { inputTokens } from '../core/tokens.ts';
import { retryDelayMs } from '../mechanisms/backoff.ts';
import { sampleTime } from './sample.ts';
import type { AttemptSample } from './sample.ts';
import { nowIn, waitUntil } from './session-context.ts';
import type { SessionContext } from './session-context.ts';
import type { LlmStep } from './session-script.ts';
import type { AttemptResult } from './transport.ts';

export interface CallPlace {
  readonly session: number;
  readonly turn: number;
  readonly intended: number;
}

export interface CallResult {
  readonly outcome: 'ok' | 'failed' | 'cut';
  /** When the first attempt was sent. */
  readonly sent?: number | undefined;
  readonly end: number;
}

/** One logical call: attempts under the retry policy until one succeeds or the policy gives up. */
export async function runCall(
  step: LlmStep,
  place: CallPlace,
  context: SessionContext,
): Promise<CallResult> {
  let firstSent: number | undefined;
  for (let attempt = 1; ; attempt += 1) {
    const ready = nowIn(context);
    const result = await context.transport.send(
      { step, session: place.session, turn: place.turn, attempt },
      context.signal,
    );
    const delayMs = retryDelay(result, attempt, context);
    const sample = attemptSample(step, place, context.originMs, {
      attempt,
      ready,
      result,
      delayMs,
    });
    context.sink(sample);
    firstSent ??= sample.sent;
    if (delayMs === undefined) {
      return { outcome: callOutcome(sample), sent: firstSent, end: sample.end };
    }
    if (!(await waitUntil(nowIn(context) + delayMs, context))) {
      return { outcome: 'cut', sent: firstSent, end: nowIn(context) };
    }
  }
}

function callOutcome({ outcome }: AttemptSample): CallResult['outcome'] {
  return outcome === 'truncated' ? 'failed' : outcome;
}

/** No SDK retries once the headers of a stream were good, whatever happens after. */
function retryDelay(
  result: AttemptResult,
  attempt: number,
  context: SessionContext,
): number | undefined {
  if (result.outcome !== 'failed' && result.outcome !== 'truncated') return undefined;
  return retryDelayMs(
    context.retry,
    {
      attempt,
      status: result.status,
      headers: result.headers,
      nowEpochMs: context.wallNowMs(),
      streamStarted: result.status !== undefined && result.status < 300,
    },
    context.random,
  );
}

interface AttemptFacts {
  readonly attempt: number;
  readonly ready: number;
  readonly result: AttemptResult;
  readonly delayMs: number | undefined;
}

function attemptSample(
  step: LlmStep,
  place: CallPlace,
  originMs: number,
  { attempt, ready, result, delayMs }: AttemptFacts,
): AttemptSample {
  const since = (at: number | undefined): number | undefined =>
    at === undefined ? undefined : sampleTime(at - originMs);
  const { usage } = result;
  return withoutAbsent({
    type: 'attempt',
    session: place.session,
    turn: place.turn,
    call: step.id,
    attempt,
    last: delayMs === undefined,
    outcome: result.outcome === 'aborted' ? 'cut' : result.outcome,
    model: step.model,
    intended: sampleTime(place.intended),
    ready: sampleTime(ready),
    sent: since(result.sentAt),
    socket: since(result.socketAt),
    headers: since(result.headersAt),
    firstByte: since(result.firstByteAt),
    firstRole: since(result.firstRoleAt),
    firstToken: since(result.firstTokenAt),
    firstVisible: since(result.firstVisibleAt),
    firstTool: since(result.firstToolAt),
    lastToken: since(result.lastTokenAt),
    done: since(result.doneAt),
    end: sampleTime(result.endAt - originMs),
    status: result.status,
    error: result.error,
    backoff: delayMs === undefined ? undefined : sampleTime(delayMs),
    input: usage === undefined ? undefined : inputTokens(usage),
    cacheRead: usage?.cacheRead,
    output: usage?.output,
    reasoning: usage?.reasoning,
    chunks: result.chunks,
    gaps: result.gaps,
    stall: result.stallMs === undefined ? undefined : sampleTime(result.stallMs),
  });
}

/** A sample read back from its file must equal the one that was written: no undefined fields. */
function withoutAbsent(sample: AttemptSample): AttemptSample {
  const present: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(sample)) {
    if (value !== undefined) present[key] = value;
  }
  return present as unknown as AttemptSample;
}
