import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { HttpClient, exchange } from '../../src/http/client.ts';
import type { WholeResponse } from '../../src/http/client.ts';
import { startRecordingProxy } from '../../src/recorder/recording-proxy.ts';
import type { RunningRecorder } from '../../src/recorder/recording-proxy.ts';
import { realClock } from '../../src/system.ts';
import type { RecordedCall } from '../../src/traces/recording-format.ts';
import {
  CHAT_ROLE,
  CHAT_STREAM,
  MESSAGES_END,
  MESSAGES_START,
  MESSAGES_TEXT,
  chatChunk,
  scriptedUpstream,
  sendChat,
  sse,
} from '../gateway/scripted-upstream.ts';
import type { Script, ScriptedUpstream } from '../gateway/scripted-upstream.ts';

const CANARY_PROMPT = 'the heron nests at midnight in sector seven';
const CANARY_KEY = 'sk-canary-c0ffee-0123456789';

let folder: string;
let upstream: ScriptedUpstream;
let recorder: RunningRecorder;
let client: HttpClient;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'agent-infra-recorder-'));
});

afterEach(async () => {
  await client.destroy();
  await recorder.close();
  await upstream.close(0);
  rmSync(folder, { recursive: true, force: true });
});

async function start(script: Script, content = false): Promise<void> {
  upstream = await scriptedUpstream(script);
  recorder = await startRecordingProxy({
    listen: { host: '127.0.0.1', port: 0 },
    upstreams: { openai: `${upstream.url}/v1`, anthropic: upstream.url },
    recording: join(folder, 'run.jsonl'),
    tool: 'agent-infra test',
    content,
  });
  client = new HttpClient(recorder.url, realClock);
}

function post(
  path: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<WholeResponse> {
  return exchange(client, {
    method: 'POST',
    path,
    headers: {
      'content-type': 'application/json',
      authorization: `Bearer ${CANARY_KEY}`,
      ...headers,
    },
    body: typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body),
  });
}

const chat = (fields: object = {}): object => ({
  model: 'm1',
  messages: [{ role: 'user', content: CANARY_PROMPT }],
  ...fields,
});

function lines(): Record<string, unknown>[] {
  return readFileSync(join(folder, 'run.jsonl'), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** The calls recorded so far, once there are as many as asked for. */
async function calls(count: number): Promise<RecordedCall[]> {
  await expect.poll(() => recorder.calls).toBe(count);
  return lines().slice(1) as unknown as RecordedCall[];
}

describe('transparency', () => {
  test('a stream has the same bytes and headers with and without the proxy', async () => {
    const bytes = Buffer.from(CHAT_STREAM.replace('Hel', 'Grüße 🚀'));
    await start((response) => {
      response.writeHead(200, {
        'content-type': 'text/event-stream; charset=utf-8',
        'x-request-id': 'req_1',
        'set-cookie': ['a=1', 'b=2'],
        'openai-organization': 'org',
      });
      for (let index = 0; index < bytes.length; index += 11)
        response.write(bytes.subarray(index, index + 11));
      response.end();
    });
    const direct = new HttpClient(upstream.url, realClock);
    const request = {
      method: 'POST',
      path: '/v1/chat/completions?x=1',
      headers: { authorization: 'Bearer k', 'x-custom': 'y', 'user-agent': 'OpenAI/JS 6.49.0' },
      body: JSON.stringify(chat({ stream: true })),
    } as const;
    const without = await exchange(direct, request);
    const through = await exchange(client, request);
    await direct.destroy();
    expect(through.body.equals(without.body)).toBe(true);
    const [a, b] = [without.headers, through.headers].map(
      ({ connection: _c, 'keep-alive': _k, date: _d, ...rest }) => rest,
    );
    expect(b).toEqual(a);
    const [seenDirect, seenThrough] = upstream.seen;
    expect(seenThrough!.body).toBe(seenDirect!.body);
    expect(seenThrough!.path).toBe('/v1/chat/completions?x=1');
    expect(seenThrough!.headers['x-custom']).toBe('y');
    expect(seenThrough!.headers.authorization).toBe('Bearer k');
    expect(seenThrough!.headers.host).toBe(upstream.url.slice('http://'.length));
    await calls(1);
  });

  test('chunks are passed on when they come, not when the reply ends', async () => {
    let finish = (): void => {};
    await start((response) => {
      sse(response).write(CHAT_ROLE);
      finish = () => response.end(CHAT_STREAM.slice(CHAT_ROLE.length));
    });
    let first = '';
    await new Promise<void>((resolve, reject) => {
      client.send(
        {
          method: 'POST',
          path: '/v1/chat/completions',
          headers: {},
          body: JSON.stringify(chat({ stream: true })),
        },
        {
          onHeaders: () => {},
          onData: (chunk) => {
            // The upstream ends only after we have seen its first chunk.
            if (first === '') finish();
            first += Buffer.from(chunk).toString();
          },
          onEnd: resolve,
          onError: reject,
        },
      );
    });
    expect(first).toBe(CHAT_STREAM);
  });

  test('a reset stays a reset, and is recorded with what came before it', async () => {
    await start((response) => {
      sse(response).write(CHAT_ROLE + chatChunk({ content: 'x'.repeat(400) }), () =>
        response.destroy(),
      );
    });
    await expect(post('/v1/chat/completions', chat({ stream: true }))).rejects.toThrow(
      /closed|terminated|socket/,
    );
    const [call] = await calls(1);
    expect(call).toMatchObject({
      outcome: 'truncated',
      tokensBasis: 'estimated',
      tokens: { output: 100 },
    });
  });

  test('a clean early end stays a clean early end', async () => {
    const text = CHAT_ROLE + chatChunk({ content: 'a' });
    await start((response) => void sse(response).end(text));
    const reply = await post('/v1/chat/completions', chat({ stream: true }));
    expect(reply.body.toString()).toBe(text);
    expect((await calls(1))[0]!.outcome).toBe('truncated');
  });

  test('an unreachable provider is a 502 and a recorded call without answer', async () => {
    await start((response) => sendChat(response));
    await upstream.close(0);
    const reply = await post('/v1/chat/completions', chat());
    expect(reply.status).toBe(502);
    const [call] = await calls(1);
    expect(call).toMatchObject({ outcome: 'no-answer', tokensBasis: 'missing' });
    expect(call!.status).toBeUndefined();
  });

  test('other paths pass unrecorded, to whom the headers say', async () => {
    await start((response) => {
      response.writeHead(204);
      response.end();
    });
    for (const method of ['GET', 'DELETE', 'PATCH'] as const) {
      const reply = await exchange(client, { method, path: '/v1/files/f1?a=b', headers: {} });
      expect(reply.status).toBe(204);
    }
    expect(upstream.seen.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'GET /v1/files/f1?a=b',
      'DELETE /v1/files/f1?a=b',
      'PATCH /v1/files/f1?a=b',
    ]);
    expect(recorder.calls).toBe(0);
  });
});

describe('what a call leaves', () => {
  test('times, tokens, ids and shape of a streamed chat call', async () => {
    await start((response) => {
      response.setHeader('x-ratelimit-remaining-tokens', '149000');
      response.setHeader('x-ratelimit-reset-tokens', '6ms');
      sse(response).end(CHAT_STREAM);
    });
    await post(
      '/v1/chat/completions',
      chat({ stream: true, max_tokens: 64, metadata: { user_id: 'u' } }),
      {
        'x-stainless-retry-count': '0',
      },
    );
    const [call] = await calls(1);
    expect(call).toMatchObject({
      kind: 'recorded-call',
      provider: 'openai',
      endpoint: 'chat',
      requestedModel: 'm1',
      servedModel: 'm1',
      stream: true,
      status: 200,
      outcome: 'complete',
      tokens: { uncached: 12, output: 2 },
      tokensBasis: 'reported',
      finishReason: 'stop',
      retryCount: 0,
      tokenFrames: 2,
      limits: { 'x-ratelimit-remaining-tokens': 149_000 },
      request: { outputCap: 64, roles: 'u', tools: 0, toolResults: [] },
    });
    const {
      endMs,
      firstTokenMs = Number.NaN,
      headersMs = Number.NaN,
      lastTokenMs = Number.NaN,
      sentMs,
    } = call!;
    expect([sentMs, headersMs, firstTokenMs, lastTokenMs, endMs]).toEqual(
      [sentMs, headersMs, firstTokenMs, lastTokenMs, endMs].toSorted((a, b) => a - b),
    );
    expect(Math.abs(call!.atMs - Date.now())).toBeLessThan(60_000);
  });

  test('a stream without usage is estimated and says so', async () => {
    await start(
      (response) =>
        void sse(response).end(CHAT_STREAM.replace(/data: [^\n]*"usage"[^\n]*\n\n/, '')),
    );
    await post('/v1/chat/completions', chat({ stream: true }));
    expect((await calls(1))[0]).toMatchObject({ outcome: 'complete', tokensBasis: 'estimated' });
  });

  test('errors keep their type, not their words', async () => {
    await start((response) => {
      response.writeHead(429, { 'content-type': 'application/json', 'retry-after-ms': '250' });
      response.end(
        `{"error":{"message":"${CANARY_PROMPT}","type":"tokens","code":"rate_limit_exceeded"}}`,
      );
    });
    await post('/v1/chat/completions', chat());
    expect((await calls(1))[0]).toMatchObject({
      outcome: 'http-error',
      status: 429,
      error: 'rate_limit_exceeded',
      limits: { 'retry-after-ms': 250 },
    });
  });

  test('a client that leaves is recorded as cancelled', async () => {
    await start((response) => void sse(response).write(CHAT_ROLE + chatChunk({ content: 'abcd' })));
    const leave = new AbortController();
    await new Promise<void>((resolve) => {
      client.send(
        {
          method: 'POST',
          path: '/v1/chat/completions',
          headers: {},
          body: JSON.stringify(chat({ stream: true })),
          signal: leave.signal,
        },
        {
          onHeaders: () => {},
          onData: () => leave.abort(new Error('left')),
          onEnd: resolve,
          onError: () => resolve(),
        },
      );
    });
    expect((await calls(1))[0]).toMatchObject({ outcome: 'cancelled', tokensBasis: 'estimated' });
    expect(await upstream.seen[0]!.closed).toBe('cut');
  });

  test('embeddings and compressed bodies', async () => {
    await start((response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' });
      response.end(
        gzipSync('{"object":"list","data":[],"usage":{"prompt_tokens":7,"total_tokens":7}}'),
      );
    });
    const body = gzipSync(JSON.stringify({ model: 'e1', input: CANARY_PROMPT }));
    await post('/v1/embeddings', body, { 'content-encoding': 'gzip' });
    expect((await calls(1))[0]).toMatchObject({
      endpoint: 'embeddings',
      requestedModel: 'e1',
      tokens: { uncached: 7, output: 0 },
    });
  });

  test('moving cache marks do not break the chain of messages', async () => {
    await start(
      (response) => void sse(response).end(MESSAGES_START + MESSAGES_TEXT + MESSAGES_END),
    );
    const mark = { cache_control: { type: 'ephemeral' } };
    const first = [{ role: 'user', content: [{ type: 'text', text: 'hello', ...mark }] }];
    const second = [
      { role: 'user', content: 'hello' },
      { role: 'assistant', content: [{ type: 'text', text: 'Hello' }] },
      { role: 'user', content: [{ type: 'text', text: 'more', ...mark }] },
    ];
    for (const messages of [first, second]) {
      await post('/v1/messages', { model: 'c1', max_tokens: 9, stream: true, messages });
    }
    const [a, b] = await calls(2);
    expect(b!.request.chain[0]).toBe(a!.request.chain[0]);
    expect(b!.request.roles).toBe('uau');
    expect(a!.tokens).toMatchObject({ uncached: 30, cacheRead: 70, output: 9 });
  });
});

describe('privacy', () => {
  const tool = {
    type: 'function',
    function: { name: 'lookup', arguments: `{"q":"${CANARY_PROMPT}"}` },
    id: 'call_1',
  };
  const talk: Script = (response, _seen, call) => {
    if (call === 0) {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(
        JSON.stringify({
          id: 'x',
          object: 'chat.completion',
          model: 'm1',
          choices: [
            {
              index: 0,
              message: { role: 'assistant', content: CANARY_PROMPT, tool_calls: [tool] },
              finish_reason: 'tool_calls',
            },
          ],
          usage: { prompt_tokens: 5, completion_tokens: 5 },
        }),
      );
    } else if (call === 1)
      sse(response).end(
        CHAT_ROLE +
          chatChunk({ content: CANARY_PROMPT }) +
          chatChunk({}, 'stop') +
          'data: [DONE]\n\n',
      );
    else {
      response.writeHead(400, { 'content-type': 'application/json' });
      response.end(
        `{"error":{"message":"${CANARY_KEY} ${CANARY_PROMPT}","type":"${CANARY_PROMPT}"}}`,
      );
    }
  };

  async function session(): Promise<void> {
    await post(
      '/v1/chat/completions',
      chat({
        tools: [{ type: 'function', function: { name: 'lookup', description: CANARY_PROMPT } }],
      }),
    );
    await post(
      '/v1/chat/completions',
      chat({
        stream: true,
        user: CANARY_PROMPT,
        messages: [
          { role: 'system', content: CANARY_PROMPT },
          { role: 'assistant', tool_calls: [tool] },
          { role: 'tool', tool_call_id: 'call_1', content: `${CANARY_PROMPT} ${CANARY_KEY}` },
        ],
      }),
      { cookie: `session=${CANARY_KEY}`, 'openai-organization': 'canary-org' },
    );
    await post('/v1/chat/completions', `{"broken": "${CANARY_PROMPT}`, { 'x-api-key': CANARY_KEY });
    await post('/v1/traces', { resourceSpans: [{ scopeSpans: [{ spans: [span()] }] }] });
    await calls(3);
  }

  function span(): object {
    const text = (key: string) => ({ key, value: { stringValue: CANARY_PROMPT.repeat(10) } });
    return {
      traceId: '0af7651916cd43dd8448eb211c80319c',
      spanId: 'b7ad6b7169203331',
      name: 'chat m1',
      startTimeUnixNano: '1700000000000000000',
      endTimeUnixNano: '1700000001000000000',
      attributes: [
        { key: 'gen_ai.request.model', value: { stringValue: 'm1' } },
        { key: 'gen_ai.usage.input_tokens', value: { intValue: '12' } },
        text('gen_ai.prompt.0.content'),
        text('gen_ai.input.messages'),
        text('input.value'),
        text('gen_ai.tool.name'), // a name that is prose is no name
        {
          key: 'llm.input_messages',
          value: { arrayValue: { values: [{ stringValue: CANARY_PROMPT }] } },
        },
      ],
      events: [{ name: 'gen_ai.content.prompt', attributes: [text('gen_ai.prompt')] }],
      status: { code: 2, message: CANARY_KEY },
    };
  }

  function everything(): string {
    return readdirSync(folder)
      .map((name) => readFileSync(join(folder, name), 'utf8'))
      .join('\n');
  }

  test('neither the canary prompt nor the canary key is in any file', async () => {
    await start(talk);
    await session();
    const written = everything();
    expect(readdirSync(folder)).toEqual(['run.jsonl', 'run.otlp.jsonl']);
    for (const secret of [CANARY_PROMPT, CANARY_KEY, 'canary', 'heron', 'call_1']) {
      expect(written).not.toContain(secret);
    }
    // Positive control: the rest is there.
    expect(written).toContain('lookup');
    expect(written).toContain('gen_ai.usage.input_tokens');
    expect((await calls(3)).map(({ request }) => request.hash)).toHaveLength(3);
  });

  test('files belong to the user alone', async () => {
    await start(talk);
    await session();
    for (const name of readdirSync(folder))
      expect(statSync(join(folder, name)).mode & 0o777).toBe(0o600);
  });

  test('--content keeps prompts and still no credentials', async () => {
    await start(talk, true);
    await session();
    const written = everything();
    expect(written).toContain(CANARY_PROMPT);
    expect(written).not.toContain(CANARY_KEY);
    expect(written).toContain('[redacted:key]');
  });

  test('hashes of two recordings have nothing in common', async () => {
    await start(talk);
    await session();
    const before = (await calls(3)).map(({ request }) => request.hash);
    await client.destroy();
    await recorder.close();
    await upstream.close(0);
    rmSync(join(folder, 'run.jsonl'));
    rmSync(join(folder, 'run.otlp.jsonl'));
    await start(talk);
    await session();
    const after = (await calls(3)).map(({ request }) => request.hash);
    expect(after.filter((hash) => before.includes(hash))).toEqual([]);
  });
});

test('every line is on disk when the call is over, before anything is closed', async () => {
  await start((response) => sendChat(response));
  for (let call = 1; call <= 5; call += 1) {
    await post('/v1/chat/completions', chat());
    expect(await calls(call)).toHaveLength(call);
  }
});

test('a recording is never overwritten', async () => {
  await start((response) => sendChat(response));
  await expect(
    startRecordingProxy({
      listen: { host: '127.0.0.1', port: 0 },
      upstreams: { openai: upstream.url, anthropic: upstream.url },
      recording: join(folder, 'run.jsonl'),
      tool: 'x',
    }),
  ).rejects.toMatchObject({ code: 'output.unwritable' });
});

describe('the official SDKs see no difference', () => {
  test('openai: chat stream with usage', async () => {
    await start((response) => void sse(response).end(CHAT_STREAM));
    const sdk = new OpenAI({ apiKey: 'k', baseURL: `${recorder.url}/v1` });
    const stream = await sdk.chat.completions.create({
      model: 'm1',
      stream: true,
      stream_options: { include_usage: true },
      messages: [{ role: 'user', content: 'hi' }],
    });
    let text = '';
    let total = 0;
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? '';
      total = chunk.usage?.total_tokens ?? total;
    }
    expect(text).toBe('Hello');
    expect(total).toBe(14);
    expect((await calls(1))[0]).toMatchObject({
      tokens: { uncached: 12, output: 2 },
      retryCount: 0,
    });
  });

  test('openai: a retry is one more attempt with its number', async () => {
    await start((response, _seen, call) => {
      if (call > 0) {
        sendChat(response);
        return;
      }
      response.writeHead(429, { 'content-type': 'application/json', 'retry-after-ms': '5' });
      response.end('{"error":{"message":"slow down","type":"tokens"}}');
    });
    const sdk = new OpenAI({ apiKey: 'k', baseURL: `${recorder.url}/v1` });
    await sdk.chat.completions.create({ model: 'm1', messages: [{ role: 'user', content: 'hi' }] });
    const [first, second] = await calls(2);
    expect([first!.status, second!.status]).toEqual([429, 200]);
    expect([first!.retryCount, second!.retryCount]).toEqual([0, 1]);
    expect(second!.request.hash).toBe(first!.request.hash);
  });

  test('anthropic: message stream', async () => {
    await start(
      (response) => void sse(response).end(MESSAGES_START + MESSAGES_TEXT + MESSAGES_END),
    );
    const sdk = new Anthropic({ apiKey: 'k', baseURL: recorder.url });
    const message = await sdk.messages
      .stream({ model: 'c1', max_tokens: 10, messages: [{ role: 'user', content: 'hi' }] })
      .finalMessage();
    expect(message.usage.output_tokens).toBe(9);
    expect((await calls(1))[0]).toMatchObject({
      provider: 'anthropic',
      tokens: { uncached: 30, cacheRead: 70, output: 9 },
    });
  });
});
