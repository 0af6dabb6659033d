import type { Dialect } from '../config/scenario.ts';
import { CHARACTERS_PER_TOKEN, TOKENS_PER_MESSAGE } from '../http/dialect-prompt.ts';
import { fillerText } from './filler.ts';
import type { LlmStep, ScriptMessage } from './session-script.ts';

/** Where a dialect's call goes and what it carries besides the body. */
export interface WireRequest {
  /** Path below the target's URL. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

interface DialectRequest {
  readonly path: string;
  readonly headers: (apiKey: string | undefined) => Readonly<Record<string, string>>;
  readonly body: (step: LlmStep) => unknown;
}

const DIALECTS = {
  openai: {
    path: '/v1/chat/completions',
    headers: (apiKey): Readonly<Record<string, string>> =>
      apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` },
    body: ({ model, messages, outputTokens }): unknown => ({
      model,
      stream: true,
      stream_options: { include_usage: true },
      max_tokens: outputTokens,
      messages: messages.map((message) => ({ role: message.role, content: messageText(message) })),
    }),
  },
  anthropic: {
    path: '/v1/messages',
    headers: (apiKey): Readonly<Record<string, string>> => ({
      'anthropic-version': '2023-06-01',
      ...(apiKey === undefined ? {} : { 'x-api-key': apiKey }),
    }),
    body: ({ model, messages, outputTokens }): unknown => {
      const system = messages.filter(({ role }) => role === 'system').map(messageText);
      return {
        model,
        stream: true,
        max_tokens: outputTokens,
        ...(system.length === 0 ? {} : { system: system.join('\n') }),
        messages: messages
          .filter(({ role }) => role !== 'system')
          .map((message) => ({ role: message.role, content: messageText(message) })),
      };
    },
  },
} as const satisfies Record<Dialect, DialectRequest>;

/** The whole request, serialised: done before the send time is taken. */
export function wireRequest(dialect: Dialect, step: LlmStep, apiKey?: string): WireRequest {
  const { path, headers, body } = DIALECTS[dialect] as DialectRequest;
  return {
    path,
    headers: {
      'content-type': 'application/json',
      accept: 'text/event-stream',
      ...headers(apiKey),
    },
    body: JSON.stringify(body(step)),
  };
}

/** Path of a dialect's calls, for reports and the k6 script. */
export function dialectPath(dialect: Dialect): string {
  return DIALECTS[dialect].path;
}

/**
 * Text that counts as `tokens` tokens together with the frame of its message, by the estimate
 * that the simulated provider and the gateway use too (http/dialect-prompt.ts).
 */
function messageText({ tokens, offset, marker }: ScriptMessage): string {
  const characters = Math.max(1, tokens - TOKENS_PER_MESSAGE) * CHARACTERS_PER_TOKEN;
  if (marker === undefined) return fillerText(characters, offset);
  return `${marker} ${fillerText(Math.max(0, characters - marker.length - 1), offset)}`;
}
