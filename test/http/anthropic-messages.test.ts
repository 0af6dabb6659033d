import { describe, expect, test } from 'vitest';

import { anthropicErrorBody, anthropicErrorStatus } from '../../src/http/anthropic-error.ts';
import {
  MessagesStreamWriter,
  messagesUsage,
  tokensOfMessagesUsage,
} from '../../src/http/anthropic-messages-reply.ts';
import { messagesPrompt, readMessagesRequest } from '../../src/http/anthropic-messages.ts';
import { anthropicRateLimitHeaders } from '../../src/http/anthropic-rate-limit.ts';
import { SseParser } from '../../src/http/sse.ts';

const head = { id: 'msg_1', model: 'm', createdS: 1 };
const usage = {
  uncached: 5,
  cacheRead: 7,
  cacheWrite5m: 11,
  cacheWrite1h: 13,
  output: 30,
  reasoning: 10,
};

/** Every frame has its event line; returned as short text. */
function frames(text: string): string[] {
  const parser = new SseParser();
  return parser.push(new TextEncoder().encode(text)).map(({ event, data }) => {
    const { type, ...fields } = JSON.parse(data) as { type: string };
    expect(event).toBe(type);
    return `${type} ${JSON.stringify(fields)}`;
  });
}

describe('the order of a stream', () => {
  test('thinking, text, tool call: blocks open and close one after another', () => {
    const writer = new MessagesStreamWriter(head);
    const all = frames(
      writer.open(usage) +
        writer.reasoning('hm') +
        writer.text('Hi') +
        writer.text('!') +
        writer.toolCall({ id: 'toolu_1', name: 'f' }) +
        writer.toolArguments('{"a":') +
        writer.toolArguments('1}') +
        writer.close({ finish: ['tool_calls'], usage }),
    );
    expect(all.slice(1)).toMatchInlineSnapshot(`
      [
        "ping {}",
        "content_block_start {"index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}",
        "content_block_delta {"index":0,"delta":{"type":"thinking_delta","thinking":"hm"}}",
        "content_block_delta {"index":0,"delta":{"type":"signature_delta","signature":"YWdlbnQtaW5mcmEgc2ltdWxhdGVkIHNpZ25hdHVyZQ=="}}",
        "content_block_stop {"index":0}",
        "content_block_start {"index":1,"content_block":{"type":"text","text":"","citations":null}}",
        "content_block_delta {"index":1,"delta":{"type":"text_delta","text":"Hi"}}",
        "content_block_delta {"index":1,"delta":{"type":"text_delta","text":"!"}}",
        "content_block_stop {"index":1}",
        "content_block_start {"index":2,"content_block":{"type":"tool_use","id":"toolu_1","name":"f","input":{},"caller":{"type":"direct"}}}",
        "content_block_delta {"index":2,"delta":{"type":"input_json_delta","partial_json":"{\\"a\\":"}}",
        "content_block_delta {"index":2,"delta":{"type":"input_json_delta","partial_json":"1}"}}",
        "content_block_stop {"index":2}",
        "message_delta {"delta":{"stop_reason":"tool_use","stop_sequence":null,"stop_details":null,"container":null},"usage":{"input_tokens":5,"cache_creation_input_tokens":24,"cache_read_input_tokens":7,"output_tokens":30,"output_tokens_details":{"thinking_tokens":10},"server_tool_use":null}}",
        "message_stop {}",
      ]
    `);
    const start = JSON.parse(all[0]!.replace('message_start ', '')) as {
      message: Record<string, unknown>;
    };
    expect(start.message).toMatchObject({
      id: 'msg_1',
      content: [],
      stop_reason: null,
      usage: { input_tokens: 5, output_tokens: 1 },
    });
  });

  test('the error frame', () => {
    expect(new MessagesStreamWriter(head).error({ status: 529, message: 'Overloaded' })).toBe(
      'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n',
    );
  });
});

test('usage excludes cached tokens; both ways and the two write classes', () => {
  expect(messagesUsage(usage)).toMatchObject({
    input_tokens: 5,
    cache_read_input_tokens: 7,
    cache_creation_input_tokens: 24,
    cache_creation: { ephemeral_5m_input_tokens: 11, ephemeral_1h_input_tokens: 13 },
    output_tokens: 30,
  });
  expect(tokensOfMessagesUsage(messagesUsage(usage))).toEqual(usage);
  // Older replies have the sum only: 5 minutes was the only class.
  expect(
    tokensOfMessagesUsage({ input_tokens: 1, cache_creation_input_tokens: 9, output_tokens: 2 }),
  ).toMatchObject({ cacheWrite5m: 9, cacheWrite1h: 0 });
  for (const wrong of [undefined, null, {}, 'x', { output_tokens: 3 }]) {
    expect(tokensOfMessagesUsage(wrong)).toBeUndefined();
  }
});

test.for([
  [400, 'invalid_request_error'],
  [401, 'authentication_error'],
  [402, 'billing_error'],
  [403, 'permission_error'],
  [404, 'not_found_error'],
  [409, 'conflict_error'],
  [429, 'rate_limit_error'],
  [500, 'api_error'],
  [502, 'api_error'],
  [504, 'timeout_error'],
  [529, 'overloaded_error'],
] as const)('%i is %s', ([status, type]) => {
  expect(anthropicErrorBody({ status, message: 'x', code: 'c' }, 'req_1')).toEqual({
    type: 'error',
    error: { type, message: 'x', details: { error_code: 'c' } },
    request_id: 'req_1',
  });
  expect(anthropicErrorStatus(type)).toBe(status === 502 ? 500 : status);
});

describe('reading requests', () => {
  const base = { model: 'm', max_tokens: 10, messages: [{ role: 'user', content: 'hi' }] };

  test.for([
    { why: 'no object', body: 'x', says: 'not valid JSON' },
    { why: 'no model', body: { ...base, model: undefined }, says: 'model' },
    {
      why: 'no max_tokens',
      body: { ...base, max_tokens: undefined },
      says: 'max_tokens: Field required',
    },
    { why: 'max_tokens 0', body: { ...base, max_tokens: 0 }, says: 'max_tokens' },
    {
      why: 'no messages',
      body: { ...base, messages: undefined },
      says: 'messages: Field required',
    },
    { why: 'empty messages', body: { ...base, messages: [] }, says: 'at least one message' },
    {
      why: 'role tool',
      body: { ...base, messages: [{ role: 'tool', content: '' }] },
      says: 'messages.0.role',
    },
    {
      why: 'no content',
      body: { ...base, messages: [{ role: 'user' }] },
      says: 'messages.0.content',
    },
    {
      why: 'any without tools',
      body: { ...base, tool_choice: { type: 'any' } },
      says: 'tool_choice',
    },
    {
      why: 'a named tool that is not there',
      body: { ...base, tool_choice: { type: 'tool', name: 'f' } },
      says: "'f' not found",
    },
  ])('refused with 400: $why', ({ body, says }) => {
    const read = readMessagesRequest(body);
    expect(read).toMatchObject({
      ok: false,
      error: { status: 400, type: 'invalid_request_error', message: expect.stringContaining(says) },
    });
  });

  test.for([
    { why: 'temperature', body: { ...base, temperature: 1 } },
    { why: 'top_p', body: { ...base, top_p: 1 } },
    { why: 'top_k', body: { ...base, top_k: 1 } },
    {
      why: 'a document from the assistant',
      body: { ...base, messages: [{ role: 'assistant', content: [{ type: 'document' }] }] },
    },
    {
      why: 'citations from the user',
      body: {
        ...base,
        messages: [{ role: 'user', content: [{ type: 'text', text: 'x', citations: [] }] }],
      },
    },
  ])('2026-10-21 refuses $why, 2023-06-01 takes it', ({ body }) => {
    expect(readMessagesRequest(body, { version: '2026-10-21' }).ok).toBe(false);
    expect(readMessagesRequest(body, { version: '2023-06-01' }).ok).toBe(true);
  });

  test('tool results continue the turn', () => {
    const use = {
      role: 'assistant',
      content: [{ type: 'tool_use', id: 't', name: 'f', input: {} }],
    };
    const result = {
      role: 'user',
      content: [{ type: 'tool_result', tool_use_id: 't', content: 'x' }],
    };
    const read = readMessagesRequest({
      ...base,
      messages: [...base.messages, use, result, use, result],
    });
    expect(read).toMatchObject({ request: { lastUserText: 'hi', toolRounds: 2 } });
  });

  test('breakpoints stand where cache_control stands; the top level marks the last part', () => {
    const mark = { cache_control: { type: 'ephemeral', ttl: '1h' } };
    const body = {
      tools: [{ name: 'f', ...mark }],
      system: [{ type: 'text', text: 'be kind', cache_control: { type: 'ephemeral' } }],
      messages: [
        { role: 'user', content: [{ type: 'tool_result', content: 'x', ...mark }] },
        { role: 'user', content: 'hi' },
      ],
    };
    expect(messagesPrompt(body).map(({ breakpoint }) => breakpoint)).toEqual([
      '1h',
      undefined,
      '5m',
      undefined,
      undefined,
      '1h',
      undefined,
      undefined,
    ]);
    expect(messagesPrompt({ ...body, ...mark }).at(-1)?.breakpoint).toBe('1h');
    // The mark itself is not part of the prefix.
    expect(messagesPrompt({ tools: [{ name: 'f', ...mark }] })[0]?.text).toBe('{"name":"f"}');
  });
});

test('rate-limit headers: whole seconds rounded up, tokens in thousands, the tightest as tokens', () => {
  const epoch = Date.UTC(2026, 0, 1);
  expect(
    anthropicRateLimitHeaders(
      [
        { name: 'requests', limit: 50, remaining: 49.7, resetMs: 1200 },
        { name: 'input-tokens', limit: 80_000, remaining: 79_600, resetMs: 300 },
        { name: 'output-tokens', limit: 16_000, remaining: -20, resetMs: 60_075 },
      ],
      epoch,
    ),
  ).toEqual({
    'anthropic-ratelimit-requests-limit': '50',
    'anthropic-ratelimit-requests-remaining': '49',
    'anthropic-ratelimit-requests-reset': '2026-01-01T00:00:02Z',
    'anthropic-ratelimit-input-tokens-limit': '80000',
    'anthropic-ratelimit-input-tokens-remaining': '80000',
    'anthropic-ratelimit-input-tokens-reset': '2026-01-01T00:00:01Z',
    'anthropic-ratelimit-output-tokens-limit': '16000',
    'anthropic-ratelimit-output-tokens-remaining': '0',
    'anthropic-ratelimit-output-tokens-reset': '2026-01-01T00:01:01Z',
    'anthropic-ratelimit-tokens-limit': '16000',
    'anthropic-ratelimit-tokens-remaining': '0',
    'anthropic-ratelimit-tokens-reset': '2026-01-01T00:01:01Z',
  });
});
