import type { CallDetails, LlmCall } from '../core/trace.ts';
import { askPrint, PromptHash } from './ask-print.ts';
import { contentTexts } from './estimate.ts';
import { listOf, objectOf, textOf, type JsonObject } from './json-value.ts';
import { loggedCall } from './request-log.ts';
import { responseUsage } from './response-usage.ts';
import type { Answer } from './sse-text.ts';
import { PromptTexts, type TokenEstimates } from './token-estimates.ts';

export type ModelOperation = 'chat' | 'completion' | 'embedding';

/** An HTTP request to a model and its answer, as a recorder kept them. */
interface ModelExchange {
  readonly url: string;
  readonly operation: ModelOperation;
  /** The request's body. */
  readonly sent: JsonObject;
  readonly answer: Answer;
  /** The model that was asked in the end, where a router chose another one. */
  readonly routedModel?: string | undefined;
  readonly startMs: number;
  readonly durationMs: number | undefined;
  readonly ttftMs: number | undefined;
  readonly streamed: boolean;
  readonly status: number | undefined;
  /** Wait before the request was sent. */
  readonly queueMs?: number | undefined;
}

/** The exchange as a bare call; usage that the answer does not report is estimated from the texts. */
export function exchangedCall(exchange: ModelExchange, estimates: TokenEstimates): LlmCall {
  const { answer, durationMs, operation, sent, startMs, status, streamed, ttftMs, url } = exchange;
  const failed = status !== undefined && status >= 400;
  const tokens = answer.usage;
  const isKnown = tokens !== undefined || failed;
  const model = answer.model ?? exchange.routedModel ?? textOf(sent['model']) ?? modelInUrl(url);
  const said = {
    model,
    prompt: new PromptTexts(promptTexts(sent)),
    answer: answer.texts,
    callsTools: answer.finishReason === 'tool_calls' || answer.finishReason === 'tool_use',
  };
  if (tokens !== undefined) estimates.observe(said, tokens);
  return loggedCall({
    startMs,
    endMs: durationMs === undefined ? undefined : startMs + durationMs,
    model,
    provider: providerOf(url),
    operation,
    tokens: isKnown ? tokens : estimates.estimate(said),
    estimated: !isKnown,
    ttftMs,
    streamed,
    status,
    error: failed ? String(status) : undefined,
    finishReason: answer.finishReason,
    details: operation === 'embedding' ? undefined : detailsOf(sent, exchange.queueMs),
  });
}

/** Fingerprints of the prompt: the user's last message, and what stands before it. */
function detailsOf(sent: JsonObject, queueMs: number | undefined): CallDetails {
  const hash = new PromptHash();
  hash.add('tools', contentTexts(sent['tools']));
  hash.add('system', contentTexts(sent['system'] ?? sent['instructions']));
  const { input, prompt } = sent;
  const list = [...listOf(sent['messages']), ...listOf(input)];
  const last = list.at(-1);
  for (const message of list.slice(0, -1)) {
    hash.add(textOf(objectOf(message)['role']) ?? '', contentTexts(message));
  }
  const before = hash.value;
  const isAsk = list.length > 0 && objectOf(last)['role'] === 'user' && !hasToolResult(last);
  const texts = list.length > 0 ? contentTexts(last) : contentTexts([input, prompt]);
  hash.add('last', texts);
  const ask = isAsk || list.length === 0 ? askPrint(texts.join('\n'), before) : undefined;
  return { promptHash: hash.value, ask: texts.length === 0 ? undefined : ask, queueMs };
}

function hasToolResult(message: unknown): boolean {
  return listOf(objectOf(message)['content']).some(
    (block) => objectOf(block)['type'] === 'tool_result',
  );
}

/** A whole answer of any provider's API. */
export function answerOf(body: JsonObject): Answer {
  const choice = objectOf(listOf(body['choices'])[0]);
  return {
    model: textOf(body['model']) ?? textOf(body['modelVersion']),
    usage: responseUsage(body['usage'] ?? body['usageMetadata']),
    finishReason:
      textOf(choice['finish_reason']) ?? textOf(body['stop_reason']) ?? textOf(body['status']),
    texts: contentTexts(choice['message'] ?? body['content'] ?? body['output']),
  };
}

function promptTexts(sent: JsonObject): readonly string[] {
  return contentTexts([
    sent['system'],
    sent['messages'],
    sent['input'],
    sent['prompt'],
    sent['tools'],
  ]);
}

/** What a request to this address asks of a model; undefined when it asks none. */
export function operationOf(url: string): ModelOperation | undefined {
  const path = url.split('?', 1)[0]!;
  if (/\/embeddings$|:embedContent$|:batchEmbedContents$/.test(path)) return 'embedding';
  if (/(?:^|[^t])\/completions$/.test(path) && !path.endsWith('/chat/completions'))
    return 'completion';
  return CHAT_PATH.test(path) ? 'chat' : undefined;
}

function modelInUrl(url: string): string | undefined {
  return /\/models?\/([^/:?]+)/.exec(url)?.[1];
}

function providerOf(url: string): string | undefined {
  return PROVIDER_HOSTS.find(([host]) => url.includes(host))?.[1];
}

const CHAT_PATH =
  /\/chat\/completions$|\/responses$|\/messages$|\/model\/[^/]+\/(?:invoke|converse)[\w-]*$|:(?:stream)?[gG]enerateContent$/;
const PROVIDER_HOSTS = [
  ['anthropic.com', 'anthropic'],
  ['openai.azure.com', 'azure'],
  ['openai.com', 'openai'],
  ['bedrock-runtime', 'aws.bedrock'],
  ['googleapis.com', 'google'],
  ['openrouter.ai', 'openrouter'],
] as const;
