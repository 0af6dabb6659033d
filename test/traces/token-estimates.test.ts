import { readFile } from 'node:fs/promises';

import { countTokens } from 'gpt-tokenizer/encoding/o200k_base';
import { describe, expect, test } from 'vitest';

import { quantileSorted } from '../../src/core/statistics.ts';
import { contentTexts } from '../../src/traces/estimate.ts';
import { exclusiveUsage } from '../../src/traces/usage.ts';
import { encodingOf, TokenCounter } from '../../src/traces/token-count.ts';
import { PromptTexts, TokenEstimates } from '../../src/traces/token-estimates.ts';
import { allCalls, collect, collectText, noTraces, sharedTrace } from './collected.ts';

const text = 'The quick brown fox jumps over the lazy dog. ';
const conversation = (model: string | undefined, words: number, callsTools = false) => ({
  model,
  prompt: new PromptTexts([text.repeat(words)]),
  answer: [text.repeat(words)],
  callsTools,
});

describe('without calls that report usage', () => {
  test.for([
    {
      why: 'gpt-4o: the published error of the tokenizer',
      model: 'gpt-4o',
      low: 0.991,
      high: 1.025,
    },
    { why: 'no model named: as OpenAI', model: undefined, low: 0.991, high: 1.025 },
    { why: 'Claude: the error is not known', model: 'claude-opus-5', low: null, high: null },
  ])('$why', ({ model, low, high }) => {
    const estimates = new TokenEstimates();
    const tokens = estimates.estimate(conversation(model, 20));
    estimates.settle();
    const counted = Math.round(countTokens(text.repeat(20)) / 0.986);
    expect([tokens.uncached, tokens.output]).toEqual([counted, counted]);
    const round = (value: number | null): number | null =>
      value === null ? null : Number(value.toFixed(3));
    expect(
      estimates.reports().map((report) => ({
        ...report,
        low: round(report.low),
        high: round(report.high),
      })),
    ).toEqual([
      { model, role: 'input', calls: 1, basis: 'tokenizer', samples: 0, low, high },
      { model, role: 'answers', calls: 1, basis: 'tokenizer', samples: 0, low, high },
    ]);
  });

  test('answers that call tools hide scaffolding: a factor and a band of their own', () => {
    const estimates = new TokenEstimates();
    const tokens = estimates.estimate(conversation('gpt-4o', 20, true));
    estimates.settle();
    expect(tokens.output).toBe(Math.round(countTokens(text.repeat(20)) / 0.682));
    expect(estimates.reports()[1]).toMatchObject({ role: 'tool calls' });
    expect(estimates.reports()[1]!.high).toBeCloseTo(1.251, 3);
  });

  test('characters only where the tokenizer cannot be loaded', () => {
    const broken = new TokenCounter(() => {
      throw new Error('not installed');
    });
    const estimates = new TokenEstimates(broken);
    const tokens = estimates.estimate(conversation('gpt-4o', 20));
    estimates.settle();
    expect(tokens.output).toBe(Math.round(Math.ceil((text.length * 20) / 4) / 1.149));
    expect(estimates.reports()[0]).toMatchObject({ basis: 'characters' });
  });
});

describe('with calls of the same input that report usage', () => {
  test('the ratio is found per model and role, and the band is that of the calls', () => {
    const estimates = new TokenEstimates();
    for (let words = 10; words < 30; words += 1) {
      const counted = countTokens(text.repeat(words));
      const reported = { input: counted * 1.5 + (words % 2), output: counted * 1.25 };
      estimates.observe(conversation('claude-opus-5', words), exclusiveUsage(reported));
    }
    const claude = estimates.estimate(conversation('claude-opus-5', 40));
    const other = estimates.estimate(conversation('gpt-4o', 40));
    estimates.settle();
    const counted = countTokens(text.repeat(40));
    expect(claude.uncached / counted).toBeCloseTo(1.5, 2);
    expect(claude.output).toBe(Math.round(counted * 1.25));
    expect(other.output).toBe(Math.round(counted / 0.986));
    const [input] = estimates.reports();
    expect(input).toMatchObject({ model: 'claude-opus-5', basis: 'calibrated', samples: 20 });
    expect(input!.low).toBeGreaterThan(0.98);
    expect(input!.high).toBeLessThan(1.02);
  });

  test('fewer than ten are no calibration', () => {
    const estimates = new TokenEstimates();
    for (let words = 1; words < 10; words += 1)
      estimates.observe(conversation('m', words), exclusiveUsage({ input: 1e6, output: 1e6 }));
    estimates.estimate(conversation('m', 5));
    estimates.settle();
    expect(estimates.reports()[0]).toMatchObject({ basis: 'tokenizer', samples: 0 });
  });

  test('nothing is counted, and no tokenizer loaded, while no call needs it', () => {
    const estimates = new TokenEstimates(
      new TokenCounter(() => {
        throw new Error('loaded');
      }),
    );
    for (let words = 1; words < 100; words += 1)
      estimates.observe(conversation('m', words), exclusiveUsage({ input: 1, output: 1 }));
    estimates.settle();
    expect(estimates.wants('m')).toBe(false);
    expect(estimates.reports()).toEqual([]);
  });
});

describe('the tokenizer', () => {
  test.for([
    ['gpt-4o-2024-08-06', 'o200k_base'],
    ['openai/gpt-4.1', 'o200k_base'],
    ['gpt-4', 'cl100k_base'],
    ['gpt-4-turbo', 'cl100k_base'],
    ['azure/gpt-35-turbo', 'cl100k_base'],
    ['text-embedding-3-small', 'cl100k_base'],
    ['gpt-5', 'o200k_base'],
    ['claude-opus-5', 'o200k_base'],
    [undefined, 'o200k_base'],
  ] as const)('%s is counted with %s', ([model, encoding]) => {
    expect(encodingOf(model)).toBe(encoding);
  });

  test.for([
    {
      why: 'plain text is counted as it is',
      sample: text.repeat(100),
      most: countTokens(text.repeat(100)),
    },
    { why: 'a control word in a trace is text', sample: '<|endoftext|>', most: 10 },
    // Unbroken runs would take the tokenizer minutes, quadratic in their length.
    { why: 'one letter 300,000 times', sample: 'a'.repeat(300_000), most: 300_000 },
    { why: 'spaces', sample: ' '.repeat(300_000), most: 300_000 },
  ])('$why', ({ sample, most }) => {
    const tokens = new TokenCounter().count(sample, 'o200k_base');
    expect(tokens).toBeGreaterThan(0);
    expect(tokens).toBeLessThanOrEqual(most);
  });
});

describe('in traces', () => {
  const span = (id: number, usage: object, words = id): object => ({
    span_id: `s${id}`,
    trace_id: `t${id}`,
    name: 'chat m',
    start_time: `2026-03-17T08:00:${String(id).padStart(2, '0')}.000000`,
    end_time: `2026-03-17T08:01:00.000000`,
    attributes: {
      'gen_ai.operation.name': 'chat',
      'gen_ai.request.model': 'm',
      'gen_ai.input.messages': JSON.stringify([{ role: 'user', content: text.repeat(words) }]),
      'gen_ai.output.text': text.repeat(words),
      ...usage,
    },
  });
  const reported = (words: number): object => ({
    'gen_ai.usage.input_tokens': 2 * countTokens(text.repeat(words)),
    'gen_ai.usage.output_tokens': 3 * countTokens(text.repeat(words)),
  });

  test('spans without usage are corrected by the spans beside them, wherever they stand', async () => {
    const spans = [
      span(1, {}, 20),
      ...Array.from({ length: 12 }, (_, at) => span(at + 10, reported(at + 10))),
    ];
    const found = await collectText(JSON.stringify({ trace_id: 't', spans }));
    const open = allCalls(found).filter(({ tokensBasis }) => tokensBasis === 'estimated');
    const counted = countTokens(text.repeat(20));
    expect(open.map(({ tokens }) => [tokens.uncached, tokens.output])).toEqual([
      [2 * counted, 3 * counted],
    ]);
    expect(found.estimates).toMatchObject([
      { model: 'm', role: 'input', calls: 1, basis: 'calibrated', samples: 12, low: 1, high: 1 },
      { model: 'm', role: 'answers', calls: 1, basis: 'calibrated', samples: 12, low: 1, high: 1 },
    ]);
  });

  test.skipIf(noTraces)(
    'the published error of o200k on tau2-bench: gpt-4o, answers and tool calls',
    async () => {
      const file = sharedTrace('tau2-bench/2025-08-10_telecom_llm_agent_gpt-4o.json');
      const { simulations } = JSON.parse(await readFile(file, 'utf8')) as {
        readonly simulations: readonly {
          readonly messages: readonly {
            readonly role: string;
            readonly content: string | null;
            readonly tool_calls: readonly { name: string; arguments: object }[] | null;
            readonly usage: { readonly completion_tokens: number } | null;
          }[];
        }[];
      };
      const ratios = { text: [] as number[], toolCalls: [] as number[] };
      for (const message of simulations.flatMap(({ messages }) => messages)) {
        if (message.role !== 'assistant' || message.usage === null) continue;
        const calls = message.tool_calls ?? [];
        let counted = 0;
        for (const part of contentTexts([message.content, calls])) {
          counted += part === 'assistant' ? 0 : countTokens(part); // the calls' requestor
        }
        const kind = calls.length > 0 ? 'toolCalls' : 'text';
        ratios[kind].push(counted / message.usage.completion_tokens);
      }
      const figures = (values: readonly number[]): readonly number[] => {
        const sorted = values.toSorted((a, b) => a - b);
        return [0.05, 0.5, 0.95].map((q) => Number(quantileSorted(sorted, q).toFixed(3)));
      };
      expect([ratios.text.length, ratios.toolCalls.length]).toEqual([139, 78]);
      expect(figures(ratios.text)).toEqual([0.962, 0.986, 0.995]);
      // How the published figure writes a call is not stated: its median is ours, its ends are near.
      const [p5, p50, p95] = figures(ratios.toolCalls);
      expect(p50).toBe(0.682);
      expect(Math.abs(p5! - 0.545)).toBeLessThan(0.06);
      expect(Math.abs(p95! - 0.902)).toBeLessThan(0.02);
    },
  );

  test.skipIf(noTraces)('a trace whose calls all report usage has no estimates', async () => {
    const found = await collect([
      sharedTrace('tau2-bench/2025-08-10_telecom_llm_agent_gpt-4o.json'),
    ]);
    expect(found.estimates).toEqual([]);
    const tau = await collect([sharedTrace('tau-bench/gpt-4o-airline.json')]);
    expect(tau.estimates.map(({ role, calls }) => [role, calls])).toEqual([
      ['input', 2454],
      ['answers', expect.any(Number)],
      ['tool calls', expect.any(Number)],
    ]);
  });
});
