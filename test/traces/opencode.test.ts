import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { inputTokens } from '../../src/core/tokens.ts';
import type { LlmCall } from '../../src/core/trace.ts';
import { allCalls, collect, collectText, toolsOf, type Collected } from './collected.ts';

/** Milliseconds of a second of the made-up day. */
const ms = (second: number): number => Date.UTC(2026, 0, 12, 8) + second * 1000;

const session = (id: string, second: number, more: object = {}): object => ({
  id,
  projectID: 'project-1',
  directory: '/work',
  title: 'made up',
  version: '1.1.60',
  time: { created: ms(second), updated: ms(second + 60) },
  ...more,
});

const user = (id: string, sessionID: string, second: number): object => ({
  id,
  sessionID,
  role: 'user',
  time: { created: ms(second) },
  agent: 'build',
  model: { providerID: 'anthropic', modelID: 'claude-made-up' },
});

type Counts = readonly [input: number, output: number, read: number, write: number];
const tokens = ([input, output, read, write]: Counts): object => ({
  input,
  output,
  reasoning: 0,
  cache: { read, write },
});

const assistant = (
  id: string,
  sessionID: string,
  times: readonly [created: number, completed: number],
  counts: Counts,
  more: object = {},
): object => ({
  id,
  sessionID,
  role: 'assistant',
  parentID: 'msg_parent',
  modelID: 'claude-made-up',
  providerID: 'anthropic',
  mode: 'build',
  path: { cwd: '/work', root: '/work' },
  cost: 0,
  tokens: tokens(counts),
  time: { created: ms(times[0]), completed: ms(times[1]) },
  ...more,
});

/** Parts get ascending ids in the order they are made. */
let made = 0;
const part = (messageID: string, type: string, more: object = {}): object => {
  made += 1;
  const id = `prt_${String(made).padStart(6, '0')}`;
  return { id, sessionID: 'ses_any', messageID, type, ...more };
};
const start = (messageID: string): object => part(messageID, 'step-start');
const finish = (messageID: string, counts: Counts, cost = 0): object =>
  part(messageID, 'step-finish', { reason: 'stop', cost, tokens: tokens(counts) });
const text = (messageID: string, times?: readonly [number, number], more: object = {}): object =>
  part(messageID, 'text', {
    text: 'some words',
    ...(times === undefined ? {} : { time: { start: ms(times[0]), end: ms(times[1]) } }),
    ...more,
  });
const tool = (
  messageID: string,
  name: string,
  times: readonly [number, number],
  state: object = {},
): object =>
  part(messageID, 'tool', {
    callID: `call-${name}`,
    tool: name,
    state: {
      status: 'completed',
      input: { of: name },
      output: 'x',
      metadata: {},
      time: { start: ms(times[0]), end: ms(times[1]) },
      ...state,
    },
  });

const exported = (info: object, ...messages: readonly (readonly object[])[]): string =>
  JSON.stringify(
    { info, messages: messages.map(([first, ...parts]) => ({ info: first, parts })) },
    undefined,
    2,
  );

/** Seconds of the made-up day. */
const seconds = (at: number | undefined): number | undefined =>
  at === undefined ? undefined : (at - ms(0)) / 1000;
const span = ({ startMs, endMs }: { startMs: number; endMs?: number | undefined }): unknown => [
  seconds(startMs),
  seconds(endMs),
];
const inputs = (found: Collected): readonly number[] =>
  allCalls(found).map((call) => inputTokens(call.tokens));

describe('a store of small files', () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'opencode-'));
  });
  afterEach(() => rmSync(root, { recursive: true }));

  function put(path: string, value: unknown): void {
    const file = join(root, 'storage', path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, JSON.stringify(value, undefined, 2));
  }

  function putSession(info: object, ...messages: readonly (readonly object[])[]): void {
    const { id } = info as { id: string };
    put(`session/project-1/${id}.json`, info);
    for (const [message, ...parts] of messages) {
      const named = message as { id: string };
      put(`message/${id}/${named.id}.json`, message);
      for (const each of parts) put(`part/${named.id}/${(each as { id: string }).id}.json`, each);
    }
  }

  /** Two turns; the second starts a sub-agent with two calls. */
  function putFamily(): void {
    putSession(
      session('ses_b', 0),
      [user('msg_01', 'ses_b', 1), text('msg_01')],
      [
        assistant('msg_02', 'ses_b', [2, 20], [3, 50, 1000, 200]),
        start('msg_02'),
        text('msg_02', [4, 6]),
        tool('msg_02', 'bash', [7, 19]),
        tool('msg_02', 'read', [8, 9], { status: 'error', error: 'no such file' }),
        finish('msg_02', [3, 50, 1000, 200], 0.01),
      ],
      [
        assistant('msg_03', 'ses_b', [21, 25], [5, 10, 1200, 60]),
        start('msg_03'),
        text('msg_03', [22, 24]),
        finish('msg_03', [5, 10, 1200, 60], 0.02),
      ],
      [user('msg_04', 'ses_b', 40), text('msg_04')],
      [
        assistant('msg_05', 'ses_b', [41, 60], [4, 30, 1260, 20]),
        start('msg_05'),
        tool('msg_05', 'task', [43, 59], { metadata: { sessionId: 'ses_a' } }),
        finish('msg_05', [4, 30, 1260, 20]),
      ],
      [
        assistant('msg_08', 'ses_b', [61, 66], [6, 7, 1280, 10]),
        start('msg_08'),
        text('msg_08', [63, 65]),
        finish('msg_08', [6, 7, 1280, 10]),
      ],
    );
    putSession(
      session('ses_a', 44, { parentID: 'ses_b' }),
      [user('msg_06', 'ses_a', 44), text('msg_06')],
      [
        assistant('msg_07', 'ses_a', [45, 50], [100, 8, 0, 700], { mode: 'explore' }),
        start('msg_07'),
        text('msg_07', [46, 47]),
        tool('msg_07', 'grep', [48, 50]),
        finish('msg_07', [100, 8, 0, 700]),
      ],
      [
        assistant('msg_07b', 'ses_a', [51, 58], [2, 9, 800, 30], { mode: 'explore' }),
        start('msg_07b'),
        text('msg_07b', [52, 57]),
        finish('msg_07b', [2, 9, 800, 30]),
      ],
    );
  }

  test('is joined over its folders: turns, tools, a sub-agent; every record is booked', async () => {
    putFamily();
    put('todo/ses_b.json', [{ id: '1', content: 'made up', status: 'pending', priority: 'low' }]);
    put('session_diff/ses_b.json', []);
    put('project/project-1.json', { id: 'project-1', worktree: '/work', time: { created: 1 } });
    const found = await collect([root]);
    expect(found.format).toBe('opencode');
    expect(found.sessions).toHaveLength(1);
    // 3+1000+200, 5+1200+60, 4+1260+20, 100+700, 2+800+30, 6+1280+10: by start of the call.
    expect(inputs(found)).toEqual([1203, 1265, 1284, 800, 832, 1296]);
    expect(allCalls(found).map((call) => call.tokens.output)).toEqual([50, 10, 30, 8, 9, 7]);
    expect(allCalls(found).map((call) => call.agent)).toEqual([
      undefined,
      undefined,
      undefined,
      'explore',
      'explore',
      undefined,
    ]);
    // 2 sessions, 9 messages, 24 parts and 3 files of the store; 6 messages repeat their steps.
    expect(found.records).toEqual({ read: 38, used: 29, skipped: 3, duplicates: 6 });
    expect(found.duplicates).toEqual({ 'message repeats the usage of its last step': 6 });
    expect(new Set(found.skips.map(([reason]) => reason))).toEqual(
      new Set(['file of the store that holds no calls']),
    );
  });

  test('calls end with their last output, tools have their own times, the sub-agent follows the call that asked for it', async () => {
    putFamily();
    const found = await collect([root]);
    const [first, second] = found.sessions[0]!.turns;
    expect(found.sessions[0]!.turns).toHaveLength(2);
    expect([seconds(first!.startMs), seconds(second!.startMs)]).toEqual([1, 40]);
    const calls = allCalls(found);
    expect(calls.map(span)).toEqual([
      [2, 8],
      [21, 24],
      [41, 43],
      [45, 48],
      [51, 57],
      [61, 65],
    ]);
    expect(calls.map((call) => call.ttftMs)).toEqual([2000, 1000, undefined, 1000, 1000, 2000]);
    expect(calls[0]!.details?.costUsd).toBe(0.01);
    expect(calls[0]!.details?.ask).toBeDefined();
    expect(calls[1]!.details?.ask).toBeUndefined();
    const tools = toolsOf(found);
    expect(tools.map(({ name, durationMs, error }) => [name, durationMs, error])).toEqual([
      ['bash', 12000, undefined],
      ['read', 1000, true],
      ['task', 16000, undefined],
      ['grep', 2000, undefined],
    ]);
    // Ids are numbers by start: call, bash, read, call; then call, task, child, grep, child, call.
    expect(first!.steps.map(({ id, after }) => [id, after])).toEqual([
      ['1', []],
      ['2', ['1']],
      ['3', ['1']],
      ['4', ['2', '3']],
    ]);
    expect(second!.steps.map(({ id, after }) => [id, after])).toEqual([
      ['1', []],
      ['2', ['1']],
      ['3', ['1']],
      ['4', ['3']],
      ['5', ['4']],
      ['6', ['2']],
    ]);
  });

  test('the names of its folders alone claim no trace of others, nor hide an export', async () => {
    mkdirSync(join(root, 'storage/project'), { recursive: true });
    const claude = join(root, '../', `claude-${Date.now()}`, 'storage/project/a.jsonl');
    mkdirSync(dirname(claude), { recursive: true });
    const line = (type: string, message: object): string =>
      JSON.stringify({ type, sessionId: 's', timestamp: '2026-01-01T00:00:00Z', message });
    writeFileSync(
      claude,
      [
        line('user', { role: 'user', content: 'made up' }),
        line('assistant', {
          role: 'assistant',
          id: 'm',
          usage: { input_tokens: 5, output_tokens: 1 },
        }),
      ].join('\n'),
    );
    expect((await collect([claude])).format).toBe('claude-transcript');
    rmSync(join(dirname(claude), '../..'), { recursive: true });
    put('share/e.json', {
      info: session('ses_b', 0),
      messages: [{ info: assistant('msg_1', 'ses_b', [1, 6], [10, 2, 90, 0]), parts: [] }],
    });
    expect(inputs(await collect([join(root, 'storage/share/e.json')]))).toEqual([100]);
  });

  test('an export of a session beside the store counts nothing twice', async () => {
    putFamily();
    const alone = await collect([root]);
    const copy = assistant('msg_03', 'ses_b', [21, 25], [5, 10, 1200, 60]);
    put('../export.json', {
      info: session('ses_b', 0),
      messages: [{ info: copy, parts: [] }],
    });
    const both = await collect([root]);
    expect(inputs(both)).toEqual(inputs(alone));
    expect(both.duplicates['repeats a record that was read before']).toBe(2);
  });

  test('a fork repeats the calls before it under new ids', async () => {
    putFamily();
    putSession(
      session('ses_0', 100),
      [user('msg_21', 'ses_0', 1), text('msg_21')],
      [
        assistant('msg_22', 'ses_0', [2, 20], [3, 50, 1000, 200]),
        start('msg_22'),
        finish('msg_22', [3, 50, 1000, 200]),
      ],
      [user('msg_23', 'ses_0', 101), text('msg_23')],
      [
        assistant('msg_24', 'ses_0', [102, 104], [9, 1, 1200, 0]),
        start('msg_24'),
        finish('msg_24', [9, 1, 1200, 0]),
      ],
    );
    const found = await collect([root]);
    expect(found.sessions).toHaveLength(2);
    expect(found.sessions[1]!.turns.map(({ startMs }) => seconds(startMs))).toEqual([101]);
    expect(inputs(found)).toEqual([1203, 1265, 1284, 800, 832, 1296, 1209]);
    // The copied message of the user with its text, the copied call with its two parts.
    expect(found.duplicates['copied from the forked session']).toBe(5);
  });

  test('a sub-agent whose session above is not in the input stands alone', async () => {
    putSession(session('ses_a', 44, { parentID: 'ses_gone' }), [
      assistant('msg_07', 'ses_a', [45, 50], [100, 8, 0, 700]),
      start('msg_07'),
      finish('msg_07', [100, 8, 0, 700]),
    ]);
    const found = await collect([root]);
    expect(found.sessions.map(({ id }) => id)).toEqual(['ses_a']);
    expect(allCalls(found)[0]!.agent).toBeUndefined();
  });

  test('sessions that are each above the other are no endless loop', async () => {
    for (const [id, above] of [
      ['ses_x', 'ses_y'],
      ['ses_y', 'ses_x'],
    ] as const)
      putSession(session(id, 0, { parentID: above }), [
        assistant(`msg_${id}`, id, [1, 2], [10, 1, 0, 0]),
      ]);
    expect(inputs(await collect([root]))).toEqual([10, 10]);
  });

  test('messages without their session file, and parts without their message', async () => {
    put('message/ses_b/msg_1.json', assistant('msg_1', 'ses_b', [1, 3], [10, 5, 0, 0]));
    put('part/msg_gone/prt_1.json', { ...finish('msg_gone', [7, 7, 7, 7]), id: 'prt_1' });
    const found = await collect([root]);
    expect(inputs(found)).toEqual([10]);
    expect(found.skips.map(([reason]) => reason)).toEqual([
      'part of a message that is not in the input',
    ]);
  });
});

describe('an exported session', () => {
  test('steps of one message are calls of their own; the message repeats the last', async () => {
    const found = await collectText(
      exported(
        session('ses_b', 0),
        [user('msg_1', 'ses_b', 0), text('msg_1')],
        [
          assistant('msg_2', 'ses_b', [1, 20], [300, 30, 0, 0]),
          start('msg_2'),
          tool('msg_2', 'bash', [4, 9]),
          finish('msg_2', [100, 10, 0, 0]),
          start('msg_2'),
          text('msg_2', [11, 12]),
          finish('msg_2', [300, 30, 0, 0]),
          part('msg_2', 'patch', { hash: 'h', files: [] }),
        ],
      ),
    );
    expect(inputs(found)).toEqual([100, 300]);
    expect(allCalls(found).map(span)).toEqual([
      [1, 4],
      [9, 12],
    ]);
  });

  test('a step that ends only after another began is a try that failed', async () => {
    const found = await collectText(
      exported(session('ses_b', 0), [
        assistant('msg_2', 'ses_b', [1, 20], [300, 30, 0, 0]),
        start('msg_2'),
        text('msg_2', [2, 3]),
        part('msg_2', 'retry', {
          attempt: 1,
          error: { name: 'APIError', data: { statusCode: 429, message: 'slow' } },
          time: { created: ms(4) },
        }),
        start('msg_2'),
        text('msg_2', [11, 12]),
        finish('msg_2', [300, 30, 0, 0]),
      ]),
    );
    const [call] = allCalls(found) as readonly [LlmCall];
    expect(call.attempts.map(({ status, error }) => [status, error])).toEqual([
      [429, '429'],
      [undefined, undefined],
    ]);
    expect(span(call)).toEqual([1, 12]);
    expect(call.ttftMs).toBeUndefined();
    expect(call.error).toBeUndefined();
  });

  test('an error gives its status or its name, and usage is then unknown', async () => {
    const error = (name: string, data: object): object => ({ error: { name, data } });
    const found = await collectText(
      exported(
        session('ses_b', 0),
        [
          assistant(
            'msg_1',
            'ses_b',
            [1, 2],
            [0, 0, 0, 0],
            error('APIError', { statusCode: 529, message: 'private words' }),
          ),
        ],
        [
          assistant(
            'msg_2',
            'ses_b',
            [3, 4],
            [0, 0, 0, 0],
            error('MessageAbortedError', { message: 'private words' }),
          ),
          start('msg_2'),
        ],
        [
          assistant('msg_3', 'ses_b', [5, 6], [0, 0, 0, 0], error('private words of a plugin', {})),
          start('msg_3'),
        ],
        [assistant('msg_4', 'ses_b', [7, 8], [50, 1, 0, 0])],
      ),
    );
    expect(allCalls(found).map((call) => [call.error, call.tokensBasis])).toEqual([
      ['529', 'missing'],
      ['MessageAbortedError', 'missing'],
      ['error', 'missing'],
      [undefined, 'reported'],
    ]);
    expect(JSON.stringify(found)).not.toContain('private words');
  });

  test('a step whose provider reports nothing has unknown usage, not zero', async () => {
    const found = await collectText(
      exported(session('ses_b', 0), [
        assistant('msg_1', 'ses_b', [1, 4], [0, 0, 0, 0]),
        start('msg_1'),
        text('msg_1', [2, 3]),
        finish('msg_1', [0, 0, 0, 0]),
      ]),
    );
    expect(allCalls(found).map((call) => call.tokensBasis)).toEqual(['missing']);
  });

  test("opencode's own messages begin no turn: compaction, and going on after it", async () => {
    const found = await collectText(
      exported(
        session('ses_b', 0),
        [user('msg_1', 'ses_b', 0), text('msg_1')],
        [assistant('msg_2', 'ses_b', [1, 2], [90_000, 30, 0, 0])],
        [user('msg_3', 'ses_b', 3), part('msg_3', 'compaction', { auto: true })],
        [
          assistant('msg_4', 'ses_b', [4, 5], [91_000, 900, 0, 0], {
            summary: true,
            mode: 'compaction',
          }),
        ],
        [user('msg_5', 'ses_b', 6), text('msg_5', undefined, { synthetic: true })],
        [assistant('msg_6', 'ses_b', [7, 8], [4000, 30, 0, 0])],
        [user('msg_7', 'ses_b', 9), part('msg_7', 'file', { mime: 'image/png', url: 'data:' })],
        [assistant('msg_8', 'ses_b', [10, 11], [5000, 30, 0, 0])],
      ),
    );
    const turns = found.sessions[0]!.turns.map(({ startMs, steps }) => [
      seconds(startMs),
      steps.length,
    ]);
    expect(turns).toEqual([
      [0, 3],
      [9, 1],
    ]);
  });

  test("the user's own commands are no calls; a task that the user starts is a tool", async () => {
    const found = await collectText(
      exported(
        session('ses_b', 0),
        [user('msg_1', 'ses_b', 0), text('msg_1', undefined, { synthetic: true })],
        [assistant('msg_2', 'ses_b', [1, 2], [0, 0, 0, 0]), tool('msg_2', 'bash', [1, 2])],
        [user('msg_3', 'ses_b', 3), part('msg_3', 'subtask', { prompt: 'x', agent: 'explore' })],
        [assistant('msg_4', 'ses_b', [4, 9], [0, 0, 0, 0]), tool('msg_4', 'task', [4, 9])],
        [assistant('msg_5', 'ses_b', [10, 11], [70, 3, 0, 0])],
      ),
    );
    expect(inputs(found)).toEqual([70]);
    expect(toolsOf(found).map(({ name }) => name)).toEqual(['task']);
    expect(found.sessions[0]!.turns[0]!.steps[1]!.after).toEqual(['1']);
    expect(found.skips.map(([reason]) => reason)).toEqual([
      'message of no model call (a command of the user)',
    ]);
  });

  test("the server's message list is read without a session", async () => {
    const list = [{ info: assistant('msg_1', 'ses_b', [1, 4], [10, 5, 0, 0]), parts: [] }];
    const found = await collectText(JSON.stringify(list));
    expect(found.format).toBe('opencode');
    expect(found.sessions.map(({ id }) => id)).toEqual(['ses_b']);
  });
});

/** What `opencode run --format json` prints: parts, and when. */
describe('lines of a run', () => {
  const event = (type: string, second: number, of: object = {}): string =>
    JSON.stringify({ type, timestamp: ms(second), sessionID: 'ses_any', ...of });
  const run = [
    event('step_start', 2, { part: start('msg_1') }),
    event('tool_use', 5, { part: tool('msg_1', 'bash', [3, 5]) }),
    event('step_finish', 5.1, { part: finish('msg_1', [10, 2, 90, 0], 0.01) }),
    event('step_start', 8, { part: start('msg_2') }),
    event('text', 9, { part: text('msg_2', [8, 9]) }),
    event('step_finish', 9, { part: finish('msg_2', [20, 3, 100, 0]) }),
    event('error', 10, { error: { name: 'APIError', data: { message: 'private words' } } }),
    event('done', 10, { reason: 'idle', rejected: [] }),
  ];

  test('usage and tools; when the calls began and their model are not known', async () => {
    const found = await collectText(run.join('\n'));
    expect(found.format).toBe('opencode');
    expect(inputs(found)).toEqual([100, 120]);
    expect(allCalls(found).map(span)).toEqual([
      [2, undefined],
      [8, undefined],
    ]);
    expect(allCalls(found).map(({ model, ttftMs }) => [model, ttftMs])).toEqual([
      [undefined, undefined],
      [undefined, undefined],
    ]);
    expect(toolsOf(found).map(({ name, durationMs }) => [name, durationMs])).toEqual([
      ['bash', 2000],
    ]);
    expect(found.records).toEqual({ read: 8, used: 8, skipped: 0, duplicates: 0 });
    expect(JSON.stringify(found)).not.toContain('private words');
  });

  test('a part without a type is skipped once, and its message books nothing', async () => {
    const bad = event('text', 11, { part: { id: 'p3', messageID: 'msg_9', sessionID: 'ses_any' } });
    const found = await collectText([...run, bad].join('\n'));
    expect(found.records).toEqual({ read: 9, used: 8, skipped: 1, duplicates: 0 });
  });

  test('with the export of its session the model and the times are known, and nothing counts twice', async () => {
    const stored = JSON.stringify({
      info: session('ses_any', 0),
      messages: [
        { info: assistant('msg_1', 'ses_any', [1, 6], [10, 2, 90, 0]), parts: [] },
        { info: assistant('msg_2', 'ses_any', [7, 9], [20, 3, 100, 0]), parts: [] },
      ],
    });
    const found = await collectText([...run, stored].join('\n'));
    expect(inputs(found)).toEqual([100, 120]);
    expect(allCalls(found).map((call) => [call.model, ...(span(call) as number[])])).toEqual([
      ['claude-made-up', 1, 3],
      ['claude-made-up', 7, 9],
    ]);
  });
});

/** Version 2: one record per message, the parts inside, sessions without their version. */
describe('an export of version 2', () => {
  const model = { id: 'gpt-made-up', providerID: 'openai' };
  const info = (id: string, second: number, more: object = {}): object => ({
    id,
    projectID: 'project-1',
    location: { directory: '/work' },
    title: 'made up',
    cost: 0,
    tokens: { input: 1, output: 1, reasoning: 0, cache: { read: 0, write: 0 } },
    time: { created: ms(second), updated: ms(second) },
    ...more,
  });
  const answer = (id: string, times: object, counts: object, ...content: object[]): object => ({
    id,
    type: 'assistant',
    agent: 'build',
    model,
    content,
    finish: 'stop',
    cost: 0.004,
    tokens: counts,
    time: times,
  });
  const counts = (input: number, output: number, reasoning: number, read: number): object => ({
    input,
    output,
    reasoning,
    cache: { read, write: 0 },
  });
  const messages = [
    { id: 'msg_0', type: 'system', text: 'made up', time: { created: ms(0) } },
    { id: 'msg_1', type: 'user', text: 'some words', files: [], time: { created: ms(1) } },
    answer(
      'msg_2',
      { created: ms(2), streamed: ms(7), completed: ms(20) },
      counts(100, 30, 12, 900),
      { type: 'reasoning', text: 'x', time: { created: ms(3), completed: ms(5) } },
      { type: 'text', text: 'x' },
      {
        type: 'tool',
        id: 'call_1',
        name: 'subagent',
        state: {
          status: 'completed',
          input: { agent: 'a' },
          content: [],
          metadata: { sessionID: 'ses_c' },
        },
        time: { created: ms(6), ran: ms(7), completed: ms(19) },
      },
      {
        type: 'tool',
        id: 'call_2',
        name: 'shell',
        state: { status: 'error', input: {}, error: { type: 'x', message: 'private words' } },
        time: { created: ms(6), ran: ms(7), completed: ms(9) },
      },
    ),
    {
      id: 'msg_3',
      type: 'compaction',
      status: 'completed',
      reason: 'auto',
      model,
      summary: 'x',
      recent: '',
      tokens: counts(1100, 80, 0, 0),
      time: { created: ms(21) },
    },
    {
      ...answer('msg_4', { created: ms(30), completed: ms(31) }, {}),
      tokens: undefined,
      error: { type: 'provider.rate-limit', message: 'private words', status: 429 },
    },
    {
      id: 'msg_5',
      type: 'shell',
      command: 'private words',
      status: 'completed',
      shellID: 's',
      time: { created: ms(40) },
    },
    { id: 'msg_6', type: 'idle', outcome: 'failed', time: { created: ms(41) } },
  ];

  test('calls, tools, the compacting call, an error; parts are disjoint', async () => {
    const found = await collectText(
      JSON.stringify({ info: info('ses_p', 0), messages }, undefined, 2),
    );
    expect(found.format).toBe('opencode');
    const calls = allCalls(found);
    expect(calls.map((call) => [inputTokens(call.tokens), call.tokens.output])).toEqual([
      [1000, 42],
      [1100, 80],
      [0, 0],
    ]);
    expect(calls.map(span)).toEqual([
      [2, 7],
      [21, undefined],
      [30, 31],
    ]);
    expect(calls.map(({ ttftMs, error, tokensBasis }) => [ttftMs, error, tokensBasis])).toEqual([
      [1000, undefined, 'reported'],
      [undefined, undefined, 'reported'],
      [undefined, '429', 'missing'],
    ]);
    expect(calls[0]!.details).toMatchObject({ costUsd: 0.004 });
    expect(toolsOf(found).map(({ name, durationMs, error }) => [name, durationMs, error])).toEqual([
      ['subagent', 12000, undefined],
      ['shell', 2000, true],
    ]);
    expect(found.records).toEqual({ read: 8, used: 8, skipped: 0, duplicates: 0 });
    expect(JSON.stringify(found)).not.toContain('private words');
  });

  test("a sub-agent's export joins that of its session", async () => {
    const child = {
      info: info('ses_c', 8, { parentID: 'ses_p' }),
      messages: [answer('msg_9', { created: ms(9), streamed: ms(12) }, counts(50, 5, 0, 0))],
    };
    const found = await collectText(
      [{ info: info('ses_p', 0), messages }, child]
        .map((each) => `${JSON.stringify(each)}\n`)
        .join(''),
    );
    expect(found.sessions.map(({ id }) => id)).toEqual(['ses_p']);
    const inner = allCalls(found).find((call) => call.agent !== undefined)!;
    expect([inner.agent, inputTokens(inner.tokens)]).toEqual(['build', 50]);
  });
});
