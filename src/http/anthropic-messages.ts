import { anthropicErrorType } from './anthropic-error.ts';
import type { ApiError, ModelRequest, ReadRequest, ToolChoice, ToolDefinition } from './dialect.ts';
import { countOf, isRecord, listOf, recordOf, recordsOf, stringOf } from './dialect-json.ts';
import type { Json } from './dialect-json.ts';
import { breakpointOf, jsonPart, markPart, mediaPart, textPart } from './dialect-prompt.ts';
import type { PromptPart } from './dialect-prompt.ts';
import { outputSchema, stopSequences } from './openai-chat.ts';
import { checkMessagesTurns } from './tool-turns.ts';

/** API versions a server accepts in `anthropic-version`. */
export const ANTHROPIC_VERSIONS = ['2023-06-01', '2026-10-21'] as const;
export type AnthropicVersion = (typeof ANTHROPIC_VERSIONS)[number];

export interface ReadAnthropicOptions {
  readonly version?: AnthropicVersion | undefined;
  /** For count_tokens, which has no `max_tokens`. */
  readonly maxTokens?: 'required' | 'optional' | undefined;
}

/** Reads a Messages request body; version 2026-10-21 refuses what its migration guide says. */
export function readMessagesRequest(
  body: unknown,
  options: ReadAnthropicOptions = {},
): ReadRequest {
  if (!isRecord(body)) return refuse('The request body is not valid JSON.');
  const model = stringOf(body['model']);
  if (model === undefined || model === '') return refuse('model: Field required');
  const wrong =
    (options.maxTokens === 'optional' ? undefined : checkMaxTokens(body['max_tokens'])) ??
    checkMessages(body['messages']) ??
    checkMessagesTurns(recordsOf(body['messages'])) ??
    checkStream(body['stream']) ??
    (options.version === '2026-10-21' ? checkVersion2026(body) : undefined);
  if (wrong !== undefined) return refuse(wrong);
  const messages = recordsOf(body['messages']);
  const lastUser = messages.findLastIndex((m) => m['role'] === 'user' && !isToolResult(m));
  const thinking = recordOf(body['thinking']);
  const thinks = thinking?.['type'] === 'enabled' || thinking?.['type'] === 'adaptive';
  const config = recordOf(body['output_config']);
  const choice = recordOf(body['tool_choice']);
  const request: ModelRequest = {
    dialect: 'anthropic-messages',
    model,
    stream: body['stream'] === true,
    maxOutputTokens: countOf(body['max_tokens']),
    minOutputTokens: countOf(body['min_tokens']),
    ignoreEos: body['ignore_eos'] === true,
    choices: 1,
    includeUsage: true,
    obfuscate: false,
    stop: stopSequences(body['stop_sequences']),
    tools: messagesTools(body),
    toolChoice: messagesToolChoice(choice),
    parallelToolCalls: choice?.['disable_parallel_tool_use'] !== true,
    reasoning: {
      effort: thinks ? stringOf(config?.['effort']) : 'none',
      budgetTokens: thinks ? countOf(thinking?.['budget_tokens']) : undefined,
      visible: thinks,
    },
    outputSchema: outputSchema(recordOf(config?.['format'])),
    prompt: messagesPrompt(body),
    lastUserText: lastUser === -1 ? '' : contentText(messages[lastUser]!['content']),
    toolRounds: messages.slice(lastUser + 1).filter(hasToolUse).length,
  };
  return checkToolChoice(request);
}

/** Prompt parts in the order of Anthropic's cache hierarchy: tools, system, messages. Never throws. */
export function messagesPrompt(body: Json): readonly PromptPart[] {
  const parts: PromptPart[] = [];
  for (const tool of recordsOf(body['tools'])) {
    const { cache_control: _, ...definition } = tool;
    parts.push(jsonPart(definition, breakpointOf(tool)));
  }
  if (body['system'] !== undefined) {
    parts.push(markPart('system'));
    pushContent(parts, body['system']);
  }
  for (const message of recordsOf(body['messages'])) {
    parts.push(markPart(stringOf(message['role']) ?? 'user'));
    pushContent(parts, message['content']);
  }
  const last = parts.length - 1;
  // `cache_control` at the top level marks the last cacheable block.
  const top = breakpointOf(body);
  if (last >= 0 && top !== undefined) parts[last] = { ...parts[last]!, breakpoint: top };
  return parts;
}

function pushContent(parts: PromptPart[], content: unknown): void {
  if (typeof content === 'string') parts.push(textPart(content));
  else for (const block of recordsOf(content)) pushBlock(parts, block);
}

function pushBlock(parts: PromptPart[], block: Json): void {
  const breakpoint = breakpointOf(block);
  const text = stringOf(block['text']) ?? stringOf(block['thinking']) ?? stringOf(block['data']);
  if (text !== undefined) {
    parts.push(textPart(text, breakpoint));
  } else if (block['type'] === 'tool_use' || block['type'] === 'server_tool_use') {
    parts.push(jsonPart({ name: block['name'], arguments: block['input'] }, breakpoint));
  } else if (block['type'] === 'tool_result') {
    pushContent(parts, block['content']);
    parts.push(textPart('', breakpoint));
  } else {
    const { cache_control: _, ...media } = block;
    parts.push(mediaPart(media, breakpoint));
  }
}

function messagesTools(body: Json): readonly ToolDefinition[] {
  return recordsOf(body['tools']).flatMap((tool) => {
    const name = stringOf(tool['name']);
    return name === undefined ? [] : [{ name, schema: tool['input_schema'] }];
  });
}

function messagesToolChoice(choice: Json | undefined): ToolChoice {
  const type = choice?.['type'];
  if (type === 'any') return { kind: 'required' };
  if (type === 'none') return { kind: 'none' };
  const name = stringOf(choice?.['name']);
  return type === 'tool' && name !== undefined ? { kind: 'named', name } : { kind: 'auto' };
}

function checkToolChoice(request: ModelRequest): ReadRequest {
  const { toolChoice, tools } = request;
  if (toolChoice.kind === 'required' && tools.length === 0) {
    return refuse('tool_choice: may only be specified while providing tools.');
  }
  if (toolChoice.kind === 'named' && !tools.some(({ name }) => name === toolChoice.name)) {
    return refuse(`tool_choice: Tool '${toolChoice.name}' not found in provided tools`);
  }
  return { ok: true, request };
}

function checkMaxTokens(value: unknown): string | undefined {
  if (value === undefined || value === null) return 'max_tokens: Field required';
  if (!Number.isSafeInteger(value)) return 'max_tokens: Input should be a valid integer';
  return (value as number) < 1
    ? 'max_tokens: Input should be greater than or equal to 1'
    : undefined;
}

function checkMessages(messages: unknown): string | undefined {
  if (messages === undefined) return 'messages: Field required';
  if (!Array.isArray(messages)) return 'messages: Input should be a valid list';
  if (messages.length === 0) return 'messages: at least one message is required';
  for (const [index, message] of messages.entries()) {
    if (!isRecord(message)) return `messages.${index}: Input should be a valid dictionary`;
    const role = message['role'];
    if (role !== 'user' && role !== 'assistant' && role !== 'system') {
      return `messages.${index}.role: Input should be 'user', 'assistant' or 'system'`;
    }
    if (typeof message['content'] !== 'string' && !Array.isArray(message['content'])) {
      return `messages.${index}.content: Input should be a valid string or list`;
    }
  }
  return undefined;
}

function checkStream(value: unknown): string | undefined {
  if (value === undefined || value === null || typeof value === 'boolean') return undefined;
  return 'stream: Input should be a valid boolean';
}

/** Version 2026-10-21: no sampling parameters, no documents in assistant turns, no user citations. */
function checkVersion2026(body: Json): string | undefined {
  for (const field of ['temperature', 'top_p', 'top_k']) {
    if (body[field] !== undefined) return `${field}: Extra inputs are not permitted`;
  }
  for (const [index, message] of recordsOf(body['messages']).entries()) {
    for (const [at, block] of recordsOf(message['content']).entries()) {
      const place = `messages.${index}.content.${at}`;
      if (message['role'] === 'assistant' && block['type'] === 'document') {
        return `${place}: document blocks are not allowed in assistant turns`;
      }
      if (message['role'] === 'user' && block['type'] === 'text' && block['citations'] != null) {
        return `${place}.citations: Extra inputs are not permitted`;
      }
    }
  }
  return undefined;
}

/** A user message that only carries tool results belongs to the turn that runs. */
function isToolResult(message: Json): boolean {
  const blocks = recordsOf(message['content']);
  return blocks.length > 0 && blocks.every((block) => block['type'] === 'tool_result');
}

function hasToolUse(message: Json): boolean {
  return listOf(message['content']).some((block) => recordOf(block)?.['type'] === 'tool_use');
}

function contentText(content: unknown): string {
  if (typeof content === 'string') return content;
  return recordsOf(content)
    .map((block) => stringOf(block['text']) ?? '')
    .join('');
}

function refuse(message: string): ReadRequest {
  const error: ApiError = { status: 400, type: anthropicErrorType(400), message };
  return { ok: false, error };
}
