import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, afterEach, describe, expect, test, vi } from 'vitest';

import { judgeCatalog } from '../../src/cli/doctor/catalog.ts';
import { doctorText } from '../../src/report/doctor.ts';
import type { DoctorJson } from '../../src/report/doctor.ts';
import { runCli } from '../support/run-cli.ts';

const base = mkdtempSync(join(tmpdir(), 'agent-infra-doctor-'));
afterAll(() => rmSync(base, { recursive: true, force: true }));
afterEach(() => {
  vi.unstubAllEnvs();
});

let count = 0;
function folderOf(documents: Readonly<Record<string, string>>): string {
  count += 1;
  const folder = join(base, String(count));
  for (const [name, text] of Object.entries(documents)) {
    mkdirSync(join(folder, name, '..'), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

async function doctor(...args: string[]): Promise<{ code: number; json: DoctorJson }> {
  const { code, err, out } = await runCli(['doctor', ...args, '--json']);
  expect(err).toBe('');
  return { code, json: JSON.parse(out) as DoctorJson };
}

const GATEWAY = `apiVersion: agent-infra/v1
kind: GatewayConfig
upstreams: { openai: { url: 'http://127.0.0.1:9000', apiKey: any } }
agents: [{ id: a, key: '\${DOCTOR_TEST_KEY}' }]
`;
const SCENARIO = `apiVersion: agent-infra/v1
kind: Scenario
name: many
workload: { synthetic: { fanOut: 4 } }
duration: 1m
arrivals: { kind: users, users: 40k }
servers: { provider: { preset: fast } }
target: { url: provider, model: sim-1 }
`;

describe('the documents of a folder', () => {
  test('right ones of any depth, others are left alone; the scenario sets the size', async () => {
    vi.stubEnv('DOCTOR_TEST_KEY', 'a-key-for-this-test');
    const folder = folderOf({
      'a/gateway.yaml': GATEWAY,
      'scenario.yml': SCENARIO,
      'compose.yaml': 'services: [',
      'node_modules/x/plan.yaml': 'apiVersion: agent-infra/v1\nkind: Plan\n',
    });
    const { code, json } = await doctor(folder);
    expect(code).toBe(0);
    expect(json).toMatchObject({ schema: 'agent-infra/doctor', schemaVersion: '1.0', exitCode: 0 });
    const by = new Map(json.findings.map((finding) => [finding.id, finding]));
    expect(by.get('documents')).toMatchObject({ level: 'ok' });
    expect(by.get('documents')!.found).toContain('2 of 2 are right');
    // 40,000 users with 4 calls at once each: more than one address has ports.
    expect(by.get('loopback-ports')!.found).toMatch(/scenario.yml may have 160k calls|not known/);
    expect(by.get('loopback-ports')!.level).not.toBe('ok');
  });

  test.for([
    {
      why: 'an unknown key, with its place',
      text: GATEWAY.replace('agents:', 'agnets:').replace('${DOCTOR_TEST_KEY}', 'k'.repeat(20)),
      says: 'gateway.yaml:4:1 agnets: unknown key, did you mean "agents"?',
      level: 'fail',
      exit: 2,
    },
    {
      why: 'a kind that is not there',
      text: 'apiVersion: agent-infra/v1\nkind: Gateway\n',
      says: 'gateway.yaml: kind: Gateway is no kind of agent-infra',
      level: 'fail',
      exit: 2,
    },
    {
      why: 'a plan of names that are not in the catalog',
      text: 'apiVersion: agent-infra/v1\nkind: Plan\nworkload: { profile: support-agent }\ntargets: { sessionsPerDay: 100 }\nroutes: [{ provider: opnai, model: x }]\n',
      says: 'unknown provider "opnai"; did you mean "openai"?',
      level: 'fail',
      exit: 2,
    },
    {
      why: 'a goal that the plan itself contradicts',
      text: 'apiVersion: agent-infra/v1\nkind: Plan\nworkload: { numbers: { callsPerTurn: 1, inputTokens: 1k, outputTokens: 100 } }\ntargets: { concurrentUsers: 1, interactionsPerMinute: 1 }\nroutes: [{ provider: custom, model: x, limits: { rpm: 9 } }]\ngoals: { headroom: 100% }\n',
      says: 'gateway.yaml:6:20 goals.headroom: all of each limit free leaves nothing to use',
      level: 'fail',
      exit: 2,
    },
    {
      why: 'a plan whose profile is broken',
      text: 'apiVersion: agent-infra/v1\nkind: Plan\nworkload: { profile: ./gateway.yaml }\ntargets: { sessionsPerDay: 9 }\nroutes: [{ provider: openai, model: gpt-5.4-mini }]\n',
      says: 'expected kind: WorkloadProfile, this is kind: Plan',
      level: 'fail',
      exit: 2,
    },
    {
      why: 'a GPU that is not in the catalog',
      text: 'apiVersion: agent-infra/v1\nkind: Plan\nworkload: { profile: support-agent }\ntargets: { sessionsPerDay: 9 }\npool: { model: Llama-3.1-8B, gpu: H100-SXM-80G }\n',
      says: 'unknown GPU "H100-SXM-80G"; did you mean "H100-SXM-80GB"?',
      level: 'fail',
      exit: 2,
    },
    {
      why: 'a scenario whose gateway is not there',
      text: SCENARIO.replace('servers: {', 'servers: { gateway: { config: none.yaml },'),
      says: 'none.yaml: no such file or folder',
      level: 'fail',
      exit: 2,
    },
    {
      why: 'a variable that is not set here: it may be where the document runs',
      text: GATEWAY,
      says: 'environment variable DOCTOR_TEST_KEY is not set',
      level: 'warn',
      exit: 0,
    },
  ])('$why', async ({ exit, level, says, text }) => {
    const { code, json } = await doctor(folderOf({ 'gateway.yaml': text }));
    const [finding] = json.findings.filter(({ id }) => id === 'document');
    expect(finding).toMatchObject({ level });
    expect(finding!.found).toContain(says);
    expect([code, json.exitCode]).toEqual([exit, exit]);
  });

  test('a folder that is not there is an error, an empty one is not', async () => {
    const { code, err } = await runCli(['doctor', join(base, 'none')]);
    expect(code).toBe(2);
    expect(err).toContain('no such folder');
    const empty = await doctor(folderOf({ 'notes.txt': '' }));
    expect(empty.code).toBe(0);
    expect(empty.json.findings.at(-1)!.mend).toContain('agent-infra init');
  });
});

test('--for what is missing: exit 4, and only then', async () => {
  vi.stubEnv('PATH', base);
  vi.stubEnv('K6_BIN', join(base, 'no-k6'));
  const folder = folderOf({ 'notes.txt': '' });
  expect((await doctor(folder)).code).toBe(0);
  const { code, json } = await doctor(folder, '--for', 'loadtest-k6');
  expect(code).toBe(4);
  expect(json.findings.find(({ id }) => id === 'k6')).toMatchObject({ level: 'fail' });
  expect(JSON.stringify(json), 'no value of a variable').not.toContain('no-k6');
  const { code: wrong, err } = await runCli(['doctor', '--for', 'k6']);
  expect(wrong).toBe(2);
  expect(err).toContain('loadtest-k6');
});

test.for([
  { why: 'young', days: [10, 60, 200], level: 'ok', affects: '1 is older than 180 days' },
  { why: 'half of it old', days: [10, 181, 400], level: 'warn', affects: 'costs and limits' },
])('the catalog is $why: $level', ({ affects, days, level }) => {
  const finding = judgeCatalog(days.map((age) => ({ days: age })));
  expect(finding.level).toBe(level);
  expect(finding.affects).toContain(affects);
});

test('the report: groups, marks, and what to do', () => {
  const text = doctorText(
    [
      { id: 'cores', group: 'machine', level: 'ok', found: '8 cores', affects: null, mend: null },
      {
        id: 'k6',
        group: 'tools',
        level: 'fail',
        found: 'not on PATH (asked for: loadtest-k6)',
        affects: 'loadtest --engine k6; the built-in engine needs nothing at all, and it is there',
        mend: 'Install it.',
      },
    ],
    { colour: false, columns: 80 },
  );
  expect(text).toMatchInlineSnapshot(`
    "This machine
      ok    cores           8 cores

    Programs and packages
      FAIL  k6              not on PATH (asked for: loadtest-k6)
                            loadtest --engine k6; the built-in engine needs nothing
                            at all, and it is there
                            → Install it.

    1 failed; 2 things looked at.
    "
  `);
});
