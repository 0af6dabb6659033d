import { describe, expect, test } from 'vitest';

import { inputTokens } from '../../src/core/tokens.ts';
import { allCalls, collectText } from './collected.ts';

/** Rules of observability and gateway exports that the sample traces do not show. */

describe('Langfuse', () => {
  const generation = (usageDetails: object, more: object = {}): string =>
    JSON.stringify({
      trace: { id: 't' },
      observations: [
        {
          id: 'o',
          traceId: 't',
          type: 'GENERATION',
          startTime: '2026-01-01T00:00:00Z',
          usageDetails,
          ...more,
        },
      ],
    });

  test.for([
    {
      why: 'disjoint buckets add up to the total',
      usage: { input: 60, input_cache_read: 40, output: 15, total: 115 },
      input: 100,
      cacheRead: 40,
      output: 15,
    },
    {
      why: 'an inclusive input does not',
      usage: { input: 100, input_cache_read: 40, output: 15, total: 115 },
      input: 100,
      cacheRead: 40,
      output: 15,
    },
    {
      why: 'reasoning beside output (langfuse#11244)',
      usage: { input: 6, output: 20, output_reasoning: 100, total: 126 },
      input: 6,
      cacheRead: 0,
      output: 120,
    },
    {
      why: 'reasoning inside output',
      usage: { input: 6, output: 120, output_reasoning: 100, total: 126 },
      input: 6,
      cacheRead: 0,
      output: 120,
    },
    {
      why: 'detail keys never count by themselves',
      usage: { input: 13, 'prompt_details.cache_read': 5, output: 81, total: 94 },
      input: 13,
      cacheRead: 5,
      output: 81,
    },
  ])('$why', async ({ usage, why: _why, ...expected }) => {
    const [call] = allCalls(await collectText(generation(usage)));
    const { tokens } = call!;
    expect({
      input: inputTokens(tokens),
      cacheRead: tokens.cacheRead,
      output: tokens.output,
    }).toEqual(expected);
  });

  test('a blob export in snake_case is the same observation', async () => {
    const row = {
      id: 'o',
      trace_id: 't',
      type: 'GENERATION',
      start_time: '2026-01-01 00:00:00.000',
      end_time: '2026-01-01 00:00:02.500',
      usage_details: { input: 60, output: 15, total: 75 },
    };
    const { calls } = await collectText(`${JSON.stringify(row)}\n`);
    expect(calls).toMatchObject([{ tokens: { uncached: 60, output: 15 } }]);
    expect(calls[0]!.endMs! - calls[0]!.startMs).toBe(2500);
  });

  test('zero usage is no usage', async () => {
    const { calls } = await collectText(generation({ input: 0, output: 0, total: 0 }));
    expect(calls[0]!.tokensBasis).toBe('missing');
  });
});

test('LangSmith: tokens rolled up on parents never count, not even without their children', async () => {
  const chain = {
    id: 'r0',
    trace_id: 'r0',
    run_type: 'chain',
    start_time: '2026-01-01T00:00:00',
    prompt_tokens: 60,
    completion_tokens: 15,
  };
  await expect(collectText(`${JSON.stringify(chain)}\n`)).rejects.toMatchObject({
    code: 'trace.empty',
  });
});

describe('LiteLLM', () => {
  const row = {
    request_id: 'a',
    call_type: 'acompletion',
    startTime: '2026-01-01T00:00:00Z',
    endTime: '2026-01-01T00:00:02Z',
    prompt_tokens: 100,
    completion_tokens: 10,
  };

  test('cache hits never reached a provider; failures count with their error', async () => {
    const found = await collectText(
      JSON.stringify([
        row,
        { ...row, request_id: 'b', cache_hit: 'True' },
        { ...row, request_id: 'c', status: 'failure', prompt_tokens: 0, completion_tokens: 0 },
      ]),
    );
    expect(found.calls.map(({ tokensBasis, error }) => [tokensBasis, error])).toEqual([
      ['reported', undefined],
      ['missing', 'failure'],
    ]);
    expect(found.skips.map(([reason]) => reason)).toEqual([
      "answered from the gateway's cache, no provider call",
    ]);
  });

  test('unix seconds of the logging payload, cache parts of the usage object', async () => {
    const payload = {
      ...row,
      startTime: 1_790_000_000.5,
      endTime: 1_790_000_003,
      completionStartTime: 1_790_000_001,
      metadata: {
        usage_object: {
          prompt_tokens: 100,
          completion_tokens: 10,
          prompt_tokens_details: { cached_tokens: 60 },
          cache_creation_input_tokens: 30,
        },
      },
    };
    const [call] = (await collectText(JSON.stringify([payload]))).calls;
    expect(call).toMatchObject({
      startMs: 1_790_000_000_500,
      ttftMs: 500,
      tokens: { uncached: 10, cacheRead: 60, cacheWrite5m: 30 },
    });
  });
});

test('provider usage exports are buckets, never invented calls', async () => {
  const anthropic = {
    data: [
      {
        starting_at: '2026-01-01T00:00:00Z',
        ending_at: '2026-01-01T00:01:00Z',
        results: [
          {
            uncached_input_tokens: 10,
            cache_read_input_tokens: 20,
            cache_creation: { ephemeral_1h_input_tokens: 5, ephemeral_5m_input_tokens: 3 },
            output_tokens: 7,
          },
        ],
      },
    ],
  };
  const { buckets, calls } = await collectText(JSON.stringify(anthropic));
  expect(calls).toEqual([]);
  expect(buckets).toMatchObject([
    {
      requests: undefined,
      tokens: { uncached: 10, cacheRead: 20, cacheWrite5m: 3, cacheWrite1h: 5, output: 7 },
    },
  ]);
});

test('HAR: the wait is the first token only where receiving was timed apart', async () => {
  const entry = (timings: object): object => ({
    startedDateTime: '2026-01-01T00:00:00Z',
    time: 900,
    request: {
      url: 'https://api.openai.com/v1/chat/completions',
      postData: { text: '{"model":"m"}' },
    },
    response: {
      status: 200,
      content: {
        mimeType: 'text/event-stream',
        text: 'data: {"choices":[{"delta":{"content":"four"}}]}\n\ndata: {"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":3}}\n\ndata: [DONE]\n\n',
      },
    },
    timings,
  });
  const log = {
    log: {
      entries: [entry({ wait: 900, receive: 0 }), entry({ blocked: 10, wait: 200, receive: 690 })],
    },
  };
  const { calls } = await collectText(JSON.stringify(log));
  expect(
    calls.map(({ ttftMs, tokens, tokensBasis }) => [
      ttftMs,
      tokens.uncached,
      tokens.output,
      tokensBasis,
    ]),
  ).toEqual([
    [undefined, 9, 3, 'reported'],
    [210, 9, 3, 'reported'],
  ]);
});
