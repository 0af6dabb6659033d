import { NO_TOKENS, type TokenRecord } from '../core/tokens.ts';
import type { CallDetails, LlmCall } from '../core/trace.ts';

/** One request as a gateway or proxy logs it: no agent around it, no tools beside it. */
export interface LoggedCall {
  readonly startMs: number;
  readonly endMs?: number | undefined;
  readonly model?: string | undefined;
  readonly provider?: string | undefined;
  readonly operation?: LlmCall['operation'];
  readonly tokens?: TokenRecord | undefined;
  readonly estimated?: boolean | undefined;
  readonly ttftMs?: number | undefined;
  readonly streamed?: boolean | undefined;
  readonly status?: number | undefined;
  readonly error?: string | undefined;
  readonly finishReason?: string | undefined;
  readonly agent?: string | undefined;
  readonly details?: CallDetails | undefined;
}

/**
 * A bare call. Gateway logs name sessions but neither turns nor tools; rather than invent turns,
 * their calls are reported one by one.
 */
export function loggedCall(logged: LoggedCall): LlmCall {
  const { startMs, error, status } = logged;
  const endMs = logged.endMs !== undefined && logged.endMs < startMs ? undefined : logged.endMs;
  return {
    kind: 'llm',
    id: 'row',
    after: [],
    startMs,
    endMs,
    model: logged.model,
    provider: logged.provider,
    operation: logged.operation ?? 'chat',
    tokens: logged.tokens ?? NO_TOKENS,
    tokensBasis:
      logged.tokens === undefined
        ? 'missing'
        : logged.estimated === true
          ? 'estimated'
          : 'reported',
    ttftMs: logged.ttftMs,
    streamed: logged.streamed,
    attempts: [{ startMs, endMs, status, error }],
    error,
    finishReason: logged.finishReason,
    agent: logged.agent,
    details: logged.details,
  };
}

/** Time to first token from two instants, when they make sense. */
export function firstTokenMs(startMs: number, firstMs: number | undefined): number | undefined {
  return firstMs === undefined || firstMs < startMs ? undefined : firstMs - startMs;
}
