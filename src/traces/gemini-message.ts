import type { TokenRecord } from '../core/tokens.ts';
import type { AskPrint } from '../core/trace.ts';
import { argumentsHash } from './argument-hash.ts';
import { askPrint } from './ask-print.ts';
import { amountOf, isObject, listOf, objectOf, textOf, type JsonObject } from './json-value.ts';
import { isoMs } from './timestamp.ts';
import { inclusiveUsage } from './usage.ts';

/** What is kept of a message of a recording: times, names and counts, never its texts. */
export interface GeminiMessage {
  readonly id: string;
  readonly atMs: number;
  readonly type: string;
  /** Undefined also on messages that the client wrote in the model's name. */
  readonly model: string | undefined;
  readonly tokens: TokenRecord | undefined;
  readonly tools: readonly GeminiTool[];
  /** A message of the user that is not context of the client's own. */
  readonly isPrompt: boolean;
  readonly ask: AskPrint | undefined;
}

export interface GeminiTool {
  readonly name: string;
  /** When it was recorded: the end of all tools of its answer. */
  readonly atMs: number | undefined;
  readonly argumentsHash: string | undefined;
  readonly failed: boolean;
  /** Session of the sub-agent that it ran, and its name. */
  readonly agentId: string | undefined;
  readonly agentName: string | undefined;
}

/** Undefined for what is not a message with a time. */
export function geminiMessage(value: JsonObject): GeminiMessage | undefined {
  const id = textOf(value['id']);
  const type = textOf(value['type']) ?? '';
  const atMs = isoMs(textOf(value['timestamp']) ?? '');
  if (id === undefined || atMs === undefined || !MESSAGE_TYPES.has(type)) return undefined;
  const text = type === 'user' ? plainText(value['content']) : '';
  const isPrompt = type === 'user' && isTyped(value['content'], text);
  return {
    id,
    atMs,
    type,
    model: textOf(value['model']),
    tokens: isObject(value['tokens']) ? geminiUsage(value['tokens']) : undefined,
    tools: type === 'gemini' ? listOf(value['toolCalls']).filter(isObject).map(geminiTool) : [],
    isPrompt,
    ask: isPrompt && text !== '' ? askPrint(text) : undefined,
  };
}

export function isGeminiMessage(record: unknown): boolean {
  return isObject(record) && record['type'] === 'gemini' && geminiMessage(record) !== undefined;
}

/** A later state of the same message: it is written anew when its usage and its tools are known. */
export function laterState(before: GeminiMessage, after: GeminiMessage): GeminiMessage {
  return {
    ...after,
    isPrompt: before.isPrompt,
    ask: before.ask,
    model: after.model ?? before.model,
    tokens: after.tokens ?? before.tokens,
    tools: after.tools.length > 0 ? after.tools : before.tools,
  };
}

/**
 * The API's usageMetadata under other names (chatRecordingTypes.ts of google-gemini/gemini-cli):
 * `input` is promptTokenCount and includes `cached`; `output` is candidatesTokenCount without
 * `thoughts`; `tool`, the prompts of the provider's own tools, stands beside the input. `total` is
 * the sum of all but `cached`; where it shows another rule, it wins. Undefined without any input,
 * which the client writes as zero when the API does not report it.
 */
function geminiUsage(tokens: JsonObject): TokenRecord | undefined {
  const [input, output, cached, thoughts, tool] = PARTS.map(
    (key) => amountOf(tokens[key]) ?? 0,
  ) as [number, number, number, number, number];
  const total = amountOf(tokens['total']);
  if (input + cached + tool === 0) return undefined;
  const least = input + output;
  const isCachedApart = cached > 0 && total === least + thoughts + tool + cached;
  const isThoughtInside = thoughts <= output && (total === least || total === least + tool);
  const isToolInside = total === least || (!isThoughtInside && total === least + thoughts);
  return inclusiveUsage({
    input: input + (isToolInside ? 0 : tool) + (isCachedApart ? cached : 0),
    cacheRead: cached,
    output: output + (isThoughtInside ? 0 : thoughts),
    reasoning: thoughts,
  });
}

function geminiTool(value: JsonObject): GeminiTool {
  const name = textOf(value['name']) ?? 'tool';
  return {
    name,
    atMs: isoMs(textOf(value['timestamp']) ?? ''),
    argumentsHash: argumentsHash(name, value['args']),
    failed: value['status'] === 'error',
    agentId: textOf(value['agentId']),
    agentName: textOf(objectOf(value['args'])['agent_name']),
  };
}

/** Content is text or a list of parts. */
function plainText(content: unknown): string {
  if (typeof content === 'string') return content.trim();
  const texts = listOf(content).map((part) =>
    typeof part === 'string' ? part : (textOf(objectOf(part)['text']) ?? ''),
  );
  return texts.join('').trim();
}

/** Not context of the client's own, nor the results of tools, which the saved history holds too. */
function isTyped(content: unknown, text: string): boolean {
  if (text !== '') return !CONTEXT.test(text);
  const parts = listOf(content).filter(isObject);
  return parts.length > 0 && !parts.some((part) => isObject(part['functionResponse']));
}

const MESSAGE_TYPES = new Set(['user', 'gemini', 'info', 'error', 'warning']);
const PARTS = ['input', 'output', 'cached', 'thoughts', 'tool'] as const;
/** What the client puts before the user's first message and after hooks. */
const CONTEXT = /^<(?:session|hook)_context>/;
