import type { ApiError, ModelRequest, ReadRequest, ToolChoice, ToolDefinition } from './dialect.ts';
import { countOf, isRecord, listOf, recordOf, recordsOf, stringOf } from './dialect-json.ts';
import type { Json } from './dialect-json.ts';
import { jsonPart, markPart, mediaPart, textPart } from './dialect-prompt.ts';
import type { PromptPart } from './dialect-prompt.ts';
import { invalidRequest } from './openai-error.ts';
import { checkChatTurns } from './tool-turns.ts';

/** Reads a Chat Completions request body (OpenAI API reference; fields beyond ours are ignored). */
export function readChatRequest(body: unknown): ReadRequest {
  if (!isRecord(body)) return refuse('We could not parse the JSON body of your request.');
  const model = stringOf(body['model']);
  if (model === undefined || model === '') return refuse('you must provide a model parameter');
  const { messages } = body;
  if (messages === undefined) {
    return refuse(
      "Missing required parameter: 'messages'.",
      'messages',
      'missing_required_parameter',
    );
  }
  const wrong =
    checkMessages(messages) ??
    checkChatTurns(recordsOf(messages)) ??
    checkCounts(body, ['max_tokens', 'max_completion_tokens', 'n', 'min_tokens']) ??
    checkBoolean(body, 'stream') ??
    checkLogprobs(body);
  if (wrong !== undefined) return { ok: false, error: wrong };
  const list = recordsOf(messages);
  const lastUser = list.findLastIndex((message) => message['role'] === 'user');
  const tools = allowedTools(chatTools(body), body['tool_choice']);
  const options = recordOf(body['stream_options']);
  const request: ModelRequest = {
    dialect: 'openai-chat',
    model,
    stream: body['stream'] === true,
    maxOutputTokens: largest(body['max_tokens'], body['max_completion_tokens']),
    minOutputTokens: countOf(body['min_tokens']),
    ignoreEos: body['ignore_eos'] === true,
    choices: Math.max(1, countOf(body['n']) ?? 1),
    includeUsage: options?.['include_usage'] === true,
    obfuscate: options?.['include_obfuscation'] !== false,
    stop: stopSequences(body['stop']),
    tools,
    toolChoice: openaiToolChoice(body['tool_choice']),
    parallelToolCalls: body['parallel_tool_calls'] !== false,
    reasoning: { effort: stringOf(body['reasoning_effort']), visible: false },
    outputSchema: outputSchema(recordOf(body['response_format'])),
    prompt: chatPrompt(body),
    lastUserText: lastUser === -1 ? '' : contentText(list[lastUser]!['content']),
    toolRounds: list.slice(lastUser + 1).filter((m) => listOf(m['tool_calls']).length > 0).length,
    topLogprobs: body['logprobs'] === true ? (countOf(body['top_logprobs']) ?? 0) : undefined,
    cacheKey: stringOf(body['prompt_cache_key']),
  };
  return checkToolChoice(request);
}

/** Prompt parts in the order OpenAI's prefix cache sees them: tools, then messages. Never throws. */
export function chatPrompt(body: Json): readonly PromptPart[] {
  const parts: PromptPart[] = recordsOf(body['tools']).map((tool) => jsonPart(tool));
  for (const message of recordsOf(body['messages'])) {
    parts.push(markPart(stringOf(message['role']) ?? 'user'));
    const { content } = message;
    if (typeof content === 'string') parts.push(textPart(content));
    else for (const part of recordsOf(content)) parts.push(contentPart(part));
    for (const call of recordsOf(message['tool_calls'])) {
      parts.push(jsonPart(call['function'] ?? call['custom']));
    }
  }
  return parts;
}

/** `auto|none|required`, some tools or one, in the shapes of Chat and Responses. */
export function openaiToolChoice(choice: unknown): ToolChoice {
  if (choice === 'none' || choice === 'required') return { kind: choice };
  if (!isRecord(choice)) return { kind: 'auto' };
  const allowed = allowedOf(choice);
  if (allowed !== undefined) return { kind: allowed['mode'] === 'required' ? 'required' : 'auto' };
  const name = toolName(choice);
  return name === undefined ? { kind: 'auto' } : { kind: 'named', name };
}

/** A tool that takes text; a grammar of syntax `regex` says which. */
export function customTool(name: string, grammar: Json | undefined): ToolDefinition {
  const isRegex = grammar?.['syntax'] === 'regex';
  const pattern = isRegex ? stringOf(grammar['definition']) : undefined;
  return { name, schema: undefined, isCustom: true, pattern };
}

/** The tools a call may use: those of `allowed_tools`, when the choice names some. */
export function allowedTools(
  tools: readonly ToolDefinition[],
  choice: unknown,
): readonly ToolDefinition[] {
  const allowed = isRecord(choice) ? allowedOf(choice) : undefined;
  if (allowed === undefined) return tools;
  const names = recordsOf(allowed['tools']).map(toolName);
  return tools.filter(({ name }) => names.includes(name));
}

/** `allowed_tools` of Chat, which nests it, or of Responses, which does not. */
function allowedOf(choice: Json): Json | undefined {
  if (choice['type'] !== 'allowed_tools') return undefined;
  return recordOf(choice['allowed_tools']) ?? choice;
}

function toolName(tool: Json): string | undefined {
  return stringOf((recordOf(tool['function']) ?? recordOf(tool['custom']) ?? tool)['name']);
}

/** A forced tool must be among the tools: OpenAI's 400 otherwise. */
export function checkToolChoice(request: ModelRequest): ReadRequest {
  const { toolChoice, tools } = request;
  if (toolChoice.kind === 'required' && tools.length === 0) {
    return refuse(
      "Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are specified.",
      'tool_choice',
    );
  }
  if (toolChoice.kind === 'named' && !tools.some(({ name }) => name === toolChoice.name)) {
    return refuse(
      `Tool choice '${toolChoice.name}' not found in 'tools' parameter.`,
      'tool_choice',
    );
  }
  return { ok: true, request };
}

/** JSON Schema of a structured answer; `true` for any object (`json_object`). */
export function outputSchema(format: Json | undefined): unknown {
  if (format?.['type'] === 'json_object') return true;
  if (format?.['type'] !== 'json_schema') return undefined;
  return recordOf(format['json_schema'])?.['schema'] ?? format['schema'] ?? true;
}

export function stopSequences(stop: unknown): readonly string[] {
  const list = typeof stop === 'string' ? [stop] : listOf(stop);
  return list.filter((item): item is string => typeof item === 'string' && item !== '');
}

/** The first of these fields that is neither absent, null nor a whole number ≥ 1. */
export function checkCounts(body: Json, fields: readonly string[]): ApiError | undefined {
  for (const field of fields) {
    const value = body[field];
    if (value === undefined || value === null) continue;
    if (typeof value !== 'number' || !Number.isSafeInteger(value)) {
      return invalidRequest(
        `Invalid type for '${field}': expected an integer.`,
        field,
        'invalid_type',
      );
    }
    if (value < 1) {
      const message = `Invalid '${field}': integer below minimum value. Expected a value >= 1, but got ${value} instead.`;
      return invalidRequest(message, field, 'integer_below_min_value');
    }
  }
  return undefined;
}

export function checkBoolean(body: Json, field: string): ApiError | undefined {
  const value = body[field];
  if (value === undefined || value === null || typeof value === 'boolean') return undefined;
  return invalidRequest(`Invalid type for '${field}': expected a boolean.`, field, 'invalid_type');
}

/** OpenAI's bound of `top_logprobs`. */
const MAX_LOGPROBS = 20;

function checkLogprobs(body: Json): ApiError | undefined {
  const { logprobs, top_logprobs: top } = body;
  if (top === undefined || top === null) return checkBoolean(body, 'logprobs');
  if (logprobs !== true) {
    const message =
      "Invalid value for 'top_logprobs': 'top_logprobs' is only allowed when 'logprobs' is enabled.";
    return invalidRequest(message, 'top_logprobs');
  }
  if (Number.isSafeInteger(top) && (top as number) >= 0 && (top as number) <= MAX_LOGPROBS) {
    return undefined;
  }
  const message = `Invalid 'top_logprobs': expected an integer from 0 to ${MAX_LOGPROBS}.`;
  return invalidRequest(message, 'top_logprobs', 'invalid_value');
}

const ROLES = ['developer', 'system', 'user', 'assistant', 'tool', 'function'];

function checkMessages(messages: unknown): ApiError | undefined {
  if (!Array.isArray(messages)) {
    const message = "Invalid type for 'messages': expected an array of objects.";
    return invalidRequest(message, 'messages', 'invalid_type');
  }
  if (messages.length === 0) {
    const message =
      "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array instead.";
    return invalidRequest(message, 'messages', 'empty_array');
  }
  for (const [index, message] of messages.entries()) {
    const at = `messages[${index}]`;
    if (!isRecord(message)) {
      return invalidRequest(`Invalid type for '${at}': expected an object.`, at, 'invalid_type');
    }
    if (!ROLES.includes(String(message['role']))) {
      const text = `Invalid value: '${String(message['role'])}'. Supported values are: ${ROLES.map((role) => `'${role}'`).join(', ')}.`;
      return invalidRequest(text, `${at}.role`, 'invalid_value');
    }
    if (message['role'] === 'tool' && typeof message['tool_call_id'] !== 'string') {
      return invalidRequest(
        `Missing parameter 'tool_call_id': messages with role 'tool' must have a 'tool_call_id'.`,
        `${at}.tool_call_id`,
      );
    }
  }
  return undefined;
}

function chatTools(body: Json): readonly ToolDefinition[] {
  return recordsOf(body['tools']).flatMap((tool) => {
    const custom = recordOf(tool['custom']);
    const definition = recordOf(tool['function']) ?? custom;
    const name = stringOf(definition?.['name']);
    if (name === undefined) return [];
    if (custom === undefined) return [{ name, schema: definition?.['parameters'] }];
    const format = recordOf(custom['format']);
    return [customTool(name, recordOf(format?.['grammar']))];
  });
}

function contentPart(part: Json): PromptPart {
  const text = stringOf(part['text']) ?? stringOf(part['refusal']);
  return text === undefined ? mediaPart(part) : textPart(text);
}

function contentText(content: unknown): string {
  if (typeof content === 'string') return content;
  return recordsOf(content)
    .map((part) => stringOf(part['text']) ?? '')
    .join('');
}

function largest(...values: readonly unknown[]): number | undefined {
  const counts = values.map(countOf).filter((value) => value !== undefined);
  return counts.length === 0 ? undefined : Math.max(...counts);
}

function refuse(message: string, param?: string, code?: string): ReadRequest {
  return { ok: false, error: invalidRequest(message, param, code) };
}
