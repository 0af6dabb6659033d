import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
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
      why: 'a route whose rule the profile cannot answer',
      text: 'apiVersion: agent-infra/v1\nkind: Plan\nworkload: { profile: azure-code }\ntargets: { sessionsPerDay: 9 }\nroutes: [{ provider: custom, model: x, when: "inputTokens > 1000", limits: { rpm: 100 } }]\n',
      says: 'gateway.yaml: routes: 41.5% of the calls match no rule',
      level: 'fail',
      exit: 2,
    },
    {
      why: 'a possible hit rate of numbers only',
      text: 'apiVersion: agent-infra/v1\nkind: Plan\nworkload: { numbers: { callsPerTurn: 1, inputTokens: 1k, outputTokens: 100 } }\ntargets: { concurrentUsers: 1, interactionsPerMinute: 1 }\nroutes: [{ provider: custom, model: x, limits: { rpm: 9 } }]\ncaching: { prompt: { hitRate: possible } }\n',
      says: 'caching.prompt.hitRate: the workload has no prefixes to say what is possible',
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

  test.for([
    { value: 'sk-supersecret', never: 'supersecret' },
    // The digit itself stands in other words, the value in quotes does not.
    { value: '1', never: String.raw`got \"1` },
    { value: 'a "quoted" one', never: 'quoted' },
  ])('the value $value of a variable is not printed, its name is', async ({ never, value }) => {
    vi.stubEnv('RV_ID', value);
    const text = SCENARIO.replace('duration: 1m', "duration: '${RV_ID}!'");
    const { code, json } = await doctor(folderOf({ 'scenario.yaml': text }));
    const { found } = json.findings.find(({ id }) => id === 'document')!;
    expect(code).toBe(2);
    expect(found).toContain('scenario.yaml:5:11 duration: ');
    expect(found).toContain('got "${RV_ID}!"');
    expect(JSON.stringify(json)).not.toContain(never);
  });

  test('nor is that of a gateway which a scenario names', async () => {
    vi.stubEnv('RV_ID', 'sk-supersecret');
    const { json } = await doctor(
      folderOf({
        'scenario.yaml': SCENARIO.replace('servers: {', 'servers: { gateway: { config: g.yml },'),
        'g.yml': GATEWAY.replace('http://127.0.0.1:9000', '${RV_ID}'),
      }),
    );
    expect(json.findings.filter(({ id }) => id === 'document')).toHaveLength(2);
    expect(JSON.stringify(json)).not.toContain('supersecret');
  });

  test('a folder that cannot be read is told as such', async () => {
    const loop = join(folderOf({ 'notes.txt': '' }), 'loop');
    symlinkSync(loop, loop);
    const { code, err } = await runCli(['doctor', loop]);
    expect(code).toBe(2);
    expect(err).toContain('symbolic link');
    expect(err).not.toContain('no such folder');
    const file = await runCli(['doctor', join(loop, '..', 'notes.txt')]);
    expect(file.err).toContain('is a file, not a folder');
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
  { why: 'empty is not given', bin: '', level: 'note', says: 'not on PATH' },
  {
    why: 'a path through a file, which fails at once',
    bin: join(import.meta.filename, 'k6'),
    level: 'warn',
    says: 'K6_BIN does not answer',
  },
])('K6_BIN: $why', async ({ bin, level, says }) => {
  vi.stubEnv('PATH', base);
  vi.stubEnv('K6_BIN', bin);
  const { code, json } = await doctor(folderOf({ 'notes.txt': '' }));
  expect(code).toBe(0);
  const k6 = json.findings.find(({ id }) => id === 'k6')!;
  expect(k6).toMatchObject({ level });
  expect(k6.found).toContain(says);
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
