import type { ApiError } from './dialect.ts';

/** Body of every OpenAI error answer, and of an error frame inside a chat stream. */
export interface OpenaiErrorBody {
  readonly error: {
    readonly message: string;
    readonly type: string;
    readonly param: string | null;
    readonly code: string | null;
  };
}

export function openaiErrorBody(error: ApiError): OpenaiErrorBody {
  return {
    error: {
      message: error.message,
      type: error.type ?? openaiErrorType(error.status),
      param: error.param ?? null,
      code: error.code ?? null,
    },
  };
}

/** The type OpenAI gives an error of this status when nothing more is known. */
function openaiErrorType(status: number): string {
  if (status === 429) return 'requests';
  return status >= 500 ? 'server_error' : 'invalid_request_error';
}

/** Status that an error inside a 200 stream stands for. */
export function openaiErrorStatus(type: string, code: string): number {
  if (code === 'rate_limit_exceeded' || type === 'tokens' || type === 'requests') return 429;
  if (code === 'insufficient_quota') return 429;
  if (type === 'invalid_request_error' || code === 'invalid_prompt') return 400;
  return 500;
}

/** A 400 about one field. */
export function invalidRequest(message: string, param?: string, code?: string): ApiError {
  return { status: 400, type: 'invalid_request_error', message, param, code };
}
