import { spawn, spawnSync } from 'node:child_process';
import type { SpawnSyncReturns } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { renderRun } from '../../src/cli/report-run.ts';
import type { Sample } from '../../src/loadtest/sample.ts';
import type { LoadSummary } from '../../src/loadtest/summary.ts';
import { binary, missingProgram, root } from '../support/requirements.ts';

/** The real binary with its own servers, on loopback. */
let folder = '';

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'agent-infra-loadtest-'));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const shipped = join(root, 'scenarios/gateway.yaml');

function agentInfra(
  args: readonly string[],
  env: Record<string, string> = {},
): SpawnSyncReturns<string> {
  return spawnSync(process.execPath, [binary, ...args], {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, GITHUB_STEP_SUMMARY: '', ...env },
    maxBuffer: 64 * 1024 * 1024,
  });
}

/** The exit code; what the program said when it is another one. */
function expectExit({ status, stderr }: SpawnSyncReturns<string>, code: number): void {
  expect(status === code ? code : `${status}: ${stderr}`).toBe(code);
}

function summaryOf(run: string): LoadSummary {
  return JSON.parse(readFileSync(join(folder, run, 'summary.json'), 'utf8')) as LoadSummary;
}

function samplesOf(run: string): Sample[] {
  const lines = readFileSync(join(folder, run, 'samples.jsonl'), 'utf8')
    .trim()
    .split('\n');
  return lines.map((line) => JSON.parse(line) as Sample);
}

function isWarmUp(sample: Sample, type: 'attempt' | 'turn'): boolean {
  return sample.type === type && 'intended' in sample && sample.intended < 500;
}

/** A small scenario on the bundled provider; `more` is appended. */
function scenario(name: string, more: string, sessions = 6): string {
  const file = join(folder, `${name}.yaml`);
  const text = `apiVersion: agent-infra/v1
kind: Scenario
name: ${name}
workload: {synthetic: {turns: 2, callsPerTurn: 2, tokens: {output: 20}, toolDelay: 50ms, thinkTime: 100ms}}
sessions: ${sessions}
arrivals: {kind: constant, rate: 20/s}
servers: {provider: {preset: fast}}
target: {url: provider, model: sim-1, apiKey: canary-secret-0123456789, timeout: 20s}
${more}`;
  writeFileSync(file, text);
  return file;
}

/** The shipped scenario with shorter waits and answers: the same sessions and calls in a third of the time. */
function hurried(): string {
  const quicker = [
    ['rate: 15/s', 'rate: 40/s'],
    ['warmUp: 2s', 'warmUp: 500ms'],
    ['toolDelay: { mean: 200ms', 'toolDelay: { mean: 20ms'],
    ['thinkTime: { mean: 1s', 'thinkTime: { mean: 100ms'],
    ['output: { mean: 60', 'output: { mean: 30'],
    ['config: servers/gateway.yaml', `config: ${join(root, 'scenarios/servers/gateway.yaml')}`],
  ] as const;
  let text = readFileSync(shipped, 'utf8');
  for (const [shippedValue, value] of quicker) {
    expect(text).toContain(shippedValue);
    text = text.replace(shippedValue, value);
  }
  const file = join(folder, 'hurried.yaml');
  writeFileSync(file, text);
  return file;
}

test('200 multi-turn streaming sessions through the gateway: both latencies, samples, reports', () => {
  const result = agentInfra(['loadtest', hurried(), '-o', 'gateway', '--dashboard', 'lines']);
  expectExit(result, 0);
  for (const part of [
    'time to first token',
    'inter-token latency',
    'user turn',
    'intended start',
    'send',
  ]) {
    expect(result.stdout).toContain(part);
  }
  expect(result.stderr).toContain('samples.jsonl are in gateway\n');
  const summary = summaryOf('gateway');
  expect(summary.verdict.status).not.toBe('fail');
  expect(summary.counters.sessions).toMatchObject({ intended: 200, completed: 200, dropped: 0 });
  const { calls } = summary.counters;
  expect(calls).toMatchObject({ completed: calls.intended, failed: 0 });
  const { e2e, itl, ttft, turn } = summary.metrics;
  // The warm-up is counted and not timed: by the samples themselves.
  expect(ttft!.fromIntended!.n).toBe(calls.intended - calls.warmUp);
  expect(calls.warmUp).toBe(
    samplesOf('gateway').filter((each) => isWarmUp(each, 'attempt')).length,
  );
  const warmUpTurns = samplesOf('gateway').filter((each) => isWarmUp(each, 'turn')).length;
  expect(ttft!.fromIntended!.p50).toBeGreaterThanOrEqual(ttft!.fromSend!.p50);
  expect(calls.warmUp).toBeGreaterThan(0);
  expect(turn!.fromIntended!.n).toBe(summary.counters.turns.completed - warmUpTurns);
  // The provider was told 20 ms and 2 ms; a loaded machine adds, nothing takes away.
  expect(ttft!.fromSend!.min).toBeGreaterThan(19);
  // 30 tokens at the mean, half of them more than 15: from the send, no call can be faster.
  expect(e2e!.fromSend!.p50).toBeGreaterThan(20 + 15 * 2);
  expect(itl!.value!.n).toBeGreaterThan(0);
});

test('the report again, from the samples alone, is the first report', async () => {
  const text = agentInfra(['report', 'gateway']);
  expectExit(text, 0);
  expect(text.stdout).toBe(readFileSync(join(folder, 'gateway/report.txt'), 'utf8'));
  const json = agentInfra(['report', 'gateway/samples.jsonl', '--format', 'json']);
  expect(json.stdout).toBe(readFileSync(join(folder, 'gateway/summary.json'), 'utf8'));
  const run = join(folder, 'gateway');
  expect(await renderRun(run, { format: 'markdown' })).toContain('## gateway');
  expect(await renderRun(run, { format: 'junit' })).toContain('<testsuites');
  expect(await renderRun(run, { format: 'html' })).toBe(
    readFileSync(join(run, 'report.html'), 'utf8'),
  );
});

test('a broken threshold exits 99, and JUnit and the step summary say which', () => {
  const file = scenario('broken', 'thresholds: [{metric: sessions, expr: "count >= 1000"}]\n');
  const args = ['loadtest', file, '-o', 'broken', '--junit', 'junit.xml'];
  const result = agentInfra(args, { GITHUB_STEP_SUMMARY: join(folder, 'step.md') });
  expectExit(result, 99);
  expect(readFileSync(join(folder, 'junit.xml'), 'utf8')).toContain('<failure message="observed 6');
  expect(readFileSync(join(folder, 'step.md'), 'utf8')).toContain('❌ fail');
});

test('no data never passes: a warning, and exit 5 under --strict', () => {
  const file = scenario('nodata', 'thresholds: [{metric: ttf_tool, expr: "p95 < 1s"}]\n', 1);
  const lenient = agentInfra(['loadtest', file, '-o', 'nodata']);
  expectExit(lenient, 0);
  expect(lenient.stderr).toContain('WARNING: this run is inconclusive');
  expect(summaryOf('nodata').thresholds[0]).toMatchObject({
    status: 'inconclusive',
    observed: null,
  });
  expect(agentInfra(['loadtest', file, '-o', 'nodata', '--strict']).status).toBe(5);
});

test('a target that is down: exit 3, at once, and no folder', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  const result = agentInfra([
    'loadtest',
    shipped,
    '--target',
    `http://127.0.0.1:${port}`,
    '-o',
    'down',
  ]);
  expect(result.status).toBe(3);
  expect(result.stderr).toContain('target.unreachable');
  expect(existsSync(join(folder, 'down'))).toBe(false);
});

test('a target that dies during the run: said first, and exit 3', async () => {
  let answered = 0;
  const target = createHttpServer((request, response) => {
    request.resume().on('end', () => response.writeHead(429).end('{}'));
    response.on('finish', () => (answered += 1));
  }).listen(0, '127.0.0.1');
  await once(target, 'listening');
  const { port } = target.address() as AddressInfo;
  const file = scenario('dies', '', 40);
  const url = `http://127.0.0.1:${port}`;
  const args = ['loadtest', file, '--target', url, '-o', 'dies', '--dashboard', 'none'];
  const child = spawn(process.execPath, [binary, ...args], { cwd: folder });
  const stderr = text(child.stderr);
  await expect.poll(() => answered, { timeout: 30_000, interval: 20 }).toBeGreaterThan(3);
  target.close();
  target.closeAllConnections();
  const [code] = (await once(child, 'exit')) as [number];
  expect(code).toBe(3);
  expect(await stderr).toMatch(/dies: FAIL\n  - the target stopped answering/);
  const { silence, verdict } = summaryOf('dies');
  expect(silence!.attempts).toBeGreaterThan(10);
  expect(verdict.status).toBe('fail');
});

test.for([
  {
    why: 'another machine',
    args: ['--target', 'http://10.1.2.3:8080'],
    status: 3,
    says: '--allow-target 10.1.2.3',
  },
  {
    why: 'a provider that bills',
    args: ['--target', 'https://api.openai.com', '--allow-target', 'api.openai.com'],
    status: 3,
    says: '--i-accept-provider-cost',
  },
  { why: 'a grace without a unit', args: ['--grace', '10'], status: 2, says: '--grace' },
  {
    why: 'an output folder that is a file',
    args: ['-o', shipped],
    status: 2,
    says: 'is a file, not a folder',
  },
  {
    why: 'JUnit below a file, before any load',
    args: ['--junit', join(shipped, 'x/junit.xml')],
    status: 2,
    says: 'is a file, not a folder',
  },
  { why: 'an engine nobody has', args: ['--engine', 'jmeter'], status: 2, says: 'jmeter' },
])('refused: $why', ({ args, says, status }) => {
  const result = agentInfra(['loadtest', shipped, ...args]);
  expectExit(result, status);
  expect(result.stderr).toContain(says);
});

test('a dry run prints the load and sends nothing', () => {
  const result = agentInfra(['loadtest', shipped, '--dry-run']);
  expectExit(result, 0);
  expect(result.stdout).toMatch(/sessions: 200\nturns: \d+, LLM calls: [\d,]+/);
  expect(result.stdout).toContain('nothing was sent');
});

test.for([
  { signal: 'SIGINT', status: 130 },
  { signal: 'SIGTERM', status: 143 },
] as const)('$signal: a partial report and exit $status', async ({ signal, status }) => {
  const run = `stopped-${status}`;
  const child = await startedRun(run);
  child.kill(signal);
  const [code] = (await once(child, 'exit')) as [number];
  expect(code).toBe(status);
  const summary = summaryOf(run);
  expect(summary).toMatchObject({ complete: false, stopped: signal });
  expect(summary.verdict.status).not.toBe('pass');
  expect(summary.counters.sessions.completed).toBeGreaterThan(0);
  expect(readFileSync(join(folder, run, 'report.txt'), 'utf8')).toContain('did not end by itself');
});

test('kill -9 leaves samples that report can read, and no servers', async () => {
  const child = await startedRun('killed');
  const url = targetOf('killed');
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect(existsSync(join(folder, 'killed/summary.json'))).toBe(false);
  const result = agentInfra(['report', 'killed', '--format', 'json']);
  expectExit(result, 0);
  const summary = JSON.parse(result.stdout) as LoadSummary;
  expect(summary.complete).toBe(false);
  expect(summary.counters.calls.completed).toBeGreaterThan(0);
  await expect.poll(() => answers(url), { timeout: 20_000 }).toBe(false);
});

test('secrets and content reach no file of a run', () => {
  for (const run of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (!/\.(jsonl|json|txt|js|xml|md)$/.test(run)) continue;
    const text = readFileSync(join(folder, run), 'utf8');
    expect(text).not.toContain('canary-secret');
    expect(text).not.toContain('loadtest-key-for-loopback');
  }
});

test('k6 missing: exit 4 and how to get it', () => {
  const result = agentInfra(['loadtest', shipped, '--engine', 'k6'], { K6_BIN: '/nowhere/k6' });
  expect(result.status).toBe(4);
  expect(result.stderr).toContain('go install go.k6.io/k6@v1.8.1');
  const other = agentInfra(['loadtest', shipped, '--engine', 'k6'], { K6_BIN: '/bin/echo' });
  expect(other.status).toBe(4);
  expect(other.stderr).toContain('/bin/echo is not k6');
});

const noK6 = missingProgram('k6');

test.skipIf(noK6)('k6 sends the same sessions and requests, and its summary is ours', () => {
  const file = scenario('parity', 'thresholds: [{metric: error_rate, expr: "rate < 20%"}]\n', 20);
  const runs = (['builtin', 'k6'] as const).map((engine) => {
    const result = agentInfra(['loadtest', file, '-o', engine, '--engine', engine]);
    expectExit(result, 0);
    return summaryOf(engine);
  });
  const [ours, theirs] = runs as [LoadSummary, LoadSummary];
  for (const key of ['sessions', 'turns', 'calls', 'attempts', 'tokens'] as const) {
    expect(theirs.counters[key]).toEqual(ours.counters[key]);
  }
  expect(Object.keys(theirs)).toEqual(Object.keys(ours));
  expect(theirs.run.configHash).toBe(ours.run.configHash);
  expect(theirs.run.timingNotes.join()).toContain('http_req_waiting');
  expect(theirs.metrics.itl!.value).toBeNull();
  const again = agentInfra(['report', 'k6', '--format', 'json']);
  expect(again.stdout).toBe(readFileSync(join(folder, 'k6/summary.json'), 'utf8'));
});

test.skipIf(noK6)('k6: a broken threshold is 99 too', () => {
  const file = scenario('k6broken', 'thresholds: [{metric: sessions, expr: "count >= 1000"}]\n', 2);
  const result = agentInfra(['loadtest', file, '-o', 'k6broken', '--engine', 'k6']);
  expectExit(result, 99);
  expect(summaryOf('k6broken').verdict.reasons.join('\n')).toContain(
    'k6: agent_sessions count>=1000',
  );
});

test('export writes the script and what it needs, without the credential', () => {
  const result = agentInfra(['loadtest', 'export', shipped, '--format', 'k6', '-o', 'exported']);
  expectExit(result, 0);
  expect(readdirSync(join(folder, 'exported')).toSorted()).toEqual([
    'filler.txt',
    'script.js',
    'sessions.json',
  ]);
});

/** A long run that has completed at least one session. */
async function startedRun(run: string): Promise<ReturnType<typeof spawn>> {
  const file = scenario(run, '', 600);
  const args = [binary, 'loadtest', file, '-o', run, '--grace', '500ms', '--dashboard', 'none'];
  const child = spawn(process.execPath, args, { cwd: folder, stdio: 'ignore' });
  const samples = join(folder, run, 'samples.jsonl');
  await expect
    .poll(() => existsSync(samples) && readFileSync(samples, 'utf8').includes('"type":"session"'), {
      timeout: 30_000,
      interval: 100,
    })
    .toBe(true);
  return child;
}

function targetOf(run: string): string {
  const [first] = readFileSync(join(folder, run, 'samples.jsonl'), 'utf8').split('\n');
  return (JSON.parse(first!) as { target: { url: string } }).target.url;
}

async function answers(url: string): Promise<boolean> {
  await delay(50);
  return fetch(`${url}/healthz`).then(
    () => true,
    () => false,
  );
}
