import type { TokenRecord } from '../core/tokens.ts';
import { contentTexts } from './estimate.ts';
import { isObject, listOf, objectOf, parseJson, textOf, type JsonObject } from './json-value.ts';
import { responseUsage } from './response-usage.ts';

/** What is read of an answer, whole or streamed. */
export interface Answer {
  readonly model: string | undefined;
  readonly usage: TokenRecord | undefined;
  readonly finishReason: string | undefined;
  readonly texts: readonly string[];
}

/**
 * A recorded event stream, complete in memory. Usage: the last chunk of Chat Completions (with
 * include_usage), response.completed of Responses, message_start overlaid by message_delta
 * (cumulative) of Messages.
 */
export function readSse(text: string): Answer {
  let model: string | undefined;
  let usage: JsonObject | undefined;
  let finishReason: string | undefined;
  // Pieces of one text: counted together, as the model wrote them.
  const pieces: string[] = [];
  for (const event of text.split(/\r?\n\r?\n/)) {
    const data = parseJson(dataOf(event));
    if (!isObject(data)) continue;
    const carrier = carrierOf(data);
    model = textOf(carrier['model']) ?? model;
    const part = carrier['usage'] ?? carrier['usageMetadata'];
    if (isObject(part)) usage = data['type'] === 'message_delta' ? { ...usage, ...part } : part;
    const choice = objectOf(listOf(data['choices'])[0]);
    finishReason =
      textOf(choice['finish_reason']) ??
      textOf(objectOf(data['delta'])['stop_reason']) ??
      (data['type'] === 'response.completed' ? textOf(carrier['status']) : undefined) ??
      finishReason;
    pieces.push(...contentTexts(choice['delta'] ?? data['delta']));
  }
  return { model, usage: responseUsage(usage), finishReason, texts: [pieces.join('')] };
}

function carrierOf(data: JsonObject): JsonObject {
  if (isObject(data['message'])) return data['message'];
  return isObject(data['response']) ? data['response'] : data;
}

function dataOf(event: string): string {
  return event
    .split(/\r?\n/)
    .filter((line) => line.startsWith('data:'))
    .map((line) => line.slice(5).trimStart())
    .join('\n');
}
