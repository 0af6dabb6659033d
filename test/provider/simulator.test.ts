import { describe, expect, test } from 'vitest';

import type { Dialect } from '../../src/http/dialect.ts';
import { replyOutcome } from '../../src/http/read-stream.ts';
import { VirtualProvider, config } from './virtual-provider.ts';

const user = (content: string): object => ({ role: 'user', content });

/** The same request in each dialect. */
function body(
  dialect: Dialect,
  cap: number,
  fields: Record<string, unknown> = {},
): Record<string, unknown> {
  switch (dialect) {
    case 'openai-chat':
      return {
        messages: [user('hello there')],
        max_tokens: cap,
        stream: true,
        stream_options: { include_usage: true },
        ...fields,
      };
    case 'openai-responses':
      return { input: [user('hello there')], max_output_tokens: cap, stream: true, ...fields };
    case 'anthropic-messages':
      return { messages: [user('hello there')], max_tokens: cap, stream: true, ...fields };
  }
}
const DIALECTS: readonly Dialect[] = ['openai-chat', 'openai-responses', 'anthropic-messages'];

describe.each(DIALECTS)('%s', (dialect) => {
  test('a stream has the configured TTFT and ITL to the microsecond', async () => {
    const provider = new VirtualProvider(config({ output: { tokens: 'max' } }));
    const { reply, closings, record } = await provider.ask(body(dialect, 5), { dialect });
    expect(reply.headAtMs).toBe(100);
    expect(reply.writes.map(({ atMs }) => atMs)).toEqual([100, 110, 120, 130, 140]);
    expect(reply.endedAtMs).toBe(140);
    expect(closings).toEqual(['complete']);
    expect(record.chunkNs).toEqual([100e6, 110e6, 120e6, 130e6, 140e6]);
  });

  test('the whole reply comes when the last token would, and says the same as the stream', async () => {
    const streamed = new VirtualProvider(config({ output: { tokens: 'max' } }));
    const whole = new VirtualProvider(config({ output: { tokens: 'max' } }));
    const a = await streamed.ask(body(dialect, 40), { dialect });
    const b = await whole.ask(body(dialect, 40, { stream: false, stream_options: undefined }), {
      dialect,
    });
    expect(b.reply.endedAtMs).toBe(a.reply.endedAtMs);
    const [left, right] = [a.reply.read(dialect), b.reply.read(dialect)];
    expect(replyOutcome(left)).toBe('complete');
    expect(right).toMatchObject({
      text: left.text,
      usage: left.usage,
      finishReason: left.finishReason,
    });
    expect(left.textLength).toBe(160); // four characters a token
    expect(left.usage).toMatchObject({ output: 40 });
  });

  test('usage, the text and the input estimate agree', async () => {
    const provider = new VirtualProvider(config());
    const { reply, record } = await provider.ask(body(dialect, 900), { dialect });
    const state = reply.read(dialect);
    expect(state.usage?.output).toBe(state.textLength / 4);
    // "hello there" is 11 characters, rounded up to 3 tokens, in a frame of 4.
    expect(state.usage?.uncached).toBe(7);
    expect(record.tokens).toEqual(state.usage);
  });

  test('the same seed gives the same bytes and times; another seed does not', async () => {
    const run = async (seed: string): Promise<readonly unknown[]> => {
      const spread = {
        kind: 'fixed',
        ttft: { p50: '100ms', p95: '300ms' },
        itl: { p50: '10ms', p95: '30ms' },
      } as const;
      const provider = new VirtualProvider(config({ timing: spread }, { seed }));
      const first = await provider.ask(body(dialect, 50), { dialect });
      const second = await provider.ask(body(dialect, 50), { dialect });
      expect(second.reply.text).not.toBe(first.reply.text); // the second time is another draw
      return [...first.reply.writes, ...second.reply.writes];
    };
    expect(await run('a')).toEqual(await run('a'));
    expect(await run('a')).not.toEqual(await run('b'));
  });

  test('a header prescribes the output exactly, whatever the model would do', async () => {
    const provider = new VirtualProvider(config());
    const headers = { 'x-sim-output-tokens': '17' };
    const { reply } = await provider.ask(body(dialect, 100), { dialect, headers });
    expect(reply.read(dialect)).toMatchObject({ usage: { output: 17 }, finish: 'stop' });
  });

  test('reasoning is part of the output and delays the visible text', async () => {
    const provider = new VirtualProvider(
      config({ reasoning: { tokens: 30 }, output: { tokens: 10 } }),
    );
    const { reply } = await provider.ask(body(dialect, 100, anthropicThinking(dialect)), {
      dialect,
    });
    const state = reply.read(dialect);
    expect(state.usage).toMatchObject({ output: 40, reasoning: 30 });
    expect(state.textLength).toBe(40);
    expect(reply.endedAtMs).toBe(100 + 39 * 10);
  });
});

function anthropicThinking(dialect: Dialect): Record<string, unknown> {
  return dialect === 'anthropic-messages'
    ? { thinking: { type: 'enabled', budget_tokens: 1024 } }
    : {};
}

test('thinking is visible in Messages, hidden in Chat, a summary in Responses when asked', async () => {
  const settings = config({ reasoning: { tokens: 30 }, output: { tokens: 10 } });
  const lengths: Record<string, number> = {};
  for (const [dialect, fields] of [
    ['openai-chat', {}],
    ['openai-responses', { reasoning: { summary: 'auto' } }],
    ['anthropic-messages', anthropicThinking('anthropic-messages')],
  ] as const) {
    const { reply } = await new VirtualProvider(settings).ask(body(dialect, 100, fields), {
      dialect,
    });
    lengths[dialect] = reply.read(dialect).reasoningLength;
  }
  expect(lengths).toEqual({ 'openai-chat': 0, 'openai-responses': 120, 'anthropic-messages': 120 });
});

test.for([
  { effort: 'none', reasoning: 0, why: 'none means none' },
  { effort: 'low', reasoning: 30, why: 'less' },
  { effort: 'high', reasoning: 200, why: 'twice the usual' },
  { effort: undefined, reasoning: 100, why: 'the usual' },
])('reasoning effort $effort: $why', async ({ effort, reasoning }) => {
  const provider = new VirtualProvider(
    config({ reasoning: { tokens: 100 }, output: { tokens: 10 } }),
  );
  const { reply } = await provider.ask(body('openai-chat', 1000, { reasoning_effort: effort }));
  expect(reply.read('openai-chat').usage).toMatchObject({ reasoning, output: reasoning + 10 });
});

test('several tokens per frame: the first alone, then full frames, then the rest', async () => {
  const provider = new VirtualProvider(config({ output: { tokens: 'max', tokensPerFrame: 4 } }));
  const { reply } = await provider.ask(body('openai-chat', 10));
  expect(reply.writes.map(({ atMs }) => atMs)).toEqual([100, 140, 180, 190]);
  expect(reply.read('openai-chat').textLength).toBe(40);
});

test('prelude: immediate sends the role at once, the first token at its time', async () => {
  const settings = config({ output: { tokens: 'max' } }, { stream: { prelude: 'immediate' } });
  const { reply } = await new VirtualProvider(settings).ask(body('openai-chat', 2));
  expect(reply.headAtMs).toBe(0);
  expect(reply.writes.map(({ atMs }) => atMs)).toEqual([0, 100, 110]);
});

test('prefill: each uncached input token adds to the first token', async () => {
  const timing = { kind: 'fixed', ttft: '100ms', itl: '10ms', prefillPerToken: '1ms' } as const;
  const provider = new VirtualProvider(config({ timing }));
  const { reply } = await provider.ask(body('openai-chat', 2));
  expect(reply.headAtMs).toBe(107);
});

test('n choices: each whole, interleaved, output counted for all', async () => {
  const provider = new VirtualProvider(config({ output: { tokens: 'max' } }));
  const { reply } = await provider.ask(body('openai-chat', 5, { n: 3 }));
  const state = reply.read('openai-chat');
  expect(replyOutcome(state)).toBe('complete');
  expect(state.usage).toMatchObject({ output: 15 });
  expect(state.textLength).toBe(60);
});

test('stop sequences end the text before the sequence', async () => {
  const provider = new VirtualProvider(config({ output: { tokens: 400 } }));
  const whole = await provider.ask(body('anthropic-messages', 1000), {
    dialect: 'anthropic-messages',
  });
  const text = whole.reply.read('anthropic-messages').text;
  const stop = text.slice(200, 207);
  const again = new VirtualProvider(config({ output: { tokens: 400 } }));
  const { reply } = await again.ask(
    body('anthropic-messages', 1000, { stop_sequences: ['@@', stop] }),
    { dialect: 'anthropic-messages' },
  );
  const state = reply.read('anthropic-messages');
  expect(state.text).toBe(text.slice(0, text.indexOf(stop)));
  expect(state.finishReason).toBe('stop_sequence');
  expect(reply.text).toContain(`"stop_sequence":${JSON.stringify(stop)}`);
});

test('prompts beyond the context window are refused in the API’s words', async () => {
  const provider = new VirtualProvider(config({ contextWindow: 1000 }));
  const long = { messages: [user('x'.repeat(5000))], max_tokens: 10 };
  const chat = await provider.ask(long);
  expect(chat.reply.status).toBe(400);
  expect(chat.reply.json()).toMatchObject({ error: { code: 'context_length_exceeded' } });
  const messages = await provider.ask(long, { dialect: 'anthropic-messages' });
  expect(messages.reply.json()).toMatchObject({
    error: {
      type: 'invalid_request_error',
      message: 'prompt is too long: 1254 tokens > 1000 maximum',
    },
  });
});

test('whatever lengths a request asks for, the model’s maximum bounds them', async () => {
  const provider = new VirtualProvider(config({ maxOutput: 50 }));
  const above = await provider.ask(body('openai-chat', 51));
  expect(above.reply.json()).toMatchObject({ error: { param: 'max_tokens' } });
  const anthropic = await provider.ask(body('anthropic-messages', 51), {
    dialect: 'anthropic-messages',
  });
  expect(anthropic.reply.status).toBe(400);
  const headers = { 'x-sim-output-tokens': '999999999', 'x-sim-reasoning-tokens': '999999999' };
  const huge = await provider.ask(body('openai-chat', 50, { min_tokens: 1e9 }), { headers });
  expect(huge.reply.read('openai-chat')).toMatchObject({ finish: 'length', usage: { output: 50 } });
});

describe('tools', () => {
  const tools = ['search', 'fetch'].map((name) => ({
    type: 'function',
    function: {
      name,
      parameters: { type: 'object', properties: { q: { type: 'string' } }, required: ['q'] },
    },
  }));
  const ask = async (fields: Record<string, unknown>, text = 'go') => {
    const provider = new VirtualProvider(config());
    const { reply } = await provider.ask({
      messages: [user(text)],
      stream: true,
      stream_options: { include_usage: true },
      tools,
      ...fields,
    });
    return reply.read('openai-chat');
  };

  test.for([
    { why: 'auto without a script answers in text', fields: {}, names: [], finish: 'stop' },
    {
      why: 'required calls one',
      fields: { tool_choice: 'required' },
      names: 1,
      finish: 'tool_calls',
    },
    {
      why: 'a named tool is called',
      fields: { tool_choice: { type: 'function', function: { name: 'fetch' } } },
      names: ['fetch'],
      finish: 'tool_calls',
    },
    { why: 'none never calls', fields: { tool_choice: 'none' }, names: [], finish: 'stop' },
  ])('$why', async ({ fields, names, finish }) => {
    const state = await ask(fields);
    const called = state.toolCalls.map(({ name }) => name);
    expect(typeof names === 'number' ? called.length : called).toEqual(names);
    expect(state.finish).toBe(finish);
    for (const { arguments: text, id } of state.toolCalls) {
      expect(JSON.parse(text)).toEqual({ q: expect.any(String) });
      expect(id).toMatch(/^call_/);
    }
  });

  test('a script in the prompt plays its rounds, then the model answers', async () => {
    const script = '[[sim tools=search;fetch,fetch]] go';
    const call = {
      role: 'assistant',
      tool_calls: [{ id: 'c', type: 'function', function: { name: 'search', arguments: '{}' } }],
    };
    const result = { role: 'tool', tool_call_id: 'c', content: 'found' };
    const rounds = [];
    for (const messages of [[], [call, result], [call, result, call, result]]) {
      const state = await ask({ messages: [user(script), ...messages] });
      rounds.push(state.toolCalls.map(({ name }) => name));
    }
    expect(rounds).toEqual([['search'], ['fetch', 'fetch'], []]);
  });

  test('parallel_tool_calls: false allows one call of a scripted pair', async () => {
    const state = await ask({ parallel_tool_calls: false }, '[[sim tools=search,fetch]]');
    expect(state.toolCalls).toHaveLength(1);
  });

  test('a cap that cuts the call ends with length and half arguments', async () => {
    const state = await ask({ tool_choice: 'required', max_tokens: 3 });
    expect(state.finish).toBe('length');
    expect(state.usage?.output).toBe(3);
  });

  test('overrides: none ignores the marks', async () => {
    const provider = new VirtualProvider(config({}, { overrides: 'none' }));
    const { reply } = await provider.ask({
      messages: [user('[[sim tools=search output=3]]')],
      tools,
    });
    expect(reply.read('openai-chat').toolCalls).toEqual([]);
  });
});

test('a JSON schema as response format is satisfied', async () => {
  const schema = {
    type: 'object',
    properties: { ok: { type: 'boolean' }, list: { type: 'array', items: { type: 'integer' } } },
    required: ['ok', 'list'],
  };
  const provider = new VirtualProvider(config());
  const { reply } = await provider.ask(
    body('openai-chat', 500, {
      response_format: { type: 'json_schema', json_schema: { name: 'x', schema } },
    }),
  );
  const state = reply.read('openai-chat');
  expect(JSON.parse(state.text)).toEqual({ ok: expect.any(Boolean), list: [expect.any(Number)] });
  expect(state.usage?.output).toBe(Math.ceil(state.text.length / 4));
});

describe('prompt cache', () => {
  const long = 'lorem '.repeat(1000); // 6,000 characters: 1,500 tokens

  test('OpenAI: a repeated prefix is read in steps of 128 from 1,024 on, after the first token only', async () => {
    const provider = new VirtualProvider(config());
    const request = { messages: [user(long), user('one')], max_tokens: 5 };
    const cold = provider.send(request);
    const same = provider.send(request); // before the first token of the first
    await provider.clock.run();
    const warm = await provider.ask({ messages: [user(long), user('two')], max_tokens: 5 });
    const cached = [cold, same, warm].map(
      ({ reply }) => reply.read('openai-chat').usage?.cacheRead,
    );
    // 1,504 tokens are common: 11 blocks of 128.
    expect(cached).toEqual([0, 0, 1408]);
    // 6,003 characters and two message frames of 16: 1,509 tokens.
    expect(warm.record.tokens).toMatchObject({ uncached: 101 });
  });

  test('OpenAI: another key, a different start and five idle minutes all miss', async () => {
    const provider = new VirtualProvider(config());
    const request = { messages: [user(long)], max_tokens: 5 };
    await provider.ask(request);
    const other = await provider.ask(request, { key: 'another' });
    const shifted = await provider.ask({ messages: [user(`x${long}`)], max_tokens: 5 });
    expect([other, shifted].map(({ record }) => record.tokens?.cacheRead)).toEqual([0, 0]);
    await provider.clock.run(provider.clock.now() + 299_000);
    expect((await provider.ask(request)).record.tokens?.cacheRead).toBe(1408);
    await provider.clock.run(provider.clock.now() + 301_000);
    expect((await provider.ask(request)).record.tokens?.cacheRead).toBe(0);
  });

  test('Anthropic: breakpoints write, later requests read, the rest is uncached', async () => {
    const provider = new VirtualProvider(config());
    const block = (text: string, ttl?: string) => ({
      type: 'text',
      text,
      ...(ttl === undefined ? {} : { cache_control: { type: 'ephemeral', ttl } }),
    });
    const ask = async (question: string) => {
      const { reply } = await provider.ask(
        {
          system: [block(long, '1h')],
          messages: [user(long), { role: 'user', content: [block('q', '5m'), block(question)] }],
          max_tokens: 5,
        },
        { dialect: 'anthropic-messages' },
      );
      return reply.read('anthropic-messages').usage;
    };
    const first = await ask('first?');
    // system mark + text = 1,504 tokens for an hour; the rest up to the second mark for 5 minutes.
    expect(first).toMatchObject({ cacheRead: 0, cacheWrite1h: 1504, cacheWrite5m: 1508 });
    const second = await ask('second');
    expect(second).toMatchObject({ cacheRead: 3012, cacheWrite1h: 0, cacheWrite5m: 0 });
    await provider.clock.run(provider.clock.now() + 6 * 60_000);
    expect(await ask('third?')).toMatchObject({
      cacheRead: 1504,
      cacheWrite1h: 0,
      cacheWrite5m: 1508,
    });
    await provider.clock.run(provider.clock.now() + 61 * 60_000);
    expect(await ask('fourth')).toMatchObject({ cacheRead: 0, cacheWrite1h: 1504 });
  });

  test('Anthropic: without breakpoints nothing is cached, below the minimum neither', async () => {
    const provider = new VirtualProvider(config());
    const plain = { messages: [user(long)], max_tokens: 5 };
    const short = {
      messages: [
        {
          role: 'user',
          content: [{ type: 'text', text: 'short', cache_control: { type: 'ephemeral' } }],
        },
      ],
      max_tokens: 5,
    };
    for (const request of [plain, plain, short, short]) {
      const { record } = await provider.ask(request, { dialect: 'anthropic-messages' });
      expect(record.tokens).toMatchObject({ cacheRead: 0, cacheWrite5m: 0, cacheWrite1h: 0 });
    }
  });
});

describe('the batching engine', () => {
  const engine = {
    kind: 'batching',
    maxSeqs: 4,
    stepBase: '10ms',
    stepPerSequence: '0ms',
    prefillTokensPerSecond: 10_000,
  } as const;

  test('one request: prefill step, then a step per token', async () => {
    const provider = new VirtualProvider(config({ timing: engine, output: { tokens: 'max' } }));
    const { reply } = await provider.ask(body('openai-chat', 4));
    // 7 prompt tokens at 10 per ms: 0.7 ms above the base.
    expect(reply.writes.map(({ atMs }) => Number(atMs.toFixed(6)))).toEqual([
      10.7, 20.7, 30.7, 40.7,
    ]);
  });

  test('a fifth request waits for a place; gauges tell', async () => {
    const provider = new VirtualProvider(config({ timing: engine, output: { tokens: 'max' } }));
    const sent = Array.from({ length: 5 }, () => provider.send(body('openai-chat', 10)));
    await provider.clock.run(50);
    expect(provider.simulator.models[0]!.timing.gauges).toMatchObject({ running: 4, waiting: 1 });
    expect(provider.simulator.metrics.text()).toContain(
      'vllm:num_requests_waiting{model_name="m"} 1',
    );
    await provider.clock.run();
    const ends = sent.map(({ reply }) => reply.endedAtMs!);
    expect(ends[4]! - ends[3]!).toBeGreaterThan(90);
    expect(sent.map(({ closings }) => closings)).toEqual(
      Array.from({ length: 5 }, () => ['complete']),
    );
  });

  test('its own prefix cache is what usage reports', async () => {
    const provider = new VirtualProvider(config({ timing: engine }));
    const request = { messages: [user('lorem '.repeat(200))], max_tokens: 5 };
    const cold = await provider.ask(request);
    const warm = await provider.ask(request);
    expect(cold.record.tokens).toMatchObject({ cacheRead: 0, uncached: 304 });
    expect(warm.record.tokens!.cacheRead).toBeGreaterThanOrEqual(288);
    expect(warm.record.tokens!.cacheRead + warm.record.tokens!.uncached).toBe(304);
    expect(warm.reply.headAtMs! - cold.reply.endedAtMs!).toBeLessThan(cold.reply.headAtMs!);
  });

  test('a full queue answers 503, a prompt larger than the KV cache 400', async () => {
    const provider = new VirtualProvider(
      config({ timing: { ...engine, maxWaiting: 1, kvBlocks: 100 } }),
    );
    const large = provider.send({ messages: [user('x'.repeat(8000))], max_tokens: 10 });
    const sent = Array.from({ length: 6 }, () => provider.send(body('openai-chat', 10)));
    await provider.clock.run();
    const statuses = sent.map(({ reply }) => reply.status);
    expect(statuses).toContain(503);
    expect(large.reply.status).toBe(400);
    expect([...sent, large].every(({ closings }) => closings.length === 1)).toBe(true);
  });

  test('a client that leaves frees its place', async () => {
    const provider = new VirtualProvider(config({ timing: engine, output: { tokens: 'max' } }));
    const sent = Array.from({ length: 5 }, () => provider.send(body('openai-chat', 100)));
    await provider.clock.run(55);
    sent[0]!.reply.abandon();
    await provider.clock.run(80);
    expect(provider.simulator.models[0]!.timing.gauges).toMatchObject({ running: 4, waiting: 0 });
    await provider.clock.run();
    expect(sent[0]!.closings).toEqual(['client-closed']);
    expect(sent[0]!.record.tokens?.output).toBeGreaterThan(0);
  });
});

test('latency histograms: a gap per token, a mean per request, lengths', async () => {
  const provider = new VirtualProvider(config({ output: { tokens: 'max' } }));
  const body = { messages: [{ role: 'user', content: 'hi' }], max_tokens: 11, stream: true };
  await provider.ask(body);
  await provider.ask(body);
  const text = provider.simulator.metrics.text();
  const value = (name: string): number =>
    Number(new RegExp(`^vllm:${name}\\{model_name="m"\\} (.*)$`, 'm').exec(text)?.[1]);
  for (const name of ['inter_token_latency_seconds', 'time_per_output_token_seconds']) {
    expect(value(`${name}_count`)).toBe(20);
    expect(value(`${name}_sum`)).toBeCloseTo(0.2);
  }
  expect(value('request_time_per_output_token_seconds_count')).toBe(2);
  expect(value('request_time_per_output_token_seconds_sum')).toBeCloseTo(0.02);
  expect(value('time_to_first_token_seconds_sum')).toBeCloseTo(0.2);
  expect(value('request_generation_tokens_sum')).toBe(22);
});
