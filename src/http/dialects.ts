import { anthropicErrorBody } from './anthropic-error.ts';
import { messagesPrompt, readMessagesRequest } from './anthropic-messages.ts';
import { MessagesStreamWriter, messagesReply } from './anthropic-messages-reply.ts';
import type {
  ApiError,
  Dialect,
  ReadRequest,
  ReplyHead,
  StreamOptions,
  StreamWriter,
  WholeReply,
} from './dialect.ts';
import { isRecord } from './dialect-json.ts';
import type { Json } from './dialect-json.ts';
import { promptTokens } from './dialect-prompt.ts';
import type { PromptPart } from './dialect-prompt.ts';
import { chatPrompt, readChatRequest } from './openai-chat.ts';
import { ChatStreamWriter, chatReply } from './openai-chat-reply.ts';
import { openaiErrorBody } from './openai-error.ts';
import { readResponsesRequest, responsesPrompt } from './openai-responses.ts';
import { ResponsesStreamWriter, responsesReply } from './openai-responses-reply.ts';

/** Everything that differs between the provider APIs, in one table. */
export interface DialectFormat {
  /** Path of the generating endpoint. */
  readonly path: string;
  readonly readRequest: (body: unknown) => ReadRequest;
  readonly prompt: (body: Json) => readonly PromptPart[];
  readonly reply: (reply: WholeReply) => Json;
  readonly streamWriter: (head: ReplyHead, options?: StreamOptions) => StreamWriter;
  readonly errorBody: (error: ApiError, requestId?: string) => unknown;
}

export const dialects: Readonly<Record<Dialect, DialectFormat>> = {
  'openai-chat': {
    path: '/v1/chat/completions',
    readRequest: readChatRequest,
    prompt: chatPrompt,
    reply: chatReply,
    streamWriter: (head, options) => new ChatStreamWriter(head, options),
    errorBody: (error) => openaiErrorBody(error),
  },
  'openai-responses': {
    path: '/v1/responses',
    readRequest: readResponsesRequest,
    prompt: responsesPrompt,
    reply: responsesReply,
    streamWriter: (head, options) => new ResponsesStreamWriter(head, options),
    errorBody: (error) => openaiErrorBody(error),
  },
  'anthropic-messages': {
    path: '/v1/messages',
    readRequest: (body) => readMessagesRequest(body),
    prompt: messagesPrompt,
    reply: messagesReply,
    streamWriter: (head, options) => new MessagesStreamWriter(head, options),
    errorBody: anthropicErrorBody,
  },
};

/** The dialect of a request by its path (query ignored); undefined for other endpoints. */
export function dialectOfPath(path: string): Dialect | undefined {
  const query = path.indexOf('?');
  const bare = query === -1 ? path : path.slice(0, query);
  for (const dialect of Object.keys(dialects) as Dialect[]) {
    if (dialects[dialect].path === bare) return dialect;
  }
  return undefined;
}

/** Estimated input tokens of a request body, images and tools included; 0 for what is no body. */
export function estimateInputTokens(dialect: Dialect, body: unknown): number {
  return isRecord(body) ? promptTokens(dialects[dialect].prompt(body)) : 0;
}
