import { hashOfText } from '../core/text-hash.ts';
import type { CallDetails } from '../core/trace.ts';
import { askPrint, PromptHash } from './ask-print.ts';
import { first, NAMES } from './attribute-names.ts';
import { contentChars, contentTexts } from './estimate.ts';
import { amountOf, isObject, listOf, objectOf, textOf, unpackJson } from './json-value.ts';
import type { JsonObject } from './json-value.ts';
import type { SpanRecord } from './span-record.ts';

/** Longer prompts are hashed as they stand, without looking for the user's message in them. */
const MOST_PROMPT_CHARS = 200_000;

/** What a span of a model call tells beside usage; undefined when it tells nothing. */
export function spanDetails(attributes: JsonObject): CallDetails | undefined {
  const client = textOf(first(attributes, NAMES.user));
  const queueSeconds = amountOf(attributes['gen_ai.latency.time_in_queue']);
  const content = first(attributes, NAMES.promptContent);
  if (client === undefined && queueSeconds === undefined && content === undefined) return undefined;
  const queueMs = queueSeconds === undefined ? undefined : queueSeconds * 1000;
  return { client, queueMs, ...(content === undefined ? {} : promptPrints(content, attributes)) };
}

function promptPrints(content: unknown, attributes: JsonObject): CallDetails {
  const text = typeof content === 'string' ? content : JSON.stringify(content);
  const rest = [
    attributes['gen_ai.system_instructions'],
    attributes['gen_ai.tool.definitions'],
  ].filter((part) => part !== undefined);
  const promptHash = hashOfText(rest.length === 0 ? text : `${JSON.stringify(rest)} ${text}`);
  if (text.length > MOST_PROMPT_CHARS) return { promptHash };
  const messages = messagesOf(content);
  if (messages === undefined) return { promptHash, ask: askPrint(text) };
  const last = messages.at(-1);
  if (last?.['role'] !== 'user' || carriesToolResult(last)) return { promptHash };
  const hash = new PromptHash();
  hash.add('rest', contentTexts(rest));
  for (const message of messages.slice(0, -1)) {
    hash.add(textOf(message['role']) ?? '', contentTexts(message));
  }
  return { promptHash, ask: askPrint(contentTexts(last).join('\n'), hash.value) };
}

/** The messages of a prompt; undefined for plain text. */
function messagesOf(content: unknown): readonly JsonObject[] | undefined {
  const value = unpackJson(content) ?? content;
  if (typeof value === 'string') return undefined;
  const list = Array.isArray(value) ? listOf(value) : listOf(objectOf(value)['messages']);
  const messages = list.filter(isObject);
  return messages.length === 0 ? undefined : messages;
}

function carriesToolResult(message: JsonObject): boolean {
  return [...listOf(message['parts']), ...listOf(message['content'])].some((part) =>
    ['tool_call_response', 'tool_result', 'tool-result'].includes(
      textOf(objectOf(part)['type']) ?? '',
    ),
  );
}

/** Size and number of what a state operation read or wrote, where the span holds or tells it. */
export function stateSizes(attributes: JsonObject): Pick<SpanRecord, 'bytes' | 'records'> {
  const content = first(attributes, NAMES.stateContent);
  const documents = Object.entries(attributes).filter(([key]) => DOCUMENT.test(key));
  const chars = contentChars([
    content === undefined ? undefined : (unpackJson(content) ?? content),
    documents.map(([, text]) => text),
  ]);
  const records =
    amountOf(first(attributes, NAMES.stateRecords)) ??
    (documents.length === 0 ? undefined : documents.length);
  return { bytes: chars === 0 ? undefined : chars, records };
}

/** OpenInference's flattened documents. */
const DOCUMENT = /^retrieval\.documents\.\d+\.document\.content$/;
