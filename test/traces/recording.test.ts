import { expect, test } from 'vitest';

import { collectText } from './collected.ts';

interface Line {
  readonly atMs: number;
  readonly endMs: number;
  readonly chain: readonly string[];
  readonly roles: string;
  readonly calls?: readonly string[];
  readonly results?: readonly string[];
}

/** A recorded call of one session; all agents have the same tools. */
function line({ atMs, endMs, chain, roles, calls = [], results = [] }: Line): string {
  return JSON.stringify({
    kind: 'recorded-call',
    atMs,
    endMs,
    provider: 'anthropic',
    endpoint: 'messages',
    stream: true,
    status: 200,
    outcome: 'complete',
    tokens: {
      uncached: 10,
      cacheRead: 0,
      cacheWrite5m: 0,
      cacheWrite1h: 0,
      output: 5,
      reasoning: 0,
    },
    tokensBasis: 'reported',
    request: {
      hash: chain.join(),
      tools: 2,
      toolsHash: 'same',
      roles,
      chain,
      prefix: [],
      toolResults: results.map((id) => ({ id, length: 3 })),
      ids: { session: 's' },
    },
    toolCalls: calls.map((id) => ({ id, name: 'Task', argumentsHash: 'h', argumentsLength: 2 })),
  });
}

async function stepsOf(lines: readonly Line[]): Promise<readonly string[][]> {
  const { sessions } = await collectText(lines.map(line).join('\n'), 'recording');
  expect(sessions).toHaveLength(1);
  return sessions[0]!.turns.map(({ steps }) =>
    steps.map((step) => {
      const name = step.kind === 'llm' ? (step.agent ?? 'main') : 'tool';
      return `${step.id} ${name} after [${step.after.join(' ')}]`;
    }),
  );
}

const asks: Line = { atMs: 0, endMs: 100, chain: ['a'], roles: 'u', calls: ['t1', 't2'] };

test('agents with the tools of their parent, while its tool calls are open, are sub-agents it waits for', async () => {
  expect(
    await stepsOf([
      asks,
      { atMs: 110, endMs: 100, chain: ['x'], roles: 'u', calls: ['t3'] },
      { atMs: 120, endMs: 300, chain: ['y'], roles: 'u' },
      { atMs: 220, endMs: 100, chain: ['x', 'x2', 'x3'], roles: 'uat', results: ['t3'] },
      { atMs: 500, endMs: 50, chain: ['a', 'b', 'c'], roles: 'uat', results: ['t1', 't2'] },
    ]),
  ).toEqual([
    [
      '1 main after []',
      '2 tool after [1]',
      '3 tool after [1]',
      '4 sub-agent after [1]',
      '5 sub-agent 2 after [1]',
      '6 tool after [4]',
      '7 sub-agent after [6]',
      '8 main after [2 3 7 5]',
    ],
  ]);
});

test('a rewritten history with no tool open is the same agent after a compaction', async () => {
  expect(
    await stepsOf([
      asks,
      { atMs: 200, endMs: 50, chain: ['a', 'b', 'c'], roles: 'uat', results: ['t1', 't2'] },
      { atMs: 300, endMs: 50, chain: ['summary'], roles: 'u' },
    ]),
  ).toEqual([
    ['1 main after []', '2 tool after [1]', '3 tool after [1]', '4 main after [2 3]'],
    ['1 main after []'],
  ]);
});
