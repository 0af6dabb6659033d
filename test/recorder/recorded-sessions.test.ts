import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { inputTokens } from '../../src/core/tokens.ts';
import type { Turn } from '../../src/core/trace.ts';
import { HttpClient, exchange } from '../../src/http/client.ts';
import { startRecordingProxy } from '../../src/recorder/recording-proxy.ts';
import type { RunningRecorder } from '../../src/recorder/recording-proxy.ts';
import { realClock } from '../../src/system.ts';
import { scriptedUpstream } from '../gateway/scripted-upstream.ts';
import type { Script, ScriptedUpstream } from '../gateway/scripted-upstream.ts';
import { allCalls, collect, collectText } from '../traces/collected.ts';
import type { Collected } from '../traces/collected.ts';

interface Message {
  readonly role: string;
  readonly content?: unknown;
  readonly tool_calls?: readonly object[];
  readonly tool_call_id?: string;
}

let folder: string;
let file: string;
let upstream: ScriptedUpstream;
let recorder: RunningRecorder;
let client: HttpClient;
let asked = 0;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'agent-infra-recorded-'));
  file = join(folder, 'run.jsonl');
  asked = 0;
  upstream = await scriptedUpstream((...args) => answer(...args));
  recorder = await startRecordingProxy({
    listen: { host: '127.0.0.1', port: 0 },
    upstreams: { openai: `${upstream.url}/v1`, anthropic: upstream.url },
    recording: file,
    tool: 'test',
  });
  client = new HttpClient(recorder.url, realClock);
});

afterEach(async () => {
  await client.destroy();
  await recorder.close();
  await upstream.close(0);
  rmSync(folder, { recursive: true, force: true });
});

/** Asks for the tools named in "tools: a, b"; fails once on "fail"; waits on "slow"; else answers. */
const answer: Script = async (response, seen, call) => {
  const body = JSON.parse(seen.body) as { messages?: Message[]; input?: unknown };
  const last = body.messages?.at(-1);
  const text = typeof last?.content === 'string' ? last.content : '';
  if (text === 'fail' && !upstream.seen.slice(0, call).some((other) => other.body === seen.body)) {
    response.writeHead(500, { 'content-type': 'application/json' });
    response.end('{"error":{"message":"x","type":"server_error"}}');
    return;
  }
  if (text === 'endless stream') {
    const delta = { content: 'word '.repeat(16) };
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(`data: ${JSON.stringify({ choices: [{ index: 0, delta }] })}\n\n`);
    return;
  }
  if (text.startsWith('slow')) await new Promise((resolve) => setTimeout(resolve, 60));
  const tools = /^tools: (.*)/.exec(text)?.[1]?.split(', ') ?? [];
  const usage = { prompt_tokens: 10 * (call + 1), completion_tokens: 3 };
  const calls = tools.map((name, index) => ({
    id: `call_${index}`, // scripted agents repeat their ids
    type: 'function',
    function: { name, arguments: '{"x":1}' },
  }));
  const message = {
    role: 'assistant',
    content: tools.length > 0 ? null : `answer ${call}`,
    ...(tools.length > 0 ? { tool_calls: calls } : {}),
  };
  const reply = seen.path.startsWith('/v1/responses')
    ? {
        id: `resp_${call}`,
        object: 'response',
        model: 'm1',
        status: 'completed',
        output: [],
        usage: { input_tokens: 10, output_tokens: 3 },
      }
    : seen.path.startsWith('/v1/embeddings')
      ? { object: 'list', data: [], model: 'e1', usage: { prompt_tokens: 4, total_tokens: 4 } }
      : {
          id: `chatcmpl-${call}`,
          object: 'chat.completion',
          model: 'm1',
          choices: [{ index: 0, message, finish_reason: tools.length > 0 ? 'tool_calls' : 'stop' }],
          usage,
        };
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify(reply));
};

async function post(
  path: string,
  body: object,
  headers: Record<string, string> = {},
): Promise<Message> {
  const reply = await exchange(client, {
    method: 'POST',
    path,
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
  asked += 1;
  const parsed = JSON.parse(reply.body.toString()) as { choices?: { message: Message }[] };
  return parsed.choices?.[0]?.message ?? { role: 'none' };
}

/** An agent with a conversation: says something, runs the tools it is asked to, returns at the answer. */
class Agent {
  readonly messages: Message[] = [];
  readonly headers: Record<string, string>;

  constructor(headers: Record<string, string> = {}, system?: string) {
    this.headers = headers;
    if (system !== undefined) this.messages.push({ role: 'system', content: system });
  }

  async say(content: string): Promise<void> {
    this.messages.push({ role: 'user', content });
    for (;;) {
      const message = await this.call();
      this.messages.push(message);
      const calls = (message.tool_calls ?? []) as { id: string }[];
      if (calls.length === 0) return;
      for (const { id } of calls) {
        this.messages.push({ role: 'tool', tool_call_id: id, content: `result of ${id}` });
      }
    }
  }

  call(): Promise<Message> {
    return post('/v1/chat/completions', { model: 'm1', messages: this.messages }, this.headers);
  }
}

async function recorded(): Promise<Collected> {
  await expect.poll(() => recorder.calls).toBe(asked);
  return collect([file]);
}

/** `llm, a, b, llm` with what each follows: readable in a snapshot. */
function steps(turn: Turn | undefined): string[] {
  return (turn?.steps ?? []).map((step) => {
    const name =
      step.kind === 'llm' ? (step.agent ?? 'llm') : step.kind === 'tool' ? step.name : 'state';
    return `${step.id} ${name} after [${step.after.join(' ')}]`;
  });
}

describe('conversations without ids', () => {
  test('turns, tool calls and joins of one agent', async () => {
    const agent = new Agent({}, 'you are helpful');
    await agent.say('tools: search, read');
    await agent.say('thanks');
    const { records, sessions } = await recorded();
    expect(records).toEqual({ read: 4, used: 4, skipped: 0, duplicates: 0 });
    expect(sessions).toHaveLength(1);
    const [session] = sessions;
    expect(session!.turns.map(steps)).toEqual([
      ['1 llm after []', '2 search after [1]', '3 read after [1]', '4 llm after [2 3]'],
      ['1 llm after []'],
    ]);
  });

  test('interleaved agents with the same words and the same tool ids stay apart', async () => {
    const agents = [new Agent({}, 'one'), new Agent({}, 'two'), new Agent({}, 'one')];
    await Promise.all(agents.map((agent) => agent.say('tools: search')));
    for (const agent of agents) await agent.say('and more');
    await agents[0]!.say('tools: write');
    const { sessions } = await recorded();
    expect(sessions.map(({ turns }) => turns.length).toSorted((a, b) => a - b)).toEqual([2, 2, 3]);
    for (const { turns } of sessions) {
      expect(steps(turns[0])).toEqual(['1 llm after []', '2 search after [1]', '3 llm after [2]']);
    }
  });

  test('a retry is an attempt of the call, not a call', async () => {
    const agent = new Agent();
    agent.messages.push({ role: 'user', content: 'fail' });
    await agent.call();
    await agent.call();
    const { sessions } = await recorded();
    expect(sessions).toHaveLength(1);
    const [step] = sessions[0]!.turns[0]!.steps;
    expect(sessions[0]!.turns[0]!.steps).toHaveLength(1);
    expect(step).toMatchObject({
      kind: 'llm',
      tokens: { uncached: 20, output: 3 },
      attempts: [{ status: 500, error: 'server_error' }, { status: 200 }],
    });
    expect(step).not.toHaveProperty('error', expect.anything());
  });

  test('calls in parallel from one history are side threads of one session', async () => {
    const agent = new Agent();
    await agent.say('tools: plan');
    const ask = (content: string): Promise<Message> =>
      post('/v1/chat/completions', {
        model: 'm1',
        messages: [...agent.messages, { role: 'user', content }],
      });
    await Promise.all([ask('slow one'), ask('slow two'), ask('slow three')]);
    const { sessions } = await recorded();
    expect(sessions).toHaveLength(1);
    const calls = sessions[0]!.turns
      .flatMap(({ steps: all }) => all)
      .filter(({ kind }) => kind === 'llm');
    expect(calls).toHaveLength(5);
    const agents = calls.map((call) => (call.kind === 'llm' ? call.agent : undefined));
    expect(agents.toSorted((a, b) => (a! < b! ? -1 : 1))).toEqual([
      'sub-agent',
      'sub-agent 2',
      undefined,
      undefined,
      undefined,
    ]);
  });
});

describe('conversations with ids', () => {
  test('a session header ties sub-agents without common messages to their session', async () => {
    const headers = { 'x-claude-code-session-id': 's-1' };
    const main = new Agent(headers, 'main');
    await main.say('tools: task');
    const running = main.say('slow');
    await expect.poll(() => upstream.seen.length).toBe(3);
    await new Agent(headers, 'sub').say('tools: grep');
    await running;
    await new Agent({ 'x-claude-code-session-id': 's-2' }, 'main').say('other');
    const { sessions } = await recorded();
    expect(sessions).toHaveLength(2);
    const agents = sessions[0]!.turns.flatMap(({ steps: all }) =>
      all.map((step) => (step.kind === 'llm' ? (step.agent ?? 'main') : step.kind)),
    );
    expect(agents.filter((name) => name === 'main')).toHaveLength(3);
    expect(agents.filter((name) => name === 'sub-agent')).toHaveLength(2);
  });

  test('sub-agents are told apart by their ids and follow the call that started them', async () => {
    const session = { 'x-claude-code-session-id': 's-1' };
    const agent = (id: string, parent?: string): Record<string, string> => ({
      ...session,
      'x-claude-code-agent-id': id,
      ...(parent === undefined ? {} : { 'x-claude-code-parent-agent-id': parent }),
    });
    const main = new Agent(session, 'main');
    main.messages.push({ role: 'user', content: 'tools: task, task' });
    await main.call();
    // The same words in both: only the ids tell them apart. One after the other, main is waiting.
    await new Agent(agent('a'), 'sub').say('tools: grep');
    await new Agent(agent('b'), 'sub').say('tools: grep');
    // Started by b: nothing but the header says so.
    await new Agent(agent('c', 'b'), 'deeper').say('look');
    const { sessions } = await recorded();
    expect(sessions).toHaveLength(1);
    expect(sessions[0]!.turns.map(steps)).toEqual([
      [
        '1 llm after []',
        '2 task after [1]',
        '3 task after [1]',
        '4 sub-agent after [1]',
        '5 grep after [4]',
        '6 sub-agent after [5]',
        '7 sub-agent 2 after [1]',
        '8 grep after [7]',
        '9 sub-agent 2 after [8]',
        '10 sub-agent 3 after [9]',
      ],
    ]);
  });

  test('an agent that shares only tool results with another belongs to its session', async () => {
    const main = new Agent({}, 'main');
    await main.say('tools: search');
    // Its own instructions, and the results of the other's tools: no list of messages in common.
    const [, , called, result] = main.messages;
    await post('/v1/chat/completions', {
      model: 'm1',
      messages: [{ role: 'system', content: 'judge' }, called, result],
    });
    const { sessions } = await recorded();
    expect(sessions.map(({ turns }) => turns.flatMap(steps))).toMatchInlineSnapshot(`
      [
        [
          "1 llm after []",
          "2 search after [1]",
          "3 llm after [2]",
          "4 llm after [3]",
        ],
      ]
    `);
  });

  test('Responses go on from the reply they name', async () => {
    const ask = (fields: object): Promise<Message> =>
      post('/v1/responses', { model: 'm1', ...fields });
    await ask({ input: 'hello' });
    await ask({ input: 'more', previous_response_id: 'resp_0' });
    await ask({ input: 'hello' });
    const { sessions } = await recorded();
    expect(sessions.map(({ turns }) => turns.length)).toEqual([2, 1]);
  });
});

test('a client that leaves is an error of its call, with estimated tokens', async () => {
  const leave = new AbortController();
  const body = JSON.stringify({
    model: 'm1',
    stream: true,
    messages: [{ role: 'user', content: 'endless stream' }],
  });
  await new Promise<void>((resolve) => {
    client.send(
      { method: 'POST', path: '/v1/chat/completions', headers: {}, body, signal: leave.signal },
      {
        onHeaders: () => {},
        onData: () => leave.abort(new Error('enough')),
        onEnd: resolve,
        onError: () => resolve(),
      },
    );
  });
  asked += 1;
  const calls = allCalls(await recorded());
  expect(calls).toMatchObject([
    {
      tokensBasis: 'estimated',
      error: 'cancelled',
      // 80 characters of reply at four a token.
      tokens: { output: 20 },
      attempts: [{ status: 200, error: 'cancelled' }],
    },
  ]);
  expect(calls[0]!.tokens.uncached).toBeGreaterThan(0);
});

test('embeddings are calls without a session', async () => {
  await post('/v1/embeddings', { model: 'e1', input: 'x' });
  const { calls, sessions } = await recorded();
  expect(sessions).toHaveLength(0);
  expect(calls).toMatchObject([{ operation: 'embedding', tokens: { uncached: 4, output: 0 } }]);
});

test('tokens are the provider’s, prefixes chain, times are those of the calls', async () => {
  const agent = new Agent({}, 'a system prompt '.repeat(100));
  await agent.say('tools: a, b, c');
  await agent.say('tools: d');
  const read = await recorded();
  const calls = allCalls(read);
  expect(calls.reduce((sum, { tokens }) => sum + inputTokens(tokens), 0)).toBe(10 + 20 + 30 + 40);
  expect(calls.every(({ tokensBasis }) => tokensBasis === 'reported')).toBe(true);
  const [first, second] = calls;
  const shared = first!.prefix!.ids.filter((id) => second!.prefix!.ids.includes(id));
  // 1,600 characters of system prompt are three whole blocks of 512.
  expect(shared.length).toBeGreaterThanOrEqual(3);
  for (const { endMs = Number.NaN, startMs } of calls)
    expect(endMs).toBeGreaterThanOrEqual(startMs);
});

test('a recording cut anywhere, or with lines lost, reads as far as it goes', async () => {
  const agent = new Agent();
  await agent.say('tools: a, b');
  await agent.say('more');
  await recorded();
  const text = readFileSync(file, 'utf8');
  const lines = text.split('\n').filter((line) => line !== '');
  const firstCall = text.indexOf('\n') + lines[1]!.length + 2;
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: firstCall, max: text.length }),
      fc.option(fc.integer({ min: 2, max: lines.length - 1 })),
      async (cut, lost) => {
        const kept = lost === null ? text.slice(0, cut) : lines.toSpliced(lost, 1).join('\n');
        const { records, sessions } = await collectText(kept, 'recording');
        expect(records.read).toBe(records.used + records.skipped + records.duplicates);
        expect(sessions.length).toBeGreaterThan(0);
      },
    ),
    { numRuns: 40 },
  );
});

test('lines of other shapes are skipped with a reason', async () => {
  const agent = new Agent();
  await agent.say('hello');
  await recorded();
  const good = readFileSync(file, 'utf8');
  const bad = [
    '{"kind":"recorded-call"}',
    '{"kind":"else"}',
    '[]',
    '7',
    '{"kind":"recorded-call","atMs":"x"}',
  ];
  const { records, skips } = await collectText(`${good}${bad.join('\n')}\n`, 'recording');
  expect(records).toEqual({ read: 7, used: 2, skipped: 5, duplicates: 0 });
  expect(new Set(skips.map(([reason]) => reason))).toEqual(new Set(['line is no recorded call']));
});
