import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type { ProviderConfigInput } from '../../src/config/provider.ts';
import { startProvider } from '../../src/provider/start-provider.ts';
import type { RunningProvider } from '../../src/provider/start-provider.ts';
import { config } from './virtual-provider.ts';

/** The official clients cannot tell the simulated provider from the real ones. */
let provider: RunningProvider;
let openai: OpenAI;
let anthropic: Anthropic;

beforeAll(async () => {
  provider = await startProvider({
    config: config(
      {
        timing: { kind: 'fixed', ttft: '5ms', itl: '1ms' },
        output: { tokens: 20 },
        tools: { parallel: 3 },
      },
      { embeddings: [{ id: 'e', dimensions: 16 }] },
    ),
    address: { host: '127.0.0.1', port: 0 },
  });
  openai = new OpenAI({ baseURL: `${provider.url}/v1`, apiKey: 'k' });
  anthropic = new Anthropic({ baseURL: provider.url, apiKey: 'k' });
});

afterAll(() => provider.close());

type FaultInput = NonNullable<ProviderConfigInput['faults']>[number];

function faults(...list: FaultInput[]): Promise<Response> {
  return fetch(`${provider.url}/admin/faults`, { method: 'PUT', body: JSON.stringify(list) });
}

const parameters = {
  type: 'object',
  properties: {
    city: { type: 'string', enum: ['Paris', 'Rome'] },
    days: { type: 'integer', minimum: 1, maximum: 7 },
  },
  required: ['city', 'days'],
  additionalProperties: false,
} as const;
const messages = [{ role: 'user', content: 'Will it rain?' }] as const;

describe('openai', () => {
  const chat = { model: 'm', messages: [...messages] };

  test('chat, whole and streamed, raw and accumulated', async () => {
    const whole = await openai.chat.completions.create(chat);
    expect(whole.choices[0]?.message.content).toHaveLength(80);
    expect(whole.usage).toMatchObject({
      completion_tokens: 20,
      prompt_tokens: 8,
      total_tokens: 28,
    });
    let text = '';
    let usage;
    const stream = await openai.chat.completions.create({
      ...chat,
      stream: true,
      stream_options: { include_usage: true },
    });
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? '';
      usage = chunk.usage ?? usage;
    }
    expect(text).toHaveLength(80);
    expect(usage?.completion_tokens).toBe(20);
    const final = await openai.chat.completions.stream(chat).finalChatCompletion();
    expect(final.choices[0]?.finish_reason).toBe('stop');
  });

  test.for([
    { why: 'free', tool_choice: 'auto' as const, content: '[[sim tools=weather]]' },
    { why: 'required', tool_choice: 'required' as const, content: 'x' },
    {
      why: 'forced by name',
      tool_choice: { type: 'function' as const, function: { name: 'weather' } },
      content: 'x',
    },
  ])(
    'tools $why: arguments satisfy the schema, streamed and whole',
    async ({ tool_choice, content }) => {
      const request = {
        model: 'm',
        messages: [{ role: 'user' as const, content }],
        tools: [{ type: 'function' as const, function: { name: 'weather', parameters } }],
        tool_choice,
      };
      const whole = await openai.chat.completions.create(request);
      const streamed = await openai.chat.completions.stream(request).finalChatCompletion();
      for (const reply of [whole, streamed]) {
        expect(reply.choices[0]?.finish_reason).toBe('tool_calls');
        const calls = reply.choices[0]!.message.tool_calls!;
        expect(calls.length).toBeGreaterThan(0);
        for (const call of calls) {
          expect(call).toMatchObject({ type: 'function', function: { name: 'weather' } });
          expectWeather(
            JSON.parse((call as { function: { arguments: string } }).function.arguments),
          );
        }
      }
    },
  );

  test('a tool loop: call, result, answer', async () => {
    const tools = [{ type: 'function' as const, function: { name: 'weather', parameters } }];
    const user = { role: 'user' as const, content: '[[sim tools=weather,weather]] rain?' };
    const first = await openai.chat.completions.create({ model: 'm', messages: [user], tools });
    const message = first.choices[0]!.message;
    expect(message.tool_calls).toHaveLength(2);
    const results = message.tool_calls!.map(({ id }) => ({
      role: 'tool' as const,
      tool_call_id: id,
      content: 'sunny',
    }));
    const second = await openai.chat.completions.create({
      model: 'm',
      messages: [user, message, ...results],
      tools,
    });
    expect(second.choices[0]).toMatchObject({
      finish_reason: 'stop',
      message: { content: expect.stringMatching(/^[a-z ]+$/) },
    });
  });

  test('responses: whole, streamed, with a tool', async () => {
    const whole = await openai.responses.create({ model: 'm', input: 'hi' });
    expect(whole.output_text).toHaveLength(80);
    const types: string[] = [];
    const stream = await openai.responses.create({ model: 'm', input: 'hi', stream: true });
    for await (const event of stream) if (types.at(-1) !== event.type) types.push(event.type);
    expect(types).toEqual([
      'response.created',
      'response.in_progress',
      'response.output_item.added',
      'response.content_part.added',
      'response.output_text.delta',
      'response.output_text.done',
      'response.content_part.done',
      'response.output_item.done',
      'response.completed',
    ]);
    const final = await openai.responses
      .stream({
        model: 'm',
        input: 'x',
        tools: [{ type: 'function', name: 'weather', parameters, strict: true }],
        tool_choice: 'required',
      })
      .finalResponse();
    const call = final.output.find(({ type }) => type === 'function_call') as { arguments: string };
    expectWeather(JSON.parse(call.arguments));
  });

  test('logprobs: an entry per token, whole and streamed alike', async () => {
    const asked = { ...chat, logprobs: true, top_logprobs: 2, max_tokens: 5 };
    const whole = await openai.chat.completions.create(asked);
    const entries = whole.choices[0]!.logprobs!.content!;
    expect(entries).toHaveLength(5);
    expect(entries.map(({ token }) => token).join('')).toBe(whole.choices[0]!.message.content);
    for (const { token, logprob, bytes, top_logprobs: top } of entries) {
      expect(logprob).toBeLessThan(0);
      expect(Buffer.from(bytes!).toString()).toBe(token);
      expect(top.map((other) => other.token)[0]).toBe(token);
      expect(top[1]!.logprob).toBeLessThan(top[0]!.logprob);
    }
    const streamed = await openai.chat.completions.stream(asked).finalChatCompletion();
    const { content } = streamed.choices[0]!.logprobs!;
    expect(content!.map(({ token }) => token).join('')).toBe(streamed.choices[0]!.message.content);
    const without = await openai.chat.completions.create(chat);
    expect(without.choices[0]!.logprobs).toBeNull();
    const alone = openai.chat.completions.create({ ...chat, top_logprobs: 2 });
    await expect(alone).rejects.toMatchObject({ status: 400, param: 'top_logprobs' });
  });

  test('allowed_tools: only those are called, in Chat and in Responses', async () => {
    const names = ['weather', 'news', 'maps'];
    for (let round = 0; round < 5; round += 1) {
      const content = `round ${round}`;
      const reply = await openai.chat.completions.create({
        model: 'm',
        messages: [{ role: 'user', content }],
        tools: names.map((name) => ({ type: 'function', function: { name, parameters } })),
        tool_choice: {
          type: 'allowed_tools',
          allowed_tools: {
            mode: 'required',
            tools: [{ type: 'function', function: { name: 'news' } }],
          },
        },
      });
      const called = reply.choices[0]!.message.tool_calls!.map((call) =>
        call.type === 'function' ? call.function.name : call.type,
      );
      expect(new Set(called)).toEqual(new Set(['news']));
      const response = await openai.responses.create({
        model: 'm',
        input: content,
        tools: names.map((name) => ({ type: 'function', name, parameters, strict: true })),
        tool_choice: {
          type: 'allowed_tools',
          mode: 'required',
          tools: [{ type: 'function', name: 'maps' }],
        },
      });
      const items = response.output.map((item) => ('name' in item ? item.name : item.type));
      expect(new Set(items)).toEqual(new Set(['maps']));
    }
  });

  test('custom tools take text, which matches their grammar', async () => {
    const pattern = String.raw`^SELECT [a-z]+ FROM [a-z]+;$`;
    const asked: OpenAI.Chat.ChatCompletionCreateParamsNonStreaming = {
      ...chat,
      tools: [
        {
          type: 'custom',
          custom: {
            name: 'sql',
            format: { type: 'grammar', grammar: { syntax: 'regex', definition: pattern } },
          },
        },
      ],
      tool_choice: 'required',
    };
    const whole = await openai.chat.completions.create(asked);
    const call = whole.choices[0]!.message.tool_calls![0]!;
    expect(call).toMatchObject({ type: 'custom', custom: { name: 'sql' } });
    expect('custom' in call ? call.custom.input : '').toMatch(new RegExp(pattern));
    let input = '';
    // The SDK's types know no custom deltas yet.
    for await (const chunk of await openai.chat.completions.create({ ...asked, stream: true })) {
      const [delta] = (chunk.choices[0]?.delta.tool_calls ?? []) as {
        index: number;
        custom?: { input?: string };
      }[];
      if (delta?.index === 0) input += delta.custom?.input ?? '';
    }
    expect(input).toMatch(new RegExp(pattern));
    const types: string[] = [];
    const stream = openai.responses.stream({
      model: 'm',
      input: 'hi',
      tools: [{ type: 'custom', name: 'sql' }],
      tool_choice: 'required',
      parallel_tool_calls: false,
    });
    for await (const event of stream) if (types.at(-1) !== event.type) types.push(event.type);
    expect(types).toEqual([
      'response.created',
      'response.in_progress',
      'response.output_item.added',
      'response.custom_tool_call_input.delta',
      'response.custom_tool_call_input.done',
      'response.output_item.done',
      'response.completed',
    ]);
    const [item] = (await stream.finalResponse()).output;
    expect(item).toMatchObject({ type: 'custom_tool_call', name: 'sql', status: 'completed' });
  });

  test('input tokens are counted as usage counts them', async () => {
    const { input_tokens: counted } = await openai.responses.inputTokens.count({
      model: 'm',
      input: 'How many?',
    });
    const { usage } = await openai.responses.create({ model: 'm', input: 'How many?' });
    expect(counted).toBe(usage!.input_tokens);
  });

  test('embeddings arrive (the SDK asks for base64)', async () => {
    const { data } = await openai.embeddings.create({ model: 'e', input: ['a', 'b'] });
    expect(data.map(({ embedding }) => embedding.length)).toEqual([16, 16]);
  });

  test('models', async () => {
    const ids = [];
    for await (const { id } of openai.models.list()) ids.push(id);
    expect(ids).toEqual(['m', 'e']);
  });

  test('errors become the SDK’s classes', async () => {
    await expect(openai.chat.completions.create({ ...chat, model: 'no' })).rejects.toThrow(
      OpenAI.NotFoundError,
    );
    await expect(openai.chat.completions.create({ ...chat, messages: [] })).rejects.toThrow(
      OpenAI.BadRequestError,
    );
    const nobody = new OpenAI({
      baseURL: `${provider.url}/v1`,
      apiKey: 'k',
      defaultHeaders: { authorization: null },
    });
    await expect(nobody.chat.completions.create(chat)).rejects.toThrow(OpenAI.AuthenticationError);
  });

  test('retries: two 429 with retry-after-ms, then the reply; the log counts the SDK’s retries', async () => {
    await faults({ kind: 'status', status: 429, retryAfterMs: '1ms', first: 2 });
    const reply = await openai.chat.completions.create(chat);
    expect(reply.choices).toHaveLength(1);
    await faults({ kind: 'status', status: 429, retryAfterMs: '1ms', first: 3 });
    await expect(openai.chat.completions.create(chat)).rejects.toThrow(OpenAI.RateLimitError);
    await faults({ kind: 'status', status: 429, shouldRetry: false, first: 1 });
    await expect(openai.chat.completions.create(chat)).rejects.toThrow(OpenAI.RateLimitError);
    await faults();
  });

  test('an in-band error throws, in Chat and in Responses', async () => {
    await faults({ kind: 'error-event', status: 500 });
    const chatStream = await openai.chat.completions.create({ ...chat, stream: true });
    await expect(drain(chatStream)).rejects.toThrow(OpenAI.APIError);
    const responses = await openai.responses.create({ model: 'm', input: 'x', stream: true });
    await expect(drain(responses)).rejects.toThrow(OpenAI.APIError);
    await faults();
  });

  test('a truncated stream ends silently for the raw SDK, as the real one does', async () => {
    await faults({ kind: 'truncate', afterTokens: 4, first: 1 });
    const stream = await openai.chat.completions.create({ ...chat, stream: true });
    expect((await drain(stream)).length).toBe(5);
  });
});

/**
 * What the official SDKs make of broken streams: raw iteration and the
 * accumulator. `short`: ends without an error but not whole; `throws`: the caller learns of it.
 */
describe('broken streams look to the SDKs as the real ones do', () => {
  const message = { model: 'm', max_tokens: 200, messages: [...messages] };
  const chat = { model: 'm', messages: [...messages] };

  type Outcome = 'whole' | 'short' | 'throws';

  async function outcome(text: () => Promise<number>): Promise<Outcome> {
    try {
      return (await text()) === 80 ? 'whole' : 'short';
    } catch {
      return 'throws';
    }
  }

  const ways: Readonly<Record<string, () => Promise<number>>> = {
    'chat raw': async () => {
      let length = 0;
      for await (const { choices } of await openai.chat.completions.create({
        ...chat,
        stream: true,
      })) {
        length += choices[0]?.delta.content?.length ?? 0;
      }
      return length;
    },
    'chat accumulated': async () => {
      const final = await openai.chat.completions.stream(chat).finalChatCompletion();
      return final.choices[0]!.message.content!.length;
    },
    'responses raw': async () => {
      let length = 0;
      let isWhole = false;
      const stream = await openai.responses.create({ model: 'm', input: 'hi', stream: true });
      for await (const event of stream) {
        if (event.type === 'response.output_text.delta') length += event.delta.length;
        if (event.type === 'response.completed') isWhole = true;
      }
      return isWhole ? length : 0;
    },
    'messages raw': async () => {
      let length = 0;
      let isWhole = false;
      for await (const event of await anthropic.messages.create({ ...message, stream: true })) {
        if (event.type === 'content_block_delta' && event.delta.type === 'text_delta') {
          length += event.delta.text.length;
        }
        if (event.type === 'message_stop') isWhole = true;
      }
      return isWhole ? length : 0;
    },
    'messages accumulated': async () => {
      const { content } = await anthropic.messages.stream(message).finalMessage();
      return content[0]?.type === 'text' ? content[0].text.length : 0;
    },
  };

  test.for<{ why: string; fault: FaultInput; outcomes: readonly Outcome[] }>([
    {
      why: 'clean end without terminal',
      fault: { kind: 'truncate', afterTokens: 4 },
      outcomes: ['short', 'throws', 'short', 'short', 'throws'],
    },
    {
      why: 'TCP reset',
      fault: { kind: 'reset', afterTokens: 4 },
      outcomes: ['throws', 'throws', 'throws', 'throws', 'throws'],
    },
    {
      why: 'in-band error',
      fault: { kind: 'error-event', afterTokens: 4, status: 500 },
      outcomes: ['throws', 'throws', 'throws', 'throws', 'throws'],
    },
    {
      why: 'a frame that is no JSON',
      fault: { kind: 'malformed-json', afterTokens: 4 },
      outcomes: ['throws', 'throws', 'throws', 'throws', 'throws'],
    },
    {
      why: 'HTML with status 200',
      fault: { kind: 'html' },
      outcomes: ['short', 'throws', 'short', 'short', 'throws'],
    },
    {
      why: 'no event lines',
      fault: { kind: 'framing', how: 'no-event-lines' },
      outcomes: ['whole', 'whole', 'whole', 'short', 'throws'],
    },
    {
      // openai 6.x loses the last event of Responses; 7.x keeps it.
      why: 'no last blank line',
      fault: { kind: 'framing', how: 'no-last-blank-line' },
      outcomes: ['whole', 'whole', 'short', 'short', 'throws'],
    },
    {
      why: 'CRLF',
      fault: { kind: 'framing', how: 'crlf' },
      outcomes: ['whole', 'whole', 'whole', 'whole', 'whole'],
    },
    {
      why: 'comments and blank lines',
      fault: { kind: 'framing', how: 'comments' },
      outcomes: ['whole', 'whole', 'whole', 'whole', 'whole'],
    },
    {
      why: 'pieces of seven bytes',
      fault: { kind: 'framing', how: 'pieces' },
      outcomes: ['whole', 'whole', 'whole', 'whole', 'whole'],
    },
  ])('$why', async ({ fault, outcomes }) => {
    await faults(fault);
    const seen: Record<string, Outcome> = {};
    for (const [name, way] of Object.entries(ways)) seen[name] = await outcome(way);
    await faults();
    const names = Object.keys(ways);
    expect(seen).toEqual(Object.fromEntries(names.map((name, index) => [name, outcomes[index]])));
  });
});

describe('anthropic', () => {
  const base = { model: 'm', max_tokens: 200, messages: [...messages] };

  test('messages, whole and streamed, raw and accumulated', async () => {
    const whole = await anthropic.messages.create(base);
    expect(whole).toMatchObject({
      stop_reason: 'end_turn',
      usage: { output_tokens: 20, input_tokens: 8 },
    });
    const types: string[] = [];
    const stream = await anthropic.messages.create({ ...base, stream: true });
    for await (const event of stream) if (types.at(-1) !== event.type) types.push(event.type);
    expect(types.filter((type) => (type as string) !== 'ping')).toEqual([
      'message_start',
      'content_block_start',
      'content_block_delta',
      'content_block_stop',
      'message_delta',
      'message_stop',
    ]);
    const final = await anthropic.messages.stream(base).finalMessage();
    expect(final.content[0]).toMatchObject({
      type: 'text',
      text: expect.stringMatching(/^[a-z ]{80}$/),
    });
    expect(final.usage.output_tokens).toBe(20);
  });

  test.for([
    { why: 'free', tool_choice: { type: 'auto' as const }, content: '[[sim tools=weather]]' },
    { why: 'any', tool_choice: { type: 'any' as const }, content: 'x' },
    {
      why: 'forced by name',
      tool_choice: { type: 'tool' as const, name: 'weather' },
      content: 'x',
    },
  ])('tools $why: input satisfies the schema', async ({ tool_choice, content }) => {
    const request = {
      ...base,
      messages: [{ role: 'user' as const, content }],
      tools: [
        { name: 'weather', input_schema: { ...parameters, required: [...parameters.required] } },
      ],
      tool_choice,
    };
    const whole = await anthropic.messages.create(request);
    const streamed = await anthropic.messages.stream(request).finalMessage();
    for (const { stop_reason, content: blocks } of [whole, streamed]) {
      expect(stop_reason).toBe('tool_use');
      const calls = blocks.filter((block) => block.type === 'tool_use');
      expect(calls.length).toBeGreaterThan(0);
      for (const call of calls) expectWeather(call.input);
    }
  });

  test('thinking comes first and is signed', async () => {
    const request = {
      ...base,
      max_tokens: 4000,
      thinking: { type: 'enabled' as const, budget_tokens: 1024 },
    };
    const headers = { 'x-sim-reasoning-tokens': '10', 'x-sim-output-tokens': '30' };
    const final = await anthropic.messages.stream(request, { headers }).finalMessage();
    expect(final.content.map(({ type }) => type)).toEqual(['thinking', 'text']);
    expect(final.content[0]).toMatchObject({ signature: expect.stringMatching(/.+/) });
    expect(final.usage.output_tokens).toBe(30);
  });

  test('count_tokens', async () => {
    const { input_tokens } = await anthropic.messages.countTokens({
      model: 'm',
      messages: [...messages],
    });
    expect(input_tokens).toBe(8);
  });

  test('models come in pages', async () => {
    const ids: string[] = [];
    for await (const model of anthropic.models.list({ limit: 1 })) ids.push(model.id);
    expect(ids).toEqual(['m']);
    const after = await anthropic.models.list({ limit: 1, after_id: 'm' });
    expect(after).toMatchObject({ data: [], has_more: false, first_id: null });
    await expect(anthropic.models.list({ limit: 0 })).rejects.toMatchObject({ status: 400 });
  });

  test('errors become the SDK’s classes, with the request id', async () => {
    const missing = anthropic.messages.create({ ...base, model: 'no' });
    await expect(missing).rejects.toThrow(Anthropic.NotFoundError);
    await expect(missing).rejects.toMatchObject({ requestID: expect.stringMatching(/^req_/) });
    await expect(anthropic.messages.create({ ...base, messages: [] })).rejects.toThrow(
      Anthropic.BadRequestError,
    );
  });

  test('529 is retried', async () => {
    await faults({ kind: 'status', status: 529, first: 1 });
    expect((await anthropic.messages.create(base)).stop_reason).toBe('end_turn');
    await faults();
  });

  test('overloaded in the middle of a stream throws', async () => {
    await faults({ kind: 'error-event', status: 529, first: 1 });
    const stream = await anthropic.messages.create({ ...base, stream: true });
    await expect(drain(stream)).rejects.toThrow(/overloaded_error/);
    await faults();
  });
});

async function drain<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of stream) items.push(item);
  return items;
}

function expectWeather(value: unknown): void {
  const { city, days } = value as { city: string; days: number };
  expect(['Paris', 'Rome']).toContain(city);
  expect(Number.isInteger(days)).toBe(true);
  expect(days).toBeGreaterThanOrEqual(1);
  expect(days).toBeLessThanOrEqual(7);
}
