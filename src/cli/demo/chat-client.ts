import type { Clock } from '../../core/clock.ts';
import { HttpClient } from '../../http/client.ts';
import { createStreamReader, replyOutcome } from '../../http/read-stream.ts';
import { SseParser } from '../../http/sse.ts';
import type { ToolSpec } from './agent-text.ts';

/** A message in the shape of OpenAI's Chat Completions. */
export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant' | 'tool';
  readonly content: string;
  readonly tool_call_id?: string;
  readonly tool_calls?: readonly {
    readonly id: string;
    readonly type: 'function';
    readonly function: { readonly name: string; readonly arguments: string };
  }[];
}

export interface ChatCall {
  readonly session: string;
  readonly messages: readonly ChatMessage[];
  readonly tools: readonly ToolSpec[];
}

export interface ChatReply {
  readonly message: ChatMessage;
  readonly toolCalls: readonly { readonly id: string; readonly name: string }[];
}

/** The little of an SDK that the scripted agent needs: streamed chat with tools. */
export interface ChatClient {
  /** Undefined when the call failed. @throws only when aborted */
  send(call: ChatCall, signal: AbortSignal): Promise<ChatReply | undefined>;
  close(): Promise<void>;
}

export interface ChatTarget {
  readonly url: string;
  readonly model: string;
  readonly apiKey: string;
}

/** Longest wait for a whole reply; the simulated provider needs a second or two. */
const TIMEOUT_MS = 30_000;

/** Output cap of each call, far above what the agent asks for. */
const MAX_TOKENS = 600;

export function createChatClient(target: ChatTarget, clock: Clock): ChatClient {
  const http = new HttpClient(target.url, clock);
  return {
    close: () => http.close(),
    send: ({ session, messages, tools }, signal) =>
      new Promise((resolve, reject) => {
        const reader = createStreamReader('openai-chat', { keepText: true });
        const parser = new SseParser();
        let status = 0;
        http.send(
          {
            method: 'POST',
            path: '/v1/chat/completions',
            headers: {
              'content-type': 'application/json',
              authorization: `Bearer ${target.apiKey}`,
              'x-session-id': session,
            },
            body: JSON.stringify({
              model: target.model,
              stream: true,
              stream_options: { include_usage: true },
              max_tokens: MAX_TOKENS,
              tools: tools.map(({ description, name }) => ({
                type: 'function',
                function: { name, description, parameters: { type: 'object', properties: {} } },
              })),
              messages,
            }),
            timeoutMs: TIMEOUT_MS,
            signal,
          },
          {
            onHeaders: (code) => {
              status = code;
            },
            onData: (chunk) => {
              if (status !== 200) return;
              for (const event of parser.push(chunk)) reader.push(event);
            },
            onEnd: () => {
              for (const event of parser.end()) reader.push(event);
              const isWhole = status === 200 && replyOutcome(reader.state) === 'complete';
              resolve(isWhole ? replyOf(reader.state) : undefined);
            },
            onError: (error) => {
              if (signal.aborted) reject(error);
              else resolve(undefined);
            },
          },
        );
      }),
  };
}

function replyOf(state: ReturnType<typeof createStreamReader>['state']): ChatReply {
  const { text, toolCalls } = state;
  const calls = toolCalls.map(({ arguments: text_, id, name }) => ({
    id,
    type: 'function' as const,
    function: { name, arguments: text_ },
  }));
  return {
    message: { role: 'assistant', content: text, ...(calls.length > 0 && { tool_calls: calls }) },
    toolCalls,
  };
}
