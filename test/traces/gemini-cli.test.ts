import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { inputTokens } from '../../src/core/tokens.ts';
import { readPart } from '../../src/traces/read.ts';
import { IdentityClaims, sharedHashes } from '../../src/traces/split-claims.ts';
import { readFrom } from '../../src/traces/inputs.ts';
import { allCalls, collect, collectText, toolsOf, type Collected } from './collected.ts';

const base = Date.UTC(2026, 4, 4, 9);
const stamp = (second: number): string => new Date(base + second * 1000).toISOString();

const header = (sessionId: string, second: number, more: object = {}): object => ({
  sessionId,
  projectHash: 'made-up',
  startTime: stamp(second),
  lastUpdated: stamp(second),
  ...more,
});

const user = (id: string, second: number, content: unknown = 'some words'): object => ({
  id,
  timestamp: stamp(second),
  type: 'user',
  content,
});

interface Tokens {
  readonly input: number;
  readonly output: number;
  readonly cached?: number;
  readonly thoughts?: number;
  readonly tool?: number;
  readonly total?: number;
}

const gemini = (id: string, second: number, tokens: Tokens | null, more: object = {}): object => ({
  id,
  timestamp: stamp(second),
  type: 'gemini',
  content: 'an answer',
  thoughts: [],
  tokens: tokens === null ? null : { cached: 0, thoughts: 0, tool: 0, ...tokens },
  model: 'gemini-made-up',
  ...more,
});

const tool = (name: string, second: number, more: object = {}): object => ({
  id: `${name}-${second}`,
  name,
  args: { of: name },
  result: [{ functionResponse: { name, response: { output: 'x' } } }],
  status: 'success',
  timestamp: stamp(second),
  ...more,
});

const lines = (...records: readonly object[]): string =>
  records.map((record) => `${JSON.stringify(record)}\n`).join('');
const document = (head: object, ...messages: readonly object[]): string =>
  JSON.stringify({ ...head, messages }, undefined, 2);

const seconds = (at: number | undefined): number | undefined =>
  at === undefined ? undefined : (at - base) / 1000;
const span = ({ startMs, endMs }: { startMs: number; endMs?: number | undefined }): unknown => [
  seconds(startMs),
  seconds(endMs),
];
const inputs = (found: Collected): readonly number[] =>
  allCalls(found).map((call) => inputTokens(call.tokens));

describe('usage', () => {
  test.for([
    {
      why: 'input includes cached, thoughts stand beside the output: 900+30+12 = 942',
      tokens: { input: 900, cached: 700, output: 30, thoughts: 12, total: 942 },
      expected: { uncached: 200, cacheRead: 700, output: 42, reasoning: 12 },
    },
    {
      why: "prompts of the provider's tools stand beside the input: 900+30+8 = 938",
      tokens: { input: 900, cached: 700, output: 30, tool: 8, total: 938 },
      expected: { uncached: 208, cacheRead: 700, output: 30, reasoning: 0 },
    },
    {
      why: 'the rule holds without a total',
      tokens: { input: 900, cached: 700, output: 30, thoughts: 12, tool: 8 },
      expected: { uncached: 208, cacheRead: 700, output: 42, reasoning: 12 },
    },
    {
      why: 'a total without the thoughts says that the output holds them',
      tokens: { input: 900, output: 30, thoughts: 12, total: 930 },
      expected: { uncached: 900, cacheRead: 0, output: 30, reasoning: 12 },
    },
    {
      why: 'a total without the tool prompts says that the input holds them',
      tokens: { input: 900, output: 30, thoughts: 12, tool: 8, total: 942 },
      expected: { uncached: 900, cacheRead: 0, output: 42, reasoning: 12 },
    },
    {
      why: 'a total with the cached tokens says that the input does not hold them',
      tokens: { input: 200, cached: 700, output: 30, thoughts: 12, total: 942 },
      expected: { uncached: 200, cacheRead: 700, output: 42, reasoning: 12 },
    },
    {
      why: 'more cached than input cannot be inside it',
      tokens: { input: 200, cached: 700, output: 30 },
      expected: { uncached: 200, cacheRead: 700, output: 30, reasoning: 0 },
    },
  ])('$why', async ({ tokens, expected }) => {
    const found = await collectText(lines(header('s', 0), user('u', 1), gemini('m', 3, tokens)));
    expect(found.format).toBe('gemini-cli');
    expect(allCalls(found)[0]!.tokens).toMatchObject(expected);
  });

  test('unknown usage is not zero', async () => {
    const found = await collectText(
      lines(
        header('s', 0),
        user('u', 1),
        gemini('m1', 3, null),
        gemini('m2', 4, { input: 0, output: 0, total: 0 }),
        gemini('m3', 5, { input: 10, output: 1, total: 11 }),
      ),
    );
    expect(allCalls(found).map((call) => call.tokensBasis)).toEqual([
      'missing',
      'missing',
      'reported',
    ]);
  });
});

/** Two turns; the first has two tools at once and a sub-agent. */
const parentChat = [
  header('parent', 0),
  user('p0', 0, '<session_context>made up</session_context>'),
  user('p1', 1),
  gemini('p2', 5, { input: 1000, output: 40, thoughts: 10, total: 1050 }),
  gemini(
    'p2',
    5,
    { input: 1000, output: 40, thoughts: 10, total: 1050 },
    {
      toolCalls: [
        tool('read_file', 9, { status: 'error' }),
        tool('invoke_agent', 30, { agentId: 'child', args: { agent_name: 'helper', prompt: 'x' } }),
      ],
    },
  ),
  gemini('p3', 34, { input: 1600, cached: 900, output: 50, total: 1650 }),
  { $set: { summary: 'made up' } },
  user('p4', 60),
  gemini('p5', 66, { input: 1800, cached: 1500, output: 20, total: 1820 }),
] as const;
const childChat = [
  header('child', 10, { kind: 'subagent' }),
  user('c1', 10),
  gemini('c2', 14, { input: 300, output: 5, total: 305 }, { toolCalls: [tool('glob', 16)] }),
  gemini('c3', 29, { input: 400, output: 6, total: 406 }),
] as const;

describe('a folder of recordings', () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'gemini-'));
  });
  afterEach(() => rmSync(root, { recursive: true }));

  function put(path: string, text: string): void {
    const file = join(root, 'tmp-project', path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }

  test('turns, tools and the sub-agent in the folder of its session', async () => {
    put('chats/session-2026-05-04T09-00-parent.jsonl', lines(...parentChat));
    put('chats/parent/child.jsonl', lines(...childChat));
    put(
      'logs.json',
      JSON.stringify([
        { sessionId: 'parent', messageId: 0, type: 'user', message: 'x', timestamp: stamp(1) },
      ]),
    );
    const found = await collect([root]);
    expect(found.sessions.map(({ id, agent }) => [id, agent])).toEqual([['parent', 'gemini-cli']]);
    const calls = allCalls(found);
    expect(inputs(found)).toEqual([1000, 300, 400, 1600, 1800]);
    expect(calls.map((call) => call.tokens.output)).toEqual([50, 5, 6, 50, 20]);
    expect(calls.map((call) => call.agent)).toEqual([
      undefined,
      'helper',
      'helper',
      undefined,
      undefined,
    ]);
    expect(calls.map(span)).toEqual([
      [1, 5],
      [10, 14],
      [16, 29],
      [30, 34],
      [60, 66],
    ]);
    expect(
      toolsOf(found).map((each) => [each.name, ...(span(each) as number[]), each.error]),
    ).toEqual([
      ['read_file', 5, 9, true],
      ['invoke_agent', 5, 30, undefined],
      ['glob', 14, 16, undefined],
    ]);
    const [first, second] = found.sessions[0]!.turns;
    expect([seconds(first!.startMs), seconds(second!.startMs)]).toEqual([1, 60]);
    // Call, its two tools, the sub-agent's call after it, its tool, its second call; the join.
    expect(first!.steps.map(({ id, after }) => [id, after])).toEqual([
      ['1', []],
      ['2', ['1']],
      ['3', ['1']],
      ['4', ['1']],
      ['5', ['4']],
      ['6', ['5']],
      ['7', ['2', '3']],
    ]);
    // 9 lines of the parent, 4 of the child, 1 prompt.
    expect(found.records).toEqual({ read: 14, used: 12, skipped: 1, duplicates: 1 });
    expect(found.skips.map(([reason]) => reason)).toEqual(['log of prompts, no calls']);
  });

  test('threads that read a session and its sub-agent apart find out', async () => {
    put('chats/session-a.jsonl', lines(...parentChat));
    put('chats/parent/child.jsonl', lines(...childChat));
    put('chats/session-b.jsonl', lines(header('other', 0), user('o1', 1)));
    const sink = { call() {}, session() {}, read() {}, skip() {}, duplicate() {} };
    const claimed = async (name: string): Promise<Float64Array> => {
      const path = join(root, 'tmp-project', name);
      const claims = new IdentityClaims();
      const input = { path, named: true, bytes: undefined, open: () => readFrom(path) };
      await readPart([input], sink, { claims });
      return claims.hashes();
    };
    const parent = await claimed('chats/session-a.jsonl');
    expect(sharedHashes(parent, await claimed('chats/parent/child.jsonl'))).toBe(2);
    expect(sharedHashes(parent, await claimed('chats/session-b.jsonl'))).toBe(0);
  });

  test('an old session that goes on was copied into a file of lines: counted once', async () => {
    const messages = [user('u', 1), gemini('m', 3, { input: 10, output: 1, total: 11 })];
    put('chats/session-a.json', document(header('s', 0), ...messages));
    put(
      'chats/session-a.jsonl',
      lines(
        header('s', 0),
        ...messages,
        user('u2', 100),
        gemini('m2', 103, { input: 30, output: 2, total: 32 }),
      ),
    );
    const found = await collect([root]);
    expect(found.sessions).toHaveLength(1);
    expect(inputs(found)).toEqual([10, 30]);
    expect(found.duplicates).toEqual({ 'later state of a message that counts once': 2 });
  });

  test('until 2026-03 a sub-agent had the id of its session and lay beside it', async () => {
    const old = { sessionId: 'parent', kind: 'subagent' };
    put(
      'chats/session-1.json',
      document(header('parent', 0), user('p1', 1), gemini('p2', 5, { input: 10, output: 1 })),
    );
    put(
      'chats/session-2.json',
      document({ ...header('parent', 2), ...old }, gemini('c1', 4, { input: 7, output: 1 })),
    );
    const found = await collect([root]);
    expect(found.sessions.map(({ id }) => id)).toEqual(['parent']);
    expect(allCalls(found).map((call) => [inputTokens(call.tokens), call.agent])).toEqual([
      [10, undefined],
      [7, 'sub-agent'],
    ]);
  });

  test('a sub-agent without its session stands alone', async () => {
    put('chats/parent/child.jsonl', lines(...childChat));
    const found = await collect([root]);
    expect(found.sessions.map(({ id }) => id)).toEqual(['child']);
    expect(inputs(found)).toEqual([300, 400]);
  });
});

describe('one recording', () => {
  test('a saved history repeats messages and adds what the client wrote; rewound calls count', async () => {
    const asked = user('u1', 1);
    const answered = gemini('m1', 4, { input: 500, output: 9, total: 509 });
    const found = await collectText(
      lines(
        header('s', 0),
        asked,
        answered,
        { $rewindTo: 'u1' },
        user('u2', 10),
        gemini('m2', 12, { input: 520, output: 9, total: 529 }),
        {
          $set: {
            messages: [
              { ...user('n1', 20), content: [{ text: 'made up summary' }] },
              { id: 'n2', timestamp: stamp(20), type: 'gemini', content: [{ text: 'Got it.' }] },
              gemini('m2', 12, { input: 520, output: 9, total: 529 }),
            ],
          },
        },
      ),
    );
    expect(inputs(found)).toEqual([500, 520]);
    expect(found.records).toEqual({ read: 10, used: 9, skipped: 0, duplicates: 1 });
  });

  test('results of tools, and what a saved history adds, begin no turn; its first prompt does', async () => {
    const echo = { functionResponse: { id: 't', name: 'glob', response: { output: 'x' } } };
    const found = await collectText(
      lines(
        header('s', 0),
        { $set: { messages: [user('u0', 0, '<session_context>x'), user('u1', 1)] } },
        gemini('m1', 4, { input: 10, output: 1 }, { toolCalls: [tool('glob', 6)] }),
        user('r1', 7, [echo]),
        gemini('m2', 9, { input: 20, output: 1 }),
        {
          $set: {
            messages: [user('n1', 10, [{ text: 'made up summary' }]), user('n2', 10, [echo])],
          },
        },
        gemini('m3', 12, { input: 5, output: 1 }),
        user('u2', 20, [{ inlineData: { mimeType: 'image/png', data: '' } }]),
        gemini('m4', 22, { input: 6, output: 1 }),
      ),
    );
    const turns = found.sessions[0]!.turns;
    expect(turns.map(({ startMs, steps }) => [seconds(startMs), steps.length])).toEqual([
      [1, 4],
      [20, 1],
    ]);
    expect(allCalls(found).map(span)).toEqual([
      [1, 4],
      [6, 9],
      [12, undefined],
      [20, 22],
    ]);
  });

  test('a message that was written after its tools has no known end, nor have they a start', async () => {
    const found = await collectText(
      document(
        header('s', 0),
        user('u', 1),
        gemini('m', 20, { input: 10, output: 1 }, { toolCalls: [tool('run', 19.5)] }),
        gemini('m2', 24, { input: 20, output: 1 }),
      ),
    );
    expect(allCalls(found).map(span)).toEqual([
      [1, undefined],
      [20, 24],
    ]);
    expect(toolsOf(found).map(span)).toEqual([[19.5, undefined]]);
  });

  test('without an input before it, when a call began is not known', async () => {
    const found = await collectText(
      lines(
        header('s', 0),
        user('u', 1),
        gemini('m', 3, { input: 10, output: 1 }),
        { id: 'e', timestamp: stamp(4), type: 'error', content: 'made up' },
        gemini('m2', 9, { input: 20, output: 1 }),
      ),
    );
    expect(allCalls(found).map(span)).toEqual([
      [1, 3],
      [9, undefined],
    ]);
  });
});
