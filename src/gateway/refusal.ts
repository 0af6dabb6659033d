import type { ServerResponse } from 'node:http';

import { anthropicErrorBody } from '../http/anthropic-error.ts';
import type { ApiError } from '../http/dialect.ts';
import { openaiErrorBody } from '../http/openai-error.ts';
import type { Route } from './route.ts';

/** Why the gateway answered a call itself; the `outcome` label of its metrics. */
type RefusalOutcome = 'refused' | 'limited' | 'error' | 'timeout' | 'cancelled';

export interface RefusalDetails {
  readonly status: number;
  /** Stable word for programs, for example `invalid_api_key`. */
  readonly code: string;
  readonly outcome: RefusalOutcome;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** The dialect's `error.type`, when it is not the status's usual one. */
  readonly type?: string | undefined;
}

/** Thrown by a stage to end a call with an answer in the caller's own dialect. */
export class Refusal extends Error {
  readonly details: RefusalDetails;

  constructor(message: string, details: RefusalDetails) {
    super(message);
    this.details = details;
  }
}

/** SDKs retry 408, 409, 429 and ≥ 500 unless told otherwise (provider-wire, SDK retry behaviour). */
export const NO_RETRY = { 'x-should-retry': 'false' } as const;

/** The error body of the caller's dialect. */
function errorBody(upstream: Route['upstream'], error: ApiError, requestId: string): object {
  if (upstream === 'openai') return openaiErrorBody(error);
  // Anthropic's ordinary throttle has no error_code; the ones it has mean spend and ramp limits.
  const code = error.status === 429 ? undefined : error.code;
  return anthropicErrorBody({ ...error, code }, requestId);
}

/** Answers with a refusal in one write. */
export function sendRefusal(
  response: ServerResponse,
  upstream: Route['upstream'],
  refusal: Refusal,
  headers: Readonly<Record<string, string>>,
): void {
  const { status, code, type } = refusal.details;
  const error = { status, message: refusal.message, code, type };
  const text = JSON.stringify(errorBody(upstream, error, headers['x-request-id'] ?? ''));
  response.writeHead(status, {
    ...headers,
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
    ...refusal.details.headers,
  });
  response.end(text);
}
