import { expect, test } from 'vitest';

import type { CallDetails, LlmCall } from '../../src/core/trace.ts';
import { allCalls, collectText, stepsOf, type Collected } from './collected.ts';

const lines = (...records: readonly object[]): string =>
  records.map((record) => `${JSON.stringify(record)}\n`).join('');

async function detailsOf(text: string): Promise<readonly (CallDetails | undefined)[]> {
  return allCalls(await collectText(text)).map(({ details }: LlmCall) => details);
}

test('LiteLLM: the deployment that answered, and who asked', async () => {
  const row = (id: string, fields: object): object => ({
    request_id: id,
    call_type: 'acompletion',
    startTime: '2026-01-01T00:00:00.000Z',
    endTime: '2026-01-01T00:00:01.000Z',
    prompt_tokens: 10,
    completion_tokens: 1,
    model: 'm',
    ...fields,
  });
  expect(
    await detailsOf(
      lines(
        row('a', { model_id: 'dep-1', api_key: 'key', end_user: '' }),
        row('b', { model_id: 'dep-2', api_key: 'key', end_user: 'someone' }),
        row('c', {}),
      ),
    ),
  ).toEqual([
    { client: 'key', route: 'dep-1' },
    { client: 'someone', route: 'dep-2' },
    { client: undefined, route: undefined },
  ]);
});

const spans = (...list: readonly { name: string; attributes: object }[]): string =>
  JSON.stringify({
    trace_id: 't1',
    spans: list.map(({ name, attributes }, index) => ({
      span_id: `s${index}`,
      parent_span_id: null,
      name,
      start_time: `2026-03-17T08:00:0${index}.000000`,
      end_time: `2026-03-17T08:00:0${index}.900000`,
      attributes,
    })),
  });

test('vLLM spans: the queue and the first token; the user message and what stands before it', async () => {
  const messages = (text: string, tool = 'sunny'): string =>
    JSON.stringify([
      { role: 'system', parts: [{ type: 'text', content: 'be brief' }] },
      { role: 'tool', parts: [{ type: 'tool_call_response', id: '1', result: tool }] },
      { role: 'user', parts: [{ type: 'text', content: text }] },
    ]);
  const call = (attributes: object): { name: string; attributes: object } => ({
    name: 'chat m',
    attributes: { 'gen_ai.usage.input_tokens': 10, 'gen_ai.usage.output_tokens': 2, ...attributes },
  });
  const found = allCalls(
    await collectText(
      spans(
        call({
          'gen_ai.latency.time_in_queue': 0.25,
          'gen_ai.latency.time_to_first_token': 0.5,
          'gen_ai.input.messages': messages('And tomorrow?'),
        }),
        call({ 'gen_ai.input.messages': messages('and tomorrow', 'rainy') }),
        call({ 'gen_ai.input.messages': messages('And tomorrow?') }),
      ),
    ),
  );
  expect([found[0]!.details!.queueMs, found[0]!.ttftMs]).toEqual([250, 500]);
  const [first, other, same] = found.map(({ details }) => details!);
  expect(other!.ask!.text).toBe(first!.ask!.text);
  expect(other!.ask!.before).not.toBe(first!.ask!.before);
  expect(other!.promptHash).not.toBe(first!.promptHash);
  expect([same!.promptHash, same!.ask]).toEqual([first!.promptHash, first!.ask]);
});

test('a prompt that ends with a tool result asks nothing', async () => {
  const attributes = {
    'gen_ai.usage.input_tokens': 10,
    'gen_ai.input.messages': JSON.stringify([
      { role: 'user', parts: [{ type: 'tool_call_response', id: '1', result: 'ok' }] },
    ]),
  };
  const [details] = await detailsOf(spans({ name: 'chat m', attributes }));
  expect(details!.ask).toBeUndefined();
  expect(details!.promptHash).toBeGreaterThan(0);
});

test('state operations: characters and records, where the span holds them', async () => {
  const found: Collected = await collectText(
    spans(
      { name: 'chat m', attributes: { 'gen_ai.usage.input_tokens': 1 } },
      {
        name: 'search_memory',
        attributes: { 'gen_ai.operation.name': 'search_memory', 'gen_ai.memory.record.count': 3 },
      },
      {
        name: 'retrieve',
        attributes: {
          'openinference.span.kind': 'RETRIEVER',
          'retrieval.documents.0.document.content': 'four',
          'retrieval.documents.1.document.content': 'seven77',
        },
      },
    ),
  );
  const states = stepsOf(found.sessions).filter((step) => step.kind === 'state');
  expect(states.map(({ bytes, records }) => [bytes, records])).toEqual([
    [undefined, 3],
    [11, 2],
  ]);
});

test("Claude Code: the provider's own word for a miss; what the user typed, once per turn", async () => {
  const user = (at: string, content: unknown): object => ({
    type: 'user',
    sessionId: 's',
    timestamp: `2026-01-01T00:00:${at}.000Z`,
    message: { role: 'user', content },
  });
  const assistant = (at: string, id: string, reason?: string): object => ({
    type: 'assistant',
    sessionId: 's',
    requestId: id,
    timestamp: `2026-01-01T00:00:${at}.000Z`,
    message: {
      id,
      role: 'assistant',
      model: 'm',
      content: [],
      usage: { input_tokens: 1, output_tokens: 1 },
      diagnostics: reason === undefined ? null : { cache_miss_reason: { type: reason } },
    },
  });
  const details = await detailsOf(
    lines(
      user('01', 'Fix the test'),
      assistant('02', 'a'),
      assistant('03', 'b', 'tools_changed'),
      user('04', [{ type: 'text', text: 'fix the TEST!' }]),
      assistant('05', 'c', 'something_new'),
    ),
  );
  expect(details.map((one) => one?.missReason)).toEqual([undefined, 'tools', undefined]);
  expect(details.map((one) => one?.ask !== undefined)).toEqual([true, false, true]);
  expect(details[2]!.ask!.text).toBe(details[0]!.ask!.text);
  // Before the first message stands what the log does not hold.
  expect(details[0]!.ask!.before).toBeUndefined();
  expect(details[2]!.ask!.before).toBeGreaterThan(0);
});
