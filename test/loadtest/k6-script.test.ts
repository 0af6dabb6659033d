import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runInNewContext } from 'node:vm';

import { afterAll, beforeAll, expect, test } from 'vitest';

import type { LoadedScenario } from '../../src/config/scenario.ts';
import { randomStreams } from '../../src/core/random.ts';
import { writeK6Script } from '../../src/loadtest/k6-export.ts';
import { k6Thresholds, notInK6 } from '../../src/loadtest/k6-thresholds.ts';
import { wireRequest } from '../../src/loadtest/request-body.ts';
import { openSessions } from '../../src/loadtest/session-source.ts';
import { scenarioOf } from './virtual-run.ts';

const body =
  'sessions: 12\narrivals: {kind: poisson, rate: 2/s}\nworkload: {synthetic: {turns: 2, fanOut: 2, tokens: {user: {mean: 60, cv: 1}}}}\n';

let folder = '';

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'agent-infra-k6-'));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function loaded(text: string): LoadedScenario {
  return { ...scenarioOf(text), file: 'test.yaml' };
}

interface SentSession {
  index: number;
  at: number | null;
  turns: { thinkMs: number; steps: { waitMs?: number; model: string }[] }[];
}

/** The script's own functions, run outside k6. */
function scriptFunctions(script: string): {
  requestBody: (step: unknown) => unknown;
  readReply: (response: unknown) => unknown;
  retryDelay: (response: unknown, attempt: number) => unknown;
} {
  const code = script
    .replaceAll(/^import .*$/gm, '')
    .replaceAll(/^export default /gm, 'globalThis.session = ')
    .replaceAll(/^export /gm, '');
  const trend = class {};
  const filler = readFileSync(join(folder, 'filler.txt'), 'utf8');
  const context = {
    open: (name: string) => (name.includes('filler') ? filler : '[]'),
    SharedArray: class {},
    Trend: trend,
    Rate: trend,
    Counter: trend,
    __ENV: {},
  };
  return runInNewContext(
    `${code}; ({ requestBody, readReply, retryDelay })`,
    context,
  ) as ReturnType<typeof scriptFunctions>;
}

test.for(['openai', 'anthropic'] as const)(
  '%s: the script sends the same sessions and the same bytes as the built-in engine',
  async (dialect) => {
    const scenario = loaded(
      `${body}target: {url: "http://127.0.0.1:1", model: m, dialect: ${dialect}}\n`,
    );
    await writeK6Script(scenario, 'http://127.0.0.1:1', folder);
    const sessions = JSON.parse(
      readFileSync(join(folder, 'sessions.json'), 'utf8'),
    ) as SentSession[];
    const { requestBody } = scriptFunctions(readFileSync(join(folder, 'script.js'), 'utf8'));
    const source = await openSessions(scenario, randomStreams(scenario.seed));
    expect(sessions).toHaveLength(12);
    for (const session of sessions) {
      const script = source.script(session.index);
      const sent = session.turns.map(({ steps }) =>
        steps.map((step) => step.waitMs ?? JSON.stringify(requestBody(step))),
      );
      const wanted = script.turns.map(({ steps }) =>
        steps.map((step) => (step.kind === 'wait' ? step.waitMs : wireRequest(dialect, step).body)),
      );
      expect(sent).toEqual(wanted);
    }
  },
);

test('the credential is in no file', async () => {
  const scenario = loaded(
    `${body}target: {url: "http://127.0.0.1:1", model: m, apiKey: canary-secret}\n`,
  );
  for (const path of await writeK6Script(scenario, undefined, folder)) {
    expect(readFileSync(path, 'utf8')).not.toContain('canary-secret');
  }
});

test('replies are called by the same names as in the built-in engine', async () => {
  await writeK6Script(loaded(body), undefined, folder);
  const { readReply, retryDelay } = scriptFunctions(
    readFileSync(join(folder, 'script.js'), 'utf8'),
  );
  const stream = { status: 200, headers: { 'Content-Type': 'text/event-stream' } };
  const usage = 'data: {"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":3}}\r\n\r\n';
  expect(readReply({ ...stream, body: `${usage}data: [DONE]\n\n` })).toMatchObject({
    outcome: 'ok',
    input: 9,
    output: 3,
  });
  expect(readReply({ ...stream, body: usage })).toMatchObject({ outcome: 'truncated' });
  expect(readReply({ ...stream, body: 'data: {"error":{"message":"x"}}\n\n' })).toMatchObject({
    outcome: 'failed',
    error: 'in-stream-error',
  });
  expect(readReply({ status: 429, headers: {} })).toMatchObject({
    outcome: 'failed',
    error: 'http-429',
  });
  expect(readReply({ status: 0, error_code: 1050, headers: {} })).toMatchObject({
    error: 'timeout',
  });
  expect(readReply({ ...stream, headers: {}, body: '<html>' })).toMatchObject({
    error: 'not-a-stream',
  });
  expect(retryDelay({ status: 429, headers: {} }, 1)).toBeUndefined();
});

test('thresholds in the language of k6', () => {
  const { thresholds } = scenarioOf(
    `${body}thresholds:
  - {metric: ttft, expr: "p95 < 1.5s"}
  - {metric: ttft, where: {from: send, turn: first}, expr: "p(99.9) < 2s"}
  - {metric: error_rate, expr: "rate < 1%"}
  - {metric: calls, expr: "rate > 60/min"}
  - {metric: itl, expr: "p95 < 50ms"}
  - {metric: e2e, expr: "p95 < 9s", severity: warn}
`,
  );
  expect(k6Thresholds(thresholds)).toEqual({
    agent_calls: ['count>0', 'rate>1'],
    agent_ttft_intended: ['p(95)<1500'],
    'agent_ttft_send{turn:first}': ['p(99.9)<2000'],
    agent_error_rate: ['rate<0.01'],
  });
  expect(notInK6(thresholds).map(({ metric }) => metric)).toEqual(['itl']);
});

test.for([
  {
    why: 'a closed loop without a number of sessions',
    text: 'duration: 5s\narrivals: {kind: users, users: 2}\n',
  },
  {
    why: 'no arrival within the duration',
    text: 'duration: 5s\narrivals: {kind: replay, at: [6s]}\n',
  },
])('refused: $why', async ({ text }) => {
  await expect(writeK6Script(loaded(text), undefined, folder)).rejects.toMatchObject({
    exitCode: 2,
  });
});
