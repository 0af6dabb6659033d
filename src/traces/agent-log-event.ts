import type { LlmCall } from '../core/trace.ts';
import { amountOf, textOf, type JsonObject } from './json-value.ts';
import { recordedCost } from './recorded-cost.ts';
import { cacheWrites, exclusiveUsage, inclusiveUsage } from './usage.ts';

/** What one log record of a coding agent says; times are those of the record, at its end. */
export type AgentEvent =
  | { readonly kind: 'prompt' }
  /** A request was answered or refused; its usage comes later (Codex). */
  | { readonly kind: 'request'; readonly durationMs: number | undefined; readonly error?: string }
  | {
      readonly kind: 'call';
      readonly model: string | undefined;
      readonly provider: string | undefined;
      readonly tokens: LlmCall['tokens'] | undefined;
      /** Undefined: the call began at the last request. */
      readonly durationMs: number | undefined;
      readonly ttftMs?: number | undefined;
      readonly attempt?: number | undefined;
      readonly status?: number | undefined;
      readonly error?: string | undefined;
      readonly agent?: string | undefined;
      readonly requestId?: string | undefined;
      /** US dollars, as the agent estimates them. */
      readonly costUsd?: number | undefined;
    }
  | {
      readonly kind: 'tool';
      readonly name: string;
      readonly durationMs: number | undefined;
      readonly error: boolean;
    }
  /** Known, and without numbers that count. */
  | { readonly kind: 'note' };

/**
 * Events that coding agents log by OpenTelemetry; undefined for other records.
 * - Claude Code (`claude_code.*`): api_request has the usage of one request, input without cache.
 * - Codex (`codex.*`): api_request is the HTTP exchange; the usage stands on the SSE or websocket
 *   event of kind response.completed, input with cache, output with reasoning.
 * - Gemini CLI (`gemini_cli.*`): api_response, input with cache, thoughts beside the output.
 */
export function agentEvent(name: string, attributes: JsonObject): AgentEvent | undefined {
  const [agent, event] = splitName(name, attributes);
  if (agent === 'claude_code') return claudeEvent(event, attributes);
  if (agent === 'codex') return codexEvent(event, attributes);
  return agent === 'gemini_cli' ? geminiEvent(event, attributes) : undefined;
}

/** `claude_code.api_request`; Claude Code's event.name has no prefix, its body has. */
function splitName(name: string, attributes: JsonObject): readonly [string, string] {
  const dot = name.indexOf('.');
  if (dot !== -1) return [name.slice(0, dot), name.slice(dot + 1)];
  const isClaude = attributes['session.id'] !== undefined && CLAUDE_EVENTS.has(name);
  return [isClaude ? 'claude_code' : '', name];
}

function claudeEvent(event: string, attributes: JsonObject): AgentEvent {
  const durationMs = amountOf(attributes['duration_ms']);
  if (event === 'user_prompt') return { kind: 'prompt' };
  if (event === 'tool_result') return toolEvent(attributes, 'tool_name');
  if (event !== 'api_request' && event !== 'api_error') return { kind: 'note' };
  const status = amountOf(attributes['status_code']);
  return {
    kind: 'call',
    model: textOf(attributes['model']),
    provider: 'anthropic',
    tokens:
      event === 'api_error'
        ? undefined
        : exclusiveUsage({
            input: amountOf(attributes['input_tokens']),
            cacheRead: amountOf(attributes['cache_read_tokens']),
            ...cacheWrites(amountOf(attributes['cache_creation_tokens'])),
            output: amountOf(attributes['output_tokens']),
          }),
    durationMs,
    ttftMs: amountOf(attributes['ttft_ms']),
    attempt: amountOf(attributes['attempt']),
    status,
    error: event === 'api_error' ? (status?.toString() ?? 'error') : undefined,
    agent:
      textOf(attributes['agent_id']) ??
      textOf(attributes['agent.name']) ??
      (attributes['query_source'] === 'subagent' ? 'sub-agent' : undefined),
    requestId: textOf(attributes['request_id']),
    costUsd: recordedCost(attributes['cost_usd']),
  };
}

function codexEvent(event: string, attributes: JsonObject): AgentEvent {
  const durationMs = amountOf(attributes['duration_ms']);
  if (event === 'user_prompt') return { kind: 'prompt' };
  if (event === 'tool_result') return toolEvent(attributes, 'tool_name');
  if (event === 'api_request' || event === 'websocket_request') {
    const status = amountOf(attributes['http.response.status_code']);
    const failed =
      (status !== undefined && status >= 400) || textOf(attributes['error.message']) !== undefined;
    const error = failed ? (status?.toString() ?? 'error') : undefined;
    return { kind: 'request', durationMs, ...(error === undefined ? {} : { error }) };
  }
  const isDone = attributes['event.kind'] === 'response.completed';
  if ((event !== 'sse_event' && event !== 'websocket_event') || !isDone) return { kind: 'note' };
  const input = amountOf(attributes['input_token_count']);
  const output = amountOf(attributes['output_token_count']);
  return {
    kind: 'call',
    model: textOf(attributes['model']),
    provider: 'openai',
    tokens:
      input === undefined && output === undefined
        ? undefined
        : inclusiveUsage({
            input,
            cacheRead: amountOf(attributes['cached_token_count']),
            cacheWrite5m: amountOf(attributes['cache_write_token_count']),
            output,
            reasoning: amountOf(attributes['reasoning_token_count']),
          }),
    durationMs: undefined,
    ttftMs: amountOf(attributes['ttft_ms']),
    requestId: textOf(attributes['response.id']),
  };
}

function geminiEvent(event: string, attributes: JsonObject): AgentEvent {
  const durationMs = amountOf(attributes['duration_ms']);
  if (event === 'user_prompt') return { kind: 'prompt' };
  if (event === 'tool_call') return toolEvent(attributes, 'function_name');
  if (event !== 'api_response' && event !== 'api_error') return { kind: 'note' };
  const status = amountOf(attributes['status_code']);
  const thoughts = amountOf(attributes['thoughts_token_count']) ?? 0;
  return {
    kind: 'call',
    model: textOf(attributes['model']),
    provider: 'google',
    tokens:
      event === 'api_error'
        ? undefined
        : inclusiveUsage({
            input: amountOf(attributes['input_token_count']),
            cacheRead: amountOf(attributes['cached_content_token_count']),
            output: (amountOf(attributes['output_token_count']) ?? 0) + thoughts,
            reasoning: thoughts,
          }),
    durationMs,
    status,
    error: event === 'api_error' ? (status?.toString() ?? 'error') : undefined,
  };
}

function toolEvent(attributes: JsonObject, nameKey: string): AgentEvent {
  return {
    kind: 'tool',
    name: textOf(attributes[nameKey]) ?? 'tool',
    durationMs: amountOf(attributes['duration_ms']),
    // Logged as boolean or as text.
    error: String(attributes['success']) === 'false',
  };
}

const CLAUDE_EVENTS = new Set([
  'api_request',
  'api_error',
  'tool_result',
  'tool_decision',
  'user_prompt',
]);
