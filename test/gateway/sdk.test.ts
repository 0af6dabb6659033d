import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { afterEach, describe, expect, test } from 'vitest';

import { KEY, gatewayUnderTest } from './gateway-under-test.ts';
import type { UnderTest } from './gateway-under-test.ts';
import {
  CHAT_ROLE,
  CHAT_STREAM,
  MESSAGES_END,
  MESSAGES_START,
  MESSAGES_TEXT,
  chatChunk,
  responsesEvent,
  sendChat,
  sse,
} from './scripted-upstream.ts';
import type { Script } from './scripted-upstream.ts';

/** The official SDKs, unmodified, as callers of the gateway. */
let current: UnderTest | undefined;

afterEach(async () => {
  await current?.close();
  current = undefined;
});

async function start(script: Script, config: Record<string, unknown> = {}): Promise<UnderTest> {
  current = await gatewayUnderTest(script, config);
  return current;
}

function openai(under: UnderTest, apiKey = KEY): OpenAI {
  return new OpenAI({ apiKey, baseURL: `${under.gateway.url}/v1` });
}

function anthropic(under: UnderTest): Anthropic {
  return new Anthropic({ apiKey: KEY, baseURL: under.gateway.url });
}

const messages = [{ role: 'user' as const, content: 'hi' }];

describe('flows', () => {
  test('openai chat, whole and streamed', async () => {
    const under = await start((response, seen) => {
      if (seen.body.includes('"stream":true')) sse(response).end(CHAT_STREAM);
      else sendChat(response, 'whole');
    });
    const sdk = openai(under);
    const whole = await sdk.chat.completions.create({ model: 'm1', messages });
    expect(whole.choices[0]?.message.content).toBe('whole');
    const streamed = await sdk.chat.completions
      .stream({ model: 'm1', messages, stream_options: { include_usage: true } })
      .finalChatCompletion();
    expect(streamed.choices[0]?.message.content).toBe('Hello');
    expect(streamed.usage?.total_tokens).toBe(14);
  });

  test('anthropic messages, streamed; also replayed from the cache (C47)', async () => {
    const under = await start(
      (response) => void sse(response).end(MESSAGES_START + MESSAGES_TEXT + MESSAGES_END),
      { cache: { mode: 'all' } },
    );
    for (let call = 0; call < 2; call += 1) {
      const message = await anthropic(under)
        .messages.stream({ model: 'c1', max_tokens: 9, messages })
        .finalMessage();
      expect(message.content).toMatchObject([{ type: 'text', text: 'Hello' }]);
    }
    expect(under.upstream.seen).toHaveLength(1);
  });
});

describe('truncation throws in every SDK instead of a short success', () => {
  test('openai chat, raw stream', async () => {
    const under = await start(
      (response) => void sse(response).end(CHAT_ROLE + chatChunk({ content: 'Hel' })),
    );
    const stream = await openai(under).chat.completions.create({
      model: 'm1',
      messages,
      stream: true,
    });
    await expect(async () => {
      for await (const chunk of stream) void chunk;
    }).rejects.toThrow(OpenAI.APIError);
  });

  test('openai responses, raw stream', async () => {
    const under = await start(
      (response) =>
        void sse(response).end(
          responsesEvent('response.created', 0, { response: { id: 'resp_1', model: 'm1' } }) +
            responsesEvent('response.output_text.delta', 1, { delta: 'Hel' }),
        ),
    );
    const stream = await openai(under).responses.create({ model: 'm1', input: 'x', stream: true });
    await expect(async () => {
      for await (const event of stream) void event;
    }).rejects.toThrow(OpenAI.APIError);
  });

  test('anthropic, raw stream', async () => {
    const under = await start((response) => void sse(response).end(MESSAGES_START + MESSAGES_TEXT));
    const stream = await anthropic(under).messages.create({
      model: 'c1',
      max_tokens: 9,
      messages,
      stream: true,
    });
    await expect(async () => {
      for await (const event of stream) void event;
    }).rejects.toThrow(Anthropic.APIError);
  });
});

describe('C41 attempts that SDKs make', () => {
  const denied =
    'agent_gateway_requests_total{agent="planner",route="/v1/chat/completions",model="m1",outcome="limited"}';

  test('a request that can never pass is tried once', async () => {
    const under = await start((response) => sendChat(response), {
      limits: { tokensPerMinute: 100 },
    });
    const call = openai(under).chat.completions.create({ model: 'm1', messages, max_tokens: 5000 });
    await expect(call).rejects.toThrow(OpenAI.RateLimitError);
    expect(under.metric(denied)).toBe(1);
  });

  test('a throttled one waits as told and then passes', async () => {
    const under = await start((response) => sendChat(response), {
      limits: { requestsPerMinute: 1200, burstRequests: 1 },
    });
    const sdk = openai(under);
    const calls = [1, 2].map(() => sdk.chat.completions.create({ model: 'm1', messages }));
    expect(await Promise.all(calls)).toHaveLength(2);
    expect(under.metric(denied)).toBe(1);
    expect(under.upstream.seen).toHaveLength(2);
  });

  test('a wrong agent key is tried once', async () => {
    const under = await start((response) => sendChat(response));
    const call = openai(under, 'a-wrong-key-of-some-length').chat.completions.create({
      model: 'm1',
      messages,
    });
    await expect(call).rejects.toThrow(OpenAI.AuthenticationError);
    expect(under.upstream.seen).toHaveLength(0);
  });
});
