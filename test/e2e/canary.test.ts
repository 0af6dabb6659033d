import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { CANARY, samples } from '../fixtures/traces/samples.ts';
import {
  CHAT_ROLE,
  MESSAGES_END,
  MESSAGES_START,
  MESSAGES_TEXT,
  chatChunk,
  chatReplyText,
  scriptedUpstream,
  sse,
} from '../gateway/scripted-upstream.ts';
import type { ScriptedUpstream } from '../gateway/scripted-upstream.ts';
import { binary, root } from '../support/requirements.ts';

/**
 * A canary text and a secret, planted wherever words can stand, come out of the real binary nowhere:
 * not in a file, not on stdout, not on stderr. (`demo` has the same test in demo.test.ts.)
 */
const TEXT = 'the heron nests at midnight in sector seven';
const SECRET = 'sk-canary-c0ffee-0123456789abcdef';
const WORDS = `${TEXT} ${SECRET}`;

/** Pieces too: a leak may be cut, quoted, escaped or encoded. */
const NEEDLES = [
  'heron nests',
  'nests at mid',
  'sector seven',
  'heron%20nests',
  'heron+nests',
  'canary',
  'c0ffee',
  Buffer.from(TEXT).toString('base64').slice(0, 24),
  Buffer.from(SECRET).toString('base64').slice(0, 24),
  Buffer.from(TEXT).toString('hex').slice(0, 24),
];

const folder = mkdtempSync(join(tmpdir(), 'agent-infra-privacy-'));
/** What goes in stands here, what comes out in `out`. */
const inputs = join(folder, 'in');
const out = join(folder, 'out');
let upstream: ScriptedUpstream;
let isFailing = false;

beforeAll(async () => {
  mkdirSync(inputs);
  mkdirSync(out);
  upstream = await scriptedUpstream((response, seen) => {
    reply(response, seen.path, seen.body);
  });
});

afterAll(async () => {
  await upstream.close(0);
  rmSync(folder, { recursive: true, force: true });
});

/** A provider that repeats what it is told: in answers, arguments, ids, headers and errors. */
function reply(response: ServerResponse, path: string, body: string): void {
  response.setHeader('openai-organization', SECRET);
  response.setHeader('x-request-id', SECRET);
  response.setHeader('x-ratelimit-remaining-tokens', SECRET);
  const json = (status: number, value: object): void => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(value));
  };
  if (path.includes('/messages')) {
    sse(response).end(MESSAGES_START + MESSAGES_TEXT.replaceAll('Hello', WORDS) + MESSAGES_END);
  } else if (path.includes('/responses')) {
    const usage = { input_tokens: 9, output_tokens: 4 };
    json(200, {
      id: WORDS,
      object: 'response',
      model: 'sim-1',
      status: 'completed',
      output: [],
      usage,
    });
  } else if (path.includes('/embeddings')) {
    json(200, { object: 'list', data: [], model: 'sim-1', usage: { prompt_tokens: 3 } });
  } else if (isFailing && upstream.seen.length % 3 === 0) {
    json(500, { error: { message: WORDS, type: WORDS, code: WORDS } });
  } else if (body.includes('"fail"') || body.startsWith('{"broken"')) {
    json(400, { error: { message: WORDS, type: WORDS, code: WORDS, param: WORDS } });
  } else if (body.includes('"stream":true')) {
    const call = {
      index: 0,
      id: WORDS,
      function: { name: 'lookup', arguments: `{"q":"${WORDS}"}` },
    };
    const text = CHAT_ROLE + chatChunk({ content: WORDS }) + chatChunk({ tool_calls: [call] });
    const usage = '"choices":[],"usage":{"prompt_tokens":30,"completion_tokens":9}';
    sse(response).end(
      `${text}${chatChunk({}, 'tool_calls')}data: {"id":"x","model":"sim-1",${usage}}\n\ndata: [DONE]\n\n`,
    );
  } else {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(chatReplyText(WORDS));
  }
}

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the binary where its outputs belong; the upstream lives in this process, so not blocking. */
async function agentInfra(args: readonly string[]): Promise<Ended> {
  const env = {
    ...process.env,
    CANARY_TEXT: TEXT,
    CANARY_SECRET: SECRET,
    OPENAI_API_KEY: SECRET,
    ANTHROPIC_API_KEY: SECRET,
    GITHUB_STEP_SUMMARY: join(out, 'step-summary.md'),
  };
  const child = spawn(process.execPath, [binary, ...args], { cwd: out, env });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const [code] = (await once(child, 'close')) as [number];
  return { code, stdout, stderr };
}

/** Where a needle was found, and in what. */
function leaksOf(texts: Readonly<Record<string, string>>): string[] {
  return Object.entries(texts).flatMap(([where, text]) =>
    NEEDLES.filter((needle) => text.toLowerCase().includes(needle.toLowerCase())).map(
      (needle) => `${where}: ${needle}`,
    ),
  );
}

/** Every file that has been written so far. */
function written(): Record<string, string> {
  const files = readdirSync(out, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  return Object.fromEntries(files.map((file) => [file, readFileSync(file, 'latin1')]));
}

/** Nothing on the streams, nothing in any file, and files there are. */
function expectNothing({ stderr, stdout }: Ended, files: readonly string[]): void {
  expect(leaksOf({ stdout, stderr, ...written() })).toEqual([]);
  expect(files.filter((file) => readFileSync(join(out, file)).length === 0)).toEqual([]);
}

test('the needles find what they are to find', () => {
  const found = leaksOf({ plain: WORDS, base64: Buffer.from(WORDS).toString('base64') });
  expect(found).toContain('plain: heron nests');
  expect(found).toContain('plain: c0ffee');
  expect(found.some((leak) => leak.startsWith('base64:'))).toBe(true);
});

const LEAKY_AGENT = [process.execPath, resolve(root, 'test/fixtures/agents/leaky-agent.mjs')];

function record(recording: string, ...more: readonly string[]): Promise<Ended> {
  const upstreams = ['--upstream-openai', upstream.url, '--upstream-anthropic', upstream.url];
  const options = ['--recording', recording, ...upstreams, ...more];
  return agentInfra(['profile', 'record', ...options, '--', ...LEAKY_AGENT]);
}

test('profile record: requests, headers, tool arguments, replies, errors, telemetry', async () => {
  const ended = await record('run.jsonl', '-o', 'recorded.yaml');
  expect(ended.stderr).toContain('recorded 7 calls');
  expect(ended.stderr).toContain('received 2 spans');
  expect(ended.code).toBe(0);
  expectNothing(ended, ['run.jsonl', 'run.otlp.jsonl', 'recorded.yaml']);
  // Positive control: it all went through us.
  expect(upstream.seen).toHaveLength(7);
  expect(upstream.seen.every(({ headers }) => headers.authorization?.includes(SECRET))).toBe(true);
  expect(upstream.seen.every(({ body }) => body.includes(TEXT))).toBe(true);
  const spans = await agentInfra(['profile', 'run.otlp.jsonl', '--json']);
  expect(JSON.parse(spans.stdout)).toMatchObject({ calls: { count: 1 } });
  expectNothing(spans, []);
});

test('--content keeps the words, which proves the needles, and no credential', async () => {
  const recording = join(folder, 'content', 'run.jsonl');
  const ended = await record(recording, '--content');
  expect(ended.code).toBe(0);
  const files = ['run.jsonl', 'run.otlp.jsonl'].map((name) => join(folder, 'content', name));
  const [calls, spans] = files.map((file) => leaksOf({ '': readFileSync(file, 'latin1') }));
  for (const found of [calls!, spans!]) {
    expect(found).toEqual([': heron nests', ': nests at mid', ': sector seven']);
  }
  expectNothing(ended, []);
});

/** Two headers with the secret, and the words in the URL and the body text of the first entry. */
function leakyHar(text: string): string {
  const har = JSON.parse(text) as {
    log: { entries: { request: Record<string, unknown>; response: Record<string, unknown> }[] };
  };
  for (const { request, response } of har.log.entries) {
    const headers = [
      { name: 'authorization', value: `Bearer ${SECRET}` },
      { name: 'cookie', value: SECRET },
    ];
    request['headers'] = [...headers, ...((request['headers'] as object[] | undefined) ?? [])];
    request['cookies'] = headers;
    request['url'] = `${String(request['url'])}?key=${SECRET}`;
    response['cookies'] = headers;
  }
  return JSON.stringify(har);
}

describe('trace inputs', () => {
  const names = ['otlp', 'claude-transcript', 'har', 'codex-rollout', 'langfuse'] as const;

  test.for(names)('profile and export of %s', async (name) => {
    const planted = samples[name].text.replaceAll(CANARY, WORDS);
    const file = join(inputs, `${name}.jsonl`);
    // A damaged record is told of without being quoted.
    const damaged = planted.endsWith('}\n') ? `{"broken": "${WORDS}\n"${WORDS}"\n` : '';
    writeFileSync(file, (name === 'har' ? leakyHar(planted) : planted) + damaged);
    expect(readFileSync(file, 'utf8')).toContain(TEXT);
    const profiled = await agentInfra(['profile', file, '-o', `${name}.yaml`]);
    expect(profiled.code).toBe(0);
    expectNothing(profiled, [`${name}.yaml`]);
    const exported = await agentInfra(['profile', 'export', file, '--format', 'otlp']);
    expect(exported.stdout.length).toBeGreaterThan(0);
    expectNothing(exported, []);
  });

  test('an input that is no trace is refused without being quoted', async () => {
    const file = join(inputs, 'notes.txt');
    writeFileSync(file, `${WORDS}\n{"text":"${WORDS}"}\n`);
    const ended = await agentInfra(['profile', file]);
    expect(ended.code).toBe(2);
    expectNothing(ended, []);
  });
});

test('loadtest and report: replies, failures, keys', async () => {
  const scenario = join(inputs, 'scenario.yaml');
  writeFileSync(
    scenario,
    `apiVersion: agent-infra/v1
kind: Scenario
name: private
workload: { profile: ${join(out, 'recorded.yaml')} }
sessions: 8
arrivals: { kind: constant, rate: 20/s }
maxThinkTime: 10ms
maxToolTime: 10ms
retry: none
target: { url: '${upstream.url}', model: sim-1, apiKey: '\${CANARY_SECRET}', timeout: 5s }
`,
  );
  const before = upstream.seen.length;
  isFailing = true;
  const ended = await agentInfra(['loadtest', scenario, '-o', 'run', '--junit', 'junit.xml']);
  expect(ended.stderr).not.toContain('error [');
  expectNothing(ended, ['run/summary.json', 'run/samples.jsonl', 'run/report.html', 'junit.xml']);
  const seen = upstream.seen.slice(before).filter(({ method }) => method === 'POST');
  expect(seen.length).toBeGreaterThanOrEqual(8);
  const { counters } = JSON.parse(readFileSync(join(out, 'run/summary.json'), 'utf8')) as {
    counters: { calls: { failed: number } };
  };
  expect(counters.calls.failed).toBeGreaterThan(0);
  expect(seen.every(({ headers }) => headers.authorization === `Bearer ${SECRET}`)).toBe(true);
  for (const format of ['text', 'json', 'markdown', 'html', 'junit']) {
    const report = await agentInfra(['report', 'run', '--format', format]);
    expect(report.stdout.length).toBeGreaterThan(100);
    expectNothing(report, []);
  }
});
