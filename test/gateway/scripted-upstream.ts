import type { IncomingMessage, ServerResponse } from 'node:http';

import { readBody, startServer } from '../../src/http/server.ts';
import type { RunningServer } from '../../src/http/server.ts';

/** What the upstream saw of one request. */
interface Seen {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
  /** Resolves when the upstream's side of the exchange is over. */
  readonly closed: Promise<'finished' | 'cut'>;
}

export type Script = (response: ServerResponse, seen: Seen, call: number) => void | Promise<void>;

export interface ScriptedUpstream extends RunningServer {
  readonly seen: Seen[];
}

/** A provider that answers as told; the script gets the response after the whole request was read. */
export async function scriptedUpstream(script: Script): Promise<ScriptedUpstream> {
  const seen: Seen[] = [];
  const server = await startServer({ host: '127.0.0.1', port: 0 }, (request, response) => {
    const closed = new Promise<'finished' | 'cut'>((resolve) => {
      response.on('close', () => resolve(response.writableFinished ? 'finished' : 'cut'));
    });
    void readBody(request).then((body) => {
      const { headers, method = '', url = '' } = request;
      const entry = { method, path: url, headers, body: body.toString('utf8'), closed };
      seen.push(entry);
      return script(response, entry, seen.length - 1);
    });
  });
  return { ...server, seen };
}

export function chatReplyText(
  content: string,
  usage = { prompt_tokens: 12, completion_tokens: 5 },
): string {
  return JSON.stringify({
    id: 'chatcmpl-1',
    object: 'chat.completion',
    created: 1,
    model: 'm1',
    choices: [
      { index: 0, message: { role: 'assistant', content }, logprobs: null, finish_reason: 'stop' },
    ],
    usage: { ...usage, total_tokens: usage.prompt_tokens + usage.completion_tokens },
  });
}

export function sendChat(response: ServerResponse, content = 'Hello'): void {
  const text = chatReplyText(content);
  response.writeHead(200, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
    'x-request-id': 'req_upstream',
    'x-ratelimit-limit-tokens': '150000',
    'x-ratelimit-remaining-tokens': '149000',
    'set-cookie': '__cf=1',
    'openai-organization': 'acme-secret-org',
  });
  response.end(text);
}

export function chatChunk(delta: object, finish: string | null = null): string {
  return `data: ${JSON.stringify({
    id: 'chatcmpl-1',
    object: 'chat.completion.chunk',
    created: 1,
    model: 'm1',
    choices: [{ index: 0, delta, finish_reason: finish }],
  })}\n\n`;
}

export const CHAT_ROLE = chatChunk({ role: 'assistant', content: '' });
const CHAT_USAGE = `data: ${JSON.stringify({
  id: 'chatcmpl-1',
  object: 'chat.completion.chunk',
  created: 1,
  model: 'm1',
  choices: [],
  usage: { prompt_tokens: 12, completion_tokens: 2, total_tokens: 14 },
})}\n\n`;
export const CHAT_STREAM =
  CHAT_ROLE +
  chatChunk({ content: 'Hel' }) +
  chatChunk({ content: 'lo' }) +
  chatChunk({}, 'stop') +
  CHAT_USAGE +
  'data: [DONE]\n\n';

export function sse(response: ServerResponse): ServerResponse {
  return response.writeHead(200, { 'content-type': 'text/event-stream' });
}

export function anthropicEvent(type: string, fields: object): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`;
}

export const MESSAGES_START = anthropicEvent('message_start', {
  message: {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model: 'c1',
    content: [],
    stop_reason: null,
    usage: { input_tokens: 30, cache_read_input_tokens: 70, output_tokens: 1 },
  },
});

export const MESSAGES_TEXT =
  anthropicEvent('content_block_start', { index: 0, content_block: { type: 'text', text: '' } }) +
  anthropicEvent('content_block_delta', { index: 0, delta: { type: 'text_delta', text: 'Hello' } });

export const MESSAGES_END =
  anthropicEvent('content_block_stop', { index: 0 }) +
  anthropicEvent('message_delta', {
    delta: { stop_reason: 'end_turn', stop_sequence: null },
    usage: { output_tokens: 9 },
  }) +
  anthropicEvent('message_stop', {});

export function responsesEvent(type: string, sequence: number, fields: object): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, sequence_number: sequence, ...fields })}\n\n`;
}
