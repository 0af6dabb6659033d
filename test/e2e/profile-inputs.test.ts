import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, describe, expect, it, test } from 'vitest';

import { loadWorkloadProfile } from '../../src/config/workload-profile.ts';
import { visibleWidth } from '../../src/report/text-width.ts';
import type { WorkloadProfile } from '../../src/workload/workload-profile.ts';
import { binary, missingProgram, root } from '../support/requirements.ts';

const folder = mkdtempSync(join(tmpdir(), 'profile-inputs-e2e-'));
afterAll(() => rmSync(folder, { recursive: true }));

const env = { ...process.env, CI: 'true', NO_COLOR: '1' };

function run(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [binary, 'profile', ...args], { encoding: 'utf8', env });
}

function file(name: string, value: unknown): string {
  const path = join(folder, name);
  writeFileSync(path, typeof value === 'string' ? value : JSON.stringify(value));
  return path;
}

/** Two minutes of one model: GET /v1/organization/usage/completions, bucket_width=1m. */
const openai = file('openai.json', {
  object: 'page',
  data: [
    { start_time: 1_790_000_000, end_time: 1_790_000_060, results: [openaiResult(5000, 3000, 9)] },
    { start_time: 1_790_000_060, end_time: 1_790_000_120, results: [openaiResult(1000, 0, 1)] },
  ],
  has_more: false,
});

function openaiResult(input: number, cached: number, requests: number): object {
  return {
    object: 'organization.usage.completions.result',
    input_tokens: input,
    input_cached_tokens: cached,
    output_tokens: input / 10,
    num_model_requests: requests,
    api_key_id: `key_CANARY${requests}`,
    model: 'gpt-6-sol',
  };
}

/** One hour: GET /v1/organizations/usage_report/messages, bucket_width=1h; it counts no requests. */
const anthropic = file('anthropic.json', {
  data: [
    {
      starting_at: '2026-09-21T14:00:00Z',
      ending_at: '2026-09-21T15:00:00Z',
      results: [
        {
          uncached_input_tokens: 1000,
          cache_read_input_tokens: 90_000,
          cache_creation: { ephemeral_5m_input_tokens: 4000, ephemeral_1h_input_tokens: 5000 },
          output_tokens: 600,
          api_key_id: 'apikey_CANARY',
          model: 'claude-opus-5-5',
        },
      ],
    },
  ],
  has_more: false,
});

describe('usage exports of providers', () => {
  it('OpenAI: input includes cached; requests and peaks per minute are known', () => {
    const { status, stdout } = run(openai, '--json');
    expect(status).toBe(0);
    const { calls, usage, arrivals } = JSON.parse(stdout) as WorkloadProfile;
    expect([calls.count, arrivals]).toEqual([0, null]);
    expect(usage).toMatchObject({
      start: '2026-09-21T14:13:20.000Z',
      windows: 2,
      windowSeconds: 60,
      requests: 10,
      input: 6000,
      cacheRead: 3000,
      output: 600,
      rpm: { mean: 5, peak: 9 },
      tpm: { allIn: { mean: 3300, peak: 5500 }, uncached: { peak: 2000 } },
      held: null,
    });
    expect(stdout).not.toContain('CANARY');
  });

  it('Anthropic: parts are disjoint; requests are not counted, not zero', () => {
    const { status, stdout } = run(anthropic, '--json');
    expect(status).toBe(0);
    expect((JSON.parse(stdout) as WorkloadProfile).usage).toMatchObject({
      windowSeconds: 3600,
      requests: null,
      input: 100_000,
      cacheRead: 90_000,
      cacheWrite: 9000,
      output: 600,
      rpm: null,
      tpm: { uncached: { mean: 10_000 / 60 } },
    });
  });

  it('both in one report, with what to do next, and kept in the profile', () => {
    const stored = join(folder, 'usage.yaml');
    const { status, stdout } = run(openai, anthropic, '-o', stored);
    expect(status).toBe(0);
    expect(stdout).toContain('no single calls, only usage totals');
    expect(stdout).toContain('Give the traces of the same time in one run');
    expect(stdout).toMatch(/records read\s+3\s+100%\n\s+used\s+3\s/);
    expect(run('show', stored).stdout).toBe(stdout);
  });

  it('holds traces against the export, and says when they differ', () => {
    const rows = Array.from(
      { length: 9 },
      (_, index) => `2026-09-21 14:13:${20 + index}.0000000,500,50`,
    );
    const trace = file(
      'trace.csv',
      [
        'TIMESTAMP,ContextTokens,GeneratedTokens',
        ...rows,
        '2026-09-21 14:15:10.0000000,500,50',
      ].join('\n'),
    );
    const { stdout } = run(openai, trace);
    expect(stdout).toContain('the traces hold 83.3% of its input and 83.3% of its output tokens');
    expect(stdout).toContain("! The traces and the provider's usage export differ");
  });
});

describe('--source and --source-date', () => {
  test.for([
    {
      why: 'words in any script, and a date',
      source: 'équipe 支援, https://traces.example',
      date: '2024-02-29',
      shown: ', équipe 支援, https://traces.example, 2024-02-29\n',
    },
    { why: 'nothing', source: ' ', shown: 'provider-usage\n' },
    {
      why: 'no control characters reach the terminal',
      source: 'a\u001B[31mb\nc',
      shown: ', a�[31mb�c\n',
    },
    {
      why: 'more than a line is cut in the report',
      source: 'x'.repeat(500),
      shown: `, ${'x'.repeat(119)}…\n`,
    },
  ])('$why', async ({ source, date, shown }) => {
    const stored = join(folder, 'source.yaml');
    const dated = date === undefined ? [] : ['--source-date', date];
    const { status, stdout } = run(openai, '--source', source, ...dated, '-o', stored);
    expect(status).toBe(0);
    expect(stdout).toContain(shown);
    // The profile keeps what was given, whole.
    const { page } = (await loadWorkloadProfile(stored)).source;
    expect(page).toBe(source.trim() === '' ? undefined : source);
  });

  test.for(['2026-02-30', ''])('refuses the day "%s"', (date) => {
    const { status, stderr } = run(openai, '--source-date', date);
    expect(stderr).toContain('no such day');
    expect(status).toBe(2);
  });
});

/** A pseudo-terminal of that width; util-linux script. */
describe.skipIf(missingProgram('script'))('on a terminal', () => {
  test.for([
    { columns: 60, args: 'profiles/samples/research-agent.recording.jsonl' },
    { columns: 80, args: 'show profiles/workloads/coding-agent.yaml' },
    {
      columns: 80,
      args: 'diff profiles/workloads/support-agent.yaml profiles/workloads/research-agent.yaml',
    },
  ])('of $columns columns no line is wider: $args', ({ columns, args }) => {
    const command = `stty cols ${columns}; "${process.execPath}" "${binary}" profile ${args}`;
    const { stdout } = spawnSync('script', ['-qec', command, '/dev/null'], {
      encoding: 'utf8',
      cwd: root,
      env: { ...process.env, NO_COLOR: '1', TERM: 'xterm', CI: '' },
    });
    const lines = stdout.replaceAll('\r', '').split('\n');
    expect(lines.length).toBeGreaterThan(20);
    expect(lines.filter((line) => visibleWidth(line) > columns)).toEqual([]);
  });
});
