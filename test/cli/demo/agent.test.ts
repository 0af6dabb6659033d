import { expect, test } from 'vitest';

import { virtualAgents } from './virtual-demo.ts';

test('sessions grow turn by turn, use tools and fan out to sub-agents', async () => {
  const { run, log } = await virtualAgents(36);
  expect(run).toMatchObject({ sessions: 36, failures: 0, calls: log.length });
  expect(run.turns).toBeGreaterThanOrEqual(72);
  expect(run.turns).toBeLessThanOrEqual(144);
  expect(run.toolCalls).toBeGreaterThan(run.turns / 2);
  const overlapping = log.filter((one) =>
    log.some(
      (other) =>
        other !== one &&
        other.call.session === one.call.session &&
        other.startMs < one.endMs &&
        other.endMs > one.startMs,
    ),
  );
  expect(overlapping.length).toBeGreaterThan(20);
});

test('every call continues a conversation the model has seen, or starts one', async () => {
  const { log } = await virtualAgents(12);
  for (const { call, startMs } of log) {
    const before = call.messages.slice(0, -1);
    const isStart = before.length === 1;
    const lastAnswer = before.findLastIndex(({ role }) => role === 'assistant');
    const known = log.some(
      ({ call: earlier, endMs }) =>
        endMs <= startMs && earlier.messages.length === lastAnswer && lastAnswer > 0,
    );
    expect(isStart || known).toBe(true);
  }
});

test('every tool call gets its result before the model is asked again', async () => {
  const { log } = await virtualAgents(12);
  for (const { call } of log) {
    const asked = call.messages.flatMap((message) => message.tool_calls?.map(({ id }) => id) ?? []);
    const answered = call.messages.flatMap((message) => message.tool_call_id ?? []);
    expect(answered.toSorted()).toEqual(asked.toSorted());
  }
});

test('the same seed plays the same sessions', async () => {
  const [first, second] = [await virtualAgents(8), await virtualAgents(8)];
  expect(second.log).toEqual(first.log);
});

test('a failed call ends its session and is counted', async () => {
  const { run } = await virtualAgents(6, ({ session }) => session === 'demo-3');
  expect(run.failures).toBe(1);
  expect(run.sessions).toBe(6);
});
