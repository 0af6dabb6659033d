import { expect, test } from 'vitest';

import { allCalls, collectText, toolsOf, type Collected } from './collected.ts';

const stamp = (second: number): string =>
  new Date(Date.UTC(2026, 2, 21, 10) + second * 1000).toISOString();
const line = (type: string, second: number, payload: object): object => ({
  timestamp: stamp(second),
  type,
  payload,
});
const usage = (input: number, output: number): object => ({
  input_tokens: input,
  cached_input_tokens: 1,
  output_tokens: output,
  reasoning_output_tokens: 0,
});
const tokens = (
  second: number,
  total: readonly [number, number],
  last?: readonly [number, number],
): object =>
  line('event_msg', second, {
    type: 'token_count',
    info: {
      total_token_usage: usage(...total),
      ...(last === undefined ? {} : { last_token_usage: usage(...last) }),
    },
  });

async function read(...records: readonly object[]): Promise<Collected> {
  return collectText(records.map((record) => `${JSON.stringify(record)}\n`).join(''));
}

const outputs = (found: Collected): readonly number[] =>
  allCalls(found).map((call) => call.tokens.output);

test('equal totals repeat an event; a missing last usage is the difference of the totals', async () => {
  const found = await read(
    tokens(1, [100, 10], [100, 10]),
    tokens(2, [100, 10], [100, 10]),
    tokens(3, [300, 35]),
    line('event_msg', 4, { type: 'token_count', info: null }),
  );
  expect(outputs(found)).toEqual([10, 25]);
  expect(found.duplicates).toEqual({ 'token_count repeats the totals of the event before it': 1 });
  expect(found.records).toEqual({ read: 4, used: 3, skipped: 0, duplicates: 1 });
});

test("a sub-agent's file replays its parent's history within one second: dropped", async () => {
  const found = await read(
    line('session_meta', 0, {
      id: 'sub',
      source: { subagent: { thread_spawn: { parent_thread_id: 'p' } } },
    }),
    tokens(5.1, [100, 10], [100, 10]),
    tokens(5.2, [300, 35], [200, 25]),
    tokens(9, [400, 42], [100, 7]),
  );
  expect(outputs(found)).toEqual([7]);
  expect(found.duplicates).toEqual({ "sub-agent replays its parent's token counts": 2 });
});

test('a sub-agent without history keeps its first call', async () => {
  const found = await read(
    line('session_meta', 0, {
      id: 'sub',
      source: { subagent: { thread_spawn: { parent_thread_id: 'p' } } },
    }),
    tokens(5.1, [100, 10], [100, 10]),
    tokens(9, [400, 17], [300, 7]),
  );
  expect(outputs(found)).toEqual([10, 7]);
});

test('calls run from input to last output, tools to their output, with the time they report', async () => {
  const found = await read(
    line('session_meta', 0, { id: 's', model_provider: 'openai', source: 'cli' }),
    line('event_msg', 1, { type: 'task_started' }),
    line('response_item', 3, { type: 'reasoning' }),
    line('response_item', 4, {
      type: 'function_call',
      name: 'exec',
      arguments: '{}',
      call_id: 'c',
    }),
    tokens(4.2, [100, 10], [100, 10]),
    line('response_item', 6, {
      type: 'function_call_output',
      call_id: 'c',
      output: 'Wall time: 1.2500 seconds\nx',
    }),
    line('response_item', 8, { type: 'message', role: 'assistant', content: [] }),
    tokens(8.1, [200, 15], [100, 5]),
    line('event_msg', 8.2, { type: 'task_complete', duration_ms: 7000 }),
  );
  const at = (ms: number): number => (ms - Date.parse(stamp(0))) / 1000;
  expect(allCalls(found).map(({ startMs, endMs }) => [at(startMs), at(endMs!)])).toEqual([
    [1, 4],
    [6, 8],
  ]);
  expect(
    toolsOf(found).map(({ startMs, endMs, durationMs, after }) => [
      at(startMs),
      at(endMs!),
      durationMs,
      after,
    ]),
  ).toEqual([[4, 6, 1250, ['1']]]);
  expect(found.sessions[0]!.turns).toMatchObject([{ activeMs: 7000 }]);
});
