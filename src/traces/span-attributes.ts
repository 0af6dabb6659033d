import { argumentsHash } from './argument-hash.ts';
import { first, NAMES } from './attribute-names.ts';
import { contentTexts } from './estimate.ts';
import {
  amountOf,
  isObject,
  listOf,
  objectOf,
  textOf,
  unpackJson,
  type JsonObject,
} from './json-value.ts';
import { spanDetails, stateSizes } from './span-details.ts';
import type { SpanLlm, SpanRecord, SpanRole } from './span-record.ts';
import { CLAUDE_CODE, spanRole } from './span-role.ts';
import { PromptTexts, type Conversation, type TokenEstimates } from './token-estimates.ts';
import { cacheWrites, exclusiveUsage, inclusiveUsage } from './usage.ts';

/** What the attributes and name of a span say; times, ids and links come from its container. */
export type AttributeFacts = Omit<
  SpanRecord,
  'traceId' | 'spanId' | 'parentId' | 'startMs' | 'endMs'
>;

/** What the reader of a span's container knows and has. */
export interface AttributeContext {
  /** The container's own status says error. */
  readonly failed: boolean;
  readonly estimates: TokenEstimates;
}

export function readAttributes(
  name: string,
  attributes: JsonObject,
  { failed, estimates }: AttributeContext,
): AttributeFacts {
  const claude = name.startsWith(CLAUDE_CODE);
  const role = spanRole(name, attributes);
  const errorType =
    textOf(attributes['error.type']) ?? amountOf(attributes['error.type'])?.toString();
  const error = errorType ?? (failed || attributes['success'] === false ? 'error' : undefined);
  const facts: AttributeFacts = {
    name,
    role,
    session: textOf(first(attributes, NAMES.session)),
    user: textOf(first(attributes, NAMES.user)),
    agent:
      textOf(first(attributes, NAMES.agent)) ??
      (claude ? textOf(attributes['agent_id']) : undefined),
    isAgent: isAgent(attributes),
    startsTurn: name === 'claude_code.interaction' || undefined,
    error,
    status: httpStatus(attributes, errorType),
  };
  switch (role) {
    case 'llm':
    case 'embedding':
    case 'group':
      return {
        ...facts,
        requestId: claude ? textOf(attributes['request_id']) : undefined,
        llm: readLlm(name, attributes, { role, failed: error !== undefined, estimates }),
      };
    case 'tool': {
      const tool = textOf(first(attributes, NAMES.tool)) ?? toolFromName(name);
      return {
        ...facts,
        tool,
        durationMs: claude ? amountOf(attributes['duration_ms']) : undefined,
        argumentsHash: argumentsHash(tool, first(attributes, NAMES.arguments)),
      };
    }
    case 'wait':
      return { ...facts, durationMs: amountOf(attributes['duration_ms']) };
    case 'read':
    case 'write':
      return { ...facts, store: textOf(first(attributes, NAMES.store)), ...stateSizes(attributes) };
    case 'part':
    case 'none':
      return facts;
  }
}

function readLlm(
  name: string,
  attributes: JsonObject,
  { role, failed, estimates }: AttributeContext & { readonly role: SpanRole },
): SpanLlm | undefined {
  const claude = name.startsWith(CLAUDE_CODE);
  const reported = claude ? claudeUsage(attributes) : usage(attributes);
  // A group without usage is only structure; prompts on it are repeated on the calls inside.
  if (role === 'group' && reported === undefined) return undefined;
  const model =
    textOf(first(attributes, NAMES.model)) ?? (claude ? textOf(attributes['model']) : undefined);
  const needsTexts = reported === undefined ? !failed : role === 'llm' && estimates.wants(model);
  const said = needsTexts ? conversation(attributes, model) : undefined;
  if (said !== undefined && reported !== undefined) estimates.observe(said, reported);
  const estimate =
    said !== undefined && reported === undefined ? estimates.estimate(said) : undefined;
  return {
    model,
    provider: textOf(first(attributes, NAMES.provider)),
    completion: attributes['gen_ai.operation.name'] === 'text_completion' || undefined,
    tokens: reported ?? estimate,
    estimated: estimate !== undefined || undefined,
    ttftMs: ttft(attributes),
    streamed: streamed(name, attributes),
    attempt: claude ? amountOf(attributes['attempt']) : undefined,
    finishReason:
      finishReason(attributes) ?? (claude ? textOf(attributes['stop_reason']) : undefined),
    details: role === 'llm' ? spanDetails(attributes) : undefined,
  };
}

function usage(attributes: JsonObject): SpanLlm['tokens'] {
  const input = amountOf(first(attributes, NAMES.input));
  const output = amountOf(first(attributes, NAMES.output));
  if (input === undefined && output === undefined) return undefined;
  const anthropic = objectOf(
    objectOf(unpackJson(attributes['ai.response.providerMetadata']))['anthropic'],
  );
  const split = objectOf(objectOf(anthropic['usage'])['cache_creation']);
  return inclusiveUsage({
    input,
    output,
    cacheRead: amountOf(first(attributes, NAMES.cacheRead)),
    ...cacheWrites(
      amountOf(first(attributes, NAMES.cacheWrite)) ??
        amountOf(anthropic['cacheCreationInputTokens']),
      {
        fiveMinutes: amountOf(split['ephemeral_5m_input_tokens']),
        oneHour: amountOf(split['ephemeral_1h_input_tokens']),
      },
    ),
    reasoning: amountOf(first(attributes, NAMES.reasoning)),
    total: amountOf(first(attributes, NAMES.total)),
  });
}

/** Claude Code's names carry no prefix, and its input excludes cached tokens. */
function claudeUsage(attributes: JsonObject): SpanLlm['tokens'] {
  const input = amountOf(attributes['input_tokens']);
  const output = amountOf(attributes['output_tokens']);
  if (input === undefined && output === undefined) return undefined;
  return exclusiveUsage({
    input,
    output,
    cacheRead: amountOf(attributes['cache_read_tokens']),
    ...cacheWrites(amountOf(attributes['cache_creation_tokens'])),
  });
}

/** The texts of a call; undefined when the span holds none. */
function conversation(attributes: JsonObject, model: string | undefined): Conversation | undefined {
  const prompt = new PromptTexts(contentTexts(unpack(first(attributes, NAMES.promptContent))));
  if (prompt.chars === 0) {
    for (const [key, value] of Object.entries(attributes))
      if (INDEXED_PROMPT.test(key)) prompt.add(contentTexts(value));
  }
  const answer = contentTexts(unpack(first(attributes, NAMES.answerContent)));
  if (prompt.chars === 0 && answer.length === 0) return undefined;
  const reason = finishReason(attributes) ?? '';
  const callsTools = reason.includes('tool') || reason === 'function_call';
  return { model, prompt, answer, callsTools };
}

/** Message arrays arrive as values, as JSON text, or as plain text. */
function unpack(value: unknown): unknown {
  return unpackJson(value) ?? value;
}

function ttft(attributes: JsonObject): number | undefined {
  const seconds =
    amountOf(attributes['gen_ai.response.time_to_first_chunk']) ??
    amountOf(attributes['gen_ai.client.operation.time_to_first_chunk']) ??
    // vLLM's own spans.
    amountOf(attributes['gen_ai.latency.time_to_first_token']);
  if (seconds !== undefined) return seconds * 1000;
  return amountOf(attributes['ai.response.msToFirstChunk']) ?? amountOf(attributes['ttft_ms']);
}

function streamed(name: string, attributes: JsonObject): boolean | undefined {
  const flag = attributes['gen_ai.request.stream'] ?? attributes['llm.is_streaming'];
  if (typeof flag === 'boolean') return flag;
  return name.includes('.doStream') || ttft(attributes) !== undefined ? true : undefined;
}

function finishReason(attributes: JsonObject): string | undefined {
  const value = first(attributes, NAMES.finishReason);
  const unpacked = unpackJson(value);
  return Array.isArray(unpacked) ? textOf(listOf(unpacked)[0]) : textOf(value);
}

function isAgent(attributes: JsonObject): boolean | undefined {
  return (
    attributes['gen_ai.operation.name'] === 'invoke_agent' ||
    attributes['openinference.span.kind'] === 'AGENT' ||
    attributes['traceloop.span.kind'] === 'agent' ||
    undefined
  );
}

function httpStatus(attributes: JsonObject, errorType: string | undefined): number | undefined {
  const status =
    amountOf(attributes['http.response.status_code']) ??
    amountOf(attributes['http.status_code']) ??
    amountOf(errorType);
  return status !== undefined && status >= 100 && status <= 599 ? status : undefined;
}

function toolFromName(name: string): string {
  return name.replace(/^(?:execute_tool|tool)[ .]/, '') || 'tool';
}

const INDEXED_PROMPT =
  /^(?:gen_ai\.prompt|llm\.input_messages)\.\d+\..*(?:content|text|arguments)$/;

/** Whether a span's attributes carry anything a workload is made of. */
export function isGenAi(attributes: unknown): boolean {
  return isObject(attributes) && Object.keys(attributes).some((key) => GEN_AI_KEY.test(key));
}

const GEN_AI_KEY =
  /^(?:gen_ai\.|llm\.|openinference\.|traceloop\.|ai\.(?:model|operationId|usage|toolCall))/;
