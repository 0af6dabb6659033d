import type { JsonObject } from './json-value.ts';
import { amountOf, isObject, listOf, objectOf, parseJson, textOf } from './json-value.ts';
import { answerOf, exchangedCall, operationOf } from './model-exchange.ts';
import { readSse } from './sse-text.ts';
import { timeMs } from './timestamp.ts';
import { needsRecord, type JsonFold, type JsonReader, type Sample } from './trace-reader.ts';
import type { Place, Tally } from './tally.ts';

/**
 * Request logs of claude-code-proxy (`RequestLog`): one exchange with a model per record, body and
 * answer whole or as the lines of its event stream. Input excludes cached tokens where the answer
 * is Anthropic's. `requestId` is the key. The timestamp is the request's arrival.
 */
export const claudeCodeProxy: JsonReader = {
  kind: 'json',
  title: 'claude-code-proxy request logs',
  mismatch: (sample: Sample) =>
    needsRecord(sample, 'with requestId, endpoint and timestamp', isLog),
  open: (tally: Tally) => new ProxyFold(tally),
};

class ProxyFold implements JsonFold {
  readonly #tally: Tally;
  readonly #seen = new Set<string>();

  constructor(tally: Tally) {
    this.#tally = tally;
  }

  value(log: unknown, place: Place): void {
    this.#tally.read();
    const startMs = isLog(log) ? timeMs(log['timestamp']) : undefined;
    if (!isLog(log) || startMs === undefined) {
      this.#tally.skip('record is not a request log with a time', place);
      return;
    }
    const id = textOf(log['requestId'])!;
    const url = textOf(log['endpoint'])!;
    const operation = operationOf(url);
    if (this.#seen.has(id)) this.#tally.duplicate('requestId was already counted');
    else if (operation === undefined) {
      this.#tally.skip('not a request to a model', place);
    } else if (!isObject(log['response'])) this.#tally.skip('request has no answer', place);
    else {
      this.#seen.add(id);
      this.#tally.used();
      const { response } = log as { readonly response: JsonObject };
      const streamed = response['isStreaming'] === true;
      const exchange = {
        url,
        operation,
        sent: objectOf(log['body']),
        answer: streamed ? readSse(streamText(response)) : answerOf(bodyOf(response)),
        routedModel: textOf(log['routedModel']),
        startMs,
        durationMs: amountOf(response['responseTime']),
        ttftMs: streamed ? amountOf(response['ttft']) : undefined,
        streamed,
        status: amountOf(response['statusCode']),
      };
      this.#tally.call(exchangedCall(exchange, this.#tally.estimates));
    }
  }

  end(): void {}
}

function bodyOf(response: JsonObject): JsonObject {
  const { body, bodyText } = response as { readonly body?: unknown; readonly bodyText?: unknown };
  return isObject(body) ? body : objectOf(parseJson(textOf(bodyText) ?? ''));
}

/** Chunks are lines of the stream, with or without their field name. */
function streamText(response: JsonObject): string {
  return listOf(response['streamingChunks'])
    .filter((chunk) => typeof chunk === 'string')
    .map((chunk) => (chunk.startsWith('{') ? `data: ${chunk}` : chunk.trimEnd()))
    .join('\n\n');
}

function isLog(log: unknown): log is JsonObject {
  return (
    isObject(log) &&
    textOf(log['requestId']) !== undefined &&
    textOf(log['endpoint']) !== undefined &&
    log['timestamp'] !== undefined
  );
}
