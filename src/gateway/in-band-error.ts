import { anthropicErrorBody } from '../http/anthropic-error.ts';
import type { ApiError, Dialect } from '../http/dialect.ts';
import { openaiErrorBody } from '../http/openai-error.ts';

/**
 * The frame that makes the official SDKs throw in the middle of a stream (measured with openai 6.49,
 * 7.55 and @anthropic-ai/sdk 1.11). Nothing may follow it: no `[DONE]`, no `message_stop`.
 * @param sequence next `sequence_number` of a Responses stream
 */
export function inBandError(dialect: Dialect, error: ApiError, sequence: number): string {
  switch (dialect) {
    case 'openai-chat':
      return `data: ${JSON.stringify(openaiErrorBody(error))}\n\n`;
    case 'openai-responses': {
      const nested = openaiErrorBody(error).error;
      const { code, message, param } = nested;
      // openai 6.49 throws only when the error also stands in an object of its own.
      const data = {
        type: 'error',
        sequence_number: sequence,
        code,
        message,
        param,
        error: nested,
      };
      return `event: error\ndata: ${JSON.stringify(data)}\n\n`;
    }
    case 'anthropic-messages':
      return `event: error\ndata: ${JSON.stringify(anthropicErrorBody(error))}\n\n`;
  }
}
