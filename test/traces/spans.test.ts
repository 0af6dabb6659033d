import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { inputTokens } from '../../src/core/tokens.ts';
import { directPredecessors } from '../../src/traces/step-order.ts';
import {
  dialects,
  dumpText,
  jaegerText,
  otlpText,
  withoutMemory,
  type Dialect,
} from '../fixtures/traces/dialects.ts';
import { allCalls, collectText, stepsOf, toolsOf } from './collected.ts';

const nanos = (second: number): string => `${1_790_000_000 + second}000000000`;

interface Span {
  readonly id: string;
  readonly parent?: string;
  readonly name?: string;
  readonly from?: number;
  readonly to?: number;
  readonly trace?: string;
  readonly attributes?: Readonly<Record<string, unknown>>;
  readonly more?: object;
}

function span({
  id,
  parent,
  name = 'x',
  from = 0,
  to = 1,
  trace = 'aa',
  attributes = {},
  more,
}: Span): object {
  return {
    traceId: trace,
    spanId: id,
    parentSpanId: parent,
    name,
    startTimeUnixNano: nanos(from),
    endTimeUnixNano: nanos(to),
    attributes: Object.entries(attributes).map(([key, value]) => ({ key, value: anyValue(value) })),
    ...more,
  };
}

function anyValue(value: unknown): object {
  if (typeof value === 'boolean') return { boolValue: value };
  if (typeof value === 'number')
    return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value };
  if (Array.isArray(value)) return { arrayValue: { values: value.map(anyValue) } };
  return { stringValue: value };
}

const otlp = (...spans: readonly object[]): string =>
  JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans }] }] });

const chat = (input: number, output: number, more: object = {}): Record<string, unknown> => ({
  'gen_ai.operation.name': 'chat',
  'gen_ai.usage.input_tokens': input,
  'gen_ai.usage.output_tokens': output,
  ...more,
});

const agent = (input: number, output: number): Record<string, unknown> => ({
  'gen_ai.operation.name': 'invoke_agent',
  'gen_ai.usage.input_tokens': input,
  'gen_ai.usage.output_tokens': output,
});

async function totals(text: string): Promise<readonly number[]> {
  const calls = allCalls(await collectText(text));
  return [
    calls.length,
    calls.reduce((total, { tokens }) => total + inputTokens(tokens), 0),
    calls.reduce((total, { tokens }) => total + tokens.output, 0),
  ];
}

describe('one scenario in every dialect', () => {
  test.for(Object.keys(dialects) as Dialect[])(
    '%s gives the same sessions as genAi2026',
    async (dialect) => {
      const reference = await collectText(otlpText('genAi2026'));
      const other = await collectText(otlpText(dialect));
      expect(other.sessions).toEqual(reference.sessions);
      expect(reference.sessions).toHaveLength(1);
      expect(await totals(otlpText(dialect))).toEqual([4, 5400, 330]);
    },
  );

  test('Jaeger and a flat dump too', async () => {
    const { sessions } = await collectText(otlpText('genAi2026'));
    expect((await collectText(jaegerText())).sessions).toEqual(sessions);
    expect((await collectText(dumpText())).sessions).toEqual(sessions);
  });

  test('Claude Code, which has no memory spans and whose input excludes the cache', async () => {
    const reference = await collectText(otlpText('genAi2026', withoutMemory));
    const claude = await collectText(otlpText('claudeCode', withoutMemory));
    expect(claude.sessions).toEqual(reference.sessions);
  });

  test('fan-out, join and attempts', async () => {
    const { sessions } = await collectText(otlpText('genAi2026'));
    expect(sessions[0]!.turns[0]!.steps.map(({ id, after }) => [id, after])).toEqual([
      ['1', []],
      ['2', ['1']],
      ['3', ['1']],
      ['4', ['2', '3']],
      ['5', ['4']],
      ['6', ['4']],
      ['7', ['5', '6']],
    ]);
    expect(allCalls({ calls: [], sessions } as never).at(-1)!.attempts).toEqual([
      expect.objectContaining({ status: 429, error: '429' }),
    ]);
  });
});

describe('double counting', () => {
  test.for([
    {
      why: 'an aggregate on the agent (langfuse#14754)',
      spans: [
        { id: '1', to: 9, attributes: agent(300, 30) },
        { id: '2', parent: '1', attributes: chat(100, 10) },
        { id: '3', parent: '1', from: 2, to: 3, attributes: chat(200, 20) },
      ],
      totals: [2, 300, 30],
    },
    {
      why: 'an aggregate that nothing below explains counts',
      spans: [{ id: '1', attributes: agent(300, 30) }],
      totals: [1, 300, 30],
    },
    {
      why: 'aggregates on every level count once',
      spans: [
        {
          id: '1',
          to: 9,
          attributes: { ...agent(300, 30), 'gen_ai.operation.name': 'invoke_workflow' },
        },
        { id: '2', parent: '1', to: 8, attributes: agent(300, 30) },
      ],
      totals: [1, 300, 30],
    },
    {
      why: 'an LLM span around an LLM span: the inner counts',
      spans: [
        { id: '1', to: 5, attributes: chat(1568, 423) },
        { id: '2', parent: '1', from: 1, to: 4, attributes: chat(663, 225) },
      ],
      totals: [1, 663, 225],
    },
    {
      why: 'an LLM span whose tool runs an agent with calls of its own',
      spans: [
        { id: '1', to: 9, attributes: chat(100, 10) },
        {
          id: '2',
          parent: '1',
          from: 1,
          to: 8,
          attributes: { 'gen_ai.operation.name': 'execute_tool', 'gen_ai.tool.name': 't' },
        },
        { id: '3', parent: '2', from: 2, to: 7, attributes: chat(50, 5) },
      ],
      totals: [2, 150, 15],
    },
    {
      why: 'a child that starts after its parent ended follows it (causal parents)',
      spans: [
        { id: '1', to: 2, attributes: chat(100, 10) },
        { id: '2', parent: '1', from: 2, to: 3, attributes: chat(200, 20) },
      ],
      totals: [2, 300, 30],
    },
    {
      why: 'a span exported twice',
      spans: [
        { id: '1', attributes: chat(100, 10) },
        { id: '1', attributes: chat(100, 10) },
      ],
      totals: [1, 100, 10],
    },
    {
      why: 'an SDK wrapper without links, in a trace of its own',
      spans: [
        {
          id: '1',
          trace: 'b1',
          name: 'ai.streamText',
          from: 0,
          to: 3,
          attributes: { 'ai.usage.inputTokens': 15, 'ai.usage.outputTokens': 112 },
        },
        {
          id: '2',
          trace: 'b2',
          name: 'ai.streamText.doStream',
          from: 0,
          to: 3,
          attributes: { 'ai.usage.inputTokens': 15, 'ai.usage.outputTokens': 112 },
        },
      ],
      totals: [1, 15, 112],
    },
    {
      why: 'an SDK wrapper whose call lies elsewhere in time counts',
      spans: [
        {
          id: '1',
          trace: 'b1',
          name: 'ai.streamText',
          from: 0,
          to: 3,
          attributes: { 'ai.usage.inputTokens': 15, 'ai.usage.outputTokens': 112 },
        },
        {
          id: '2',
          trace: 'b2',
          name: 'ai.streamText.doStream',
          from: 60,
          to: 63,
          attributes: { 'ai.usage.inputTokens': 7, 'ai.usage.outputTokens': 8 },
        },
      ],
      totals: [2, 22, 120],
    },
  ])('$why', async ({ spans, totals: expected }) => {
    expect(await totals(otlp(...spans.map((each) => span(each as Span))))).toEqual(expected);
  });

  test.for([
    {
      why: 'inclusive input',
      attributes: { cache_read: 60 },
      tokens: { uncached: 40, cacheRead: 60 },
    },
    {
      why: 'cached parts above the input say that it excludes them',
      attributes: { cache_read: 900 },
      tokens: { uncached: 100, cacheRead: 900 },
    },
    {
      why: 'the total says that the parts are disjoint',
      attributes: { cache_read: 60, total: 170 },
      tokens: { uncached: 100, cacheRead: 60 },
    },
    {
      why: 'the total says that they are not',
      attributes: { cache_read: 60, total: 110 },
      tokens: { uncached: 40, cacheRead: 60 },
    },
  ])('cache: $why', async ({ attributes, tokens }) => {
    const named = {
      'gen_ai.usage.cache_read.input_tokens': attributes.cache_read,
      ...('total' in attributes ? { 'llm.usage.total_tokens': attributes.total } : {}),
    };
    const { calls } = await collectText(otlp(span({ id: '1', attributes: chat(100, 10, named) })));
    expect(calls[0]!.tokens).toMatchObject(tokens);
  });

  test('reasoning is inside output, also when a source claims more', async () => {
    const { calls } = await collectText(
      otlp(span({ id: '1', attributes: chat(1, 10, { 'gen_ai.usage.reasoning_tokens': 50 }) })),
    );
    expect(calls[0]!.tokens).toMatchObject({ output: 10, reasoning: 10 });
  });
});

describe('sessions', () => {
  test('a session that is not named stays missing: a single call is a bare call', async () => {
    const { calls, sessions } = await collectText(otlp(span({ id: '1', attributes: chat(1, 1) })));
    expect([calls.length, sessions.length]).toEqual([1, 0]);
  });

  test('a trace of several steps without session stands alone and says so', async () => {
    const { sessions } = await collectText(
      otlp(
        span({ id: '1', attributes: chat(1, 1) }),
        span({ id: '2', from: 2, to: 3, attributes: chat(1, 1) }),
      ),
    );
    expect(sessions).toMatchObject([{ id: 'aa', idBasis: 'trace' }]);
  });

  test('traces of one session are its turns, in order of time', async () => {
    const named = { 'gen_ai.conversation.id': 'c' };
    const { sessions } = await collectText(
      otlp(
        span({ id: '1', trace: 'b', from: 50, to: 51, attributes: chat(2, 1, named) }),
        span({ id: '1', trace: 'a', attributes: chat(1, 1, named) }),
      ),
    );
    expect(sessions[0]!.turns.map(({ steps }) => steps.length)).toEqual([1, 1]);
    expect(sessions[0]!.turns[0]!.startMs).toBeLessThan(sessions[0]!.turns[1]!.startMs);
  });

  test('parallel sub-agents do not wait for each other, their parent for both', async () => {
    const { sessions } = await collectText(
      otlp(
        span({
          id: '1',
          to: 20,
          attributes: { 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.agent.name': 'lead' },
        }),
        span({ id: '2', parent: '1', to: 1, attributes: chat(1, 1) }),
        ...(['a', 'b'] as const).flatMap((name, index) => [
          span({
            id: `${name}0`,
            parent: '1',
            from: 2,
            to: 9 + index,
            attributes: { 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.agent.name': name },
          }),
          span({
            id: `${name}1`,
            parent: `${name}0`,
            from: 2 + index,
            to: 4 + index,
            attributes: chat(1, 1),
          }),
          span({
            id: `${name}2`,
            parent: `${name}0`,
            from: 6 + index,
            to: 9 + index,
            attributes: chat(1, 1),
          }),
        ]),
        span({ id: '9', parent: '1', from: 11, to: 12, attributes: chat(1, 1) }),
      ),
    );
    const steps = stepsOf(sessions);
    expect(steps.map(({ id, after }) => [id, after])).toEqual([
      ['1', []],
      ['2', ['1']],
      ['3', ['1']],
      ['4', ['2']],
      ['5', ['3']],
      ['6', ['4', '5']],
    ]);
    expect(steps.map((step) => (step.kind === 'llm' ? step.agent : ''))).toEqual([
      'lead',
      'a',
      'b',
      'a',
      'b',
      'lead',
    ]);
  });
});

describe('containers and their traps', () => {
  test('base64 ids of generic protobuf JSON, Tempo batches, old library spans', async () => {
    const traceId = Buffer.from('5b8efff798038103d269b633813fc60c', 'hex').toString('base64');
    const spanId = Buffer.from('a000000000000001', 'hex').toString('base64');
    const text = JSON.stringify({
      batches: [
        {
          instrumentationLibrarySpans: [
            { spans: [{ ...span({ id: '1', attributes: chat(7, 1) }), traceId, spanId }] },
          ],
        },
      ],
      more: { ignored: true },
    });
    expect(await totals(text)).toEqual([1, 7, 1]);
    const hex = otlp({
      ...span({ id: '2', parent: 'A000000000000001', attributes: chat(9, 1) }),
      traceId: '5B8EFFF798038103D269B633813FC60C',
    });
    // Found as its child under all three spellings of the ids, so the outer call is not counted.
    expect(await totals(`${text}\n${hex}\n`)).toEqual([1, 9, 1]);
  });

  test('Tempo v2, numbers and strings side by side', async () => {
    const each = span({
      id: '1',
      attributes: chat(7, 1),
      more: { startTimeUnixNano: 1_790_000_000_000_000_000 },
    });
    expect(
      await totals(
        JSON.stringify({ trace: { resourceSpans: [{ scopeSpans: [{ spans: [each] }] }] } }),
      ),
    ).toEqual([1, 7, 1]);
  });

  test('parents that never come and parents in a circle', async () => {
    const text = otlp(
      span({ id: '1', parent: 'ff', attributes: chat(1, 1) }),
      span({ id: '2', parent: '3', attributes: chat(2, 1) }),
      span({ id: '3', parent: '2', from: 5, to: 6, attributes: chat(4, 1) }),
      span({ id: '4', parent: '4', attributes: chat(8, 1) }),
    );
    expect(await totals(text)).toEqual([4, 15, 4]);
  });

  test('a chain of five thousand spans ends neither the stack nor patience', async () => {
    const spans = Array.from({ length: 5000 }, (_, index) =>
      span({
        id: `a${index}`,
        parent: `a${index - 1}`,
        from: index,
        to: 20_000,
        attributes: index % 3 === 0 ? agent(1, 1) : { 'gen_ai.operation.name': 'execute_tool' },
      }),
    );
    const { records } = await collectText(
      otlp(
        ...spans,
        span({ id: 'c', parent: 'a4999', from: 10_000, to: 10_001, attributes: chat(1, 1) }),
      ),
    );
    expect(records.used + records.duplicates).toBe(records.read);
  });

  test('spans of no interest are skipped with a reason, but keep the tree together', async () => {
    const { skips, duplicates } = await collectText(
      otlp(
        span({ id: '1', to: 9, attributes: agent(5, 5) }),
        span({
          id: '2',
          parent: '1',
          name: 'POST',
          to: 8,
          attributes: { 'http.request.method': 'POST' },
        }),
        span({ id: '3', parent: '2', attributes: chat(5, 5) }),
      ),
    );
    expect(skips).toEqual([['span is no LLM call, tool, agent or state operation', 'stdin:1']]);
    expect(duplicates).toEqual({ 'aggregate usage on an agent, workflow or SDK span': 1 });
  });

  test('a first chunk event gives the time to first token; attempts are counted', async () => {
    const { calls } = await collectText(
      otlp(
        span({
          id: '1',
          name: 'ai.streamText.doStream',
          attributes: { 'ai.usage.inputTokens': 1 },
          more: {
            events: [{ name: 'ai.stream.firstChunk', timeUnixNano: `${1_790_000_000}250000000` }],
          },
        }),
        span({
          id: '2',
          trace: 'bb',
          name: 'claude_code.llm_request',
          attributes: { input_tokens: 1, output_tokens: 1, attempt: 3 },
        }),
      ),
    );
    expect(calls[0]!.ttftMs).toBeCloseTo(250, 3);
    expect(calls[1]!.attempts).toHaveLength(3);
  });

  test('the wait for a human is not tool time', async () => {
    const found = await collectText(
      otlp(
        span({ id: '0', attributes: chat(1, 1) }),
        span({
          id: '1',
          name: 'claude_code.tool',
          from: 2,
          to: 9,
          attributes: { tool_name: 'Bash', duration_ms: 7000 },
        }),
        span({
          id: '2',
          parent: '1',
          name: 'claude_code.tool.blocked_on_user',
          from: 2,
          to: 7,
          attributes: { duration_ms: 5000 },
        }),
      ),
    );
    expect(toolsOf(found)).toMatchObject([{ name: 'Bash', durationMs: 2000, humanWaitMs: 5000 }]);
  });
});

describe('order of steps from intervals', () => {
  const interval = fc
    .tuple(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 12 }))
    .map(([startMs, length]) => ({ startMs, endMs: startMs + length }));

  test('a step follows only what had ended, is reachable from everything that had, and never waits in a circle', () => {
    fc.assert(
      fc.property(fc.array(interval, { maxLength: 25 }), (intervals) => {
        const before = directPredecessors(intervals);
        const reach = intervals.map(() => new Set<number>());
        const order = intervals
          .map((_, index) => index)
          .toSorted((a, b) => intervals[a]!.startMs - intervals[b]!.startMs);
        for (const at of order) {
          for (const previous of before[at]!) {
            expect(intervals[previous]!.endMs).toBeLessThanOrEqual(intervals[at]!.startMs);
            reach[at]!.add(previous);
            for (const further of reach[previous]!) reach[at]!.add(further);
          }
          expect(reach[at]!.has(at)).toBe(false);
          const ended = order.filter(
            (other) =>
              intervals[other]!.endMs <= intervals[at]!.startMs &&
              intervals[other]!.startMs < intervals[at]!.startMs,
          );
          expect([...reach[at]!].toSorted((a, b) => a - b)).toEqual(
            ended.toSorted((a, b) => a - b),
          );
        }
      }),
    );
  });
});
