import { readFile } from 'node:fs/promises';

import { describe, expect, test } from 'vitest';

import { inputTokens } from '../../src/core/tokens.ts';
import type { LlmCall, ToolCall } from '../../src/core/trace.ts';
import { isoMs } from '../../src/traces/timestamp.ts';
import { ProfileFold } from '../../src/workload/profile-fold.ts';
import { RepeatFold } from '../../src/workload/repeats.ts';
import type { RepeatProfile } from '../../src/workload/repeats.ts';
import {
  allCalls,
  collect,
  noTraces,
  sharedTrace,
  stepsOf,
  toolsOf,
  type Collected,
} from './collected.ts';
import { at, expectSummary, mostAtOnce, sum, type SummaryFigures } from './summary-figures.ts';

/** Every published figure of the sample traces: counts, tokens, turns, times. */

const inputs = (calls: readonly LlmCall[]): number[] =>
  calls.map(({ tokens }) => inputTokens(tokens));
const outputs = (calls: readonly LlmCall[]): number[] => calls.map(({ tokens }) => tokens.output);
const seconds = ({ startMs, endMs }: LlmCall | ToolCall): number => (endMs! - startMs) / 1000;

async function read(...files: readonly string[]): Promise<Collected> {
  return collect(files.map(sharedTrace));
}

async function expectedFile(name: string): Promise<Record<string, never>> {
  return JSON.parse(await readFile(sharedTrace(`expected/${name}`), 'utf8')) as Record<
    string,
    never
  >;
}

function repeatsOf({ sessions }: Collected): RepeatProfile | null {
  const fold = new RepeatFold();
  for (const session of sessions) fold.session(session);
  return fold.figures();
}

/** Over the calls whose end is known. */
function maxConcurrent(calls: readonly LlmCall[]): number {
  return mostAtOnce(
    calls.flatMap(({ startMs, endMs }) => (endMs === undefined ? [] : [[startMs, endMs]])),
  );
}

describe.skipIf(noTraces)('Mooncake', () => {
  test('lengths, rate and prefix blocks', async () => {
    const { calls, format } = await read('mooncake-fast25/conversation_trace.jsonl');
    expect(format).toBe('mooncake');
    expect(calls).toHaveLength(12_031);
    expect(sum(inputs(calls)) / calls.length).toBeCloseTo(12_035.061, 3);
    expect(sum(outputs(calls)) / calls.length).toBeCloseTo(342.619, 3);
    expect([0.5, 0.9, 0.95, 0.99].map((q) => at(inputs(calls), q))).toEqual([
      6909,
      27_367,
      39_550.5,
      expect.closeTo(85_400.4, 6),
    ]);
    expect([0.5, 0.9, 0.95, 0.99].map((q) => at(outputs(calls), q))).toEqual([
      350,
      597,
      698,
      expect.closeTo(1118.5, 6),
    ]);
    expect((calls.at(-1)!.startMs - calls[0]!.startMs) / 1000).toBeCloseTo(3536.999, 3);
    expect(sum(calls.map(({ prefix }) => prefix!.ids.length))).toBe(288_500);
    const seen = new Set<number | string>();
    const hits = calls.map(({ prefix, tokens }) => {
      const { ids } = prefix!;
      // Every prompt is ceil(input / 512) blocks; the last one is partial.
      expect(ids.length).toBe(Math.ceil(inputTokens(tokens) / 512));
      const known = ids.map((id) => seen.has(id));
      const misses = known.indexOf(false);
      for (const id of ids) seen.add(id);
      return { leading: misses === -1 ? ids.length : misses, known, blocks: ids.length };
    });
    expect(seen.size).toBe(182_790);
    const rates = hits.map(({ leading, blocks }) => leading / blocks);
    expect((sum(rates) / rates.length).toFixed(4)).toBe('0.3843');
    // Ids are chained: nothing is found after the first miss.
    expect(hits.every(({ leading, known }) => !known.slice(leading).includes(true))).toBe(true);
    const some = hits.filter(({ leading }) => leading > 0).length;
    expect(((100 * some) / hits.length).toFixed(2)).toBe('99.99');
  });
});

describe.skipIf(noTraces)('TraceLab: one Claude Code and one Codex session', () => {
  test('Claude Code', async () => {
    const expected = (await expectedFile('tracelab-claude-session.json')) as unknown as {
      readonly llm_calls: number;
      readonly output: number;
      readonly input_total: number;
      readonly cache_read: number;
      readonly cache_hit: number;
      readonly user_turns: number;
      readonly records: number;
      readonly assistant_records: number;
      readonly naive_output_if_not_deduped: number;
      readonly rounds: readonly Readonly<Record<string, number>>[];
      readonly tool_latency_s: Readonly<Record<string, readonly [string, number]>>;
      readonly turn_duration_ms: readonly number[];
    };
    const found = await read('tracelab-examples/claude/session.jsonl');
    const calls = allCalls(found);
    expect(found.records.read).toBe(expected.records);
    expect(found.records.duplicates).toBe(expected.assistant_records - expected.llm_calls);
    expect(
      calls.map(({ tokens }) => ({
        cache_read: tokens.cacheRead,
        cache_write: tokens.cacheWrite5m + tokens.cacheWrite1h,
        out: tokens.output,
        total_in: inputTokens(tokens),
        uncached: tokens.uncached,
      })),
    ).toEqual(expected.rounds.map(({ records: _records, ...round }) => round));
    expect(calls).toHaveLength(expected.llm_calls);
    expect(sum(outputs(calls))).toBe(expected.output);
    expect(sum(outputs(calls))).toBeLessThan(expected.naive_output_if_not_deduped);
    const cacheRead = sum(calls.map(({ tokens }) => tokens.cacheRead));
    expect([sum(inputs(calls)), cacheRead]).toEqual([expected.input_total, expected.cache_read]);
    expect(Number((cacheRead / sum(inputs(calls))).toFixed(6))).toBe(expected.cache_hit);
    expect(found.sessions[0]!.turns).toHaveLength(expected.user_turns);
    const byLatency = (a: readonly [string, number], b: readonly [string, number]): number =>
      a[1] - b[1];
    expect(
      toolsOf(found)
        .map((tool) => [tool.name, Number(seconds(tool).toFixed(3))] as const)
        .toSorted(byLatency),
    ).toEqual(Object.values(expected.tool_latency_s).toSorted(byLatency));
    expect(found.sessions[0]!.turns.map(({ activeMs }) => activeMs)).toEqual(
      expected.turn_duration_ms,
    );
  });

  test('Codex', async () => {
    const expected = (await expectedFile('tracelab-codex-rollout.json')) as unknown as Readonly<
      Record<string, number>
    > & {
      readonly tool_wall_latency_s: readonly (readonly [string, number])[];
      readonly final_cumulative: Readonly<Record<string, number>>;
    };
    const found = await read('tracelab-examples/codex/rollout.jsonl');
    const calls = allCalls(found);
    expect(calls).toHaveLength(expected['llm_calls']!);
    expect(found.records.read).toBe(expected['records']);
    expect(sum(inputs(calls))).toBe(expected['input']);
    expect(sum(calls.map(({ tokens }) => tokens.cacheRead))).toBe(expected['cached']);
    expect(sum(outputs(calls))).toBe(expected['output']);
    expect(sum(calls.map(({ tokens }) => tokens.reasoning))).toBe(expected['reasoning']);
    expect(found.sessions[0]!.turns).toHaveLength(expected['turns']!);
    expect(expected['user_messages']).toBe(expected['turns']);
    expect(expected['token_count_events']).toBe(calls.length);
    const cached = sum(calls.map(({ tokens }) => tokens.cacheRead));
    expect(Number((cached / sum(inputs(calls))).toFixed(6))).toBe(expected['cache_hit']);
    // The rollout's own last running total is the sum of what was counted.
    expect({
      cached_input_tokens: cached,
      input_tokens: sum(inputs(calls)),
      output_tokens: sum(outputs(calls)),
      reasoning_output_tokens: sum(calls.map(({ tokens }) => tokens.reasoning)),
      total_tokens: sum(inputs(calls)) + sum(outputs(calls)),
    }).toEqual(expected.final_cumulative);
    const inOrderOfOutputs = toolsOf(found).toSorted((a, b) => a.endMs! - b.endMs!);
    expect(inOrderOfOutputs.map((tool) => [tool.name, Number(seconds(tool).toFixed(3))])).toEqual(
      expected.tool_wall_latency_s,
    );
  });

  test("TraceLab's own normalised rows agree with both readers", async () => {
    const rows = await read('tracelab-examples/derived/round_trace.jsonl');
    const own = [
      ...allCalls(await read('tracelab-examples/claude/session.jsonl')),
      ...allCalls(await read('tracelab-examples/codex/rollout.jsonl')),
    ];
    expect(allCalls(rows).map(({ tokens }) => tokens)).toEqual(own.map(({ tokens }) => tokens));
    expect(rows.sessions.map(({ turns }) => turns.length)).toEqual([2, 3]);
    const claude = rows.sessions[0]!.turns.map(({ startMs, steps }) => [startMs, steps.length]);
    const [session] = (await read('tracelab-examples/claude/session.jsonl')).sessions;
    expect(claude).toEqual(session!.turns.map(({ startMs, steps }) => [startMs, steps.length]));
  });
});

describe.skipIf(noTraces)('small fixtures of other tools', () => {
  test.for([
    {
      file: 'codex-fixtures/ccusage_session_alpha.jsonl',
      calls: 2,
      input: 3500,
      output: 425,
      cacheRead: 750,
      reasoning: 275,
    },
    {
      file: 'claude-code-fixtures/ccusage_chat_alpha.jsonl',
      calls: 3,
      input: 745,
      output: 250,
      cacheRead: 70,
      reasoning: 0,
    },
    {
      file: 'synthetic-otlp/genai-2026.jsonl',
      calls: 4,
      input: 5400,
      output: 330,
      cacheRead: 2400,
      reasoning: 60,
    },
    {
      file: 'synthetic-otlp/jaeger.json',
      calls: 4,
      input: 5400,
      output: 330,
      cacheRead: 2400,
      reasoning: 60,
    },
    {
      file: 'synthetic-otlp/genai-2024-openllmetry.jsonl',
      calls: 1,
      input: 900,
      output: 50,
      cacheRead: 0,
      reasoning: 0,
    },
    {
      file: 'synthetic-otlp/openinference.jsonl',
      calls: 1,
      input: 700,
      output: 40,
      cacheRead: 512,
      reasoning: 10,
    },
    {
      file: 'synthetic-otlp/claude-code-otel.jsonl',
      calls: 1,
      input: 91_660,
      output: 1200,
      cacheRead: 84_562,
      reasoning: 0,
    },
    {
      file: 'openinference-vercel-v6/openinference_client_span_tool_calls.json',
      calls: 1,
      input: 97,
      output: 52,
      cacheRead: 0,
      reasoning: 0,
    },
    {
      file: 'langfuse-framework-traces/agno-2025-06-11.json',
      calls: 2,
      input: 826,
      output: 245,
      cacheRead: 0,
      reasoning: 0,
    },
    {
      file: 'langfuse-framework-traces/autogen-2025-06-06.json',
      calls: 1,
      input: 41,
      output: 3,
      cacheRead: 0,
      reasoning: 0,
    },
    {
      file: 'langfuse-framework-traces/google-gemini-2025-08-01.json',
      calls: 1,
      input: 6,
      output: 2055,
      cacheRead: 0,
      reasoning: 1104,
    },
    {
      file: 'langfuse-framework-traces/google-vertex-tools-langchain-2025-09-19.json',
      calls: 1,
      input: 1200,
      output: 15,
      cacheRead: 0,
      reasoning: 0,
    },
    {
      file: 'langfuse-framework-traces/koog-2025-08-26.json',
      calls: 2,
      input: 215,
      output: 125,
      cacheRead: 0,
      reasoning: 0,
    },
    {
      file: 'langfuse-framework-traces/langgraph-2025-08-22.json',
      calls: 2,
      input: 168,
      output: 66,
      cacheRead: 0,
      reasoning: 0,
    },
    {
      file: 'langfuse-framework-traces/llamaindex-2025-06-05.json',
      calls: 1,
      input: 13,
      output: 81,
      cacheRead: 0,
      reasoning: 0,
    },
    {
      file: 'langfuse-framework-traces/microsoft-agent-2025-10-14.json',
      calls: 2,
      input: 656,
      output: 105,
      cacheRead: 0,
      reasoning: 0,
    },
    {
      file: 'langfuse-framework-traces/openai-assistants-2024-05-29.json',
      calls: 1,
      input: 49,
      output: 40,
      cacheRead: 0,
      reasoning: 0,
    },
    {
      file: 'openhands-events/multi_swe_bench_output.jsonl',
      calls: 105,
      input: 1_913_342,
      output: 13_341,
      cacheRead: 0,
      reasoning: 0,
    },
  ])('$file', async ({ file, ...expected }) => {
    const found = await read(file);
    const calls = allCalls(found);
    expect({
      calls: calls.length,
      input: sum(inputs(calls)),
      output: sum(outputs(calls)),
      cacheRead: sum(calls.map(({ tokens }) => tokens.cacheRead)),
      reasoning: sum(calls.map(({ tokens }) => tokens.reasoning)),
    }).toEqual(expected);
  });

  test('OpenHands tasks one by one', async () => {
    const { sessions, duplicates } = await read('openhands-events/multi_swe_bench_output.jsonl');
    const totals = sessions.map((session) => {
      const calls = stepsOf([session]).filter((step) => step.kind === 'llm');
      return [calls.length, sum(inputs(calls)), sum(outputs(calls))];
    });
    expect(totals).toEqual([
      [23, 565_158, 2558],
      [33, 410_169, 5156],
      [49, 938_015, 5627],
    ]);
    // 45 + 65 + 98 copies of 105 responses.
    expect(duplicates['event repeats a model response already counted']).toBe(45 + 65 + 98 - 105);
  });

  test('Langfuse: times from start and end, never from the latency field', async () => {
    const expected = (await expectedFile('langfuse-framework-traces.json')) as unknown as Readonly<
      Record<
        string,
        {
          readonly gen_latency_s: SummaryFigures | null;
          readonly generations_nested_in_generation: number;
          readonly generations: number;
          readonly observations: number;
          readonly input_sum: number;
          readonly output_sum: number;
          readonly max_concurrent_generations: number;
        }
      >
    >;
    const files = Object.entries(expected);
    const latencies = new Map<string, readonly number[]>();
    const plainSums = new Map<string, readonly number[]>();
    for (const [file, { generations_nested_in_generation: nested }] of files) {
      const found = await read(`langfuse-framework-traces/${file}`);
      const times = allCalls(found).filter(({ endMs }) => endMs !== undefined);
      latencies.set(file, times.map(seconds));
      const reason = 'LLM span around LLM spans: different usage, the inner one counts';
      expect(found.duplicates[reason] ?? 0).toBe(nested);
      const calls = allCalls(found);
      const { generations, observations } = expected[file]!;
      expect([found.records.read, calls.length]).toEqual([observations, generations - nested]);
      plainSums.set(file, [nested, sum(inputs(calls)), sum(outputs(calls)), maxConcurrent(calls)]);
    }
    // The plain reading counts agno's outer generations too, and misses google-vertex's old fields.
    const differing = ['agno-2025-06-11.json', 'google-vertex-tools-langchain-2025-09-19.json'];
    for (const [file, figures] of files.filter(([name]) => !differing.includes(name))) {
      const { input_sum: input, output_sum: output, max_concurrent_generations: most } = figures;
      expect([file, plainSums.get(file)]).toEqual([file, [0, input, output, most]]);
    }
    expect(differing.map((file) => plainSums.get(file))).toEqual([
      [2, 826, 245, 1],
      [0, 1200, 15, 1],
    ]);
    const agno = expected[differing[0]!]!;
    // Leaves and the outer generations around them (2,110 / 658) make the naive sum.
    expect([agno.input_sum - 826, agno.output_sum - 245]).toEqual([2110, 658]);
    // Outer generations are suppressed, so only files without them can be compared.
    const plain = files.filter(([, figures]) => figures.generations_nested_in_generation === 0);
    for (const [file, { gen_latency_s: latency }] of plain.filter(
      ([, figures]) => figures.gen_latency_s !== null,
    )) {
      expectSummary(latencies.get(file)!, latency!);
    }
    const untimed = plain.filter(([, figures]) => figures.gen_latency_s === null);
    expect(untimed.map(([file]) => latencies.get(file))).toEqual([[]]);
  });

  test('Vercel AI SDK v6: wrappers without links are told by name and interval', async () => {
    const found = await read('openinference-vercel-v6/all-spans.json');
    const calls = allCalls(found);
    const chats = calls.filter(({ operation }) => operation === 'chat');
    expect(chats).toHaveLength(4);
    expect([sum(inputs(chats)), sum(outputs(chats))]).toEqual([142, 297]);
    expect(inputs(calls.filter(({ operation }) => operation === 'embedding'))).toEqual([10]);
    expect(found.duplicates).toEqual({ 'aggregate usage on an agent, workflow or SDK span': 5 });
  });

  test('the single-operation files repeat spans of all-spans', async () => {
    const { records, duplicates } = await read(
      'openinference-vercel-v6/all-spans.json',
      'openinference-vercel-v6/ai-generateText.json',
      'openinference-vercel-v6/ai-generateText-doGenerate.json',
      'openinference-vercel-v6/ai-streamText-doStream.json',
    );
    expect(duplicates['span was exported more than once']).toBe(5);
    expect(records.used).toBe(5);
  });

  test('synthetic OTLP: concurrency, tools, memory, first token, human wait', async () => {
    const found = await read('synthetic-otlp/genai-2026.jsonl');
    const calls = allCalls(found);
    expect(maxConcurrent(calls)).toBe(2);
    expect(
      calls.filter(({ error }) => error !== undefined).map(({ attempts }) => attempts[0]!.status),
    ).toEqual([429]);
    expect(sum(toolsOf(found).map(({ durationMs }) => durationMs!))).toBe(4000);
    expect(toolsOf(found).filter(({ error }) => error === true)).toHaveLength(1);
    expect(calls.flatMap(({ ttftMs }) => ttftMs ?? [])).toEqual([700]);
    const written = calls.map(({ tokens }) => tokens.cacheWrite5m + tokens.cacheWrite1h);
    expect(sum(written)).toBe(400);
    const edges = toolsOf(found);
    const last = Math.max(...edges.map(({ endMs }) => endMs!));
    expect(last - Math.min(...edges.map(({ startMs }) => startMs))).toBe(3000);
    const state = stepsOf(found.sessions).filter((step) => step.kind === 'state');
    expect(state.map(({ operation }) => operation)).toEqual(['read']);
    const [turn] = found.sessions[0]!.turns;
    expect(turn!.endMs! - turn!.startMs).toBe(12_000);
    const [bash] = toolsOf(await read('synthetic-otlp/claude-code-otel.jsonl'));
    expect([bash!.durationMs! + bash!.humanWaitMs!, bash!.humanWaitMs]).toEqual([1831, 100]);
  });

  test('OTLP without GenAI spans is read and says that there is no call', async () => {
    for (const file of ['trace', 'logs', 'metrics', 'events']) {
      await expect(read(`otlp-proto-examples/${file}.json`)).rejects.toMatchObject({
        code: 'trace.empty',
        message: expect.stringMatching(/no LLM call in .* records read as otlp/),
      });
    }
  });

  test('flat OTel dumps: calls, busy time, concurrency', async () => {
    const expected = (await expectedFile('otel-inference-perf.json')) as unknown as Readonly<
      Record<
        string,
        Readonly<
          Record<'llm_spans' | 'llm_busy_s' | 'max_concurrent' | 'spans' | 'wall_s', number>
        > & {
          readonly models: Readonly<Record<string, number>>;
          readonly ops: Readonly<Record<string, number>>;
          readonly usage_keys: readonly string[];
        }
      >
    >;
    for (const [file, figures] of Object.entries(expected)) {
      const found = await read(`otel-inference-perf/${file}`);
      const calls = allCalls(found);
      expect(found.records.read).toBe(figures.spans);
      const start = Math.min(...calls.map(({ startMs }) => startMs));
      const end = Math.max(...calls.map(({ endMs }) => endMs!));
      expect((end - start) / 1000).toBeCloseTo(figures.wall_s, 6);
      const models: Record<string, number> = {};
      for (const { model } of calls) models[model!] = (models[model!] ?? 0) + 1;
      expect(models).toEqual(figures.models);
      expect(figures.ops).toEqual({ chat: calls.length });
      expect(calls.every(({ operation }) => operation === 'chat')).toBe(true);
      expect([file, calls.length, sum(calls.map(seconds)), maxConcurrent(calls)]).toEqual([
        file,
        figures.llm_spans,
        expect.closeTo(figures.llm_busy_s, 6),
        figures.max_concurrent,
      ]);
      const basis = figures.usage_keys.length > 0 ? 'reported' : 'estimated';
      expect(new Set(calls.map(({ tokensBasis }) => tokensBasis))).toEqual(new Set([basis]));
    }
  });

  test.for([
    {
      file: 'anthropic__should-set-attributes-in-span-for-beta-messages-with-thinking',
      tokens: [49, 0, 0],
      basis: 'reported',
    },
    {
      file: 'anthropic__should-set-attributes-in-span-for-messages-streaming',
      tokens: [17, 0, 0, 158],
      basis: 'reported',
    },
    {
      file: 'bedrock__should-set-cache-tokens-in-span-for-Anthropic-messages-API-with-cached-tokens',
      tokens: [23, 5, 8, 15],
      basis: 'reported',
    },
    {
      file: 'openai__should-set-attributes-in-span-for-streaming-chat',
      tokens: undefined,
      basis: 'estimated',
    },
    {
      file: 'openai__should-set-attributes-in-span-for-tool-calling',
      tokens: [82, 0, 0, 18],
      basis: 'reported',
    },
  ])('HAR $file', async ({ file, tokens, basis }) => {
    const [call] = (await read(`har-openllmetry-js/instrumentation-${file}.har`)).calls;
    const { cacheRead, cacheWrite5m, output } = call!.tokens;
    const found = [inputTokens(call!.tokens), cacheRead, cacheWrite5m, output];
    expect(found.slice(0, tokens?.length ?? 0)).toEqual(tokens ?? []);
    expect(call!.tokensBasis).toBe(basis);
    // PollyJS gives the whole time as waiting: no first token.
    expect(call!.ttftMs).toBeUndefined();
  });

  test('HAR of the Vercel SDK: cache creation 1,200; two Responses calls of nested agents', async () => {
    const cases = [
      ['should-capture-and-transform-Anthropic-cache-tokens-from-providerMetadata', 1],
      ['should-capture-and-transform-OpenAI-cache-tokens-from-providerMetadata', 1],
      ['should-properly-scope-agent-names-in-nested-agent-scenarios', 2],
    ] as const;
    const calls: LlmCall[] = [];
    for (const [name, count] of cases) {
      const found = await read(`har-openllmetry-js/traceloop-sdk__${name}.har`);
      expect(found.calls).toHaveLength(count);
      calls.push(...found.calls);
    }
    expect(calls[0]!.tokens.cacheWrite5m).toBe(1200);
    expect([inputTokens(calls[1]!.tokens), calls[1]!.tokens.output]).toEqual([330, 9]);
  });
});

describe.skipIf(noTraces)('trajectories', () => {
  test('tau-bench', async () => {
    const expected = (await expectedFile('tau-bench.json')) as unknown as {
      readonly sessions: number;
      readonly assistant_calls: number;
      readonly user_turns: number;
      readonly tools: Readonly<Record<string, number>>;
      readonly duplicate_tool_calls_within_session: number;
      readonly duplicate_tool_calls_global: number;
      readonly exact_prompt_repeats: number;
      readonly exact_prompt_repeat_ratio: number;
      readonly calls_per_session: SummaryFigures;
      readonly calls_per_user_turn: SummaryFigures;
    };
    const found = await read('tau-bench/gpt-4o-airline.json');
    const isCall = (step: { readonly kind: string }): boolean => step.kind === 'llm';
    expect(found.sessions).toHaveLength(expected.sessions);
    expect(allCalls(found)).toHaveLength(expected.assistant_calls);
    const turns = found.sessions.flatMap((session) => session.turns);
    expectSummary(
      turns.map(({ steps }) => steps.filter(isCall).length),
      expected.calls_per_user_turn,
    );
    expectSummary(
      found.sessions.map((session) => stepsOf([session]).filter(isCall).length),
      expected.calls_per_session,
    );
    const tools: Record<string, number> = {};
    for (const { name } of toolsOf(found)) tools[name] = (tools[name] ?? 0) + 1;
    expect(tools).toEqual(expected.tools);
    const repeats = (steps: readonly ToolCall[]): number =>
      steps.length -
      new Set(steps.map(({ name, argumentsHash }) => `${name} ${argumentsHash!}`)).size;
    const within = found.sessions.map((session) =>
      repeats(toolsOf({ ...found, sessions: [session] })),
    );
    expect(sum(within)).toBe(expected.duplicate_tool_calls_within_session);
    expect(repeats(toolsOf(found))).toBe(expected.duplicate_tool_calls_global);
    const { prompts } = repeatsOf(found)!;
    expect(prompts!.repeated).toBe(expected.exact_prompt_repeats);
    expect(Number((prompts!.repeated / prompts!.calls).toFixed(5))).toBe(
      expected.exact_prompt_repeat_ratio,
    );
    expect(
      allCalls(found).every(
        ({ startMs, tokensBasis }) => Number.isNaN(startMs) && tokensBasis === 'estimated',
      ),
    ).toBe(true);
  });

  test('tau2-bench: the agent and, named, the user simulator', async () => {
    const expected = (await expectedFile('tau2-bench.json')) as unknown as Readonly<
      Record<string, SummaryFigures>
    > & {
      readonly messages: number;
      readonly sessions: number;
      readonly agent_calls: number;
      readonly agent_cost: number;
      readonly max_concurrent_sessions: number;
      readonly tool_results: number;
      readonly user_sim_calls: number;
    };
    const file = 'tau2-bench/2025-08-10_telecom_llm_agent_gpt-4o.json';
    const agent = await read(file);
    const calls = allCalls(agent);
    expect(agent.records.read).toBe(expected.messages);
    expect(agent.sessions).toHaveLength(expected.sessions);
    expectSummary(inputs(calls), expected['agent_input']!);
    expectSummary(outputs(calls), expected['agent_output']!);
    expectSummary(calls.map(seconds), expected['agent_latency_s']!);
    const fold = new ProfileFold();
    for (const session of agent.sessions) fold.session(session);
    const { stated, concurrency } = fold.profile({ name: 'tau2', format: 'tau2', files: [] });
    expect([calls.length, stated!.costUsd!.n]).toEqual([expected.agent_calls, calls.length]);
    // Given to 6 decimals.
    expect(Math.abs(stated!.costUsd!.sum - expected.agent_cost)).toBeLessThan(1e-6);
    expect(concurrency.sessions!.peak).toBe(expected.max_concurrent_sessions);
    const user = await collect([sharedTrace(file)], 'tau2-bench-user');
    expect(allCalls(user)).toHaveLength(expected.user_sim_calls);
    expectSummary(inputs(allCalls(user)), expected['user_sim_input']!);
    // Tool latencies are given over both sides together.
    const tools = [...toolsOf(agent), ...toolsOf(user)];
    expect(tools).toHaveLength(expected.tool_results);
    expectSummary(
      tools.map(({ durationMs }) => durationMs! / 1000),
      expected['tool_latency_s']!,
    );
    // The harness greets before the first turn and the user leaves after the last one: a session of
    // the model lies inside its simulation.
    const { simulations } = JSON.parse(await readFile(sharedTrace(file), 'utf8')) as {
      readonly simulations: readonly {
        readonly id: string;
        readonly start_time: string;
        readonly end_time: string;
      }[];
    };
    const byId = new Map(agent.sessions.map((session) => [session.id, session.turns]));
    const whole: (readonly [number, number])[] = [];
    for (const { id, start_time: start, end_time: end } of simulations) {
      const [startMs, endMs] = [isoMs(start)!, isoMs(end)!];
      whole.push([startMs, endMs]);
      const turns = byId.get(id)!;
      expect(turns[0]!.startMs).toBeGreaterThanOrEqual(startMs);
      expect(turns.at(-1)!.endMs!).toBeLessThanOrEqual(endMs);
    }
    expect(mostAtOnce(whole)).toBe(expected.max_concurrent_sessions);
    expectSummary(
      whole.map(([startMs, endMs]) => (endMs - startMs) / 1000),
      expected['session_duration_s']!,
    );
  });

  test('SWE-agent: calls add up to the reported totals; zeros there mean unknown', async () => {
    const pydicom = await read(
      'sweagent-trajectories/gpt4__swe-bench-dev-easy_first_only__default__t-0.00__p-0.95__c-3.00__install-1__pydicom__pydicom-1458.traj',
    );
    const calls = allCalls(pydicom);
    expect([calls.length, sum(inputs(calls)), sum(outputs(calls))]).toEqual([12, 122_612, 1369]);
    const replay = await read(
      'sweagent-trajectories/replay__marshmallow-code__marshmallow-1867__function_calling__install-1__marshmallow-code__marshmallow-1867.traj',
    );
    expect(allCalls(replay)).toHaveLength(11);
    expect(sum(inputs(allCalls(replay)))).toBeGreaterThan(0);
    expect(toolsOf(replay)[0]!.durationMs).toBeCloseTo(239.637, 2);
    expect(toolsOf(pydicom)[0]!.durationMs).toBeUndefined();
  });

  test('mini-swe-agent: one turn, observations are not turns', async () => {
    for (const [file, count] of [
      ['github_issue', 10],
      ['local', 2],
    ] as const) {
      const found = await read(`mini-swe-agent/${file}.traj.json`);
      expect(found.sessions[0]!.turns).toHaveLength(1);
      expect(allCalls(found)).toHaveLength(count);
    }
  });
});
