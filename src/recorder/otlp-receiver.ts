import type { IncomingMessage, ServerResponse } from 'node:http';

import { isRecord, listOf, parseJson, recordsOf } from '../http/dialect-json.ts';
import type { Json } from '../http/dialect-json.ts';
import { BodyTooLargeError, readBody, sendJson } from '../http/server.ts';
import { contentFreeSpans, countSpans, redactedJson } from './content-free-spans.ts';
import { decodedBytes } from './decoded-body.ts';
import type { KeyedHash } from './keyed-hash.ts';
import { countRecordsOfProtobuf, traceRequestOfProtobuf } from './otlp-protobuf.ts';
import { ProtobufError } from './protobuf-fields.ts';
import type { RecordingFile } from './recording-file.ts';

type Signal = 'traces' | 'logs' | 'metrics';

/** What was received, in records. */
export interface TelemetryCounts {
  readonly spans: number;
  readonly logRecords: number;
  readonly metrics: number;
}

export interface OtlpReceiverOptions {
  /** Where spans go; asked for at the first span. */
  readonly file: () => RecordingFile;
  readonly hash: KeyedHash;
  /** Keep texts, with known secrets redacted. */
  readonly content: boolean;
}

/** google.rpc.Code */
const INVALID_ARGUMENT = 3;
const UNIMPLEMENTED = 12;

/**
 * An OTLP/HTTP receiver in JSON and protobuf, gzip allowed. Spans are written without content, one
 * export request per line. Log records and metrics are counted and dropped: the calls they tell of
 * have passed the proxy itself, and exporters must not retry for ever.
 */
export class OtlpReceiver {
  readonly #options: OtlpReceiverOptions;
  readonly #counts = { spans: 0, logRecords: 0, metrics: 0 };

  constructor(options: OtlpReceiverOptions) {
    this.#options = options;
  }

  get counts(): TelemetryCounts {
    return this.#counts;
  }

  /** Answers one export request; `isOtlpPath` has said that it is one. */
  async receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const type = mediaType(request.headers['content-type']);
    const raw = await readBody(request).catch((thrown: unknown) => {
      if (!(thrown instanceof BodyTooLargeError)) throw thrown;
      refuse(response, type, 413, { code: INVALID_ARGUMENT, message: thrown.message });
      return undefined;
    });
    if (raw === undefined) return;
    if (type === undefined) {
      const message = 'received are application/json and application/x-protobuf';
      refuse(response, type, 415, { code: UNIMPLEMENTED, message });
      return;
    }
    const body = decodedBytes(raw, request.headers['content-encoding']);
    const signal = request.url!.slice('/v1/'.length) as Signal;
    const isTaken = body !== undefined && this.#take(signal, type, body);
    if (isTaken) accept(response, type);
    else {
      const message = `not an OTLP export request of ${signal}`;
      refuse(response, type, 400, { code: INVALID_ARGUMENT, message });
    }
  }

  /** Whether the body was an export request of the signal. */
  #take(signal: Signal, type: MediaType, body: Buffer): boolean {
    try {
      if (signal === 'traces') return this.#takeSpans(requestOf(type, body));
      const count =
        type === 'protobuf'
          ? countRecordsOfProtobuf(body)
          : countRecords(requestOf(type, body), signal);
      if (count === undefined) return false;
      this.#counts[signal === 'logs' ? 'logRecords' : 'metrics'] += count;
      return true;
    } catch (thrown) {
      if (thrown instanceof ProtobufError) return false;
      throw thrown;
    }
  }

  #takeSpans(request: Json | undefined): boolean {
    if (request === undefined) return false;
    const { resourceSpans = [] } = request;
    if (!Array.isArray(resourceSpans)) return false;
    const spans = countSpans(request);
    if (spans === 0) return true;
    const { content, file, hash } = this.#options;
    file().append(content ? (redactedJson(request) as Json) : contentFreeSpans(request, hash));
    this.#counts.spans += spans;
    return true;
  }
}

/** Whether a path belongs to the OTLP receiver. */
export function isOtlpPath(path: string | undefined): boolean {
  return path === '/v1/traces' || path === '/v1/metrics' || path === '/v1/logs';
}

type MediaType = 'json' | 'protobuf';

function mediaType(contentType: string | undefined): MediaType | undefined {
  const type = contentType?.split(';', 1)[0]!.trim().toLowerCase();
  if (type === 'application/json') return 'json';
  return type === 'application/x-protobuf' ? 'protobuf' : undefined;
}

function requestOf(type: MediaType, body: Buffer): Json | undefined {
  if (type === 'protobuf') return traceRequestOfProtobuf(body);
  const parsed = parseJson(body.toString('utf8'));
  return isRecord(parsed) ? parsed : undefined;
}

function countRecords(request: Json | undefined, signal: 'logs' | 'metrics'): number | undefined {
  if (request === undefined) return undefined;
  const [resources, scopes, records] =
    signal === 'logs'
      ? ['resourceLogs', 'scopeLogs', 'logRecords']
      : ['resourceMetrics', 'scopeMetrics', 'metrics'];
  let count = 0;
  for (const resource of recordsOf(request[resources!])) {
    for (const scope of recordsOf(resource[scopes!])) count += listOf(scope[records!]).length;
  }
  return count;
}

/** An empty Export…ServiceResponse, in the form of the request. */
function accept(response: ServerResponse, type: MediaType): void {
  if (type === 'json') sendJson(response, 200, {});
  else sendProtobuf(response, 200, Buffer.alloc(0));
}

/** A google.rpc.Status, in the form of the request. */
function refuse(
  response: ServerResponse,
  type: MediaType | undefined,
  status: number,
  error: { readonly code: number; readonly message: string },
): void {
  if (type !== 'protobuf') sendJson(response, status, error);
  else {
    // Fields 1 (code) and 2 (message); both the code and the length fit one byte.
    const message = Buffer.from(error.message).subarray(0, 0x7f);
    const head = Buffer.from([0x08, error.code, 0x12, message.length]);
    sendProtobuf(response, status, Buffer.concat([head, message]));
  }
}

function sendProtobuf(response: ServerResponse, status: number, body: Buffer): void {
  response.writeHead(status, {
    'content-type': 'application/x-protobuf',
    'content-length': body.length,
  });
  response.end(body);
}
