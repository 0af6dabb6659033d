import type { ApiError, Dialect } from '../http/dialect.ts';
import { dialects } from '../http/dialects.ts';
import type { Api } from './model-state.ts';
import type { ReplySink } from './reply-sink.ts';
import type { Outcome, RequestRecord } from './request-log.ts';
import { ORGANIZATION } from './organization.ts';

type Headers = Readonly<Record<string, string | string[] | undefined>>;

/** One request on its way through the provider, whatever its endpoint. */
export interface Exchange {
  readonly api: Api;
  /** The dialect of errors; of embeddings and lists, the API's main one. */
  readonly dialect: Dialect;
  readonly headers: Headers;
  readonly sink: ReplySink;
  readonly record: RequestRecord;
  /** Clock time of acceptance. */
  readonly acceptMs: number;
  /** Closes the record; the first call counts. */
  readonly end: (outcome: Outcome) => void;
  readonly isOver: () => boolean;
  /** Nanoseconds since acceptance. */
  readonly sinceAcceptNs: () => number;
}

/** Headers that every reply of the API has. */
export function commonHeaders(exchange: Exchange, nowMs: number): Readonly<Record<string, string>> {
  const { id } = exchange.record;
  if (exchange.api === 'anthropic') {
    return { 'request-id': id, 'anthropic-organization-id': ORGANIZATION };
  }
  return {
    'x-request-id': id,
    'openai-organization': ORGANIZATION,
    'openai-version': '2020-10-01',
    'openai-processing-ms': String(Math.round(nowMs - exchange.acceptMs)),
  };
}

/** Sends a JSON body and closes the record. */
export function answer(
  exchange: Exchange,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>>,
  outcome: Outcome,
): void {
  const { sink, record, sinceAcceptNs, end } = exchange;
  const text = JSON.stringify(body);
  sink.head(status, {
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(text)),
    ...headers,
  });
  record.status = status;
  record.headersNs = sinceAcceptNs();
  record.bytes = text.length;
  sink.end(text);
  end(outcome);
}

/** Sends an error in the dialect's shape and closes the record. */
export function answerError(
  exchange: Exchange,
  error: ApiError,
  headers: Readonly<Record<string, string>>,
  outcome: Outcome = 'refused',
): void {
  const body = dialects[exchange.dialect].errorBody(error, exchange.record.id);
  answer(exchange, error.status, body, headers, outcome);
}

/** The 404 of a model that is not served, in the API's words. */
export function unknownModel(api: Api, model: string): ApiError {
  if (api === 'anthropic') return { status: 404, message: `model: ${model}` };
  return {
    status: 404,
    message: `The model \`${model}\` does not exist or you do not have access to it.`,
    type: 'invalid_request_error',
    code: 'model_not_found',
  };
}

export function isApiError(value: object): value is ApiError {
  return 'status' in value;
}
