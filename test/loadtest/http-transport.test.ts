import type { ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

import { afterEach, expect, test } from 'vitest';

import { startServer } from '../../src/http/server.ts';
import type { RunningServer } from '../../src/http/server.ts';
import { createHttpTransport } from '../../src/loadtest/http-transport.ts';
import type { LlmStep } from '../../src/loadtest/session-script.ts';
import type { AttemptResult } from '../../src/loadtest/transport.ts';
import { realClock } from '../../src/system.ts';

/** Real sockets on loopback: what goes over the wire, and how each way to end is called. */

let server: RunningServer | undefined;

afterEach(async () => {
  await server?.close();
  server = undefined;
});

const step: LlmStep = {
  kind: 'llm',
  id: 'a',
  after: [],
  model: 'm',
  messages: [{ role: 'user', tokens: 20, offset: 3, marker: '[1.0.0.0]' }],
  inputTokens: 20,
  outputTokens: 3,
};

const chat = {
  role: { choices: [{ index: 0, delta: { role: 'assistant', content: '' } }] },
  text: { choices: [{ index: 0, delta: { content: 'one ' } }] },
  stop: { choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] },
  usage: { choices: [], usage: { prompt_tokens: 20, completion_tokens: 3 } },
};

function frames(...events: unknown[]): string {
  return events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join('');
}

interface Seen {
  path?: string | undefined;
  headers?: Readonly<Record<string, unknown>>;
  body?: Record<string, unknown>;
}

async function sendOne(
  answer: (response: ServerResponse) => Promise<void> | void,
  options: { dialect?: 'openai' | 'anthropic'; timeoutMs?: number; signal?: AbortSignal } = {},
): Promise<{ result: AttemptResult; seen: Seen }> {
  const seen: Seen = {};
  server = await startServer({ host: '127.0.0.1', port: 0 }, (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      seen.path = request.url;
      seen.headers = request.headers;
      seen.body = JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>;
      void answer(response);
    });
  });
  const transport = createHttpTransport(
    {
      url: `${server.url}/base/v1`,
      dialect: options.dialect ?? 'openai',
      apiKey: 'key-1',
      timeoutMs: options.timeoutMs ?? 5000,
    },
    realClock,
  );
  const signal = options.signal ?? new AbortController().signal;
  const result = await transport.send({ step, session: 7, turn: 1, attempt: 2 }, signal);
  await transport.close();
  return { result, seen };
}

/** Long enough that two writes are not one read, even for a client that is held up. */
const PAUSE_MS = 150;

const sse = { 'content-type': 'text/event-stream' };

test('a stream: times in order, usage, gaps between reads, role apart from token', async () => {
  const { result, seen } = await sendOne(async (response) => {
    response.writeHead(200, sse);
    response.write(frames(chat.role));
    await delay(PAUSE_MS);
    response.write(frames(chat.text));
    await delay(PAUSE_MS);
    response.write(frames(chat.text, chat.text));
    response.end(`${frames(chat.stop, chat.usage)}data: [DONE]\n\n`);
  });
  expect(result).toMatchObject({ outcome: 'ok', status: 200, chunks: 3 });
  const {
    sentAt,
    socketAt,
    headersAt,
    firstByteAt,
    firstRoleAt,
    firstTokenAt,
    lastTokenAt,
    doneAt,
    endAt,
  } = result;
  const times = [
    sentAt,
    socketAt,
    headersAt,
    firstByteAt,
    firstRoleAt,
    firstTokenAt,
    lastTokenAt,
    doneAt,
    endAt,
  ];
  expect(times).toEqual(times.toSorted((a, b) => a! - b!));
  expect(firstTokenAt).toBeGreaterThan(firstRoleAt!);
  expect(result.usage).toMatchObject({ uncached: 20, output: 3 });
  // Three token frames came in two reads: one gap, no made-up zero.
  expect(result.gaps).toHaveLength(2);
  expect(result.stallMs).toBeGreaterThan(0);
  expect(seen.path).toBe('/base/v1/chat/completions');
  expect(seen.headers).toMatchObject({
    authorization: 'Bearer key-1',
    'x-client-request-id': '7.1.a.2',
    'x-session-id': '7',
    'x-stainless-retry-count': '1',
  });
  expect(seen.body).toMatchObject({ model: 'm', stream: true, max_tokens: 3 });
});

test('Anthropic: path, version and key headers, terminal event', async () => {
  const { result, seen } = await sendOne(
    (response) => {
      response.writeHead(200, sse);
      const event = (data: { type: string }): string => `event: ${data.type}\n${frames(data)}`;
      const start = {
        type: 'message_start',
        message: { usage: { input_tokens: 20, output_tokens: 1 } },
      };
      const block = {
        type: 'content_block_start',
        index: 0,
        content_block: { type: 'text', text: '' },
      };
      const delta = {
        type: 'content_block_delta',
        index: 0,
        delta: { type: 'text_delta', text: 'hi' },
      };
      const stop = {
        type: 'message_delta',
        delta: { stop_reason: 'end_turn' },
        usage: { output_tokens: 3 },
      };
      response.end([start, block, delta, stop, { type: 'message_stop' }].map(event).join(''));
    },
    { dialect: 'anthropic' },
  );
  expect(result).toMatchObject({ outcome: 'ok', usage: { uncached: 20, output: 3 } });
  expect(seen.path).toBe('/base/v1/messages');
  expect(seen.headers).toMatchObject({ 'x-api-key': 'key-1', 'anthropic-version': '2023-06-01' });
});

test.for([
  {
    why: 'end without the terminal event',
    answer: (response: ServerResponse) => void response.writeHead(200, sse).end(frames(chat.text)),
    outcome: 'truncated',
    error: 'truncated',
  },
  {
    why: 'an error event inside a 200',
    answer: (response: ServerResponse) =>
      void response
        .writeHead(200, sse)
        .end(frames(chat.text, { error: { message: 'slow down', type: 'rate_limit_exceeded' } })),
    outcome: 'failed',
    error: /^in-stream-/,
  },
  {
    why: 'a 429 with its headers kept for the back-off',
    answer: (response: ServerResponse) =>
      void response.writeHead(429, { 'retry-after': '2' }).end('{"error":{}}'),
    outcome: 'failed',
    error: 'http-429',
  },
  {
    why: 'a web page with status 200',
    answer: (response: ServerResponse) =>
      void response.writeHead(200, { 'content-type': 'text/html' }).end('<html>'),
    outcome: 'failed',
    error: 'not-a-stream',
  },
  {
    why: 'a reset in the middle of the stream',
    answer: async (response: ServerResponse) => {
      response.writeHead(200, sse).write(frames(chat.text));
      await delay(20);
      response.destroy();
    },
    outcome: 'failed',
    error: /^[A-Z_]+$|connection-error/,
  },
])('$why: $outcome', async ({ answer, error, outcome }) => {
  const { result } = await sendOne(answer);
  expect(result.outcome).toBe(outcome);
  expect(result.error).toMatch(error);
});

test('the deadline covers the whole stream', async () => {
  const { result } = await sendOne(
    (response) => void response.writeHead(200, sse).write(frames(chat.text)),
    { timeoutMs: 60 },
  );
  expect(result).toMatchObject({ outcome: 'failed', error: 'timeout' });
});

test('an aborted run cuts the call', async () => {
  const controller = new AbortController();
  const { result } = await sendOne(
    (response) => {
      response.writeHead(200, sse).write(frames(chat.text));
      setTimeout(() => controller.abort(new Error('over')), 20);
    },
    { signal: controller.signal },
  );
  expect(result.outcome).toBe('aborted');
});

test('a refused connection is a failed attempt with the system code', async () => {
  const closed = await startServer({ host: '127.0.0.1', port: 0 }, () => {});
  await closed.close();
  const transport = createHttpTransport(
    { url: closed.url, dialect: 'openai', timeoutMs: 1000 },
    realClock,
  );
  const result = await transport.send(
    { step, session: 0, turn: 0, attempt: 1 },
    new AbortController().signal,
  );
  await transport.close();
  expect(result).toMatchObject({ outcome: 'failed', error: 'ECONNREFUSED' });
  expect(result.status).toBeUndefined();
});
