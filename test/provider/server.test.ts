import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { Agent, request as httpRequest } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { AzureOpenAI } from 'openai';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { createStreamReader, replyOutcome } from '../../src/http/read-stream.ts';
import { SseParser } from '../../src/http/sse.ts';
import { openRequestLog } from '../../src/provider/request-log.ts';
import type { RequestLog, RequestRecord } from '../../src/provider/request-log.ts';
import { startProvider } from '../../src/provider/start-provider.ts';
import type { RunningProvider } from '../../src/provider/start-provider.ts';
import { config } from './virtual-provider.ts';

let folder = '';
let log: RequestLog;
let provider: RunningProvider;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'agent-infra-provider-'));
  log = await openRequestLog(join(folder, 'requests.jsonl'));
  provider = await startProvider({
    config: config(
      { apis: ['openai', 'anthropic'], timing: { kind: 'fixed', ttft: '5ms', itl: '1ms' } },
      {
        embeddings: [{ id: 'e', dimensions: 8, latency: '1ms' }],
        keys: [{ name: 'team', key: 'right' }],
      },
    ),
    address: { host: '127.0.0.1', port: 0 },
    log,
  });
});

afterAll(async () => {
  await provider.close();
  await log.close();
  rmSync(folder, { recursive: true, force: true });
});

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

const OPENAI = { authorization: 'Bearer right' };
const ANTHROPIC = { 'x-api-key': 'right', 'anthropic-version': '2023-06-01' };

function call(
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = path.startsWith('/v1/messages') ? ANTHROPIC : OPENAI,
  agent?: Agent,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      `${provider.url}${path}`,
      { method, headers, ...(agent === undefined ? {} : { agent }) },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () =>
          resolve({
            status: response.statusCode!,
            headers: response.headers,
            text: Buffer.concat(chunks).toString(),
          }),
        );
      },
    );
    request.on('error', reject);
    request.end(body === undefined || typeof body === 'string' ? body : JSON.stringify(body));
  });
}

const chat = { model: 'm', messages: [{ role: 'user', content: 'hi' }], max_tokens: 5 };

function json({ text }: Answer): unknown {
  return JSON.parse(text);
}

describe('hostile input is answered in the dialect’s own error shape', () => {
  const openai = (type: string) => ({
    error: { message: expect.any(String), type, param: null, code: null },
  });
  const anthropic = (type: string) => ({
    type: 'error',
    error: { type, message: expect.any(String) },
    request_id: expect.stringMatching(/^req_/),
  });

  test.for([
    {
      why: 'no JSON',
      path: '/v1/chat/completions',
      body: '{"model": ',
      status: 400,
      shape: openai('invalid_request_error'),
    },
    {
      why: 'an array',
      path: '/v1/chat/completions',
      body: '[]',
      status: 400,
      shape: openai('invalid_request_error'),
    },
    {
      why: 'nothing',
      path: '/v1/chat/completions',
      body: '',
      status: 400,
      shape: openai('invalid_request_error'),
    },
    {
      why: 'no model',
      path: '/v1/chat/completions',
      body: { messages: [] },
      status: 400,
      shape: openai('invalid_request_error'),
    },
    {
      why: 'no JSON',
      path: '/v1/responses',
      body: 'x',
      status: 400,
      shape: openai('invalid_request_error'),
    },
    {
      why: 'no JSON',
      path: '/v1/messages',
      body: '{',
      status: 400,
      shape: anthropic('invalid_request_error'),
    },
    {
      why: 'null',
      path: '/v1/messages',
      body: 'null',
      status: 400,
      shape: anthropic('invalid_request_error'),
    },
    {
      why: 'no max_tokens',
      path: '/v1/messages',
      body: { model: 'm', messages: chat.messages },
      status: 400,
      shape: anthropic('invalid_request_error'),
    },
    {
      why: 'unknown model',
      path: '/v1/messages',
      body: { ...chat, model: 'x' },
      status: 404,
      shape: anthropic('not_found_error'),
    },
    {
      why: 'no JSON',
      path: '/v1/embeddings',
      body: '"',
      status: 400,
      shape: openai('invalid_request_error'),
    },
    {
      why: 'unknown path',
      path: '/v1/nothing',
      body: {},
      status: 404,
      shape: openai('invalid_request_error'),
    },
  ])('$path: $why', async ({ path, body, status, shape }) => {
    const answer = await call('POST', path, body);
    expect(answer.status).toBe(status);
    expect(json(answer)).toEqual(shape);
    expect(answer.headers['content-type']).toBe('application/json');
  });

  test('unknown model of OpenAI names its code', async () => {
    const answer = await call('POST', '/v1/chat/completions', { ...chat, model: 'gpt-0' });
    expect(answer.status).toBe(404);
    expect(json(answer)).toEqual({
      error: {
        message: 'The model `gpt-0` does not exist or you do not have access to it.',
        type: 'invalid_request_error',
        param: null,
        code: 'model_not_found',
      },
    });
  });

  test.for([
    {
      why: 'no key, OpenAI',
      path: '/v1/chat/completions',
      headers: {},
      error: { type: 'invalid_request_error' },
    },
    {
      why: 'a wrong key, OpenAI',
      path: '/v1/models',
      headers: { authorization: 'Bearer wrong' },
      error: { code: 'invalid_api_key' },
    },
    {
      why: 'no key, Anthropic',
      path: '/v1/messages',
      headers: { 'anthropic-version': '2023-06-01' },
      error: { type: 'authentication_error' },
    },
    {
      why: 'a wrong key, Anthropic',
      path: '/v1/messages',
      headers: { ...ANTHROPIC, 'x-api-key': 'wrong' },
      error: { message: 'invalid x-api-key' },
    },
  ])('401: $why', async ({ path, headers, error }) => {
    const answer = await call(
      path === '/v1/models' ? 'GET' : 'POST',
      path,
      undefined,
      headers as Record<string, string>,
    );
    expect(answer.status).toBe(401);
    expect(json(answer)).toMatchObject({ error });
  });

  test('both key headers work for both APIs', async () => {
    const bearer = { authorization: 'Bearer right', 'anthropic-version': '2026-10-21' };
    expect((await call('POST', '/v1/messages', chat, bearer)).status).toBe(200);
    expect(
      (await call('POST', '/v1/chat/completions', chat, { 'x-api-key': 'right' })).status,
    ).toBe(200);
  });

  test.for([
    { version: undefined, says: 'header is required' },
    { version: '2020-01-01', says: 'not a valid version' },
  ])('anthropic-version $version', async ({ version, says }) => {
    const headers = {
      'x-api-key': 'right',
      ...(version === undefined ? {} : { 'anthropic-version': version }),
    };
    const answer = await call('POST', '/v1/messages', chat, headers);
    expect(answer.status).toBe(400);
    expect(answer.text).toContain(says);
  });

  test('a body beyond the limit is 413, and the connection survives the answer', async () => {
    const answer = await call('POST', '/v1/chat/completions', 'x'.repeat(33 * 1024 * 1024));
    expect(answer.status).toBe(413);
  });

  test('405 for the wrong method', async () => {
    expect((await call('GET', '/v1/chat/completions')).status).toBe(405);
  });
});

test('keep-alive: ten calls on one connection', async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  let sockets = 0;
  agent.on('free', () => (sockets += 1));
  for (let index = 0; index < 10; index += 1) {
    const stream = index % 2 === 0;
    expect(
      (await call('POST', '/v1/chat/completions', { ...chat, stream }, OPENAI, agent)).status,
    ).toBe(200);
  }
  expect(Object.values(agent.freeSockets).flat()).toHaveLength(1);
  expect(sockets).toBe(10);
  agent.destroy();
});

test.for(['/v1/chat/completions', '/v1/responses', '/v1/messages'])(
  '%s streams and reads back',
  async (path) => {
    const dialect = path.endsWith('messages')
      ? 'anthropic-messages'
      : path.endsWith('responses')
        ? 'openai-responses'
        : 'openai-chat';
    const body = {
      ...chat,
      input: 'hi',
      max_output_tokens: 5,
      stream: true,
      stream_options: { include_usage: true },
    };
    const answer = await call('POST', path, body, undefined);
    expect(answer.headers['content-type']).toBe('text/event-stream; charset=utf-8');
    const reader = createStreamReader(dialect);
    const parser = new SseParser();
    for (const event of parser.push(Buffer.from(answer.text))) reader.push(event);
    expect(replyOutcome(reader.state)).toBe('complete');
    expect(reader.state.usage).toMatchObject({ output: 5 });
  },
);

test('models, health and metrics', async () => {
  expect(json(await call('GET', '/v1/models'))).toMatchObject({
    object: 'list',
    data: [{ id: 'm', object: 'model' }, { id: 'e' }],
  });
  expect(json(await call('GET', '/v1/models', undefined, ANTHROPIC))).toMatchObject({
    data: [{ id: 'm', type: 'model' }],
    has_more: false,
    first_id: 'm',
  });
  expect(json(await call('GET', '/v1/models/m'))).toMatchObject({ id: 'm' });
  expect((await call('GET', '/v1/models/nope')).status).toBe(404);
  expect(json(await call('GET', '/healthz', undefined, {}))).toEqual({ status: 'ok' });
  const metrics = (await call('GET', '/metrics', undefined, {})).text;
  for (const name of [
    'vllm:num_requests_running',
    'vllm:num_requests_waiting',
    'vllm:kv_cache_usage_perc',
    'vllm:time_to_first_token_seconds_bucket',
    'vllm:time_per_output_token_seconds_count',
    'vllm:inter_token_latency_seconds_count',
    'vllm:request_time_per_output_token_seconds_count',
    'vllm:request_prompt_tokens_count',
    'vllm:request_generation_tokens_count',
  ]) {
    expect(metrics).toContain(`${name}{model_name="m"`);
  }
});

test('embeddings: floats and base64 say the same; equal inputs are equal, unit length', async () => {
  const ask = async (fields: object): Promise<(number[] | string)[]> => {
    const answer = json(await call('POST', '/v1/embeddings', { model: 'e', ...fields })) as {
      data: { embedding: number[] | string }[];
    };
    return answer.data.map(({ embedding }) => embedding);
  };
  const [one, two, again] = (await ask({ input: ['a', 'b', 'a'] })) as number[][];
  expect(one).toHaveLength(8);
  expect(again).toEqual(one);
  expect(two).not.toEqual(one);
  expect(Math.hypot(...one!)).toBeCloseTo(1, 6);
  const [encoded] = (await ask({ input: 'a', encoding_format: 'base64' })) as string[];
  const bytes = Buffer.from(encoded!, 'base64');
  expect(Array.from({ length: 8 }, (_, index) => bytes.readFloatLE(index * 4))).toEqual(one);
  expect((await ask({ input: [1, 2, 3], dimensions: 4 }))[0]).toHaveLength(4);
  expect(
    (await call('POST', '/v1/embeddings', { model: 'e', input: 'a', dimensions: 9 })).status,
  ).toBe(400);
});

test('count_tokens counts what usage counts', async () => {
  const counted = json(
    await call('POST', '/v1/messages/count_tokens', {
      model: 'm',
      system: 'be kind',
      messages: chat.messages,
    }),
  ) as { input_tokens: number };
  const { usage } = json(await call('POST', '/v1/messages', { ...chat, system: 'be kind' })) as {
    usage: { input_tokens: number };
  };
  expect(counted.input_tokens).toBe(usage.input_tokens);
});

test('stored responses: read back, continued, deleted', async () => {
  const first = json(
    await call('POST', '/v1/responses', { model: 'm', input: 'hi', max_output_tokens: 50 }),
  ) as { id: string; usage: { input_tokens: number; output_tokens: number } };
  expect(json(await call('GET', `/v1/responses/${first.id}`))).toMatchObject({
    id: first.id,
    output: [{ type: 'message' }],
  });
  const next = json(
    await call('POST', '/v1/responses', {
      model: 'm',
      input: 'more',
      previous_response_id: first.id,
    }),
  ) as { usage: { input_tokens: number } };
  expect(next.usage.input_tokens).toBeGreaterThan(
    first.usage.input_tokens + first.usage.output_tokens,
  );
  expect((await call('DELETE', `/v1/responses/${first.id}`)).status).toBe(200);
  expect((await call('GET', `/v1/responses/${first.id}`)).status).toBe(404);
  expect(
    json(
      await call('POST', '/v1/responses', {
        model: 'm',
        input: 'x',
        previous_response_id: first.id,
      }),
    ),
  ).toMatchObject({ error: { code: 'previous_response_not_found' } });
});

describe('background responses', () => {
  const slow = {
    model: 'm',
    input: '[[sim output=60]] hi',
    background: true,
  };
  const status = async (id: string): Promise<unknown> =>
    (json(await call('GET', `/v1/responses/${id}`)) as { status: unknown }).status;

  test('queued at once, polled until it is completed, continued like any other', async () => {
    const queued = json(await call('POST', '/v1/responses', slow)) as { id: string };
    expect(queued).toMatchObject({ status: 'queued', background: true, output: [], usage: null });
    await expect.poll(() => status(queued.id)).toBe('completed');
    expect(json(await call('GET', `/v1/responses/${queued.id}`))).toMatchObject({
      background: true,
      output: [{ type: 'message' }],
      usage: { output_tokens: 60 },
    });
    const next = { model: 'm', input: 'more', previous_response_id: queued.id };
    expect((await call('POST', '/v1/responses', next)).status).toBe(200);
  });

  test('cancelled: it stops, frees its place, and stays cancelled', async () => {
    const long = { ...slow, input: '[[sim output=30000]] hi' };
    const { id } = json(await call('POST', '/v1/responses', long)) as { id: string };
    expect(await status(id)).toBe('in_progress');
    const { running } = provider.simulator.models[0]!.timing.gauges;
    const cancelled = await call('POST', `/v1/responses/${id}/cancel`);
    expect(json(cancelled)).toMatchObject({ id, status: 'cancelled', background: true });
    expect(provider.simulator.models[0]!.timing.gauges.running).toBe(running - 1);
    expect(json(await call('POST', `/v1/responses/${id}/cancel`))).toMatchObject({
      status: 'cancelled',
    });
  });

  test('a fault shows as failed; a refusal reaches the caller at once', async () => {
    await call('PUT', '/admin/faults', [{ kind: 'truncate', first: 1 }], {});
    const { id } = json(await call('POST', '/v1/responses', slow)) as { id: string };
    await expect.poll(() => status(id)).toBe('failed');
    await call('PUT', '/admin/faults', [{ kind: 'status', status: 429, first: 1 }], {});
    expect((await call('POST', '/v1/responses', slow)).status).toBe(429);
    await call('DELETE', '/admin/faults', undefined, {});
    const unkept = await call('POST', '/v1/responses', { ...slow, store: false });
    expect(unkept.status).toBe(400);
    const plain = { ...slow, background: false };
    const ordinary = json(await call('POST', '/v1/responses', plain)) as { id: string };
    expect((await call('POST', `/v1/responses/${ordinary.id}/cancel`)).status).toBe(400);
  });
});

test('Azure addresses: the deployment is the model', async () => {
  const azure = new AzureOpenAI({
    endpoint: provider.url,
    apiKey: 'right',
    apiVersion: '2025-04-01-preview',
    deployment: 'm',
    maxRetries: 0,
  });
  const reply = await azure.chat.completions.create({
    model: 'whatever',
    messages: [{ role: 'user', content: 'hi' }],
  });
  expect(reply.model).toBe('m');
  const nobody = '/openai/deployments/no%20body/chat/completions?api-version=1';
  const missing = await call('POST', nobody, chat, { 'api-key': 'right' });
  expect(missing.status).toBe(404);
  expect(missing.text).toContain('no body');
  const v1 = await call('POST', '/openai/v1/chat/completions', chat, { 'api-key': 'right' });
  expect(v1.status).toBe(200);
  const embeddings = '/openai/deployments/e/embeddings';
  expect((await call('POST', embeddings, { input: 'x' }, { 'api-key': 'right' })).status).toBe(200);
});

test('2026-10-21 refuses sampling parameters, 2023-06-01 does not', async () => {
  const body = { ...chat, temperature: 0.5 };
  const statuses = [];
  for (const version of ['2026-10-21', '2023-06-01']) {
    statuses.push(
      (await call('POST', '/v1/messages', body, { ...ANTHROPIC, 'anthropic-version': version }))
        .status,
    );
  }
  expect(statuses).toEqual([400, 200]);
});

test('faults change during a run, take effect at once and are counted', async () => {
  const put = await call(
    'PUT',
    '/admin/faults',
    [{ kind: 'status', status: 529, name: 'overload', first: 1 }],
    {},
  );
  expect(put.status).toBe(200);
  expect((await call('POST', '/v1/messages', chat)).status).toBe(529);
  expect((await call('POST', '/v1/messages', chat)).status).toBe(200);
  expect(json(await call('GET', '/admin/faults', undefined, {}))).toMatchObject({
    counts: [{ name: 'overload', matched: 2, struck: 1 }],
  });
  const wrong = await call('PUT', '/admin/faults', [{ kind: 'stall', pause: 5 }], {});
  expect(wrong.status).toBe(400);
  expect(json(wrong)).toMatchObject({ problems: [{ path: '0.pause' }] });
  expect((await call('DELETE', '/admin/faults', undefined, {})).status).toBe(200);
});

test('a reset is a reset for the client', async () => {
  await call('PUT', '/admin/faults', [{ kind: 'reset', afterTokens: 2, first: 1 }], {});
  await expect(
    call('POST', '/v1/chat/completions', { ...chat, stream: true }),
  ).rejects.toMatchObject({ code: 'ECONNRESET' });
});

test('stale-connection: the reply is whole, the next request on its connection meets a reset', async () => {
  await call('PUT', '/admin/faults', [{ kind: 'stale-connection', first: 1 }], {});
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const ask = (): Promise<Answer> => call('POST', '/v1/chat/completions', chat, OPENAI, agent);
  expect((await ask()).status).toBe(200);
  await expect(ask()).rejects.toMatchObject({ code: 'ECONNRESET' });
  expect((await ask()).status).toBe(200); // on a new connection
  agent.destroy();
  await call('DELETE', '/admin/faults', undefined, {});
});

test('a client that goes away ends its generation', async () => {
  await new Promise<void>((resolve) => {
    const socket = connect(provider.port, '127.0.0.1');
    const body = JSON.stringify({ ...chat, stream: true, max_tokens: 10_000, ignore_eos: true });
    socket.write(
      `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer right\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    );
    socket.once('data', () => socket.destroy());
    socket.once('close', () => resolve());
  });
  await expect.poll(() => provider.simulator.models[0]!.timing.gauges.running).toBe(0);
});

test('the log has one line per request, own times in order, and neither text nor key', async () => {
  const before = Object.values(
    (
      json(await call('GET', '/admin/keys', undefined, {})) as {
        keys: Record<string, { requests: number }>;
      }
    ).keys,
  );
  const secret = 'a-very-secret-prompt';
  await call(
    'POST',
    '/v1/chat/completions',
    { ...chat, messages: [{ role: 'user', content: secret }], stream: true },
    { ...OPENAI, 'x-client-request-id': 'mine' },
  );
  const own = await startProviderLog(secret);
  expect(own.acceptNs).toMatch(/^\d+$/);
  const { bodyNs, headersNs, chunkNs, endNs } = own;
  const times = [0, bodyNs!, headersNs!, ...chunkNs!, endNs!];
  expect(times).toEqual(times.toSorted((a, b) => a - b));
  expect(chunkNs).toHaveLength(5);
  expect(own).toMatchObject({
    key: 'team',
    model: 'm',
    stream: true,
    status: 200,
    outcome: 'complete',
    tokens: { output: 5 },
  });
  const after = Object.values(provider.counts.toJSON());
  const sum = (counts: { requests: number }[]): number =>
    counts.reduce((total, { requests }) => total + requests, 0);
  expect(sum(after) - sum(before)).toBe(1);
});

/** The record of the client's own request id, once it is on disk. */
async function startProviderLog(secret: string): Promise<RequestRecord> {
  const file = join(folder, 'requests.jsonl');
  await expect.poll(() => readFileSync(file, 'utf8')).toContain('"clientId":"mine"');
  const text = readFileSync(file, 'utf8');
  expect(text).not.toContain(secret);
  expect(text).not.toContain('right');
  const lines = text.trimEnd().split('\n');
  const line = lines.find((candidate) => candidate.includes('"clientId":"mine"'));
  return JSON.parse(line!) as RequestRecord;
}

test('drain: a running stream finishes, new connections are refused', async () => {
  const own = await startProvider({
    config: config({
      timing: { kind: 'fixed', ttft: '50ms', itl: '20ms' },
      output: { tokens: 'max' },
    }),
    address: { host: '127.0.0.1', port: 0 },
  });
  const streaming = fetch(`${own.url}/v1/chat/completions`, {
    method: 'POST',
    headers: OPENAI,
    body: JSON.stringify({ ...chat, stream: true }),
  });
  await expect.poll(() => own.simulator.models[0]!.timing.gauges.running).toBe(1);
  const closed = own.close(5000);
  const text = await (await streaming).text();
  expect(text).toContain('[DONE]');
  await closed;
  await expect(fetch(`${own.url}/healthz`)).rejects.toThrow('fetch failed');
});
