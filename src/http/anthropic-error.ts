import type { ApiError } from './dialect.ts';

/** Body of every Anthropic error answer, and of an `event: error` frame. */
export interface AnthropicErrorBody {
  readonly type: 'error';
  readonly error: {
    readonly type: string;
    readonly message: string;
    readonly details?: { readonly error_code: string };
  };
  readonly request_id?: string;
}

/** Error types by status, Anthropic API reference "Errors". */
const TYPES: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  402: 'billing_error',
  403: 'permission_error',
  404: 'not_found_error',
  409: 'conflict_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  500: 'api_error',
  504: 'timeout_error',
  529: 'overloaded_error',
};

export function anthropicErrorBody(error: ApiError, requestId?: string): AnthropicErrorBody {
  return {
    type: 'error',
    error: {
      type: error.type ?? anthropicErrorType(error.status),
      message: error.message,
      ...(error.code === undefined ? {} : { details: { error_code: error.code } }),
    },
    ...(requestId === undefined ? {} : { request_id: requestId }),
  };
}

export function anthropicErrorType(status: number): string {
  return TYPES[status] ?? (status >= 500 ? 'api_error' : 'invalid_request_error');
}

/** Status that an error type stands for, for errors inside a 200 stream. */
export function anthropicErrorStatus(type: string): number {
  const found = Object.entries(TYPES).find(([, name]) => name === type);
  return found === undefined ? 500 : Number(found[0]);
}
