import type { Fault, ModelSettings } from '../config/provider.ts';
import type { ApiError, ModelRequest } from '../http/dialect.ts';
import type { Exchange } from './exchange.ts';
import type { Refusal } from './timing.ts';

/** Prompts and output caps beyond what the model takes, in the API's words. */
export function checkSize(
  { api }: Exchange,
  { maxOutputTokens = 0, choices }: ModelRequest,
  tokens: number,
  { id, contextWindow: window, maxOutput }: ModelSettings,
): ApiError | undefined {
  if (api === 'anthropic') {
    if (maxOutputTokens > maxOutput) {
      const message = `max_tokens: ${maxOutputTokens} > ${maxOutput}, which is the maximum allowed number of output tokens for ${id}`;
      return { status: 400, message };
    }
    if (tokens <= window) return undefined;
    return { status: 400, message: `prompt is too long: ${tokens} tokens > ${window} maximum` };
  }
  const type = 'invalid_request_error';
  if (choices > MAX_CHOICES) {
    const message = `Invalid 'n': integer above maximum value. Expected a value <= ${MAX_CHOICES}, but got ${choices} instead.`;
    return { status: 400, message, type, param: 'n', code: 'integer_above_max_value' };
  }
  if (maxOutputTokens > maxOutput) {
    const message = `max_tokens is too large: ${maxOutputTokens}. This model supports at most ${maxOutput} completion tokens, whereas you provided ${maxOutputTokens}.`;
    return { status: 400, message, type, param: 'max_tokens', code: 'invalid_value' };
  }
  if (tokens + maxOutputTokens <= window) return undefined;
  const asked =
    tokens > window
      ? `your messages resulted in ${tokens} tokens. Please reduce the length of the messages.`
      : `you requested ${tokens + maxOutputTokens} tokens (${tokens} in the messages, ${maxOutputTokens} in the completion). Please reduce the length of the messages or completion.`;
  const message = `This model's maximum context length is ${window} tokens. However, ${asked}`;
  return { status: 400, message, type, param: 'messages', code: 'context_length_exceeded' };
}

/** OpenAI's bound of `n`. */
const MAX_CHOICES = 128;

/** What the engine says of a request it turned away. */
export function engineRefusal(reason: Refusal): ApiError {
  if (reason === 'queue-full') {
    return { status: 503, message: 'The engine is overloaded: its waiting queue is full.' };
  }
  const message = 'The request does not fit the KV cache of the engine.';
  return { status: 400, message, type: 'invalid_request_error' };
}

/** Answers of a provisioned deployment that send the call on to its spillover deployment (Azure). */
const SPILLED_STATUSES = [400, 429, 500, 503];

/** Whether a scripted answer would not reach the caller of a deployment with spillover. */
export function spills(fault: Fault | undefined): boolean {
  return fault?.kind === 'status' && SPILLED_STATUSES.includes(fault.status);
}
