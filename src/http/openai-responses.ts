import type { ModelRequest, ReadRequest, ToolDefinition } from './dialect.ts';
import { countOf, isRecord, recordOf, recordsOf, stringOf } from './dialect-json.ts';
import type { Json } from './dialect-json.ts';
import { jsonPart, markPart, mediaPart, textPart } from './dialect-prompt.ts';
import type { PromptPart } from './dialect-prompt.ts';
import {
  allowedTools,
  checkBoolean,
  checkCounts,
  checkToolChoice,
  customTool,
  openaiToolChoice,
  outputSchema,
} from './openai-chat.ts';
import { invalidRequest } from './openai-error.ts';
import { checkResponsesTurns } from './tool-turns.ts';

/** Reads a Responses request body. Stored conversations are the server's business, not read here. */
export function readResponsesRequest(body: unknown): ReadRequest {
  if (!isRecord(body)) return refuse('We could not parse the JSON body of your request.');
  const model = stringOf(body['model']);
  if (model === undefined || model === '') {
    return refuse("Missing required parameter: 'model'.", 'model', 'missing_required_parameter');
  }
  const { input } = body;
  if (input === undefined && body['previous_response_id'] === undefined) {
    return refuse("Missing required parameter: 'input'.", 'input', 'missing_required_parameter');
  }
  if (input !== undefined && typeof input !== 'string' && !Array.isArray(input)) {
    const message = "Invalid type for 'input': expected a string or an array of objects.";
    return refuse(message, 'input', 'invalid_type');
  }
  const wrong =
    checkCounts(body, ['max_output_tokens', 'max_tool_calls']) ??
    checkBoolean(body, 'stream') ??
    checkResponsesTurns(body);
  if (wrong !== undefined) return { ok: false, error: wrong };
  const items = recordsOf(input);
  const lastUser = items.findLastIndex((item) => item['role'] === 'user');
  const reasoning = recordOf(body['reasoning']);
  const request: ModelRequest = {
    dialect: 'openai-responses',
    model,
    stream: body['stream'] === true,
    maxOutputTokens: countOf(body['max_output_tokens']),
    minOutputTokens: countOf(body['min_tokens']),
    ignoreEos: body['ignore_eos'] === true,
    choices: 1,
    includeUsage: true,
    obfuscate: false,
    stop: [],
    tools: allowedTools(responsesTools(body), body['tool_choice']),
    toolChoice: openaiToolChoice(body['tool_choice']),
    parallelToolCalls: body['parallel_tool_calls'] !== false,
    reasoning: {
      effort: stringOf(reasoning?.['effort']),
      visible: reasoning?.['summary'] != null || reasoning?.['generate_summary'] != null,
    },
    outputSchema: outputSchema(recordOf(recordOf(body['text'])?.['format'])),
    prompt: responsesPrompt(body),
    lastUserText:
      typeof input === 'string' ? input : lastUser < 0 ? '' : itemText(items[lastUser]!),
    toolRounds: toolRounds(items.slice(lastUser + 1)),
    background: body['background'] === true,
    cacheKey: stringOf(body['prompt_cache_key']),
  };
  return checkToolChoice(request);
}

/** Prompt parts in prefix order: tools, instructions, input. Never throws. */
export function responsesPrompt(body: Json): readonly PromptPart[] {
  const parts: PromptPart[] = recordsOf(body['tools']).map((tool) => jsonPart(tool));
  const instructions = stringOf(body['instructions']);
  if (instructions !== undefined) parts.push(markPart('developer'), textPart(instructions));
  const { input } = body;
  if (typeof input === 'string') parts.push(markPart('user'), textPart(input));
  else for (const item of recordsOf(input)) pushItem(parts, item);
  return parts;
}

function pushItem(parts: PromptPart[], item: Json): void {
  if (item['type'] === 'function_call' || item['type'] === 'custom_tool_call') {
    const { name } = item;
    parts.push(markPart('call'), jsonPart({ name, arguments: item['arguments'] ?? item['input'] }));
    return;
  }
  parts.push(markPart(stringOf(item['role']) ?? stringOf(item['type']) ?? 'user'));
  const content = item['content'] ?? item['output'] ?? item['summary'];
  if (typeof content === 'string') {
    parts.push(textPart(content));
    return;
  }
  for (const part of recordsOf(content)) {
    const text = stringOf(part['text']) ?? stringOf(part['refusal']);
    parts.push(text === undefined ? mediaPart(part) : textPart(text));
  }
}

function responsesTools(body: Json): readonly ToolDefinition[] {
  return recordsOf(body['tools']).flatMap((tool) => {
    const name = stringOf(tool['name']);
    if (name === undefined) return [];
    if (tool['type'] === 'custom') return [customTool(name, recordOf(tool['format']))];
    return [{ name, schema: tool['parameters'] }];
  });
}

/** Runs of function calls: parallel calls of one reply stand next to each other. */
function toolRounds(items: readonly Json[]): number {
  let rounds = 0;
  let inRun = false;
  for (const item of items) {
    const isCall = item['type'] === 'function_call' || item['type'] === 'custom_tool_call';
    if (isCall && !inRun) rounds += 1;
    inRun = isCall;
  }
  return rounds;
}

function itemText(item: Json): string {
  const { content } = item;
  if (typeof content === 'string') return content;
  return recordsOf(content)
    .map((part) => stringOf(part['text']) ?? '')
    .join('');
}

function refuse(message: string, param?: string, code?: string): ReadRequest {
  return { ok: false, error: invalidRequest(message, param, code) };
}
