import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import type { TokenRecord } from '../../src/core/tokens.ts';
import type { Dialect, ReplyChoice, StreamWriter } from '../../src/http/dialect.ts';
import { dialects } from '../../src/http/dialects.ts';
import { createStreamReader, readReply, replyOutcome } from '../../src/http/read-stream.ts';
import type { StreamReader } from '../../src/http/read-stream.ts';
import { SseParser } from '../../src/http/sse.ts';

/** What the writers write, the readers read; what providers do beyond that is spelled out as text. */
const usage: TokenRecord = {
  uncached: 100,
  cacheRead: 256,
  cacheWrite5m: 64,
  cacheWrite1h: 0,
  output: 30,
  reasoning: 10,
};
const head = { id: 'x_1', model: 'm', createdS: 1_700_000_000 };
const names = Object.keys(dialects) as Dialect[];

function read(dialect: Dialect, text: string, keepText = true): StreamReader {
  const reader = createStreamReader(dialect, { keepText });
  const parser = new SseParser();
  const bytes = new TextEncoder().encode(text);
  for (const event of [...parser.push(bytes), ...parser.end()]) reader.push(event);
  return reader;
}

function write(writer: StreamWriter, choice: ReplyChoice, tokens = usage): string {
  let text = writer.open(tokens);
  if (choice.reasoning !== undefined) text += writer.reasoning(choice.reasoning);
  for (const word of choice.text.match(/.{1,5}/gsu) ?? []) text += writer.text(word);
  for (const call of choice.toolCalls) {
    text += writer.toolCall(call);
    for (const part of call.arguments.match(/.{1,7}/gsu) ?? []) text += writer.toolArguments(part);
  }
  return text + writer.close({ finish: [choice.finish], usage: tokens });
}

const choices: readonly (ReplyChoice & { readonly why: string })[] = [
  { why: 'plain text', text: 'Hello wörld 🙂 "quoted"\n', toolCalls: [], finish: 'stop' },
  { why: 'cut at the cap', text: 'Hello', toolCalls: [], finish: 'length' },
  { why: 'reasoning first', reasoning: 'hm', text: 'Yes', toolCalls: [], finish: 'stop' },
  {
    why: 'text, then two parallel calls',
    text: 'Let me look.',
    toolCalls: [
      { id: 'call_1', name: 'search', arguments: '{"q":"ä\\"b","n":3}' },
      { id: 'call_2', name: 'fetch', arguments: '{}' },
    ],
    finish: 'tool_calls',
  },
  {
    why: 'calls only',
    text: '',
    toolCalls: [{ id: 'call_1', name: 'search', arguments: '{"q":"x"}' }],
    finish: 'tool_calls',
  },
];

describe.each(names)('%s', (dialect) => {
  test.for(choices)('a stream reads back: $why', (choice) => {
    const { streamWriter } = dialects[dialect];
    const options = {
      includeUsage: true,
      opensWith: choice.text === '' ? 'tool' : 'text',
    } as const;
    const { state } = read(dialect, write(streamWriter(head, options), choice));
    expect(replyOutcome(state)).toBe('complete');
    expect(state).toMatchObject({
      opened: true,
      model: 'm',
      text: choice.text,
      textLength: choice.text.length,
      reasoningLength: choice.reasoning?.length ?? 0,
      finish: choice.finish,
      usage,
      unknownFrames: 0,
      malformedFrames: 0,
    });
    expect(state.toolCalls).toEqual(choice.toolCalls);
  });

  test.for(choices)('a whole reply reads back: $why', (choice) => {
    const { reply } = dialects[dialect];
    const body = JSON.stringify(reply({ ...head, choices: [choice], usage }));
    const state = readReply(dialect, body, { keepText: true });
    expect(replyOutcome(state)).toBe('complete');
    expect(state).toMatchObject({ text: choice.text, finish: choice.finish, usage });
    expect(state.toolCalls).toEqual(choice.toolCalls);
  });

  test('every prefix of the events that lacks the terminal is truncated, and no read throws', () => {
    const choice = choices[3]!;
    const text = write(dialects[dialect].streamWriter(head, { includeUsage: true }), choice);
    const events = text.split('\n\n').slice(0, -1);
    for (let count = 0; count < events.length; count += 1) {
      const { state } = read(
        dialect,
        events
          .slice(0, count)
          .map((e) => `${e}\n\n`)
          .join(''),
      );
      expect(replyOutcome(state)).toBe('truncated');
    }
  });

  test('an in-band error wins over whatever came before', () => {
    const writer = dialects[dialect].streamWriter(head);
    const text =
      writer.open(usage) +
      writer.text('par') +
      writer.error({ status: 429, message: 'slow down', code: 'rate_limit_exceeded' });
    const { state } = read(dialect, text);
    expect(replyOutcome(state)).toBe('in-band-error');
    expect(state.error).toMatchObject({
      message: 'slow down',
      code: 'rate_limit_exceeded',
      status: 429,
    });
    expect(state.text).toBe('par');
  });

  test('a frame that is no JSON is counted, the rest is read', () => {
    const writer = dialects[dialect].streamWriter(head);
    const { state } = read(dialect, `${writer.open(usage)}data: {"broken\n\n${writer.text('on')}`);
    expect(state.malformedFrames).toBe(1);
    expect(state.text).toBe('on');
    expect(replyOutcome(state)).toBe('malformed');
  });

  test('an error body of a 200 is an in-band error; HTML is malformed', () => {
    const { errorBody } = dialects[dialect];
    const body = JSON.stringify(errorBody({ status: 500, message: 'boom' }, 'req_1'));
    expect(replyOutcome(readReply(dialect, body))).toBe('in-band-error');
    expect(replyOutcome(readReply(dialect, '<html>'))).toBe('malformed');
    expect(replyOutcome(readReply(dialect, 'null'))).toBe('malformed');
    expect(replyOutcome(readReply(dialect, '{}'))).toBe('malformed');
  });

  test('text is dropped unless asked for', () => {
    const text = write(dialects[dialect].streamWriter(head), choices[0]!);
    const { state } = read(dialect, text, false);
    expect(state.text).toBe('');
    expect(state.textLength).toBe(choices[0]!.text.length);
  });

  test('no JSON value in a frame makes the reader throw', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom('', 'message_delta', 'error'), anyFrame)),
        (frames) => {
          const reader = createStreamReader(dialect);
          for (const [event, data] of frames) reader.push({ event, data: JSON.stringify(data) });
          expect(reader.state.frames).toBe(frames.length);
        },
      ),
    );
  });
});

/** JSON with the words of the dialects at random places. */
const anyFrame = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom<unknown>(null, 0, -1, 'x', true, 'message_start', 'response.completed'),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(
      fc.constantFrom(
        'type',
        'choices',
        'delta',
        'message',
        'usage',
        'error',
        'index',
        'content',
        'tool_calls',
        'response',
        'item',
        'content_block',
        'function',
        'output',
        'status',
      ),
      tie('value'),
      { maxKeys: 5 },
    ),
  ),
})).value;

describe('progress: what counts as the first token', () => {
  function progress(dialect: Dialect, ...data: unknown[]): string[] {
    const reader = createStreamReader(dialect);
    return data.map((item) => reader.push({ event: '', data: JSON.stringify(item) }));
  }
  function chunk(delta: unknown, finish: string | null = null): unknown {
    return {
      object: 'chat.completion.chunk',
      choices: [{ index: 0, delta, finish_reason: finish }],
    };
  }

  test('chat: the role chunk and empty deltas are no tokens', () => {
    expect(
      progress(
        'openai-chat',
        chunk({ role: 'assistant', content: '' }),
        chunk({}),
        chunk({ reasoning_content: 'hm' }),
        chunk({ content: 'a' }),
        chunk({ tool_calls: [{ index: 0, id: 'c', function: { name: 'f', arguments: '' } }] }),
        chunk({}, 'stop'),
        { choices: [], usage: { prompt_tokens: 1, completion_tokens: 2 } },
      ),
    ).toEqual(['meta', 'meta', 'reasoning', 'text', 'tool', 'meta', 'meta']);
  });

  test('messages: block starts, pings, signatures and empty fragments are no tokens', () => {
    expect(
      progress(
        'anthropic-messages',
        { type: 'message_start', message: { usage: { input_tokens: 3 } } },
        { type: 'ping' },
        {
          type: 'content_block_start',
          index: 0,
          content_block: { type: 'tool_use', id: 't', name: 'f' },
        },
        {
          type: 'content_block_delta',
          index: 0,
          delta: { type: 'input_json_delta', partial_json: '' },
        },
        {
          type: 'content_block_delta',
          index: 0,
          delta: { type: 'input_json_delta', partial_json: '{' },
        },
        {
          type: 'content_block_delta',
          index: 1,
          delta: { type: 'signature_delta', signature: 's' },
        },
        { type: 'content_block_delta', index: 1, delta: { type: 'thinking_delta', thinking: 's' } },
        { type: 'unheard_of' },
      ),
    ).toEqual(['meta', 'meta', 'meta', 'meta', 'tool', 'meta', 'reasoning', 'meta']);
  });
});

test('chat: [DONE] before every choice has finished is no terminal', () => {
  const writer = dialects['openai-chat'].streamWriter(head, { choices: 2 });
  const open = writer.open(usage) + writer.text('a', 0) + writer.text('b', 1);
  expect(replyOutcome(read('openai-chat', `${open}data: [DONE]\n\n`).state)).toBe('truncated');
  const whole = open + writer.close({ finish: ['stop', 'length'], usage });
  expect(replyOutcome(read('openai-chat', whole).state)).toBe('complete');
});

test('responses: a failed response is an in-band error with its code', () => {
  const failed = {
    response: { status: 'failed', error: { code: 'rate_limit_exceeded', message: 'no' } },
  };
  const { state } = read(
    'openai-responses',
    `event: response.failed\ndata: ${JSON.stringify({ type: 'response.failed', ...failed })}\n\n`,
  );
  expect(state.error).toMatchObject({ status: 429, code: 'rate_limit_exceeded' });
});

test('messages: usage of message_start and message_delta join; nulls keep what is known', () => {
  const { state } = read(
    'anthropic-messages',
    `event: message_start
data: {"type":"message_start","message":{"id":"msg_1","usage":{"input_tokens":5,"cache_creation_input_tokens":300,"cache_read_input_tokens":7,"cache_creation":{"ephemeral_5m_input_tokens":100,"ephemeral_1h_input_tokens":200},"output_tokens":1}}}

event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":42,"input_tokens":null,"output_tokens_details":{"thinking_tokens":12}}}

event: message_stop
data: {"type":"message_stop"}
`,
  );
  expect(state.usage).toEqual({
    uncached: 5,
    cacheRead: 7,
    cacheWrite5m: 100,
    cacheWrite1h: 200,
    output: 42,
    reasoning: 12,
  });
  expect(state.unterminated).toBe(true); // no blank line after the last event
  expect(replyOutcome(state)).toBe('complete');
});
