import { describe, expect, test } from 'vitest';

import { NO_TOKENS } from '../../src/core/tokens.ts';
import { ResponsesStreamWriter, responsesUsage } from '../../src/http/openai-responses-reply.ts';
import { readResponsesRequest } from '../../src/http/openai-responses.ts';
import { SseParser } from '../../src/http/sse.ts';

const head = { id: 'resp_1', model: 'm', createdS: 1 };
const usage = { ...NO_TOKENS, uncached: 10, output: 3 };

interface Frame {
  readonly type: string;
  readonly sequence_number: number;
  readonly [field: string]: unknown;
}

/** Every event has its name twice and the next sequence number. */
function frames(text: string): Frame[] {
  const parser = new SseParser();
  return parser.push(new TextEncoder().encode(text)).map(({ event, data }, index) => {
    const frame = JSON.parse(data) as Frame;
    expect(frame.type).toBe(event);
    expect(frame.sequence_number).toBe(index);
    return frame;
  });
}

describe('the order of a stream', () => {
  test('reasoning summary, text, two calls', () => {
    const writer = new ResponsesStreamWriter(head);
    const all = frames(
      writer.open() +
        writer.reasoning('hm') +
        writer.text('Hi') +
        writer.text('!') +
        writer.toolCall({ id: 'call_1', name: 'f' }) +
        writer.toolArguments('{}') +
        writer.toolCall({ id: 'call_2', name: 'g' }) +
        writer.toolArguments('{"a":') +
        writer.toolArguments('1}') +
        writer.close({ finish: ['tool_calls'], usage }),
    );
    expect(
      all.map(({ type, output_index: index }) =>
        index === undefined ? type : `${type} ${index as number}`,
      ),
    ).toMatchInlineSnapshot(`
      [
        "response.created",
        "response.in_progress",
        "response.output_item.added 0",
        "response.reasoning_summary_part.added 0",
        "response.reasoning_summary_text.delta 0",
        "response.reasoning_summary_text.done 0",
        "response.reasoning_summary_part.done 0",
        "response.output_item.done 0",
        "response.output_item.added 1",
        "response.content_part.added 1",
        "response.output_text.delta 1",
        "response.output_text.delta 1",
        "response.output_text.done 1",
        "response.content_part.done 1",
        "response.output_item.done 1",
        "response.output_item.added 2",
        "response.function_call_arguments.delta 2",
        "response.function_call_arguments.done 2",
        "response.output_item.done 2",
        "response.output_item.added 3",
        "response.function_call_arguments.delta 3",
        "response.function_call_arguments.delta 3",
        "response.function_call_arguments.done 3",
        "response.output_item.done 3",
        "response.completed",
      ]
    `);
    const done = all.at(-1) as unknown as { response: Record<string, unknown> };
    expect(done.response).toMatchObject({
      status: 'completed',
      usage: responsesUsage(usage),
      output: [
        { type: 'reasoning', id: 'rs_1', summary: [{ type: 'summary_text', text: 'hm' }] },
        { type: 'message', id: 'msg_11', content: [{ type: 'output_text', text: 'Hi!' }] },
        { type: 'function_call', id: 'fc_1', call_id: 'call_1', name: 'f', arguments: '{}' },
        { type: 'function_call', id: 'fc_2', call_id: 'call_2', name: 'g', arguments: '{"a":1}' },
      ],
    });
  });

  test('the cap ends with response.incomplete and its reason', () => {
    const writer = new ResponsesStreamWriter(head);
    const last = frames(
      writer.open() + writer.text('a') + writer.close({ finish: ['length'], usage }),
    ).at(-1);
    expect(last).toMatchObject({
      type: 'response.incomplete',
      response: { status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } },
    });
  });

  test('the error event carries the nested object that makes openai 6.x throw', () => {
    const [frame] = frames(
      new ResponsesStreamWriter(head).error({
        status: 429,
        message: 'slow',
        code: 'rate_limit_exceeded',
      }),
    );
    expect(frame).toMatchObject({
      type: 'error',
      code: 'rate_limit_exceeded',
      message: 'slow',
      param: null,
      error: { message: 'slow', code: 'rate_limit_exceeded' },
    });
  });
});

describe('reading requests', () => {
  test.for([
    { why: 'no object', body: 3, param: undefined },
    { why: 'no model', body: { input: 'x' }, param: 'model' },
    { why: 'no input', body: { model: 'm' }, param: 'input' },
    { why: 'input is a number', body: { model: 'm', input: 3 }, param: 'input' },
    {
      why: 'cap 0',
      body: { model: 'm', input: 'x', max_output_tokens: 0 },
      param: 'max_output_tokens',
    },
  ])('refused with 400: $why', ({ body, param }) => {
    const read = readResponsesRequest(body);
    expect(read).toMatchObject({ ok: false, error: { status: 400 } });
    expect(read).toHaveProperty('error.param', param);
  });

  test('items: last user text and rounds of parallel calls', () => {
    const read = readResponsesRequest({
      model: 'm',
      max_output_tokens: 7,
      reasoning: { effort: 'low', summary: 'auto' },
      input: [
        { role: 'user', content: [{ type: 'input_text', text: 'go' }] },
        { type: 'function_call', call_id: 'a', name: 'f', arguments: '{}' },
        { type: 'function_call', call_id: 'b', name: 'f', arguments: '{}' },
        { type: 'function_call_output', call_id: 'a', output: 'x' },
        { type: 'function_call_output', call_id: 'b', output: 'y' },
        { type: 'function_call', call_id: 'c', name: 'f', arguments: '{}' },
        { type: 'function_call_output', call_id: 'c', output: 'z' },
      ],
    });
    expect(read).toMatchObject({
      ok: true,
      request: {
        lastUserText: 'go',
        toolRounds: 2,
        maxOutputTokens: 7,
        reasoning: { effort: 'low', visible: true },
      },
    });
  });
});
