import { afterEach, describe, expect, test } from 'vitest';

import { expectStill } from '../support/standstill.ts';
import { gatewayUnderTest, PROVIDER_KEY, KEY } from './gateway-under-test.ts';
import type { UnderTest } from './gateway-under-test.ts';
import {
  CHAT_ROLE,
  CHAT_STREAM,
  MESSAGES_END,
  MESSAGES_START,
  MESSAGES_TEXT,
  anthropicEvent,
  chatChunk,
  responsesEvent,
  sendChat,
  sse,
} from './scripted-upstream.ts';
import type { Script } from './scripted-upstream.ts';

let current: UnderTest | undefined;

afterEach(async () => {
  await current?.close();
  current = undefined;
});

async function start(script: Script, config: Record<string, unknown> = {}): Promise<UnderTest> {
  current = await gatewayUnderTest(script, config);
  return current;
}

const messages = { model: 'c1', max_tokens: 100, messages: [], stream: true };

describe('pass-through', () => {
  test('body bytes travel unchanged; credentials are swapped; ids and limits come back', async () => {
    const under = await start((response) => sendChat(response));
    const body = '{ "model":"m1",\n "messages": [ ], "x": 1.0, "e":"\\u00e9é" }';
    const reply = await under.post('/v1/chat/completions', body, {
      'x-agent-id': 'forged',
      cookie: 'a=b',
      'x-forwarded-for': '10.0.0.1',
      'x-stainless-retry-count': '1',
    });
    expect(reply.status).toBe(200);
    const seen = under.upstream.seen[0]!;
    expect(seen.body).toBe(body);
    expect(seen.headers.authorization).toBe(`Bearer ${PROVIDER_KEY}`);
    expect(Object.keys(seen.headers)).not.toContain('x-agent-id');
    expect(Object.keys(seen.headers)).not.toContain('cookie');
    expect(Object.keys(seen.headers)).not.toContain('x-forwarded-for');
    expect(JSON.stringify(seen.headers)).not.toContain(KEY);
    expect(seen.headers['x-stainless-retry-count']).toBe('1');
    expect(seen.headers['accept-encoding']).toBe('identity');
    expect(reply.headers['x-upstream-request-id']).toBe('req_upstream');
    expect(reply.headers['x-request-id']).toMatch(/^[\da-f-]{36}$/);
    expect(reply.headers['set-cookie']).toBeUndefined();
    expect(reply.headers['openai-organization']).toBeUndefined();
    expect(reply.headers['x-ratelimit-limit-tokens']).toBe('150000');
    expect(under.metric('agent_gateway_provider_limit_tokens_per_minute{model="m1"}')).toBe(
      150_000,
    );
    expect(
      under.metric(
        'agent_gateway_tokens_total{agent="planner",model="m1",direction="in",kind="uncached",basis="reported"}',
      ),
    ).toBe(12);
  });

  test('a harmless x-request-id of the caller is kept, a strange one is replaced', async () => {
    const under = await start((response) => sendChat(response));
    const kept = await under.chat({}, { 'x-request-id': 'trace.1-a' });
    expect(kept.headers['x-request-id']).toBe('trace.1-a');
    const replaced = await under.chat({}, { 'x-request-id': 'a b;c' });
    expect(replaced.headers['x-request-id']).not.toContain(';');
  });

  test('a stream passes byte for byte, also when cut inside frames and UTF-8 (C47)', async () => {
    const text = CHAT_STREAM.replace('Hel', 'Grüße 🚀');
    const bytes = Buffer.from(text);
    const under = await start(async (response) => {
      sse(response);
      for (let index = 0; index < bytes.length; index += 7) {
        response.write(bytes.subarray(index, index + 7));
        if (index % 70 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      response.end();
    });
    const reply = await under.chat({ stream: true });
    expect(reply.body.toString('utf8')).toBe(text);
    expect(reply.headers['content-type']).toBe('text/event-stream');
    expect(
      under.metric(
        'agent_gateway_stream_terminal_total{route="/v1/chat/completions",reason="complete"}',
      ),
    ).toBe(1);
    expect(under.metric('agent_gateway_time_to_first_token_seconds_count{model="m1"}')).toBe(1);
  });

  test('Anthropic counts cached input apart; its key goes as x-api-key', async () => {
    const under = await start((response) => {
      sse(response).end(MESSAGES_START + MESSAGES_TEXT + MESSAGES_END);
    });
    const reply = await under.post('/v1/messages?beta=true', messages, {
      'anthropic-version': '2023-06-01',
    });
    expect(reply.status).toBe(200);
    expect(under.upstream.seen[0]!.path).toBe('/v1/messages?beta=true');
    expect(under.upstream.seen[0]!.headers['x-api-key']).toBe(PROVIDER_KEY);
    const kind = (direction: string, name: string): number =>
      under.metric(
        `agent_gateway_tokens_total{agent="planner",model="c1",direction="${direction}",kind="${name}",basis="reported"}`,
      );
    expect(kind('in', 'uncached')).toBe(30);
    expect(kind('in', 'cache_read')).toBe(70);
    expect(kind('out', 'output')).toBe(9);
  });

  test('error statuses pass with their headers; a rejected provider credential does not', async () => {
    const under = await start((response, _seen, call) => {
      const status = call === 0 ? 429 : 401;
      const text = '{"error":{"message":"sk-prov***7f3a","type":"tokens","param":null,"code":"x"}}';
      response.writeHead(status, { 'content-type': 'application/json', 'retry-after-ms': '1234' });
      response.end(text);
    });
    const limited = await under.chat();
    expect(limited.status).toBe(429);
    expect(limited.headers['retry-after-ms']).toBe('1234');
    const refused = await under.chat();
    expect(refused.status).toBe(502);
    expect(refused.headers['x-should-retry']).toBe('false');
    expect(refused.body.toString()).not.toContain('sk-prov');
  });
});

describe('broken replies never look like a success', () => {
  const truncation: { why: string; path: string; body: object; sent: string; frame: RegExp }[] = [
    {
      why: 'C21 chat: clean EOF in the middle of the text',
      path: '/v1/chat/completions',
      body: { model: 'm1', messages: [], stream: true },
      sent: CHAT_ROLE + chatChunk({ content: 'Hel' }),
      frame:
        /^data: \{"error":\{"message":"[^"]+","type":"server_error","param":null,"code":"upstream_truncated"\}\}$/,
    },
    {
      why: 'C21 chat: half a frame at the end is not passed on',
      path: '/v1/chat/completions',
      body: { model: 'm1', messages: [], stream: true },
      sent: `${CHAT_ROLE}${chatChunk({ content: 'Hel' })}data: {"choi`,
      frame: /^data: \{"error":/,
    },
    {
      why: 'C21 Anthropic: no message_stop',
      path: '/v1/messages',
      body: messages,
      sent: MESSAGES_START + MESSAGES_TEXT,
      frame: /^event: error\ndata: \{"type":"error","error":\{"type":"api_error"/,
    },
    {
      why: 'C21 Responses: no response.completed',
      path: '/v1/responses',
      body: { model: 'm1', input: 'x', stream: true },
      sent:
        responsesEvent('response.created', 0, { response: { id: 'resp_1', model: 'm1' } }) +
        responsesEvent('response.output_text.delta', 1, { delta: 'Hel' }),
      frame: /^event: error\ndata: \{"type":"error","sequence_number":2,.*"error":\{"message"/,
    },
  ];

  test.for(truncation)('$why', async ({ path, body, sent, frame }) => {
    const under = await start((response) => void sse(response).end(sent));
    const reply = await under.post(path, body);
    const frames = reply.body.toString('utf8').split('\n\n');
    expect(frames.pop()).toBe('');
    expect(frames.at(-1)).toMatch(frame);
    expect(reply.body.toString()).not.toContain('[DONE]');
    for (const whole of frames) expect(whole).toMatch(/(?:^|\n)data: \{.*\}$/);
    expect(under.gateway.metricsText()).toContain('reason="truncated"} 1');
  });

  test('a reset in the middle ends with the error frame as well', async () => {
    const under = await start((response) => {
      sse(response).write(CHAT_ROLE + chatChunk({ content: 'Hel' }), () => response.destroy());
    });
    const reply = await under.chat({ stream: true });
    expect(reply.body.toString()).toMatch(/"code":"upstream_connection"\}\}\n\n$/);
  });

  test('C24 an error event before anything else becomes a real status', async () => {
    const overloaded = anthropicEvent('error', {
      error: { type: 'overloaded_error', message: 'Overloaded' },
    });
    const under = await start((response) => void sse(response).end(overloaded));
    const reply = await under.post('/v1/messages', messages);
    expect(reply.status).toBe(529);
    expect(JSON.parse(reply.body.toString())).toMatchObject({
      type: 'error',
      error: { type: 'overloaded_error' },
    });
  });

  test('an empty 200 stream is a 502', async () => {
    const under = await start((response) => void sse(response).end());
    const reply = await under.chat({ stream: true });
    expect(reply.status).toBe(502);
  });

  test('C28 silence inside a stream ends it', async () => {
    const under = await start((response) => void sse(response).write(CHAT_STREAM.slice(0, 400)), {
      timeouts: { idle: '80ms' },
    });
    const reply = await under.chat({ stream: true });
    expect(reply.body.toString()).toMatch(/"code":"upstream_timeout"\}\}\n\n$/);
    expect(await under.upstream.seen[0]!.closed).toBe('cut');
  });

  test.for([
    { why: 'no headers at all', stream: false, begin: () => {} },
    {
      why: 'headers but no token',
      stream: true,
      begin: (response: Parameters<Script>[0]) => void sse(response).write(CHAT_ROLE),
    },
  ])('first-token timeout: $why', async ({ stream, begin }) => {
    const under = await start(begin, { timeouts: { firstToken: '80ms' } });
    const reply = await under.chat({ stream });
    const isEarly = reply.status === 504;
    expect(isEarly || /"code":"upstream_timeout"/.test(reply.body.toString())).toBe(true);
    expect(await under.upstream.seen[0]!.closed).toBe('cut');
    expect(under.gateway.metricsText()).toMatch(/outcome="timeout"\} 1/);
  });

  test.for([
    { why: 'C48 HTML to a stream call', stream: true, type: 'text/html', body: '<html>' },
    { why: 'C48 JSON error to a stream call', stream: true, type: 'application/json', body: '{}' },
    { why: 'HTML to a whole call', stream: false, type: 'text/html', body: '<html>' },
  ])('$why is a 502', async ({ stream, type, body }) => {
    const under = await start((response) => {
      response.writeHead(200, { 'content-type': type });
      response.end(body);
    });
    const reply = await under.chat({ stream });
    expect(reply.status).toBe(502);
    expect(reply.body.toString()).toContain('upstream_content_type');
  });

  test('an unreachable provider is a 502 that names no address', async () => {
    const under = await start((response) => sendChat(response));
    await under.upstream.close(0);
    const reply = await under.chat();
    expect(reply.status).toBe(502);
    expect(reply.body.toString()).not.toContain('127.0.0.1');
  });
});

describe('an ending that SDKs accept is left alone', () => {
  test('finish_reason without [DONE] passes unchanged', async () => {
    const text = CHAT_STREAM.replace('data: [DONE]\n\n', '');
    const under = await start((response) => void sse(response).end(text));
    const reply = await under.chat({ stream: true });
    expect(reply.body.toString()).toBe(text);
    expect(under.gateway.metricsText()).toContain('reason="missing_done"} 1');
  });

  test('a missing last blank line is added, so that SDKs see message_stop', async () => {
    const text = MESSAGES_START + MESSAGES_TEXT + MESSAGES_END;
    const under = await start((response) => void sse(response).end(text.slice(0, -2)));
    const reply = await under.post('/v1/messages', messages);
    expect(reply.body.toString()).toBe(text);
  });

  test('an in-band error of the provider passes, and no second one follows', async () => {
    const text = CHAT_ROLE + chatChunk({ content: 'a' }) + 'data: {"error":{"message":"x"}}\n\n';
    const under = await start((response) => {
      sse(response).write(text.slice(0, CHAT_ROLE.length));
      setTimeout(() => response.end(text.slice(CHAT_ROLE.length)), 5);
    });
    const reply = await under.chat({ stream: true });
    expect(reply.body.toString()).toBe(text);
  });
});

describe('the client leaves', () => {
  test.for([{ stream: true }, { stream: false }])(
    'C25 the provider call is cancelled (stream: $stream)',
    async ({ stream }) => {
      const under = await start((response) => {
        if (stream) sse(response).write(CHAT_ROLE + chatChunk({ content: 'a' }));
      });
      const leave = new AbortController();
      const gone = new Promise<void>((resolve) => {
        under.client.send(
          {
            method: 'POST',
            path: '/v1/chat/completions',
            headers: { authorization: `Bearer ${KEY}` },
            body: JSON.stringify({ model: 'm1', stream }),
            signal: leave.signal,
          },
          {
            onHeaders: () => {},
            onData: () => leave.abort(new Error('gone')),
            onEnd: () => resolve(),
            onError: () => resolve(),
          },
        );
      });
      await expect.poll(() => under.upstream.seen.length).toBe(1);
      if (!stream) leave.abort(new Error('gone'));
      await gone;
      expect(await under.upstream.seen[0]!.closed).toBe('cut');
      await expect.poll(() => under.gateway.metricsText()).toMatch(/outcome="cancelled"\} 1/);
      expect(under.metric('agent_gateway_inflight_requests')).toBe(0);
    },
  );
});

test('C26 a reader that does not read stops the provider instead of filling memory', async () => {
  const frame = chatChunk({ content: 'x'.repeat(16_000) });
  let written = 0;
  let isDone = false;
  const under = await start((response) => {
    sse(response).write(CHAT_ROLE);
    const pump = (): void => {
      while (!isDone && written < 200_000_000) {
        written += frame.length;
        if (!response.write(frame)) {
          response.once('drain', pump);
          return;
        }
      }
    };
    pump();
  });
  const control = under.client.send(
    {
      method: 'POST',
      path: '/v1/chat/completions',
      headers: { authorization: `Bearer ${KEY}` },
      body: JSON.stringify({ model: 'm1', stream: true }),
    },
    {
      onHeaders: () => {},
      onData: () => control.pause(),
      onEnd: () => {},
      onError: () => {},
    },
  );
  // The kernel's buffers of two sockets fill (in bursts of 4 MB), then everything stands still.
  await expectStill(() => written);
  expect(written).toBeLessThan(40_000_000);
  isDone = true;
  control.abort(new Error('done'));
  expect(await under.upstream.seen[0]!.closed).toBe('cut');
});
