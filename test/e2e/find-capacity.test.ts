import { spawn, spawnSync } from 'node:child_process';
import type { SpawnSyncReturns } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { runCli } from '../support/run-cli.ts';
import type { CapacityReport } from '../../src/loadtest/capacity.ts';
import { binary } from '../support/requirements.ts';

/** The real binary finds the capacity of a bundled provider that is known in closed form. */
let folder = '';

/** Three calls at once: a closed loop of single calls without waits holds three users, never four. */
const PROVIDER = `apiVersion: agent-infra/v1
kind: ProviderConfig
models:
  - id: sim-1
    timing: {kind: fixed, ttft: 60ms, itl: 1ms}
    limits: {style: generic, concurrency: 3}
`;

/** The generous time makes a loaded machine no reason to doubt the generator. */
const SCENARIO = `apiVersion: agent-infra/v1
kind: Scenario
name: places
workload: {synthetic: {turns: 1, callsPerTurn: 1, tokens: {output: 4}}}
sessions: 12
arrivals: {kind: users, users: 3}
servers: {provider: {config: provider.yaml}}
target: {url: provider, model: sim-1, apiKey: canary-secret-0123456789, timeout: 20s}
thresholds:
  - {metric: rate_limited, expr: 'rate == 0%'}
  - {metric: ttft, expr: 'p95 < 60s', judge: observed}
  - {metric: sessions, expr: 'count == 12'}
`;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'agent-infra-capacity-'));
  writeFileSync(join(folder, 'provider.yaml'), PROVIDER);
  writeFileSync(join(folder, 'places.yaml'), SCENARIO);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function agentInfra(args: readonly string[]): SpawnSyncReturns<string> {
  return spawnSync(process.execPath, [binary, ...args], {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, GITHUB_STEP_SUMMARY: '' },
  });
}

function reportOf(run: string): CapacityReport {
  return JSON.parse(readFileSync(join(folder, run, 'capacity.json'), 'utf8')) as CapacityReport;
}

test('three places: three users hold, four break, and the gate of four fails', () => {
  const flags = ['--max', '4', '--min-capacity', '4', '--start', '3', '--max-trials', '8'];
  const result = agentInfra(['loadtest', 'find-capacity', 'places.yaml', '-o', 'run', ...flags]);
  const report = reportOf('run');
  expect(report).toMatchObject({
    schema: 'agent-infra/loadtest-capacity',
    complete: true,
    judgedBy: ['rate_limited rate == 0%', 'ttft p95 < 60s'],
    leftOut: ['sessions count == 12'],
    search: { freshServers: true, settleMs: 0 },
    unit: 'users',
  });
  const judged = report.trials.filter(({ outcome }) => outcome !== 'saturated');
  expect(judged.filter(({ load, outcome }) => (load <= 3 ? 'held' : 'broken') !== outcome)).toEqual(
    [],
  );
  expect(result.stdout).toBe(readFileSync(join(folder, 'run/capacity.txt'), 'utf8'));
  expect(result.stderr).toMatch(/^trial 1: 3 users /m);
  // Where others take the processor away, trials say so, and there is no answer to hold.
  const hasAnswer = report.trials.length === judged.length;
  const expected = {
    exit: 99,
    status: 'found',
    capacity: 3,
    interval: { held: 3, broken: 4 },
    gate: { atLeast: 4, status: 'fail' },
    says: 'places: holds up to 3 users (about ',
    breaks: 'at 4 users the first threshold to break is rate_limited rate == 0%',
  };
  const found = {
    exit: result.status,
    status: report.status,
    capacity: report.capacity?.load,
    interval: report.interval,
    gate: report.gate,
    says: result.stdout.slice(0, expected.says.length),
    breaks: expected.breaks.slice(0, result.stdout.includes(expected.breaks) ? undefined : 0),
  };
  expect(hasAnswer ? found : expected).toEqual(expected);
  const rendered = agentInfra(['report', 'run']);
  expect(rendered.stdout).toBe(result.stdout);
  const asHtml = agentInfra(['report', 'run', '--format', 'html']);
  expect(asHtml.status).toBe(2);
  expect(asHtml.stderr).toContain('name one of its trials: run/trial-01');
  // Each trial is a run of its own.
  const again = agentInfra(['report', 'run/trial-02', '--format', 'json']);
  expect(again.stdout).toBe(readFileSync(join(folder, 'run/trial-02/summary.json'), 'utf8'));
  const files = ['run/capacity.json', 'run/capacity.txt', 'run/trial-01/samples.jsonl'];
  const written = files.map((file) => readFileSync(join(folder, file), 'utf8'));
  expect(written.join()).not.toContain('canary-secret');
});

test('Ctrl-C in the second trial: what there is, exit 130', async () => {
  const slow = SCENARIO.replace('sessions: 12', 'sessions: 4000\nduration: 1s').replace(
    'name: places',
    'name: slow',
  );
  writeFileSync(join(folder, 'slow.yaml'), slow);
  const args = [
    'loadtest',
    'find-capacity',
    'slow.yaml',
    '-o',
    'stopped',
    '--start',
    '1',
    '--grace',
    '1s',
  ];
  const child = spawn(process.execPath, [binary, ...args], { cwd: folder, stdio: 'ignore' });
  await expect
    .poll(() => existsSync(join(folder, 'stopped/trial-02/samples.jsonl')), { timeout: 30_000 })
    .toBe(true);
  child.kill('SIGINT');
  expect(await once(child, 'exit')).toEqual([130, null]);
  const report = reportOf('stopped');
  expect(report).toMatchObject({
    status: 'inconclusive',
    complete: false,
    stopped: 'SIGINT',
    capacity: null,
    reasons: ['stopped by SIGINT in trial 2'],
  });
  expect(report.trials).toHaveLength(1);
  expect(readFileSync(join(folder, 'stopped/capacity.txt'), 'utf8')).toContain('INCONCLUSIVE');
});

/** 4 sessions of one call for each user cost so much at $1 a million tokens in, nothing out. */
const BUDGET = (total: string): string =>
  SCENARIO.replace('name: places', 'name: paid').concat(
    `budget: {total: ${total}, perMillionInput: $1, perMillionOutput: $0}\n`,
  );

test('a budget holds for the whole search: it ends before a trial that would pass it', () => {
  // A call has some 920 tokens: four of them are about $0.0037, and no four more fit.
  writeFileSync(join(folder, 'paid.yaml'), BUDGET('$0.006'));
  const result = agentInfra([
    'loadtest',
    'find-capacity',
    'paid.yaml',
    '-o',
    'paid',
    '--start',
    '1',
  ]);
  expect(`${result.status} ${result.stderr}`).toMatch(/^3 /);
  const report = reportOf('paid');
  expect(report).toMatchObject({ stopped: 'budget', complete: false, capacity: null });
  expect(report.trials).toHaveLength(1);
  expect(report.reasons[0]).toContain('the budget is $0.00');
});

test('a first trial that the budget does not cover is refused', async () => {
  const file = join(folder, 'places-paid.yaml');
  writeFileSync(file, BUDGET('$0.001'));
  const result = await runCli(['loadtest', 'find-capacity', file]);
  expect(result.code).toBe(3);
  expect(result.err).toContain('the sessions would cost about $0.011');
});

test.for([
  {
    why: 'nobody listens',
    args: ['--target', 'http://127.0.0.1:9'],
    code: 3,
    says: 'target.unreachable',
  },
  {
    why: 'a host that nobody allowed',
    args: ['--target', 'http://example.com'],
    code: 3,
    says: '--allow-target example.com',
  },
  {
    why: 'a provider that bills',
    args: ['--target', 'https://api.openai.com'],
    code: 3,
    says: '--i-accept-provider-cost',
  },
  {
    why: 'a rate for users',
    args: ['--start', '3/s'],
    code: 2,
    says: '--start: expected a number of users such as 40, got "3/s"',
  },
  {
    why: 'half a user',
    args: ['--max', '2.5'],
    code: 2,
    says: '--max: expected a number of users',
  },
  {
    why: 'a start above the most',
    args: ['--max', '2', '--start', '3'],
    code: 2,
    says: '--max: 2 users is below the load to start with',
  },
  {
    why: 'a gate above the most',
    args: ['--max', '4', '--start', '3', '--min-capacity', '5'],
    code: 2,
    says: '--max: 4 users is below the load to reach',
  },
  { why: 'too fine', args: ['--resolution', '0.1%'], code: 2, says: 'from 1% to 100%' },
  {
    why: 'no duration',
    args: ['--settle', 'soon'],
    code: 2,
    says: '--settle: expected a duration',
  },
  { why: 'no trials', args: ['--max-trials', '0'], code: 2, says: 'whole number above 0' },
])('$why: exit $code and what to do', async ({ args, code, says }) => {
  const out = join(folder, 'refused');
  const scenario = join(folder, 'places.yaml');
  const result = await runCli(['loadtest', 'find-capacity', scenario, '-o', out, ...args]);
  expect(`${result.code}\n${result.err}`).toContain(`${code}\n`);
  expect(result.err).toContain(says);
});

test.for([
  {
    why: 'nothing limits the load',
    scenario: SCENARIO.replace(/ {2}- \{metric: (?:rate_limited|ttft).*\n/g, ''),
    says: 'no threshold says what the target must hold',
  },
  {
    why: 'a warm-up as long as the trial',
    scenario: SCENARIO.replace('sessions: 12', 'duration: 2s\nwarmUp: 2s'),
    says: 'sessions start for 2 s in a trial, and the first 2 s are its warm-up',
  },
  {
    why: 'a ramp',
    scenario: SCENARIO.replace(
      '{kind: users, users: 3}',
      '{kind: ramp, from: 1/s, to: 2/s, over: 9s}',
    ),
    says: 'arrivals of kind ramp have no single load',
  },
])('$why: exit 2', async ({ scenario, says }) => {
  const file = join(folder, 'wrong.yaml');
  writeFileSync(file, scenario);
  const result = await runCli(['loadtest', 'find-capacity', file]);
  expect(result.code).toBe(2);
  expect(result.err).toContain(says);
});

test('--dry-run says what the first trial sends, and sends nothing', async () => {
  const scenario = join(folder, 'places.yaml');
  const result = await runCli(['loadtest', 'find-capacity', scenario, '--dry-run', '--start', '6']);
  expect(result.code).toBe(0);
  expect(result.out).toContain('first trial, 6 users:');
  expect(result.out).toContain('sessions: 24\n');
  expect(result.out).toContain('nothing was sent');
});
