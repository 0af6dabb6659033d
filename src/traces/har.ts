import { gunzipSync } from 'node:zlib';

import type { LlmCall } from '../core/trace.ts';
import { answerOf, exchangedCall, operationOf, type ModelOperation } from './model-exchange.ts';
import {
  amountOf,
  isObject,
  listOf,
  objectOf,
  parseJson,
  textOf,
  type JsonObject,
} from './json-value.ts';
import { readSse } from './sse-text.ts';
import { isoMs } from './timestamp.ts';
import type { TokenEstimates } from './token-estimates.ts';
import { needsRecord, type JsonFold, type JsonReader, type Sample } from './trace-reader.ts';
import type { Place, Tally } from './tally.ts';

/**
 * HAR 1.2 of requests to model providers. Usage by the provider's own rule from the body, also
 * from event streams; a stream without usage is estimated from its text. TTFT is known only where
 * the recorder timed waiting and receiving apart. Bodies may be base64, gzip, or PollyJS's list of
 * base64 chunks.
 */
export const har: JsonReader = {
  kind: 'json',
  title: 'HAR 1.2',
  mismatch: (sample: Sample) =>
    needsRecord(
      sample,
      'with log.entries',
      (record) => isObject(record) && entriesIn(record) !== undefined,
    ),
  open: (tally: Tally) => new HarFold(tally),
};

class HarFold implements JsonFold {
  readonly #tally: Tally;

  constructor(tally: Tally) {
    this.#tally = tally;
  }

  value(value: unknown, place: Place): void {
    const entries = isObject(value) ? entriesIn(value) : undefined;
    if (entries === undefined) {
      this.#tally.read();
      this.#tally.skip('document has no log.entries', place);
      return;
    }
    for (const entry of entries) this.#entry(objectOf(entry), place);
  }

  end(): void {}

  #entry(entry: JsonObject, place: Place): void {
    this.#tally.read();
    const request = objectOf(entry['request']);
    const response = objectOf(entry['response']);
    const url = textOf(request['url']) ?? '';
    const startMs = isoMs(textOf(entry['startedDateTime']) ?? '');
    const operation = operationOf(url);
    if (startMs === undefined) this.#tally.skip('entry has no start time', place);
    else if (operation === undefined) this.#tally.skip('not a request to a model', place);
    else {
      this.#tally.used();
      const exchange = { entry, request, response, url, startMs, operation };
      this.#tally.call(callOf(exchange, this.#tally.estimates));
    }
  }
}

interface Entry {
  readonly entry: JsonObject;
  readonly request: JsonObject;
  readonly response: JsonObject;
  readonly url: string;
  readonly startMs: number;
  readonly operation: ModelOperation;
}

function callOf(exchange: Entry, estimates: TokenEstimates): LlmCall {
  const { entry, request, response, url, startMs, operation } = exchange;
  const content = objectOf(response['content']);
  const sent = objectOf(parseJson(textOf(objectOf(request['postData'])['text']) ?? ''));
  const streamed = (textOf(content['mimeType']) ?? '').includes('text/event-stream');
  const body = bodyText(content);
  const answer = streamed ? readSse(body) : answerOf(objectOf(parseJson(body)));
  const status = amountOf(response['status']);
  const durationMs = amountOf(entry['time']);
  return exchangedCall(
    {
      url,
      operation,
      sent,
      answer,
      startMs,
      durationMs,
      streamed,
      status,
      ttftMs: streamed ? waitMs(entry) : undefined,
      queueMs: amountOf(objectOf(entry['timings'])['blocked']),
    },
    estimates,
  );
}

function bodyText(content: JsonObject): string {
  const text = textOf(content['text']) ?? '';
  if (content['encoding'] !== 'base64') return text;
  const chunks = text.startsWith('[') ? listOf(parseJson(text)) : [text];
  const bytes = Buffer.concat(
    chunks
      .filter((chunk) => typeof chunk === 'string')
      .map((chunk) => Buffer.from(chunk, 'base64')),
  );
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes.toString('utf8');
  try {
    return gunzipSync(bytes, { maxOutputLength: LARGEST_BODY_BYTES }).toString('utf8');
  } catch {
    return '';
  }
}

/** The time to the first byte, when the recorder told waiting from receiving. */
function waitMs(entry: JsonObject): number | undefined {
  const timings = objectOf(entry['timings']);
  const wait = amountOf(timings['wait']);
  const receive = amountOf(timings['receive']);
  if (wait === undefined || receive === undefined || receive === 0) return undefined;
  const before = ['blocked', 'dns', 'connect', 'send'].map((name) => amountOf(timings[name]) ?? 0);
  return wait + before.reduce((sum, part) => sum + part, 0);
}

function entriesIn(record: JsonObject): readonly unknown[] | undefined {
  const { entries } = objectOf(record['log']) as { readonly entries?: unknown };
  return Array.isArray(entries) ? (entries as readonly unknown[]) : undefined;
}

/** A gunzip bomb ends here; model answers are a thousand times smaller. */
const LARGEST_BODY_BYTES = 64 * 1024 * 1024;
