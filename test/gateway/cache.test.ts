import { afterEach, describe, expect, test } from 'vitest';

import { canonical } from '../../src/gateway/cache-key.ts';
import { OTHER_KEY, gatewayUnderTest } from './gateway-under-test.ts';
import type { UnderTest } from './gateway-under-test.ts';
import { CHAT_ROLE, CHAT_STREAM, chatChunk, sendChat, sse } from './scripted-upstream.ts';
import type { Script } from './scripted-upstream.ts';

let current: UnderTest | undefined;

afterEach(async () => {
  await current?.close();
  current = undefined;
});

async function start(script: Script, config: Record<string, unknown> = {}): Promise<UnderTest> {
  current = await gatewayUnderTest(script, { cache: { mode: 'deterministic' }, ...config });
  return current;
}

const asked = { temperature: 0, messages: [{ role: 'user', content: 'capital of France?' }] };
const answer: Script = (response, seen) => {
  if (JSON.parse(seen.body).stream === true) sse(response).end(CHAT_STREAM);
  else sendChat(response, 'Paris');
};

describe('a hit', () => {
  test('repeats the reply, costs no provider call and no agent tokens', async () => {
    const under = await start(answer, { limits: { tokensPerMinute: 2000 } });
    const first = await under.chat({ ...asked, max_tokens: 900 });
    expect(first.headers['x-cache']).toBe('miss');
    for (let call = 0; call < 10; call += 1) {
      // Key order, transport fields and white space do not matter.
      const reordered = {
        max_tokens: 900,
        messages: asked.messages,
        temperature: 0,
        user: `u${call}`,
      };
      const again = await under.chat(reordered);
      expect(again.headers['x-cache']).toBe('hit');
      expect(again.body.equals(first.body)).toBe(true);
      expect(again.headers['content-type']).toBe('application/json');
    }
    expect(under.upstream.seen).toHaveLength(1);
    expect(under.metric('agent_gateway_cache_lookups_total{agent="planner",result="hit"}')).toBe(
      10,
    );
  });

  test('C36 streams are stored after their terminal event and replayed as the same frames', async () => {
    const under = await start(answer);
    const first = await under.chat({ ...asked, stream: true });
    const again = await under.chat({ ...asked, stream: true });
    expect(again.headers['x-cache']).toBe('hit');
    expect(again.headers['content-type']).toBe('text/event-stream');
    expect(again.body.toString()).toBe(first.body.toString());
    const whole = await under.chat(asked);
    expect(whole.headers['x-cache']).toBe('miss');
    expect(whole.headers['content-type']).toBe('application/json');
  });

  test('embeddings are deterministic by nature; encoding_format is part of the key (C46)', async () => {
    const under = await start((response, seen) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      const format = JSON.parse(seen.body).encoding_format ?? 'float';
      response.end(
        `{"object":"list","data":["${format}"],"usage":{"prompt_tokens":3,"total_tokens":3}}`,
      );
    });
    const ask = { model: 'e1', input: 'x' };
    await under.post('/v1/embeddings', ask);
    const hit = await under.post('/v1/embeddings', ask);
    expect(hit.headers['x-cache']).toBe('hit');
    const other = await under.post('/v1/embeddings', { ...ask, encoding_format: 'base64' });
    expect(other.headers['x-cache']).toBe('miss');
    expect(other.body.toString()).toContain('base64');
  });
});

describe('never shared', () => {
  const variants: { why: string; fields?: object; headers?: Record<string, string> }[] = [
    { why: 'C30 another agent', headers: { authorization: `Bearer ${OTHER_KEY}` } },
    { why: 'another model', fields: { model: 'm2' } },
    {
      why: 'C33 same last message, other history',
      fields: { messages: [{ role: 'system', content: 'lie' }, ...asked.messages] },
    },
    { why: 'other tools', fields: { tools: [{ type: 'function', function: { name: 'f' } }] } },
    { why: 'another output cap', fields: { max_tokens: 5 } },
    {
      why: 'other usage options',
      fields: { stream: true, stream_options: { include_usage: true } },
    },
    { why: 'another beta header', headers: { 'openai-beta': 'x' } },
  ];
  test.for(variants)('$why', async ({ fields = {}, headers = {} }) => {
    const under = await start(answer);
    await under.chat(asked);
    await under.chat({ ...asked, stream: true });
    const reply = await under.chat({ ...asked, ...fields }, headers);
    expect(reply.headers['x-cache']).toBe('miss');
  });

  test('agents of one tenant share only when told to', async () => {
    const agents = [
      { id: 'a', tenant: 't', key: 'agent-key-for-tests-0001' },
      { id: 'b', tenant: 't', key: OTHER_KEY },
    ];
    const under = await start(answer, {
      agents,
      cache: { mode: 'deterministic', scope: 'tenant' },
    });
    await under.chat(asked);
    const other = await under.chat(asked, { authorization: `Bearer ${OTHER_KEY}` });
    expect(other.headers['x-cache']).toBe('hit');
  });
});

describe('bypass: what is not deterministic is not looked up', () => {
  test.for<{ why: string; fields: object; headers?: Record<string, string> }>([
    { why: 'no temperature', fields: { temperature: undefined } },
    { why: 'temperature above 0', fields: { temperature: 0.7 } },
    { why: 'several choices', fields: { n: 2 } },
    { why: 'stored at the provider', fields: { store: true } },
    { why: 'a hosted tool reads the world', fields: { tools: [{ type: 'web_search' }] } },
    { why: 'the caller says no-store', fields: {}, headers: { 'cache-control': 'no-store' } },
  ])('$why', async ({ fields, headers = {} }) => {
    const under = await start(answer);
    for (let call = 0; call < 2; call += 1) {
      const reply = await under.chat({ ...asked, ...fields }, headers);
      expect(reply.headers['x-cache']).toBe('bypass');
    }
    expect(under.upstream.seen).toHaveLength(2);
  });

  test('Responses store at the provider unless told not to', async () => {
    const under = await start(answer);
    const ask = { model: 'm1', input: 'x', temperature: 0 };
    expect((await under.post('/v1/responses', ask)).headers['x-cache']).toBe('bypass');
    expect((await under.post('/v1/responses', { ...ask, store: false })).headers['x-cache']).toBe(
      'miss',
    );
  });
});

describe('C37 never stored', () => {
  test.for<{ why: string; script: Script; stream: boolean }>([
    {
      why: 'an error status',
      stream: false,
      script: (response) => {
        response.writeHead(500, { 'content-type': 'application/json' });
        response.end('{}');
      },
    },
    {
      why: 'a truncated stream',
      stream: true,
      script: (response) => void sse(response).end(CHAT_ROLE + chatChunk({ content: 'Par' })),
    },
    {
      why: 'a stream without [DONE]',
      stream: true,
      script: (response) => void sse(response).end(CHAT_STREAM.replace('data: [DONE]\n\n', '')),
    },
    {
      why: 'an answer cut by the output cap',
      stream: true,
      script: (response) => void sse(response).end(CHAT_STREAM.replace('"stop"', '"length"')),
    },
    {
      why: 'a tool call',
      stream: true,
      script: (response) => void sse(response).end(CHAT_STREAM.replace('"stop"', '"tool_calls"')),
    },
    {
      why: 'an error body with status 200',
      stream: false,
      script: (response) => {
        response.writeHead(200, { 'content-type': 'application/json' });
        response.end('{"error":{"message":"x","type":"server_error"}}');
      },
    },
  ])('$why', async ({ script, stream }) => {
    const under = await start(script);
    for (let call = 0; call < 2; call += 1) {
      const reply = await under.chat({ ...asked, stream });
      expect(reply.headers['x-cache'] ?? 'miss').toBe('miss');
    }
    expect(under.upstream.seen).toHaveLength(2);
  });

  test('replies above the entry size', async () => {
    const under = await start(answer, { cache: { mode: 'deterministic', maxEntrySize: '100B' } });
    await under.chat(asked);
    expect((await under.chat(asked)).headers['x-cache']).toBe('miss');
  });
});

test('no-cache asks anew and refreshes the entry', async () => {
  let call = 0;
  const under = await start((response) => sendChat(response, `answer ${++call}`));
  await under.chat(asked);
  await under.chat(asked, { 'cache-control': 'no-cache' });
  expect((await under.chat(asked)).body.toString()).toContain('answer 2');
});

test('canonical JSON does not depend on key order, at any depth', () => {
  const a = { b: [{ y: 1, x: { q: null, p: 'é' } }], a: 1 };
  const b = { a: 1, b: [{ x: { p: 'é', q: null }, y: 1 }] };
  expect(canonical(a)).toBe(canonical(b));
  expect(canonical([1, 2])).not.toBe(canonical([2, 1]));
});
