import { describe, expect, test } from 'vitest';

import { NO_TOKENS } from '../../src/core/tokens.ts';
import type { TokenRecord } from '../../src/core/tokens.ts';
import { promptTokens } from '../../src/http/dialect-prompt.ts';
import { dialectOfPath, estimateInputTokens } from '../../src/http/dialects.ts';
import {
  ChatStreamWriter,
  chatUsage,
  tokensOfChatUsage,
} from '../../src/http/openai-chat-reply.ts';
import { readChatRequest } from '../../src/http/openai-chat.ts';
import { SseParser } from '../../src/http/sse.ts';

const head = { id: 'chatcmpl-1', model: 'm', createdS: 1 };
const usage: TokenRecord = { ...NO_TOKENS, uncached: 8, cacheRead: 2, output: 3, reasoning: 1 };

/** Frames as [delta, finish_reason, has usage], `[DONE]` as itself. */
function frames(text: string): unknown[] {
  const parser = new SseParser();
  return parser.push(new TextEncoder().encode(text)).map(({ data, event }) => {
    expect(event).toBe(''); // chat streams have no event lines
    if (data === '[DONE]') return data;
    const chunk = JSON.parse(data) as {
      choices: { delta: unknown; finish_reason: unknown }[];
      usage?: unknown;
      object: string;
    };
    expect(chunk).toMatchObject({
      id: 'chatcmpl-1',
      object: 'chat.completion.chunk',
      created: 1,
      model: 'm',
    });
    const [choice] = chunk.choices;
    return choice === undefined
      ? ['usage', chunk.usage]
      : [choice.delta, choice.finish_reason, chunk.usage];
  });
}

describe('the order of a stream', () => {
  test('text with usage: role, content, finish, usage, [DONE]; usage null before', () => {
    const writer = new ChatStreamWriter(head, { includeUsage: true });
    const text =
      writer.open() +
      writer.text('Hi') +
      writer.text('!') +
      writer.close({ finish: ['stop'], usage });
    expect(frames(text)).toEqual([
      [{ role: 'assistant', content: '', refusal: null }, null, null],
      [{ content: 'Hi' }, null, null],
      [{ content: '!' }, null, null],
      [{}, 'stop', null],
      ['usage', chatUsage(usage)],
      '[DONE]',
    ]);
  });

  test('without include_usage no chunk has the field', () => {
    const writer = new ChatStreamWriter(head);
    const text = writer.open() + writer.text('Hi') + writer.close({ finish: ['length'], usage });
    expect(text).not.toContain('usage');
    expect(frames(text).at(-2)).toEqual([{}, 'length', undefined]);
  });

  test('tools only: the role comes with the first call; ids and names once, indices count', () => {
    const writer = new ChatStreamWriter(head, { opensWith: 'tool' });
    const text =
      writer.open() +
      writer.toolCall({ id: 'call_1', name: 'f' }) +
      writer.toolArguments('{"a"') +
      writer.toolArguments(':1}') +
      writer.toolCall({ id: 'call_2', name: 'g' }) +
      writer.toolArguments('{}') +
      writer.close({ finish: ['tool_calls'], usage });
    expect(frames(text)).toEqual([
      [
        {
          role: 'assistant',
          content: null,
          tool_calls: [
            { index: 0, id: 'call_1', type: 'function', function: { name: 'f', arguments: '' } },
          ],
        },
        null,
        undefined,
      ],
      [{ tool_calls: [{ index: 0, function: { arguments: '{"a"' } }] }, null, undefined],
      [{ tool_calls: [{ index: 0, function: { arguments: ':1}' } }] }, null, undefined],
      [
        {
          tool_calls: [
            { index: 1, id: 'call_2', type: 'function', function: { name: 'g', arguments: '' } },
          ],
        },
        null,
        undefined,
      ],
      [{ tool_calls: [{ index: 1, function: { arguments: '{}' } }] }, null, undefined],
      [{}, 'tool_calls', undefined],
      '[DONE]',
    ]);
  });

  test('obfuscation pads chunks to one length when it is on', () => {
    const writer = new ChatStreamWriter(head, { obfuscate: true });
    writer.open();
    expect(writer.text('a').length).toBe(writer.text('abcdefgh').length);
  });

  test('an error frame has no [DONE] after it', () => {
    expect(new ChatStreamWriter(head).error({ status: 500, message: 'boom' })).toBe(
      'data: {"error":{"message":"boom","type":"server_error","param":null,"code":null}}\n\n',
    );
  });
});

test('usage includes cached tokens one way and takes them apart the other', () => {
  expect(chatUsage(usage)).toMatchObject({
    prompt_tokens: 10,
    completion_tokens: 3,
    total_tokens: 13,
    prompt_tokens_details: { cached_tokens: 2 },
    completion_tokens_details: { reasoning_tokens: 1 },
  });
  expect(tokensOfChatUsage(chatUsage(usage))).toEqual(usage);
  expect(tokensOfChatUsage({ prompt_tokens: 10, completion_tokens: 3 })).toEqual({
    ...NO_TOKENS,
    uncached: 10,
    output: 3,
  });
  for (const wrong of [
    undefined,
    null,
    {},
    'x',
    { prompt_tokens: -1 },
    { prompt_tokens: Number.NaN },
  ]) {
    expect(tokensOfChatUsage(wrong)).toBeUndefined();
  }
});

describe('reading requests', () => {
  const messages = [{ role: 'user', content: 'hi' }];

  test.for([
    { why: 'no object', body: null, param: undefined },
    { why: 'no model', body: { messages }, param: undefined },
    { why: 'no messages', body: { model: 'm' }, param: 'messages' },
    { why: 'empty messages', body: { model: 'm', messages: [] }, param: 'messages' },
    { why: 'messages is text', body: { model: 'm', messages: 'hi' }, param: 'messages' },
    {
      why: 'unknown role',
      body: { model: 'm', messages: [{ role: 'robot', content: '' }] },
      param: 'messages[0].role',
    },
    {
      why: 'a tool result without id',
      body: { model: 'm', messages: [{ role: 'tool', content: '' }] },
      param: 'messages[0].tool_call_id',
    },
    { why: 'max_tokens 0', body: { model: 'm', messages, max_tokens: 0 }, param: 'max_tokens' },
    {
      why: 'max_tokens text',
      body: { model: 'm', messages, max_tokens: '5' },
      param: 'max_tokens',
    },
    { why: 'stream text', body: { model: 'm', messages, stream: 'yes' }, param: 'stream' },
    {
      why: 'a forced tool that is not there',
      body: { model: 'm', messages, tool_choice: { type: 'function', function: { name: 'f' } } },
      param: 'tool_choice',
    },
    {
      why: 'required without tools',
      body: { model: 'm', messages, tool_choice: 'required' },
      param: 'tool_choice',
    },
  ])('refused with 400: $why', ({ body, param }) => {
    const read = readChatRequest(body);
    expect(read).toMatchObject({
      ok: false,
      error: { status: 400, type: 'invalid_request_error' },
    });
    expect(read).toHaveProperty('error.param', param);
  });

  test('the largest cap wins, defaults are OpenAI’s', () => {
    const read = readChatRequest({ model: 'm', messages, max_tokens: 5, max_completion_tokens: 9 });
    expect(read).toMatchObject({
      ok: true,
      request: {
        maxOutputTokens: 9,
        stream: false,
        choices: 1,
        includeUsage: false,
        obfuscate: true,
        toolChoice: { kind: 'auto' },
        parallelToolCalls: true,
        lastUserText: 'hi',
        toolRounds: 0,
      },
    });
  });

  test('tool rounds count since the last user message', () => {
    const call = {
      role: 'assistant',
      tool_calls: [{ id: 'c', function: { name: 'f', arguments: '{}' } }],
    };
    const result = { role: 'tool', tool_call_id: 'c', content: 'x' };
    const read = readChatRequest({
      model: 'm',
      messages: [...messages, call, result, ...messages, call, result, call, result],
    });
    expect(read).toHaveProperty('request.toolRounds', 2);
  });
});

describe('the estimate of input tokens: four characters a token, four tokens a message', () => {
  test.for([
    {
      why: 'one message',
      body: { messages: [{ role: 'user', content: 'x'.repeat(40) }] },
      tokens: 14,
    },
    {
      why: 'two messages',
      body: {
        messages: [
          { role: 'system', content: 'x'.repeat(40) },
          { role: 'user', content: 'x'.repeat(40) },
        ],
      },
      tokens: 28,
    },
    {
      why: 'parts count as text',
      body: {
        messages: [
          {
            role: 'user',
            content: [
              { type: 'text', text: 'x'.repeat(20) },
              { type: 'text', text: 'x'.repeat(20) },
            ],
          },
        ],
      },
      tokens: 14,
    },
    {
      why: 'an image is a constant, not its bytes',
      body: {
        messages: [
          { role: 'user', content: [{ type: 'image_url', image_url: { url: 'x'.repeat(1e6) } }] },
        ],
      },
      tokens: 769,
    },
    {
      why: 'tools count as their JSON',
      body: { tools: [{ a: 'x'.repeat(32) }], messages: [] },
      tokens: 10,
    },
    {
      why: 'tool calls count',
      body: {
        messages: [
          {
            role: 'assistant',
            content: null,
            tool_calls: [{ function: { name: 'f', arguments: 'xxxx' } }],
          },
        ],
      },
      tokens: 12,
    },
    {
      why: 'nonsense is 0, never an exception',
      body: { messages: [1, null, { role: 5, content: 7 }] },
      tokens: 4,
    },
    { why: 'no body', body: 'x', tokens: 0 },
  ])('$why: $tokens', ({ body, tokens }) => {
    expect(estimateInputTokens('openai-chat', body)).toBe(tokens);
  });

  test('the dialects agree on the same conversation', () => {
    const messages = [{ role: 'user', content: 'x'.repeat(100) }];
    const chat = estimateInputTokens('openai-chat', { messages });
    expect(estimateInputTokens('anthropic-messages', { messages })).toBe(chat);
    expect(estimateInputTokens('openai-responses', { input: messages })).toBe(chat);
    expect(estimateInputTokens('openai-responses', { input: messages[0]!.content })).toBe(chat);
    expect(promptTokens([])).toBe(0);
  });
});

test.for([
  { path: '/v1/chat/completions', dialect: 'openai-chat' },
  { path: '/v1/responses?x=1', dialect: 'openai-responses' },
  { path: '/v1/messages', dialect: 'anthropic-messages' },
  { path: '/v1/messages/count_tokens', dialect: undefined },
  { path: '/v1/models', dialect: undefined },
])('$path is $dialect', ({ path, dialect }) => {
  expect(dialectOfPath(path)).toBe(dialect);
});
