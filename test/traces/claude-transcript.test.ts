import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { describe, expect, test } from 'vitest';

import { inputTokens } from '../../src/core/tokens.ts';
import {
  allCalls,
  collect,
  collectText,
  noTraces,
  sharedTrace,
  stepsOf,
  toolsOf,
  type Collected,
} from './collected.ts';

interface Line {
  readonly second: number;
  readonly session?: string;
  readonly sidechain?: boolean;
  readonly agentId?: string;
  readonly request?: string;
  readonly extra?: object;
}

const stamp = (second: number): string =>
  new Date(Date.UTC(2026, 5, 1) + second * 1000).toISOString();

function line(
  role: 'user' | 'assistant',
  { second, session = 's1', sidechain = false, agentId, request, extra }: Line,
  message: object,
): object {
  return {
    type: role,
    uuid: `${role}-${session}-${second}`,
    sessionId: session,
    timestamp: stamp(second),
    isSidechain: sidechain,
    agentId,
    requestId: request,
    message: { role, ...message },
    ...extra,
  };
}

const user = (at: Line, content: unknown): object => line('user', at, { content });
const result = (at: Line, id: string, more: object = {}): object =>
  line('user', at, { content: [{ type: 'tool_result', tool_use_id: id, content: 'x', ...more }] });
const answer = (
  at: Line,
  id: string,
  output: number,
  content: readonly object[] = [],
  model = 'm',
): object =>
  line('assistant', at, {
    id,
    model,
    content,
    usage: {
      input_tokens: 10,
      cache_read_input_tokens: 5,
      cache_creation_input_tokens: 3,
      output_tokens: output,
    },
  });
const use = (id: string, name = 'Bash', input: object = {}): object => ({
  type: 'tool_use',
  id,
  name,
  input,
});

async function read(...records: readonly object[]): Promise<Collected> {
  return collectText(records.map((record) => `${JSON.stringify(record)}\n`).join(''));
}

async function readFiles(files: Readonly<Record<string, readonly object[]>>): Promise<Collected> {
  const folder = await mkdtemp(join(tmpdir(), 'transcripts-'));
  try {
    for (const [name, records] of Object.entries(files)) {
      await mkdir(dirname(join(folder, name)), { recursive: true });
      await writeFile(
        join(folder, name),
        records.map((record) => `${JSON.stringify(record)}\n`).join(''),
      );
    }
    return await collect([folder]);
  } finally {
    await rm(folder, { recursive: true });
  }
}

const outputs = (found: Collected): readonly number[] =>
  allCalls(found).map(({ tokens }) => tokens.output);

test('a split message counts once, with its last usage and all its tools', async () => {
  const found = await read(
    user({ second: 0 }, 'go'),
    answer({ second: 2, request: 'r' }, 'msg', 1),
    answer({ second: 3, request: 'r' }, 'msg', 70, [use('a')]),
    answer({ second: 4, request: 'r' }, 'msg', 70, [use('b')]),
  );
  const [call] = allCalls(found);
  expect([allCalls(found).length, call!.tokens.output, inputTokens(call!.tokens)]).toEqual([
    1, 70, 18,
  ]);
  expect([call!.startMs, call!.endMs]).toEqual([Date.parse(stamp(0)), Date.parse(stamp(4))]);
  expect(call!.attempts).toEqual([{ startMs: call!.startMs, endMs: call!.endMs }]);
  expect(toolsOf(found)).toHaveLength(2);
  expect(found.duplicates).toEqual({
    'message is split over several lines that repeat its usage': 2,
  });
});

test('parallel tools fan out from their call and join in the next', async () => {
  const found = await read(
    user({ second: 0 }, 'go'),
    answer({ second: 2 }, 'm1', 1, [use('a'), use('b', 'Read')]),
    result({ second: 3 }, 'a'),
    result({ second: 5, extra: { toolUseResult: { durationMs: 1500 } } }, 'b', { is_error: true }),
    answer({ second: 9 }, 'm2', 2),
  );
  expect(
    stepsOf(found.sessions).map(({ id, after, startMs, endMs }) => [
      id,
      after,
      (endMs! - startMs) / 1000,
    ]),
  ).toEqual([
    ['1', [], 2],
    ['2', ['1'], 1],
    ['3', ['1'], 3],
    ['4', ['2', '3'], 4],
  ]);
  expect(toolsOf(found).map(({ name, durationMs, error }) => [name, durationMs, error])).toEqual([
    ['Bash', undefined, undefined],
    ['Read', 1500, true],
  ]);
});

test('turns begin with a human, not with a tool result, a note or a summary', async () => {
  const found = await read(
    user({ second: 0 }, 'one'),
    answer({ second: 1 }, 'm1', 1, [use('a')]),
    result({ second: 2 }, 'a'),
    user({ second: 3, extra: { isMeta: true } }, 'note'),
    answer({ second: 4 }, 'm2', 2),
    user({ second: 5, extra: { isCompactSummary: true } }, 'summary'),
    answer({ second: 6 }, 'm3', 3),
    user({ second: 8 }, [{ type: 'text', text: 'two' }]),
    answer({ second: 9 }, 'm4', 4),
  );
  expect(
    found.sessions[0]!.turns.map(({ steps }) => steps.filter(({ kind }) => kind === 'llm').length),
  ).toEqual([3, 1]);
});

test('a synthetic message is not a call', async () => {
  const found = await read(
    answer({ second: 1 }, 'm1', 5),
    answer({ second: 2 }, 'm2', 99, [], '<synthetic>'),
  );
  expect(outputs(found)).toEqual([5]);
  expect(found.skips).toEqual([['synthetic message, not a call', 'stdin:2']]);
});

describe('copies', () => {
  test("a sidechain that replays its parent's message is dropped", async () => {
    const found = await read(
      user({ second: 0 }, 'go'),
      answer({ second: 1, request: 'r1' }, 'msg', 5),
      answer({ second: 1, request: 'r2', sidechain: true }, 'msg', 5),
      answer({ second: 3, request: 'r3', sidechain: true }, 'other', 7),
    );
    expect(outputs(found)).toEqual([5, 7]);
    expect(found.duplicates).toEqual({ 'sidechain replays a message of its parent': 1 });
  });

  test('a resumed session copies its history into a new file', async () => {
    const history = (session: string): object[] => [
      user({ second: 0, session }, 'go'),
      answer({ second: 1, session, request: 'r1' }, 'm1', 5, [use('a')]),
      result({ second: 2, session }, 'a'),
      answer({ second: 3, session, request: 'r2' }, 'm2', 6),
    ];
    const found = await readFiles({
      'a.jsonl': history('s1'),
      'b.jsonl': [
        ...history('s2'),
        user({ second: 9, session: 's2' }, 'more'),
        answer({ second: 10, session: 's2', request: 'r3' }, 'm3', 7),
      ],
    });
    expect(
      found.sessions.map(
        (session) => stepsOf([session]).filter(({ kind }) => kind === 'llm').length,
      ),
    ).toEqual([2, 1]);
    expect(found.duplicates).toEqual({
      'message is copied from another session or file (resumed, forked)': 2,
    });
  });

  test('the same message id with another request is another call (ids collide between sessions)', async () => {
    const found = await readFiles({
      'a.jsonl': [answer({ second: 1, session: 's1', request: 'req_002' }, 'msg_004', 5)],
      'b.jsonl': [answer({ second: 1, session: 's2', request: 'req_004' }, 'msg_004', 6)],
    });
    expect(outputs(found).toSorted((a, b) => a - b)).toEqual([5, 6]);
  });
});

describe('sub-agents', () => {
  const task = use('t1', 'Task', { subagent_type: 'Explore', prompt: 'find' });

  test('in files of their own: in the turn of their time, after the call that started them', async () => {
    const found = await readFiles({
      's1.jsonl': [
        user({ second: 0 }, 'one'),
        answer({ second: 1 }, 'm1', 1, [task]),
        result({ second: 20 }, 't1'),
        answer({ second: 21 }, 'm2', 2),
        user({ second: 60 }, 'two'),
        answer({ second: 61 }, 'm3', 3),
      ],
      's1/subagents/agent-7.jsonl': [
        user({ second: 2, sidechain: true, agentId: '7' }, 'find'),
        answer({ second: 5, sidechain: true, agentId: '7' }, 'sub1', 10, [use('g', 'Grep')]),
        result({ second: 6, sidechain: true, agentId: '7' }, 'g'),
        answer({ second: 9, sidechain: true, agentId: '7' }, 'sub2', 11),
      ],
    });
    expect(found.sessions).toHaveLength(1);
    const [first, second] = found.sessions[0]!.turns;
    const shape = first!.steps.map((step) => [
      step.id,
      step.after,
      step.kind === 'llm' ? (step.agent ?? 'main') : step.kind,
    ]);
    expect(shape).toEqual([
      ['1', [], 'main'],
      ['2', ['1'], 'tool'],
      ['3', ['1'], 'Explore'],
      ['4', ['3'], 'tool'],
      ['5', ['4'], 'Explore'],
      ['6', ['2'], 'main'],
    ]);
    expect(second!.steps).toHaveLength(1);
  });

  test('in the main file, two at once, told apart by their lines', async () => {
    const side = (second: number, uuid: string, parentUuid: string | null): Line => ({
      second,
      sidechain: true,
      extra: { uuid, parentUuid },
    });
    const found = await read(
      user({ second: 0 }, 'go'),
      answer({ second: 1 }, 'm1', 1, [task, use('t2', 'Task', { subagent_type: 'Plan' })]),
      user(side(2, 'a1', null), 'find'),
      user(side(2.1, 'b1', null), 'plan'),
      answer(side(4, 'a2', 'a1'), 'sub-a', 10),
      answer(side(5, 'b2', 'b1'), 'sub-b', 11),
      answer(side(6, 'a3', 'a2'), 'sub-a2', 12),
    );
    const calls = allCalls(found).filter(({ agent }) => agent !== undefined);
    expect(calls.map(({ after }) => after)).toEqual([['1'], ['1'], ['4']]);
    expect(calls.map(({ startMs }) => (startMs - Date.parse(stamp(0))) / 1000)).toEqual([
      2, 2.1, 6,
    ]);
    // The third follows an answer, not an input: when it was sent is unknown.
    expect(calls.map(({ endMs }) => endMs === undefined)).toEqual([false, false, true]);
  });

  test('several of one kind keep contexts of their own', async () => {
    const explore = (id: string): object => use(id, 'Task', { subagent_type: 'Explore' });
    const side = (second: number, agentId: string): Line => ({ second, agentId, sidechain: true });
    const found = await read(
      user({ second: 0 }, 'go'),
      answer({ second: 1 }, 'm1', 1, [explore('t1'), explore('t2')]),
      user(side(2, 'a'), 'find'),
      user(side(2, 'b'), 'look'),
      answer(side(3, 'a'), 'sub-a', 10),
      answer(side(4, 'b'), 'sub-b', 11),
      user(side(5, 'a'), 'more'),
      answer(side(6, 'a'), 'sub-a2', 12),
    );
    expect(allCalls(found).map(({ agent }) => agent)).toEqual([
      undefined,
      'Explore',
      'Explore 2',
      'Explore',
    ]);
  });
});

describe('times', () => {
  test.for([
    {
      why: 'an answer to an input starts there',
      lines: [user({ second: 0 }, 'go'), answer({ second: 4 }, 'm1', 1)],
      seconds: [[0, 4]],
    },
    {
      why: 'an answer after an answer has no known start: a log that lacks the lines between',
      lines: [
        user({ second: 0 }, 'go'),
        answer({ second: 4 }, 'm1', 1),
        answer({ second: 5400 }, 'm2', 1),
      ],
      seconds: [
        [0, 4],
        [5400, undefined],
      ],
    },
    {
      why: 'a first line that is an answer',
      lines: [answer({ second: 4 }, 'm1', 1), user({ second: 5 }, 'x')],
      seconds: [[4, undefined]],
    },
    {
      why: 'an answer hours after the message before it: the session was gone on with',
      lines: [user({ second: 0 }, 'go'), answer({ second: 7200 }, 'm1', 1)],
      seconds: [[7200, undefined]],
    },
    {
      why: 'a result that comes while the message is still split over lines',
      lines: [
        user({ second: 0 }, 'go'),
        answer({ second: 4 }, 'm1', 1, [use('t1', 'Read', {})]),
        result({ second: 5 }, 't1'),
        answer({ second: 6 }, 'm1', 1, [use('t2', 'Read', {})]),
        answer({ second: 9 }, 'm2', 1),
      ],
      seconds: [
        [0, 6],
        [6, 9],
      ],
    },
  ])('$why', async ({ lines, seconds }) => {
    const at = (ms: number | undefined): number | undefined =>
      ms === undefined ? undefined : (ms - Date.parse(stamp(0))) / 1000;
    const calls = allCalls(await read(...lines));
    expect(calls.map(({ startMs, endMs }) => [at(startMs), at(endMs)])).toEqual(seconds);
    for (const { attempts, startMs, endMs } of calls) {
      expect(attempts).toEqual([{ startMs, endMs }]);
    }
  });

  test.skipIf(noTraces)('no call of the fixtures lasts longer than a call can', async () => {
    const files = ['ccusage_chat_alpha', 'daaain_edge_cases', 'daaain_todowrite_examples'];
    const found = await collect(
      files.map((name) => sharedTrace(`claude-code-fixtures/${name}.jsonl`)),
    );
    const lasted = allCalls(found).flatMap(({ startMs, endMs }) =>
      endMs === undefined ? [] : [endMs - startMs],
    );
    expect(lasted.length).toBeGreaterThan(0);
    expect(Math.max(...lasted)).toBeLessThanOrEqual(60_000);
    const alpha = await collect([sharedTrace(`claude-code-fixtures/${files[0]!}.jsonl`)]);
    // Three answers, hours apart, no input line between: nothing is known of their durations.
    expect(allCalls(alpha).map(({ endMs }) => endMs)).toEqual([undefined, undefined, undefined]);
  });
});

describe('malformed lines', () => {
  test.for([
    {
      why: 'a misspelt timestamp',
      record: {
        type: 'user',
        timesstamp: stamp(1),
        sessionId: 's',
        message: { role: 'user', content: 'x' },
      },
      reason: 'user line has no timestamp',
    },
    {
      why: 'a message that is text',
      record: { type: 'user', timestamp: stamp(1), sessionId: 's', message: 'error' },
      reason: 'user line has no message object',
    },
    {
      why: 'a misspelt content',
      record: {
        type: 'user',
        timestamp: stamp(1),
        sessionId: 's',
        message: { role: 'user', contenst: [] },
      },
      reason: 'user line has no content',
    },
    {
      why: 'blocks that are text',
      record: {
        type: 'user',
        timestamp: stamp(1),
        sessionId: 's',
        message: { role: 'user', content: ['wow'] },
      },
      reason: 'user line has no content',
    },
    { why: 'an unknown object', record: { silly: 'this' }, reason: 'line is of an unknown kind' },
    { why: 'a list', record: [1], reason: 'line is not an object' },
    { why: 'text', record: 'massive error' as unknown as object, reason: 'line is not an object' },
    {
      why: 'an assistant without time',
      record: { type: 'assistant', sessionId: 's', message: { role: 'assistant' } },
      reason: 'assistant line has no timestamp',
    },
  ])('$why', async ({ record, reason }) => {
    const found = await read(answer({ second: 1 }, 'm1', 5), record);
    expect(found.skips).toEqual([[reason, 'stdin:2']]);
    expect(outputs(found)).toEqual([5]);
  });

  test.skipIf(noTraces)("the edge cases of another tool's tests", async () => {
    const path = (name: string): string => sharedTrace(`claude-code-fixtures/daaain_${name}.jsonl`);
    const { skips, records } = await collect([path('edge_cases')]);
    expect(skips.map(([, where]) => Number(where!.split(':').at(-1)))).toEqual([
      10, 11, 13, 14, 15, 16, 18,
    ]);
    expect(records).toEqual({ read: 19, used: 12, skipped: 7, duplicates: 0 });
    const both = await collect([path('todowrite_examples'), path('edge_cases')]);
    expect(
      both.duplicates['message is copied from another session or file (resumed, forked)'],
    ).toBe(1);
  });
});
