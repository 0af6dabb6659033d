import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { parse } from 'yaml';

import { askChoices } from '../../src/cli/init-questions.ts';
import { loadGatewayConfig } from '../../src/config/gateway.ts';
import { providerConfigSchema } from '../../src/config/provider.ts';
import { parseYaml } from '../../src/config/yaml.ts';
import { root } from '../support/requirements.ts';
import { runCli } from '../support/run-cli.ts';

const base = mkdtempSync(join(tmpdir(), 'agent-infra-init-'));
afterAll(() => rmSync(base, { recursive: true, force: true }));

let count = 0;
function freshFolder(): string {
  count += 1;
  return join(base, String(count));
}

const recording = join(root, 'profiles/samples/research-agent.recording.jsonl');

describe('a project that init writes works at once', () => {
  test('profile, init, plan check, loadtest --dry-run', async () => {
    const folder = freshFolder();
    const profile = join(folder, 'workload.yaml');
    mkdirSync(folder);
    expect(await runCli(['profile', recording, '-o', profile])).toMatchObject({ code: 0 });
    const made = await runCli(['init', folder, '--yes', '--workload', profile]);
    expect(made).toMatchObject({ code: 0 });
    expect(made.out.trimEnd().split('\n')).toHaveLength(6);
    expect(readFileSync(join(folder, 'plan.yaml'), 'utf8')).toContain('profile: "workload.yaml"');

    const checked = await runCli(['plan', 'check', join(folder, 'plan.yaml')]);
    expect(checked.err).toBe('');
    expect(checked.code).toBe(0);
    const dry = await runCli(['loadtest', join(folder, 'scenario.yaml'), '--dry-run']);
    expect(dry).toMatchObject({ code: 0, err: '' });
    expect(dry.out).toContain('whole sessions resampled from 14 recorded ones');
    const gateway = await loadGatewayConfig(join(folder, 'gateway.yaml'), { env: {} });
    expect(gateway.agents).toHaveLength(1);
  });

  test.for([
    { providers: 'anthropic', fits: true },
    { providers: 'groq/llama-3.1-8b-instant@developer,openai', fits: true },
    // No limits are published for it: unknown is never a pass.
    { providers: 'bedrock', fits: false },
  ])('with $providers: documents pass, fits is $fits', async ({ fits, providers }) => {
    const folder = freshFolder();
    const args = ['init', folder, '--providers', providers, '--ci', 'none', '--yes'];
    const made = await runCli(args);
    expect(made.code).toBe(0);
    expect(made.err.includes('note: no limits of')).toBe(!fits);
    const checked = await runCli(['doctor', folder, '--json']);
    expect(checked.code).toBe(0);
    const { findings } = JSON.parse(checked.out) as { findings: { id: string; found: string }[] };
    expect(findings.find(({ id }) => id === 'documents')!.found).toContain('4 of 4 are right');
    const provider = join(folder, 'provider.yaml');
    const text = readFileSync(provider, 'utf8');
    const { models } = parseYaml(providerConfigSchema, { file: provider, text });
    expect(models).toHaveLength(providers.split(',').length);
    expect(models.every(({ limits }) => limits !== undefined)).toBe(fits);
  });
});

describe('what it leaves alone', () => {
  test('nothing is replaced without --force, and nothing of it written', async () => {
    const folder = freshFolder();
    mkdirSync(folder);
    writeFileSync(join(folder, 'scenario.yaml'), 'mine');
    const refused = await runCli(['init', folder, '--yes', '--ci', 'none']);
    expect(refused.code).toBe(2);
    expect(refused.err).toContain('scenario.yaml exists already; nothing was written');
    expect(existsSync(join(folder, 'plan.yaml'))).toBe(false);
    const forced = await runCli(['init', folder, '--yes', '--ci', 'none', '--force']);
    expect(forced.code).toBe(0);
    expect(readFileSync(join(folder, 'scenario.yaml'), 'utf8')).toContain('kind: Scenario');
  });

  test('--dry-run names the files and writes none', async () => {
    const folder = freshFolder();
    const { code, err, out } = await runCli(['init', folder, '--yes', '--dry-run']);
    expect(code).toBe(0);
    expect(out).toContain('plan.yaml');
    expect(err).toContain('would write');
    expect(existsSync(folder)).toBe(false);
  });

  test.for([
    { why: 'a provider', args: ['--providers', 'opnai'], says: 'Did you mean "openai"?' },
    { why: 'a model', args: ['--providers', 'openai/gpt-5.4-mino'], says: '"gpt-5.4-mini"?' },
    { why: 'a tier', args: ['--providers', 'openai/gpt-5.4-mini@tier33'], says: '"tier3"?' },
    { why: 'an empty name', args: ['--providers', 'openai,'], says: 'joined by commas' },
    { why: 'a workload', args: ['--workload', 'suport-agent'], says: '"support-agent"?' },
    { why: 'a file', args: ['--workload', 'none.yaml'], says: 'there is no file' },
    { why: 'a pipeline', args: ['--ci', 'jenkins'], says: 'Allowed choices' },
  ])('$why that is not there: exit 2', async ({ args, says }) => {
    const folder = freshFolder();
    const { code, err } = await runCli(['init', folder, '--yes', ...args]);
    expect(code).toBe(2);
    expect(err).toContain(says);
    expect(existsSync(folder)).toBe(false);
  });
});

test('the pipelines stand at the root of the repository and name the folder', async () => {
  const repository = freshFolder();
  mkdirSync(join(repository, '.git'), { recursive: true });
  const folder = join(repository, 'cap acity');
  expect(await runCli(['init', folder, '--yes', '--ci', 'both'])).toMatchObject({ code: 0 });
  const github = readFileSync(join(repository, '.github/workflows/capacity.yml'), 'utf8');
  const gitlab = readFileSync(join(repository, '.gitlab-ci.yml'), 'utf8');
  const steps = (parse(github) as { jobs: { capacity: { steps: { run?: string }[] } } }).jobs
    .capacity.steps;
  const runs = steps.flatMap(({ run }) => (run === undefined ? [] : [run.trim()]));
  const scripts = (parse(gitlab) as { capacity: { script: string[] } }).capacity.script;
  expect(runs).toEqual([
    'npm ci',
    "npx --no agent-infra doctor 'cap acity'",
    "npx --no agent-infra plan check 'cap acity/plan.yaml'",
    "npx --no agent-infra loadtest 'cap acity/scenario.yaml' --junit results.xml -o capacity-run",
  ]);
  expect(scripts.map((line) => line.trim())).toEqual(runs);
});

test('a repository with a GitLab pipeline gets no GitHub one', async () => {
  const repository = freshFolder();
  mkdirSync(join(repository, '.gitlab'), { recursive: true });
  const { out } = await runCli(['init', repository, '--yes', '--dry-run']);
  expect(out).toContain('.gitlab-ci.yml');
  expect(out).not.toContain('.github');
});

test('a GitLab pipeline that is there is never replaced, with --force neither', async () => {
  const repository = freshFolder();
  mkdirSync(join(repository, '.git'), { recursive: true });
  writeFileSync(join(repository, '.gitlab-ci.yml'), 'stages: [deploy]\n');
  for (const more of [[], ['--force']]) {
    const { code, err } = await runCli(['init', join(repository, 'cap'), '--yes', ...more]);
    expect(code).toBe(0);
    expect(err).toContain('.gitlab-ci.yml needs: include: .gitlab/capacity.gitlab-ci.yml');
  }
  expect(readFileSync(join(repository, '.gitlab-ci.yml'), 'utf8')).toBe('stages: [deploy]\n');
  expect(existsSync(join(repository, '.gitlab/capacity.gitlab-ci.yml'))).toBe(true);
});

describe('questions on a terminal', () => {
  const defaults = { workload: 'research-agent', providers: ['openai'], ci: 'github' } as const;
  const nothing = { workload: undefined, providers: undefined, ci: undefined };
  let said = '';
  let closed = 0;
  afterEach(() => {
    [said, closed] = ['', 0];
  });

  function answers(...lines: string[]): Parameters<typeof askChoices>[2] {
    return {
      ask: async () => lines.shift(),
      say: (text) => void (said += text),
      close: () => void (closed += 1),
    };
  }

  test.for([
    { why: 'Enter takes the defaults', lines: ['', '', ''], choices: defaults },
    {
      why: 'names and numbers',
      lines: ['support-agent', '1, openai/gpt-5.5', '4'],
      choices: {
        workload: 'support-agent',
        providers: ['anthropic', 'openai/gpt-5.5'],
        ci: 'none',
      },
    },
    {
      why: 'a file is a workload; what is none of these is asked again',
      lines: ['nope', 'my/agent.yaml', 'nobody', 'openai', 'travis', 'both'],
      choices: { workload: 'my/agent.yaml', providers: ['openai'], ci: 'both' },
    },
    { why: 'leaving in the middle', lines: [''], choices: undefined },
  ])('$why', async ({ choices, lines }) => {
    expect(await askChoices(nothing, defaults, answers(...lines))).toEqual(choices);
    expect(closed).toBe(1);
  });

  test('what is given is not asked for', async () => {
    const given = { workload: 'x.yaml', providers: ['groq'], ci: 'none' } as const;
    expect(await askChoices(given, defaults, answers())).toEqual(given);
    expect(said).toBe('');
  });
});
